"""Figure 4: measure the score with few values per number, from one dictionary (Q-1) or one per dimension (Q-2).

Takes a feature set and makes a results table; `page` draws it. The chapter on layers measures the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.features import FeatureSet
from stresslib.running.grid import sweep

VALUES = range(2, 31)
"""The paper's sizes of a dictionary."""


def specs(values: Iterable[int] = VALUES) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    values : iterable of int, default=VALUES
        Sizes of the dictionaries.

    Returns
    -------
    list of str
        ``"none"`` first.

    Examples
    --------
    >>> from stressbook.chapters.rerun.figure_4.measure import specs
    >>> specs([2, 4])
    ['none', 'Q1:2', 'Q1:4', 'Q2:2', 'Q2:4']
    """
    values = list(values)
    return ["none", *(f"Q1:{count}" for count in values), *(f"Q2:{count}" for count in values)]


def measure(
    features: FeatureSet,
    values: Iterable[int] = VALUES,
    **options: Any,
) -> pd.DataFrame:
    """Measure one feature set under the stresses of the figure.

    Parameters
    ----------
    features : FeatureSet
    values : iterable of int, default=VALUES
        Sizes of the dictionaries.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table.
    """
    return sweep(features, specs(values), **options)
