"""The stress explorer: what it names as best is best, its pages hold the results and nothing else, and they react."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

import stresslib as sl
from stressbook.chapters.rerun.explorer import page as explorer_page
from stressbook.chapters.rerun.explorer.settings import best, by_feature_set, features_path, gather, peers
from stressbook.chapters.rerun.figure_5 import page as figure_5_page
from stresslib.codec.peers import BYTES, RETRIEVAL, Int8, Truncation
from stresslib.results import result_rows, results_table, write_results
from stresslib.stress.spec import parse_spec

pytest.importorskip("altair", reason="altair, which draws the book's interactive charts, is not installed")
from stressbook.chapters.rerun.explorer import charts, fragments

SCRIPTS = ROOT / "book" / "_static" / "vega"
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def settings() -> pd.DataFrame:
    """All settings of the committed results."""
    return gather(ROOT / "results")


def one_set(settings: pd.DataFrame, name: str, published: bool = False) -> pd.DataFrame:
    names = settings["dataset"] + "/" + settings["model"] + "/" + settings["layer"]
    return settings[names.eq(name) & settings["published"].eq(published)]


def rows_of(page: dict[str, Any], name: str, published: bool = False) -> pd.DataFrame:
    (found,) = (
        one
        for one in page["sets"]
        if f"{one['dataset']}/{one['model']}/{one['layer']}" == name and one["published"] is published
    )
    return pd.DataFrame(found["rows"], columns=page["columns"])


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A results table of 10 dimensions, to be checked by hand: 320 bits in full, at a score of 80."""
    common = {
        "dataset": "toy",
        "model": "drawn",
        "layer": "only",
        "n_features": 10,
        "metric": "accuracy",
        "objective_gap": 0.0,
    }
    rows = [
        {"stress": "none", "score": 80.0},
        {"stress": "pca+uniform", "dimensions": 2, "values": 4, "score": 40.0},  # 4 bits, 50%
        {"stress": "pca+uniform", "dimensions": 2, "values": 3, "score": 48.0},  # 4 bits, 60%: better for the same
        {"stress": "pca", "dimensions": 2, "score": 44.0},  # 64 bits, 55%: beaten by a cheaper one
        {"stress": "uniform-shared", "values": 9, "score": 82.0},  # 40 bits, 102.5%
        {"stress": "random-selection", "dimensions": 3, "repeat": 0, "score": 20.0},  # 96 bits, with the next 30: 31.25%
        {"stress": "random-selection", "dimensions": 3, "repeat": 1, "score": 30.0},
        {"stress": "bit-erasure", "removed_bits": 60, "score": 10.0},  # 40 bits, 12.5%
        {"stress": "bit-erasure", "removed_bits": 64, "score": 10.0},  # stores nothing: left out
        {"stress": "pca+allocated-9-bits", "dimensions": 2, "score": 79.0},  # no stress of the book's grid: left out
    ]
    write_results(results_table([common | row for row in rows]), tmp_path / "figure-5.csv")
    return tmp_path


def test_settings_by_hand(toy: Path) -> None:
    table = one_set(gather(toy), "toy/drawn/only").set_index("spec")
    assert table["bits"].to_dict() == {
        "DR2:2,Q2:3": 4,
        "DR2:2,Q2:4": 4,
        "Q1:9": 40,
        "QB:60": 40,
        "DR2:2": 64,
        "DR1:3": 96,
        "none": 320,
    }
    kept = {"DR2:2,Q2:3": 60, "DR2:2,Q2:4": 50, "Q1:9": 102.5, "QB:60": 12.5, "DR2:2": 55, "DR1:3": 31.25, "none": 100}
    assert table["kept"].to_dict() == kept
    assert table.loc["DR1:3", "draws"] == 2
    assert table.index[table["front"]].tolist() == ["DR2:2,Q2:3", "Q1:9"]


def test_best_by_hand(toy: Path) -> None:
    table = one_set(gather(toy), "toy/drawn/only")
    found = {budget: best(table, budget) for budget in (3, 4, 39, 40, 1000)}
    assert {budget: row and row["spec"] for budget, row in found.items()} == {
        3: None,
        4: "DR2:2,Q2:3",
        39: "DR2:2,Q2:3",
        40: "Q1:9",
        1000: "Q1:9",
    }


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 20)), min_size=1, max_size=30),
    st.integers(0, 45),
)
def test_nothing_affordable_beats_the_best(points: list[tuple[int, int]], budget: int) -> None:
    """The best under a budget keeps the most of all that it allows, and none that keeps as much is cheaper."""
    table = pd.DataFrame(points, columns=["bits", "kept"])
    table["front"] = figure_5_page.pareto_front(table["bits"], table["kept"])
    affordable, found = table[table["bits"] <= budget], best(table, budget)
    assert (found is None) == affordable.empty
    if found is not None:
        assert found["kept"] == affordable["kept"].max()
        assert found["bits"] == affordable.loc[affordable["kept"] == found["kept"], "bits"].min()
    front = table[table["front"]].drop_duplicates().sort_values("bits")
    assert front["kept"].is_monotonic_increasing and front["kept"].is_unique


def test_the_page_holds_the_results(settings: pd.DataFrame) -> None:
    """Every row of Figure 5's table, and the means of random dimensions, stand in the page; read back from its HTML."""
    data = re.search(
        r'<script type="application/json">(.*?)</script>',
        fragments.explorer_fragment(settings, peers(ROOT / "results")),
        re.S,
    )
    assert data is not None
    page = json.loads(data[1])
    table = sl.read_results(ROOT / "results" / "figure-5.csv")
    for (dataset, model, layer), rows in table.groupby(["dataset", "model", "layer"], sort=False):
        rows = rows[(rows["metric"] == rows["metric"].iloc[0]) & (rows["stress"] == figure_5_page.STRESS)]
        there = rows_of(page, f"{dataset}/{model}/{layer}").set_index("spec")["score"]
        for row in rows.to_dict("records"):
            assert there[f"DR2:{row['dimensions']},Q2:{row['values']}"] == pytest.approx(row["score"], abs=1e-4)
    draws = sl.read_results(ROOT / "results" / "figure-3.csv").query("dataset == 'scenes15' and dimensions == 128")
    draws = draws[draws["stress"] == "random-selection"]
    (ours,) = rows_of(page, "scenes15/efficientnet-lite0/pooled").query("spec == 'DR1:128'").to_dict("records")
    assert ours["draws"] == len(draws) and ours["score"] == pytest.approx(draws["score"].mean(), abs=1e-4)
    assert sum(len(one["rows"]) for one in page["sets"]) == len(settings)


def test_the_papers_point(settings: pd.DataFrame) -> None:
    """Its abstract: 2,045 bits of 131,072 lose 0.88% of the score."""
    page = fragments.contents(settings, peers(ROOT / "results"))
    (row,) = rows_of(page, "voc2007/vgg-m/relu7", published=True).query("spec == 'DR2:409,Q2:27'").to_dict("records")
    paper = sl.published().query("source == 'figure-5' and dimensions == 409 and values == 27")["score"].item()
    assert row["bits"] == 2045 and row["score"] == pytest.approx(paper, abs=1e-4)
    assert 100 - row["kept"] == pytest.approx(0.88, abs=0.01)
    assert "DR2:409,Q2:27" in page["paper"]["front"]
    assert "2,045 of 131,072 bits (1.56%) keep 99.1% of the score" in explorer_page.headline(settings)


def test_peers_are_told_apart(tmp_path: Path) -> None:
    """One row each of what the chart has, with its cost in bits; what it has not is left out, and so is a search."""
    assert peers(tmp_path).empty
    origin = {"dataset": "toy", "model": "drawn", "layer": "only", "n_features": 100}
    rows = result_rows(origin, parse_spec("none"), {"accuracy": 0.8, RETRIEVAL: 0.5}, bytes=400, side_bytes=0)
    for name, size in ((Int8().name, 100), (Truncation(4).name, 16), ("zstd: float16", 150)):
        scores = {"accuracy": 0.6, RETRIEVAL: 0.5}
        rows += result_rows(origin, None, scores, bytes=size, side_bytes=0, stress=name, dimensions=None)
    write_results(results_table(rows, BYTES), tmp_path / "rate.csv", BYTES)
    found = peers(tmp_path).query("metric == 'accuracy'")
    assert found[["kind", "bits", "kept"]].to_numpy().tolist() == [["int8", 800, 75.0], ["truncation", 128, 75.0]]
    common = {**origin, "metric": "accuracy", "objective_gap": 0.0}
    settings = [{"stress": "none", "score": 80.0}, {"stress": "pca+uniform", "dimensions": 2, "values": 4, "score": 40.0}]
    write_results(results_table([common | row for row in settings]), tmp_path / "figure-5.csv")
    page = fragments.contents(gather(tmp_path), peers(tmp_path))
    assert [len(one["peers"]) for one in page["sets"] if not one["published"]] == [2]
    assert not any(one["peers"] for one in page["sets"] if one["published"])


def test_a_table_of_ones_own_goes_first(toy: Path) -> None:
    settings = gather(ROOT / "results", own=[str(toy / "figure-5.csv")])
    assert settings["dataset"].iloc[0] == "toy"
    assert "toy, drawn, only" in explorer_page.alt_text(settings)
    assert len(explorer_page.plot(settings).axes) == 3, "the map, its colours, and the score over bits"
    none_combined = settings[settings["dataset"].ne("toy") | settings["stress"].ne(figure_5_page.STRESS)]
    assert len(explorer_page.plot(none_combined).axes) == 1


def test_a_folder_without_tables_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"figure-5\.csv.*is it the folder results/\?"):
        gather(tmp_path)


def test_the_vendored_scripts_are_those_of_altair() -> None:
    """Altair writes for one major version of Vega-Lite: the page's must be of that one, and its files there."""
    assert all((SCRIPTS / name).is_file() for name in (*fragments.SCRIPTS, "explorer.css", "LICENSE.txt"))
    vendored = re.search(r"vega-lite\.min\.js (\d+)\.(\d+\.\d+)", (SCRIPTS / "LICENSE.txt").read_text(encoding="utf-8"))
    assert vendored is not None
    assert f'"{vendored[1]}.{vendored[2]}"' in (SCRIPTS / "vega-lite.min.js").read_text(encoding="utf-8")
    for spec in charts.charts().values():
        assert f"/vega-lite/v{vendored[1]}." in spec["$schema"]


@pytest.fixture(scope="module")
def pages(settings: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two fragments, each in a page of its own, with their static pictures."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "vega").symlink_to(SCRIPTS)
    made = {
        "explorer": (fragments.explorer_fragment(settings, peers(ROOT / "results"), "vega"), "explorer.svg"),
        "front": (fragments.front_fragment(ROOT / "results", "vega"), "figure-5.svg"),
    }
    for name, (fragment, picture) in made.items():
        (folder / picture).write_text('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>')
        text = f'<!DOCTYPE html><html lang="en"><title>x</title><body>{fragment}<p><img alt="x" src="./{picture}"></p>'
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


def test_the_pages_load_nothing_from_another_host(pages: Path) -> None:
    check = [sys.executable, str(ROOT / "book" / "tools" / "check_offline.py"), str(pages)]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0


@pytest.fixture
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


def test_the_pages_react(pages: Path, settings: pd.DataFrame, browser: Any) -> None:
    """What a page names is what `best` finds, after the selects, the number and the slider; no error, no request outside."""
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page, troubles = context.new_page(), []
    page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith("file:") else troubles.append(asked.url))

    def named(name: str, budget: int, published: bool = False) -> None:
        row = best(one_set(settings, name, published), budget)
        assert row is not None
        assert page.inner_text("#explorer-command") == f"stresslib evaluate {name} {row['spec']}"
        assert f"{row['kept']:.2f}% of the full score kept" in page.inner_text("#explorer-best")

    page.goto((pages / "explorer.html").as_uri())
    page.wait_for_selector(".explorer[data-ready]")
    assert not page.locator("img").is_visible(), "the chart stands where the static picture was"
    named(features_path(by_feature_set(settings)[0]), 640)
    assert page.locator("#explorer-map svg, #explorer-chart svg").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert "#" not in page.url, "nothing was chosen yet"
    page.get_by_label("Data set").select_option("scenes15")
    named("scenes15/efficientnet-lite0/pooled", 640)
    page.get_by_label("Network and layer").select_option("bossanova, pooled")
    page.get_by_label("Budget in bits per vector, as a number").fill("300")
    named("scenes15/bossanova/pooled", 300)
    page.get_by_label("stand at").select_option("bits")
    page.wait_for_url("**#set=scenes15/bossanova/pooled&bits=300&paper=bits")
    page.reload()
    page.wait_for_selector(".explorer[data-ready]")
    named("scenes15/bossanova/pooled", 300)
    assert page.get_by_label("stand at").input_value() == "bits"
    page.evaluate("location.hash = 'set=scenes15/efficientnet-lite0/pooled&bits=640'")
    page.wait_for_function("document.getElementById('explorer-peer').textContent")
    within = peers(ROOT / "results").query("dataset == 'scenes15' and metric == 'accuracy' and bits <= 640")
    [most] = within.nlargest(1, "kept").to_dict("records")
    assert f"{most['method']} keeps most within that: {most['kept']:.2f}%" in page.inner_text("#explorer-peer")
    page.evaluate("location.hash = 'set=scenes15/bossanova/pooled&bits=300'")
    page.wait_for_function("!document.getElementById('explorer-peer').textContent")
    slider = page.get_by_label("Budget: bits per vector")
    slider.focus()
    page.keyboard.press("Home")
    assert page.inner_text("#explorer-best").startswith("No measured setting costs as little as 4 bits")
    assert not page.locator("#explorer-copy").is_visible()
    for _ in range(30):  # it moves on, although the first steps are still 4 bits
        page.keyboard.press("ArrowRight")
    assert int(page.input_value("#explorer-bits")) == round(4 * (3072 * 32 / 4) ** (30 / 400))
    page.get_by_label("Data set").select_option("voc2007, published")
    page.get_by_label("Budget in bits per vector, as a number").fill("2045")
    named("voc2007/vgg-m/relu7", 2045, published=True)
    page.click("#explorer-copy")
    page.wait_for_function("document.getElementById('explorer-copied').textContent")
    mark = best(one_set(settings, "voc2007/vgg-m/relu7", True), 2045)
    assert mark is not None and mark["spec"] == "DR2:409,Q2:27"

    page.goto((pages / "front.html").as_uri())
    page.wait_for_selector(".explorer[data-ready]")
    assert page.inner_text("#front-said") == "1.57%" and "2,045 of 131,072" in page.inner_text("#front-best")
    before = page.inner_text("#front-best")
    page.focus("#front-share")
    page.keyboard.press("End")
    page.wait_for_function("before => document.getElementById('front-best').innerText !== before", arg=before)
    for one, row in zip(fragments.front_series(ROOT / "results"), page.locator("#front-best tr").all(), strict=True):
        most = max(kept["kept"] for kept in one["rows"])
        assert row.inner_text().split("\t")[-1] == f"{most:.1f}%"
    assert troubles == []


def test_without_scripts_the_picture_stays(pages: Path, browser: Any) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    for name in ("explorer", "front"):
        page.goto((pages / f"{name}.html").as_uri())
        assert page.locator("img").is_visible() and not page.locator(".explorer").is_visible()
