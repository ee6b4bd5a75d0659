"""Nested random selections of wide vectors: what all sizes of one seed share is computed once.

Beside the protocol, whose decisions it gives in a fraction of the time; a sweep chooses between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import check_random_state

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet

Array = NDArray[Any]


def decide_nested(
    features: FeatureSet, sizes: Iterable[int], classifier: LinearSVM, *, random_state: int = 0
) -> Iterator[tuple[int, Array, float]]:
    """Yield the decision values of the test rows for the random selections of one seed, from the smallest to the largest.

    The selections are those of :func:`stresslib.evaluation.protocol.decide`, and so are the decisions, up to the tolerance
    of the classifier. The inner products of the rows grow by the dimensions that a selection adds, and each solution is the
    warm start of the next: with more dimensions than training rows this takes a fraction of the time.

    Parameters
    ----------
    features : FeatureSet
    sizes : iterable of int
        Numbers of dimensions to keep.
    classifier : LinearSVM
        Its loss is the squared hinge.
    random_state : int, default=0

    Yields
    ------
    size : int
        In rising order.
    decision, gap
        As :func:`~stresslib.evaluation.protocol.decide` returns them.
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
