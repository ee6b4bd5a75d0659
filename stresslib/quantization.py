"""Quantization: fewer bits per number. Q-1 shares one dictionary, Q-2 has one per dimension, Q-B erases low bits.

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

    def _checked_codes(self, codes: ArrayLike, largest: int) -> Array:
        check_is_fitted(self)
        checked: Array = check_array(codes, dtype=None)
        if checked.dtype.kind not in "iu":
            raise ValueError(f"codes are integers from 0 to {largest}; got an array of {checked.dtype}")
        if checked.shape[1] != self.n_features_in_:
            raise ValueError(f"codes have {checked.shape[1]} columns; this quantizer was fitted on {self.n_features_in_}")
        if checked.min() < 0 or checked.max() > largest:
            raise ValueError(f"codes are integers from 0 to {largest}; got {checked.min()} to {checked.max()}")
        return checked


class UniformQuantizer(_Quantizer):
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
        # Halves throughout: halving is exact, and the width of a range as wide as the floating-point type is no infinity.
        self._low = np.asarray(rows.min(axis=axis), dtype=np.float64) / 2
        self._step = (np.asarray(rows.max(axis=axis), dtype=np.float64) / 2 - self._low) / self.n_values
        centres = self._low[..., None] + (np.arange(self.n_values) + 0.5) * self._step[..., None]
        self.values_ = (2 * centres).astype(rows.dtype)
        return self

    def encode(self, X: ArrayLike) -> Array:
        """Return the number of each value's bin.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features), unsigned integer
            From 0 to ``n_values - 1``, in the smallest type that holds them.
        """
        check_is_fitted(self)
        rows: Array = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        step = np.where(self._step > 0, self._step, np.inf)
        codes = np.empty(rows.shape, dtype=np.min_scalar_type(self.n_values - 1))
        for here in gen_batches(len(rows), _ROWS):
            bins = rows[here] * np.float64(0.5)
            bins -= self._low
            bins /= step
            # Of numbers that are not negative, the integer part is the floor.
            codes[here] = np.clip(bins, 0, self.n_values - 1, out=bins)
        return codes

    def decode(self, codes: ArrayLike) -> Array:
        """Return the values that codes stand for.

        Parameters
        ----------
        codes : array-like of shape (n_samples, n_features), integer
            From 0 to ``n_values - 1``.

        Returns
        -------
        ndarray of shape (n_samples, n_features)

        Raises
        ------
        ValueError
            On codes that are no such integers, or of another width.
        """
        bins = self._checked_codes(codes, self.n_values - 1)
        # The dictionaries lie one behind the other.
        first = 0 if self.scope == "shared" else np.arange(bins.shape[1]) * self.n_values
        values = np.empty(bins.shape, dtype=self.values_.dtype)
        for here in gen_batches(len(bins), _ROWS):
            np.take(self.values_.ravel(), bins[here].astype(np.intp) + first, out=values[here], mode="clip")
        return values

    @property
    def bits_per_vector(self) -> int:
        """Bits of one row of codes, ``n_features * ceil(log2(n_values))``; the dictionary is not counted."""
        check_is_fitted(self)
        return self.n_features_in_ * (self.n_values - 1).bit_length()


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
