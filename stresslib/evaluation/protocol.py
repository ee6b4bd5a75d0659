"""The protocol: fit the stress on the training rows, apply it to both parts, train a classifier, score the test rows.

Joins feature set, stress, classifier and metrics; a sweep calls it for each setting. :func:`evaluate` gives scores,
:func:`decide` the decision values behind them. Every setting is solved from zero, so that it has one score, whatever asks.
"""

from __future__ import annotations

from dataclasses import replace
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
from stresslib.results import result_rows, results_table
from stresslib.stress.spec import Spec, make_stress, parse_spec

Array = NDArray[Any]


def evaluate(
    features: FeatureSet,
    spec: str | Spec,
    classifier: Any = None,
    *,
    random_state: int = 0,
    metrics: tuple[str, ...] | None = None,
    projected: Array | None = None,
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
    projected : ndarray of shape (n, n_components), optional
        All rows projected on the leading principal components of the training rows, at least as many as the stress keeps,
        as the settings of a grid share them; the same numbers as without it.

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
    decision, gap = decide(features, parsed, classifier, random_state=random_state, projected=projected)
    truth = features.y[features.test]
    scores = {metric: SCORES[metric](truth, decision) for metric in metrics or (features.metric,)}
    return results_table(result_rows(features.origin, parsed, scores, objective_gap=gap))


def decide(
    features: FeatureSet,
    spec: str | Spec,
    classifier: Any = None,
    *,
    random_state: int = 0,
    projected: Array | None = None,
) -> tuple[Array, float]:
    """Fit stress and classifier on the training rows, and return the decision values of the stressed test rows.

    Parameters
    ----------
    features, spec, classifier, random_state, projected
        As for :func:`evaluate`.

    Returns
    -------
    decision : ndarray of shape (n_test, n_classes), or (n_test,) for two classes
        Decision values.
    gap : float
        The largest relative duality gap over the classes, also of a classifier inside a search or a pipeline; NaN for a
        classifier that does not report any.
    """
    parsed = parse_spec(spec)
    model = clone(LinearSVM() if classifier is None else classifier)
    with one_thread():
        train, test = _reduce(features, parsed, random_state, projected)
        if parsed.quantizer:
            quantizer = make_stress(replace(parsed, reduction=None, dimensions=None))
            train, test = quantizer.fit_transform(train), quantizer.transform(test)
        decision = model.fit(train, features.y[features.train]).decision_function(test)
    return decision, _largest_gap(model)


def _largest_gap(model: Any) -> float:
    """Return the largest gap of a fitted classifier, or of the one inside a search or at the end of a pipeline."""
    model = getattr(model, "best_estimator_", model)
    model = model[-1] if isinstance(model, Pipeline) else model
    return float(max(model.objective_gap_)) if hasattr(model, "objective_gap_") else float("nan")


def _reduce(features: FeatureSet, spec: Spec, random_state: int, projected: Array | None) -> tuple[Array, Array]:
    """Return training and test rows after the reduction, if the stress has one."""
    X, train, test = features.X, np.flatnonzero(features.train), np.flatnonzero(features.test)
    if spec.reduction is None:
        return X[train], X[test]
    if spec.reduction == "DR2" and projected is not None:
        leading = projected[:, : spec.dimensions]
        return np.ascontiguousarray(leading[train]), np.ascontiguousarray(leading[test])
    reducer = make_stress(replace(spec, quantizer=None, level=None), random_state=random_state)[0]
    if spec.reduction == "DR1":
        # A selection depends on the width alone, so one row is enough to fit it.
        kept = reducer.fit(X[:1]).get_support(indices=True)
        return _select(X, train, kept), _select(X, test, kept)
    return reducer.fit_transform(X[train]), reducer.transform(X[test])


def _select(X: Array, rows: Array, columns: Array) -> Array:
    """Return ``X[rows][:, columns]``, a few rows at a time, so that no copy with all columns is made."""
    selected = np.empty((len(rows), len(columns)), dtype=X.dtype)
    for batch in gen_batches(len(rows), 64):
        np.take(X[rows[batch]], columns, axis=1, out=selected[batch], mode="clip")
    return selected
