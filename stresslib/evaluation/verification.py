"""Verification: how often genuine signatures are refused and forged ones accepted, and where the two errors are equal.

Beside the metrics, on the scores that the machines of some users gave; `writer_dependent` trains these. Conventions are
those of sigver, the code of SigNet's authors; everything is a fraction, never percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score, roc_curve

Array = NDArray[Any]

Scores = Sequence[ArrayLike]
"""Scores of each user, an array each; whoever scores at least a threshold is accepted."""


class EqualErrorRate(NamedTuple):
    """The mean of both errors where they differ least, and the threshold at which they do; a tuple of one a user."""

    rate: float
    threshold: float | tuple[float, ...]


class DetectionErrorTradeoff(NamedTuple):
    """Both errors at every threshold, from the highest down, as a DET curve draws them."""

    false_acceptance: Array
    false_rejection: Array
    thresholds: Array


def equal_error_rate(genuine: Scores, forged: Scores, per_user: bool = False, as_published: bool = False) -> EqualErrorRate:
    """Return the error at the threshold where false acceptance and false rejection differ least.

    Parameters
    ----------
    genuine, forged : sequence of array-like
        Scores of the genuine signatures of each user, and of the forgeries of the same users.
    per_user : bool, default=False
        Whether each user has a threshold of their own. The errors are then counted over all users.
    as_published : bool, default=False
        Whether to look at fewer thresholds, as the authors do: scikit-learn's ``roc_curve`` drops those on straight pieces
        of the curve, which the best one may be among. In a third of small samples the rate is then another.

    Returns
    -------
    EqualErrorRate
        `rate`, from 0 to 1, the mean of both errors; `threshold`, of equally good ones the highest. It is infinite where
        it is best to accept nothing.

    Raises
    ------
    ValueError
        When there are not as many arrays of forgeries as of genuine signatures, one is empty, or a score is NaN.

    Notes
    -----
    The threshold is chosen on the scores that are judged, as in the field: a bound on what is possible, and no promise.

    References
    ----------
    `compute_metrics` of github.com/luizgh/sigver; Hafemann, Sabourin and Oliveira, Pattern Recognition 70, 2017.

    Examples
    --------
    >>> from stresslib.evaluation.verification import equal_error_rate
    >>> equal_error_rate([[2.0, 1.0, 0.5]], [[0.6, -1.0, -2.0]])
    EqualErrorRate(rate=0.3333333333333333, threshold=0.6)
    """
    users, others = _checked(genuine, forged)
    if not per_user:
        users, others = [np.concatenate(users)], [np.concatenate(others)]
    thresholds = [_best_threshold(mine, theirs, as_published) for mine, theirs in zip(users, others, strict=True)]
    rejected = sum(int((mine < limit).sum()) for mine, limit in zip(users, thresholds, strict=True))
    accepted = sum(int((theirs >= limit).sum()) for theirs, limit in zip(others, thresholds, strict=True))
    rate = (rejected / sum(map(len, users)) + accepted / sum(map(len, others))) / 2
    return EqualErrorRate(float(rate), tuple(thresholds) if per_user else thresholds[0])


def false_rejection_rate(genuine: Scores, threshold: float = 0.0) -> float:
    """Return the share of genuine signatures, over all users, that score below a threshold.

    Parameters
    ----------
    genuine : sequence of array-like
        Scores of the genuine signatures of each user.
    threshold : float, default=0.0
        That of a support vector machine.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When an array is empty, or a score is NaN.

    Examples
    --------
    >>> from stresslib.evaluation.verification import false_rejection_rate
    >>> false_rejection_rate([[1.0, -0.5], [0.0, 2.0]])
    0.25
    """
    return float((np.concatenate(_arrays(genuine, "genuine")) < threshold).mean())


def false_acceptance_rate(forged: Scores, threshold: float = 0.0) -> float:
    """Return the share of forgeries, over all users, that score at least a threshold.

    Parameters
    ----------
    forged : sequence of array-like
        Scores of the forgeries of each user: skilled ones, or random ones, which are other people's own signatures.
    threshold : float, default=0.0
        That of a support vector machine.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When an array is empty, or a score is NaN.

    Examples
    --------
    >>> from stresslib.evaluation.verification import false_acceptance_rate
    >>> false_acceptance_rate([[1.0, -0.5], [0.0, -2.0]])
    0.5
    """
    return float((np.concatenate(_arrays(forged, "forged")) >= threshold).mean())


def mean_auc(genuine: Scores, forged: Scores) -> float:
    """Return the mean over users of the area under the ROC curve: how often a genuine signature outscores a forgery.

    Parameters
    ----------
    genuine, forged : sequence of array-like
        As for :func:`equal_error_rate`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for :func:`equal_error_rate`.

    Examples
    --------
    >>> from stresslib.evaluation.verification import mean_auc
    >>> mean_auc([[2.0, 1.0], [1.0, 0.0]], [[0.0, -1.0], [0.0, -1.0]])
    0.9375
    """
    pairs = zip(*_checked(genuine, forged), strict=True)
    return float(np.mean([roc_auc_score(*_labelled(mine, theirs)) for mine, theirs in pairs]))


def det_curve(genuine: Scores, forged: Scores) -> DetectionErrorTradeoff:
    """Return both errors at every threshold, over all users.

    Parameters
    ----------
    genuine, forged : sequence of array-like
        As for :func:`equal_error_rate`.

    Returns
    -------
    DetectionErrorTradeoff
        From accepting nothing, at an infinite threshold, to accepting everything; no threshold is dropped.

    Raises
    ------
    ValueError
        As for :func:`equal_error_rate`.

    Examples
    --------
    >>> from stresslib.evaluation.verification import det_curve
    >>> curve = det_curve([[2.0, 1.0]], [[1.5, -1.0]])
    >>> curve.false_rejection.tolist(), curve.false_acceptance.tolist()
    ([1.0, 0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5, 1.0])
    """
    users, others = _checked(genuine, forged)
    return _errors(np.concatenate(users), np.concatenate(others))


def _best_threshold(genuine: Array, forged: Array, as_published: bool) -> float:
    if as_published:
        accepted, kept, thresholds = roc_curve(*_labelled(genuine, forged), drop_intermediate=True)
        return float(thresholds[np.abs(accepted - (1 - kept)).argmin()])
    curve = _errors(genuine, forged)
    # The first of equals is the highest. Rounding makes equal what differs in the last bit.
    return float(curve.thresholds[np.abs(curve.false_acceptance - curve.false_rejection).round(12).argmin()])


def _errors(genuine: Array, forged: Array) -> DetectionErrorTradeoff:
    thresholds = np.append(np.inf, np.unique(np.concatenate([genuine, forged]))[::-1])
    below, others_below = (np.searchsorted(np.sort(one), thresholds) / len(one) for one in (genuine, forged))
    return DetectionErrorTradeoff(1 - others_below, below, thresholds)


def _labelled(genuine: Array, forged: Array) -> tuple[Array, Array]:
    return np.repeat([1, 0], [len(genuine), len(forged)]), np.concatenate([genuine, forged])


def _checked(genuine: Scores, forged: Scores) -> tuple[list[Array], list[Array]]:
    users, others = _arrays(genuine, "genuine"), _arrays(forged, "forged")
    if len(users) != len(others):
        raise ValueError(f"there are genuine scores of {len(users)} users and forged ones of {len(others)}; give each both")
    return users, others


def _arrays(scores: Scores, name: str) -> list[Array]:
    arrays = [np.asarray(one, dtype=np.float64) for one in scores]
    if not arrays:
        raise ValueError(f"{name} has no users; give a list of arrays, one a user")
    for user, array in enumerate(arrays):
        if array.ndim != 1:
            raise ValueError(f"{name} has scores of shape {array.shape} for user {user}; give a list of arrays, one a user")
        if not len(array):
            raise ValueError(f"{name} has no scores for user {user}; leave the user out of both lists")
        if np.isnan(array).any():
            raise ValueError(f"{name} has NaN among the scores of user {user}")
    return arrays
