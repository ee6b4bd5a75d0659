"""The reductions as the codec runs them: fitted on blocks of training rows, applied to a block at a time.

First half of `codec.codec`, before `coders`. What a block becomes equals, in every bit, what the transformer makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from stresslib.codec.side import Array, Part, Side
from stresslib.stress.on_features.reduction import PrincipalComponents, RandomSelection, project


class Reducer:
    """No reduction: all numbers of a row stay. Base of those that keep fewer.

    Parameters
    ----------
    n_features, dimensions : int
        Numbers of a row before and after.
    """

    multiplies = False
    """Whether rows go through a product of matrices, whose last digits depend on how many threads share a sum."""

    def __init__(self, n_features: int, dimensions: int) -> None:
        self.n_features = n_features
        self.dimensions = dimensions

    @property
    def parts(self) -> list[Part]:
        """Arrays that all rows share, in the order of the file."""
        return []

    def fit(self, blocks: Iterable[Array], random_state: int) -> tuple[Side, Iterator[Array]]:
        """Return what all rows share, and the training rows reduced."""
        return {}, iter(blocks)

    def apply(self, rows: Array, side: Side) -> Array:
        """Return a block of rows reduced."""
        return rows

    def check(self, side: Side) -> None:
        """Raise ValueError where the arrays of a file cannot be such a reduction."""


class Selection(Reducer):
    """DR1: the dimensions marked in ``kept``."""

    @property
    def parts(self) -> list[Part]:
        return [Part("kept", "?", (self.n_features,))]

    def fit(self, blocks: Iterable[Array], random_state: int) -> tuple[Side, Iterator[Array]]:
        # Only the width of the rows matters to a selection.
        selection = RandomSelection(self.dimensions, random_state=random_state).fit(np.zeros((1, self.n_features)))
        side = {"kept": selection.support_}
        return side, (self.apply(block, side) for block in blocks)

    def apply(self, rows: Array, side: Side) -> Array:
        return np.compress(side["kept"], rows, axis=1)

    def check(self, side: Side) -> None:
        if side["kept"].sum() != self.dimensions:
            raise ValueError(f"kept marks {side['kept'].sum()} dimensions, not {self.dimensions}")


class Projection(Reducer):
    """DR2: products with the columns of ``projection``, the principal components; they are fitted in memory."""

    multiplies = True

    @property
    def parts(self) -> list[Part]:
        return [Part("projection", "<f4", (self.n_features, self.dimensions))]

    def fit(self, blocks: Iterable[Array], random_state: int) -> tuple[Side, Iterator[Array]]:
        rows = np.concatenate(list(blocks))
        projection = np.ascontiguousarray(PrincipalComponents(self.dimensions).fit(rows).components_.T)
        return {"projection": projection}, iter([project(rows, projection.T)])

    def apply(self, rows: Array, side: Side) -> Array:
        # What is not finite is reported by the coder, with its row.
        with np.errstate(over="ignore", invalid="ignore"):
            return project(rows, side["projection"].T)


REDUCERS: dict[str | None, type[Reducer]] = {None: Reducer, "DR1": Selection, "DR2": Projection}
"""By the token of the stress."""
