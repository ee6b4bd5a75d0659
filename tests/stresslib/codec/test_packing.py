"""Packing: bytes worked out by hand, every code given back, and blocks that cannot be are refused."""

from __future__ import annotations

import lzma
import struct

import numpy as np
import pytest
from stressed_rows import AT_HAND, same_bits

from stresslib.codec import pack_bits, pack_radix, radix_digits, unpack_bits, unpack_radix
from stresslib.codec.bits import code_type
from stresslib.codec.compressors import XZ_FILTERS
from stresslib.codec.packing import block_size, pack, unpack


def test_packed_bits_by_hand() -> None:
    """Eight codes of b bits are one number of 8 b bits, the first lowest; code j of a longer block is lane j // m."""
    ones = np.array([1, 0, 1, 1, 0, 0, 0, 1], dtype=np.uint8)
    assert pack_bits(ones, 1).tolist() == [0b10001101]
    fives = np.array([1, 2, 3, 4, 5, 6, 7, 31], dtype=np.uint8)
    assert pack_bits(fives, 5).tobytes() == sum(code << 5 * i for i, code in enumerate(fives.tolist())).to_bytes(5, "little")
    # 16 codes: m = 2, so bytes 0 and 1 begin with the codes 0, 2 and 1, 3.
    fours = np.arange(16, dtype=np.uint8)
    assert pack_bits(fours, 4).tobytes().hex() == "2031" + "6475" + "a8b9" + "ecfd"
    # 12 bits: the low bytes one after the other, then the high four bits of each in half a byte.
    twelves = np.array([0xABC, 0x123, 0xFFF, 0, 0, 0, 0, 0x700], dtype="<u2")
    assert pack_bits(twelves, 12).tobytes().hex() == "bc23ff0000000000" + "1a0f0070"
    # 27 bits: 16 as an integer, then 8, then 3.
    assert pack_bits(np.array([0x5ABCDEF], dtype="<u4"), 27).tobytes().hex() == "efcd" + "ab" + "050000"
    floats = np.array([1.0, -2.5], dtype="<f4")
    assert pack_bits(floats.view("<u4"), 32).tobytes() == struct.pack("<2f", 1.0, -2.5)


def test_packed_digits_by_hand() -> None:
    """27**13 < 2**64 < 27**14, so that 13 digits share a word; word i has the codes i, m + i, ..."""
    assert [radix_digits(base) for base in (2, 3, 5, 8, 27, 256, 2**32)] == [64, 40, 27, 21, 13, 8, 2]
    assert pack_radix(np.array([26, 1, 2], dtype=np.uint8), 27).tobytes() == struct.pack("<Q", 26 + 27 + 2 * 27**2)
    codes = np.arange(26, dtype=np.uint8)
    words = [sum((2 * digit + word) * 27**digit for digit in range(13)) for word in range(2)]
    assert pack_radix(codes, 27).tobytes() == struct.pack("<2Q", *words)


@pytest.mark.parametrize("bits", range(33))
def test_what_was_packed_is_unpacked(bits: int) -> None:
    """All widths, and numbers of codes around the sizes of a byte, a word and eight words."""
    generator = np.random.default_rng(bits)
    for count in (1, 2, 7, 8, 9, 63, 64, 65, 512, 1000):
        codes = generator.integers(0, 1 << bits, count).astype(code_type(bits))
        packed = pack_bits(codes, bits)
        assert len(packed) == count * (bits // 8) + -(-count // 8) * (bits % 8)
        assert same_bits(unpack_bits(packed, bits, count), codes)
        if bits:
            assert same_bits(unpack_radix(pack_radix(codes, 1 << bits), 1 << bits, count), codes)
        for packing in AT_HAND:
            table = codes.reshape(-1, 1) if count % 2 else codes.reshape(2, -1)
            block = pack(table, bits, 1 << bits, packing)
            assert block_size(count, bits, 1 << bits, packing) in (None, len(block))
            assert same_bits(np.ascontiguousarray(unpack(block, table.shape, bits, 1 << bits, packing)), table)


@pytest.mark.parametrize(
    ("block", "bits", "base", "packing", "message"),
    [
        (bytes([5, 0, 0]), 3, 5, "bits", "code 5 of only 5"),
        (bytes(2), 3, 5, "bits", "2 bytes for 1 codes of 3 bits"),
        (b"x", 0, 1, "bits", "1 bytes for 1 codes of 0 bits"),
        (struct.pack("<Q", 5**27), 3, 5, "radix", "not a number of 27 digits of base 5"),
        (struct.pack("<Q", 5), 3, 5, "radix", "not a number of 27 digits of base 5"),
        (b"", 3, 5, "xz", "unknown layout"),
        (b"\x02" + lzma.compress(bytes(1), lzma.FORMAT_RAW, filters=XZ_FILTERS), 3, 5, "xz", "unknown layout"),
        (b"\x01" + lzma.compress(bytes(2), lzma.FORMAT_RAW, filters=XZ_FILTERS), 12, 4096, "xz", "unknown layout"),
        (b"\x00" + lzma.compress(bytes(2), lzma.FORMAT_RAW, filters=XZ_FILTERS), 3, 5, "xz", "another size"),
        (b"\x00" + lzma.compress(b"", lzma.FORMAT_RAW, filters=XZ_FILTERS), 3, 5, "xz", "another size"),
        (b"\x00" + lzma.compress(bytes(1), lzma.FORMAT_RAW, filters=XZ_FILTERS)[:-1], 3, 5, "xz", "another size"),
        (b"\x00" + lzma.compress(bytes(1), lzma.FORMAT_RAW, filters=XZ_FILTERS) + b"x", 3, 5, "xz", "another size"),
        (b"\x00" + lzma.compress(bytes([5]), lzma.FORMAT_RAW, filters=XZ_FILTERS), 3, 5, "xz", "code 5 of only 5"),
        (b"\x00" + lzma.compress(bytes([8]), lzma.FORMAT_RAW, filters=XZ_FILTERS), 3, 8, "xz", "more than 3 bits"),
        (b"\x00garbage", 3, 5, "xz", "Corrupt"),
    ],
)
def test_blocks_that_cannot_be_are_refused(block: bytes, bits: int, base: int, packing: str, message: str) -> None:
    """One code expected: codes beyond the dictionary, words of too many digits, streams of another size."""
    with pytest.raises(ValueError, match=message):
        unpack(block, (1, 1), bits, base, packing)


def test_zstandard_streams_that_lie_are_refused() -> None:
    """A frame that claims 2**62 bytes is refused before any is set aside; so are one that is short and one that goes on."""
    compressor = pytest.importorskip("zstandard").ZstdCompressor()
    claim = bytes.fromhex("28b52ffd") + bytes([0xE0]) + struct.pack("<Q", 1 << 62) + bytes([1, 0, 0])
    for frame in (
        claim,
        compressor.compress(bytes(2)),
        compressor.compress(bytes(1)) + b"x",
        compressor.compress(b"a")[:-1],
        b"?",
    ):
        with pytest.raises(ValueError, match=r"size|zstd|frame|data|input|unexpected"):
            unpack(b"\x00" + frame, (1, 1), 3, 5, "zstd")
