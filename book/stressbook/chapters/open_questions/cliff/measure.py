"""Cliff: does the score collapse at 56 erased bits, and is that a loss of information or of scale?: what is measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stressbook.chapters.rerun.bit_erasure import measure as bit_erasure_measure
from stresslib.features import FeatureSet
from stresslib.running.variants import Variant, ranked, renormalised, sweep_variants, tuned

EDGE, END = 56, 62
"""Erased bits from which on a vector is one tiny number and zero, and from which on it is zero throughout."""

RENORMALISED, TUNED = "re-normalised", "C tuned"
COSTS = (1.0, 1e3, 1e6)
"""What C is chosen from: the largest makes up for vectors of 2^-15, and for none that are smaller."""


def measure(features: FeatureSet, bits: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate Q-B as the protocol has it, re-normalised, with a C of its own, and by the paper's other metric.

    Parameters
    ----------
    features : FeatureSet
    bits : iterable of int
        Numbers of erased bits. C is tuned from 56 on, where a large one is no hard problem.
    **options : Any
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        Where rows have one label, also with one ranking a class, scored by the mean average precision.

    Raises
    ------
    ValueError
        When there are not places on both sides of the edge.
    """
    bits = list(bits)
    if not any(count < EDGE for count in bits) or not any(EDGE <= count < END for count in bits):
        raise ValueError(f"bits={bits}; at least one below {EDGE} and one from {EDGE} to {END - 1} are needed")
    protocols = [Variant(), Variant(RENORMALISED, renormalised())]
    tables = [sweep_variants(features, bit_erasure_measure.specs(bits), protocols, **options)]
    if features.y.ndim == 1:
        tiny = [spec for spec in bit_erasure_measure.specs(count for count in bits if EDGE <= count < END) if spec != "none"]
        tables.append(sweep_variants(features, tiny, [Variant(TUNED, tuned(COSTS))], **options))
        tables.append(sweep_variants(ranked(features), bit_erasure_measure.specs(bits), protocols, **options))
    return pd.concat(tables, ignore_index=True)
