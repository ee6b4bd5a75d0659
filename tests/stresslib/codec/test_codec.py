"""The codec: bytes worked out by hand, every bit of the stress given back, any row by itself, and no damage unseen."""

from __future__ import annotations

import hashlib
import itertools
import json
import lzma
import os
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from toy_features import make_features

import stresslib as sl
from stresslib.cli.main import main
from stresslib.codec import (
    PACKINGS,
    Codec,
    CompressedFeatures,
    pack_bits,
    pack_radix,
    radix_digits,
    unpack_bits,
    unpack_radix,
)
from stresslib.codec.packing import _XZ, block_size, code_type, pack, unpack
from stresslib.evaluation.threads import one_thread

try:
    import zstandard  # noqa: F401

    AT_HAND: tuple[str, ...] = PACKINGS
except ModuleNotFoundError:
    AT_HAND = tuple(packing for packing in PACKINGS if packing != "zstd")

SPECS = ["none", "DR1:7", "DR2:6", "Q1:5", "Q2:2", "Q2:300", "QB:0", "QB:31", "QB:45", "QB:56", "DR1:9,QB:52", "DR2:8,Q2:27"]
SPECS += ["QA:3", "DR2:8,QA:21"]


def transformed(spec: str, train: np.ndarray, X: np.ndarray, seed: int = 0) -> np.ndarray:
    """What the Pipeline makes of the rows, products on one thread as the codec and the protocol compute them."""
    with one_thread() if "DR2" in spec else nullcontext():
        out: np.ndarray = sl.make_stress(spec, random_state=seed).fit(train).transform(X)
    return out


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


# Bytes, worked out by hand


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


def test_every_byte_of_a_file_by_hand(tmp_path: Path) -> None:
    """Preamble, header, side information, labels, split, index, block: one after the other, each with its checksum."""
    f = sl.FeatureSet(
        np.array([[0, -8], [1, 8], [4, -4], [2, 0]], dtype=np.float32),
        ["b", "a", "a", "b"],
        train=[True, True, False, False],
        provenance={"dataset": "toy"},
    )
    path = sl.codec.compress(f, "Q2:4", tmp_path / "toy.stress")
    raw = path.read_bytes()
    magic, version, length = struct.unpack("<8sII", raw[:16])
    assert (magic, version) == (b"\x89STRESS\n", 1)
    text = (
        '{"block_rows":524160,"classes":["a","b"],"files":[],"fitted_on":"' + f.digest + '","metric":"accuracy",'
        '"n_features":2,"normalize":false,"packing":"bits","provenance":{"dataset":"toy","layer":"own","model":"own",'
        '"normalization":"none"},"rows":4,"spec":"Q2:4"}'
    )
    assert zlib.decompress(raw[16 : 16 + length]).decode() == text
    header = raw[: 16 + length]
    # Training minimum and maximum, dimension by dimension; labels b a a b as bits 1 0 0 1; split 1 1 0 0.
    arrays = struct.pack("<4f", 0, -8, 1, 8) + bytes([0b1001]) + bytes([0b0011])
    # Bins of 1/4 from 0: 0, 3, 3, 3 (cut); bins of 4 from -8: 0, 3 (cut), 1, 2. Two bits each, row by row: 0 0 3 3 3 1 3 2.
    block = sum(code << 2 * i for i, code in enumerate([0, 0, 3, 3, 3, 1, 3, 2])).to_bytes(2, "little")
    checks = [hashlib.sha256(part).digest()[:8] for part in (header, arrays, block)]
    index = checks[2]
    assert raw == header + checks[0] + arrays + checks[1] + index + hashlib.sha256(index).digest()[:8] + block
    np.testing.assert_array_equal(sl.codec.decompress(path).X, [[0.125, -6], [0.875, 6], [0.875, -2], [0.875, 2]])


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


# Every bit of the stress

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
modest = st.floats(-(2.0**20), 2.0**20, width=32)
few = st.sampled_from([np.float32(number) for number in (0.0, -0.0, 0.5, 1.0, 1 / 3, 2.0, 3.0, 255.0)])
shapes = array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12)


@st.composite
def specs(draw: Any, rows: int, width: int) -> str:
    reduction = draw(st.sampled_from(["", "", "DR1", "DR2"]))
    quantizer = draw(st.sampled_from(["", "Q1", "Q2", "QB", "QA"]))
    tokens = []
    if reduction:
        width = draw(st.integers(1, width if reduction == "DR1" else min(rows, width)))
        tokens.append(f"{reduction}:{width}")
    if quantizer == "QA":
        tokens.append(f"QA:{draw(st.integers(1, 8 * width))}")
    elif quantizer:
        level = st.integers(0, 64) if quantizer == "QB" else st.one_of(st.integers(2, 40), st.sampled_from([256, 257, 5000]))
        tokens.append(f"{quantizer}:{draw(level)}")
    return ",".join(tokens) or "none"


@settings(max_examples=350)
@given(st.data(), shapes, st.booleans(), st.sampled_from(("bits", "radix")), st.integers(0, 3))
def test_decoding_gives_the_stressed_rows_in_every_bit(
    data: Any, shape: tuple[int, int], large: bool, packing: str, seed: int
) -> None:
    """350 arrays under 3 stresses: decode(encode(X)) is transform(X), type, signs of zeros and last digits included."""
    X = data.draw(arrays(np.float32, shape, elements=st.one_of(finite if large else modest, few)))
    rows = data.draw(st.integers(2, len(X)))
    for spec in (data.draw(specs(rows, shape[1])) for _ in range(3)):
        if large and "DR2" in spec:
            continue  # products of numbers as large as the type are infinite, which is refused
        codec = Codec.fit(X[:rows], spec, packing=packing, random_state=seed)
        decoded = codec.decode(codec.encode(X), len(X))
        assert same_bits(decoded, np.asarray(transformed(spec, X[:rows], X, seed)))


def hard_values(low: np.ndarray, high: np.ndarray, n_values: int) -> np.ndarray:
    """Every edge between bins, and the float32 numbers just below and above it."""
    edges = (low + np.arange(n_values + 1)[:, None] * ((high - low) / n_values)).astype(np.float32)
    around = [edges]
    for _ in range(3):
        around = [np.nextafter(around[0], np.float32(-np.inf)), *around, np.nextafter(around[-1], np.float32(np.inf))]
    return np.concatenate(around)


@pytest.mark.parametrize("n_values", [2, 3, 7, 16, 27, 100, 255, 256, 257, 4000])
@pytest.mark.parametrize("scope", ["Q1", "Q2"])
def test_bins_are_those_of_the_quantizer_at_every_edge(n_values: int, scope: str) -> None:
    """Near zero and far from it, wide, narrow, constant and extreme: no value next to an edge may go to the other bin."""
    low = np.array([0, 0, -1, 1000, 1e-30, -3e38, 5, 1e-44], dtype=np.float64)
    high = np.array([1, 0.1, 1, 1001, 3e-30, 3e38, 5, 1e-42], dtype=np.float64)
    train = np.array([low, high]).astype(np.float32)
    if scope == "Q1":
        train = train[:, :3]
    exact = train.astype(np.float64)
    shared = (exact.min(), exact.max()) if scope == "Q1" else (exact[0], exact[1])
    X = hard_values(*(np.broadcast_to(edge, exact[0].shape) for edge in shared), n_values)
    X = np.clip(X, -np.finfo(np.float32).max, np.finfo(np.float32).max)
    quantizer = sl.UniformQuantizer(n_values, scope="shared" if scope == "Q1" else "per_dimension").fit(train)
    np.testing.assert_array_equal(Codec.fit(train, f"{scope}:{n_values}").codes(X), quantizer.encode(X))


def test_no_blocks_are_no_rows() -> None:
    codec = Codec.fit(np.array([[0, 1], [1, 4]], dtype=np.float32), "Q2:4")
    decoded = codec.decode([], 0)
    assert decoded.shape == (0, 2) and decoded.dtype == np.float32


def test_a_centre_is_rounded_as_the_quantizer_rounds_it() -> None:
    """The middle one of three bins from -1 to 1 is 0: 1.5 * 2/3 - 1 in float64, each step rounded; fused it is not 0."""
    symmetric = np.array([[-1], [1], [0]], dtype=np.float32)
    codec = Codec.fit(symmetric, "Q2:3")
    assert codec.decode(codec.encode(symmetric), 3)[2, 0] == 0


@pytest.mark.parametrize("spec", ["none", "DR1:300", "Q1:8", "Q2:27", "QB:52", "DR1:300,Q2:5"])
def test_real_features_come_back_in_every_bit(spec: str, scenes: sl.FeatureSet) -> None:
    codec = Codec.fit(scenes, spec)
    decoded = codec.decode(codec.encode(scenes.X), len(scenes.X))
    assert same_bits(decoded, np.asarray(transformed(spec, scenes.X[scenes.train], scenes.X)))


def test_projections_of_each_block_come_back_in_every_bit() -> None:
    """The last digits of a product depend on the rows that are multiplied together: the blocks are the unit."""
    X = np.random.default_rng(0).normal(size=(500, 60)).astype(np.float32)
    codec = Codec.fit(X[:300], "DR2:40", block_rows=70)
    blocks = [transformed("DR2:40", X[:300], X[start : start + 70]) for start in range(0, 500, 70)]
    assert same_bits(codec.decode(codec.encode(X), 500), np.concatenate(blocks))


def test_products_are_computed_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """In fit and in encode, with principal components, and not else."""
    entered = []

    @contextmanager
    def counting() -> Iterator[None]:
        with one_thread():
            entered.append(1)
            yield

    monkeypatch.setattr("stresslib.codec.codec.one_thread", counting)
    X = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    Codec.fit(X, "Q2:4").encode(X)
    assert len(entered) == 0
    Codec.fit(X, "DR2:3,Q2:4").encode(X)
    assert len(entered) == 2


def test_rows_are_normalised_as_load_features_does(scenes: sl.FeatureSet) -> None:
    """Bit for bit, though block by block; the codec of a file then takes raw rows."""
    raw = sl.load_features("scenes15", "efficientnet-lite0", normalize=False)
    codec = Codec.fit(raw, "Q2:9", normalize=True, block_rows=100)
    np.testing.assert_array_equal(codec.codes(raw.X[:1000]), Codec.fit(scenes, "Q2:9").codes(scenes.X[:1000]))
    few = np.array([[3, 4], [0, 0]], dtype=np.float32)
    decoded = Codec.fit(few, "none", normalize=True)
    np.testing.assert_array_equal(decoded.decode(decoded.encode(few), 2), np.float32([[0.6, 0.8], [0, 0]]))


# Files


@pytest.fixture(scope="module")
def features() -> sl.FeatureSet:
    return make_features(120, 20, 3)


@pytest.mark.parametrize("packing", AT_HAND)
@pytest.mark.parametrize("spec", SPECS)
def test_a_file_gives_back_the_stressed_set(spec: str, packing: str, features: sl.FeatureSet, tmp_path: Path) -> None:
    """Vectors, labels, split, names; and any rows by themselves."""
    path = sl.codec.compress(features, spec, tmp_path / "f.stress", packing=packing, block_rows=16, random_state=3)
    back = sl.codec.decompress(path)
    train = features.X[features.train]
    expected = np.concatenate(
        [np.asarray(transformed(spec, train, features.X[start : start + 16], 3)) for start in range(0, 120, 16)]
    )
    assert same_bits(back.X, expected.astype(np.float32))
    np.testing.assert_array_equal(back.y, features.y)
    np.testing.assert_array_equal(back.train, features.train)
    assert (back.metric, back.classes, back.files) == (features.metric, features.classes, features.files)
    assert back.provenance == features.provenance | {"spec": spec, "fitted_on": features.digest}
    some = CompressedFeatures(path)
    assert len(some) == 120
    for rows in (slice(None), slice(15, 34), slice(100, 3, -7), [119, 0, 16, 15, 0, -1], np.arange(120) % 3 == 0, []):
        assert same_bits(some[rows], expected[rows])
    assert same_bits(some[77], expected[77]) and same_bits(some[np.int64(-1)], expected[-1])
    assert same_bits(np.concatenate(list(some.blocks())), expected)


def test_a_random_row_reads_its_own_block_alone(features: sl.FeatureSet, tmp_path: Path) -> None:
    """The other blocks may even be gone to ruin."""
    path = sl.codec.compress(features, "Q2:8", tmp_path / "f.stress", block_rows=16)
    expected = sl.codec.decompress(path).X
    some, raw = CompressedFeatures(path), bytearray(path.read_bytes())
    raw[-1] ^= 1
    raw[-some.packed_bytes] ^= 1
    path.write_bytes(raw)
    np.testing.assert_array_equal(CompressedFeatures(path)[16:112], expected[16:112])
    with pytest.raises(ValueError, match=r"f\.stress, block 0, rows 0 to 15, .*checksum of the block"):
        some[3]
    with pytest.raises(ValueError, match=r"f\.stress, block 7, rows 112 to 119, .*checksum of the block"):
        some[[50, 115]]
    with pytest.raises(ValueError, match=r"f\.stress, block 0"):
        sl.codec.decompress(path)


def test_several_labels_a_row_and_names_are_kept(tmp_path: Path) -> None:
    f = make_features(60, 9, 4, multilabel=True)
    f = sl.FeatureSet(f.X, f.y, f.train, None, f.classes, [f"image {i}.jpg" for i in range(60)], f.provenance)
    back = sl.codec.decompress(sl.codec.compress(f, "Q1:3", tmp_path / "f.stress"))
    np.testing.assert_array_equal(back.y, f.y)
    assert back.metric == "mAP" and back.files == f.files and back.y.dtype == np.int8


def test_classification_scores_the_same_after_a_file(features: sl.FeatureSet, tmp_path: Path) -> None:
    """What the codec loses is what the stress loses: the score of a decompressed set is that of the stress."""
    for spec in ("DR2:8,Q2:5", "Q1:2", "QB:55"):
        path = sl.codec.compress(features, spec, tmp_path / "f.stress")
        again = sl.evaluate(sl.codec.decompress(path), "none")["score"][0]
        assert again == sl.evaluate(features, spec)["score"][0]


@pytest.mark.parametrize("packing", AT_HAND)
def test_two_runs_on_any_number_of_cores_give_the_same_bytes(
    packing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of 33,000 numbers, which go to as many threads as there are cores."""
    f, written = make_features(4000, 40, 3), []
    for cores in (1, 5):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        path = sl.codec.compress(f, "DR2:30,Q2:5", tmp_path / f"{cores}.stress", packing=packing, block_rows=1100)
        written.append(path.read_bytes())
        assert same_bits(CompressedFeatures(path)[3999:0:-9], sl.codec.decompress(path).X[3999:0:-9])
    assert written[0] == written[1]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["1.stress", "5.stress"]


def test_other_rows_are_encoded_with_the_stress_of_a_file(features: sl.FeatureSet, tmp_path: Path) -> None:
    """The file is enough: another set goes through the same stress, and a digest tells which it was fitted on."""
    other = make_features(30, 20, 3, seed=5)
    codec = CompressedFeatures(sl.codec.compress(features, "DR2:6,Q2:11", tmp_path / "f.stress")).codec
    path = sl.codec.compress(other, codec, tmp_path / "other.stress")
    expected = transformed("DR2:6,Q2:11", features.X[features.train], other.X)
    assert same_bits(CompressedFeatures(path)[:], expected)
    assert sl.codec.decompress(path).provenance["fitted_on"] == features.digest
    assert codec.encode(other.X, fitted_on=features.digest) == codec.encode(other.X)
    with pytest.raises(ValueError, match=f"fitted on the features {features.digest}, not {other.digest}"):
        codec.encode(other.X, fitted_on=other.digest)
    with pytest.raises(ValueError, match=r"rows have 19 numbers; the stress .*DR2:6,Q2:11.* was fitted on 20"):
        codec.encode(other.X[:, 1:])
    with pytest.raises(ValueError, match="fitted on 20"):
        sl.codec.compress(make_features(30, 21, 3), codec, tmp_path / "wide.stress")


def test_memory_stays_flat_whatever_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MB of mapped rows are compressed, and their 32 MB of bytes turned back, with a few MB of memory."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    n, d = 32_000, 500
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (n, d))
    X[:] = np.arange(d, dtype=np.float32) + np.arange(n, dtype=np.float32)[:, None] % 97
    f = sl.FeatureSet(np.load(tmp_path / "X.npy", mmap_mode="r"), np.arange(n) % 2, np.arange(n) // 2 % 2 == 0)
    peaks = []
    tracemalloc.start()
    path = sl.codec.compress(f, "Q2:4", tmp_path / "f.stress", normalize=True, block_rows=192)
    peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.reset_peak()
    CompressedFeatures(path).save(tmp_path / "back.safetensors")
    peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert max(peaks) < 30e6 < X.nbytes / 2
    assert same_bits(
        np.asarray(sl.load_features(tmp_path / "back.safetensors", normalize=False).X), sl.codec.decompress(path).X
    )


# Errors


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((3, 4)), r"float32 matrix.* got float64 .*astype"),
        (np.ones((0, 4), dtype=np.float32), "shape \\(0, 4\\)"),
        (np.ones(4, dtype=np.float32), "one vector a row"),
        (np.ones((3, 5), dtype=np.float32), "rows have 5 numbers; .* fitted on 4"),
        (np.array([[0, 0, 0, 0], [0, 0, np.nan, 0]], dtype=np.float32), "row 1, column 2 holds nan"),
        (np.array([[0, -np.inf, 0, 0]], dtype=np.float32), "row 0, column 1 holds -inf"),
    ],
)
@pytest.mark.parametrize("spec", ["none", "Q1:4", "Q2:4", "Q2:999", "QB:52", "DR1:4"])
def test_rows_that_cannot_be_encoded_are_refused(spec: str, X: np.ndarray, message: str) -> None:
    codec = Codec.fit(np.arange(12, dtype=np.float32).reshape(3, 4), spec)
    with pytest.raises(ValueError, match=message):
        codec.encode(X)


def test_fits_that_cannot_be_are_refused(features: sl.FeatureSet) -> None:
    with pytest.raises(ValueError, match="keeps 21 dimensions of only 20"):
        Codec.fit(features, "DR2:21")
    with pytest.raises(ValueError, match="packing='zip': allowed is bits, radix, zstd, xz"):
        Codec.fit(features, "Q2:4", packing="zip")
    with pytest.raises(ValueError, match="block_rows=0: allowed is 1 to"):
        Codec.fit(features, "Q2:4", block_rows=0)
    broken = features.X.copy()
    broken[7, 3] = np.nan
    with pytest.raises(ValueError, match="row 7, column 3 holds nan"):
        Codec.fit(broken, "Q2:4")
    codec = Codec.fit(features, "Q2:4")
    with pytest.raises(ValueError, match="2 blocks; 120 rows are 1 blocks"):
        codec.decode([b"", b""], 120)
    with pytest.raises(ValueError, match="5 bytes for 2400 codes of 2 bits"):
        codec.decode([b"12345"], 120)


def test_erased_values_below_float32_stay_with_the_reader(features: sl.FeatureSet, tmp_path: Path) -> None:
    """60 erased bits leave 2**-255, which a feature set of float32 would turn into zero."""
    path = sl.codec.compress(features, "QB:60", tmp_path / "f.stress")
    with pytest.raises(ValueError, match=r"f\.stress: QB:60 leaves numbers below those of float32"):
        sl.codec.decompress(path)
    assert same_bits(CompressedFeatures(path)[:], transformed("QB:60", features.X[features.train], features.X))


@pytest.mark.parametrize("rows", [120, -121, [0, 500], "three", 1.5, [[1]], np.ones(7, dtype=bool)])
def test_rows_that_are_not_there_are_refused(rows: Any, features: sl.FeatureSet, tmp_path: Path) -> None:
    some = CompressedFeatures(sl.codec.compress(features, "Q2:4", tmp_path / "f.stress"))
    with pytest.raises(IndexError, match=r"row 120|row -121|row 500|rows are an int, a slice"):
        some[rows]


# Hostile files


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
    monkeypatch.setattr("stresslib.codec.container._LARGEST_HEADER", 5000)
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
        entries, size = len(some._checksums), some.codec.index_entry
        index = start - 8 - entries * size
        raw[index + size - 8 : index + size] = hashlib.sha256(raw[start:stop]).digest()[:8]
        raw[start - 8 : start] = hashlib.sha256(raw[index : start - 8]).digest()[:8]
        got = read_or_refused(tmp_path, bytes(raw))
        if got is not None:
            assert got.shape == (120, some.codec.dimensions) and np.isfinite(got).all()


@pytest.mark.parametrize(
    ("block", "bits", "base", "packing", "message"),
    [
        (bytes([5, 0, 0]), 3, 5, "bits", "code 5 of only 5"),
        (bytes(2), 3, 5, "bits", "2 bytes for 1 codes of 3 bits"),
        (b"x", 0, 1, "bits", "1 bytes for 1 codes of 0 bits"),
        (struct.pack("<Q", 5**27), 3, 5, "radix", "no number of 27 digits of base 5"),
        (struct.pack("<Q", 5), 3, 5, "radix", "no number of 27 digits of base 5"),
        (b"", 3, 5, "xz", "unknown layout"),
        (b"\x02" + lzma.compress(bytes(1), lzma.FORMAT_RAW, filters=_XZ), 3, 5, "xz", "unknown layout"),
        (b"\x01" + lzma.compress(bytes(2), lzma.FORMAT_RAW, filters=_XZ), 12, 4096, "xz", "unknown layout"),
        (b"\x00" + lzma.compress(bytes(2), lzma.FORMAT_RAW, filters=_XZ), 3, 5, "xz", "another size"),
        (b"\x00" + lzma.compress(b"", lzma.FORMAT_RAW, filters=_XZ), 3, 5, "xz", "another size"),
        (b"\x00" + lzma.compress(bytes(1), lzma.FORMAT_RAW, filters=_XZ)[:-1], 3, 5, "xz", "another size"),
        (b"\x00" + lzma.compress(bytes(1), lzma.FORMAT_RAW, filters=_XZ) + b"x", 3, 5, "xz", "another size"),
        (b"\x00" + lzma.compress(bytes([5]), lzma.FORMAT_RAW, filters=_XZ), 3, 5, "xz", "code 5 of only 5"),
        (b"\x00" + lzma.compress(bytes([8]), lzma.FORMAT_RAW, filters=_XZ), 3, 8, "xz", "more than 3 bits"),
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


def test_labels_of_no_class_are_refused(written: list[bytes], tmp_path: Path) -> None:
    """Three classes have labels of two bits; the fourth that would fit is none."""
    raw = bytearray(written[4])  # "none": no side information before the labels
    (length,) = struct.unpack("<I", raw[12:16])
    start = 16 + length + 8
    stop = start + 30 + 15
    raw[start] |= 3
    raw[stop : stop + 8] = hashlib.sha256(raw[start:stop]).digest()[:8]
    (tmp_path / "f.stress").write_bytes(raw)
    with pytest.raises(ValueError, match="a label is of no class"):
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


# Accounting


def test_accounting_by_hand(features: sl.FeatureSet, tmp_path: Path) -> None:
    """120 vectors of 20 numbers, 8 components of 5 bits: side information 20 x 8 + 2 x 8 numbers of 4 bytes."""
    path = sl.codec.compress(features, "DR2:8,Q2:27", tmp_path / "f.stress")
    table = sl.codec.accounting(features, "DR2:8,Q2:27", vectors=[100, 10_000], packings=["bits", "radix"], path=path)
    assert table["packing"].tolist() == ["bits", "bits", "radix", "radix"] and table["vectors"].tolist() == [100, 10_000] * 2
    assert set(table["paper_bits"]) == {40} and set(table["side_bytes"]) == {704}
    # One block: 960 codes of 5 bits are 600 bytes, as digits 74 words of 13; with 8 bytes in the index.
    np.testing.assert_allclose(table["packed_bits"], [8 * 608 / 120] * 2 + [8 * (8 * 74 + 8) / 120] * 2)
    np.testing.assert_allclose(table["side_bits"], [56.32, 0.5632] * 2)
    np.testing.assert_allclose(table["total_bits"], table["packed_bits"] + table["side_bits"])
    # 640 bits without a stress, 20 x 5 and 160 bytes of ranges without the reduction: the first whole N beyond the ratio.
    saved = 640 - 8 * 608 / 120
    assert table["pays_from"][0] == int(704 * 8 / saved) + 1
    without = 8 * (20 * 5 * 120 / 8 + 8) / 120
    assert table["reduction_pays_from"][0] == int((704 - 160) * 8 / (without - 8 * 608 / 120)) + 1
    assert table["file_bytes"][0] == path.stat().st_size and pd.isna(table["file_bytes"][2])


def test_entropy_by_hand() -> None:
    """Four rows: a dimension of four codes has 2 bits, one of two 1 bit, a constant one none."""
    X = np.array([[0, 0, 5], [1, 0, 5], [2, 4, 5], [3, 4, 5]], dtype=np.float32)
    f = sl.FeatureSet(X, ["a", "b", "a", "b"], train=[True, True, False, False])
    codec = Codec.fit(X, "Q2:4")
    assert codec.codes(X).T.tolist() == [[0, 1, 2, 3], [0, 0, 3, 3], [0, 0, 0, 0]]
    both = sl.FeatureSet(np.tile(X, (2, 1)), list("abab" * 2), train=np.arange(8) < 4)
    row = sl.codec.accounting(both, "Q2:4", packings=["bits"]).iloc[0]
    assert row["entropy_bits"] == 3 and row["paper_bits"] == 6 and pd.isna(row["reduction_pays_from"])
    assert np.isnan(sl.codec.accounting(f, "none", packings=["bits"])["entropy_bits"][0])


def test_a_stress_that_saves_nothing_never_pays(features: sl.FeatureSet) -> None:
    table = sl.codec.accounting(features, "none", packings=["bits"])
    assert pd.isna(table["pays_from"][0]) and table["side_bytes"][0] == 0
    # Random selection shares one bit a dimension, 3 bytes, and pays from the first vector.
    row = sl.codec.accounting(features, "DR1:5", packings=["bits"]).iloc[0]
    assert (row["side_bytes"], row["pays_from"]) == (3, 1)


@pytest.mark.parametrize("packing", AT_HAND)
def test_real_features_take_what_they_are_counted(packing: str, scenes: sl.FeatureSet) -> None:
    """320 bytes for 1,280 codes of 2 bits; a compressor comes within 5 % of the zeroth-order entropy."""
    first = sl.FeatureSet(scenes.X[::4], scenes.y[::4], scenes.train[::4])
    row = sl.codec.accounting(first, "Q2:4", packings=[packing]).iloc[0]
    if packing in ("bits", "radix"):
        assert row["paper_bits"] == 2560 and 2560 < row["packed_bits"] < 2561
    else:
        assert 0.9 * row["entropy_bits"] < row["packed_bits"] < 1.05 * row["entropy_bits"]


# The command line


def test_the_command_line_there_and_back(
    features: sl.FeatureSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = features.save(tmp_path / "f.safetensors")
    small, back = tmp_path / "f.stress", tmp_path / "back.safetensors"
    assert main(["compress", str(source), "--spec", "dr2:8,q2:5", "--packing", "radix", "-o", str(small)]) == 0
    assert "bytes a vector" in capsys.readouterr().out
    assert main(["decompress", str(small), "-o", str(back)]) == 0
    assert "120 x 8" in capsys.readouterr().out
    loaded, unit = sl.load_features(back, normalize=False), sl.load_features(source)
    assert same_bits(np.asarray(loaded.X), transformed("DR2:8,Q2:5", unit.X[unit.train], unit.X))
    assert loaded.provenance["spec"] == "DR2:8,Q2:5" and loaded.provenance["normalization"] == "l2"
    assert main(["compress", str(source), "--spec", "Q1:4", "--raw", "-o", str(small)]) == 0
    np.testing.assert_array_equal(sl.codec.decompress(small).X, transformed("Q1:4", features.X[features.train], features.X))
    capsys.readouterr()
    assert main(["decompress", str(source), "-o", str(back)]) == 1
    assert "f.safetensors cannot be read as compressed features" in capsys.readouterr().err
    assert main(["compress", str(source), "--spec", "DR2:21", "-o", str(small)]) == 1
    assert "keeps 21 dimensions" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["compress", "decompress"])
def test_help_of_the_commands_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0 and f"examples:\n  stresslib {command}" in capsys.readouterr().out
