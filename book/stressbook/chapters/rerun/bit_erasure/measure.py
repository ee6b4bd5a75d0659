"""Erased bits: measure the score when the lowest bits of every number are set to zero (Q-B).

Takes a feature set and makes a results table; `page` draws it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.features import FeatureSet
from stresslib.running.grid import sweep

BITS = (*range(0, 50, 5), *range(50, 65))
"""The paper's numbers of erased bits: every fifth of 64 up to 50, then every one."""


def specs(bits: Iterable[int] = BITS) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    bits : iterable of int, default=BITS
        Numbers of erased bits, of 64.

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


def measure(
    features: FeatureSet,
    bits: Iterable[int] = BITS,
    **options: Any,
) -> pd.DataFrame:
    """Measure one feature set under the stresses of the figure.

    Parameters
    ----------
    features : FeatureSet
    bits : iterable of int, default=BITS
        Numbers of erased bits, of 64.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table.
    """
    return sweep(features, specs(bits), **options)
