"""Figure 5: measure the score for few bits, with principal components and then a dictionary for each (FC).

Takes a feature set and makes a results table; `page` draws it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stressbook.chapters.rerun.figure_4.measure import VALUES
from stresslib.features import FeatureSet
from stresslib.running.grid import sweep

TENTHS = range(1, 10)
"""The paper's sizes of a vector, in tenths of the full one."""


def specs(
    n_features: int, tenths: Iterable[int] = TENTHS, values: Iterable[int] = VALUES, n_train: int | None = None
) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    n_features : int
        Width of the vectors.
    tenths : iterable of int, default=TENTHS
        Sizes in tenths of the full vector, rounded down as the paper's are.
    values : iterable of int, default=VALUES
        Sizes of the dictionaries.
    n_train : int, optional
        Number of training rows. There are no more principal components than that, so larger sizes are left out.

    Returns
    -------
    list of str
        ``"none"`` first.

    Examples
    --------
    >>> from stressbook.chapters.rerun.figure_5.measure import specs
    >>> specs(4096, [1, 5], [8, 27])
    ['none', 'DR2:409,Q2:8', 'DR2:409,Q2:27', 'DR2:2048,Q2:8', 'DR2:2048,Q2:27']
    """
    sizes = [n_features * tenth // 10 for tenth in tenths]
    values = list(values)
    return ["none", *(f"DR2:{size},Q2:{count}" for size in sizes if n_train is None or size <= n_train for count in values)]


def measure(
    features: FeatureSet,
    tenths: Iterable[int] = TENTHS,
    values: Iterable[int] = VALUES,
    **options: Any,
) -> pd.DataFrame:
    """Measure one feature set under the stresses of the figure.

    Parameters
    ----------
    features : FeatureSet
    tenths : iterable of int, default=TENTHS
        Sizes in tenths of the full vector.
    values : iterable of int, default=VALUES
        Sizes of the dictionaries.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table.
    """
    stresses = specs(features.X.shape[1], tenths, values, n_train=int(features.train.sum()))
    return sweep(features, stresses, **options)
