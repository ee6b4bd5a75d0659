"""Centring: does it matter that the paper's principal components are of rows from which no mean was taken?"""

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
    """Return the stresses, ``"none"`` first: those principal components that there are.

    Raises
    ------
    ValueError
        When there are none.

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
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        Also of the full vectors, from which the mean is taken too.
    """
    return sweep_variants(features, specs(features.X.shape[1], numbers, int(features.train.sum())), VARIANTS, **options)
