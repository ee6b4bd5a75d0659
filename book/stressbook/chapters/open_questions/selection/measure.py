"""Selection: how much of the score comes from choosing the number of values by the test score, as the paper did."""

from __future__ import annotations

from collections.abc import Iterable

from stresslib.paper.published import GRID

STEPS = (2, 4)
"""Sizes of the paper's marked points, in twentieths of the full vector."""


def specs(n_features: int, values: Iterable[int] = range(2, 31)) -> list[str]:
    """Return the stresses among which to choose, ``"none"`` first."""
    values = list(values)
    return ["none", *(f"DR2:{n_features * step // GRID},Q2:{count}" for step in STEPS for count in values)]
