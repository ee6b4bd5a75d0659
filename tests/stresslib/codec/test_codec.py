"""The codec gives back every bit of the stress, and refuses rows and fits that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from stressed_rows import same_bits, transformed

import stresslib as sl
from stresslib.codec import Codec, CompressedFeatures
from stresslib.evaluation.threads import one_thread

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


def test_packed_by_dimension_by_hand(tmp_path: Path) -> None:
    """Three bits of the first dimension, one of the second: codes of one bit come first, each kind a block of its own."""
    X = np.array([[-2, 1, 5], [2, -1, 5], [-2, -1, 5], [2, 1, 5]], dtype=np.float32)
    codec = Codec.fit(X, "QA:4")
    assert codec.side["bits"].tolist() == [3, 1, 0]
    # Widths of 2 * .586 and 1.596: 2 is bin 4 + 1 of 8 and -2 bin 2.
    assert codec.codes(X).tolist() == [[2, 1, 0], [5, 0, 0], [2, 0, 0], [5, 1, 0]]
    [block] = codec.encode(X)
    ones, threes = 0b1001, 2 + (5 << 3) + (2 << 6) + (5 << 9)
    assert block == ones.to_bytes(1, "little") + threes.to_bytes(3, "little")
    f = sl.FeatureSet(X, ["b", "a", "a", "b"], train=[True, True, False, False])
    for packing in ("bits", "radix", "xz"):
        path = sl.codec.compress(f, Codec.fit(X, "QA:4", packing=packing), tmp_path / "f.stress")
        np.testing.assert_array_equal(CompressedFeatures(path)[:], sl.make_stress("QA:4").fit(X).transform(X))
    assert sl.codec.accounting(f, "QA:4", vectors=4)["side_bytes"].unique().tolist() == [3 + 2 * 12]
