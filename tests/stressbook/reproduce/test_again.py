"""The full profile run once more: counts by hand, resume after a stop, data not at hand; results/ stays as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import stresslib as sl
from stressbook.chapters.reference.provenance import page
from stressbook.chapters.rerun.figure_4 import measure
from stressbook.reproduce.again import FILE, compared, run_again
from stressbook.reproduce.catalogue import project_root
from stresslib.cli.main import main

ROOT = project_root()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: sl.FeatureSet) -> Path:
    """A checkout with one figure, whose table of three rows is committed; runs are counted in a file."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    profiles = {"full": {"values": [2, 3]}, "quick": {"values": [3]}}
    entry = {"figure-4": {"template": "figure-4.ipynb", "title": "t", "profiles": profiles}}
    (root / "notebooks" / "figures.yml").write_text(json.dumps(entry))
    (root / "results").mkdir()
    table = sl.sweep(small, measure.specs([2, 3]), n_jobs=1, progress=False)
    sl.write_results(table, root / "results" / "figure-4.csv")
    (root / FILE).parent.mkdir(parents=True)

    def run(name: str, *, profile: str, parameters: dict[str, Any], output: Path) -> None:
        assert profile == "full" and Path(parameters["store"]).is_relative_to(output.resolve())
        output.mkdir(parents=True, exist_ok=True)
        with (root / "runs").open("a") as file:
            file.write(f"{name}\n")
        sl.write_results(table.assign(score=table["score"] + 0.125), output / "figure-4.csv")

    for name in ("again", "commands"):
        monkeypatch.setattr(f"stressbook.reproduce.{name}.project_root", lambda: root)
    monkeypatch.setattr("stressbook.reproduce.again.reproduce", run)
    return root


def test_rows_that_are_off_or_missing_are_counted(tmp_path: Path, small: sl.FeatureSet) -> None:
    before = sl.sweep(small, ["none", "Q1:2", "Q1:3"], n_jobs=1, progress=False)
    after = before.iloc[:2].copy()
    after.loc[1, "score"] -= 7.5
    committed, fresh = tmp_path / "committed.csv", tmp_path / "fresh.csv"
    sl.write_results(before, committed)
    sl.write_results(after, fresh)
    assert compared(committed, fresh, None) == {"rows": 2, "off": 1, "missing": 1, "largest": 7.5}
    assert compared(committed, fresh, 8)["off"] == 0


def test_a_figure_is_run_once_and_again_when_its_table_is_another(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed = (checkout / "results" / "figure-4.csv").read_bytes()
    assert main(["check", "--full"]) == 0
    rows = len(sl.read_results(checkout / "results" / "figure-4.csv"))
    line = f"figure-4: {rows} rows, 0 cells beyond their tolerance, 0 rows missing, largest difference of a score 0.125"
    assert capsys.readouterr().out == f"{line}\n"
    assert main(["check", "--full", "figure-4"]) == 0
    assert capsys.readouterr().out == f"{line}, by an earlier run of this code\n"
    assert (checkout / "runs").read_text() == "figure-4\n"
    assert (checkout / "results" / "figure-4.csv").read_bytes() == committed
    table = sl.read_results(checkout / "results" / "figure-4.csv")
    sl.write_results(table.assign(score=table["score"] - 1), checkout / "results" / "figure-4.csv")
    assert main(["check", "--full"]) == 1
    assert f"{rows} cells beyond their tolerance" in capsys.readouterr().out
    assert (checkout / "runs").read_text() == "figure-4\n" * 2
    kept = pd.read_csv(checkout / FILE)
    assert kept[["figure", "off", "largest"]].to_numpy().tolist() == [["figure-4", rows, 1.125]]


def test_data_that_are_not_at_hand_are_named_and_are_no_failure(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, **options: Any) -> None:
        raise FileNotFoundError("voc2007/vgg-m/relu7 is not at hand")

    monkeypatch.setattr("stressbook.reproduce.again.reproduce", absent)
    [(name, found)] = run_again(["all"])
    assert (name, found.holds) == ("figure-4", True) and "not compared: voc2007/vgg-m/relu7 is not at hand" in found.line
    assert not (checkout / FILE).exists()


def test_the_page_counts_what_was_made_again(tmp_path: Path) -> None:
    path = tmp_path / "reproduction.csv"
    assert page.again(path).empty and "No table was made again" in page.again_headline(path, ROOT / "results")
    path.write_text(
        "figure,rows,off,missing,largest,minutes,cores,machine,finished,commit,table,code\n"
        "bias,120,0,0,0.01,1.5,2,M,2026-01-01,abc,0,0\nfigure-4,80,2,0,0.5,2.5,2,M,2026-01-01,abc,0,0\n"
    )
    words = page.again_headline(path, ROOT / "results")
    assert "200 rows in 4 minutes" in words and "1 hold in every cell. Beyond a tolerance: figure-4." in words
    assert "largest difference of two scores is 0.5 points" in words and "bias" not in words.partition("Not made again")[2]
    assert page.again(path).loc["bias", "rows compared"] == 120
