"""The protocol: fit the stress on training rows, put both parts under it, train a classifier, score the test rows.

Joins FeatureSet, stress, classifier and metrics; a sweep calls it for each setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.metrics import SCORES
from stresslib.features import FeatureSet
from stresslib.reduction import PrincipalComponents
from stresslib.results import results_table
from stresslib.spec import Spec, make_stress, parse_spec


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
    stress = make_stress(parsed, random_state=random_state)
    if parsed.reduction == "DR2" and parsed.dimensions is not None and components is not None:
        stress = Pipeline([("DR2", FrozenEstimator(components.truncated(parsed.dimensions))), *stress.steps[1:]])
    with one_thread():
        train = stress.fit(features.X[features.train]).transform(features.X[features.train])
        model = clone(LinearSVM() if classifier is None else classifier).fit(train, features.y[features.train])
        decision = model.decision_function(stress.transform(features.X[features.test]))
    truth = features.y[features.test]
    gap = float(max(model.objective_gap_)) if hasattr(model, "objective_gap_") else float("nan")
    return results_table(
        {
            "dataset": features.provenance["dataset"],
            "model": features.provenance["model"],
            "layer": features.provenance["layer"],
            "n_features": features.X.shape[1],
            "stress": parsed.stress,
            "dimensions": parsed.dimensions,
            "values": parsed.dictionary_size,
            "removed_bits": parsed.removed_bits,
            "metric": metric,
            "score": 100 * SCORES[metric](truth, decision),
            "objective_gap": gap,
        }
        for metric in metrics or (features.metric,)
    )


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
