"""Packing: a block of integer codes becomes bytes, and the bytes the codes again. Four ways, one layout for all blocks.

The last step of `codec.codec`, after reduction and quantization; knows nothing of features or files. Everything here works
on whole arrays: a group of 8 codes is never touched alone, so a code costs a few bit operations of a 64-bit word.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PACKINGS = ("bits", "radix", "zstd", "xz")
"""Ways to pack: exact bits, digits of a 64-bit word, and two general compressors over dimensions or bit planes."""

CHECKSUM_BYTES = 8
"""Bytes of a SHA-256 that are kept as the checksum of a block: of 2**64 damages one goes unseen."""

_LAYOUTS = ("bytes", "planes")
_XZ: list[dict[str, int]] = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 20, "lc": 3, "lp": 0, "pb": 0}
]
_ZSTD_LEVEL = 19
_WORD = 1 << 64


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
    Neighbours of a code so go to neighbouring bytes, and eight groups are packed by one operation on a 64-bit word.

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
    """Where the whole bytes of a code lie and how wide they are, in bits."""
    if bits == 32:
        return [(0, 32)]
    return [(0, 16)] * (bits >= 16) + [(bits & 16, 8)] * (bits & 8 > 0)


def _pieces(bits: int) -> Iterator[tuple[int, int, int, int]]:
    """Walk over what each of `bits` bytes has of each of eight codes: byte, code, left shift, bits."""
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
    """`width` one bits above `offset` zero bits, in each byte of a word: what a shift may carry over to the next is cut."""
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
        raise ValueError(f"a word is no number of {digits} digits of base {base}")
    return flat[:count]


def pack(codes: Array, bits: int, base: int, packing: str) -> bytes:
    """Pack a block of codes.

    Parameters
    ----------
    codes : ndarray of shape (rows, dimensions), of :func:`code_type`
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
    # Neighbouring values of one dimension are alike: dimension by dimension. Codes of few bits and long runs do better as
    # bit planes, codes of many values as bytes; each block takes what is shorter.
    by_dimension = np.ascontiguousarray(codes.T)
    tries = [
        bytes([number]) + _compress(_laid_out(by_dimension, bits, layout), packing)
        for number, layout in enumerate(_LAYOUTS)
        if layout == "bytes" or bits <= 8
    ]
    return min(tries, key=len)


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
    ndarray of shape (rows, dimensions), of :func:`code_type`

    Raises
    ------
    ValueError
        When the bytes are no such block.
    """
    count = shape[0] * shape[1]
    if bits == 0 and not packed:
        return np.zeros(shape, dtype=code_type(0))
    length = block_size(count, bits, base, packing)
    if bits == 0 or (length is not None and length != len(packed)):
        raise ValueError(f"{len(packed)} bytes for {count} codes of {bits} bits")
    if packing in ("bits", "radix"):
        raw = np.frombuffer(packed, dtype=np.uint8)
        codes = unpack_bits(raw, bits, count) if packing == "bits" else unpack_radix(raw, base, count)
        codes = codes.reshape(shape)
    else:
        codes = _expanded(packed, shape, bits, packing)
    if base != 1 << bits and count and int(codes.max()) >= base:
        raise ValueError(f"code {int(codes.max())} of only {base}")
    return codes


def block_size(count: int, bits: int, base: int, packing: str) -> int | None:
    """Return the bytes of a packed block of `count` codes; None where they depend on the codes."""
    if bits == 0:
        return 0
    if packing == "bits":
        return packed_size(count, bits)
    return 8 * -(-count // radix_digits(base)) if packing == "radix" else None


def _laid_out(by_dimension: Array, bits: int, layout: str) -> bytes:
    codes = by_dimension.reshape(-1)
    if layout == "bytes":
        raw = codes.view(np.uint8).reshape(len(codes), -1)
        return raw[:, : -(-bits // 8)].T.tobytes()
    planes = [np.packbits(codes & np.uint8(1 << bit), bitorder="little") for bit in range(bits)]
    return b"".join(plane.tobytes() for plane in planes)


def _expanded(packed: bytes, shape: tuple[int, int], bits: int, packing: str) -> Array:
    count = shape[0] * shape[1]
    if not packed or packed[0] >= (2 if bits <= 8 else 1):
        raise ValueError("an unknown layout")
    kind = code_type(bits)
    if _LAYOUTS[packed[0]] == "bytes":
        raw = np.frombuffer(_decompress(packed[1:], count * -(-bits // 8), packing), dtype=np.uint8)
        wide = np.zeros((count, kind.itemsize), dtype=np.uint8)
        wide[:, : -(-bits // 8)] = raw.reshape(-1, count).T
        codes: Array = wide.view(kind)
        if int(codes.max()) >> bits:
            raise ValueError(f"a code has more than {bits} bits")
    else:
        length = -(-count // 8)
        raw = np.frombuffer(_decompress(packed[1:], bits * length, packing), dtype=np.uint8)
        codes = np.zeros(count, dtype=np.uint8)
        for bit in range(bits):
            plane = np.unpackbits(raw[bit * length : (bit + 1) * length], count=count, bitorder="little")
            codes |= plane << np.uint8(bit)
    return np.ascontiguousarray(codes.reshape(shape[::-1]).T)


def _compress(raw: bytes, packing: str) -> bytes:
    if packing == "xz":
        return lzma.compress(raw, format=lzma.FORMAT_RAW, filters=_XZ)
    return bytes(import_zstandard().ZstdCompressor(level=_ZSTD_LEVEL).compress(raw))


def _decompress(packed: bytes, size: int, packing: str) -> bytes:
    """Expand to exactly `size` bytes; a stream that claims or holds another number is refused before it takes memory."""
    try:
        if packing == "xz":
            stream = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=_XZ)
            raw = stream.decompress(packed, max_length=size)
            # The mark at the end of a stream is read with the first byte that does not come.
            if not stream.eof:
                raw += stream.decompress(b"", max_length=1)
            whole = stream.eof and not stream.unused_data
        else:
            zstandard = import_zstandard()
            if zstandard.get_frame_parameters(packed).content_size != size:
                raise ValueError("the stream is of another size")
            raw = zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False)
            whole = True
    except (lzma.LZMAError, EOFError, OverflowError, MemoryError) as error:
        raise ValueError(str(error)) from error
    except Exception as error:
        if type(error).__name__ == "ZstdError":
            raise ValueError(str(error)) from error
        raise
    if not whole or len(raw) != size:
        raise ValueError("the stream is of another size")
    return raw


def import_zstandard() -> Any:
    """Return zstandard; ValueError with the cure where it is not installed."""
    try:
        import zstandard
    except ModuleNotFoundError as error:
        raise ValueError("packing 'zstd' needs zstandard, which is not installed: pip install stresslib[codec]") from error
    return zstandard
