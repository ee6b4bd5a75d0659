"""Smoothness: how good a representation is for a regression, by the targets of each row's nearest neighbours.

Beside `separation`, which asks the same of labels; both search with `neighbours`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from stresslib.arrays import plain_array
from stresslib.evaluation.neighbours import check_option, nearest_rows, prepare, reduce_neighbours

Array = NDArray[Any]


def smoothness_index(
    X: ArrayLike,
    t: ArrayLike,
    order: int = 1,
    mode: str = "strict",
    ties: str = "expected",
    *,
    kind: str = "linear",
    gamma: float = 1.0,
    X_test: ArrayLike | None = None,
    t_test: ArrayLike | None = None,
    per: str = "set",
    standardize: bool = False,
) -> Any:
    """How near the targets of near rows are: the separation index of a regression.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        One vector a row, finite; further axes are flattened. Distances are Euclidean.
    t : array-like of shape (n,) or (n, targets)
        Targets; theirs are Euclidean distances too.
    order : int, default=1
        Number of neighbours `r` that are looked at; a row is not its own neighbour.
    mode : {"strict", "soft"}, default="strict"
        A row's value is the least of its `r` neighbours', or their mean.
    ties : {"expected", "first", "any", "all"}, default="expected"
        As for :func:`separation_index`.
    kind : {"linear", "exponential"}, default="linear"
        A neighbour's value, `d` being the distance of its target, `dmin`, `dmax` and `dmean` the least, largest and mean
        one of all rows: (dmax - d) / (dmax - dmin), or exp(-gamma (d - dmin) / dmean).
    gamma : float, default=1.0
        Of the exponential kind.
    X_test, t_test : array-like, optional
        Rows to be judged instead of those of `X`, among which their neighbours are still searched.
    per : {"set", "point"}, default="set"
        Mean over all rows, or none.
    standardize : bool, default=False
        Shift and scale each dimension to mean 0 and deviation 1 in `X` first.

    Returns
    -------
    float or ndarray of shape (rows,)
        From 0 to 1: 1 where each row's neighbour has the nearest target that there is. Where all targets are equally far,
        as when all are equal, no neighbour could be better, and the value is 1.

    Raises
    ------
    ValueError
        As for :func:`separation_index`, and on a `gamma` that is not positive.

    Examples
    --------
    >>> from stresslib import smoothness_index
    >>> float(smoothness_index([[0], [1], [3]], [0.0, 1.0, 5.0]))
    1.0
    >>> float(smoothness_index([[0], [1], [3]], [0.0, 5.0, 1.0])), float(smoothness_index([[0], [1], [3]], [2, 2, 2]))
    (0.0, 1.0)
    """
    check_option("mode", mode, ("strict", "soft"))
    check_option("kind", kind, ("linear", "exponential"))
    check_option("per", per, ("set", "point"))
    if not (np.isfinite(gamma) and gamma > 0):
        raise ValueError(f"gamma={gamma}; it is a positive number")
    rows, queries = prepare(X, X_test, t_test is not None, standardize)
    targets = _targets(t, "t", len(rows.vectors))
    judged = targets if queries is None else _targets(t_test, "t_test", len(queries.vectors))
    if judged.shape[1] != targets.shape[1]:
        raise ValueError(f"t_test has {judged.shape[1]} targets a row, t {targets.shape[1]}; both have the same")
    parts = []
    for near in nearest_rows(rows, queries, order, ties):
        distances = cdist(judged[near.block], targets)
        d = distances[near.rows, near.columns]
        others = distances.shape[1]
        total, most = distances.sum(axis=1), distances.max(axis=1)
        if queries is None:  # a row is at distance 0 of itself, which does not count in a least or a mean
            others -= 1
            distances[np.arange(len(distances)), np.arange(near.block.start, near.block.stop)] = np.inf
        least = distances.min(axis=1)
        if kind == "linear":
            width, height = most - least, (most[near.rows] - d)
        else:
            width, height = total / others, d - least[near.rows]
        flat = width == 0
        values = height / np.where(flat, 1, width)[near.rows]
        values = np.where(flat[near.rows], 1.0, values if kind == "linear" else np.exp(-gamma * values))
        parts.append(reduce_neighbours(values, near, order, mode == "soft", ties))
    values = np.concatenate(parts)
    return values if per == "point" else values.mean()


def _targets(t: Any, name: str, rows: int) -> Array:
    given = plain_array(t, name)
    if given.ndim not in (1, 2) or len(given) != rows or 0 in given.shape or given.dtype.kind not in "fiub":
        raise ValueError(
            f"{name} has numbers, one target or one row of them for each of {rows} vectors; got {given.dtype} of shape "
            f"{given.shape}"
        )
    targets = given.reshape(rows, -1).astype(np.float64)
    if not np.isfinite(targets).all():
        row = np.argwhere(~np.isfinite(targets))[0][0]
        raise ValueError(f"{name} holds {targets[row].tolist()} in row {row}; targets are finite numbers")
    return targets
