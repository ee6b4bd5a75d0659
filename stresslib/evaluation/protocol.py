"""The protocol: fit the stress on training rows, put both parts under it, train a classifier, score the test rows.

Joins FeatureSet, stress, classifier and metrics; a sweep calls it for each setting.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, gen_batches

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
    """What the settings of a grid on one feature set have in common, so that it is computed once.

    Attributes
    ----------
    components : PrincipalComponents or None
        Fitted on the training rows, as many as the largest setting keeps; the others take the first of them.
    projected : ndarray of shape (n, n_components) or None
        All rows projected on them.
    start : tuple of ndarray or None
        Weights for the vectors before any stress, and biases, to begin from. They decide how long the classifier takes,
        not where it ends but for its tolerance.
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
        What other settings have found out already.

    Returns
    -------
    pandas.DataFrame
        One row a metric, in the schema of :data:`stresslib.results.COLUMNS`; scores are percent.

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
    """Fit stress and classifier on the training rows, and judge the stressed test rows.

    Parameters
    ----------
    features, spec, classifier, random_state, shared
        As for :func:`evaluate`.

    Returns
    -------
    decision : ndarray of shape (n_test, n_classes), or (n_test,) for two classes
        Decision values.
    gap : float
        The largest relative duality gap over the classes, also of a classifier inside a search or a pipeline; NaN where
        there is none.
    """
    with one_thread():
        model, test, _ = _fitted(features, parse_spec(spec), classifier, random_state, shared or Shared())
        decision = model.decision_function(test)
    return decision, _gap(model)


def _gap(model: Any) -> float:
    """Return the largest gap of a fitted classifier, or of the one inside a search or at the end of a pipeline."""
    model = getattr(model, "best_estimator_", model)
    model = model[-1] if isinstance(model, Pipeline) else model
    return float(max(model.objective_gap_)) if hasattr(model, "objective_gap_") else float("nan")


def solution(features: FeatureSet, spec: Spec, classifier: LinearSVM, shared: Shared) -> tuple[Array, Array]:
    """Return the weights and biases that the classifier finds under a stress, for a start elsewhere.

    Parameters
    ----------
    features : FeatureSet
    spec : Spec
        ``none``, or a reduction to principal components.
    classifier : LinearSVM
    shared : Shared

    Returns
    -------
    coef : ndarray of shape (n_classes, n_features)
        For the vectors before the reduction.
    intercept : ndarray of shape (n_classes,)
    """
    with one_thread():
        model, _, reducer = _fitted(features, spec, classifier, 0, shared)
    return model.coef_ if reducer is None else model.coef_ @ reducer.components_, model.intercept_


def _fitted(features: FeatureSet, spec: Spec, classifier: Any, random_state: int, shared: Shared) -> tuple[Any, Array, Any]:
    """Return the fitted classifier, the test rows under the stress, and the reduction where there is one."""
    train, test, reducer = _reduced(features, spec, random_state, shared)
    if spec.quantizer:
        quantizer = make_stress(replace(spec, reduction=None, dimensions=None))
        train, test = quantizer.fit_transform(train), quantizer.transform(test)
    start = {}
    if shared.start is not None:
        weights, bias = shared.start
        start = {"coef_init": weights if reducer is None else reducer.transform(weights), "intercept_init": bias}
    model = clone(LinearSVM() if classifier is None else classifier)
    return model.fit(train, features.y[features.train], **start), test, reducer


def _reduced(features: FeatureSet, spec: Spec, random_state: int, shared: Shared) -> tuple[Array, Array, Any]:
    """Return training and test rows after the reduction, and the fitted reduction where there is one."""
    X, size, seen, unseen = features.X, spec.dimensions or 0, np.flatnonzero(features.train), np.flatnonzero(features.test)
    alone = make_stress(replace(spec, quantizer=None, level=None), random_state=random_state)
    if spec.reduction == "DR1":
        # Only the width matters to a selection.
        kept = alone[0].fit(X[:1]).get_support(indices=True)
        return _taken(X, seen, kept), _taken(X, unseen, kept), alone[0]
    if spec.reduction == "DR2" and shared.components is not None and shared.projected is not None:
        return shared.projected[seen, :size], shared.projected[unseen, :size], shared.components.truncated(size)
    if spec.reduction == "DR2":
        return alone.fit_transform(X[seen]), alone.transform(X[unseen]), alone[0]
    return X[seen], X[unseen], None


def _taken(X: Array, rows: Array, columns: Array) -> Array:
    """Return ``X[rows][:, columns]``, a few rows at a time, so that no copy of all their columns is made."""
    taken = np.empty((len(rows), len(columns)), dtype=X.dtype)
    for here in gen_batches(len(rows), 64):
        np.take(X[rows[here]], columns, axis=1, out=taken[here], mode="clip")
    return taken


def decide_nested(
    features: FeatureSet, sizes: Iterable[int], classifier: LinearSVM, *, random_state: int = 0
) -> Iterator[tuple[int, Array, float]]:
    """Judge the test rows for the random selections of one seed, the inner products growing by the dimensions that come in.

    The same selections as :func:`decide` takes, and the same decisions up to the tolerance of the classifier; where
    there are more dimensions than training rows, in a fraction of the time.

    Parameters
    ----------
    features : FeatureSet
    sizes : iterable of int
        Dimensions to keep.
    classifier : LinearSVM
        With the squared hinge.
    random_state : int, default=0

    Yields
    ------
    size : int
        In rising order.
    decision, gap
        As of :func:`decide`.
    """
    order = check_random_state(random_state).permutation(features.X.shape[1])
    labels, model = features.y[features.train], clone(classifier).set_params(precomputed=True)
    products, before, start = np.float32(0), 0, None
    for size in sorted(sizes):
        with one_thread():
            added = np.take(features.X, np.sort(order[before:size]), axis=1)
            products, before = products + added @ added[features.train].T, size
            model.fit(products[features.train], labels, coef_init=start)
            start = model.coef_
            decision = model.decision_function(products[features.test])
        yield size, decision, float(max(model.objective_gap_))
