"""Packing: a block of integer codes becomes bytes, and the bytes the codes again, in one of four ways.

The last step of `codec.codec`, after reduction and quantization; knows nothing of features or files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.codec.bits import code_type, pack_bits, packed_size, unpack_bits
from stresslib.codec.compressors import compress_codes, expand_codes
from stresslib.codec.radix import pack_radix, radix_digits, unpack_radix

Array = NDArray[Any]

PACKINGS = ("bits", "radix", "zstd", "xz")
"""Ways to pack: exact bits, digits of a 64-bit word, and two general compressors over dimensions or bit planes."""

OF_KNOWN_SIZE = ("bits", "radix")
"""Those whose size follows from the number of codes, whatever they are."""


def pack(codes: Array, bits: int, base: int, packing: str) -> bytes:
    """Pack a block of codes.

    Parameters
    ----------
    codes : ndarray of shape (rows, dimensions), of :func:`stresslib.codec.bits.code_type`
        Below `base`.
    bits : int
        Bits that a code needs, from 0 to 32; codes of 0 bits take no bytes.
    base : int
        Number of different codes, at most ``2 ** bits``.
    packing : {"bits", "radix", "zstd", "xz"}

    Returns
    -------
    bytes
    """
    if bits == 0:
        return b""
    if packing == "bits":
        return pack_bits(codes.reshape(-1), bits).tobytes()
    if packing == "radix":
        return pack_radix(codes.reshape(-1), base).tobytes()
    return compress_codes(codes, bits, packing)


def unpack(packed: bytes, shape: tuple[int, int], bits: int, base: int, packing: str) -> Array:
    """Return the codes that :func:`pack` packed.

    Parameters
    ----------
    packed : bytes
    shape : (rows, dimensions)
    bits, base, packing
        As for :func:`pack`.

    Returns
    -------
    ndarray of shape (rows, dimensions), of :func:`stresslib.codec.bits.code_type`

    Raises
    ------
    ValueError
        When the bytes are not such a block.
    """
    count = shape[0] * shape[1]
    if bits == 0 and not packed:
        return np.zeros(shape, dtype=code_type(0))
    length = block_size(count, bits, base, packing)
    if bits == 0 or (length is not None and length != len(packed)):
        raise ValueError(f"{len(packed)} bytes for {count} codes of {bits} bits")
    if packing == "bits":
        codes = unpack_bits(np.frombuffer(packed, dtype=np.uint8), bits, count).reshape(shape)
    elif packing == "radix":
        codes = unpack_radix(np.frombuffer(packed, dtype=np.uint8), base, count).reshape(shape)
    else:
        codes = expand_codes(packed, shape, bits, packing)
    if base != 1 << bits and count and int(codes.max()) >= base:
        raise ValueError(f"code {int(codes.max())} of only {base}")
    return codes


def block_size(count: int, bits: int, base: int, packing: str) -> int | None:
    """Return the bytes of a packed block of `count` codes; None where they depend on the codes."""
    if bits == 0:
        return 0
    if packing == "bits":
        return packed_size(count, bits)
    if packing == "radix":
        return 8 * -(-count // radix_digits(base))
    return None
