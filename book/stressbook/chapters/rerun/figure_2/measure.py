"""Figure 2: measure the score with fewer dimensions, drawn at random (DR-1) or by principal components (DR-2).

Takes a feature set and makes a results table; `page` draws it. Figure 3 and the chapter on layers measure the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.features import FeatureSet
from stresslib.paper.published import GRID, sizes_at
from stresslib.running.grid import sweep

STEPS = range(1, GRID + 1)
"""The places of the paper's grid of dimensions, in twentieths of the full vector."""


def specs(n_features: int, steps: Iterable[int] = STEPS, n_train: int | None = None) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    n_features : int
        Width of the vectors.
    steps : iterable of int, default=STEPS
        Places on the paper's grid, in twentieths of the full vector.
    n_train : int, optional
        Number of training rows. There are no more principal components than that, so larger sizes are left out.

    Returns
    -------
    list of str
        ``"none"`` first.

    Examples
    --------
    >>> from stressbook.chapters.rerun.figure_2.measure import specs
    >>> specs(4096, [1, 2])
    ['none', 'DR1:204', 'DR1:409', 'DR2:204', 'DR2:409']
    """
    sizes = sizes_at(n_features, steps)
    components = [size for size in sizes if n_train is None or size <= n_train]
    if len(components) == 1 and len(sizes) > 1:
        components = []  # One point is not a curve, and at such a width its fit would take the longest of all.
    return ["none", *(f"DR1:{size}" for size in sizes), *(f"DR2:{size}" for size in components)]


def measure(
    features: FeatureSet,
    steps: Iterable[int] = STEPS,
    *,
    repeats: int = 10,
    **options: Any,
) -> pd.DataFrame:
    """Measure one feature set under the stresses of the figure.

    Parameters
    ----------
    features : FeatureSet
    steps : iterable of int, default=STEPS
        Places on the paper's grid, in twentieths of the full vector.
    repeats : int, default=10
        How often a random selection is drawn.
    **options : Any
        For :func:`stresslib.sweep`, such as `random_state` and `store`.

    Returns
    -------
    pandas.DataFrame
        A results table.
    """
    stresses = specs(features.X.shape[1], steps, n_train=int(features.train.sum()))
    return sweep(features, stresses, repeats=repeats, **options)
