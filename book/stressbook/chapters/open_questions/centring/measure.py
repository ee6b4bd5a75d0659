"""Centring: principal components of rows with and without their mean, under a classifier with and without a bias.

Features in, results table out; the page beside it draws how far each protocol scores from the paper's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.features import FeatureSet
from stresslib.running.variants import Variant, centred, sweep_variants

CENTRED, BIAS, BOTH = "centred", "bias", "centred, bias"
VARIANTS = (
    Variant(),
    Variant(CENTRED, centred()),
    Variant(BIAS, LinearSVM(fit_intercept=True)),
    Variant(BOTH, centred(LinearSVM(fit_intercept=True))),
)


def specs(n_features: int, numbers: Iterable[int], n_train: int) -> list[str]:
    """Return the stresses, ``"none"`` first; numbers of components that the features do not have are left out.

    Parameters
    ----------
    n_features : int
    numbers : iterable of int
        Numbers of principal components.
    n_train : int
        Training rows; there are no more components than these.

    Raises
    ------
    ValueError
        When all numbers exceed what the features have.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.centring.measure import specs
    >>> specs(1280, [16, 64, 1024], n_train=500)
    ['none', 'DR2:16', 'DR2:64']
    """
    numbers, most = list(numbers), min(n_features, n_train)
    if not any(number <= most for number in numbers):
        raise ValueError(f"numbers={numbers}; the features have at most {most} principal components")
    return ["none", *(f"DR2:{number}" for number in numbers if number <= most)]


def measure(features: FeatureSet, numbers: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate principal components centred and not, with a bias and without.

    Parameters
    ----------
    features : FeatureSet
    numbers : iterable of int
        Numbers of principal components.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table with the column `variant`. The full vectors are centred too.
    """
    return sweep_variants(features, specs(features.X.shape[1], numbers, int(features.train.sum())), VARIANTS, **options)
