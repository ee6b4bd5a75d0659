"""Intrinsic dimension: estimates of how many dimensions some rows fill, from their variances and nearest neighbours.

Called by the measure; needs no labels and no classifier.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import NearestNeighbors

from stresslib.evaluation.threads import one_thread

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
    """Return the least number of components that hold a share of the variance.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.intrinsic_dimension.estimators import dimensions_for
    >>> dimensions_for([6.0, 3.0, 1.0], 0.9), dimensions_for([6.0, 3.0, 1.0], 0.91)
    (2, 3)
    """
    parts = np.cumsum(variances) / np.sum(variances)
    return int(np.searchsorted(parts, share - 1e-12) + 1)


def participation_ratio(variances: ArrayLike) -> float:
    """Return the square of the sum of the variances over the sum of their squares: their number, were they equal.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.intrinsic_dimension.estimators import participation_ratio
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
    >>> from stressbook.chapters.open_questions.intrinsic_dimension.estimators import effective_rank
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
        Duplicate rows count once.
    discarded : float, default=0.1
        Share of the rows that the fit leaves out: those with the largest ratio of the two distances.

    Returns
    -------
    float

    Notes
    -----
    Facco et al. (2017): where points are locally uniform in d dimensions, -log(1 - F) = d log(r2 / r1), with F the share of
    rows whose ratio is not larger; d is the slope of the line through the origin.
    """
    rows = np.unique(X, axis=0)
    distances = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(rows).kneighbors(rows)[0]
    # The first neighbour of a row is itself.
    ratios = np.sort(np.log(distances[:, 2] / distances[:, 1]))
    used = ratios[: round(len(ratios) * (1 - discarded))]
    heights = -np.log1p(-np.arange(1, len(used) + 1) / len(ratios))
    return float(used @ heights / (used @ used))


def estimates(X: Array) -> dict[str, float]:
    """Return all estimates of :data:`PREDICTORS` for the rows of X."""
    with one_thread():
        variances = variance_spectrum(X)
        return {
            "variance_90": float(dimensions_for(variances, 0.90)),
            "variance_99": float(dimensions_for(variances, 0.99)),
            "participation_ratio": participation_ratio(variances),
            "effective_rank": effective_rank(variances),
            "two_nn": two_nn(X),
        }
