"""Figures draw the numbers of their tables, and say them in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from places import ROOT

import stresslib as sl
from stressbook.chapters.rerun.figure_2 import measure as figure_2_measure
from stressbook.chapters.rerun.figure_2 import page as figure_2_page
from stressbook.chapters.rerun.figure_3 import measure as figure_3_measure
from stressbook.chapters.rerun.figure_3 import page as figure_3_page
from stressbook.chapters.rerun.figure_4 import measure as figure_4_measure
from stressbook.chapters.rerun.figure_4 import page as figure_4_page
from stressbook.chapters.rerun.figure_5 import measure as figure_5_measure
from stressbook.chapters.rerun.figure_5 import page as figure_5_page
from stressbook.drawing import style
from stressbook.drawing.words import LABELS
from stressbook.reproduce.catalogue import figures
from stressbook.reproduce.run import reproduce
from stresslib.paper.published import with_shares
from stresslib.results import SETTING, results_table
from stresslib.stress.spec import parse_spec

RESULTS = ROOT / "results"
FIGURES: dict[str, tuple[Any, Any]] = {
    "figure-2": (figure_2_measure, figure_2_page),
    "figure-3": (figure_3_measure, figure_3_page),
    "figure-4": (figure_4_measure, figure_4_page),
    "figure-5": (figure_5_measure, figure_5_page),
}


def made(name: str, width: int, specs: Iterable[str], *, loss: float = 1, metric: str = "accuracy") -> pd.DataFrame:
    """A results table with scores that fall smoothly as less is left, the faster the larger the loss; three repeats."""
    rows = []
    for spec in map(parse_spec, specs):
        share, values = (spec.dimensions or width) / width, spec.dictionary_size or 99
        for repeat in range(3) if spec.is_random else [None]:
            score = 80 - loss * ((1 - share) * 20 + 30 / values**2) + (repeat or 0) * (1 - share)
            dataset, model, layer = name.split("/")
            rows.append(
                {
                    "dataset": dataset,
                    "model": model,
                    "layer": layer,
                    "n_features": width,
                    "stress": spec.stress,
                    "dimensions": spec.dimensions,
                    "values": spec.dictionary_size,
                    "repeat": repeat,
                    "metric": metric,
                    "score": score,
                    "objective_gap": 0.0,
                }
            )
    return results_table(rows)


NETWORKS = {
    "caltech101/efficientnet-lite0/pooled": 1280,
    "caltech101/bvlc-googlenet/pooled": 1024,
    "caltech101/bvlc-googlenet/inception5b": 50176,
    "caltech101/bossanova/pyramid": 24576,
}
"""Feature sets of Figure 2 and their widths."""

SETS = {"caltech101": 1.0, "scenes15": 1.001, "digits": 2.0}
"""Data sets of Figure 3, and how fast they lose: the first two are level, the third is apart."""


def table_of(figure: str) -> pd.DataFrame:
    """A small made table of each figure, with the index that a concatenation leaves."""
    network = "efficientnet-lite0/pooled"
    tables = {
        "figure-2": lambda: [
            made(name, width, figure_2_measure.specs(width, n_train=3030)) for name, width in NETWORKS.items()
        ],
        "figure-3": lambda: [
            made(f"{name}/{network}", 1280, figure_3_measure.specs(1280), loss=loss) for name, loss in SETS.items()
        ],
        "figure-4": lambda: [made(f"scenes15/{network}", 1280, figure_4_measure.specs())],
        "figure-5": lambda: [
            made(f"{name}/{network}", 1280, figure_5_measure.specs(1280)) for name in ("caltech101", "scenes15")
        ],
    }
    return pd.concat(tables[figure]())


def texts(figure: Figure) -> list[str]:
    """Everything that is written in a figure's panels."""
    return [text.get_text() for ax in figure.axes for text in (*ax.texts, *ax.get_yticklabels())]


# What is run


def test_sizes_are_those_of_the_paper() -> None:
    sizes = [parse_spec(spec).dimensions for spec in figure_2_measure.specs(4096)]
    assert sizes[1:4] == [204, 409, 614] and sizes[10] == 2047 and sizes[20:23] == [4096, 204, 409] and len(sizes) == 41
    combined = [parse_spec(spec) for spec in figure_5_measure.specs(4096)[1:]]
    assert len(combined) == 261 and {spec.stress for spec in combined} == {"pca+uniform"}
    assert sorted({spec.dimensions for spec in combined}) == [409, 819, 1228, 1638, 2048, 2457, 2867, 3276, 3686]
    assert sorted({spec.level for spec in combined}) == list(range(2, 31))
    assert figure_5_measure.specs(1280, [1, 2], [8])[1:] == ["DR2:128,Q2:8", "DR2:256,Q2:8"]


def test_published_settings_are_those_that_are_run() -> None:
    for name in ("figure-2", "figure-3", "figure-5"):
        measure, page = FIGURES[name]
        paper = page.reference()
        for (_, width), rows in paper.groupby(["model", "n_features"]):
            planned = {(spec.stress, spec.dimensions, spec.level) for spec in map(parse_spec, measure.specs(int(width)))}
            values = rows["values"].astype(object).where(rows["values"].notna(), None)
            assert set(zip(rows["stress"], rows["dimensions"], values, strict=True)) <= planned


def test_components_that_do_not_exist_are_left_out() -> None:
    assert figure_2_measure.specs(40, [1, 10, 20], n_train=20) == ["none", "DR1:2", "DR1:19", "DR1:40", "DR2:2", "DR2:19"]
    assert figure_5_measure.specs(40, [1, 9], [2], n_train=20) == ["none", "DR2:4,Q2:2"]
    # One point of twenty is no curve; one that was asked for alone is.
    wide = figure_2_measure.specs(50176, n_train=3030)
    assert len(wide) == 21 and not any(spec.startswith("DR2") for spec in wide)
    assert figure_2_measure.specs(50176, [1], n_train=3030) == ["none", "DR1:2508", "DR2:2508"]


# Colours and labels


def test_every_stress_has_its_own_colour() -> None:
    assert len(set(style.COLOURS.values())) == len(style.COLOURS) == len(LABELS)
    assert set(sl.published()["stress"]) == set(style.COLOURS) == set(LABELS)
    names = dict(sl.published()[["stress", "paper_name"]].drop_duplicates().itertuples(index=False))
    assert {stress: label.split()[0] for stress, label in LABELS.items()} == names


def test_labels_are_moved_apart_and_no_further() -> None:
    assert style.spread([10, 90, 50], gap=5) == [10, 90, 50]
    assert style.spread([50, 52, 51], gap=4) == [47, 55, 51]


# All four figures


@pytest.mark.parametrize("figure", FIGURES)
def test_one_number_changes_the_figure_and_its_words(figure: str, tmp_path: Path) -> None:
    """What a page shows comes from its table: SVG, PNG, alternative text and verdicts."""
    _, page = FIGURES[figure]
    table = table_of(figure).reset_index(drop=True)
    changed = table.copy()
    place = {"values": 8} if figure == "figure-4" else {"dimensions": 128}
    row = changed.index[changed[list(place)].eq(pd.Series(place)).all(axis=1)][0]
    changed.loc[row, "score"] -= 9
    shown = []
    for part, results in (("one", table), ("two", changed), ("three", table)):
        (tmp_path / part).mkdir()
        style.save(page.plot(results), results, tmp_path / part, figure)
        files = [(tmp_path / part / f"{figure}.{ending}").read_bytes() for ending in ("svg", "png", "csv")]
        shown.append([*files, page.alt_text(results), page.verdicts(results)])
    assert all(one != two for one, two in zip(shown[0], shown[1], strict=True))
    assert shown[0] == shown[2]


@pytest.mark.parametrize("figure", FIGURES)
def test_committed_results_are_drawn_and_hold_the_quick_settings(figure: str) -> None:
    _, page = FIGURES[figure]
    table = sl.read_results(RESULTS / f"{figure}.csv")
    assert len(texts(page.plot(table))) > 5 and page.alt_text(table).endswith(".")
    assert any(word in page.verdicts(table) for word in ("points", "closest"))
    profiles = figures(ROOT)[figure]["profiles"]
    for parameter in ("steps", "tenths", "values"):
        assert set(profiles["quick"].get(parameter, [])) <= set(profiles["full"].get(parameter, []))
    scale = {"steps": 20, "tenths": 10}
    for parameter, parts in scale.items():
        sizes = {round(parts * share) for share in (table["dimensions"] / table["n_features"]).dropna()}
        assert set(profiles["quick"].get(parameter, [])) <= sizes
    assert set(profiles["quick"].get("values", [])) <= set(table["values"].dropna())


@pytest.mark.parametrize("figure", FIGURES)
def test_the_last_panel_is_drawn_as_whole_as_the_first(figure: str) -> None:
    """The scale that panels share has room for the lowest point of any of them."""
    table = table_of(figure).reset_index(drop=True)
    last = table["dataset"].eq(table["dataset"].iloc[-1]) & table["model"].eq(table["model"].iloc[-1])
    low = table["score"].where(~last | table["stress"].eq("none"), table["score"] / 3)
    axes = FIGURES[figure][1].plot(table.assign(score=low)).axes
    whole = axes[::2] if figure == "figure-4" else axes  # its right column cuts off what the left one shows
    for ax in whole:
        bottom, top = sorted(ax.get_ylim())
        heights = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in ax.lines])
        assert bottom <= heights.min() and heights.max() <= top


@pytest.mark.parametrize("figure", FIGURES)
def test_figure_and_legend_fit_a_screen_and_their_text_a_phone(figure: str) -> None:
    """672 pixels wide and less than 640 high; 358 pixels wide the smallest text has seven."""
    drawn = FIGURES[figure][1].plot(table_of(figure))
    width, height = drawn.get_size_inches() * 96
    assert width == 672 and height < 640
    drawn.draw_without_rendering()
    written = [text for text in drawn.findobj(Text) if text.get_text() and text.get_visible()]
    assert min(text.get_fontsize() for text in written) * 96 / 72 * 358 / width >= 7


def test_answers_are_those_of_the_table() -> None:
    """The first feature set and the published curves of its panel, with the numbers that the tables below have."""
    table = table_of("figure-2")
    small = figure_2_page.table(table)["10%"]
    ours = [small["DR-1", "Caltech-101 · EffNet-Lite0"], small["DR-2", "Caltech-101 · EffNet-Lite0"]]
    assert figure_2_page.headline(table) == (
        f"**With 10% of the dimensions, Caltech-101 · EffNet-Lite0 keeps {ours[0]:.1f}% of its score when they are drawn at "
        f"random and {ours[1]:.1f}% as principal components, the paper's VGG-M on VOC 2007 95.2% and 99.1%.**"
    )
    assert "from one per dimension, the paper's VGG-M on VOC 2007 96.8% and 100.1%.**" in (
        figure_4_page.headline(table_of("figure-4"))
    )
    assert "which saves 98.4% of the bits, Caltech-101" in figure_5_page.headline(table_of("figure-5"))
    full = table[table["dimensions"].isna() | table["dimensions"].eq(table["n_features"])]
    assert figure_2_page.headline(full) == ""


@pytest.mark.parametrize("figure", FIGURES)
def test_captions_name_data_sets_and_metrics_in_words(figure: str) -> None:
    caption = FIGURES[figure][1].caption(table_of(figure))
    assert caption.startswith("Score kept") and caption.endswith(".") and "\n" not in caption
    assert "accuracy on " in caption and "caltech101" not in caption


# Figure 2


def test_curves_are_means_and_bands_population_deviations() -> None:
    table = table_of("figure-2")
    ax = figure_2_page.plot(table).axes[0]
    ours = next(line for line in ax.lines if "DR-1 random selection" in str(line.get_label()))
    shares = with_shares(table)
    random = shares[shares["stress"].eq("random-selection") & shares["model"].eq("efficientnet-lite0")]
    by_size = [random.loc[random["dimensions"] == size, "kept"].to_numpy() for size in sorted(set(random["dimensions"]))]
    assert ours.get_ydata() == pytest.approx([np.mean(values) for values in by_size])
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(max(np.mean(v) + np.std(v) for v in by_size))


def test_every_panel_has_the_papers_curves_that_belong_to_it() -> None:
    pooled, _, whole, bossanova = figure_2_page.plot(table_of("figure-2")).axes
    drawn = [{str(line.get_label()): line for line in ax.lines} for ax in (pooled, whole, bossanova)]
    names = [ax.texts[-1].get_text().partition("paper: ")[2].partition(",")[0] for ax in (pooled, whole, bossanova)]
    assert names == ["VGG-M", "GoogLeNet", "BossaNova"]
    assert ["paper: BossaNova" in lines for lines in drawn] == [True, True, False]
    line = drawn[0]["DR-2, paper"]
    assert line.get_markerfacecolor() == "white" and len(line.get_ydata()) == 20
    assert line.get_ydata()[1] == pytest.approx(99.14, abs=0.01)
    assert not any("DR-2" in name for name in drawn[1])
    first = [lines["DR-1, paper"].get_ydata()[0] for lines in drawn]
    assert first == pytest.approx([89.16, 95.26, 87.54], abs=0.01)
    grey = [lines["paper: BossaNova"].get_color() for lines in drawn[:2]]
    assert grey == [style.GREY] * 2 and style.GREY not in style.COLOURS.values()


def test_panels_say_how_many_dimensions_the_smallest_share_is() -> None:
    table = table_of("figure-2")
    sizes = [ax.texts[-1].get_text() for ax in figure_2_page.plot(table).axes]
    assert sizes == [
        "5%: 64 of 1,280\npaper: VGG-M, 204 of 4,096",
        "5%: 51 of 1,024\npaper: VGG-M, 204 of 4,096",
        "5%: 2,508 of 50,176\npaper: GoogLeNet, 2,508 of 50,176",
        "5%: 1,228 of 24,576\npaper: BossaNova, 3,172 of 63,440",
    ]
    assert "51 of 1,024 for Caltech-101 · GoogLeNet;" in figure_2_page.alt_text(table)


def test_agreement_of_figure_2_is_with_the_panels_network() -> None:
    table = table_of("figure-2")
    points = figure_2_page.agreement(table)
    pairs = set(zip(points["layer"], points["published_model"], points["stress"], strict=True))
    assert pairs == {
        ("pooled", "vgg-m", "random-selection"),
        ("pooled", "vgg-m", "pca"),
        ("inception5b", "googlenet", "random-selection"),
        ("pyramid", "bossanova", "random-selection"),
    }
    lines = figure_2_page.verdicts(table).splitlines()
    assert len(lines) == 6 and sum("inception 5b" in line for line in lines) == 1


def test_tables_hold_our_and_the_papers_shares() -> None:
    table = table_of("figure-2")
    small = figure_2_page.table(table)
    paper = small.loc["DR-1"].filter(like="VGG-M", axis=0)
    assert paper.to_numpy().ravel().tolist() == [89.2, 95.2, 98.6, 99.6]
    assert len(small) == len(set(small.index)) == 4 + 3 + 3 + 1
    assert f"{small.iloc[0]['10%']:.1f}%" in figure_2_page.alt_text(table)


# Figure 3


def test_order_of_data_sets_is_by_what_they_keep() -> None:
    order = figure_3_page.ranking(table_of("figure-3"))
    assert order.loc["5% of the dimensions", "paper"] == "VOC 2007 89.2 > MIT-67 77.6 > Food-101 50.8"
    assert order.loc["25% of the dimensions", "paper"] == "VOC 2007 98.6 > MIT-67 94.0 > Food-101 84.2"
    # 5%: 80 - 19 + 0.95 (mean over repeats) = 61.95 of 80, and for the digits 42.95.
    assert order.loc["5% of the dimensions", "ours"] == "Caltech-101 77.4 ≈ 15-Scenes 77.4 > digits 53.7"
    text = figure_3_page.alt_text(table_of("figure-3"))
    assert "ours Caltech-101 77.4 ≈ 15-Scenes 77.4 > digits 53.7" in text and "MIT-67 77.6" in text


def test_the_paper_is_left_and_ours_is_right_and_a_stand_in_looks_like_its_data_set() -> None:
    """Each panel names its curves in their order; its row has one scale."""
    random, ours, components, ours_too = figure_3_page.plot(table_of("figure-3")).axes
    named = [[text.get_text() for text in ax.get_legend().get_texts()] for ax in (random, ours, components)]
    assert named[0] == ["VOC 2007: 89.2", "MIT-67: 77.6", "Food-101: 50.8"]
    assert sorted(named[1]) == ["15-Scenes: 77.4", "Caltech-101: 77.4", "digits: 53.7"] and named[1][-1] == "digits: 53.7"
    assert len(named[2]) == 1
    assert [ax.get_title() for ax in (random, ours_too)] == ["DR-1, the paper · VGG-M", "DR-2, ours · EffNet-Lite0"]
    assert random.get_ylim() == ours.get_ylim() and components.get_ylim() == ours_too.get_ylim()
    # In the tables' order: VOC, MIT-67, Food-101; Caltech-101, 15-Scenes and digits stand for them.
    looks = [
        [(line.get_marker(), line.get_color()) for line in ax.lines if len(line.get_xdata()) > 2] for ax in (random, ours)
    ]
    assert looks[0] == looks[1] and len(set(looks[0])) == 3


def test_the_order_of_the_data_sets_is_counted_pair_by_pair() -> None:
    table = table_of("figure-3")
    beside = figure_3_page.order(table)
    assert beside["ours"].to_dict() == {"VOC 2007": "Caltech-101", "MIT-67": "15-Scenes", "Food-101": "digits"}
    assert "is the paper's in 3 of 3 pairs: there Food-101 keeps least (50.8%), here digits (53.7%)" in (
        figure_3_page.headline(table)
    )
    worst = table["dataset"].eq("caltech101") & table["stress"].eq("random-selection")
    turned = table.assign(score=table["score"].where(~worst, table["score"] / 2))
    assert "is the paper's in 1 of 3 pairs: there Food-101 keeps least (50.8%), here Caltech-101" in (
        figure_3_page.headline(turned)
    )
    assert figure_3_page.headline(table[table["dataset"].eq("digits")]) == ""


def test_verdicts_of_figure_3_compare_the_spread() -> None:
    text = figure_3_page.verdicts(table_of("figure-3"))
    # 77.4 - 53.7, and 89.2 - 50.8
    assert (
        "With 5% of the dimensions our data sets lie 23.8 points apart, the paper's 38.4: here they matter **less**." in text
    )
    assert "**true** of the paper's data sets" in text and "- digits lies closest to the paper's Food-101" in text


# Figure 4


def test_figure_4_reference_is_the_papers_figure_4() -> None:
    reference = figure_4_page.reference().set_index(["stress", "values"])["kept"]
    assert reference["uniform-shared", 7] == pytest.approx(99.92, abs=0.005)
    assert reference["uniform-per-dimension", 4] == pytest.approx(100.11, abs=0.005)


# Figure 5


@pytest.mark.parametrize(
    ("cost", "gain", "front"),
    [
        ([1, 2, 3], [1, 2, 3], [True, True, True]),
        ([1, 2, 3], [3, 2, 1], [True, False, False]),
        ([2, 2, 2], [1, 3, 2], [False, True, False]),  # the same cost: the best alone
        ([1, 2, 3], [5, 5, 5], [True, False, False]),  # the same gain: the cheapest alone
        ([1, 1, 2], [4, 4, 4], [True, True, False]),  # equal in both: together
        ([3, 1, 2, 4], [7, 5, 4, 8], [True, True, False, True]),  # in no order
        ([1], [0], [True]),
        ([], [], []),
    ],
)
def test_pareto_front_by_hand(cost: list[float], gain: list[float], front: list[bool]) -> None:
    assert figure_5_page.pareto_front(cost, gain).tolist() == front


def test_published_marks_and_front_are_the_papers() -> None:
    table = table_of("figure-5")
    marks = figure_5_page.table(table)
    paper = marks.xs("paper: VGG-M on VOC 2007", level="features")
    assert paper["bits"].tolist() == [1227, 2045, 4095]
    assert paper["bits saved (%)"].tolist() == [99.06, 98.44, 96.88]
    assert paper["score kept (%)"].tolist() == [97.84, 99.12, 99.63]  # 97.8, 99.1, 99.6 in the caption
    ours = marks.xs("15-Scenes · EffNet-Lite0", level="features")
    assert ours[["dimensions", "values", "bits"]].to_numpy().tolist() == [[128, 8, 384], [128, 27, 640], [256, 24, 1280]]
    front = figure_5_page.fronts(table).loc["paper: VGG-M on VOC 2007"]
    assert {(409, 8), (409, 12), (409, 27), (819, 12), (819, 24), (1228, 30), (3276, 30)} <= set(
        zip(front["dimensions"], front["values"], strict=True)
    )
    assert front["score kept (%)"].is_monotonic_increasing and front.index.is_monotonic_increasing


def test_marks_are_drawn_where_the_table_has_them() -> None:
    """The paper's is a frame around ours, which it does not hide."""
    table = table_of("figure-5")
    ax = figure_5_page.plot(table).axes[0]
    marks = figure_5_page.table(table).reset_index()
    ours = marks[marks["features"].str.startswith("Caltech-101")]
    drawn = [line for line in ax.lines if len(line.get_ydata()) == 1]
    for row, mine, theirs, marker in zip(ours.to_dict("records"), drawn[::2], drawn[1::2], "osX", strict=True):
        assert mine.get_label() == row["setting"].replace(" of the dimensions", "")
        assert mine.get_marker() == theirs.get_marker() == marker
        assert mine.get_ydata()[0] == pytest.approx(row["score kept (%)"], abs=0.005)
        assert theirs.get_markerfacecolor() == "none" and theirs.get_markersize() > mine.get_markersize() + 4
    written = [text.get_text() for text in ax.texts]
    assert written[1::2] == ["97.8", "99.1", "99.6"] and written[::2] == [f"{kept:.1f}" for kept in ours["score kept (%)"]]


def test_fronts_are_steps_in_the_picture_and_in_the_numbers() -> None:
    """As in the explorer: between two settings none was measured, and what the cheaper one keeps is what can be had."""
    table = table_of("figure-5")
    fronts = [line for line in figure_5_page.plot(table).axes[0].lines if str(line.get_label()).endswith("front")]
    assert [line.get_drawstyle() for line in fronts] == ["steps-post"] * 2
    kept = set(figure_5_page.fronts(table)["score kept (%)"])
    gaps = figure_5_page.front_gaps(table)
    assert {round(value, 2) for name in ("ours", "theirs") for value in gaps[name]} <= kept


def test_a_front_one_point_below_the_papers_is_said_to_be_so() -> None:
    paper = figure_5_page.reference()
    whole = paper["score"].iloc[0] / paper["kept"].iloc[0] * 100
    below = paper.assign(dataset="mine", score=paper["score"] - whole / 100, repeat=pd.NA, objective_gap=0.0)
    none = below.head(1).assign(stress="none", dimensions=pd.NA, values=pd.NA, score=whole)
    table = pd.concat([none, below])
    gaps = figure_5_page.front_gaps(table)
    assert len(gaps) == 14 and gaps["difference"].to_numpy() == pytest.approx(-1)
    text = figure_5_page.verdicts(table)
    assert "The front lies 1.0 points below the paper's on average" in text
    assert "10% of the dimensions, 27 values: **98.1%**, the paper 99.1%." in text
    assert "of the paper's settings, it takes 1.56% of the bits (10% of the dimensions, 27 values)" in text


# Templates


@pytest.mark.parametrize(
    ("figure", "parameters", "specs"),
    [
        ("figure-3", {"steps": [2, 5], "repeats": 2}, ["none", "DR1:4", "DR1:10", "DR2:4", "DR2:10"]),
        (
            "figure-5",
            {"tenths": [1, 2], "values": [8, 24, 27]},
            ["none", *(f"DR2:{size},Q2:{count}" for size in (4, 8) for count in (8, 24, 27))],
        ),
    ],
)
def test_templates_have_the_numbers_of_a_sweep(
    figure: str, parameters: dict[str, Any], specs: list[str], tmp_path: Path, small: sl.FeatureSet
) -> None:
    mine = small.save(tmp_path / "mine.safetensors")
    executed = reproduce(figure, parameters={"dataset": [str(mine)], **parameters}, output=tmp_path / "out")
    table = sl.read_results(tmp_path / "out" / f"{figure}.csv")
    expected = sl.sweep(sl.load_features(mine), specs, repeats=2, progress=False)
    pd.testing.assert_frame_equal(table[SETTING], expected[SETTING])
    assert table["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-5)
    shown = json.dumps(nbformat.read(executed, 4).cells)
    assert FIGURES[figure][1].alt_text(table)[:60] in shown and "rank correlation" in shown
    for ending in ("svg", "png"):
        assert (tmp_path / "out" / f"{figure}.{ending}").stat().st_size > 5_000
