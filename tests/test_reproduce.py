"""Templates run with other parameters give the numbers that the library gives; drift and edits are caught."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import stresslib as sl
from stresslib import reproduce as module
from stresslib.figures import figure_2, figure_4
from stresslib.reproduce import check, drift, figures, project_root, reproduce
from stresslib.results import SETTING

ROOT = project_root()


@pytest.fixture
def mine(tmp_path: Path, small: sl.FeatureSet) -> str:
    """Features of a user's own, in a file."""
    return str(small.save(tmp_path / "mine.safetensors"))


def test_figure_2_with_own_vectors_has_the_numbers_of_a_sweep(
    tmp_path: Path, mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the README: the file is named from where the command is given."""
    monkeypatch.chdir(tmp_path)
    parameters = {"dataset": "mine.safetensors", "steps": [2, 10], "repeats": 2}
    executed = reproduce("figure-2", parameters=parameters, output=tmp_path / "out")
    table = sl.read_results(tmp_path / "out" / "figure-2.csv")
    specs = ["none", "DR1:4", "DR1:19", "DR2:4", "DR2:19"]  # the grid rounds down: 40 x 0.4999... = 19
    expected = sl.sweep(sl.load_features(mine), specs, repeats=2, progress=False)
    pd.testing.assert_frame_equal(table[SETTING], expected[SETTING])
    assert table["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-5)
    for ending in ("svg", "png"):
        assert (tmp_path / "out" / f"figure-2.{ending}").stat().st_size > 5_000
    shown = json.dumps(nbformat.read(executed, 4).cells)
    assert "Line plot of the share" in shown and "rank correlation" in shown and "agree" in shown


def test_figure_4_by_papermill_alone(tmp_path: Path, mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    papermill = pytest.importorskip("papermill")
    monkeypatch.chdir(tmp_path)
    papermill.execute_notebook(
        ROOT / "notebooks" / "figure-4.ipynb", "out.ipynb", {"dataset": mine, "values": [2, 8]}, progress_bar=False
    )
    table = sl.read_results(tmp_path / "figure-4.csv")
    expected = sl.sweep(sl.load_features(mine), ["none", "Q1:2", "Q1:8", "Q2:2", "Q2:8"], progress=False)
    assert table["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-5)


def test_a_template_that_stops_says_why_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="figure-4 stopped: there are no features nowhere/efficientnet-lite0/pooled"):
        reproduce("figure-4", parameters={"dataset": "nowhere"}, output=tmp_path)


def test_unknown_names_are_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'values'"):
        reproduce("figure-4", parameters={"value": [2]}, output=tmp_path)
    with pytest.raises(ValueError, match="has full, quick"):
        reproduce("figure-4", profile="fast", output=tmp_path)


def test_quick_is_a_subset_of_the_committed_results() -> None:
    """Every setting of the quick profile stands in the committed table, so that none escapes the check."""
    for name, plan in (("figure-2", figure_2.specs), ("figure-4", figure_4.specs)):
        profiles = figures(ROOT)[name]["profiles"]
        key = "steps" if name == "figure-2" else "values"
        assert set(profiles["quick"][key]) <= set(profiles["full"][key])
        table = sl.read_results(ROOT / "results" / f"{name}.csv")
        quick = plan(1280, profiles["quick"][key]) if name == "figure-2" else plan(profiles["quick"][key])
        assert len(quick) == len(set(quick)) and len(table) > len(quick)


def test_templates_hold_no_outputs() -> None:
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, 4).cells
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells if cell.cell_type == "code")
        assert any("parameters" in cell.metadata.get("tags", []) for cell in cells)


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


def test_check_catches_an_edited_table_and_a_moved_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: sl.FeatureSet
) -> None:
    """A planted edit and a planted drift are reported; results/ is only read. Tiny features stand in for the shipped."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    own = str(small.save(tmp_path / "own.safetensors"))
    entry = {"template": "figure-4.ipynb", "title": "t"}
    profiles = {name: {"dataset": own, "values": values} for name, values in (("full", [2, 3]), ("quick", [3]))}
    (root / "notebooks" / "figures.yml").write_text(json.dumps({"figure-4": {**entry, "profiles": profiles}}))
    monkeypatch.setattr(module, "project_root", lambda: root)
    reproduce("figure-4", profile="full")
    results = root / "results"
    assert json.loads((results / "figure-4.json").read_text())["largest_objective_gap"] < 1e-3
    assert check(["all"]) == []
    table = sl.read_results(results / "figure-4.csv")
    table.loc[table["values"] == 3, "score"] += 1
    sl.write_results(table, results / "figure-4.csv")
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    problems = check(["figure-4"])
    assert "it was edited" in problems[0]
    assert len(problems) == 3 and all("values=3" in problem for problem in problems[1:])
    assert {path.name: path.read_bytes() for path in results.iterdir()} == before


def test_two_runs_give_the_same_bytes(tmp_path: Path, mine: str) -> None:
    for folder in ("one", "two"):
        reproduce("figure-4", parameters={"dataset": mine, "values": [2, 4]}, output=tmp_path / folder, store=False)
    for ending in ("csv", "svg", "png"):
        one, two = (tmp_path / folder / f"figure-4.{ending}" for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes(), ending
