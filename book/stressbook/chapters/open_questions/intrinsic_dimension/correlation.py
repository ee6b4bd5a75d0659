"""Intrinsic dimension: the rank correlation of an estimate with what it is to predict, and how sure it is.

Called by the page, over its feature sets.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Array = NDArray[Any]

FEW = 4
"""Feature sets below which no correlation is stated."""


def correlation(x: Array, y: Array, *, resamples: int = 2000, random_state: int = 0) -> tuple[float, float, float, float]:
    """Return Spearman's rank correlation, its 95% bootstrap interval, and the p value of a permutation test.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
    resamples : int, default=2000
        Resamples of the bootstrap, and shuffles of the permutation test.
    random_state : int, default=0

    Returns
    -------
    rho, low, high, p : float
        p is the share of shuffles whose correlation is at least as far from 0. All NaN with fewer than 4 pairs, or where
        all values of one side are equal.
    """
    if len(x) < FEW or not np.ptp(x) or not np.ptp(y):
        return math.nan, math.nan, math.nan, math.nan
    generator = np.random.default_rng(random_state)
    rho = float(_spearman(x, y))
    rows = generator.integers(len(x), size=(resamples, len(x)))
    # A resample whose values are all equal has no correlation.
    low, high = np.nanpercentile(_spearman(x[rows], y[rows]), [2.5, 97.5])
    shuffled = _spearman(x, generator.permuted(np.tile(y, (resamples, 1)), axis=1))
    p = (1 + (np.abs(shuffled) >= abs(rho) - 1e-12).sum()) / (resamples + 1)
    return rho, float(low), float(high), float(p)


def _spearman(x: Array, y: Array) -> Array:
    """Return the rank correlation along the last axis; NaN where all values of one side are equal."""
    one, other = (rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2 for values in (x, y))
    with np.errstate(invalid="ignore"):
        correlations: Array = (one * other).sum(axis=-1) / np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    return correlations
