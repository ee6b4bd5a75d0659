"""Amplitude and phase: measure networks that were trained by several recipes, their features, and an ImageNet network.

Takes names of networks and photographs, and makes the results table that the page draws. `corrupted`, `compressed` and
`photographs` measure; nothing here draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from stressbook.chapters.images.amplitude_phase.compressed import measure_vectors
from stressbook.chapters.images.amplitude_phase.corrupted import measure_networks
from stressbook.chapters.images.amplitude_phase.names import MORE
from stressbook.chapters.images.amplitude_phase.photographs import measure_photographs
from stresslib.results import results_table


def measure(
    networks: Sequence[str],
    recipes: Sequence[str],
    seeds: int,
    *,
    corruptions: Sequence[str],
    severities: Sequence[int],
    crossed: Sequence[str],
    ladder: Sequence[str],
    vectors: Sequence[str],
    compared: Sequence[str],
    specs: Sequence[str],
    repeats: int,
    photographs: Sequence[str],
    model: str,
    **options: Any,
) -> pd.DataFrame:
    """Measure everything that the chapter shows.

    Parameters
    ----------
    networks : sequence of str
        ``DATA/ARCHITECTURE`` of trained networks; those that are not at hand are trained.
    recipes : sequence of str
    seeds : int
        Number of trainings by each recipe.
    corruptions, severities, crossed, ladder
        As ``corrupted.measure_networks`` takes them, the last one as `specs`.
    vectors : sequence of str
        ``DATA/ARCHITECTURE`` of networks whose features are put under the stresses of `specs`.
    compared : sequence of str
        Recipes of these.
    specs : sequence of str
    repeats : int
        How often a random stress is drawn.
    photographs : sequence of str
    model : str
        The network that sees the photographs.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`~stressbook.chapters.images.amplitude_phase.names.MORE`.
    """
    rows = []
    for one in networks:
        of_images: dict[str, Any] = {"kinds": corruptions, "severities": severities, "crossed": crossed, "specs": ladder}
        rows += measure_networks(one, recipes, seeds, **of_images, **options)
    for one in vectors:
        rows += measure_vectors(one, compared, seeds, specs=specs, repeats=repeats, **options)
    return results_table([*rows, *measure_photographs(photographs, model)], MORE)
