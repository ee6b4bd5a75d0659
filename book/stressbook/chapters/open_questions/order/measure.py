"""Order: reduce then quantise, as in the paper, against quantise then reduce.

Features in, results table out; the page beside it compares both orders, at equal bits too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.results import VARIANT, with_specs
from stresslib.running.grid import sweep
from stresslib.stress.on_features.quantization import UniformQuantizer

FLOATS = "quantised-first"
"""Variant: quantise, reduce; the components are stored as 32-bit numbers."""

TWICE = "quantised-first-and-last"
"""Variant: quantise, reduce, quantise; as many bits as reduce, quantise."""

STRESS = "pca+uniform"


def quantised(features: FeatureSet, values: int) -> FeatureSet:
    """Return a feature set whose vectors went through Q-2, with dictionaries fitted on the training rows.

    Parameters
    ----------
    features : FeatureSet
    values : int
        Size of the dictionaries.

    Returns
    -------
    FeatureSet
        Under the same name.
    """
    quantizer = UniformQuantizer(values).fit(features.X[features.train])
    return features.replace(X=quantizer.transform(features.X))


def measure(features: FeatureSet, steps: Iterable[int], values: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate both orders.

    Parameters
    ----------
    features : FeatureSet
    steps : iterable of int
        Dimensions, in twentieths.
    values : iterable of int
        Sizes of the dictionaries of Q-2.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table with a column `variant`: empty for the paper's order, :data:`FLOATS` or :data:`TWICE` for the other.
        Rows of either order have the stress ``pca+uniform``, with their dimensions and values.
    """
    sizes, values = sizes_at(features.X.shape[1], steps, exact=True), list(values)
    reduced = [f"DR2:{size}" for size in sizes]
    both = [f"DR2:{size},Q2:{count}" for count in values for size in sizes]
    tables = [sweep(features, ["none", *reduced, *both], **options).assign(**{VARIANT: ""})]
    for count in values:
        quantised_again = [f"DR2:{size},Q2:{count}" for size in sizes]
        table = sweep(quantised(features, count), [*reduced, *quantised_again], **options)
        table[VARIANT] = np.where(table["stress"] == "pca", FLOATS, TWICE)
        table["values"] = table["values"].fillna(count)
        table["stress"] = STRESS
        tables.append(table)
    return with_specs(pd.concat(tables, ignore_index=True).astype({VARIANT: "string", "stress": "string"}))
