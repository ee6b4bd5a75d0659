"""The protocol: fit the stress on the training rows, apply it to both parts, train a classifier, score the test rows.

Joins feature set, stress, classifier and metrics; a sweep calls it for each setting. :func:`evaluate` gives scores,
:func:`decide` the decision values behind them, and :func:`solution` weights for the warm starts of other settings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.metrics import SCORES
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.results import FEATURES, results_table
from stresslib.stress.on_features.reduction import PrincipalComponents
from stresslib.stress.spec import Spec, make_stress, parse_spec

Array = NDArray[Any]


@dataclass(frozen=True)
class Shared:
    """What the settings of a grid on one feature set share, so that it is computed once.

    Attributes
    ----------
    components : PrincipalComponents or None
        Fitted on the training rows, as many as the largest setting keeps; the other settings take the first of them.
    projected : ndarray of shape (n, n_components) or None
        All rows projected onto them.
    start : tuple of ndarray or None
        Warm start of the classifier: weights for the vectors before any stress, and biases. It decides how many steps the
        solver takes; the solution is the same up to the classifier's tolerance.
    """

    components: PrincipalComponents | None = None
    projected: Array | None = None
    start: tuple[Array, Array] | None = None


def evaluate(
    features: FeatureSet,
    spec: str | Spec,
    classifier: Any = None,
    *,
    random_state: int = 0,
    metrics: tuple[str, ...] | None = None,
    shared: Shared | None = None,
) -> pd.DataFrame:
    """Measure what a classifier scores on stressed features.

    Parameters
    ----------
    features : FeatureSet
    spec : str
        The stress, as in :func:`stresslib.make_stress`.
    classifier : scikit-learn classifier, optional
        With a `decision_function`; a copy is fitted. Default ``LinearSVM()``, the paper's setting.
    random_state : int, default=0
        Seed of a random stress.
    metrics : tuple of str, optional
        Default: the feature set's own metric.
    shared : Shared, optional
        What other settings of the same grid have computed already.

    Returns
    -------
    pandas.DataFrame
        One row for each metric, in the schema of :data:`stresslib.results.COLUMNS`; scores are percent.

    Notes
    -----
    Nothing is normalised again after the stress (protocol 1.5).

    Examples
    --------
    >>> import stresslib as sl
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> sl.evaluate(f, "DR1:64")[["stress", "dimensions", "metric"]].values.tolist()
    [['random-selection', 64, 'accuracy']]
    """
    parsed = parse_spec(spec)
    decision, gap = decide(features, parsed, classifier, random_state=random_state, shared=shared)
    return score_rows(features, parsed, decision, gap, metrics or (features.metric,))


def score_rows(features: FeatureSet, spec: Spec, decision: Array, gap: float, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Return the rows of a results table for the decision values of the test rows, one for each metric."""
    truth = features.y[features.test]
    setting = setting_columns(features, spec)
    return results_table(
        {**setting, "metric": metric, "score": 100 * SCORES[metric](truth, decision), "objective_gap": gap}
        for metric in metrics
    )


def setting_columns(features: FeatureSet, spec: Spec) -> dict[str, Any]:
    """Return those columns of a results table that say which features and which stress a row is about."""
    return {
        **{name: features.provenance[name] for name in FEATURES},
        "n_features": features.X.shape[1],
        "stress": spec.stress,
        "dimensions": spec.dimensions,
        "values": spec.dictionary_size,
        "removed_bits": spec.removed_bits,
    }


def decide(
    features: FeatureSet,
    spec: str | Spec,
    classifier: Any = None,
    *,
    random_state: int = 0,
    shared: Shared | None = None,
) -> tuple[Array, float]:
    """Fit stress and classifier on the training rows, and return the decision values of the stressed test rows.

    Parameters
    ----------
    features, spec, classifier, random_state, shared
        As for :func:`evaluate`.

    Returns
    -------
    decision : ndarray of shape (n_test, n_classes), or (n_test,) for two classes
        Decision values.
    gap : float
        The largest relative duality gap over the classes, also of a classifier inside a search or a pipeline; NaN for a
        classifier that does not report any.
    """
    with one_thread():
        model, test, _ = _fit(features, parse_spec(spec), classifier, random_state, shared or Shared())
        decision = model.decision_function(test)
    return decision, _largest_gap(model)


def _largest_gap(model: Any) -> float:
    """Return the largest gap of a fitted classifier, or of the one inside a search or at the end of a pipeline."""
    model = getattr(model, "best_estimator_", model)
    model = model[-1] if isinstance(model, Pipeline) else model
    return float(max(model.objective_gap_)) if hasattr(model, "objective_gap_") else float("nan")


def solution(features: FeatureSet, spec: Spec, classifier: LinearSVM, shared: Shared) -> tuple[Array, Array]:
    """Return the weights and biases that the classifier finds under a stress, as the warm start of other settings.

    Parameters
    ----------
    features : FeatureSet
    spec : Spec
        ``none``, or a reduction to principal components alone.
    classifier : LinearSVM
    shared : Shared

    Returns
    -------
    coef : ndarray of shape (n_classes, n_features)
        Weights for the vectors before the reduction.
    intercept : ndarray of shape (n_classes,)
    """
    with one_thread():
        model, _, reducer = _fit(features, spec, classifier, 0, shared)
    coef = model.coef_ if reducer is None else model.coef_ @ reducer.components_
    return coef, model.intercept_


def _fit(features: FeatureSet, spec: Spec, classifier: Any, random_state: int, shared: Shared) -> tuple[Any, Array, Any]:
    """Return the fitted classifier, the stressed test rows, and the fitted reduction if the stress has one."""
    train, test, reducer = _reduce(features, spec, random_state, shared)
    if spec.quantizer:
        quantizer = make_stress(replace(spec, reduction=None, dimensions=None))
        train, test = quantizer.fit_transform(train), quantizer.transform(test)
    start = {}
    if shared.start is not None:
        weights, bias = shared.start
        start = {"coef_init": weights if reducer is None else reducer.transform(weights), "intercept_init": bias}
    model = clone(LinearSVM() if classifier is None else classifier)
    return model.fit(train, features.y[features.train], **start), test, reducer


def _reduce(features: FeatureSet, spec: Spec, random_state: int, shared: Shared) -> tuple[Array, Array, Any]:
    """Return training and test rows after the reduction, and the fitted reduction if the stress has one."""
    X, train, test = features.X, np.flatnonzero(features.train), np.flatnonzero(features.test)
    if spec.reduction is None:
        return X[train], X[test], None
    if spec.reduction == "DR2" and shared.components is not None and shared.projected is not None:
        size = spec.dimensions or 0
        return shared.projected[train, :size], shared.projected[test, :size], shared.components.truncated(size)
    reducer = make_stress(replace(spec, quantizer=None, level=None), random_state=random_state)[0]
    if spec.reduction == "DR1":
        # A selection depends on the width alone, so one row is enough to fit it.
        kept = reducer.fit(X[:1]).get_support(indices=True)
        return _select(X, train, kept), _select(X, test, kept), reducer
    return reducer.fit_transform(X[train]), reducer.transform(X[test]), reducer


def _select(X: Array, rows: Array, columns: Array) -> Array:
    """Return ``X[rows][:, columns]``, a few rows at a time, so that no copy with all columns is made."""
    selected = np.empty((len(rows), len(columns)), dtype=X.dtype)
    for batch in gen_batches(len(rows), 64):
        np.take(X[rows[batch]], columns, axis=1, out=selected[batch], mode="clip")
    return selected
