"""Figure 4: what is left of the score with few values per number, from one dictionary (Q-1) or one per dimension (Q-2)."""

from __future__ import annotations

from collections.abc import Iterable


def specs(values: Iterable[int] = range(2, 31)) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    values : iterable of int, default=range(2, 31)
        Sizes of the dictionaries.

    Returns
    -------
    list of str
        ``"none"`` first.
    """
    values = list(values)
    return ["none", *(f"Q1:{count}" for count in values), *(f"Q2:{count}" for count in values)]
