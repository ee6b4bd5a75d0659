"""Selection: the marked points of the paper's Figure 5 on the test rows, and on a validation part of the training rows.

Features in, results table out; the page beside it compares the choices that either makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.running.grid import sweep

STEPS = (2, 4)
"""Sizes of the paper's marked points, in twentieths of the full vector."""


def specs(n_features: int, values: Iterable[int] = range(2, 31)) -> list[str]:
    """Return the stresses to choose from, ``"none"`` first.

    Parameters
    ----------
    n_features : int
    values : iterable of int, default=range(2, 31)
        Sizes of the dictionaries.
    """
    values = list(values)
    return ["none", *(f"DR2:{size},Q2:{count}" for size in sizes_at(n_features, STEPS, exact=True) for count in values)]


def measure(features: FeatureSet, values: Iterable[int], *, random_state: int = 0, **options: Any) -> pd.DataFrame:
    """Evaluate the stresses of :func:`specs` on a feature set, and on a validation part of its training rows.

    Parameters
    ----------
    features : FeatureSet
    values : iterable of int
        Sizes of the dictionaries to choose from.
    random_state : int, default=0
        Of the split of the training rows, as :meth:`stresslib.FeatureSet.validation` takes it.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table; the rows of the validation part have a data set whose name ends in ``-validation``.
    """
    grid = specs(features.X.shape[1], values)
    validation = features.validation(random_state=random_state)
    return pd.concat([sweep(part, grid, **options) for part in (features, validation)], ignore_index=True)
