"""Figures draw the numbers of their tables, and say them in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import stresslib as sl
from stresslib.figures import data_card, figure_2, figure_4, live, style
from stresslib.published import with_shares

RESULTS = Path(__file__).parents[1] / "results"


@pytest.fixture(scope="module")
def table() -> object:
    return sl.read_results(RESULTS / "figure-2.csv")


def test_curves_are_means_and_bands_population_deviations(table) -> None:
    figure = figure_2.plot(table)
    ax = figure.axes[0]
    ours = next(line for line in ax.lines if "DR-1 random selection" in str(line.get_label()))
    shares = with_shares(table)
    first = shares[(shares["dataset"] == "caltech101") & (shares["metric"] == "mean-class-accuracy")]
    random = first[first["stress"] == "random-selection"]
    by_size = [random.loc[random["dimensions"] == size, "kept"].to_numpy() for size in sorted(set(random["dimensions"]))]
    assert ours.get_ydata() == pytest.approx([np.mean(values) for values in by_size])
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(max(np.mean(v) + np.std(v) for v in by_size))


def test_published_curve_is_drawn_thin_with_open_markers(table) -> None:
    line = next(line for line in figure_2.plot(table).axes[0].lines if str(line.get_label()).startswith("DR-2, paper"))
    assert line.get_markerfacecolor() == "white" and len(line.get_ydata()) == 20
    assert line.get_ydata()[1] == pytest.approx(99.14, abs=0.01)


def test_tables_hold_our_and_the_papers_shares(table) -> None:
    small = figure_2.table(table)
    paper = small.loc["DR-1"].filter(like="paper", axis=0)
    assert paper.to_numpy().ravel().tolist() == [89.2, 95.2, 98.6, 99.6]
    assert f"{small.iloc[0]['10% of dimensions']:.1f}%" in figure_2.alt_text(table)


def test_figure_4_reference_is_the_papers_figure_4() -> None:
    reference = figure_4.reference().set_index(["stress", "values"])["kept"]
    assert reference["uniform-shared", 7] == pytest.approx(99.92, abs=0.005)
    assert reference["uniform-per-dimension", 4] == pytest.approx(100.11, abs=0.005)


def test_cost_of_packing_is_shipped_minus_float32() -> None:
    table = sl.read_results(RESULTS / "data-card.csv")
    costs = data_card.costs(table)
    none = costs[(costs["stress"] == "none") & (costs["dataset"] == "scenes15")].iloc[0]
    rows = table[(table["stress"] == "none") & (table["dataset"] == "scenes15")].set_index("layer")["score"]
    assert none["mean"] == pytest.approx(rows["pooled"] - rows["pooled-float32"])
    assert set(costs["stress"]) == {
        "none",
        "random-selection",
        "pca",
        "uniform-shared",
        "uniform-per-dimension",
        "bit-erasure",
        "pca+uniform",
    }


def test_every_stress_has_its_own_colour() -> None:
    assert len(set(style.COLOURS.values())) == len(style.COLOURS) == len(style.LABELS)


def test_live_vectors_that_differ_stop_the_page(tmp_path: Path) -> None:
    classes = live.top_five(np.eye(2, 1000) * 9, ["a.png", "b.png"])
    vectors = np.float32([[1, 0], [0, 1]])
    figure = figure_4.plot(sl.read_results(RESULTS / "figure-4.csv"))
    live.save(figure, classes, vectors, tmp_path, "live")
    assert live.compare(vectors, tmp_path / "live.safetensors", ["a.png", "b.png"])["cosine"].tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"b\.png: the cosine"):
        live.compare(np.float32([[1, 0], [0.1, 1]]), tmp_path / "live.safetensors", ["a.png", "b.png"])
