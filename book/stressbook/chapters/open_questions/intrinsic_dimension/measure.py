"""Intrinsic dimension: a small sweep over few dimensions, with estimates of how many the training rows fill.

Features in, results table out; the page beside it asks whether the estimates foretell the curves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stressbook.chapters.open_questions.intrinsic_dimension.estimators import estimates
from stresslib.features import FeatureSet
from stresslib.running.grid import sweep


def size_of(width: int, percent: float) -> int:
    """Return a percentage of the dimensions as a number: rounded down, and at least one."""
    return max(1, int(width * percent / 100))


def measure(features: FeatureSet, percents: Iterable[float], **options: Any) -> pd.DataFrame:
    """Estimate the intrinsic dimension of the training rows, and sweep over few dimensions.

    Parameters
    ----------
    features : FeatureSet
    percents : iterable of float
        Dimensions to keep, in percent of the full vector, of DR-1 and DR-2. There are no more components than training
        rows; larger sizes of DR-2 are left out.
    **options : Any
        For :func:`stresslib.sweep`, such as `repeats` and `store`.

    Returns
    -------
    pandas.DataFrame
        A results table with a column for each of the estimates, the same in every row.
    """
    rows, width = int(features.train.sum()), features.X.shape[1]
    sizes = list(dict.fromkeys(size_of(width, percent) for percent in percents))
    specs = ["none", *(f"DR1:{size}" for size in sizes), *(f"DR2:{size}" for size in sizes if size <= rows)]
    return sweep(features, specs, **options).assign(**estimates(features.X[features.train]))
