"""Neighbours rank by rank: one value for each row of its neighbours', which depend on their ranks, by a rule for ties.

Between `neighbours`, which finds them and reduces values without ranks, and `smoothness`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from stresslib.evaluation.neighbours import Neighbourhood

Array = NDArray[Any]


def reduce_ranks(values: Array, near: Neighbourhood, average: bool, ties: str) -> Array:
    """Reduce the neighbours' values to one for each query, their mean or least.

    Parameters
    ----------
    values : ndarray of shape (pairs, order)
        What each neighbour is worth at each rank. A neighbour that is worth more than another at one rank is so at all, and
        a rank asks for no more than the one before.
    near : Neighbourhood
    average : bool
    ties : {"expected", "first", "any", "all"}

    Returns
    -------
    ndarray of shape (rows of the block,)
    """
    ends = np.searchsorted(near.rows, np.arange(1, near.block.stop - near.block.start))
    found = []
    for pairs in np.split(np.arange(len(values)), ends):
        tables = list(_tied(values[pairs], near.squared[pairs], near.columns[pairs], near.tolerance))
        found.append(_mean(tables, ties) / values.shape[1] if average else _least(tables, ties))
    return np.array(found)


def _tied(values: Array, squared: Array, columns: Array, tolerance: float) -> Any:
    """Yield the values of neighbours that are equally far, at the ranks for which they stand; nearest first."""
    breaks = np.flatnonzero(np.diff(squared) > tolerance * squared[1:]) + 1
    first = 0
    for group in np.split(np.arange(len(squared)), breaks):
        last = min(first + len(group), values.shape[1])
        if first < last:
            yield values[group[np.argsort(columns[group])], first:last]
        first = last


def _mean(tables: Sequence[Array], ties: str) -> float:
    """Return the sum over the ranks."""
    total = 0.0
    for table in tables:
        if ties == "expected":
            total += table.mean(axis=0).sum()
        elif ties == "first":
            total += table.diagonal().sum()
        else:
            total += table[linear_sum_assignment(table, maximize=ties == "any")].sum()
    return total


def _least(tables: Sequence[Array], ties: str) -> float:
    """Return the least over the ranks."""
    if ties in ("first", "all"):
        return min(table.diagonal().min() if ties == "first" else table.min() for table in tables)
    levels = np.unique(np.concatenate([table.ravel() for table in tables]))
    reached = np.prod([_chance_to_reach(levels, table) for table in tables], axis=0)
    if ties == "any":
        return float(levels[reached > 0].max())
    return float(levels @ (reached - np.append(reached[1:], 0)))


def _chance_to_reach(levels: Array, table: Array) -> Array:
    """Return the probability that all ranks of a random order reach a level, for rising levels."""
    members, ranks = table.shape
    counts = np.array([members - np.searchsorted(np.sort(column), levels) for column in table.T])
    # Who is good enough for one rank is so for every rank that asks for less: the strictest chooses first.
    counts.sort(axis=0)
    taken = np.arange(ranks)[:, None]
    return np.prod(np.maximum(counts - taken, 0) / (members - taken), axis=0)
