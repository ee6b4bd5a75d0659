"""Quantization with the same bits for every number: Q-1 shares a dictionary, Q-2 has one per dimension, Q-B erases low bits.

Third stop of the chain: reduction -> quantization -> evaluation. Dictionaries are fitted on training rows.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from stresslib.arrays import unwrapped
from stresslib.stress.bits import dictionary_bits, kept_bits
from stresslib.stress.on_features.base import Quantizer, bin_centres, bin_numbers

Array = NDArray[Any]


class UniformQuantizer(Quantizer):
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
        The dictionary: bin centres in rising order, of the training data's floating-point type.
    minimum_, maximum_ : ndarray of shape () or (n_features,)
        The training range, of the training data's floating-point type.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    AllocatedQuantizer : More bits for the dimensions that vary more.
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
        rows: Array = validate_data(self, unwrapped(X, "X"), dtype=[np.float64, np.float32])
        axis = None if self.scope == "shared" else 0
        self.minimum_ = np.asarray(rows.min(axis=axis))
        self.maximum_ = np.asarray(rows.max(axis=axis))
        codes = np.arange(self.n_values)
        if self.scope == "per_dimension":
            codes = np.broadcast_to(codes[:, None], (self.n_values, rows.shape[1]))
        self.values_ = np.ascontiguousarray(bin_centres(codes, self.minimum_, self.maximum_, self.n_values).T)
        return self

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
        rows: Array = validate_data(self, unwrapped(X, "X"), reset=False, dtype=[np.float64, np.float32])
        return bin_numbers(rows, self.minimum_, self.maximum_, self.n_values)

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
            On codes that are not integers of the dictionary, or of another width.
        """
        numbers = self._check_codes(codes, self.n_values - 1, str(self.n_values - 1))
        return bin_centres(numbers, self.minimum_, self.maximum_, self.n_values)

    @property
    def bits_per_vector(self) -> int:
        """Bits of one row of codes, ``n_features * ceil(log2(n_values))``; the dictionary is not counted."""
        check_is_fitted(self)
        return self.n_features_in_ * dictionary_bits(self.n_values)


class BitErasure(Quantizer):
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
    Carvalho et al. (2016), supplement. Features that were float32 leave the 29 lowest bits of the float64 empty.

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
        validate_data(self, unwrapped(X, "X"), dtype=np.float64)
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
        rows: Array = validate_data(self, unwrapped(X, "X"), reset=False, dtype=np.float64, order="C")
        # A shift by all 64 bits is undefined in C, so it is made in two halves.
        half = np.uint64(self.n_bits // 2)
        codes: Array = rows.view(np.uint64) >> half
        codes >>= np.uint64(self.n_bits) - half
        return codes

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
        largest = (1 << (64 - int(self.n_bits))) - 1
        kept = self._check_codes(codes, largest, str(largest)).astype(np.uint64, copy=False)
        half = np.uint64(self.n_bits // 2)
        bits: Array = kept << half
        bits <<= np.uint64(self.n_bits) - half
        return bits.view(np.float64)

    def transform(self, X: ArrayLike) -> Array:
        """Erase the bits, as `decode` after `encode` does, in the one array that is returned.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features), float64
        """
        check_is_fitted(self)
        rows: Array = validate_data(self, unwrapped(X, "X"), reset=False, dtype=np.float64, order="C", copy=True)
        bits, half = rows.view(np.uint64), np.uint64(self.n_bits // 2)
        for shift in (half, np.uint64(self.n_bits) - half):
            bits >>= shift
        for shift in (half, np.uint64(self.n_bits) - half):
            bits <<= shift
        return rows

    @property
    def bits_per_vector(self) -> int:
        """Bits of one row: the bits kept of each value, at most the 32 of a float32."""
        check_is_fitted(self)
        return self.n_features_in_ * kept_bits(self.n_bits)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags
