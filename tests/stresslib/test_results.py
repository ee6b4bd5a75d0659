"""The results table: its stresses as strings, rows made in one way, and tables of before the column `spec`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from toy_features import make_features

import stresslib as sl
from stresslib.codec.peers import BYTES
from stresslib.codec.peers import measure as measure_on_disk
from stresslib.codec.peers.baselines import Int8
from stresslib.results import VARIANT, result_rows, results_table, table_rows
from stresslib.running.separation_sweep import sweep_separation
from stresslib.running.variants import Variant, sweep_variants
from stresslib.stress.spec import parse_spec

ORIGIN = {"dataset": "mine", "model": "net", "layer": "pooled", "n_features": 64}


def test_every_table_says_its_stresses_as_strings() -> None:
    """Those of evaluation, sweeps, indices and the codec; a peer of the codec has none."""
    small, specs = make_features(), ["none", "DR2:8,Q2:4", "DR1:8,QA:16"]
    assert sl.evaluate(small, "dr2:8, q2:4")["spec"].tolist() == ["DR2:8,Q2:4"]
    assert sl.sweep(small, specs, n_jobs=1, progress=False)["spec"].tolist() == specs
    assert sweep_separation(small, specs, indices=["SI"], n_jobs=1)["spec"].tolist() == specs
    on_disk = measure_on_disk(small, [*specs, Int8()], n_jobs=1, retrieval=False)
    assert on_disk["spec"].fillna("").tolist() == [*specs, ""]
    assert on_disk["stress"].iloc[-1] == Int8().name and on_disk[list(BYTES)].notna().all(axis=None)


def test_a_table_without_the_column_gets_it_when_it_is_read(tmp_path: Path) -> None:
    rows = [row for spec in ("none", "DR1:8,QA:16") for row in result_rows(ORIGIN, parse_spec(spec), {"accuracy": 0.5})]
    rows += result_rows(ORIGIN, None, {"accuracy": 0.5}, stress="zstd: float16")
    table = results_table(rows)
    sl.write_results(table, tmp_path / "new.csv")
    older = pd.read_csv(tmp_path / "new.csv", dtype="string", keep_default_na=False).drop(columns="spec")
    older.to_csv(tmp_path / "old.csv", index=False)
    for name in ("new.csv", "old.csv"):
        assert_frame_equal(sl.read_results(tmp_path / name), table)
    sl.write_results(table.drop(columns="spec"), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "new.csv").read_bytes()


def test_every_published_number_is_of_a_stress_that_can_be_made() -> None:
    published = sl.published()
    assert published["spec"].notna().all()
    at = published["stress"].eq("pca+uniform") & published["dimensions"].eq(409) & published["values"].eq(27)
    assert set(published.loc[at, "spec"]) == {"DR2:409,Q2:27"}


def test_rows_survive_a_table(tmp_path: Path) -> None:
    rows = result_rows(ORIGIN, parse_spec("Q2:4"), {"SI": 0.25, "accuracy": 1}, repeat=3, variant="bias", kept=99.5)
    table = results_table(rows, ["kept"])
    assert table["score"].tolist() == [25, 100] and table[VARIANT].tolist() == ["bias", "bias"]
    assert_frame_equal(results_table(table_rows(table), ["kept"]), table)
    sl.write_results(table, tmp_path / "r.csv", ["kept"])
    again = sl.read_results(tmp_path / "r.csv", ["kept"])
    assert_frame_equal(again, table)


@pytest.mark.parametrize("spec", ["DR2:8,Q2:4", ""])
def test_an_edited_string_stays_as_it_was_written(tmp_path: Path, spec: str) -> None:
    """So that `check` sees it."""
    table = results_table(result_rows(ORIGIN, parse_spec("Q2:4"), {"accuracy": 0.5}))
    sl.write_results(table.assign(spec=spec), tmp_path / "r.csv")
    assert sl.read_results(tmp_path / "r.csv")["spec"].fillna("").tolist() == [spec]


def test_rows_of_other_preprocessing_say_so(small: sl.FeatureSet) -> None:
    """Whoever makes the rows; another change of the protocol is named behind it. The paper's way is not named."""
    assert VARIANT not in sl.evaluate(small.replace(provenance={"preprocessing": "paper"}), "none")
    other = small.replace(provenance={"preprocessing": "matlab"})
    named = "preprocessing=matlab"
    options: dict[str, Any] = {"n_jobs": 1, "progress": False}
    assert sl.evaluate(other, "none")[VARIANT].tolist() == [named]
    assert sl.sweep(other, ["none", "Q2:4"], **options)[VARIANT].tolist() == [named, named]
    both = sweep_variants(other, "none", [Variant(), Variant("bias", sl.LinearSVM(fit_intercept=True))], **options)
    assert both[VARIANT].tolist() == [named, f"{named}, bias"]
    (row,) = result_rows(other.origin, parse_spec("none"), {"accuracy": 1}, variant="area")
    assert row[VARIANT] == f"{named}, area"
