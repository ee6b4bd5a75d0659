"""Codes in exactly their bits: groups of eight codes make whole bytes, eight groups at a time in 64-bit words.

Under `packing`; labels and masks of a file are packed this way too. No code is touched alone, so that each costs a few bit
operations of a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def code_type(bits: int) -> np.dtype[Any]:
    """Return the smallest little-endian unsigned integer type that holds `bits` bits, at most 32."""
    return np.dtype("u1" if bits <= 8 else "<u2" if bits <= 16 else "<u4")


def packed_size(count: int, bits: int) -> int:
    """Return the bytes that :func:`pack_bits` needs: ``count * bits / 8``, `count` rounded up to a multiple of 8."""
    return count * (bits // 8) + -(-count // 8) * (bits % 8)


def pack_bits(codes: Array, bits: int) -> Array:
    """Pack codes in exactly `bits` bits each.

    Parameters
    ----------
    codes : ndarray of shape (n,), of :func:`code_type`
        Below ``2 ** bits``.
    bits : int
        From 0 to 32.

    Returns
    -------
    ndarray of shape (packed_size(n, bits),), uint8

    Notes
    -----
    Whole bytes of the codes come first, as little-endian integers: the low 32, 16 or 8 bits, or 16 and then 8. Of the b < 8
    bits that are left, those of eight codes make b bytes. With m = ceil(n / 8), the codes i, m + i, ..., 7 m + i are one
    number of 8 b bits, the first in its lowest bits; its bytes, the lowest first, are the bytes i, m + i, ... of the result.
    Neighbouring codes thus go to neighbouring bytes, and one operation on a 64-bit word packs eight groups.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.codec import pack_bits, unpack_bits
    >>> codes = np.array([1, 2, 3, 4, 5, 6, 7, 0], dtype=np.uint8)
    >>> packed = pack_bits(codes, bits=3)
    >>> f"{int.from_bytes(packed.tobytes(), 'little'):024b}"  # 000 111 110 101 100 011 010 001
    '000111110101100011010001'
    >>> unpack_bits(packed, bits=3, count=8)
    array([1, 2, 3, 4, 5, 6, 7, 0], dtype=uint8)
    """
    if bits in (8, 16, 32):
        return codes.view(np.uint8)
    packed, start = np.empty(packed_size(len(codes), bits), dtype=np.uint8), 0
    for offset, width in _whole(bits):
        stop = start + len(codes) * width // 8
        part = codes if codes.itemsize == width // 8 else (codes >> offset).astype(code_type(width))
        packed[start:stop] = part.view(np.uint8)
        start = stop
    if bits % 8:
        rest = codes if bits < 8 else (codes >> (bits & ~7)).astype(np.uint8)
        packed[start:] = _pack_eights(rest, bits % 8)
    return packed


def unpack_bits(packed: Array, bits: int, count: int) -> Array:
    """Return the codes that :func:`pack_bits` packed.

    Parameters
    ----------
    packed : ndarray of shape (packed_size(count, bits),), uint8
    bits : int
        From 0 to 32.
    count : int
        Number of codes.

    Returns
    -------
    ndarray of shape (count,), of :func:`code_type`
    """
    if 0 < bits < 8:
        return _unpack_eights(packed, bits, count)
    if bits in (8, 16, 32):
        return np.frombuffer(packed, dtype=code_type(bits))
    codes, start = np.zeros(count, dtype=code_type(bits)), 0
    for offset, width in _whole(bits):
        stop = start + count * width // 8
        part = np.frombuffer(packed[start:stop], dtype=code_type(width))
        codes |= part.astype(codes.dtype) << codes.dtype.type(offset)
        start = stop
    if bits % 8:
        codes |= _unpack_eights(packed[start:], bits % 8, count).astype(codes.dtype) << codes.dtype.type(bits & ~7)
    return codes


def _whole(bits: int) -> list[tuple[int, int]]:
    """Return where the whole bytes of a code begin and how wide they are, in bits: 32, or 16 and then 8."""
    if bits == 32:
        return [(0, 32)]
    pieces = []
    if bits & 16:
        pieces.append((0, 16))
    if bits & 8:
        pieces.append((bits & 16, 8))
    return pieces


def _pieces(bits: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield what each of `bits` bytes holds of each of eight codes: byte, code, left shift, number of bits."""
    for byte in range(bits):
        for code in range(8 * byte // bits, min(8, -(-(8 * byte + 8) // bits))):
            left = code * bits - 8 * byte
            yield byte, code, left, min(bits, 8 - left, bits + left)


def _pack_eights(codes: Array, bits: int) -> Array:
    length = -(-len(codes) // 8)
    eights = _lanes(codes, 8, length)
    packed, piece = np.empty((bits, eights.shape[1]), dtype=np.uint64), np.empty(eights.shape[1], dtype=np.uint64)
    begun = -1
    for byte, code, left, width in _pieces(bits):
        into = packed[byte] if byte > begun else piece
        source = eights[code]
        if width < bits:
            source = np.bitwise_and(source, _mask(width, max(0, -left)), out=into)
        _shift(source, left, into)
        if byte == begun:
            packed[byte] |= piece
        begun = byte
    return packed.view(np.uint8)[:, :length].reshape(-1)


def _unpack_eights(packed: Array, bits: int, count: int) -> Array:
    length = -(-count // 8)
    lanes = _lanes(packed, bits, length)
    codes, piece = np.empty((8, lanes.shape[1]), dtype=np.uint64), np.empty(lanes.shape[1], dtype=np.uint64)
    begun = -1
    for byte, code, left, width in _pieces(bits):
        into = codes[code] if code > begun else piece
        _shift(lanes[byte], -left, into)
        into &= _mask(width, max(0, -left))
        if code == begun:
            codes[code] |= piece
        begun = code
    return codes.view(np.uint8)[:, :length].reshape(-1)[:count]


def _mask(width: int, offset: int) -> np.uint64:
    """Return `width` one bits above `offset` zero bits in each byte of a word: it cuts what a shift carries to the next."""
    return np.uint64((((1 << width) - 1) << offset) * 0x0101010101010101)


def _shift(source: Array, left: int, out: Array) -> None:
    if left:
        (np.left_shift if left > 0 else np.right_shift)(source, np.uint64(abs(left)), out=out)
    elif source is not out:
        np.copyto(out, source)


def _lanes(values: Array, rows: int, length: int) -> Array:
    """View bytes as `rows` rows of 64-bit words, `length` bytes a row; copied where they do not fill whole words."""
    if values.size != rows * length or length % 8 or values.ctypes.data % 8:
        padded = np.zeros((rows, -(-length // 8) * 8), dtype=np.uint8)
        for row in range(rows):
            part = values[row * length : (row + 1) * length]
            padded[row, : len(part)] = part
        values = padded
    return values.reshape(rows, -1).view(np.uint64)
