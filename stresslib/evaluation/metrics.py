"""Metrics: from labels and decision values to a score.

Last step of the chain: decision values of the test rows are compared with their labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score, recall_score

from stresslib.arrays import plain_array

Array = NDArray[Any]

# The recall levels of the development kit, MATLAB's 0:0.1:1. Its colon operator counts the first half up from 0 and the
# second half down from 1, so that the fourth level is the float64 just above 0.3; it matters where recall is 3/10 itself.
RECALL_LEVELS = np.concatenate([np.arange(6) * 0.1, 1 - np.arange(4, -1, -1) * 0.1])


def average_precision(y_true: ArrayLike, y_score: ArrayLike, definition: str = "voc2007") -> float | Array:
    """Compute the average precision of a ranking, without its difficult entries.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_classes)
        1 positive, -1 negative, 0 difficult (such a row is ignored).
    y_score : array-like of the same shape
        Higher means more likely positive. Ties keep the order of the rows.
    definition : {"voc2007", "area", "voc2010"}, default="voc2007"
        ``"voc2007"``: mean of the best precision at or beyond each of the 11 recalls 0, 0.1, ..., 1;
        ``"area"``: mean of the precision at each positive (the uninterpolated area);
        ``"voc2010"``: area under the precision made monotonic (the interpolated area).

    Returns
    -------
    float or ndarray of shape (n_classes,)
        In [0, 1].

    Raises
    ------
    ValueError
        On a column without a positive or without a negative, on values other than 1, -1, 0, or scores that are not
        finite.

    Notes
    -----
    ``"voc2007"`` is the VOC 2007 development kit's ``VOCevalcls``, down to its recall levels. On Pascal VOC 2007 test,
    equal scores for all images give a mean of 9.042346 %, which the authors' published table has (protocol 1.3).

    Examples
    --------
    >>> from stresslib import average_precision
    >>> average_precision([1, -1, 1], [0.9, 0.8, 0.7], definition="area")
    0.8333333333333333
    """
    if definition not in _DEFINITIONS:
        raise ValueError(f"definition={definition!r} is unknown; allowed are {', '.join(map(repr, _DEFINITIONS))}")
    truth, score = plain_array(y_true, "y_true"), plain_array(y_score, "y_score").astype(np.float64)
    if truth.shape != score.shape or truth.ndim not in (1, 2):
        raise ValueError(
            f"y_true has shape {truth.shape} and y_score {score.shape}; both are (n_samples,) or (n_samples, n_classes)"
        )
    if not np.isfinite(score).all():
        raise ValueError("y_score holds NaN or infinity; scores are finite numbers")
    if not np.isin(truth, (1, -1, 0)).all():
        raise ValueError("y_true holds other values than 1 (positive), -1 (negative) and 0 (difficult)")
    if truth.ndim == 1:
        return _one_average_precision(truth, score, definition, "y_true")
    return np.array(
        [
            _one_average_precision(truth[:, column], score[:, column], definition, f"column {column} of y_true")
            for column in range(truth.shape[1])
        ]
    )


def _one_average_precision(truth: Array, score: Array, definition: str, name: str) -> float:
    for value, kind in ((1, "positive"), (-1, "negative")):
        if not (truth == value).any():
            raise ValueError(f"{name} has no {kind} ({value}); average precision needs both kinds")
    kept = truth != 0
    truth, score = truth[kept], score[kept]
    hits = truth[np.argsort(-score, kind="stable")] == 1
    found = np.cumsum(hits)
    precision = found / np.arange(1, len(hits) + 1)
    return float(_DEFINITIONS[definition](hits, found / found[-1], precision))


def _eleven_points(hits: Array, recall: Array, precision: Array) -> float:
    return float(np.mean([precision[recall >= level].max() for level in RECALL_LEVELS]))


def _area(hits: Array, recall: Array, precision: Array) -> float:
    return float(precision[hits].mean())


def _interpolated_area(hits: Array, recall: Array, precision: Array) -> float:
    return float(np.maximum.accumulate(precision[::-1])[::-1][hits].mean())


_DEFINITIONS: dict[str, Callable[[Array, Array, Array], float]] = {
    "voc2007": _eleven_points,
    "area": _area,
    "voc2010": _interpolated_area,
}


def _mean_average_precision(y_true: Array, decision: Array) -> float:
    return float(np.mean(average_precision(y_true, decision)))


def _accuracy(y_true: Array, decision: Array) -> float:
    return float(accuracy_score(y_true, predicted_classes(decision)))


def _mean_class_accuracy(y_true: Array, decision: Array) -> float:
    return float(recall_score(y_true, predicted_classes(decision), labels=np.unique(y_true), average="macro"))


def predicted_classes(decision: Array) -> Array:
    """Return the number of the class with the largest decision value; ties go to the first, as in the paper's data.

    ValueError on NaN, which is no larger and no smaller than another value.
    """
    if np.isnan(decision).any():
        raise ValueError(f"the decision values of row {np.argwhere(np.isnan(decision))[0][0]} hold NaN; no class is largest")
    return (decision > 0).astype(np.intp) if decision.ndim == 1 else decision.argmax(axis=1)


SCORES: dict[str, Callable[[Array, Array], float]] = {
    "mAP": _mean_average_precision,
    "accuracy": _accuracy,
    "mean-class-accuracy": _mean_class_accuracy,
}
"""Metrics by their names in feature sets and results tables: (labels, decision values) -> fraction.

Accuracies take class numbers, mAP a matrix of 1, -1 and 0.
"""
