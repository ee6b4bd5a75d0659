"""Data card: what each shipped feature set is, and what its 8 bits cost beside float32, stress by stress."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from stresslib.features import FeatureSet, features_path, list_features, load_features
from stresslib.paper.published import FEATURES, grid_dimensions

FLOAT32 = "-float32"
"""What a table adds to a layer's name for the scores of the features before they were packed."""


def specs(n_features: int, n_train: int | None = None) -> list[str]:
    """Return the stresses of the comparison: some settings of each, one after the other.

    Parameters
    ----------
    n_features : int
    n_train : int, optional
        Training rows: principal components beyond that many do not exist, and are left out.

    Returns
    -------
    list of str
        ``"none"`` first.
    """
    sizes = [grid_dimensions(n_features)[step - 1] for step in (1, 2, 5, 10)]
    return [
        "none",
        *(f"DR1:{size}" for size in sizes),
        *(f"DR2:{size}" for size in sizes if n_train is None or size <= n_train),
        *(f"Q1:{count}" for count in (2, 4, 8, 16, 30)),
        *(f"Q2:{count}" for count in (2, 4, 8, 16, 30)),
        *(f"QB:{bits}" for bits in (45, 50, 52, 53, 54, 55)),
        *(f"DR2:{sizes[1]},Q2:{count}" for count in (2, 4, 8, 27)),
    ]


def paths(dataset: str | Iterable[str]) -> list[Path]:
    """Return the files of feature sets, each given as ``DATASET/MODEL/LAYER`` or as a path."""
    at_hand = dict(list_features())
    return [Path(at_hand.get(name, name)) for name in ([dataset] if isinstance(dataset, str) else dataset)]


def original(features: FeatureSet) -> FeatureSet | None:
    """Return a feature set as it was before it was packed, under a layer name of its own.

    Parameters
    ----------
    features : FeatureSet

    Returns
    -------
    FeatureSet or None
        None where the user's cache does not hold it.

    Raises
    ------
    ValueError
        When the one in the cache has other images or another split.
    """
    names = {name: str(features.provenance[name]) for name in FEATURES}
    path = features_path(**names)
    if not path.is_file():
        return None
    exact = load_features(path)
    if exact.files != features.files or not np.array_equal(exact.train, features.train):
        raise ValueError(f"{path} has other images or another split than {features.name}: nothing was packed from it")
    provenance = {**exact.provenance, "layer": names["layer"] + FLOAT32}
    return FeatureSet(exact.X, exact.y, exact.train, exact.metric, exact.classes, exact.files, provenance)
