"""Compressed: the features of networks that were trained by several recipes, under the paper's stresses.

A part of `measure`: what is shipped is loaded, what is not is computed by the networks themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stressbook.chapters.images.amplitude_phase.corrupted import BENCHES, make_networks
from stresslib.features import FeatureSet, load_features
from stresslib.results import table_rows
from stresslib.running.grid import sweep
from stresslib.training.artefacts import Address
from stresslib.training.vectors import trained_vectors, vectors_path


def measure_vectors(
    networks: str, recipes: Iterable[str], seeds: int, *, specs: Sequence[str], repeats: int, **options: Any
) -> list[dict[str, Any]]:
    """Measure the features of networks under stresses: fitted on training images, scored on test images, none corrupted.

    Parameters
    ----------
    networks : str
        ``DATA/ARCHITECTURE``.
    recipes : iterable of str
    seeds : int
        Number of trainings by each recipe.
    specs : sequence of str
        Stresses; ``none`` is among them.
    repeats : int
        How often a random stress is drawn.
    **options : Any
        For :func:`stresslib.sweep`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    list of dict
        Rows of a results table; `variant` is the recipe, `seed` that of the training.
    """
    rows = []
    for name in (f"{networks}/{recipe}/{seed}" for seed in range(seeds) for recipe in recipes):
        address = Address.parse(name)
        at = {"model": address.architecture, "variant": address.recipe, "seed": address.seed}
        table = sweep(vectors(name), specs, repeats=repeats, **options)
        rows += [{**row, **at} for row in table_rows(table)]
    return rows


def vectors(name: str) -> FeatureSet:
    """Return the features of a trained network, of unit norm: shipped, else in the user's cache, else computed and kept.

    Parameters
    ----------
    name : str
        ``DATA/ARCHITECTURE/RECIPE/SEED``; where the features are not at hand, the network is trained unless that is.

    Returns
    -------
    FeatureSet
    """
    path = vectors_path(name)
    if not path.is_file():
        make_networks([name])
        path.parent.mkdir(parents=True, exist_ok=True)
        trained_vectors(name, BENCHES[Address.parse(name).data.partition(":")[0]].vectors).save(path)
    return load_features(path)
