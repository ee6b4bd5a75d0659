"""Files: bytes worked out by hand, the whole stressed set given back, and any row by itself."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stressed_rows import AT_HAND, same_bits, transformed
from toy_features import make_features

import stresslib as sl
from stresslib.cli.main import main
from stresslib.codec import Codec, CompressedFeatures
from stresslib.features import unit_rows

EARLIER = Path(__file__).parent / "written_by_0_1_0"
SPECS = ["none", "DR1:7", "DR2:6", "Q1:5", "Q2:2", "Q2:300", "QB:0", "QB:31", "QB:45", "QB:56", "DR1:9,QB:52", "DR2:8,Q2:27"]
SPECS += ["QA:3", "DR2:8,QA:21"]


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


@pytest.mark.parametrize("name", ["DR13-Q24", "DR23-QA9", "Q15", "QB52"])
def test_files_of_an_earlier_release_are_read(name: str) -> None:
    """Version 0.1.0 wrote them, of 12 rows of 5 small integers; rows, labels and names are those of today's stress."""
    X = np.random.default_rng(7).integers(-8, 8, (12, 5)).astype(np.float32)
    compressed = CompressedFeatures(EARLIER / f"{name}.stress")
    starts = range(0, 12, 5)
    expected = [transformed(str(compressed.codec.spec), X[:6], X[start : start + 5]) for start in starts]
    np.testing.assert_allclose(compressed[:], np.concatenate(expected), rtol=1e-6)
    assert compressed.y.tolist() == [0, 1, 2] * 4 and compressed.classes == ("a", "b", "c")
    assert compressed.train.tolist() == [True] * 6 + [False] * 6
    assert compressed.files == tuple(f"{number}.jpg" for number in range(12))


def test_vectors_are_compressed_and_read_without_torch(features: sl.FeatureSet, tmp_path: Path) -> None:
    """Whoever only stores vectors does not install it."""
    source = features.save(tmp_path / "f.safetensors")
    code = f"""
import builtins
real = builtins.__import__
def without_torch(name, *rest, **more):
    if name.partition(".")[0] == "torch":
        raise ModuleNotFoundError(name)
    return real(name, *rest, **more)
builtins.__import__ = without_torch
import stresslib as sl
features = sl.load_features({str(source)!r})
for spec in ("DR1:7,Q1:4", "DR2:6,Q2:5", "DR2:6,QA:20", "QB:52"):
    path = sl.codec.compress(features, spec, {str(tmp_path / "f.stress")!r})
    assert sl.codec.decompress(path).X.shape[0] == 120
    assert sl.codec.accounting(features, spec, packings=["bits"])["paper_bits"][0] == sl.bits_per_vector(spec, 20)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


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


@pytest.mark.parametrize("spec", ["DR1:2", "DR2:2,Q2:5"])
def test_a_block_of_few_numbers_a_row_takes_no_copy_of_the_whole_set(spec: str, tmp_path: Path) -> None:
    """All 1,500 rows of 8,000 numbers are one block of the file, read and reduced in parts; the digits are the stress's."""
    f = make_features(1500, 8000, 3)
    codec = Codec.fit(f, spec, normalize=True)
    codec.encode(f.X[:2])  # what is loaded on first use
    tracemalloc.start()
    [block] = codec.encode_blocks(f.X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < f.X.nbytes
    X = unit_rows(f.X)
    assert same_bits(codec.decode([block], 1500), transformed(spec, X[f.train], X))


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
