"""Separation: how good a representation is, by the labels of each row's nearest neighbours; no classifier is trained.

Beside the metrics. `neighbours` searches; `running.separation_sweep` measures it under many stresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stresslib.arrays import plain_labels
from stresslib.evaluation.neighbours import (
    Vectors,
    check_option,
    check_vectors,
    nearest_rows,
    prepare,
    reduce_neighbours,
)

Array = NDArray[Any]

MODES = ("strict", "soft", "anti", "centre")


def separation_index(
    X: ArrayLike,
    y: ArrayLike,
    order: int = 1,
    mode: str = "strict",
    ties: str = "expected",
    *,
    X_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    per: str = "set",
    standardize: bool = False,
) -> Any:
    """Share of the rows whose nearest neighbours have their label: the score that no classifier had to be trained for.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        One vector a row, finite; further axes are flattened. Distances are Euclidean.
    y : array-like of shape (n,) or (n, classes)
        Labels; or a matrix of 1 (positive) and 0 or -1 (not), of rows that may have several. Two rows agree when they share
        a positive label.
    order : int, default=1
        Number of neighbours `r` that are looked at; a row is not its own neighbour.
    mode : {"strict", "soft", "anti", "centre"}, default="strict"
        A row's value: 1 when all `r` neighbours agree with it; the share of the `r` that do; 1 when none does; or 1 when the
        nearest of the classes' mean vectors is that of a class of its own.
    ties : {"expected", "first", "any", "all"}, default="expected"
        What counts where more than `r` rows could be the `r` nearest, because several are equally far: the expectation
        when all orders of equally distant rows are as likely; the rows that come first in `X`; the highest value that one
        of these orders gives; the lowest one.
    X_test, y_test : array-like, optional
        Rows to be judged instead of those of `X`, among which their neighbours are still searched.
    per : {"set", "class", "point"}, default="set"
        Mean over all rows; over the rows of each class, in the order of the sorted labels or of the columns; or none.
    standardize : bool, default=False
        Shift and scale each dimension to mean 0 and deviation 1 in `X` first.

    Returns
    -------
    float or ndarray of shape (classes,) or (rows,)
        From 0 to 1. In a matrix `y`, rows without a positive label can only be neighbours: NaN with ``per="point"``, and in
        no mean.

    Raises
    ------
    ValueError
        On NaN or infinity, shapes that do not agree, a single class, a class with a single row, an order that is no smaller
        than the number of rows, or an unknown option.

    Notes
    -----
    The separation index of [1]_ and its order r, soft, anti, centre and cross forms. With ``ties`` of ``"any"`` and
    ``"all"`` one rule holds for every order: the best and the worst that the vectors allow. At order 1 they read as "any of
    the nearest agrees" and "all of the nearest agree".

    Distances come in blocks from one product of matrices in float64, of rows shifted by their mean, so that memory grows
    with n and not with its square. Two squared distances from a row are equal when they differ by no more than a part in
    10⁶ for float32 vectors, in 10⁹ for others; equal rows are at distance 0 exactly. That is enough for decoded vectors of
    one dictionary, unless its steps are short beside its values; the codes, which are whole numbers, tie exactly. Where the
    product's rounding could decide, as among near copies far from the mean, differences are summed instead.

    References
    ----------
    .. [1] A. Kalhor et al., Evaluation of dataflow through layers of deep neural networks in classification and regression
       problems, arXiv:1906.05156, 2019.

    Examples
    --------
    >>> from stresslib import separation_index
    >>> X, y = [[0], [1], [5], [6], [8]], ["a", "a", "b", "b", "a"]
    >>> float(separation_index(X, y)), separation_index(X, y, per="class").round(2).tolist()
    (0.8, [0.67, 1.0])
    >>> one_bit = [[0], [0], [0], [1], [1], [1]]  # both neighbours are at distance 0, and one of them agrees
    >>> labels = ["a", "a", "b", "b", "b", "a"]
    >>> {ties: round(float(separation_index(one_bit, labels, ties=ties)), 3) for ties in ("all", "expected", "any")}
    {'all': 0.0, 'expected': 0.333, 'any': 0.667}
    """
    check_option("mode", mode, MODES)
    check_option("per", per, ("set", "class", "point"))
    rows, queries = prepare(X, X_test, y_test is not None, standardize)
    labels, classes = _labels(y, "y", len(rows.vectors))
    judged = labels if queries is None else _labels(y_test, "y_test", len(queries.vectors), classes)[0]
    if judged.ndim != labels.ndim:
        raise ValueError("of y and y_test one has labels and the other is a matrix; give both in one form")
    _check_members(labels, classes, alone=queries is None)
    [values] = _separation_values(rows, labels, queries, judged, [(order, mode)], ties)
    if per == "point":
        return values
    if per == "set":
        return np.nanmean(values)
    members = _members(judged, len(classes)).T
    return np.array([values[one].mean() if one.any() else np.nan for one in members])


def mean_separations(X: ArrayLike, y: ArrayLike, forms: Sequence[tuple[int, str]]) -> list[float]:
    """Return several forms of the index, found in one search of neighbours, with the expectation among ties.

    Parameters
    ----------
    X : array-like of shape (n, ...)
    y : array-like of shape (n,) or (n, classes)
        Both as in :func:`separation_index`.
    forms : sequence of (int, str)
        Order and mode of each form.

    Returns
    -------
    list of float
        Means over all rows, from 0 to 1.

    Examples
    --------
    >>> from stresslib.evaluation.separation import mean_separations
    >>> mean_separations([[0], [1], [5], [6], [8]], ["a", "a", "b", "b", "a"], [(1, "strict"), (2, "soft")])
    [0.8, 0.4]
    """
    rows = check_vectors(X, "X")
    labels, classes = _labels(y, "y", len(rows.vectors))
    _check_members(labels, classes, alone=True)
    return [float(np.nanmean(values)) for values in _separation_values(rows, labels, None, labels, forms, "expected")]


def _separation_values(
    rows: Vectors, labels: Array, queries: Vectors | None, judged: Array, forms: Sequence[tuple[int, str]], ties: str
) -> list[Array]:
    """Return each row's value in several forms of the index; one search of neighbours serves all orders."""
    found: dict[tuple[int, str], list[Array]] = {form: [] for form in forms}
    searches = []
    if among_rows := [form for form in found if form[1] != "centre"]:
        searches.append((rows, queries, labels, among_rows))
    if among_means := [form for form in found if form[1] == "centre"]:
        if among_means != [(1, "centre")]:
            raise ValueError(f"order={among_means[0][0]}: mode='centre' looks at the nearest mean alone; leave order=1")
        classes = labels.shape[1] if labels.ndim == 2 else labels.max() + 1
        members = _members(labels, classes).astype(np.float64)
        means = Vectors(members.T @ rows.vectors / members.sum(axis=0)[:, None], rows.tolerance)
        own = np.eye(classes, dtype=bool) if labels.ndim == 2 else np.arange(classes)
        searches.append((means, rows if queries is None else queries, own, among_means))
    for reference, asking, owned, wanted in searches:
        for near in nearest_rows(reference, asking, max(order for order, _ in wanted), ties):
            agree = _agreement(judged[near.block], near.rows, owned, near.columns)
            for order, mode in wanted:
                values = (~agree if mode == "anti" else agree).astype(np.float64)
                found[order, mode].append(reduce_neighbours(values, near, order, mode == "soft", ties))
    absent = ~judged.any(axis=1) if judged.ndim == 2 else np.zeros(len(judged), dtype=bool)
    return [np.where(absent, np.nan, np.concatenate(found[form])) for form in forms]


def _agreement(judged: Array, rows: Array, owned: Array, columns: Array) -> Array:
    """Return which pairs have the same label, or share a positive one."""
    if judged.ndim == 1:
        return judged[rows] == owned[columns]
    # A little at a time: there may be many pairs, and many classes.
    parts = [slice(start, start + 4096) for start in range(0, len(rows), 4096)]
    return np.concatenate([(judged[rows[part]] & owned[columns[part]]).any(axis=1) for part in parts])


def _members(labels: Array, classes: int) -> Array:
    """Return which rows have which class."""
    return labels if labels.ndim == 2 else labels[:, None] == np.arange(classes)


def _labels(y: Any, name: str, rows: int, known: Array | None = None) -> tuple[Array, Array]:
    """Return class numbers, or a matrix of booleans; and the classes: their names, or the numbers of the columns."""
    given = plain_labels(y, name)
    if given.ndim not in (1, 2) or len(given) != rows or 0 in given.shape:
        raise ValueError(f"{name} has one label, or one row of labels, for each of {rows} vectors; got shape {given.shape}")
    if given.ndim == 2:
        if not np.isin(given, (1, 0, -1)).all():
            raise ValueError(f"a matrix {name} holds 1 (positive), 0 and -1; it has other values")
        if known is not None and len(known) != given.shape[1]:
            raise ValueError(f"{name} has {given.shape[1]} columns, y {len(known)}; both have one a class")
        return given == 1, np.arange(given.shape[1])
    classes, numbers = np.unique(given, return_inverse=True)
    if known is not None:
        foreign = classes[~np.isin(classes, known)]
        if len(foreign):
            raise ValueError(f"{name} has the label {foreign[0]!s}, which no row of y has; such rows could never agree")
        classes, numbers = known, np.searchsorted(known, given)
    return numbers, classes


def _check_members(labels: Array, classes: Array, *, alone: bool) -> None:
    """Refuse labels of which an index says nothing; `alone` means that the rows are each other's neighbours."""
    if len(classes) < 2:
        raise ValueError("y has only one class; at least two are needed, or every neighbour agrees")
    counts = _members(labels, len(classes)).sum(axis=0)
    for name, count in zip(classes, counts, strict=True):
        if count == 0:
            raise ValueError(f"class {name!s} has no row; give it some, or leave the class out")
        if count == 1 and alone and labels.ndim == 1:
            raise ValueError(
                f"class {name!s} has a single row, which no other can agree with; give it two, or leave the class out"
            )
