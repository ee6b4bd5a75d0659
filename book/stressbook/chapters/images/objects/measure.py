"""Objects: show networks objects at sizes, places and angles, and what becomes of their vectors; small networks under shift.

Puts the parts together: `pasted`, `compressed` and `robustness`. The pages draw the table that it makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stressbook.chapters.images.objects.compressed import Vectors, shipped_vectors, under_stress
from stressbook.chapters.images.objects.pasted import (
    MEASURED,
    CutOuts,
    Placement,
    View,
    answers,
    by_place,
    by_rotation,
    by_size,
    find_cut_outs,
    rows_of,
)
from stressbook.chapters.images.objects.robustness import addresses, under_shift
from stresslib.results import results_table

MORE = ("area", "x", "y", "rotation", "side", "level", *MEASURED)
"""Columns of numbers beside those of the schema."""


def measure(
    *,
    networks: Sequence[str],
    areas: Sequence[float],
    common: int,
    moved: Sequence[str],
    places: Sequence[float],
    rotations: Sequence[int],
    resized: Sequence[str],
    sides: Sequence[int],
    compressed: Sequence[str],
    stresses: Sequence[str],
    counts: Sequence[int],
    widths: Sequence[int],
    seeds: Sequence[int],
    images: int,
    severity: int,
    foregrounds: str = "",
    backgrounds: str = "",
    cifar: str = "",
    **options: Any,
) -> pd.DataFrame:
    """Measure all parts of the chapter.

    Parameters
    ----------
    networks : sequence of str
        Shown objects of each of `areas`, at their own resolution and at the common one, `common` pixels.
    areas : sequence of float
    common : int
    moved : sequence of str
        Networks that are shown objects at `places`, a grid, and turned by `rotations`, at the common resolution.
    places : sequence of float
    rotations : sequence of int
    resized : sequence of str
        Networks that are shown the sizes at each of `sides`.
    sides : sequence of int
    compressed : sequence of str
        Networks whose vectors of the sizes are stressed, by each of `stresses`.
    stresses : sequence of str
    counts, widths, seeds : sequence of int
        Training images, width and seeds of the small networks.
    images, severity : int
        Test images of these, and the severity of the corruptions.
    foregrounds, backgrounds, cifar : str, default=""
        Folders; empty: the user's cache.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store` and `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns :data:`MORE`.
    """
    wanted = shown(networks, areas, common, moved, places, rotations, resized, sides)
    # Shipped vectors are of the samples.
    shipped = [] if foregrounds or backgrounds else shipped_vectors(compressed, areas)
    absent = [name for name in compressed if name not in [one.model for one in shipped]]
    wanted += [(placement, View(name)) for placement in by_size(areas) for name in absent]
    rows: list[dict[str, Any]] = []
    fresh: dict[str, list[Any]] = {name: [] for name in absent}
    if wanted:
        cut_outs = find_cut_outs(foregrounds, backgrounds)
        for placement, view, found in answers(cut_outs, distinct(wanted), vectors_of=compressed, **options):
            rows += rows_of(cut_outs, placement, view, found)
            if placement.factor == "size" and view.network in fresh and "vectors" in found:
                fresh[view.network].append(found["vectors"])
        shipped += [vectors_of(cut_outs, name, areas, found) for name, found in fresh.items()]
    for one in shipped:
        rows += under_stress(one.at(areas), stresses)
    shift = {"folder": cifar, "images": images, "severity": severity}
    rows += under_shift(addresses(counts, widths, seeds), **shift, **options)  # type: ignore[arg-type]
    return results_table(rows, MORE)


def vectors_of(cut_outs: CutOuts, network: str, areas: Sequence[float], found: Sequence[Any]) -> Vectors:
    """Put the vectors of some areas, each of shape (objects, backgrounds, d), into one set."""
    side = View(network).pixels
    return Vectors(np.stack(found), cut_outs.dataset, network, side, cut_outs.objects, cut_outs.classes, tuple(areas))


def shown(
    networks: Sequence[str],
    areas: Sequence[float],
    common: int,
    moved: Sequence[str],
    places: Sequence[float],
    rotations: Sequence[int],
    resized: Sequence[str],
    sides: Sequence[int],
) -> list[tuple[Placement, View]]:
    """Return what is shown to which network, the sizes first."""
    wanted = [(placement, View(name, side)) for placement in by_size(areas) for name in networks for side in (0, common)]
    wanted += [(placement, View(name, common)) for placement in by_place(places) for name in moved]
    wanted += [(placement, View(name, common)) for placement in by_rotation(rotations) for name in moved]
    wanted += [(placement, View(name, side)) for placement in by_size(areas) for name in resized for side in sides]
    return wanted


def distinct(wanted: Sequence[tuple[Placement, View]]) -> list[tuple[Placement, View]]:
    """Return each pair once: the common side is some network's own."""
    return list({(placement, view.network, view.pixels): (placement, view) for placement, view in wanted}.values())


class Parts(NamedTuple):
    """Which experiments a table holds."""

    places: bool
    rotations: bool
    resolutions: bool
    small_networks: bool


def parts(results: pd.DataFrame) -> Parts:
    """Return which experiments a table holds: those of images and of CIFAR-10 may have been left out."""
    stresses, shown = set(results["stress"]), results[results["stress"].eq("pasted-size")]
    return Parts(
        places="pasted-place" in stresses,
        rotations="pasted-rotation" in stresses,
        resolutions=bool(shown.groupby("model")["side"].nunique().gt(2).any()),
        small_networks=bool(results["dataset"].eq("cifar10").any()),
    )
