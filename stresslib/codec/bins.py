"""Bins: the numbers of values' bins, and the values that those stand for; each is one loop, compiled when first needed.

Used by `codec.codec` on one block at a time. The arithmetic is that of `quantization`, in float64 and in the same order:
each step rounds as it does there. That the quantizers halve both numbers first is exact.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# The machine code is kept on disk; other threads may run meanwhile. Without `fastmath` nothing is reordered or fused.
_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def number(values: Array, low: Array, width: Array, last: Array, codes: Array) -> bool:
    """Write the number of each value's bin.

    Parameters
    ----------
    values : ndarray of shape (n, d), float32
    low, width, last : ndarray of shape (d,), float64
        Where the bins of a dimension begin, how wide they are, and the number of the last; of width 0 there is only the
        first.
    codes : ndarray of shape (n, d), unsigned integer
        Written.

    Returns
    -------
    bool
        Whether all values were finite. The codes of others mean nothing.
    """
    finite = True
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = np.float64(values[row, column])
            finite &= bool(abs(value) < np.inf)
            place = (value - low[column]) / (width[column] if width[column] > 0 else np.inf)
            # Of numbers that are not negative, the integer part is the floor.
            codes[row, column] = np.int64(min(max(place, 0.0), last[column]))
    return finite


@_compiled
def centres(codes: Array, low: Array, width: Array, values: Array) -> None:
    """Write the centre of each bin.

    Parameters
    ----------
    codes : ndarray of shape (n, d), unsigned integer
    low, width : ndarray of shape (d,), float64
        As for :func:`number`.
    values : ndarray of shape (n, d), float32
        Written.
    """
    for row in range(codes.shape[0]):
        for column in range(codes.shape[1]):
            values[row, column] = (codes[row, column] + 0.5) * width[column] + low[column]
