"""Classical: measure networks and classical features at the same shares, numbers of dimensions and bits of a vector.

From a feature set to its results table; `comparison` sets networks beside their rivals, and `page` draws both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.running.grid import sweep

BITS = 4
"""Bits of each principal component where vectors of equal bits are compared."""

VALUES = 2**BITS
"""Size of the dictionary that takes so many bits."""

STEPS = (1, 2, 3, 4, 5, 10, 15, 20)
DICTIONARIES = (2, 4, 8, 16)
NUMBERS = (16, 32, 64, 128, 256, 512, 1024)
VECTOR_BITS = (64, 128, 256, 512, 1024, 2048, 4096)


def specs(
    n_features: int,
    steps: Iterable[int] = STEPS,
    values: Iterable[int] = DICTIONARIES,
    numbers: Iterable[int] = NUMBERS,
    bits: Iterable[int] = VECTOR_BITS,
    n_train: int | None = None,
) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    n_features : int
    steps : iterable of int
        Places on the paper's grid, in twentieths of the full vector.
    values : iterable of int
        Sizes of the dictionaries of Q-1 and Q-2.
    numbers : iterable of int
        Numbers of dimensions, the same for every width; those that the full vector does not exceed are left out.
    bits : iterable of int
        Bits of a vector, spent on principal components of 4 bits each.
    n_train : int, optional
        Training rows: there are no more principal components than that, and larger numbers are left out.

    Returns
    -------
    list of str
        ``"none"`` first.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.classical.measure import specs
    >>> specs(200, [1], [4], [32, 512], [256])
    ['none', 'DR1:10', 'DR1:32', 'DR2:10', 'DR2:32', 'Q1:4', 'Q2:4', 'DR2:64,Q2:16']
    """
    most = n_features if n_train is None else min(n_features, n_train)
    values = list(values)
    sizes = sorted({*sizes_at(n_features, steps), *(number for number in numbers if number < n_features)})
    components = [count // BITS for count in bits]
    return [
        "none",
        *(f"DR1:{size}" for size in sizes),
        *(f"DR2:{size}" for size in sizes if size <= most),
        *(f"Q1:{count}" for count in values),
        *(f"Q2:{count}" for count in values),
        *(f"DR2:{size},Q2:{VALUES}" for size in components if size <= most),
    ]


def measure(
    features: FeatureSet,
    steps: Iterable[int] = STEPS,
    values: Iterable[int] = DICTIONARIES,
    numbers: Iterable[int] = NUMBERS,
    bits: Iterable[int] = VECTOR_BITS,
    *,
    repeats: int = 10,
    **options: Any,
) -> pd.DataFrame:
    """Measure one feature set, of a network or of classical features, under the stresses of the figure.

    Parameters
    ----------
    features : FeatureSet
    steps, values, numbers, bits : iterable of int
        As :func:`specs` takes them.
    repeats : int, default=10
        How often a random selection is drawn.
    **options : Any
        For :func:`stresslib.sweep`, such as `random_state` and `store`.

    Returns
    -------
    pandas.DataFrame
        A results table.
    """
    stresses = specs(features.X.shape[1], steps, values, numbers, bits, n_train=int(features.train.sum()))
    return sweep(features, stresses, repeats=repeats, **options)
