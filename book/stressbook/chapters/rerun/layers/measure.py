"""Layers: measure every stress of Figures 2 and 4 on the layers of one network.

Takes a feature set, one layer, and makes a results table; `page` draws the layers of one network beside the paper's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stressbook.chapters.rerun.figure_2 import measure as figure_2
from stressbook.chapters.rerun.figure_2.measure import STEPS
from stressbook.chapters.rerun.figure_4 import measure as figure_4
from stressbook.chapters.rerun.figure_4.measure import VALUES
from stresslib.features import FeatureSet
from stresslib.running.grid import sweep


def specs(
    n_features: int, steps: Iterable[int] = STEPS, values: Iterable[int] = VALUES, n_train: int | None = None
) -> list[str]:
    """Return the stresses of the figure: those of Figures 2 and 4.

    Parameters
    ----------
    n_features : int
        Width of the vectors.
    steps : iterable of int, default=STEPS
        Places on the paper's grid, in twentieths of the full vector.
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
    >>> from stressbook.chapters.rerun.layers.measure import specs
    >>> specs(4096, [2], [4])
    ['none', 'DR1:409', 'DR2:409', 'Q1:4', 'Q2:4']
    """
    return list(dict.fromkeys([*figure_2.specs(n_features, steps, n_train), *figure_4.specs(values)]))


def measure(
    features: FeatureSet,
    steps: Iterable[int] = STEPS,
    values: Iterable[int] = VALUES,
    *,
    repeats: int = 10,
    **options: Any,
) -> pd.DataFrame:
    """Measure one layer under the stresses of the figure.

    Parameters
    ----------
    features : FeatureSet
    steps : iterable of int, default=STEPS
        Places on the paper's grid, in twentieths of the full vector.
    values : iterable of int, default=VALUES
        Sizes of the dictionaries.
    repeats : int, default=10
        How often a random selection is drawn.
    **options : Any
        For :func:`stresslib.sweep`, such as `random_state` and `store`.

    Returns
    -------
    pandas.DataFrame
        A results table.
    """
    stresses = specs(features.X.shape[1], steps, values, n_train=int(features.train.sum()))
    return sweep(features, stresses, repeats=repeats, **options)
