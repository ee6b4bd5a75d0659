"""Combination: is the paper's FC one dictionary (Q-1) after principal components, or one for each (Q-2)?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stressbook.chapters.rerun.figure_5 import measure as figure_5_measure
from stresslib.features import FeatureSet
from stresslib.running.grid import sweep


def specs(n_features: int, tenths: Iterable[int], values: Iterable[int], n_train: int) -> list[str]:
    """Return both candidates' settings, ``"none"`` first; sizes as in Figure 5.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.combination.measure import specs
    >>> specs(1280, [1, 5], [8], n_train=500)
    ['none', 'DR2:128,Q2:8', 'DR2:128,Q1:8']
    """
    first, *second = figure_5_measure.specs(n_features, tenths, values, n_train)
    return [first, *second, *(spec.replace("Q2", "Q1") for spec in second)]


def measure(features: FeatureSet, tenths: Iterable[int], values: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate both candidates.

    Parameters
    ----------
    features : FeatureSet
    tenths : iterable of int
        Sizes, in tenths of the full vector.
    values : iterable of int
        Sizes of the dictionaries.
    **options : Any
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
    """
    return sweep(features, specs(features.X.shape[1], tenths, values, int(features.train.sum())), **options)
