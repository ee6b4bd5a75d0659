"""Arrays of every kind: taken rightly, or refused at once, wherever they come in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
import torch
from sklearn.exceptions import DataConversionWarning

import stresslib as sl
from stresslib.arrays import frozen
from stresslib.running.separation_sweep import sweep_separation

ROWS = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
LABELS = np.arange(24) % 3
SPLIT = np.arange(24) < 12


def masked(values: Any = ROWS) -> Any:
    hidden = np.ma.masked_array(values.copy(), mask=False)
    hidden[3] = np.ma.masked
    return hidden


DOORS: dict[str, Callable[[Any], Any]] = {
    "a set": lambda X: sl.FeatureSet(X, LABELS, SPLIT).X,
    "separation": lambda X: sl.separation_index(X, LABELS),
    "separation of others": lambda X: sl.separation_index(ROWS, LABELS, X_test=X, y_test=LABELS),
    "smoothness": lambda X: sl.smoothness_index(X, LABELS.astype(float)),
    "codec": lambda X: sl.codec.Codec.fit(X, "Q2:4").codes(X),
    "DR1": lambda X: sl.RandomSelection(2).fit_transform(X),
    "DR2": lambda X: sl.PrincipalComponents(2).fit_transform(X),
    "Q2": lambda X: sl.UniformQuantizer(4).fit_transform(X),
    "QA": lambda X: sl.AllocatedQuantizer(8).fit_transform(X),
    "QB": lambda X: sl.BitErasure(40).fit_transform(X),
    "the classifier": lambda X: sl.LinearSVM().fit(X, LABELS).decision_function(X),
}


@pytest.mark.parametrize("door", DOORS)
def test_masked_values_are_refused_wherever_they_come_in(door: str) -> None:
    """What is under a mask is not data; an array of which nothing is masked is taken."""
    with pytest.raises(ValueError, match=r"has 4 masked value\(s\)"):
        DOORS[door](masked())
    np.testing.assert_array_equal(DOORS[door](np.ma.masked_array(ROWS)), DOORS[door](ROWS))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", ["matrix", "tensor", "tensor with a gradient", "frame"])
def test_other_kinds_of_arrays_are_what_they_hold(door: str, kind: str) -> None:
    """NumPy's matrices, torch's tensors and frames of pandas give the result of the array."""
    if kind == "matrix":
        with pytest.warns(PendingDeprecationWarning):
            given: Any = np.matrix(ROWS)
    elif kind == "frame":
        given = pd.DataFrame(ROWS, columns=list("abcd"))
    else:
        given = torch.tensor(ROWS, requires_grad=kind != "tensor")
    np.testing.assert_array_equal(DOORS[door](given), DOORS[door](ROWS))


def test_numbers_that_numpy_does_not_have_become_float32() -> None:
    given = torch.from_numpy(ROWS).bfloat16()
    np.testing.assert_array_equal(sl.FeatureSet(given, LABELS, SPLIT).X, given.float().numpy())


def test_a_frame_of_nullable_numbers_is_a_matrix() -> None:
    """pandas hands it out as objects; a missing one is not a number."""
    frame = pd.DataFrame({"a": pd.array([1, 2, 3, 4], dtype="Int64"), "b": pd.array([1.5, 0, 0, 2], dtype="Float32")})
    split = [True, True, False, False]
    assert sl.FeatureSet(frame, [0, 1, 0, 1], split).X.tolist() == [[1, 1.5], [2, 0], [3, 0], [4, 2]]
    frame.loc[2, "a"] = pd.NA
    with pytest.raises(ValueError, match="X holds nan in row 2, column 0"):
        sl.FeatureSet(frame, [0, 1, 0, 1], split)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (scipy.sparse.csr_matrix(ROWS), r"X is a sparse csr_matrix; give X.toarray\(\)"),
        (scipy.sparse.coo_array(ROWS), "X is a sparse coo_array"),
        (np.zeros(24, dtype=[("a", float), ("b", float)]), "records with the fields a, b"),
        ([[1, 2], [3]] * 12, "X cannot be read as an array"),
        (ROWS.astype(complex), "X is a matrix of numbers, one vector a row; got complex128"),
        (ROWS.astype(str), "X is a matrix of numbers"),
        (ROWS.astype(object), "X is a matrix of numbers"),
        (masked().astype(int), "masked"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(X: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sl.FeatureSet(X, LABELS, SPLIT)


@pytest.mark.parametrize("kind", [bool, np.float16, np.int8, np.float64, np.int64])
def test_numbers_of_every_width_become_float32(kind: type) -> None:
    X = (10 * ROWS).astype(kind)
    features = sl.FeatureSet(X, LABELS, SPLIT)
    assert features.X.dtype == np.float32
    np.testing.assert_array_equal(features.X, X.astype(np.float32))


# --- labels, splits and names --------------------------------------------------------------------------------------------

FOUR, HALF = np.eye(4), [True, True, False, False]
LABEL_DOORS: dict[str, Callable[[Any], Any]] = {
    "a set": lambda y: sl.FeatureSet(FOUR, y, HALF).classes,
    "separation": lambda y: sl.separation_index(FOUR, y),
    "the classifier": lambda y: sl.LinearSVM().fit(FOUR, y).classes_.tolist(),
}


@pytest.mark.parametrize("door", LABEL_DOORS)
@pytest.mark.parametrize(
    "y",
    [
        ["cat", None, "cat", "dog"],
        [0.0, np.nan, 0.0, 1.0],
        pd.Series(["cat", pd.NA, "cat", "dog"], dtype="string"),
        pd.array([0, None, 0, 1], dtype="Int64"),
        pd.Categorical(["cat", None, "cat", "dog"]),
        np.array(["2026-01-01", "NaT", "2026-01-01", "2026-01-02"], dtype="M8[D]"),
    ],
)
def test_a_missing_label_is_not_a_class(door: str, y: Any) -> None:
    with pytest.raises(ValueError, match="y has no label in row 1"):
        LABEL_DOORS[door](y)


@pytest.mark.parametrize("door", LABEL_DOORS)
def test_masked_and_mixed_labels_are_refused(door: str) -> None:
    with pytest.raises(ValueError, match=r"y has 1 masked value"):
        LABEL_DOORS[door](np.ma.masked_array([0, 1, 0, 1], mask=[0, 0, 0, 1]))
    with pytest.raises(ValueError, match="labels of several types, int, str"):
        LABEL_DOORS[door](np.array(["cat", 1, "cat", 1], dtype=object))


@pytest.mark.parametrize("door", LABEL_DOORS)
@pytest.mark.parametrize(
    "y",
    [
        pd.Series(list("abab")),
        pd.Categorical(list("abab")),
        np.array(list("abab"), dtype=object),
        np.array(list("abab"), "S1"),
    ],
)
def test_labels_of_every_kind_are_the_labels(door: str, y: Any) -> None:
    """Also bytes, which are not named b'a'."""
    np.testing.assert_array_equal(LABEL_DOORS[door](y), LABEL_DOORS[door](list("abab")))


@pytest.mark.parametrize("door", LABEL_DOORS)
@pytest.mark.parametrize("y", [[[0], [1], [0], [1]], [["a"], ["b"], ["a"], ["b"]], pd.DataFrame({"label": list("abab")})])
def test_one_column_is_labels(door: str, y: Any) -> None:
    """As one column of a table gives it; with scikit-learn's warning."""
    plain = np.asarray(y)[:, 0]
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        found = LABEL_DOORS[door](y)
    np.testing.assert_array_equal(found, LABEL_DOORS[door](plain))


def test_one_column_is_a_class_where_that_is_said() -> None:
    """By a -1 in it, which no label of two is, or by the metric."""
    signed = sl.FeatureSet(FOUR, [[1], [-1], [1], [-1]], HALF)
    asked = sl.FeatureSet(FOUR, [[1], [0], [1], [0]], HALF, "mAP", ["cat"])
    assert signed.metric == asked.metric == "mAP"
    assert signed.y.tolist() == asked.y.tolist() == [[1], [-1], [1], [-1]]


def test_a_split_of_other_kinds_is_taken_or_refused() -> None:
    taken = sl.FeatureSet(FOUR, [0, 1, 0, 1], pd.Series(HALF)).train
    assert taken.tolist() == HALF
    assert sl.FeatureSet(FOUR, [0, 1, 0, 1], torch.tensor(HALF)).train.tolist() == HALF
    with pytest.raises(ValueError, match="train has 1 masked"):
        sl.FeatureSet(FOUR, [0, 1, 0, 1], np.ma.masked_array(HALF, mask=[1, 0, 0, 0]))


def test_paths_are_names_of_files(tmp_path: Path) -> None:
    features = sl.FeatureSet(FOUR, [0, 1, 0, 1], HALF, files=[Path("a") / f"{n}.png" for n in range(4)])
    assert features.files == ("a/0.png", "a/1.png", "a/2.png", "a/3.png")
    assert sl.load_features(features.save(tmp_path / "f.safetensors")).files == features.files


@pytest.mark.parametrize("name", ["files", "classes"])
def test_one_name_is_not_a_list_of_its_letters(name: str) -> None:
    names: dict[str, Any] = {name: "abcd" if name == "files" else "ab"}
    with pytest.raises(ValueError, match=f"{name}=.* is one name"):
        sl.FeatureSet(FOUR, [0, 1, 0, 1], HALF, **names)


# --- what does not change -------------------------------------------------------------------------------------------------


def test_an_array_is_frozen_with_a_copy_only_where_somebody_could_write() -> None:
    mine = np.zeros((3, 2))
    view = mine[:2]
    view.flags.writeable = False
    kept = frozen(view)
    mine[0] = 7
    assert kept.tolist() == [[0, 0], [0, 0]] and not kept.flags.writeable
    assert frozen(kept) is kept
    assert frozen(np.asfortranarray(mine)).flags.f_contiguous


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_what_scikit_learn_hands_out_elsewhere_changes_no_table(small: sl.FeatureSet, output: str, tmp_path: Path) -> None:
    """`set_config` is global; inside, arrays are arrays."""
    specs = ["none", "DR1:10", "DR2:10", "DR2:10,Q2:4", "Q1:4", "QA:60", "QB:45"]

    def tables() -> list[pd.DataFrame]:
        return [
            sl.sweep(small, specs, n_jobs=1, progress=False),
            sweep_separation(small, specs, n_jobs=1),
            *(sl.evaluate(small, spec) for spec in specs),
            pd.DataFrame({"standardized": [sl.separation_index(small.X, small.y, standardize=True)]}),
            sl.codec.accounting(small, "DR2:10,Q2:4", packings=["bits"]),
            pd.DataFrame(sl.codec.decompress(sl.codec.compress(small, "DR2:10,QA:30", tmp_path / "f.stress")).X),
        ]

    expected = tables()
    with sklearn.config_context(transform_output=output):
        found = tables()
    for one, other in zip(expected, found, strict=True):
        pd.testing.assert_frame_equal(one, other)


# --- integers of few bits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64])
def test_integers_of_few_bits_do_not_overflow(kind: Any) -> None:
    """A width of NumPy's is the number that it is."""
    X = np.random.default_rng(0).normal(size=(20, 300)).astype(np.float32)
    pairs: list[tuple[Any, Any]] = [
        (sl.BitErasure(kind(52)), sl.BitErasure(52)),
        (sl.UniformQuantizer(kind(100)), sl.UniformQuantizer(100)),
        (sl.AllocatedQuantizer(kind(100)), sl.AllocatedQuantizer(100)),
    ]
    for narrow, plain in pairs:
        assert narrow.fit(X).bits_per_vector == plain.fit(X).bits_per_vector
        np.testing.assert_array_equal(narrow.decode(narrow.encode(X)), plain.transform(X))
    np.testing.assert_array_equal(sl.RandomSelection(kind(100)).fit_transform(X), sl.RandomSelection(100).fit_transform(X))
    assert sl.bits_per_vector("none", kind(100)) == 3200
    assert sl.compression_rate("Q2:4", kind(100)) == 1 - 2 / 32
    codec = sl.codec.Codec.fit(X, "Q2:4", block_rows=kind(100))
    assert codec.encode(X) == sl.codec.Codec.fit(X, "Q2:4", block_rows=100).encode(X)


def test_a_count_of_numpy_is_one_number(small: sl.FeatureSet, tmp_path: Path) -> None:
    table = sl.codec.accounting(small, "Q2:4", packings=["bits"], vectors=np.int64(500))
    assert table["vectors"].tolist() == [500]
    path = sl.codec.compress(small, "Q2:4", tmp_path / "f.stress", block_rows=np.int64(30), normalize=np.bool_(True))
    assert sl.codec.CompressedFeatures(path).codec.block_rows == 30
