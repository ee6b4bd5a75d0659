"""Bins of equal width, block by block: the number of each value's bin and the centre of each bin, one compiled loop each.

Used by `codec.coders`. The arithmetic is that of `stresslib.stress.on_features.base`, in float64 and in the same order, so
that each step rounds as it does there; that the quantizers halve both numbers first is exact.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def _compiled(loop: Callable[..., Any]) -> Any:
    """Compile a loop, the machine code kept on disk where there is a place for it."""
    # Other threads may run meanwhile. Without `fastmath` nothing is reordered or fused.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(loop)
    except RuntimeError:  # neither the package's folder nor one of the user's can be written
        warnings.warn(  # without the name of the loop, so that Python shows it once
            "the loops of the codec are compiled anew in each process, which takes seconds: numba finds no folder that it "
            "can write; NUMBA_CACHE_DIR=FOLDER names one",
            stacklevel=1,
        )
        return numba.njit(**options)(loop)


@_compiled
def write_bin_numbers(values: Array, low: Array, width: Array, last: Array, codes: Array) -> bool:
    """Write the number of each value's bin.

    Parameters
    ----------
    values : ndarray of shape (n, d), float32
    low, width, last : ndarray of shape (d,), float64
        Where the bins of each dimension begin, how wide they are, and the number of the last one. Where the width is 0,
        all values go to the first bin.
    codes : ndarray of shape (n, d), unsigned integer
        Written.

    Returns
    -------
    bool
        Whether all values were finite; codes of values that are not mean nothing.
    """
    finite = True
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = np.float64(values[row, column])
            finite &= bool(abs(value) < np.inf)
            place = (value - low[column]) / (width[column] if width[column] > 0 else np.inf)
            # No place is negative, so that dropping the fraction rounds down.
            codes[row, column] = np.int64(min(max(place, 0.0), last[column]))
    return finite


@_compiled
def write_bin_centres(codes: Array, low: Array, width: Array, values: Array) -> None:
    """Write the centre of each bin.

    Parameters
    ----------
    codes : ndarray of shape (n, d), unsigned integer
    low, width : ndarray of shape (d,), float64
        As for :func:`write_bin_numbers`.
    values : ndarray of shape (n, d), float32
        Written.
    """
    for row in range(codes.shape[0]):
        for column in range(codes.shape[1]):
            values[row, column] = (codes[row, column] + 0.5) * width[column] + low[column]
