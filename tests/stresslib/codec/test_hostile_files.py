"""Damaged and hostile files: refused by name, whatever was changed in them, and nothing is read as something else."""

from __future__ import annotations

import hashlib
import itertools
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stressed_rows import AT_HAND, same_bits

import stresslib as sl
from stresslib.codec import CompressedFeatures
from stresslib.codec.format import index_entry_bytes


@pytest.fixture(scope="module")
def written(features: sl.FeatureSet, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("written")
    settled = [("DR2:6,Q2:27", "bits"), ("Q1:5", "radix"), ("DR1:9,QB:52", "xz"), ("QB:64", "bits"), ("none", "bits")]
    if "zstd" in AT_HAND:
        settled.append(("Q2:4", "zstd"))
    return [
        sl.codec.compress(features, spec, folder / "f.stress", packing=packing, block_rows=50).read_bytes()
        for spec, packing in settled
    ]


NUMBERS = itertools.count()


def read_or_refused(folder: Path, raw: bytes) -> np.ndarray | None:
    """Read a file whole; None where it is refused by name. Any other error fails the test."""
    path = folder / f"{next(NUMBERS)}.stress"  # a new file is written faster than an old one again
    path.write_bytes(raw)
    try:
        return CompressedFeatures(path)[:]
    except ValueError as error:
        assert str(path) in str(error)
        return None


def test_damaged_files_are_refused_by_name(written: list[bytes], tmp_path: Path) -> None:
    """2,100 files, cut, grown or with bytes changed: all are refused, none is read as something else."""
    generator = np.random.default_rng(0)
    for number in range(2100):
        raw = bytearray(written[number % len(written)])
        kind, place = number // len(written) % 4, int(generator.integers(len(raw)))
        if kind == 0:
            raw[place] ^= 1 << int(generator.integers(8))
        elif kind == 1:
            del raw[place:]
        elif kind == 2:
            raw[place:place] = bytes(int(generator.integers(1, 9)))
        else:
            raw[place : place + 8] = generator.bytes(8)
        if raw != written[number % len(written)]:
            assert read_or_refused(tmp_path, bytes(raw)) is None


def resigned(raw: bytes, header: Any) -> bytes:
    """Put another header into a file, with the checksum that it takes."""
    (length,) = struct.unpack("<I", raw[12:16])
    text = header if isinstance(header, bytes) else zlib.compress(json.dumps(header).encode())
    start = raw[:12] + struct.pack("<I", len(text)) + text
    return start + hashlib.sha256(start).digest()[:8] + raw[16 + length + 8 :]


STRANGE = [None, -1, 0, 1, 3, 2**31, 2**48, 2**70, 10**30, 0.5, True, "", "Q2:4", "DR2:999999999", "x" * 999, [], ["a"], {}]


def test_headers_that_lie_are_refused_by_name(written: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key with every strange value, absent keys and others, under a checksum that matches: nothing but ValueError."""
    for raw in written:
        (length,) = struct.unpack("<I", raw[12:16])
        header = json.loads(zlib.decompress(raw[16 : 16 + length]))
        right = read_or_refused(tmp_path, resigned(raw, header))
        assert right is not None
        for key in header:
            changes = [header | {key: value} for value in STRANGE]
            changes.append({name: value for name, value in header.items() if name != key})
            for changed in changes:
                got = read_or_refused(tmp_path, resigned(raw, changed))
                # Some lies are none: what no vector depends on, and how many numbers there are that have no bits left.
                telling = key in ("rows", "n_features", "packing", "block_rows") and header["spec"] != "QB:64"
                if got is not None and telling:
                    assert same_bits(got, right)
        stored = zlib.compress(json.dumps(header).encode())
        assert read_or_refused(tmp_path, resigned(raw, stored + b"x")) is None
    for text in (b"", b"{", b"9" * 10_000, *map(zlib.compress, (b"[" * 100_000, b"9" * 10_000, b"\xff", b"[]"))):
        assert read_or_refused(tmp_path, resigned(written[0], text)) is None
    # A right header, that spaces make longer than any header may be once it is expanded.
    monkeypatch.setattr("stresslib.codec.format._LARGEST_HEADER", 5000)
    padded = zlib.compress(json.dumps(header).encode() + b" " * 9000)
    assert read_or_refused(tmp_path, resigned(raw, padded)) is None
    assert read_or_refused(tmp_path, resigned(raw, header)) is not None


def test_blocks_that_lie_are_refused_by_name(written: list[bytes], tmp_path: Path) -> None:
    """Random blocks under checksums that match: refused, or codes that the stress has; no size is believed."""
    generator = np.random.default_rng(1)
    for number in range(300):
        raw = bytearray(written[number % len(written)])
        path = tmp_path / f"{number} before.stress"
        path.write_bytes(raw)
        some = CompressedFeatures(path)
        start, stop = int(some._offsets[0]), int(some._offsets[1])
        if start == stop:
            continue
        for place in generator.integers(start, stop, 1 + number % 3):
            raw[place] ^= 1 << int(generator.integers(8))
        entries, size = len(some._checksums), index_entry_bytes(some.codec)
        index = start - 8 - entries * size
        raw[index + size - 8 : index + size] = hashlib.sha256(raw[start:stop]).digest()[:8]
        raw[start - 8 : start] = hashlib.sha256(raw[index : start - 8]).digest()[:8]
        got = read_or_refused(tmp_path, bytes(raw))
        if got is not None:
            assert got.shape == (120, some.codec.dimensions) and np.isfinite(got).all()


def test_labels_of_no_class_are_refused(written: list[bytes], tmp_path: Path) -> None:
    """Three classes have labels of two bits; the fourth that would fit is none."""
    raw = bytearray(written[4])  # "none": no side information before the labels
    (length,) = struct.unpack("<I", raw[12:16])
    start = 16 + length + 8
    stop = start + 30 + 15
    raw[start] |= 3
    raw[stop : stop + 8] = hashlib.sha256(raw[start:stop]).digest()[:8]
    (tmp_path / "f.stress").write_bytes(raw)
    with pytest.raises(ValueError, match="a label does not name a class"):
        CompressedFeatures(tmp_path / "f.stress")


def test_other_files_are_refused_by_name(tmp_path: Path, features: sl.FeatureSet, written: list[bytes]) -> None:
    path = features.save(tmp_path / "f.safetensors")
    with pytest.raises(ValueError, match=r"f\.safetensors cannot be read.*does not begin"):
        CompressedFeatures(path)
    (tmp_path / "newer.stress").write_bytes(written[0][:8] + b"\x02" + written[0][9:])
    with pytest.raises(ValueError, match=r"newer\.stress.*version 2; this release reads version 1"):
        CompressedFeatures(tmp_path / "newer.stress")
    with pytest.raises(FileNotFoundError, match=r"missing\.stress"):
        CompressedFeatures(tmp_path / "missing.stress")
