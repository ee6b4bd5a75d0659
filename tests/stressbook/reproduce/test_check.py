"""The check of the committed results: edits, drift of any column, other code are seen; nothing is written to results/."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import stresslib as sl
from stressbook.chapters.rerun.figure_4 import measure
from stressbook.reproduce import check as module
from stressbook.reproduce.catalogue import project_root
from stressbook.reproduce.check import check
from stressbook.reproduce.comparison import FURTHER_KEYS, TOLERANCES, drift, read_every_column
from stressbook.reproduce.manifest import read_manifest
from stressbook.reproduce.run import reproduce
from stresslib.cli.main import main
from stresslib.files import file_sha256
from stresslib.results import SETTING, VARIANT

ROOT = project_root()
SETTING_OF_ROW = "dataset=toy model=drawn layer=only n_features=40 stress=uniform-shared values=3 metric=accuracy"
FURTHER = {"kept_low": "97.000000", "bytes": "80.000000", "squared_norm": "0.500000", "spec": "Q1:3"}
"""Columns that the tables of the miniature checkout have beside the schema, and what stands in every row."""


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


def test_a_figure_may_state_by_how_many_points_its_scores_move_and_nothing_else_does() -> None:
    committed = sl.read_results(ROOT / "results" / "figure-4.csv")
    fresh = committed.head(2).copy()
    fresh.loc[0, "score"] -= 9.9
    fresh.loc[1, "score"] += 10.1
    (line,) = drift(committed, fresh, 10)
    assert "tolerance 10" in line and len(drift(committed, fresh)) == 2
    fresh["score"], fresh["objective_gap"] = committed["score"], 1.0
    assert len(drift(committed, fresh, 10)) == 2


def test_every_column_of_the_committed_tables_has_a_tolerance_with_a_reason_and_no_other_has() -> None:
    tables = [read_every_column(path) for path in sorted((ROOT / "results").glob("*.csv"))]
    assert {name for table in tables for name in table} - {*SETTING, "spec", *FURTHER_KEYS} == set(TOLERANCES)
    assert all(tolerance.reason for tolerance in TOLERANCES.values())
    for table in tables:
        assert drift(table, table) == []
    claims = read_every_column(ROOT / "results" / "claims.csv")
    full = claims.loc[claims["stress"] == "none", "score"]
    assert (full >= 75).all(), "the tolerance of the shares that are kept is for full scores of 75 points or more"


def test_a_table_without_the_column_spec_is_one_with_it(tmp_path: Path) -> None:
    """As tables were before there was one; where there is one, it is held like any text."""
    table = read_every_column(ROOT / "results" / "figure-5.csv")
    with_it, without, other = (tmp_path / f"{name}.csv" for name in ("with", "without", "other"))
    table.to_csv(with_it, index=False)
    table.drop(columns="spec").to_csv(without, index=False)
    table.assign(spec=table["spec"].replace("DR2:128,Q2:27", "DR2:128,Q2:26")).to_csv(other, index=False)
    assert "DR2:128,Q2:27" in set(table["spec"])
    assert drift(read_every_column(without), read_every_column(with_it)) == []
    lines = drift(read_every_column(with_it), read_every_column(other))
    assert lines and all("DR2:128,Q2:26" in line for line in lines)


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
        edit(folder / "figure-4.csv", **FURTHER)

    results = checkout / "results"
    write(results, [2, 3])
    code = module.code_digest(checkout, "figure-4", "figure-4.csv")
    manifest = {"file": "figure-4.csv", "sha256": file_sha256(results / "figure-4.csv"), "code": code}
    (results / "manifest.json").write_text(json.dumps({"figure-4": manifest}))
    (results / "figure-4.json").write_text('{"commit": "abc1234"}')
    monkeypatch.setattr("stressbook.reproduce.run.reproduce", lambda name, output, **options: write(Path(output), [3]))
    return lambda: check(["all"])


def edit(path: Path, **cells: str | Callable[[float], str]) -> None:
    """Set cells of the row of one dictionary with three values, as text or from what stands there; or add columns."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows = (table["stress"] == "uniform-shared") & (table["values"] == "3")
    for name, cell in cells.items():
        if name not in table:
            table[name] = cell
        else:
            table.loc[rows, name] = cell(float(table.loc[rows, name].item())) if callable(cell) else cell
    table.to_csv(path, index=False, lineterminator="\n")


def plant(results: Path, *, into_manifest: bool, **cells: str | Callable[[float], str]) -> None:
    """Edit committed cells: by hand, or as a run of other code would have left them."""
    edit(results / "figure-4.csv", **cells)
    if into_manifest:
        manifest = read_manifest(results)
        manifest["figure-4"]["sha256"] = file_sha256(results / "figure-4.csv")
        (results / "manifest.json").write_text(json.dumps(manifest))


def a_point_more(score: float) -> str:
    return f"{score + 1:.6f}"


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
    plant(checkout / "results", into_manifest=True, score=a_point_more)
    before = snapshot(checkout / "results")
    assert main(["check", "-o", str(tmp_path / "report")]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"figure-4: {SETTING_OF_ROW}: score was ") and line.endswith(", tolerance 0.25")
    was, now = (float(line.partition(f"{word} ")[2].partition(",")[0]) for word in ("was", "is"))
    assert was - now == pytest.approx(1)
    report = (tmp_path / "report" / "report.html").read_text()
    assert line in report and "#d55e00" in report, "the point has a ring"
    assert snapshot(checkout / "results") == before


@pytest.mark.parametrize(
    ("column", "cell", "line"),
    [
        ("kept_low", "100.000000", "kept_low was 100, is 97, tolerance 0.666667"),
        ("bytes", "81.000000", "bytes was 81, is 80, tolerance 0"),
        ("bytes", "nan", "bytes was nan, is 80, tolerance 0"),
        ("squared_norm", "0.500060", "squared_norm was 0.50006, is 0.5, tolerance 0.01%"),
        ("spec", "Q1:4", "spec was Q1:4, is Q1:3, tolerance 0"),
    ],
)
def test_a_drift_of_any_column_is_named(
    checkout: Path, quick: Callable[..., list[str]], column: str, cell: str, line: str
) -> None:
    """The manifest agrees: only the run knows. The line is on the page too, and the row has a ring."""
    plant(checkout / "results", into_manifest=True, **{column: cell})
    assert quick() == [f"figure-4: {SETTING_OF_ROW}: {line}"]
    report = (checkout / "build" / "check" / "report.html").read_text()
    assert line in report and "#d55e00" in report and TOLERANCES["kept_low"].reason in report


def test_a_gap_is_to_be_at_most_the_tolerance_of_the_solver(checkout: Path, quick: Callable[..., list[str]]) -> None:
    """Where below it the solver stopped says nothing."""
    plant(checkout / "results", into_manifest=True, objective_gap="1.0e-05")
    assert quick() == []
    plant(checkout / "results", into_manifest=True, objective_gap="1.1e-05")
    (line,) = quick()
    assert "objective_gap was 1.1e-05, is " in line and line.endswith(", tolerance at most 1e-05")
    table = read_every_column(checkout / "results" / "figure-4.csv").assign(objective_gap=1.1e-5)
    assert len(drift(table, table)) == len(table), "alike, and unsolved"


def test_what_moves_within_its_tolerance_holds(checkout: Path, quick: Callable[..., list[str]]) -> None:
    plant(checkout / "results", into_manifest=True, kept_low="97.550000", squared_norm="0.500049")
    assert quick() == []


@pytest.mark.parametrize(("column", "cell"), [("layer", "other"), ("metric", "mAP"), ("values", "4"), ("n_features", "41")])
def test_a_setting_under_another_name_is_not_in_the_committed_table(
    checkout: Path, quick: Callable[..., list[str]], column: str, cell: str
) -> None:
    plant(checkout / "results", into_manifest=True, **{column: cell})
    (line,) = quick()
    assert line.startswith(f"figure-4: {SETTING_OF_ROW}: is ") and line.endswith(", and not in the committed table")


def test_columns_are_the_same_ones_and_of_numbers_none_goes_without_a_tolerance(checkout: Path) -> None:
    path = checkout / "own.csv"
    table = read_every_column(ROOT / "results" / "claims.csv")
    assert drift(table, table.drop(columns="kept_low")) == ["column kept_low: only in the committed table"]
    assert drift(table.drop(columns="kept_low"), table) == ["column kept_low: only in the fresh table"]
    table.assign(weight=0.5, protocol="theirs").to_csv(path, index=False)
    (line,) = drift(read_every_column(path), read_every_column(path))
    assert line.startswith("column weight: has no stated tolerance") and "stressbook.reproduce.comparison.TOLERANCES" in line
    table.assign(kept=["97.0", "about 97", *["97.0"] * (len(table) - 2)]).to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"own\.csv: 'about 97' in the column kept is not a number"):
        read_every_column(path)


def test_a_table_without_variants_has_the_protocol_of_the_paper() -> None:
    table = read_every_column(ROOT / "results" / "order.csv")
    plain = table[table[VARIANT].fillna("") == ""].drop(columns=VARIANT)
    assert drift(table, plain) == ["column variant: only in the committed table"]


def test_an_edited_row_is_seen_though_quick_has_it_not(checkout: Path, quick: Callable[..., list[str]]) -> None:
    """Two values are in the full grid alone: the manifest says it."""
    table = read_every_column(checkout / "results" / "figure-4.csv")
    table.loc[table["values"] == 2, "score"] += 0.001
    table.to_csv(checkout / "results" / "figure-4.csv", index=False)
    assert quick() == ["figure-4: results/figure-4.csv is not the file that the manifest names; it was edited"]


def test_results_of_other_code_are_named_with_their_commit(
    checkout: Path, quick: Callable[..., list[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are compared all the same, and are no failure by themselves."""
    monkeypatch.setattr(module, "code_digest", lambda *place: "0" * 64)
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


def test_the_whole_way_by_the_templates(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A full run commits, a check holds; an edit by hand is seen twice, by the manifest and by the rows."""
    reproduce("figure-4", profile="full")
    results = checkout / "results"
    assert len(sl.read_results(results / "figure-4.csv")) == 5, "of the checkout's own features, two values and two scopes"
    assert json.loads((results / "figure-4.json").read_text())["largest_objective_gap"] < 1e-3
    plant(results, into_manifest=False, score=a_point_more)
    before = snapshot(results)
    edited, moved = check(["figure-4"])
    assert "it was edited" in edited and "values=3" in moved
    assert "other code" not in capsys.readouterr().out, "the run entered the code that is here"
    assert snapshot(results) == before


@pytest.mark.parametrize("name", ["bit-erasure", "figure-5", "figure-2"])
def test_curves_of_all_kinds_can_be_drawn(name: str) -> None:
    """Over erased bits, over values one line a dimension, over dimensions with repeats; one point moved."""
    table = sl.read_results(ROOT / "results" / f"{name}.csv")
    part = table.merge(table[["dataset", "model", "layer"]].drop_duplicates().head(1))
    svg = module._picture(part, part.assign(score=part["score"].where(part.index != 3, 0.0)))
    assert svg.count("#d55e00") >= 1 and len(svg) > 5_000
