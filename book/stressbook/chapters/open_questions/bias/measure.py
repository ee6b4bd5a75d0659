"""Bias: the quantised features of Figure 4 under a classifier with a bias, and under the paper's, which has none.

Features in, results table out; the page beside it draws what quantisation gains under either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stressbook.chapters.rerun.figure_4 import measure as figure_4_measure
from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.features import FeatureSet
from stresslib.running.variants import Variant, sweep_variants

BIAS = "bias"
VARIANTS = (Variant(), Variant(BIAS, LinearSVM(fit_intercept=True)))


def measure(features: FeatureSet, values: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate Q-1 and Q-2 with a bias and without.

    Parameters
    ----------
    features : FeatureSet
    values : iterable of int
        Sizes of the dictionaries.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table with the column `variant`, empty without a bias.
    """
    return sweep_variants(features, figure_4_measure.specs(values), VARIANTS, **options)
