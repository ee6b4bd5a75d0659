"""Quantization: fewer bits per number. Q-1 shares one dictionary, Q-2 has one per dimension, Q-B erases low bits, and Q-A
gives most bits to the dimensions that vary most.

Third stop of the chain: reduction -> quantization -> evaluation. Dictionaries are fitted on training rows.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_array, gen_batches
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

Array = NDArray[Any]

_ROWS = 64
"""Rows that are worked on at once, so that they stay in the processor's cache."""

_NORMAL_STEP = np.array([0, 1.595769, 0.995687, 0.586019, 0.335201, 0.188139, 0.104063, 0.056868, 0.030762])
_NORMAL_ERROR = np.array([1, 0.36338023, 0.11884605, 0.03743966, 0.01154288, 0.00349521, 0.00104005, 0.00030433, 0.00008769])
"""Width of 2**b equal bins of a normal distribution that leaves the least squared error, and that error; b from 0 to 8."""

MOST_BITS = len(_NORMAL_STEP) - 1
"""Bits that Q-A gives a dimension at most: beyond, a linear classifier sees no difference."""


class _Quantizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """A quantizer is a code and its inverse: `transform` is `decode` after `encode`."""

    n_features_in_: int

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

    def encode(self, X: ArrayLike) -> Array:
        raise NotImplementedError

    def decode(self, codes: ArrayLike) -> Array:
        raise NotImplementedError

    def _checked_codes(self, codes: ArrayLike, largest: Any) -> Array:
        check_is_fitted(self)
        checked: Array = check_array(codes, dtype=None)
        if checked.dtype.kind not in "iu":
            raise ValueError(f"codes are integers from 0 to {largest}; got an array of {checked.dtype}")
        if checked.shape[1] != self.n_features_in_:
            raise ValueError(f"codes have {checked.shape[1]} columns; this quantizer was fitted on {self.n_features_in_}")
        if checked.min() < 0 or (checked > largest).any():
            bound = largest if np.ndim(largest) == 0 else "2 ** bits_ - 1 of their dimension"
            raise ValueError(f"codes are integers from 0 to {bound}; got {checked.min()} to {checked.max()}")
        return checked


class _Bins(_Quantizer):
    """Bins of equal width: `_low` and `_step` are half of where they begin and of how wide they are, `_last` the last one.

    Halves throughout: halving is exact, and the width of a range as wide as the floating-point type is no infinity. The
    numbers are of all dimensions alike or one for each; so are the dictionaries, which lie in `_dictionary` one behind the
    other, each from its `_first` on.
    """

    _low: Array
    _step: Array
    _last: Any
    _dictionary: Array
    _first: Any

    def encode(self, X: ArrayLike) -> Array:
        """Return the number of each value's bin.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features), unsigned integer
            From 0 on, in the smallest type that holds them.
        """
        check_is_fitted(self)
        rows: Array = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        step = np.where(self._step > 0, self._step, np.inf)
        codes = np.empty(rows.shape, dtype=np.min_scalar_type(np.max(self._last)))
        for here in gen_batches(len(rows), _ROWS):
            bins = rows[here] * np.float64(0.5)
            bins -= self._low
            bins /= step
            # Of numbers that are not negative, the integer part is the floor.
            codes[here] = np.clip(bins, 0, self._last, out=bins)
        return codes

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
            On codes that are no such integers, or of another width.
        """
        bins = self._checked_codes(codes, self._last)
        values = np.empty(bins.shape, dtype=self._dictionary.dtype)
        for here in gen_batches(len(bins), _ROWS):
            np.take(self._dictionary, bins[here].astype(np.intp) + self._first, out=values[here], mode="clip")
        return values


class UniformQuantizer(_Bins):
    """Replace each value by the centre of its bin, one of `n_values` of equal width (Q-1, Q-2).

    The bins divide the range from the training minimum to the training maximum. Values beyond it go to the end bins;
    a value on an edge goes to the upper bin. Where the training values are all equal, that value is the only one.

    Parameters
    ----------
    n_values : int, default=8
        Size of the dictionary, at least 2.
    scope : {"shared", "per_dimension"}, default="per_dimension"
        One range for the whole matrix (Q-1), or one for each dimension (Q-2).

    Attributes
    ----------
    values_ : ndarray of shape (n_values,) or (n_features, n_values)
        The dictionary: bin centres, in rising order, of the training data's floating-point type.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    BitErasure : Quantization by erasing bits of the floating-point format.
    sklearn.preprocessing.KBinsDiscretizer : Bins by quantiles or k-means too.

    Notes
    -----
    Carvalho et al. (2016), Q-1 and Q-2. An exact zero becomes the centre of the lowest bin, not zero.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib import UniformQuantizer
    >>> X = np.array([[0.0, 0.0], [1.0, 4.0], [4.0, 8.0]])
    >>> UniformQuantizer(n_values=2, scope="shared").fit_transform(X)
    array([[2., 2.],
           [2., 6.],
           [6., 6.]])
    >>> UniformQuantizer(n_values=2, scope="per_dimension").fit_transform(X)
    array([[1., 2.],
           [1., 6.],
           [3., 6.]])
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "n_values": [Interval(Integral, 2, None, closed="left")],
        "scope": [StrOptions({"shared", "per_dimension"})],
    }

    def __init__(self, n_values: int = 8, *, scope: str = "per_dimension") -> None:
        self.n_values = n_values
        self.scope = scope

    def fit(self, X: ArrayLike, y: Any = None) -> UniformQuantizer:
        """Learn the dictionary.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : None
            Ignored.

        Returns
        -------
        self : UniformQuantizer
        """
        self._validate_params()
        rows: Array = validate_data(self, X, dtype=[np.float64, np.float32])
        axis = None if self.scope == "shared" else 0
        self._low = np.asarray(rows.min(axis=axis), dtype=np.float64) / 2
        self._step = (np.asarray(rows.max(axis=axis), dtype=np.float64) / 2 - self._low) / self.n_values
        centres = self._low[..., None] + (np.arange(self.n_values) + 0.5) * self._step[..., None]
        self.values_ = (2 * centres).astype(rows.dtype)
        self._last, self._dictionary = self.n_values - 1, self.values_.ravel()
        self._first = 0 if self.scope == "shared" else np.arange(rows.shape[1]) * self.n_values
        return self

    @property
    def bits_per_vector(self) -> int:
        """Bits of one row of codes, ``n_features * ceil(log2(n_values))``; the dictionary is not counted."""
        check_is_fitted(self)
        return self.n_features_in_ * (self.n_values - 1).bit_length()


class AllocatedQuantizer(_Bins):
    """Share the `n_bits` bits of a vector among its dimensions, most for those that vary most (Q-A).

    A dimension with b bits has ``2 ** b`` bins of equal width around its training mean; one without has its mean for only
    value. The width is the one that leaves a normal distribution of the training variance the least squared error: far
    from the mean values are cut, where the bins of :class:`UniformQuantizer` are stretched to the farthest. Bits are handed
    out one by one, each to the dimension whose expected error it lowers most (reverse water-filling).

    Parameters
    ----------
    n_bits : int, default=8
        Bits of a vector, from 1 to 8 times the number of features. Powers of two are no better than others.

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
    UniformQuantizer : As many values for each dimension.
    PrincipalComponents : Makes dimensions of unequal variance, without which there is nothing to allocate.

    Notes
    -----
    Not of the paper. Bits by variance go back to Huang and Schultheiss (1963), the widths to Max (1960). Of equal gains the
    earlier dimension has the bit.

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
        rows: Array = validate_data(self, X, dtype=[np.float64, np.float32])
        width = rows.shape[1]
        if self.n_bits > MOST_BITS * width:
            raise ValueError(f"n_bits={self.n_bits} is more than {MOST_BITS} for each of {width} feature(s)")
        # Squares of the largest and the smallest numbers are no numbers of the type; only ratios matter.
        scale = np.float64(np.abs(rows).max()) or 1.0
        scaled = rows / scale
        mean, deviation = scaled.mean(axis=0), scaled.std(axis=0)
        gains = np.outer(deviation**2, _NORMAL_ERROR[:-1] - _NORMAL_ERROR[1:])
        # Each further bit of a dimension gains less than the one before, so the best n_bits of all are a valid choice.
        best = np.argsort(-gains, axis=None, kind="stable")[: self.n_bits]
        self.bits_ = np.bincount(best // MOST_BITS, minlength=width).astype(np.uint8)
        counts = 1 << self.bits_.astype(np.int64)
        reach = counts / 2 * _NORMAL_STEP[self.bits_] * deviation
        most = np.finfo(rows.dtype).max / max(scale, 1.0)
        self.minimum_, self.maximum_ = (
            (np.clip(edge, -most, most) * scale).astype(rows.dtype) for edge in (mean - reach, mean + reach)
        )
        self._low = self.minimum_.astype(np.float64) / 2
        self._step = (self.maximum_.astype(np.float64) / 2 - self._low) / counts
        self._last, self._first = counts - 1, np.cumsum(counts) - counts
        places = np.arange(counts.sum()) - np.repeat(self._first, counts) + 0.5
        self._dictionary = (2 * (np.repeat(self._low, counts) + places * np.repeat(self._step, counts))).astype(rows.dtype)
        return self

    @property
    def bits_per_vector(self) -> int:
        """Bits of one row of codes, `n_bits`; what all rows share is not counted."""
        check_is_fitted(self)
        return int(self.bits_.sum())


class BitErasure(_Quantizer):
    """Set the lowest `n_bits` bits of each value's float64 form to zero (Q-B).

    Bits 0 to 51 are the fraction, 52 to 62 the exponent, 63 the sign: 52 leaves powers of two, 64 leaves zeros.
    Needs no training; `fit` only notes the width.

    Parameters
    ----------
    n_bits : int, default=0
        Number of bits to erase, from 0 to 64.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    UniformQuantizer : Quantization with a dictionary.

    Notes
    -----
    Carvalho et al. (2016), supplement. Features of float32 leave the 29 lowest bits of the float64 empty.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib import BitErasure
    >>> BitErasure(n_bits=52).fit_transform(np.array([[0.3, 1.7, 5.0]]))
    array([[0.25, 1.  , 4.  ]])
    """

    _parameter_constraints: dict[str, list[Any]] = {"n_bits": [Interval(Integral, 0, 64, closed="both")]}

    def __init__(self, n_bits: int = 0) -> None:
        self.n_bits = n_bits

    def fit(self, X: ArrayLike, y: Any = None) -> BitErasure:
        """Note the width of the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : None
            Ignored.

        Returns
        -------
        self : BitErasure
        """
        self._validate_params()
        validate_data(self, X, dtype=np.float64)
        return self

    def encode(self, X: ArrayLike) -> Array:
        """Return the bits that are kept of each value, as an integer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features), uint64
        """
        check_is_fitted(self)
        rows: Array = validate_data(self, X, reset=False, dtype=np.float64, order="C")
        # A shift by all 64 bits is undefined in C, so it is made in two halves.
        half = np.uint64(self.n_bits // 2)
        return rows.view(np.uint64) >> half >> np.uint64(self.n_bits) - half

    def decode(self, codes: ArrayLike) -> Array:
        """Return the float64 values that kept bits stand for.

        Parameters
        ----------
        codes : array-like of shape (n_samples, n_features), integer

        Returns
        -------
        ndarray of shape (n_samples, n_features), float64

        Raises
        ------
        ValueError
            On codes that do not fit in the bits that are kept, or of another width.
        """
        kept = self._checked_codes(codes, (1 << (64 - self.n_bits)) - 1).astype(np.uint64)
        half = np.uint64(self.n_bits // 2)
        return (kept << half << np.uint64(self.n_bits) - half).view(np.float64)

    @property
    def bits_per_vector(self) -> int:
        """Bits of one row: the bits kept of each value, at most the 32 of a float32."""
        check_is_fitted(self)
        return self.n_features_in_ * min(32, 64 - self.n_bits)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags
