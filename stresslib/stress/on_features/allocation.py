"""Quantization with bits where they matter: Q-A gives most bits to the dimensions that vary most.

Beside `quantization`, for the same place in the chain; an alternative to the paper's quantizers, not one of them.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from stresslib.arrays import unwrapped
from stresslib.stress.bits import MOST_BITS
from stresslib.stress.on_features.base import Quantizer, bin_centres, bin_numbers

Array = NDArray[Any]

NORMAL_STEP = np.array([0, 1.595769, 0.995687, 0.586019, 0.335201, 0.188139, 0.104063, 0.056868, 0.030762])
"""Width of 2**b equal bins of a standard normal distribution that leaves the least squared error, for b from 0 to 8."""

NORMAL_ERROR = np.array([1, 0.36338023, 0.11884605, 0.03743966, 0.01154288, 0.00349521, 0.00104005, 0.00030433, 0.00008769])
"""That error, for b from 0 to 8."""


class AllocatedQuantizer(Quantizer):
    """Share the `n_bits` bits of a vector among its dimensions, most for those that vary most (Q-A).

    A dimension with b bits has ``2 ** b`` bins of equal width around its training mean; one without bits has the mean as
    its only value. The width is the one that leaves a normal distribution of the training variance the least squared error:
    values far from the mean are clipped, where the bins of :class:`UniformQuantizer` are stretched to the farthest. Bits are
    handed out one by one, each to the dimension whose expected error it lowers most (reverse water-filling).

    Parameters
    ----------
    n_bits : int, default=8
        Bits of a vector, from 1 to 8 times the number of features; any number does, not only powers of two.

    Attributes
    ----------
    bits_ : ndarray of shape (n_features,), uint8
        Bits of each dimension, from 0 to 8; their sum is `n_bits`.
    minimum_, maximum_ : ndarray of shape (n_features,)
        Where the bins of each dimension begin and end, of the training data's floating-point type.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    UniformQuantizer : The same number of values for each dimension.
    PrincipalComponents : Makes dimensions of unequal variance, without which there is nothing to allocate.

    Notes
    -----
    Not in the paper. Bits by variance go back to Huang and Schultheiss (1963), the widths to Max (1960). Ties go to the
    earlier dimension.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib import AllocatedQuantizer
    >>> X = np.array([[-2.0, 1.0, 0.2], [-1.0, 0.0, 0.2], [1.0, 0.0, 0.3], [2.0, 1.0, 0.3]])
    >>> quantizer = AllocatedQuantizer(n_bits=4).fit(X)
    >>> quantizer.bits_
    array([3, 1, 0], dtype=uint8)
    >>> quantizer.transform(X).round(2)
    array([[-2.32,  0.9 ,  0.25],
           [-1.39,  0.1 ,  0.25],
           [ 1.39,  0.1 ,  0.25],
           [ 2.32,  0.9 ,  0.25]])
    """

    _parameter_constraints: dict[str, list[Any]] = {"n_bits": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, n_bits: int = 8) -> None:
        self.n_bits = n_bits

    def fit(self, X: ArrayLike, y: Any = None) -> AllocatedQuantizer:
        """Allocate the bits and place the bins.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : None
            Ignored.

        Returns
        -------
        self : AllocatedQuantizer

        Raises
        ------
        ValueError
            When `n_bits` exceeds 8 times the number of features.
        """
        self._validate_params()
        rows: Array = validate_data(self, unwrapped(X, "X"), dtype=[np.float64, np.float32])
        width = rows.shape[1]
        if self.n_bits > MOST_BITS * width:
            raise ValueError(f"n_bits={self.n_bits} is more than {MOST_BITS} for each of {width} feature(s)")
        # The squares of the type's largest and smallest numbers are beyond its range; only ratios of variances matter.
        scale = np.float64(np.abs(rows).max()) or 1.0
        scaled = rows / scale
        mean, deviation = scaled.mean(axis=0), scaled.std(axis=0)
        self.bits_ = _allocate(deviation**2, self.n_bits)
        reach = self._n_bins / 2 * NORMAL_STEP[self.bits_] * deviation
        largest = np.finfo(rows.dtype).max / max(scale, 1.0)
        self.minimum_ = (np.clip(mean - reach, -largest, largest) * scale).astype(rows.dtype)
        self.maximum_ = (np.clip(mean + reach, -largest, largest) * scale).astype(rows.dtype)
        return self

    def encode(self, X: ArrayLike) -> Array:
        """Return the number of each value's bin.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features), uint8
            From 0 to ``2 ** bits_ - 1`` of the dimension.
        """
        check_is_fitted(self)
        rows: Array = validate_data(self, unwrapped(X, "X"), reset=False, dtype=[np.float64, np.float32])
        return bin_numbers(rows, self.minimum_, self.maximum_, self._n_bins)

    def decode(self, codes: ArrayLike) -> Array:
        """Return the values that codes stand for.

        Parameters
        ----------
        codes : array-like of shape (n_samples, n_features), integer
            As `encode` returns them.

        Returns
        -------
        ndarray of shape (n_samples, n_features)

        Raises
        ------
        ValueError
            On codes that are not integers below ``2 ** bits_`` of their dimension, or of another width.
        """
        check_is_fitted(self)
        numbers = self._check_codes(codes, self._n_bins - 1, "2 ** bits_ - 1 of their dimension")
        return bin_centres(numbers, self.minimum_, self.maximum_, self._n_bins)

    @property
    def _n_bins(self) -> Array:
        return 1 << self.bits_.astype(np.int64)

    @property
    def bits_per_vector(self) -> int:
        """Bits of one row of codes, `n_bits`; what all rows share is not counted."""
        check_is_fitted(self)
        return int(self.bits_.sum())


def _allocate(variances: Array, n_bits: int) -> Array:
    """Return the bits of each dimension that lower the sum of expected squared errors most, `n_bits` in all."""
    gains = np.outer(variances, NORMAL_ERROR[:-1] - NORMAL_ERROR[1:])
    # Each further bit of a dimension gains less than the one before it, so the n_bits largest gains are a valid choice.
    largest = np.argsort(-gains, axis=None, kind="stable")[:n_bits]
    return np.bincount(largest // MOST_BITS, minlength=len(variances)).astype(np.uint8)
