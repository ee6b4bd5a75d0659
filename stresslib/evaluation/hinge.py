"""The plain hinge loss: LIBLINEAR solves it, class by class, and a certificate says how well.

Under the classifier, beside `squared_hinge`. LIBLINEAR returns weights alone; the certificate finds multipliers for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from sklearn.svm import LinearSVC

Array = NDArray[Any]

_ON_MARGIN = 1e-3
"""Distance from its margin up to which a row counts as on it."""


def solve(X: Array, signs: Array, cost: Array, tol: float) -> tuple[Array, Array, Array]:
    """Solve one problem for each column of `signs`.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    signs : ndarray of shape (n_samples, n_problems)
        1, -1, or 0 where a sample is not part of a problem.
    cost : ndarray of shape (n_samples, 1) or (n_samples, n_problems)
        Weight of each loss; 0 where the sign is 0.
    tol : float
        LIBLINEAR's own tolerance.

    Returns
    -------
    weights : ndarray of shape (n_problems, n_features)
    objective, gap : ndarray of shape (n_problems,)
        ``|w|^2 / 2 + sum(cost * max(0, 1 - y w.x))``, and an upper bound on the share of it that could still be gained.
    """
    rows, weights = X.astype(np.float64), []
    cost = np.broadcast_to(cost, signs.shape)
    for sign, costs in zip(signs.T, cost.T, strict=True):
        solver = LinearSVC(loss="hinge", dual=True, fit_intercept=False, tol=tol, random_state=0, max_iter=10_000)
        weights.append(solver.fit(rows[costs > 0], sign[costs > 0], costs[costs > 0]).coef_[0])
    coefficients = np.array(weights)
    return coefficients, *_certificate(rows, signs, cost, coefficients)


def _certificate(X: Array, signs: Array, cost: Array, weights: Array) -> tuple[Array, Array]:
    """Return objective and relative gap of some weights.

    The multiplier of a row inside its margin is its cost; rows on their margin share what is left of the weights.
    """
    margins = signs * (X @ weights.T)
    multipliers = cost * (margins < 1 - _ON_MARGIN)
    for column in range(signs.shape[1]):
        on = (np.abs(margins[:, column] - 1) <= _ON_MARGIN) & (cost[:, column] > 0)
        if on.any():
            left = weights[column] - (multipliers[:, column] * signs[:, column]) @ X
            support = (signs[on, column, None] * X[on]).T
            multipliers[on, column] = lsq_linear(support, left, bounds=(0, cost[on, column])).x
    primal = (weights**2).sum(axis=1) / 2 + (cost * np.maximum(0, 1 - margins)).sum(axis=0)
    linear, quadratic = multipliers.sum(axis=0), (((multipliers * signs).T @ X) ** 2).sum(axis=1)
    share = np.minimum(np.divide(linear, quadratic, out=np.ones_like(linear), where=quadratic > 0), 1)
    dual = share * linear - share**2 * quadratic / 2
    return primal, np.clip(np.divide(primal - dual, primal, out=np.zeros_like(primal), where=primal > 0), 0, 1)
