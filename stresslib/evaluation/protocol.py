"""The protocol: fit the stress on training rows, put both parts under it, train a classifier, score the test rows.

Joins FeatureSet, stress, classifier and metrics; a sweep calls it for each setting.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.metrics import SCORES
from stresslib.features import FeatureSet
from stresslib.reduction import PrincipalComponents
from stresslib.results import results_table
from stresslib.spec import Spec, make_stress, parse_spec

Array = NDArray[Any]


def evaluate(
    features: FeatureSet,
    spec: str | Spec,
    classifier: Any = None,
    *,
    random_state: int = 0,
    metrics: tuple[str, ...] | None = None,
    components: PrincipalComponents | None = None,
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
    components : PrincipalComponents, optional
        Fitted on the training rows before; a reduction to principal components takes the first of these.

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
    decision, gap = decide(features, parsed, classifier, random_state=random_state, components=components)
    return scored(features, parsed, decision, gap, metrics or (features.metric,))


def scored(features: FeatureSet, spec: Spec, decision: Array, gap: float, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Return the rows of a results table for the decision values of the test rows, one a metric."""
    truth = features.y[features.test]
    return results_table(
        {
            "dataset": features.provenance["dataset"],
            "model": features.provenance["model"],
            "layer": features.provenance["layer"],
            "n_features": features.X.shape[1],
            "stress": spec.stress,
            "dimensions": spec.dimensions,
            "values": spec.dictionary_size,
            "removed_bits": spec.removed_bits,
            "metric": metric,
            "score": 100 * SCORES[metric](truth, decision),
            "objective_gap": gap,
        }
        for metric in metrics
    )


def decide(
    features: FeatureSet,
    spec: str | Spec,
    classifier: Any = None,
    *,
    random_state: int = 0,
    components: PrincipalComponents | None = None,
) -> tuple[Array, float]:
    """Fit stress and classifier on the training rows, and judge the stressed test rows.

    Parameters
    ----------
    features, spec, classifier, random_state, components
        As for :func:`evaluate`.

    Returns
    -------
    decision : ndarray of shape (n_test, n_classes), or (n_test,) for two classes
        Decision values.
    gap : float
        The largest relative duality gap over the classes; NaN for a classifier that has none.
    """
    parsed = parse_spec(spec)
    stress = make_stress(parsed, random_state=random_state)
    if parsed.reduction == "DR2" and parsed.dimensions is not None and components is not None:
        stress = Pipeline([("DR2", FrozenEstimator(components.truncated(parsed.dimensions))), *stress.steps[1:]])
    with one_thread():
        stressed = stress.fit(features.X[features.train]).transform(features.X)
        model = clone(LinearSVM() if classifier is None else classifier)
        model.fit(stressed[features.train], features.y[features.train])
        decision = model.decision_function(stressed[features.test])
    return decision, float(max(model.objective_gap_)) if hasattr(model, "objective_gap_") else float("nan")


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
    products, before = np.float32(0), 0
    for size in sorted(sizes):
        with one_thread():
            added = np.take(features.X, np.sort(order[before:size]), axis=1)
            products, before = products + added @ added[features.train].T, size
            model.fit(products[features.train], labels)
            decision = model.decision_function(products[features.test])
        yield size, decision, float(max(model.objective_gap_))


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: the last digits depend on how many share a sum, and every process is to add up alike."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
