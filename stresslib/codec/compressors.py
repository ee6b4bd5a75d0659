"""Codes under a general compressor, zstd or xz: laid out so that what is alike lies together.

Under `packing`. A stream is expanded to exactly the size that the codes take, whatever it claims.
"""

from __future__ import annotations

import lzma
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.codec.bits import code_type

Array = NDArray[Any]

XZ_FILTERS: list[dict[str, int]] = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 20, "lc": 3, "lp": 0, "pb": 0}
]
_ZSTD_LEVEL = 19
_MOST_PLANES = 8


def compress_codes(codes: Array, bits: int, packing: str) -> bytes:
    """Compress a block of codes, in the layout that makes it shorter.

    Parameters
    ----------
    codes : ndarray of shape (rows, dimensions), of :func:`stresslib.codec.bits.code_type`
    bits : int
        Bits of a code, from 1 to 32.
    packing : {"zstd", "xz"}

    Returns
    -------
    bytes
        A byte for the layout, then the stream.
    """
    # Neighbouring values of one dimension are alike: dimension by dimension. Codes of few bits and long runs do better as
    # bit planes, codes of many values as bytes.
    by_dimension = np.ascontiguousarray(codes.T).reshape(-1)
    tries = [bytes([0]) + _compress(_byte_layout(by_dimension, bits), packing)]
    if bits <= _MOST_PLANES:
        tries.append(bytes([1]) + _compress(_plane_layout(by_dimension, bits), packing))
    return min(tries, key=len)


def expand_codes(packed: bytes, shape: tuple[int, int], bits: int, packing: str) -> Array:
    """Return the codes that :func:`compress_codes` compressed.

    Parameters
    ----------
    packed : bytes
    shape : (rows, dimensions)
    bits, packing
        As for :func:`compress_codes`.

    Returns
    -------
    ndarray of shape (rows, dimensions), of :func:`stresslib.codec.bits.code_type`

    Raises
    ------
    ValueError
        When the bytes are not such a block.
    """
    count = shape[0] * shape[1]
    if packed[:1] == b"\x00":
        n_bytes = -(-bits // 8)
        raw = np.frombuffer(_expand(packed[1:], count * n_bytes, packing), dtype=np.uint8)
        wide = np.zeros((count, code_type(bits).itemsize), dtype=np.uint8)
        wide[:, :n_bytes] = raw.reshape(-1, count).T
        codes: Array = wide.view(code_type(bits))
        if int(codes.max()) >> bits:
            raise ValueError(f"a code has more than {bits} bits")
    elif packed[:1] == b"\x01" and bits <= _MOST_PLANES:
        length = -(-count // 8)
        raw = np.frombuffer(_expand(packed[1:], bits * length, packing), dtype=np.uint8)
        codes = np.zeros(count, dtype=np.uint8)
        for bit in range(bits):
            plane = np.unpackbits(raw[bit * length : (bit + 1) * length], count=count, bitorder="little")
            codes |= plane << np.uint8(bit)
    else:
        raise ValueError("an unknown layout")
    return np.ascontiguousarray(codes.reshape(shape[::-1]).T)


def _byte_layout(codes: Array, bits: int) -> bytes:
    """Return the lowest byte of every code, then the next, as many as hold `bits`."""
    raw = codes.view(np.uint8).reshape(len(codes), -1)
    return raw[:, : -(-bits // 8)].T.tobytes()


def _plane_layout(codes: Array, bits: int) -> bytes:
    """Return the lowest bit of every code, eight a byte, then the next."""
    planes = [np.packbits(codes & np.uint8(1 << bit), bitorder="little") for bit in range(bits)]
    return b"".join(plane.tobytes() for plane in planes)


def _compress(raw: bytes, packing: str) -> bytes:
    if packing == "xz":
        return lzma.compress(raw, format=lzma.FORMAT_RAW, filters=XZ_FILTERS)
    return bytes(import_zstandard().ZstdCompressor(level=_ZSTD_LEVEL).compress(raw))


def _expand(packed: bytes, size: int, packing: str) -> bytes:
    """Expand to exactly `size` bytes; a stream that claims or holds another number is refused before it takes memory."""
    raw, is_whole = (_expand_xz if packing == "xz" else _expand_zstd)(packed, size)
    if not is_whole or len(raw) != size:
        raise ValueError("the stream is of another size")
    return raw


def _expand_xz(packed: bytes, size: int) -> tuple[bytes, bool]:
    try:
        stream = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=XZ_FILTERS)
        raw = stream.decompress(packed, max_length=size)
        # The mark at the end of a stream is read with the first byte that does not come.
        if not stream.eof:
            raw += stream.decompress(b"", max_length=1)
    except (lzma.LZMAError, EOFError, OverflowError, MemoryError) as error:
        raise ValueError(str(error)) from error
    return raw, stream.eof and not stream.unused_data


def _expand_zstd(packed: bytes, size: int) -> tuple[bytes, bool]:
    zstandard = import_zstandard()
    try:
        if zstandard.get_frame_parameters(packed).content_size != size:
            return b"", False
        return zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False), True
    except (zstandard.ZstdError, EOFError, OverflowError, MemoryError) as error:
        raise ValueError(str(error)) from error


def import_zstandard() -> Any:
    """Return zstandard; ValueError that says how to install it where it is not installed."""
    try:
        import zstandard
    except ModuleNotFoundError as error:
        raise ValueError("packing 'zstd' needs zstandard, which is not installed: pip install stresslib[codec]") from error
    return zstandard
