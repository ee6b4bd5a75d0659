"""Neighbours: the nearest rows of each row, block by block, with all that are equally far.

Under the separation and the smoothness index, which give each neighbour a value and reduce these to one a row here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.metrics import pairwise_distances_chunked
from sklearn.preprocessing import StandardScaler

from stresslib.arrays import plain_array

Array = NDArray[Any]

TIES = ("expected", "first", "any", "all")
"""Rules for neighbours that are equally far."""

_MEMORY = 32
"""MiB of distances at once."""


@dataclass(frozen=True)
class Vectors:
    """Vectors in float64, and the relative difference up to which two squared distances count as equal."""

    vectors: Array
    tolerance: float


@dataclass(frozen=True)
class Neighbourhood:
    """The nearest rows of a block of queries, and all that are as far as the last of them; nearest first for each query.

    Attributes
    ----------
    block : slice
        Which of the queries.
    rows, columns : ndarray of shape (pairs,)
        Place of the query in the block, and number of the near row.
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
        """Return the pairs that are nearer than the neighbour of an order, and those that are as far as that one."""
        starts = np.searchsorted(self.rows, np.arange(self.block.stop - self.block.start))
        last = self.squared[starts + order - 1][self.rows]
        tied = np.abs(self.squared - last) <= self.tolerance * last
        return np.flatnonzero((self.squared < last) & ~tied), np.flatnonzero(tied)


def nearest_rows(rows: Vectors, queries: Vectors | None, order: int, ties: str) -> Iterator[Neighbourhood]:
    """Yield the nearest rows of each query, or of each row, and all others that are as far as the last of them."""
    check_option("ties", ties, TIES)
    asking, X = (rows if queries is None else queries).vectors, rows.vectors
    most = len(X) - (queries is None)
    if isinstance(order, bool) or not isinstance(order, int | np.integer) or not 1 <= order <= most:
        raise ValueError(
            f"order={order!r}: a row has {most} others among which to look; order is a whole number, 1 to {most}"
        )
    # Shifted to their mean, vectors far from the origin do not lose their differences to rounding.
    middle = X.mean(axis=0)
    shifted = X - middle
    turned = shifted if queries is None else asking - middle
    norms = np.einsum("ij,ij->i", shifted, shifted)
    lengths = np.sqrt(np.einsum("ij,ij->i", turned, turned))
    marks = _row_hashes(X)
    asking_marks = marks if queries is None else _row_hashes(asking)
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
            # Only copies are at distance 0, whatever rounding says.
            np.maximum(squared, np.finfo(np.float64).tiny, out=squared)
            if copies:
                squared[asking_marks[block, None] == marks] = 0
            if queries is None:
                squared[np.arange(len(squared)), np.arange(block.start, block.stop)] = np.inf
            last = squared.min(axis=1) if order == 1 else np.partition(squared, order - 1, axis=1)[:, order - 1]
            # Bound on the rounding error of the product of matrices, for rows no farther than the last neighbour.
            error = 2 * unit * (2 * lengths[block] + np.sqrt(last)) ** 2
            limit = np.where(last == 0, 0, last + np.maximum(error, rows.tolerance * last))
            place, column = np.nonzero(squared <= limit[:, None])
            distance = squared[place, column]
            counts = np.bincount(place, minlength=len(squared))
            starts = np.cumsum(counts) - counts
            least = np.minimum.reduceat(np.where(distance > 0, distance, np.inf), starts)
            for row in np.flatnonzero((error > rows.tolerance * least) & (counts > 1)):
                pairs = slice(starts[row], starts[row] + counts[row])
                distance[pairs] = _exact_distances(asking[block][row], X, column[pairs])
            order_found = np.lexsort((column, distance, place))
            yield Neighbourhood(block, place, column[order_found], distance[order_found], rows.tolerance)


def _row_hashes(X: Array) -> Array:
    """Return a number for each row that is the same for equal rows."""
    # Minus zero is zero.
    return np.frombuffer(
        b"".join(hashlib.blake2b((row + 0.0).tobytes(), digest_size=8).digest() for row in X), dtype=np.uint64
    )


def _exact_distances(row: Array, X: Array, columns: Array) -> Array:
    """Return squared distances of some rows from one, from their differences."""
    parts = [X[columns[start : start + 1024]] - row for start in range(0, len(columns), 1024)]
    return np.concatenate([np.einsum("ij,ij->i", part, part) for part in parts])


def reduce_neighbours(values: Array, near: Neighbourhood, order: int, average: bool, ties: str) -> Array:
    """Reduce the neighbours' values to one for each query, their mean or least, by a rule for those equally far.

    Parameters
    ----------
    values : ndarray of shape (pairs,)
    near : Neighbourhood
    order : int
    average : bool
    ties : {"expected", "first", "any", "all"}

    Returns
    -------
    ndarray of shape (rows of the block,)
    """
    closer, tied = near.split(order)
    size = near.block.stop - near.block.start
    # Places left for the tied ones: at least one.
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
    # The tied one of rank k is the least drawn if it is drawn and none before it is: the difference of two probabilities.
    chance = _none_before(rank, counts[rows], places[rows]) - _none_before(rank + 1, counts[rows], places[rows])
    return np.bincount(rows, chance * np.minimum(least[rows], values[tied]), minlength=size)


def _none_before(rank: Array, count: Array, drawn: Array) -> Array:
    """Return the probability that a draw of `drawn` out of `count` contains none of the first `rank`."""
    chance = np.ones(len(rank))
    for number in range(int(drawn.max(initial=0))):
        left = np.maximum(count - rank - number, 0) / np.maximum(count - number, 1)
        chance *= np.where(number < drawn, left, 1)
    return chance


def prepare(X: ArrayLike, X_test: ArrayLike | None, labelled: bool, standardize: bool) -> tuple[Vectors, Vectors | None]:
    if (X_test is not None) != labelled:
        raise ValueError("rows to be judged have vectors and labels or targets: give X_test and the other, or neither")
    rows = check_vectors(X, "X")
    queries = None if X_test is None else check_vectors(X_test, "X_test")
    if queries is not None and queries.vectors.shape[1] != rows.vectors.shape[1]:
        raise ValueError(
            f"X_test has {queries.vectors.shape[1]} numbers a row, X {rows.vectors.shape[1]}; both have the same dimensions"
        )
    if standardize:
        scaler = StandardScaler().set_output(transform="default").fit(rows.vectors)
        rows = Vectors(scaler.transform(rows.vectors), rows.tolerance)
        queries = None if queries is None else Vectors(scaler.transform(queries.vectors), queries.tolerance)
    return rows, queries


def check_vectors(X: ArrayLike, name: str) -> Vectors:
    given = plain_array(X, name)
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
        raise ValueError(f"{name} has values beyond 1e150, whose squares are not finite; scale it")
    return Vectors(vectors, tolerance)


def check_option(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is unknown; allowed are {', '.join(allowed)}")
