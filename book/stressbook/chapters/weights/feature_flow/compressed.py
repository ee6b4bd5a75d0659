"""Compressed: the features of networks under the paper's stresses, from what is shipped or from the networks themselves.

A part of `measure`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stressbook.chapters.weights.feature_flow.trainings import make_networks
from stresslib.features import FeatureSet, features_path, load_features
from stresslib.results import table_rows
from stresslib.running.grid import sweep
from stresslib.training.artefacts import Address
from stresslib.training.vectors import trained_vectors, vectors_name, vectors_path

COUNT = 2000
"""Training images, and test images."""


def measure_vectors(names: Iterable[str], specs: Sequence[str], repeats: int, **options: Any) -> list[dict[str, Any]]:
    """Measure the features of networks under stresses: a linear SVM learns from training images, and is scored on others.

    Parameters
    ----------
    names : iterable of str
        ``DATA/ARCHITECTURE/TRAINING/SEED``.
    specs : sequence of str
    repeats : int
        How often a random stress is drawn.
    **options : Any
        For :func:`stresslib.sweep`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    list of dict
        Rows of a results table; `variant` is the training, `seed` its seed.
    """
    rows = []
    for name in names:
        address = Address.parse(name)
        at = {"model": address.architecture, "variant": address.recipe, "seed": address.seed}
        rows += [{**row, **at} for row in table_rows(sweep(vectors(name), specs, repeats=repeats, **options))]
    return rows


def vectors(name: str) -> FeatureSet:
    """Return the features of a network, of unit norm, from a byte a number: shipped, else kept in the user's cache."""
    path = vectors_path(name)
    if path.suffix != ".xz":
        path = features_path(*vectors_name(name))
        path = path.with_name(f"{path.name}.xz")
        if not path.is_file():
            make_networks([name])
            path.parent.mkdir(parents=True, exist_ok=True)
            trained_vectors(name, COUNT).save_compact(path)
    return load_features(path)
