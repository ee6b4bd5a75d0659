"""FeatureSet: what goes in comes out again, what is damaged is named, and files of version 0.1.0 are read."""

from __future__ import annotations

import base64
import copy
import errno
import json
import lzma
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from toy_features import make_features

from stresslib import FeatureSet, codec, load_feature_sets, load_features
from stresslib.arrays import frozen
from stresslib.features import (
    EMBEDDED,
    embedded_path,
    features_path,
    featureset,
    library,
    list_features,
    reports,
    shipped_with_checkout,
)
from stresslib.files import file_sha256


def same(first: FeatureSet, second: FeatureSet) -> None:
    """Assert that two sets agree in everything but their place in memory."""
    for name in ("X", "y", "train"):
        one, other = getattr(first, name), getattr(second, name)
        assert one.dtype == other.dtype, name
        np.testing.assert_array_equal(one, other, err_msg=name)
    for name in ("metric", "classes", "files", "provenance", "name", "digest"):
        assert getattr(first, name) == getattr(second, name), name


def full(multilabel: bool = False) -> FeatureSet:
    """A set with everything that a set can have, its rows not of unit norm."""
    drawn = make_features(24, 12, metric=None if multilabel else "mean-class-accuracy", multilabel=multilabel)
    return FeatureSet(
        3 * drawn.X,
        drawn.y,
        drawn.train,
        drawn.metric,
        ["Ärger", "b/c", 'd "e"'],
        [f"folder/{row}.jpg" for row in range(24)],
        {"dataset": "toy", "model": "net-1", "layer": "fc", "versions": {"numpy": "2.0"}, "seed": 3},
    )


@pytest.mark.parametrize("multilabel", [False, True])
def test_what_is_saved_is_loaded(tmp_path: Path, multilabel: bool) -> None:
    """Vectors bit for bit, labels, split, metric, names and provenance; a second time the same bytes on disk."""
    features = full(multilabel)
    first, second = features.save(tmp_path / "one.safetensors"), features.save(tmp_path / "new" / "two.safetensors")
    same(load_features(first, normalize=False), features)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("compact", [False, True])
def test_memory_layout_is_not_part_of_a_set(tmp_path: Path, compact: bool) -> None:
    """Matrices stored columns first (pandas hands them out so) and masks that skip are saved as what they show."""
    X = np.asfortranarray(np.arange(24, dtype=np.float32).reshape(6, 4))
    y = np.asfortranarray([[1, -1, 0], [-1, 1, 1], [1, 1, -1], [-1, -1, 1], [1, 1, -1], [-1, 1, 1]])
    features = FeatureSet(X, y, np.repeat([True, True, False, False, True, False], 2)[::2])
    if compact:
        features.save_compact(tmp_path / "f.safetensors.xz")
        loaded = load_features(tmp_path / "f.safetensors.xz", normalize=False)
    else:
        loaded = load_features(features.save(tmp_path / "f.safetensors"), normalize=False)
        np.testing.assert_array_equal(loaded.X, X)
    np.testing.assert_array_equal(loaded.y, y)
    np.testing.assert_array_equal(loaded.train, features.train)


def test_without_normalisation_nothing_is_read_into_memory(tmp_path: Path) -> None:
    """A set larger than the memory can be opened: its vectors are a map of the file."""
    loaded = load_features(full().save(tmp_path / "f.safetensors"), normalize=False)
    owner: Any = loaded.X
    while isinstance(owner, np.ndarray) and not isinstance(owner, np.memmap):
        owner = owner.base
    assert isinstance(owner, np.memmap)


def test_a_set_may_be_saved_over_the_file_it_is_mapped_from(tmp_path: Path) -> None:
    """The old file lives on under the map until nobody needs it."""
    path = full().save(tmp_path / "f.safetensors")
    loaded = load_features(path, normalize=False)
    loaded.save(path)
    same(load_features(path, normalize=False), full())


def test_normalised_rows_have_unit_norm_and_keep_their_direction(tmp_path: Path) -> None:
    """A row of zeros stays one, and neither tiny nor huge values are lost to the squares; the provenance says so."""
    X = np.array([[3, 4], [0, 0], [3e-30, 4e-30], [3e30, 4e30], [-3, 4], [6e-39, 8e-39]])
    path = FeatureSet(X, [0, 1, 0, 1, 0, 1], np.arange(6) < 3).save(tmp_path / "f.safetensors")
    loaded = load_features(path)
    np.testing.assert_allclose(loaded.X, [[0.6, 0.8], [0, 0], [0.6, 0.8], [0.6, 0.8], [-0.6, 0.8], [0.6, 0.8]], rtol=1e-6)
    assert loaded.X.dtype == np.float32
    assert loaded.provenance["normalization"] == "l2"
    np.testing.assert_array_equal(load_features(path, normalize=False).X, X.astype(np.float32))


def test_normalising_changes_nothing_else(tmp_path: Path) -> None:
    """Labels, split, metric, names and the rest of the provenance come along."""
    loaded, features = load_features(full().save(tmp_path / "f.safetensors")), full()
    np.testing.assert_array_equal(loaded.y, features.y)
    np.testing.assert_array_equal(loaded.train, features.train)
    assert (loaded.metric, loaded.classes, loaded.files) == (features.metric, features.classes, features.files)
    assert loaded.provenance == {**features.provenance, "normalization": "l2"}
    np.testing.assert_allclose(np.linalg.norm(loaded.X, axis=1), 1, rtol=1e-6)


def test_the_compact_form_errs_by_half_a_step_and_never_on_zero(tmp_path: Path) -> None:
    """A byte a value: zeros stay zeros, others move by at most 1/510 of their dimension's largest."""
    generator = np.random.default_rng(0)
    X = np.maximum(generator.normal(0, 1, (60, 8)), 0) * 10.0 ** np.arange(-4, 4)
    X[:, 3] = 0
    features = FeatureSet(X, np.arange(60) % 2, np.arange(60) < 30, provenance={"dataset": "toy"})
    features.save_compact(tmp_path / "f.safetensors.xz")
    loaded = load_features(tmp_path / "f.safetensors.xz", normalize=False)
    np.testing.assert_array_equal(loaded.X == 0, np.rint(255 * X / np.maximum(X.max(axis=0), 1e-30)) == 0)
    assert not loaded.X[X == 0].any()
    assert (np.abs(loaded.X - X) <= X.max(axis=0) * (0.5 / 255 + 1e-6)).all()
    np.testing.assert_array_equal(loaded.y, features.y)
    assert loaded.provenance["dataset"] == "toy" and loaded.X.dtype == np.float32


def test_the_compact_form_keeps_zeros_of_a_dimension_that_is_almost_empty(tmp_path: Path) -> None:
    """A dimension whose largest value is next to nothing does not overflow on the way to its codes."""
    X = np.array([[0, 1], [1e-38, 0], [0, 2], [1e-38, 3]])
    FeatureSet(X, [0, 1, 0, 1], [True, True, False, False]).save_compact(tmp_path / "f.safetensors.xz")
    loaded = load_features(tmp_path / "f.safetensors.xz", normalize=False)
    np.testing.assert_allclose(loaded.X, X, rtol=1e-2, atol=1e-40)


def test_the_compact_form_of_signed_values_errs_by_half_a_step(tmp_path: Path) -> None:
    """From the least to the largest value of each dimension; a constant one stays what it is."""
    X = np.random.default_rng(0).normal(0, 1, (60, 5)) * 10.0 ** np.arange(-3, 2) + [0, 5, -5, 0, 0]
    X[:, 3] = -2.5
    FeatureSet(X, np.arange(60) % 2, np.arange(60) < 30).save_compact(tmp_path / "f.safetensors.xz")
    loaded = load_features(tmp_path / "f.safetensors.xz", normalize=False)
    width = np.ptp(X, axis=0)
    assert (np.abs(loaded.X - X) <= width * 0.5 / 255 + 1e-6 * np.abs(X)).all()
    np.testing.assert_allclose(loaded.X.min(axis=0), X.min(axis=0), rtol=1e-6)
    np.testing.assert_allclose(loaded.X.max(axis=0), X.max(axis=0), rtol=1e-5)
    assert (loaded.X[:, 3] == -2.5).all() and loaded.X.dtype == np.float32


@pytest.mark.parametrize(("value", "word"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (1e39, "inf")])
def test_a_value_that_is_not_a_number_is_found(value: float, word: str) -> None:
    """The message has its row and column, far down in a large matrix too; so has a double too large for a float32."""
    X = np.zeros((5000, 3))
    X[4500, 2] = value
    with pytest.raises(ValueError, match=f"X holds {word} in row 4500, column 2"):
        FeatureSet(X, np.arange(5000) % 2, np.arange(5000) < 10)


EYE, LABELS, SPLIT = np.eye(4), [0, 1, 0, 1], [True, True, False, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros(4)}, r"X is a matrix .* float64 of shape \(4,\)"),
        ({"X": np.zeros((4, 0))}, "X is a matrix"),
        ({"X": [["a", "b"]] * 4}, "X is a matrix of numbers"),
        ({"y": [0, 1, 0]}, r"each of 4 vectors; got .* \(3,\)"),
        ({"y": np.zeros((4, 2, 2))}, "each of 4 vectors"),
        ({"y": [[1, 2], [1, 0]] * 2}, "other values"),
        ({"train": [True, True, False]}, r"mask of shape \(4,\); got bool of shape \(3,\)"),
        ({"train": [1, 1, 0, 0]}, "boolean mask .* got int64"),
        ({"train": [True] * 4}, "train marks all rows or none"),
        ({"train": [False] * 4}, "train marks all rows or none"),
        ({"metric": "mAP"}, "metric='mAP'"),
        ({"metric": "top-5"}, "metric='top-5'"),
        ({"y": [[1, -1], [-1, 1]] * 2, "metric": "accuracy"}, "metric='accuracy'"),
        ({"y": [0, 0, 0, 1]}, "class '1' has no training rows"),
        ({"y": [0, 1, 1, 1]}, "class '0' has no test rows"),
        ({"y": ["cat", "dog", "dog", "dog"]}, "class 'cat' has no test rows"),
        ({"classes": ["a", "b", "c"]}, "class 'c' has no training rows"),
        ({"classes": ["a"]}, "class numbers are 0 to 0; y goes from 0 to 1"),
        ({"y": ["a", "b"] * 2, "classes": ["b", "a"]}, "classes must be the sorted labels"),
        ({"y": ["a"] * 4}, "only one class, .*'a'"),
        ({"y": [0] * 4, "classes": ["a"]}, "only one class|at least two"),
        ({"y": [[1, -1], [-1, -1], [1, 1], [-1, 1]]}, "class '1' has no training positives"),
        ({"y": [[1, 1], [-1, -1], [1, -1], [-1, 0]], "classes": ["a", "b"]}, "class 'b' has no test positives"),
        ({"y": [[1, 1], [-1, -1], [1, 1], [-1, 0]], "classes": ["a", "b"]}, "class 'b' has no test negatives"),
        ({"y": [[1, 1], [-1, 0], [1, 1], [-1, -1]], "classes": ["a", "b"]}, "class 'b' has no training negatives"),
        ({"y": [[1, -1], [-1, 1]] * 2, "classes": ["a"]}, "1 class names for 2 columns"),
        ({"files": ["a.jpg"]}, "1 file names for 4 rows"),
    ],
)
def test_what_does_not_fit_together_is_refused_at_once(arguments: dict[str, Any], message: str) -> None:
    """Not after an hour of training: shapes, masks, metrics and classes are checked where they are given."""
    with pytest.raises(ValueError, match=message):
        FeatureSet(**{"X": EYE, "y": LABELS, "train": SPLIT, **arguments})


def test_a_matrix_of_ones_and_zeros_has_no_difficult_entries() -> None:
    """Without a -1 in it, 0 is negative, as in scikit-learn; with one, 0 is difficult."""
    ones = [[1, 0], [0, 1]] * 2
    assert FeatureSet(EYE, ones, SPLIT).y.tolist() == [[1, -1], [-1, 1]] * 2
    assert FeatureSet(EYE, np.array(ones, dtype=bool), SPLIT).y.tolist() == [[1, -1], [-1, 1]] * 2
    assert FeatureSet(EYE, np.array(ones, dtype=np.uint8), SPLIT).y.tolist() == [[1, -1], [-1, 1]] * 2
    kept = [[1, -1], [-1, 1], [1, -1], [-1, 1]]
    assert FeatureSet(EYE, kept, SPLIT).y.tolist() == kept
    assert FeatureSet(EYE, ones, SPLIT).metric == "mAP"


def test_the_digest_is_of_the_data() -> None:
    """Any change of a vector, a label or the split is another digest; memory layout and names are not data."""
    features = FeatureSet(EYE, LABELS, SPLIT)
    others = [
        FeatureSet(EYE + 1e-6, LABELS, SPLIT),
        FeatureSet(EYE, LABELS[::-1], SPLIT),
        FeatureSet(EYE, LABELS, SPLIT[::-1]),
        FeatureSet(EYE, LABELS, SPLIT, "mean-class-accuracy"),
    ]
    assert len({other.digest for other in [features, *others]}) == 5
    assert FeatureSet(np.asfortranarray(EYE), LABELS, SPLIT, files=list("abcd")).digest == features.digest


def test_a_set_does_not_change_and_so_its_digest_stays_true() -> None:
    """Not through its arrays, not through those that it was made of, not by assignment, and not in a copy."""
    X, y, train = EYE.astype(np.float32), np.array([[1, -1], [-1, 1]] * 2, dtype=np.int8), np.array(SPLIT)
    features = FeatureSet(X, y, train)
    digest, before = features.digest, [features.X.copy(), features.y.copy(), features.train.copy()]
    X[:], y[:], train[:] = 5, -y, ~train
    for name, value in zip(("X", "y", "train"), before, strict=True):
        np.testing.assert_array_equal(getattr(features, name), value)
        for one in (features, copy.deepcopy(features), pickle.loads(pickle.dumps(features))):
            with pytest.raises(ValueError, match="read-only"):
                getattr(one, name)[0] = 0
        with pytest.raises(AttributeError, match=rf"replace\({name}=...\)"):
            setattr(features, name, value)
    assert features.digest == digest == FeatureSet(*before).digest


@pytest.mark.parametrize("suffix", [".safetensors", ".safetensors.xz", ".stress"])
def test_vectors_that_are_read_are_in_memory_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    """What a file gave nobody else can write to, and so it is not copied."""
    path, given = tmp_path / f"f{suffix}", []
    monkeypatch.setattr(featureset, "frozen", lambda array: given.append((array, frozen(array))) or given[-1][1])
    if suffix == ".stress":
        codec.decompress(codec.compress(full(), "Q2:4", path))
    else:
        full().save(path) if suffix == ".safetensors" else full().save_compact(path)
        load_features(path)
    before, after = next(pair for pair in reversed(given) if pair[0].dtype == np.float32)
    assert before is after


def test_class_numbers_and_float64_rows_of_the_caller_stay_his() -> None:
    """What has to be converted anyway is no alias either."""
    X, y = np.eye(4), np.array(LABELS)
    features = FeatureSet(X, y, SPLIT, classes=["a", "b"])
    X[:], y[:] = 0, 0
    assert features.X.tolist() == EYE.tolist() and features.y.tolist() == LABELS
    X[:], y[:] = 1, 1
    assert X.flags.writeable and y.flags.writeable


def written(path: Path, tensors: dict[str, np.ndarray], described: Any) -> Path:
    """Write a safetensors file that is in order but for what the test puts in."""
    save_file(tensors, path, None if described is None else {"stresslib": json.dumps(described)})
    return path


def garbage(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        load_features(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".safetensors.xz"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 4, id="four-bytes"),
        pytest.param(b"\0" * 200, id="zeros"),
        pytest.param(b"label,file\n1,a.jpg\n" * 9, id="text"),
        pytest.param((2**60).to_bytes(8, "little") + b"{}", id="endless-header"),
        pytest.param((2**63 + 5).to_bytes(8, "little") + b"{" * 50, id="negative-header"),
        pytest.param((2).to_bytes(8, "little") + b"{}", id="no-arrays"),
        pytest.param((2).to_bytes(8, "little") + b"[]", id="list"),
        pytest.param((4).to_bytes(8, "little") + b"null", id="null"),
        pytest.param((3).to_bytes(8, "little") + b"\xff\xfe\xfd", id="no-unicode"),
        pytest.param(bytes(np.random.default_rng(0).integers(0, 256, 500, dtype=np.uint8)), id="noise"),
    ],
)
def test_a_file_that_is_not_a_feature_set_is_named(tmp_path: Path, content: bytes, suffix: str) -> None:
    """Whatever it holds: a ValueError with the path, never a MemoryError or a guess."""
    garbage(tmp_path / f"f{suffix}", content)
    garbage(tmp_path / f"g{suffix}", lzma.compress(content))


@pytest.mark.parametrize("shape", [[2**62, 2**62], [2**40, 4], [-4, 4], [4, 4, 4], "many"])
def test_a_header_that_promises_too_much_is_named(tmp_path: Path, shape: Any) -> None:
    """Shapes that the file cannot have are found before memory is asked for."""
    path = FeatureSet(EYE, LABELS, SPLIT).save(tmp_path / "f.safetensors")
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header["X"]["shape"] = shape
    text = json.dumps(header).encode()
    garbage(path, len(text).to_bytes(8, "little") + text + raw[8 + length :])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda header: header["X"].update(data_offsets=[0, 64]), id="overlap"),
        pytest.param(lambda header: header["X"].update(shape=[4, 3]), id="narrow"),
        pytest.param(lambda header: header["X"].update(shape=[2, 4]), id="short"),
        pytest.param(lambda header: header["y"].update(dtype="I32"), id="half-as-wide"),
        pytest.param(lambda header: header["train"].update(data_offsets=[96, 99]), id="does-not-cover"),
        pytest.param(lambda header: header.update(more={"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}), id="extra"),
    ],
)
def test_what_the_library_of_the_format_refuses_is_refused(tmp_path: Path, change: Any) -> None:
    """Tensors lie one behind the other, each as long as its shape and type say: else the numbers are others'."""
    path = FeatureSet(EYE, LABELS, SPLIT).save(tmp_path / "f.safetensors")
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    garbage(path, len(text).to_bytes(8, "little") + text + raw[8 + length :])
    with pytest.raises(SafetensorError):
        load_file(path)


DESCRIPTION = {"stresslib": json.dumps({"metric": "accuracy", "classes": ["0", "1"], "files": [], "provenance": {}})}


def test_whole_files_of_other_kinds_are_named_with_what_to_do(tmp_path: Path) -> None:
    """Nothing about them is damaged."""
    X = EYE.astype(np.float32)
    rest = {"y": np.array(LABELS), "train": np.array(SPLIT)}
    codec.compress(FeatureSet(EYE, LABELS, SPLIT), "Q2:4", tmp_path / "a.stress")
    np.save(tmp_path / "X.npy", X)
    np.savez(tmp_path / "X.npz", X=X)
    (tmp_path / "X.csv").write_text("0,1\n1,0\n")
    (tmp_path / "X.pkl").write_bytes(pickle.dumps(X))
    (tmp_path / "X.parquet").write_bytes(b"PAR1" + bytes(50))
    (tmp_path / "lfs.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    (tmp_path / "xz.safetensors").write_bytes(lzma.compress(bytes(9)))
    save_file({"embeddings": X}, tmp_path / "plain.safetensors")
    save_file({"X": X, **rest}, tmp_path / "bare.safetensors")
    save_file({"X": X.astype(np.float16), **rest}, tmp_path / "half.safetensors", DESCRIPTION)
    for name, message in {
        "a.stress": "is a compressed file: 'stresslib decompress",
        "X.npy": "is a NumPy array: import it first",
        "X.npz": "is a zip archive",
        "X.csv": "is a text: 'stresslib import",
        "X.pkl": "is a pickle",
        "X.parquet": "is a Parquet table",
        "lfs.safetensors": "is a pointer of Git LFS",
        "xz.safetensors": "is compressed by xz",
        "plain.safetensors": "has the tensor.s. embeddings where a feature file has X, y, train",
        "bare.safetensors": "not their description",
        "half.safetensors": "X is F16; float32 is read",
    }.items():
        with pytest.raises(ValueError, match=message) as caught:
            load_features(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value) and "damaged" not in str(caught.value)


def test_a_header_as_long_as_a_pickle_begins_is_a_header(tmp_path: Path) -> None:
    """Its length is the first bytes of a file: 640 begins as a pickle of protocol 2 does."""
    features = FeatureSet(EYE, LABELS, SPLIT, provenance={"note": ""})
    length = int.from_bytes(features.save(tmp_path / "f.safetensors").read_bytes()[:8], "little")
    padded = features.replace(provenance={"note": "x" * (640 - length)})
    path = padded.save(tmp_path / "f.safetensors")
    assert path.read_bytes().startswith(b"\x80\x02")
    same(load_features(path, normalize=False), padded)


@pytest.mark.parametrize("compact", [False, True])
def test_a_truncated_file_is_named_wherever_it_ends(tmp_path: Path, compact: bool) -> None:
    """An interrupted copy, at any byte."""
    path = tmp_path / ("f.safetensors.xz" if compact else "f.safetensors")
    features = FeatureSet(EYE, LABELS, SPLIT)
    features.save_compact(path) if compact else features.save(path)
    content = path.read_bytes()
    for end in range(0, len(content), 7):
        garbage(path, content[:end])
    garbage(path, content[:-1])


@pytest.mark.parametrize(
    "described",
    [None, {}, [], 5, {"metric": "accuracy"}, {"metric": "accuracy", "classes": 3, "files": [], "provenance": {}}],
)
def test_somebody_elses_safetensors_file_is_named(tmp_path: Path, described: Any) -> None:
    """Right format, no feature set: the description is missing or another one."""
    y = np.array(LABELS, dtype=np.int64)
    tensors = {"X": EYE.astype(np.float32), "y": y, "train": np.array(SPLIT)}
    path = written(tmp_path / "f.safetensors", tensors, described)
    with pytest.raises(ValueError) as caught:
        load_features(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("change", [{"X": None}, {"train": None}, {"X": EYE}, {"X": EYE[0].astype(np.float32)}])
def test_a_file_without_the_right_arrays_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """An array that is missing, of another type or of another shape."""
    changed = {"X": EYE.astype(np.float32), "y": np.array(LABELS), "train": np.array(SPLIT), **change}
    tensors = {name: value for name, value in changed.items() if value is not None}
    described = {"metric": "accuracy", "classes": ["0", "1"], "files": [], "provenance": {}}
    path = written(tmp_path / "f.safetensors", tensors, described)
    with pytest.raises(ValueError) as caught:
        load_features(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "call", [lambda: load_features("caltech101", "net-9", "fc7"), lambda: load_features("caltech101/net-9/fc7")]
)
def test_features_that_are_not_there_come_with_the_command_that_makes_them(call: Any) -> None:
    """One line to copy."""
    with pytest.raises(FileNotFoundError, match="stresslib extract caltech101 --model net-9 --layer fc7"):
        call()


@pytest.mark.parametrize(
    ("source", "message"), [("nothing.safetensors", "no such file"), ("a/b", "neither"), ("a//c", "neither")]
)
def test_a_source_that_means_nothing_says_so(source: str, message: str) -> None:
    """A mistyped path is not a data set."""
    with pytest.raises(FileNotFoundError, match=message):
        load_features(source)


@pytest.mark.parametrize("damage", ["empty", "half", "foreign"])
def test_a_damaged_file_in_the_cache_has_its_line(own_cache: Path, damage: str) -> None:
    """One bad file neither hides nor stops what is to be said of the others."""
    good = FeatureSet(**{**vars(full()), "provenance": {**full().provenance, "preprocessing": "flipped"}})
    good.save(own_cache / "features" / "toy--net--fc.safetensors")
    bad = own_cache / "features" / "toy--net--bad.safetensors"
    whole = (own_cache / "features" / "toy--net--fc.safetensors").read_bytes()
    if damage == "foreign":
        save_file({"weights": np.zeros(3, np.float32)}, bad)
    else:
        bad.write_bytes(b"" if damage == "empty" else whole[: len(whole) // 2])
    first, second = reports()
    assert bad.name in first and "remove it" in first
    assert "toy--net--fc" in second and "flipped" in second


def test_the_users_cache_is_found_by_name(own_cache: Path) -> None:
    """What `extract` put there is loaded by its three names, in either form, and listed."""
    features = full()
    path = features.save(features_path("toy", "net-1", "fc"))
    assert own_cache in path.parents
    for loaded in (load_features("toy", "net-1", "fc", normalize=False), load_features("toy/net-1/fc", normalize=False)):
        same(loaded, features)
    assert ("toy/net-1/fc", path) in list_features()
    assert [found.name for found in load_feature_sets("toy", ["net-1"], "fc")] == ["toy/net-1/fc"]
    assert [found.name for found in load_feature_sets(["toy/net-1/fc", str(path)], ["a", "b"])] == ["toy/net-1/fc"]


def test_vectors_that_exceed_the_memory_are_written_block_by_block(tmp_path: Path) -> None:
    """The same bytes as of the whole matrix; blocks that are not its rows are refused, and nothing stays of them."""
    features = full()
    features.save(tmp_path / "whole.safetensors")
    without = FeatureSet(
        np.zeros((len(features.X), 1)),
        features.y,
        features.train,
        features.metric,
        features.classes,
        features.files,
        features.provenance,
    )
    blocks = [features.X[:2], features.X[2:3], features.X[3:]]
    without.save(tmp_path / "blocks.safetensors", vectors=blocks)
    assert (tmp_path / "blocks.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    for wrong in (blocks[:2], [*blocks, blocks[1]], [blocks[0][:, :1], *blocks[1:]]):
        with pytest.raises(ValueError, match=f"wrong.safetensors: the vectors to write are not {len(features.X)} rows"):
            without.save(tmp_path / "wrong.safetensors", vectors=wrong)
    with pytest.raises(ValueError, match="X holds nan"):
        without.save(tmp_path / "wrong.safetensors", vectors=[blocks[0], blocks[1] * np.nan])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocks.safetensors", "whole.safetensors"]


def test_a_saved_set_is_read_by_the_library_of_the_format(tmp_path: Path) -> None:
    features = full()
    tensors = load_file(features.save(tmp_path / "f.safetensors"))
    assert np.array_equal(tensors["X"], features.X) and tensors["X"].dtype == np.float32
    assert np.array_equal(tensors["y"], features.y) and np.array_equal(tensors["train"], features.train)


def test_what_a_kill_left_behind_is_not_listed() -> None:
    """A temporary file of a process that was killed in the middle of a write is not a feature set."""
    path = features_path("toy", "net-1", "fc")
    before = list_features()
    path.parent.mkdir(parents=True)
    (path.parent / f".{path.name}.k2j3h4").write_bytes(b"half")
    assert list_features() == before


@pytest.mark.parametrize("kind", ["plain", "compact"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Half a file is never seen: the old one stays whole, no temporary stays, and the message names path and reason."""
    path = tmp_path / ("f.safetensors" if kind == "plain" else "f.safetensors.xz")
    features = full()
    (features.save if kind == "plain" else features.save_compact)(path)
    before = path.read_bytes()

    def fill_the_disk(path: Path, *_: Any) -> None:
        with open(path, "wb") as stream:
            stream.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    def first_rows() -> Iterator[Any]:
        yield features.X[:2]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        if kind == "plain":
            features.save(path, vectors=first_rows())
        else:
            monkeypatch.setattr(Path, "write_bytes", fill_the_disk)
            features.save_compact(path)
    assert str(path) in str(caught.value)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_interrupted_save_leaves_the_old_file(tmp_path: Path) -> None:
    """Ctrl-C in the middle is not turned into another error, and leaves nothing behind either."""
    path = full().save(tmp_path / "f.safetensors")
    before = path.read_bytes()

    features = full(multilabel=True)

    def interrupted() -> Iterator[Any]:
        yield features.X[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        features.save(path, vectors=interrupted())
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_shipped_features_are_what_their_card_says(scenes: FeatureSet) -> None:
    """4,467 rectified rows of unit norm in 1,280 dimensions, 15 classes, their origin on record."""
    assert scenes.X.shape == (4467, 1280) and scenes.X.dtype == np.float32
    assert (scenes.X >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(scenes.X, axis=1), 1, rtol=1e-5)
    assert (len(scenes.classes), int(scenes.train.sum()), scenes.metric) == (15, 1498, "accuracy")
    assert scenes.name == "scenes15/efficientnet-lite0/pooled"
    assert {"weights_sha256", "archive_sha256", "preprocessing", "versions"} <= set(scenes.provenance)


# --- files of version 0.1.0 -----------------------------------------------------------------------------------------------


VERSION_0_1_0 = {
    ".safetensors": (
        "AAIAAAAAAAB7IlgiOiB7ImRhdGFfb2Zmc2V0cyI6IFszMiwgODBdLCAiZHR5cGUiOiAiRjMyIiwgInNoYXBlIjogWzQsIDNdfSwgIl9fbWV0YWRh"
        "dGFfXyI6IHsic3RyZXNzbGliIjogIntcImNsYXNzZXNcIjogW1wiY2F0XCIsIFwiZG9nXCJdLCBcImZpbGVzXCI6IFtcImEvMC5wbmdcIiwgXCJi"
        "LzEucG5nXCIsIFwiYS8yLnBuZ1wiLCBcImIvMy5wbmdcIl0sIFwibWV0cmljXCI6IFwiYWNjdXJhY3lcIiwgXCJwcm92ZW5hbmNlXCI6IHtcImRh"
        "dGFzZXRcIjogXCJ0b3lcIiwgXCJsYXllclwiOiBcImZjXCIsIFwibW9kZWxcIjogXCJuZXRcIiwgXCJub3JtYWxpemF0aW9uXCI6IFwibm9uZVwi"
        "LCBcInZlcnNpb25zXCI6IHtcInN0cmVzc2xpYlwiOiBcIjAuMS4wXCJ9fX0ifSwgInRyYWluIjogeyJkYXRhX29mZnNldHMiOiBbODAsIDg0XSwg"
        "ImR0eXBlIjogIkJPT0wiLCAic2hhcGUiOiBbNF19LCAieSI6IHsiZGF0YV9vZmZzZXRzIjogWzAsIDMyXSwgImR0eXBlIjogIkk2NCIsICJzaGFw"
        "ZSI6IFs0XX19ICAgICAgIAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAgD8AACBAAACAQAAAAAAAAIA+AAAAAAAAQEAAAIA/"
        "AACAPwAAAAAAAAAAAQEAAA=="
    ),
    ".safetensors.xz": (
        "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4AJjAT5dABAAfBszgXBOomBSjJ8Ta7Ld0HuvM1OzndiZuaccmZtZ/GuiphrqKrohJ6fuEA62B2PWCgA8"
        "BHPcnA5fBdv/KKZVV+0VFIaEXTu997MQT5EizItfkF9QXrABLuCxcpOhWFYT01VZGXBuVLLYSBG0IpOoXBxVlT1pFPZSSMGxyaDq7KNtIC2DO6fV"
        "mdc2Wdn1tGXKD2fDGVTY/6JyD44GyQhWxQHanfqvM+ft7RsUGKK9le67GVcv1iE8m3RV98BQEY2Efu/ImfpoCK8xxWereWFxJbesoDVrU2SBZsqb"
        "k1SqbSXsoje0HZPKZnaDVZJ0I9flCrDCAJGlIBGtFVvZswWr0VtmDUY0Z8qK/ODEbmUP27nxNRD/2xNWR7nEtNFkn5WuuA/j6ZBdy3FxSF7Bybhw"
        "qToBTZlYsj9LheZ2AAAAAJGZq89m/2xQAAHaAuQEAABHxiRUscRn+wIAAAAABFla"
    ),
}
"""The set of the next test as version 0.1.0 wrote it, in both forms, in base64."""


@pytest.mark.parametrize("suffix", VERSION_0_1_0)
def test_files_of_version_0_1_0_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"toy{suffix}"
    path.write_bytes(base64.b64decode(VERSION_0_1_0[suffix]))
    loaded = load_features(path, normalize=False)
    step = 4 / 255 / 2 if suffix.endswith(".xz") else 0  # of the widest dimension
    np.testing.assert_allclose(loaded.X, [[0, 1, 2.5], [4, 0, 0.25], [0, 3, 1], [1, 0, 0]], rtol=0, atol=step)
    assert loaded.y.tolist() == [0, 1, 0, 1] and loaded.train.tolist() == [True, True, False, False]
    assert (loaded.name, loaded.metric, loaded.classes) == ("toy/net/fc", "accuracy", ("cat", "dog"))
    assert loaded.files == ("a/0.png", "b/1.png", "a/2.png", "b/3.png")
    assert loaded.provenance["versions"] == {"stresslib": "0.1.0"}


def test_every_shipped_set_is_read_and_indexed() -> None:
    """The index is what an installation without the larger sets knows of them; all of them are of version 0.1.0."""
    paths = sorted(EMBEDDED.glob("*.xz"))
    assert {path.name: file_sha256(path) for path in paths} == shipped_with_checkout()
    for path in paths:
        loaded = load_features(path, normalize=False)
        assert embedded_path(*loaded.name.split("/")) == path
        assert loaded.provenance["versions"]["stresslib"] == "0.1.0"


def test_features_that_only_a_checkout_ships_are_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an installed wheel, which brings the small sets only."""
    monkeypatch.setattr(library, "EMBEDDED", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"--layer pooled', or take them from a checkout .*\. At hand: "):
        load_features("caltech101/efficientnet-lite0/pooled")
    with pytest.raises(FileNotFoundError, match=r"--layer fc7'\. At hand: "):
        load_features("caltech101/net-9/fc7")
