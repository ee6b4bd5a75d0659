"""Stresses and classifier are good scikit-learn citizens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from stresslib import BitErasure, LinearSVM, PrincipalComponents, RandomSelection, UniformQuantizer


@parametrize_with_checks(
    [
        RandomSelection(),
        RandomSelection(1),
        PrincipalComponents(),
        PrincipalComponents(1),
        UniformQuantizer(2, scope="shared"),
        UniformQuantizer(5),
        BitErasure(3),
        LinearSVM(),
        LinearSVM(fit_intercept=True),
    ]
)
def test_scikit_learn_conventions(estimator: Any, check: Callable[[Any], None]) -> None:
    """Cloning, parameters, dtypes, feature names, error messages: scikit-learn's own checks, without exception."""
    check(estimator)
