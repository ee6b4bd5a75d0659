"""Calibration: whether a network's probabilities are right, and how a benchmark sums up errors under corruption.

Beside the metrics, on what a network says of test images. Conventions are those of google-research/robustness_metrics and of
ImageNet-C's authors; everything is a fraction, never percent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

ALEXNET_ERRORS = {
    "gaussian_noise": 0.886,
    "shot_noise": 0.894,
    "impulse_noise": 0.923,
    "defocus_blur": 0.820,
    "glass_blur": 0.826,
    "motion_blur": 0.786,
    "zoom_blur": 0.798,
    "snow": 0.867,
    "frost": 0.827,
    "fog": 0.819,
    "brightness": 0.565,
    "contrast": 0.853,
    "elastic_transform": 0.646,
    "pixelate": 0.718,
    "jpeg_compression": 0.607,
}
"""AlexNet's mean error over the severities of each corruption of ImageNet-C, as its authors publish it."""

ALEXNET_CLEAN_ERROR = 0.4348

_ALEXNET = tuple(ALEXNET_ERRORS.values())

_LEAST = 1e-7
"""Probabilities below are taken for this, as Keras does."""


def expected_calibration_error(p: ArrayLike, y: ArrayLike, n_bins: int = 15) -> float:
    """Return by how much confidence and accuracy differ, on average over bins of equal width.

    Parameters
    ----------
    p : array-like of shape (n, classes)
        Probabilities; each row sums to 1.
    y : array-like of shape (n,), integer
        Labels.
    n_bins : int, default=15
        A confidence on the border of two bins is in the upper one.

    Returns
    -------
    float
        From 0 to 1; each bin counts by the share of rows in it.

    Raises
    ------
    ValueError
        When rows are not probabilities, labels are out of range, or there is no bin.

    References
    ----------
    Guo et al., "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> from stresslib.evaluation.calibration import expected_calibration_error
    >>> round(expected_calibration_error([[0.9, 0.1], [0.8, 0.2]], [0, 1]), 6)
    0.45
    """
    p, y = _checked(p, y)
    if n_bins < 1:
        raise ValueError(f"n_bins={n_bins}: it is at least 1")
    confidence = p.max(axis=1)
    right = p.argmax(axis=1) == y
    # In float32, as in the authors' code: it decides where a confidence is on a border.
    bins = np.minimum((n_bins * confidence.astype(np.float32)).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(p))


def brier_score(p: ArrayLike, y: ArrayLike) -> float:
    """Return the mean squared distance of probabilities from the truth, summed over classes.

    Parameters
    ----------
    p : array-like of shape (n, classes)
        Probabilities; each row sums to 1.
    y : array-like of shape (n,), integer

    Returns
    -------
    float
        From 0 to 2.

    Raises
    ------
    ValueError
        As for :func:`expected_calibration_error`.

    Examples
    --------
    >>> from stresslib.evaluation.calibration import brier_score
    >>> brier_score([[0.5, 0.5], [0.0, 1.0]], [0, 0])
    1.25
    """
    p, y = _checked(p, y)
    return float(np.square(p - np.eye(p.shape[1])[y]).sum(axis=1).mean())


def negative_log_likelihood(p: ArrayLike, y: ArrayLike) -> float:
    """Return the mean of minus the logarithm of the probability that the right class got.

    Parameters
    ----------
    p : array-like of shape (n, classes)
        Probabilities; each row sums to 1. They are limited to 1e-7 and 1 - 1e-7 first, and divided by their sum again.
    y : array-like of shape (n,), integer

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        As for :func:`expected_calibration_error`. Rows that do not sum to 1 are not divided by their sum in silence.

    Examples
    --------
    >>> from stresslib.evaluation.calibration import negative_log_likelihood
    >>> round(negative_log_likelihood([[0.5, 0.5], [0.25, 0.75]], [0, 0]), 4)
    1.0397
    """
    p, y = _checked(p, y)
    limited = np.clip(p, _LEAST, 1 - _LEAST)
    limited /= limited.sum(axis=1, keepdims=True)
    return float(-np.log(limited[np.arange(len(y)), y]).mean())


def mean_corruption_error(errors: ArrayLike, reference: ArrayLike = _ALEXNET) -> float:
    """Return the mean over corruptions of a network's error over that of a reference.

    Parameters
    ----------
    errors : array-like of shape (corruptions, severities)
        In [0, 1]; rows in the order of `ALEXNET_ERRORS`.
    reference : array-like of shape (corruptions,) or (corruptions, severities)
        Default: AlexNet's, for the 15 corruptions of ImageNet-C. For fewer, give theirs, and say so beside the number.

    Returns
    -------
    float
        A fraction; tables show it in percent.

    Raises
    ------
    ValueError
        When the shapes differ, or numbers are out of range.

    References
    ----------
    Hendrycks and Dietterich, ICLR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.evaluation.calibration import ALEXNET_ERRORS, mean_corruption_error
    >>> float(mean_corruption_error(np.outer(list(ALEXNET_ERRORS.values()), [0.5] * 5)))
    0.5
    """
    mean, divisor = _means(errors, reference)
    return float((mean / divisor).mean())


def relative_mean_corruption_error(
    errors: ArrayLike,
    clean_error: float,
    reference: ArrayLike = _ALEXNET,
    reference_clean_error: float = ALEXNET_CLEAN_ERROR,
) -> float:
    """Return the mean over corruptions of what is lost against clean images, over what a reference loses.

    Parameters
    ----------
    errors, reference
        As for :func:`mean_corruption_error`.
    clean_error, reference_clean_error : float
        On images without corruption, in [0, 1]. Default: AlexNet's, 0.4348.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for :func:`mean_corruption_error`.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.evaluation.calibration import relative_mean_corruption_error
    >>> relative_mean_corruption_error(np.full((15, 5), 0.3), clean_error=0.3)
    0.0
    """
    mean, divisor = _means(errors, reference)
    return float(((mean - clean_error) / (divisor - reference_clean_error)).mean())


def _means(errors: ArrayLike, reference: ArrayLike) -> tuple[Array, Array]:
    """Return the errors of each corruption, the network's and the reference's."""
    e, r = np.asarray(errors, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if e.ndim != 2 or r.ndim not in (1, 2) or len(e) != len(r) or e.size == 0:
        raise ValueError(
            f"the errors have shape {e.shape} and the reference's {r.shape}; one row a corruption is needed in both"
        )
    for name, values in (("errors", e), ("reference's errors", r)):
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"the {name} are not in [0, 1]; give fractions, not percent")
    return e.mean(axis=1), r if r.ndim == 1 else r.mean(axis=1)


def _checked(p: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    p, y = np.asarray(p), np.asarray(y)
    if p.ndim != 2 or y.shape != p.shape[:1] or p.size == 0:
        raise ValueError(f"p of shape {p.shape} and y of shape {y.shape}; (n, classes) and (n,) are needed")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= p.shape[1]:
        raise ValueError(f"y is not of integers from 0 to {p.shape[1] - 1}")
    p = p.astype(np.float64)
    odd = np.flatnonzero(~((p >= 0).all(axis=1) & (np.abs(p.sum(axis=1) - 1) < 1e-3)))
    if len(odd):
        raise ValueError(f"row {odd[0]} of p does not hold probabilities: it sums to {p[odd[0]].sum():.6g}; apply a softmax")
    return p, y
