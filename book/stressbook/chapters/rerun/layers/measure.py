"""Layers: every stress but bit erasure on seven layers of one network, from early to late, beside the paper's seven."""

from __future__ import annotations

from collections.abc import Iterable

from stressbook.chapters.rerun.figure_2 import measure as figure_2_measure
from stressbook.chapters.rerun.figure_4 import measure as figure_4_measure
from stresslib.paper.published import GRID


def specs(
    n_features: int,
    steps: Iterable[int] = range(1, GRID + 1),
    values: Iterable[int] = range(2, 31),
    n_train: int | None = None,
) -> list[str]:
    """Return the stresses of the figure: those of Figures 2 and 4.

    Parameters
    ----------
    n_features : int
    steps : iterable of int, default=range(1, 21)
        Places on the paper's grid, in twentieths of the full vector.
    values : iterable of int, default=range(2, 31)
        Sizes of the dictionaries.
    n_train : int, optional
        Training rows: principal components beyond that many do not exist, and are left out.

    Returns
    -------
    list of str
        ``"none"`` first.
    """
    return list(dict.fromkeys([*figure_2_measure.specs(n_features, steps, n_train), *figure_4_measure.specs(values)]))
