"""Combination: principal components followed by one shared dictionary (Q-1), or by one for each component (Q-2).

Features in, results table out; the page beside it compares both surfaces with the published one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stressbook.chapters.rerun.figure_5 import measure as figure_5_measure
from stresslib.features import FeatureSet
from stresslib.running.grid import sweep


def specs(n_features: int, tenths: Iterable[int], values: Iterable[int], n_train: int) -> list[str]:
    """Return the settings of both candidates, ``"none"`` first; sizes as in Figure 5.

    Parameters
    ----------
    n_features : int
    tenths : iterable of int
        Sizes, in tenths of the full vector.
    values : iterable of int
        Sizes of the dictionaries.
    n_train : int
        Training rows; larger sizes are left out.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.combination.measure import specs
    >>> specs(1280, [1, 5], [8], n_train=500)
    ['none', 'DR2:128,Q2:8', 'DR2:128,Q1:8']
    """
    none, *per_component = figure_5_measure.specs(n_features, tenths, values, n_train)
    return [none, *per_component, *(spec.replace("Q2", "Q1") for spec in per_component)]


def measure(features: FeatureSet, tenths: Iterable[int], values: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate both candidates for the paper's FC.

    Parameters
    ----------
    features : FeatureSet
    tenths : iterable of int
        Sizes, in tenths of the full vector.
    values : iterable of int
        Sizes of the dictionaries.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
    """
    return sweep(features, specs(features.X.shape[1], tenths, values, int(features.train.sum())), **options)
