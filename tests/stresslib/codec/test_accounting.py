"""Accounting: bits, side information and break-even points worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stressed_rows import AT_HAND

import stresslib as sl
from stresslib.codec import Codec


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
