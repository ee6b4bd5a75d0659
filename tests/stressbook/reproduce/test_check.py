"""The check of the committed results: edits, drift and other code are each seen, and nothing is written to results/."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stresslib as sl
from stressbook.chapters.rerun.figure_4 import measure
from stressbook.reproduce import check as module
from stressbook.reproduce.catalogue import project_root
from stressbook.reproduce.check import check, drift
from stressbook.reproduce.manifest import read_manifest
from stressbook.reproduce.run import reproduce
from stresslib.cli.main import main
from stresslib.files import file_sha256

ROOT = project_root()


def test_drift_names_settings_that_moved_or_are_new() -> None:
    committed = sl.read_results(ROOT / "results" / "figure-4.csv")
    fresh = committed.head(4).copy()
    assert drift(committed, fresh) == []
    fresh.loc[1, "score"] += 0.24
    assert drift(committed, fresh) == []
    fresh.loc[2, "score"] -= 0.26
    fresh.loc[3, "values"] = 1000
    moved, new = drift(committed, fresh)
    assert "tolerance 0.25" in moved and "values=1000" in new and "not in the committed table" in new
    fresh["score"] = float("nan")
    assert len(drift(committed, fresh)) == 4


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: sl.FeatureSet) -> Path:
    """A checkout with one figure, its results committed; tiny features stand in for the shipped."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    own = str(small.save(tmp_path / "own.safetensors"))
    entry = {"template": "figure-4.ipynb", "title": "t"}
    profiles = {name: {"dataset": own, "values": values} for name, values in (("full", [2, 3]), ("quick", [3]))}
    (root / "notebooks" / "figures.yml").write_text(json.dumps({"figure-4": {**entry, "profiles": profiles}}))
    for name in ("check", "run"):
        monkeypatch.setattr(f"stressbook.reproduce.{name}.project_root", lambda: root)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    return root


@pytest.fixture
def quick(checkout: Path, monkeypatch: pytest.MonkeyPatch, small: sl.FeatureSet) -> Callable[..., list[str]]:
    """Check with a quick run that needs no kernel: the sweep that the template makes."""

    def write(folder: Path, values: list[int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        sl.write_results(sl.sweep(small, measure.specs(values), n_jobs=1, progress=False), folder / "figure-4.csv")

    results = checkout / "results"
    write(results, [2, 3])
    manifest = {"file": "figure-4.csv", "sha256": file_sha256(results / "figure-4.csv"), "code": module.code_digest()}
    (results / "manifest.json").write_text(json.dumps({"figure-4": manifest}))
    (results / "figure-4.json").write_text('{"commit": "abc1234"}')
    monkeypatch.setattr("stressbook.reproduce.run.reproduce", lambda name, output, **options: write(Path(output), [3]))
    return lambda: check(["all"])


def plant(results: Path, *, into_manifest: bool) -> None:
    """Move a committed score by a point: by hand, or as a run of other code would have left it."""
    table = sl.read_results(results / "figure-4.csv")
    table.loc[(table["values"] == 3) & (table["stress"] == "uniform-shared"), "score"] += 1
    sl.write_results(table, results / "figure-4.csv")
    if into_manifest:
        manifest = read_manifest(results)
        manifest["figure-4"]["sha256"] = file_sha256(results / "figure-4.csv")
        (results / "manifest.json").write_text(json.dumps(manifest))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_holds_passes_and_the_report_draws_both_curves(checkout: Path, quick: Callable[..., list[str]]) -> None:
    before = snapshot(checkout / "results")
    assert quick() == []
    report = (checkout / "build" / "check" / "report.html").read_text()
    assert report.count("<svg") == 1 and "0 of what was compared is not as committed" in report
    assert report.count("#999999") and report.count("#0072b2") and "#d55e00" not in report
    assert snapshot(checkout / "results") == before


def test_a_planted_drift_is_printed_drawn_and_fails(
    checkout: Path, quick: Callable[..., list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Manifest and file agree, the code makes another score: one row, with what it was, is, and may be off."""
    plant(checkout / "results", into_manifest=True)
    before = snapshot(checkout / "results")
    assert main(["check", "-o", str(tmp_path / "report")]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    setting = "figure-4: dataset=toy model=drawn layer=only n_features=40 stress=uniform-shared values=3 metric=accuracy"
    assert line.startswith(f"{setting}: was ") and line.endswith(", tolerance 0.25")
    was, now = (float(line.partition(f"{word} ")[2].partition(",")[0]) for word in ("was", "is"))
    assert was - now == pytest.approx(1)
    report = (tmp_path / "report" / "report.html").read_text()
    assert line in report and "#d55e00" in report, "the point has a ring"
    assert snapshot(checkout / "results") == before


def test_an_edited_row_is_seen_though_quick_has_it_not(checkout: Path, quick: Callable[..., list[str]]) -> None:
    """Two values are in the full grid alone: the manifest says it."""
    table = sl.read_results(checkout / "results" / "figure-4.csv")
    table.loc[table["values"] == 2, "score"] += 0.001
    sl.write_results(table, checkout / "results" / "figure-4.csv")
    assert quick() == ["figure-4: results/figure-4.csv is not the file that the manifest names; it was edited"]


def test_results_of_other_code_are_named_with_their_commit(
    checkout: Path, quick: Callable[..., list[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are compared all the same, and are no failure by themselves."""
    monkeypatch.setattr(module, "code_digest", lambda: "0" * 64)
    assert quick() == []
    assert (
        "figure-4: results/figure-4.csv was made by other code than this, that of commit abc1234" in capsys.readouterr().out
    )
    assert "that of commit abc1234" in (checkout / "build" / "check" / "report.html").read_text()


def test_what_is_missing_or_stops_is_a_problem_and_the_rest_is_checked(
    checkout: Path, quick: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(name: str, **options: Any) -> None:
        raise ValueError(f"{name} stopped: no memory")

    monkeypatch.setattr("stressbook.reproduce.run.reproduce", stops)
    assert quick() == ["figure-4: figure-4 stopped: no memory"]
    (checkout / "results" / "figure-4.csv").unlink()
    assert quick() == ["figure-4: results/figure-4.csv or its entry in the manifest is missing"]


def test_the_whole_way_by_the_templates(checkout: Path, small: sl.FeatureSet) -> None:
    """A full run commits, a check holds; an edit by hand is seen twice, by the manifest and by the rows."""
    reproduce("figure-4", profile="full")
    results = checkout / "results"
    assert len(sl.read_results(results / "figure-4.csv")) == 5, "of the checkout's own features, two values and two scopes"
    assert json.loads((results / "figure-4.json").read_text())["largest_objective_gap"] < 1e-3
    plant(results, into_manifest=False)
    before = snapshot(results)
    edited, moved = check(["figure-4"])
    assert "it was edited" in edited and "values=3" in moved
    assert snapshot(results) == before


@pytest.mark.parametrize("name", ["bit-erasure", "figure-5", "figure-2"])
def test_curves_of_all_kinds_can_be_drawn(name: str) -> None:
    """Over erased bits, over values one line a dimension, over dimensions with repeats; one point moved."""
    table = sl.read_results(ROOT / "results" / f"{name}.csv")
    part = table.merge(table[["dataset", "model", "layer"]].drop_duplicates().head(1))
    svg = module._picture(part, part.assign(score=part["score"].where(part.index != 3, 0.0)))
    assert svg.count("#d55e00") >= 1 and len(svg) > 5_000
