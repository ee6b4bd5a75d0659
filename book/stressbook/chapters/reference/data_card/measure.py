"""Data card: measure the shipped feature sets under every kind of stress, and beside them their float32 originals.

From a feature set to its results table; the page takes the differences, which are what 8 bits a number cost.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from stresslib.features import FeatureSet, features_path, list_features, load_features
from stresslib.paper.published import sizes_at
from stresslib.results import FEATURES
from stresslib.running.grid import sweep

FLOAT32 = "-float32"
"""Suffix of a layer's name in a results table for the scores of the features before they were packed."""


def specs(n_features: int, n_train: int | None = None) -> list[str]:
    """Return the stresses of the comparison: some settings of each.

    Parameters
    ----------
    n_features : int
    n_train : int, optional
        Training rows: there are no more principal components than that, and larger numbers are left out.

    Returns
    -------
    list of str
        ``"none"`` first.
    """
    sizes = sizes_at(n_features, (1, 2, 5, 10))
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
    names = [dataset] if isinstance(dataset, str) else dataset
    return [Path(at_hand.get(name, name)) for name in names]


def original(features: FeatureSet) -> FeatureSet | None:
    """Return a feature set as it was before it was packed; its layer's name ends in :data:`FLOAT32`.

    Parameters
    ----------
    features : FeatureSet

    Returns
    -------
    FeatureSet or None
        None when the user's cache does not hold it.

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
        raise ValueError(f"{path} has other images or another split than {features.name}: that was not packed from it")
    return exact.replace(provenance={"layer": names["layer"] + FLOAT32})


def measure(
    features: FeatureSet,
    *,
    float32: bool = True,
    repeats: int = 3,
    store: str | os.PathLike[str] | None = None,
    n_jobs: int = -1,
    progress: bool = True,
) -> pd.DataFrame:
    """Measure a shipped feature set, and its original where the user's cache holds it.

    Parameters
    ----------
    features : FeatureSet
    float32 : bool, default=True
        Whether to measure the original too.
    repeats : int, default=3
        How often a random selection is drawn.
    store, n_jobs, progress
        As :func:`stresslib.sweep` takes them.

    Returns
    -------
    pandas.DataFrame
        A results table.

    Raises
    ------
    ValueError
        As :func:`original` raises it.
    """
    exact = original(features) if float32 else None
    measured = [features] if exact is None else [features, exact]
    stresses = specs(features.X.shape[1], n_train=int(features.train.sum()))
    return pd.concat(
        sweep(one, stresses, repeats=repeats, store=store, n_jobs=n_jobs, progress=progress) for one in measured
    )
