"""Intrinsic dimension: can a curve be told from the features alone, before any classifier is trained?: what is measured."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import NearestNeighbors

from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.results import read_results
from stresslib.running.grid import sweep

Array = NDArray[Any]

PREDICTORS = {
    "variance_90": "dimensions for 90% of the variance",
    "variance_99": "dimensions for 99% of the variance",
    "participation_ratio": "participation ratio",
    "effective_rank": "effective rank (entropy of the spectrum)",
    "two_nn": "two nearest neighbours",
}
"""Estimates of the intrinsic dimension: columns of the table, and what a reader calls them."""


def variance_spectrum(X: Array) -> Array:
    """Return the variances along the principal components, the largest first.

    Parameters
    ----------
    X : ndarray of shape (n, d)

    Returns
    -------
    ndarray of shape (min(n - 1, d),)
    """
    rows = X - X.mean(axis=0, dtype=np.float64)
    products = rows.T @ rows if rows.shape[1] <= rows.shape[0] else rows @ rows.T
    variances = np.linalg.eigvalsh(products)[::-1] / (len(rows) - 1)
    return np.clip(variances[: min(len(rows) - 1, rows.shape[1])], 0, None)


def dimensions_for(variances: ArrayLike, share: float) -> int:
    """Return how many components have a share of the variance.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.intrinsic_dimension.measure import dimensions_for
    >>> dimensions_for([6.0, 3.0, 1.0], 0.9), dimensions_for([6.0, 3.0, 1.0], 0.91)
    (2, 3)
    """
    parts = np.cumsum(variances) / np.sum(variances)
    return int(np.searchsorted(parts, share - 1e-12) + 1)


def participation_ratio(variances: ArrayLike) -> float:
    """Return the square of the sum of the variances over the sum of their squares: as many as there are, were they equal.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.intrinsic_dimension.measure import participation_ratio
    >>> participation_ratio([2.0, 2.0, 0.0])
    2.0
    """
    values = np.asarray(variances, dtype=np.float64)
    return float(values.sum() ** 2 / (values**2).sum())


def effective_rank(variances: ArrayLike) -> float:
    """Return the exponential of the entropy of the variances, as shares of their sum.

    Notes
    -----
    Roy and Vetterli (2007), of the covariance.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.intrinsic_dimension.measure import effective_rank
    >>> round(effective_rank([2.0, 2.0, 0.0]), 6)
    2.0
    """
    shares = np.asarray(variances, dtype=np.float64)
    shares = shares[shares > 0] / shares.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def two_nn(X: Array, *, discarded: float = 0.1) -> float:
    """Estimate the intrinsic dimension from the distances to the two nearest neighbours.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Of rows that are equal, one counts.
    discarded : float, default=0.1
        Share of the rows, those with the largest ratio of the two distances, that the fit leaves out.

    Returns
    -------
    float

    Notes
    -----
    Facco et al. (2017): of points that lie locally evenly in d dimensions, -log(1 - F) = d log(r2 / r1), where F is the
    share of rows with no larger ratio; d is the slope of the line through the origin.
    """
    rows = np.unique(X, axis=0)
    distances = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(rows).kneighbors(rows)[0]
    # The first neighbour of a row is itself.
    ratios = np.sort(np.log(distances[:, 2] / distances[:, 1]))
    used = ratios[: round(len(ratios) * (1 - discarded))]
    heights = -np.log1p(-np.arange(1, len(used) + 1) / len(ratios))
    return float(used @ heights / (used @ used))


def estimates(X: Array) -> dict[str, float]:
    """Return every one of :data:`PREDICTORS` for some rows."""
    with one_thread():
        variances = variance_spectrum(X)
        return {
            "variance_90": float(dimensions_for(variances, 0.90)),
            "variance_99": float(dimensions_for(variances, 0.99)),
            "participation_ratio": participation_ratio(variances),
            "effective_rank": effective_rank(variances),
            "two_nn": two_nn(X),
        }


def measure(features: FeatureSet, percents: Iterable[float], **options: Any) -> pd.DataFrame:
    """Estimate the intrinsic dimension of the training rows, and sweep over few dimensions.

    Parameters
    ----------
    features : FeatureSet
    percents : iterable of float
        Dimensions to keep, in percent of the full vector, of DR-1 and DR-2. Components that there are too few training
        rows for are left out.
    **options : Any
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`PREDICTORS`, the same in every row.
    """
    rows, width = int(features.train.sum()), features.X.shape[1]
    sizes = list(dict.fromkeys(size_of(width, percent) for percent in percents))
    specs = ["none", *(f"DR1:{size}" for size in sizes), *(f"DR2:{size}" for size in sizes if size <= rows)]
    return sweep(features, specs, **options).assign(**estimates(features.X[features.train]))


def size_of(width: int, percent: float) -> int:
    return max(1, int(width * percent / 100))


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of :func:`measure`, as :func:`stresslib.read_results` does."""
    return read_results(path, list(PREDICTORS))
