"""Codes as digits of 64-bit words: for dictionaries whose size is not a power of two, less than whole bits each.

Under `packing`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.codec.bits import code_type

Array = NDArray[Any]

_WORD = 1 << 64


def radix_digits(base: int) -> int:
    """Return how many digits of a base fit in a 64-bit word.

    Examples
    --------
    >>> from stresslib.codec import radix_digits
    >>> [radix_digits(base) for base in (2, 3, 8, 27, 256)]
    [64, 40, 21, 13, 8]
    """
    digits, power = 0, base
    while power <= _WORD:
        digits, power = digits + 1, power * base
    return digits


def pack_radix(codes: Array, base: int) -> Array:
    """Pack codes as digits of 64-bit words, as many a word as fit.

    Parameters
    ----------
    codes : ndarray of shape (n,), unsigned integer
        Below `base`.
    base : int
        From 2 to 2**32.

    Returns
    -------
    ndarray of shape (8 m,), uint8
        ``m = ceil(n / radix_digits(base))`` little-endian words; word i has the codes i, m + i, 2 m + i, ..., the first as
        its lowest digit.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.codec import pack_radix, unpack_radix
    >>> codes = np.array([2, 1, 2] + 39 * [0], dtype=np.uint8)  # 40 digits of base 3 a word: 42 codes take two words
    >>> pack_radix(codes, base=3).view("<u8").tolist()  # 2 + 2 * 3, and 1
    [8, 1]
    """
    digits = radix_digits(base)
    length = -(-len(codes) // digits)
    words = np.zeros(length, dtype="<u8")
    for digit in reversed(range(digits)):
        part = codes[digit * length : (digit + 1) * length]
        words *= np.uint64(base)
        words[: len(part)] += part
    return words.view(np.uint8)


def unpack_radix(packed: Array, base: int, count: int) -> Array:
    """Return the codes that :func:`pack_radix` packed.

    Raises
    ------
    ValueError
        When a word has more digits than it may.
    """
    digits = radix_digits(base)
    words = packed.copy().view("<u8")
    codes = np.zeros((digits, len(words)), dtype=code_type((base - 1).bit_length()))
    for digit in range(digits):
        rest = words // np.uint64(base)
        words -= rest * np.uint64(base)
        codes[digit] = words
        words = rest
    flat = codes.reshape(-1)
    if words.any() or flat[count:].any():
        raise ValueError(f"a word is not a number of {digits} digits of base {base}")
    return flat[:count]
