"""Erased bits: what is left of the score when the lowest bits of every number are set to zero (Q-B): what is measured."""

from __future__ import annotations

from collections.abc import Iterable

BITS = (*range(0, 50, 5), *range(50, 65))
"""The paper's grid: every fifth bit of a 64-bit number up to 50, then every one."""


def specs(bits: Iterable[int] = BITS) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    bits : iterable of int
        Numbers of erased bits. Default: the paper's grid.

    Returns
    -------
    list of str
        ``"none"`` first.

    Examples
    --------
    >>> from stressbook.chapters.rerun.bit_erasure.measure import specs
    >>> specs([0, 52])
    ['none', 'QB:0', 'QB:52']
    """
    return ["none", *(f"QB:{count}" for count in bits)]
