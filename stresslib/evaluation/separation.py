"""Separation: how good a representation is, by each row's nearest neighbours, before any classifier is trained.

Beside evaluation: takes the same feature sets under the same stresses, and returns its indices as rows of the same table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.metrics import pairwise_distances_chunked
from sklearn.preprocessing import StandardScaler

from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.results import results_table
from stresslib.stress.on_features.reduction import PrincipalComponents
from stresslib.stress.spec import Spec, make_stress, parse_spec

Array = NDArray[Any]

MODES = ("strict", "soft", "anti", "centre")
TIES = ("expected", "first", "any", "all")

INDICES = {"SI": (1, "strict"), "SI(5)": (5, "strict"), "CSI": (1, "centre")}
"""Indices of a sweep: their names in the column `metric`, order and mode."""

_MEMORY = 32
"""MiB of distances at once."""


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
    _check_option("mode", mode, MODES)
    _check_option("per", per, ("set", "class", "point"))
    rows, queries = _prepared(X, X_test, y_test is not None, standardize)
    labels, classes = _labels(y, "y", len(rows.vectors))
    judged = labels if queries is None else _labels(y_test, "y_test", len(queries.vectors), classes)[0]
    if judged.ndim != labels.ndim:
        raise ValueError("of y and y_test one has labels and the other is a matrix; give both in one form")
    _check_members(labels, classes, alone=queries is None)
    [values] = _separated(rows, labels, queries, judged, [(order, mode)], ties)
    if per == "point":
        return values
    if per == "set":
        return np.nanmean(values)
    members = _members(judged, len(classes)).T
    return np.array([values[one].mean() if one.any() else np.nan for one in members])


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
    _check_option("mode", mode, ("strict", "soft"))
    _check_option("kind", kind, ("linear", "exponential"))
    _check_option("per", per, ("set", "point"))
    if not (np.isfinite(gamma) and gamma > 0):
        raise ValueError(f"gamma={gamma}; it is a positive number")
    rows, queries = _prepared(X, X_test, t_test is not None, standardize)
    targets = _targets(t, "t", len(rows.vectors))
    judged = targets if queries is None else _targets(t_test, "t_test", len(queries.vectors))
    if judged.shape[1] != targets.shape[1]:
        raise ValueError(f"t_test has {judged.shape[1]} targets a row, t {targets.shape[1]}; both have the same")
    parts = []
    for near in _neighbours(rows, queries, order, ties):
        distances = cdist(judged[near.block], targets)
        d = distances[near.rows, near.columns]
        others = distances.shape[1]
        total, most = distances.sum(axis=1), distances.max(axis=1)
        if queries is None:  # a row is at distance 0 of itself, which is no part of a least or a mean
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
        parts.append(_over_orders(values, near, order, mode == "soft", ties))
    values = np.concatenate(parts)
    return values if per == "point" else values.mean()


def sweep_separation(
    features: FeatureSet,
    specs: str | Iterable[str],
    *,
    indices: Sequence[str] = tuple(INDICES),
    repeats: int = 1,
    random_state: int = 0,
    n_jobs: int = -1,
) -> pd.DataFrame:
    """Measure the separation of a feature set's training rows under many stresses: no test row is looked at.

    Parameters
    ----------
    features : FeatureSet
    specs : str or iterable of str
        Stresses, as in :func:`stresslib.make_stress`; each is fitted on the training rows.
    indices : sequence of str, default=("SI", "SI(5)", "CSI")
        Of :data:`INDICES`.
    repeats, random_state, n_jobs
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        In the schema of :data:`stresslib.results.COLUMNS`; the index is the metric, in percent.

    Examples
    --------
    >>> import stresslib as sl
    >>> from stresslib.evaluation.separation import sweep_separation
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> sweep_separation(f, ["none", "DR2:16,Q2:4"], indices=["CSI"], n_jobs=1)[["stress", "metric"]].values.tolist()
    [['none', 'CSI'], ['pca+uniform', 'CSI']]
    """
    for name in indices:
        _check_option("indices", name, tuple(INDICES))
    parsed = [parse_spec(spec) for spec in ([specs] if isinstance(specs, str) else specs)]
    tasks = [(spec, repeat) for spec in parsed for repeat in (range(repeats) if spec.is_random else [None])]
    train, labels = features.X[features.train], features.y[features.train]
    with one_thread():
        sizes = [spec.dimensions for spec in parsed if spec.reduction == "DR2" and spec.dimensions]
        projected = PrincipalComponents(max(sizes)).fit_transform(train) if sizes else train
    calls = (
        joblib.delayed(_indices_under)(
            *((projected[:, : spec.dimensions], replace(spec, reduction=None, dimensions=None)))
            if spec.reduction == "DR2"
            else (train, spec),
            labels,
            indices,
            random_state + (repeat or 0),
        )
        for spec, repeat in tasks
    )
    measured = joblib.Parallel(n_jobs)(calls)
    return results_table(
        {
            **{name: features.provenance[name] for name in ("dataset", "model", "layer")},
            "n_features": features.X.shape[1],
            "stress": spec.stress,
            "dimensions": spec.dimensions,
            "values": spec.dictionary_size,
            "removed_bits": spec.removed_bits,
            "repeat": repeat,
            "metric": name,
            "score": 100 * score,
        }
        for (spec, repeat), scores in zip(tasks, measured, strict=True)
        for name, score in zip(indices, scores, strict=True)
    )


def _indices_under(train: Array, spec: Spec, y: Array, indices: Sequence[str], seed: int) -> list[float]:
    with one_thread():
        rows = _rows(make_stress(spec, random_state=seed).fit_transform(train), "X")
        labels, classes = _labels(y, "y", len(rows.vectors))
        _check_members(labels, classes, alone=True)
        values = _separated(rows, labels, None, labels, [INDICES[name] for name in indices], "expected")
    return [float(np.nanmean(one)) for one in values]


def _separated(
    rows: _Rows, labels: Array, queries: _Rows | None, judged: Array, forms: Sequence[tuple[int, str]], ties: str
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
        means = _Rows(members.T @ rows.vectors / members.sum(axis=0)[:, None], rows.tolerance)
        own = np.eye(classes, dtype=bool) if labels.ndim == 2 else np.arange(classes)
        searches.append((means, rows if queries is None else queries, own, among_means))
    for reference, asking, owned, wanted in searches:
        for near in _neighbours(reference, asking, max(order for order, _ in wanted), ties):
            agree = _agreeing(judged[near.block], near.rows, owned, near.columns)
            for order, mode in wanted:
                values = (~agree if mode == "anti" else agree).astype(np.float64)
                found[order, mode].append(_over_orders(values, near, order, mode == "soft", ties))
    absent = ~judged.any(axis=1) if judged.ndim == 2 else np.zeros(len(judged), dtype=bool)
    return [np.where(absent, np.nan, np.concatenate(found[form])) for form in forms]


def _agreeing(judged: Array, rows: Array, owned: Array, columns: Array) -> Array:
    """Return which pairs have the same label, or share a positive one."""
    if judged.ndim == 1:
        return judged[rows] == owned[columns]
    # A little at a time: there may be many pairs, and many classes.
    parts = [slice(start, start + 4096) for start in range(0, len(rows), 4096)]
    return np.concatenate([(judged[rows[part]] & owned[columns[part]]).any(axis=1) for part in parts])


def _members(labels: Array, classes: int) -> Array:
    """Return which rows have which class."""
    return labels if labels.ndim == 2 else labels[:, None] == np.arange(classes)


@dataclass(frozen=True)
class _Rows:
    """Vectors in float64, and by which part two squared distances may differ and are equal still."""

    vectors: Array
    tolerance: float


@dataclass(frozen=True)
class _Near:
    """Rows that may be among the nearest of a block of rows, by block row, and there the nearest first.

    Attributes
    ----------
    block : slice
        Of the rows that ask.
    rows, columns : ndarray of shape (pairs,)
        Place in the block, and the row that is near.
    squared : ndarray of shape (pairs,)
        Distances, squared.
    tolerance : float
    """

    block: slice
    rows: Array
    columns: Array
    squared: Array
    tolerance: float

    def split(self, order: int) -> tuple[Array, Array]:
        """Return the pairs that are nearer than the neighbour of some order, and those that are as far as that one."""
        starts = np.searchsorted(self.rows, np.arange(self.block.stop - self.block.start))
        last = self.squared[starts + order - 1][self.rows]
        tied = np.abs(self.squared - last) <= self.tolerance * last
        return np.flatnonzero((self.squared < last) & ~tied), np.flatnonzero(tied)


def _neighbours(rows: _Rows, queries: _Rows | None, order: int, ties: str) -> Iterator[_Near]:
    """Search the nearest rows of each asking row, and all others that are as far as the last of them."""
    _check_option("ties", ties, TIES)
    asking, X = (rows if queries is None else queries).vectors, rows.vectors
    most = len(X) - (queries is None)
    if isinstance(order, bool) or not isinstance(order, int | np.integer) or not 1 <= order <= most:
        raise ValueError(
            f"order={order!r}: a row has {most} others among which to look; order is a whole number, 1 to {most}"
        )
    # Shifted, products of vectors far from the origin do not swallow their differences.
    middle = X.mean(axis=0)
    shifted = X - middle
    turned = shifted if queries is None else asking - middle
    norms = np.einsum("ij,ij->i", shifted, shifted)
    lengths = np.sqrt(np.einsum("ij,ij->i", turned, turned))
    marks = _marks(X)
    asking_marks = marks if queries is None else _marks(asking)
    copies = len(np.unique(marks)) < len(marks) if queries is None else bool(np.isin(asking_marks, marks).any())
    unit = (X.shape[1] + 4) * np.finfo(np.float64).eps
    with config_context(assume_finite=True):
        chunks = pairwise_distances_chunked(
            turned, shifted, working_memory=_MEMORY, metric="euclidean", squared=True, Y_norm_squared=norms
        )
        begin = 0
        for squared in chunks:
            block = slice(begin, begin + len(squared))
            begin = block.stop
            # Nothing but a copy is at distance 0, whatever was rounded.
            np.maximum(squared, np.finfo(np.float64).tiny, out=squared)
            if copies:
                squared[asking_marks[block, None] == marks] = 0
            if queries is None:
                squared[np.arange(len(squared)), np.arange(block.start, block.stop)] = np.inf
            last = squared.min(axis=1) if order == 1 else np.partition(squared, order - 1, axis=1)[:, order - 1]
            # By so much may a product of matrices be off, for rows no farther than the last neighbour.
            error = 2 * unit * (2 * lengths[block] + np.sqrt(last)) ** 2
            limit = np.where(last == 0, 0, last + np.maximum(error, rows.tolerance * last))
            place, column = np.nonzero(squared <= limit[:, None])
            distance = squared[place, column]
            counts = np.bincount(place, minlength=len(squared))
            starts = np.cumsum(counts) - counts
            least = np.minimum.reduceat(np.where(distance > 0, distance, np.inf), starts)
            for row in np.flatnonzero((error > rows.tolerance * least) & (counts > 1)):
                pairs = slice(starts[row], starts[row] + counts[row])
                distance[pairs] = _summed(asking[block][row], X, column[pairs])
            order_found = np.lexsort((column, distance, place))
            yield _Near(block, place, column[order_found], distance[order_found], rows.tolerance)


def _marks(X: Array) -> Array:
    """Return a number for each row that is the same for equal rows."""
    # Minus zero is zero.
    return np.frombuffer(
        b"".join(hashlib.blake2b((row + 0.0).tobytes(), digest_size=8).digest() for row in X), dtype=np.uint64
    )


def _summed(row: Array, X: Array, columns: Array) -> Array:
    """Return squared distances of some rows from one, from their differences."""
    parts = [X[columns[start : start + 1024]] - row for start in range(0, len(columns), 1024)]
    return np.concatenate([np.einsum("ij,ij->i", part, part) for part in parts])


def _over_orders(values: Array, near: _Near, order: int, average: bool, ties: str) -> Array:
    """Reduce neighbours' values to one a row, their mean or the least, by a rule for those that are equally far.

    Parameters
    ----------
    values : ndarray of shape (pairs,)
    near : _Near
    order : int
    average : bool
    ties : {"expected", "first", "any", "all"}

    Returns
    -------
    ndarray of shape (rows of the block,)
    """
    closer, tied = near.split(order)
    size = near.block.stop - near.block.start
    # So many places are left for the tied ones: at least one.
    places = order - np.bincount(near.rows[closer], minlength=size)
    if ties == "first":
        tied = tied[np.lexsort((near.columns[tied], near.rows[tied]))]
    else:
        tied = tied[np.lexsort((-values[tied] if ties == "any" else values[tied], near.rows[tied]))]
    rows, counts = near.rows[tied], np.bincount(near.rows[tied], minlength=size)
    rank = np.arange(len(tied)) - (np.cumsum(counts) - counts)[rows]
    least = np.full(size, np.inf)
    np.minimum.at(least, near.rows[closer], values[closer])
    total = np.bincount(near.rows[closer], values[closer], minlength=size)
    if ties != "expected":
        chosen = tied[rank < places[rows]]
        np.minimum.at(least, near.rows[chosen], values[chosen])
        return (total + np.bincount(near.rows[chosen], values[chosen], minlength=size)) / order if average else least
    if average:
        return (total + places * np.bincount(rows, values[tied], minlength=size) / counts) / order
    # Sorted, the tied one of rank k is the least of those drawn when none before it is: the difference of two chances.
    chance = _none_before(rank, counts[rows], places[rows]) - _none_before(rank + 1, counts[rows], places[rows])
    return np.bincount(rows, chance * np.minimum(least[rows], values[tied]), minlength=size)


def _none_before(rank: Array, count: Array, drawn: Array) -> Array:
    """Return the chance that a draw of some out of `count` leaves out the first `rank`."""
    chance = np.ones(len(rank))
    for number in range(int(drawn.max(initial=0))):
        left = np.maximum(count - rank - number, 0) / np.maximum(count - number, 1)
        chance *= np.where(number < drawn, left, 1)
    return chance


def _prepared(X: ArrayLike, X_test: ArrayLike | None, labelled: bool, standardize: bool) -> tuple[_Rows, _Rows | None]:
    if (X_test is not None) != labelled:
        raise ValueError("rows to be judged have vectors and labels or targets: give X_test and the other, or neither")
    rows = _rows(X, "X")
    queries = None if X_test is None else _rows(X_test, "X_test")
    if queries is not None and queries.vectors.shape[1] != rows.vectors.shape[1]:
        raise ValueError(
            f"X_test has {queries.vectors.shape[1]} numbers a row, X {rows.vectors.shape[1]}; both have the same dimensions"
        )
    if standardize:
        scaler = StandardScaler().fit(rows.vectors)
        rows = _Rows(scaler.transform(rows.vectors), rows.tolerance)
        queries = None if queries is None else _Rows(scaler.transform(queries.vectors), queries.tolerance)
    return rows, queries


def _rows(X: ArrayLike, name: str) -> _Rows:
    given = np.asarray(X)
    if given.ndim < 2 or 0 in given.shape or given.dtype.kind not in "fiub":
        raise ValueError(f"{name} has numbers, one vector a row; got {given.dtype} of shape {given.shape}")
    tolerance = 1e-6 if given.dtype in (np.float16, np.float32) else 1e-9
    vectors = np.ascontiguousarray(given.reshape(len(given), -1), dtype=np.float64)
    if not np.isfinite(vectors.sum()):  # one number to look at, where all is well
        bad = np.argwhere(~np.isfinite(vectors))
        if len(bad):
            row, column = bad[0]
            raise ValueError(f"{name} holds {vectors[row, column]} in row {row}, column {column}; values are finite numbers")
    if max(vectors.max(), -vectors.min()) > 1e150:
        raise ValueError(f"{name} has values beyond 1e150, whose squares are no number; scale it")
    return _Rows(vectors, tolerance)


def _labels(y: Any, name: str, rows: int, known: Array | None = None) -> tuple[Array, Array]:
    """Return class numbers, or a matrix of booleans; and the classes: their names, or the numbers of the columns."""
    given = np.asarray(y)
    if given.ndim not in (1, 2) or len(given) != rows or 0 in given.shape:
        raise ValueError(f"{name} has one label, or one row of labels, for each of {rows} vectors; got shape {given.shape}")
    missing = np.argwhere(pd.isna(given))
    if len(missing):
        raise ValueError(f"{name} has no label in row {missing[0][0]}; give it one, or leave the row out")
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


def _targets(t: Any, name: str, rows: int) -> Array:
    given = np.asarray(t)
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


def _check_option(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is unknown; allowed are {', '.join(allowed)}")
