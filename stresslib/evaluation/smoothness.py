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
from stresslib.evaluation.ranks import reduce_ranks

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
        A row's value is the least of its `r` neighbours', or their mean. Neighbours are compared rank by rank: the k-th
        nearest is as good as can be where its target is as near as the k-th nearest target.
    ties : {"expected", "first", "any", "all"}, default="expected"
        As for :func:`separation_index`.
    kind : {"linear", "exponential"}, default="linear"
        The k-th neighbour's value, `d` being the distance of its target, `dmin` the k-th least, `dmax` the largest and
        `dmean` the mean one of all rows: (dmax - d) / (dmax - dmin), or exp(-gamma (d - dmin) / dmean). As in the author's
        code, the distance 0 of a row from itself counts in the mean, though not in the least.
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
        From 0 to 1 with one neighbour: 1 where it has the nearest target that there is. With several, a neighbour whose
        target is nearer than its rank asks for has a value above 1. Where the k-th nearest target is the farthest, as when
        all are equal, no neighbour could be better, and the value is 1.

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
        mean, most = distances.mean(axis=1), distances.max(axis=1)
        if queries is None:  # a row is no neighbour of itself
            distances[np.arange(len(distances)), np.arange(near.block.start, near.block.stop)] = np.inf
        least = np.sort(np.partition(distances, order - 1, axis=1)[:, :order], axis=1)
        # A row for each pair of query and neighbour, a column for each rank.
        if kind == "linear":
            height, width = most[near.rows] - d, (most[:, None] - least)[near.rows]
        else:
            height, width = d[:, None] - least[near.rows], mean[near.rows, None]
        ratio = height.reshape(len(d), -1) / np.where(width == 0, 1, width)
        values = np.where(width == 0, 1.0, ratio if kind == "linear" else np.exp(-gamma * ratio))
        if order == 1:
            parts.append(reduce_neighbours(values[:, 0], near, order, mode == "soft", ties))
        else:
            parts.append(reduce_ranks(values, near, mode == "soft", ties))
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
