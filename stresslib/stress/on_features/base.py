"""What the quantizers have in common: codes that are checked, and bins of equal width.

Below `quantization` and `allocation`, which decide where bins lie and how many there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_array, gen_batches
from sklearn.utils.validation import check_is_fitted

from stresslib.arrays import unwrapped

Array = NDArray[Any]

_BATCH_ROWS = 64
"""Rows that are worked on at once, so that they stay in the processor's cache."""


class Quantizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator, ABC):
    """A quantizer is a code and its inverse: `transform` is `decode` after `encode`."""

    n_features_in_: int

    @abstractmethod
    def encode(self, X: ArrayLike) -> Array:
        """Return the integer code of each value."""

    @abstractmethod
    def decode(self, codes: ArrayLike) -> Array:
        """Return the value that each code stands for."""

    @property
    @abstractmethod
    def bits_per_vector(self) -> int:
        """Bits of one row of codes; what all rows share is not counted."""

    def transform(self, X: ArrayLike) -> Array:
        """Replace each value by the one that its code stands for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        return self.decode(self.encode(X))

    def _check_codes(self, codes: ArrayLike, largest: Any, largest_in_words: str) -> Array:
        """Return codes as an array; ValueError unless they are integers from 0 to `largest`, of the width seen in `fit`."""
        check_is_fitted(self)
        checked: Array = check_array(unwrapped(codes, "codes"), dtype=None)
        allowed = f"codes are integers from 0 to {largest_in_words}"
        if checked.dtype.kind not in "iu":
            raise ValueError(f"{allowed}; got an array of {checked.dtype}")
        if checked.shape[1] != self.n_features_in_:
            raise ValueError(f"codes have {checked.shape[1]} columns; this quantizer was fitted on {self.n_features_in_}")
        if checked.min() < 0 or (checked > largest).any():
            raise ValueError(f"{allowed}; got {checked.min()} to {checked.max()}")
        return checked


def bin_numbers(X: Array, minimum: Array, maximum: Array, n_bins: Any) -> Array:
    """Return the number of the bin that each value lies in.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), floating point
    minimum, maximum : ndarray of shape () or (n_features,), floating point
        Where the first bin begins and the last one ends. Values beyond go to the end bins; where the two are equal, all
        go to the first.
    n_bins : int or ndarray of shape (n_features,)
        The bins are of equal width. A value on an edge belongs to the upper one.

    Returns
    -------
    ndarray of shape (n_samples, n_features), unsigned integer
        From 0 on, in the smallest type that holds them.
    """
    half_minimum, half_width = _halves(minimum, maximum, n_bins)
    divisor = np.where(half_width > 0, half_width, np.inf)
    numbers = np.empty(X.shape, dtype=np.min_scalar_type(np.max(n_bins) - 1))
    for rows in gen_batches(len(X), _BATCH_ROWS):
        places = X[rows] * np.float64(0.5)
        places -= half_minimum
        places /= divisor
        # The assignment drops the fraction, which rounds down, since no place is negative.
        numbers[rows] = np.clip(places, 0, n_bins - 1, out=places)
    return numbers


def bin_centres(numbers: Array, minimum: Array, maximum: Array, n_bins: Any) -> Array:
    """Return the centres of bins of equal width.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_features), integer
    minimum, maximum, n_bins
        As for :func:`bin_numbers`.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Of the type of `minimum`; computed in float64.
    """
    half_minimum, half_width = _halves(minimum, maximum, n_bins)
    centres = np.empty(numbers.shape, dtype=minimum.dtype)
    for rows in gen_batches(len(numbers), _BATCH_ROWS):
        places = numbers[rows] + np.float64(0.5)
        places *= half_width
        places += half_minimum
        places *= 2
        centres[rows] = places
    return centres


def _halves(minimum: Array, maximum: Array, n_bins: Any) -> tuple[Array, Array]:
    """Return half of where the bins begin and of how wide they are, in float64.

    Halving is exact, and half the width of a range as wide as the floating-point type does not overflow.
    """
    half_minimum = np.asarray(minimum, dtype=np.float64) / 2
    return half_minimum, (np.asarray(maximum, dtype=np.float64) / 2 - half_minimum) / n_bins
