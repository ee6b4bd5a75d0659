"""Cliff: erased bits as the protocol has them, re-normalised, with a C of their own, and ranked class by class.

Features in, results table out; the page beside it draws what each protocol keeps around 56 erased bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stressbook.chapters.rerun.bit_erasure import measure as bit_erasure_measure
from stresslib.features import FeatureSet
from stresslib.running.variants import Variant, ranked, renormalised, sweep_variants, tuned

EDGE, END = 56, 62
"""Erased bits from which on a vector holds zeros and one tiny number, and from which on only zeros."""

RENORMALISED, TUNED = "re-normalised", "C tuned"
COSTS = (1.0, 1e3, 1e6)
"""The choices for C: the largest makes up for vectors of 2^-15, but not for smaller ones."""


def measure(features: FeatureSet, bits: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate Q-B as the protocol has it, re-normalised, with a C of its own, and by the paper's other metric.

    Parameters
    ----------
    features : FeatureSet
    bits : iterable of int
        Numbers of erased bits. C is tuned from 56 on, where the solver copes with a large one.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table with the column `variant`. Where rows have one label, the classes are also ranked one by one, and
        scored by the mean average precision.

    Raises
    ------
    ValueError
        When `bits` has no number below 56, or none from 56 to 61.
    """
    bits = list(bits)
    before = [count for count in bits if count < EDGE]
    beyond = [count for count in bits if EDGE <= count < END]
    if not before or not beyond:
        raise ValueError(f"bits={bits}; at least one below {EDGE} and one from {EDGE} to {END - 1} are needed")
    protocols = [Variant(), Variant(RENORMALISED, renormalised())]
    grid = bit_erasure_measure.specs(bits)
    tiny = [spec for spec in bit_erasure_measure.specs(beyond) if spec != "none"]
    chosen = Variant(TUNED, tuned(COSTS, several_labels=features.y.ndim == 2))
    tables = [sweep_variants(features, grid, protocols, **options), sweep_variants(features, tiny, [chosen], **options)]
    if features.y.ndim == 1:
        tables.append(sweep_variants(ranked(features), grid, protocols, **options))
    return pd.concat(tables, ignore_index=True)
