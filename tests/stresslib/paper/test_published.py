"""The authors' figures, shares of the full score, and the agreement of a results table with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from places import SHARED, needs_shared

from stresslib import agreement, agreement_summary, curve_order, published
from stresslib.paper.published import grid_dimensions, with_shares
from stresslib.results import CURVE, results_table

SETTING = ["dataset", "model", "layer", "n_features", "stress", "dimensions", "values", "removed_bits", "metric"]


def row(stress: str, score: float, **changes: Any) -> dict[str, Any]:
    """One result of a set of 100 features that nobody published."""
    names = {"dataset": "toy", "model": "net", "layer": "pooled", "n_features": 100, "metric": "accuracy"}
    return {**names, "stress": stress, "score": score, "objective_gap": 1e-9, **changes}


def toy() -> pd.DataFrame:
    """Full score 80; 5 of 100 dimensions score 60 and 64 in two repeats; 4 values score 79, 2 score 40; one off the grid."""
    return results_table(
        [
            row("none", 80),
            row("random-selection", 60, dimensions=5, repeat=0),
            row("random-selection", 64, dimensions=5, repeat=1),
            row("random-selection", 8, dimensions=7, repeat=0),
            row("uniform-per-dimension", 79, values=4),
            row("uniform-per-dimension", 40, values=2),
        ]
    )


def figure_4() -> pd.DataFrame:
    """The authors' own Figure 4 as if we had measured it, with their full score as its unstressed row."""
    theirs = published()
    theirs = theirs[(theirs["source"] == "figure-4") & (theirs["model"] == "vgg-m")]
    full = {**theirs.iloc[0].to_dict(), "stress": "none", "values": None, "score": 76.952192}
    return results_table([full, *theirs.to_dict("records")])


def shares() -> pd.DataFrame:
    return with_shares(published())


def kept(table: pd.DataFrame, **place: Any) -> float:
    """The one kept share at a place."""
    for name, value in place.items():
        table = table[table[name].eq(value)]
    (share,) = table["kept"].round(9).unique()
    return float(share)


def test_all_published_figures_are_there() -> None:
    """1,210 rows, 1,112 settings: 98 stand in a figure and in the supplement, with the same score."""
    table = published()
    assert len(table) == 1210
    assert len(table[SETTING].drop_duplicates()) == 1112
    assert len(table[[*SETTING, "score"]].drop_duplicates()) == 1112
    assert table["score"].between(0, 100).all()
    assert set(table["paper_name"]) == {"DR-1", "DR-2", "Q-1", "Q-2", "Q-B", "FC"}


def test_two_calls_share_nothing() -> None:
    """A caller may change the table without changing it for the next one."""
    first = published()
    first["score"] = 0.0
    assert published()["score"].max() > 80


@needs_shared
def test_the_shipped_figures_are_the_extracted_ones() -> None:
    """No digit was lost on the way into the package."""
    original = pd.read_csv(SHARED / "paper" / "published.csv")
    table = published()
    np.testing.assert_array_equal(table["score"], original["score"])
    assert table["stress"].tolist() == original["stress"].tolist()


@pytest.mark.parametrize("width", [4096, 1000, 50176, 63440])
def test_the_grid_is_the_authors(width: int) -> None:
    """Their floating-point steps are part of it: 2047 of 4096, not 2048."""
    table = published()
    table = table[table["n_features"].eq(width) & table["stress"].isin(["random-selection", "pca"])]
    for _, curve in table.groupby(["dataset", "model", "layer", "stress", "source"]):
        assert curve["dimensions"].tolist() == grid_dimensions(width)


def test_every_reduced_point_is_on_the_grid() -> None:
    """The combined experiment cuts at 2048 where the others cut at 2047: both are half."""
    table = shares()
    reduced = table[table["dimensions"].notna()]
    assert reduced["step"].between(1, 20).all()
    assert set(reduced[reduced["dimensions"].isin([2047, 2048])]["step"]) == {10}
    assert table[table["dimensions"].isna()]["step"].isna().all()


@pytest.mark.parametrize("width", [4096, 1280, 1000, 128])
def test_what_is_beside_the_grid_is_not_on_it(width: int) -> None:
    """A dimension more or fewer is another setting; the authors' two ways of rounding are both on the grid."""
    exact = [width * step // 20 for step in range(1, 21)]
    on = sorted({*grid_dimensions(width), *exact})
    rows = [row("random-selection", 50, n_features=width, dimensions=size) for size in on]
    assert with_shares(results_table(rows))["step"].notna().all()
    off = sorted({size + by for size in on for by in (-1, 1)} - {*on, 0, width + 1})
    rows = [row("random-selection", 50, n_features=width, dimensions=size) for size in off]
    steps = with_shares(results_table(rows)).set_index("dimensions")["step"]
    assert steps[steps.notna()].to_dict() == {}


@pytest.mark.parametrize(
    ("dimensions", "values", "share"),
    [(409, 8, 97.841), (409, 27, 99.125), (819, 24, 99.633), (409, 4, 93.85), (1228, 30, 99.84)],
)
def test_headline_shares_of_figure_5(dimensions: int, values: int, share: float) -> None:
    """The three marks of the figure, and two more points, in percent of 76.952."""
    found = kept(shares(), source="figure-5", dimensions=dimensions, values=values)
    assert found == pytest.approx(share, abs=10 ** -len(str(share).split(".")[1]) / 2)


@pytest.mark.parametrize(
    ("dataset", "model", "stress", "dimensions", "share"),
    [
        ("voc2007", "vgg-m", "random-selection", 204, 89.2),
        ("voc2007", "vgg-m", "pca", 204, 97.9),
        ("voc2007", "vgg-m", "pca", 409, 99.1),
        ("voc2007", "googlenet", "random-selection", 2508, 95.3),
        ("voc2007", "bossanova", "random-selection", 3172, 87.5),
        ("mit67", "vgg-m", "random-selection", 204, 77.6),
        ("food101", "vgg-m", "random-selection", 204, 50.8),
    ],
)
def test_headline_shares_of_figures_2_and_3(dataset: str, model: str, stress: str, dimensions: int, share: float) -> None:
    """Each curve is measured against its own full score."""
    table = shares()
    table = table[table["source"].isin(["figure-2", "figure-3"])]
    assert kept(table, dataset=dataset, model=model, stress=stress, dimensions=dimensions) == pytest.approx(share, abs=0.05)


def test_headline_shares_of_quantization_and_erased_bits() -> None:
    """7 shared values keep 99.92 %, 4 per dimension 100.11 %; a curve of erased bits starts from its own first point."""
    table = shares()
    figure = table[table["source"].eq("figure-4")]
    assert kept(figure, stress="uniform-shared", values=7) == pytest.approx(99.92, abs=0.005)
    assert kept(figure, stress="uniform-per-dimension", values=4) == pytest.approx(100.11, abs=0.005)
    bits = table[table["stress"].eq("bit-erasure")]
    assert (bits[bits["removed_bits"].eq(0)]["kept"] == 100).all()
    # 851 of 1,340 images, not the 63.351 that the mean of ten random selections of all dimensions gave.
    assert kept(bits, dataset="mit67", removed_bits=56) == pytest.approx(100 * 57.836 / 63.507, abs=0.005)


def test_shares_of_a_toy_table() -> None:
    """By hand: 60, 64 and 8 of 80 are 75, 80 and 10 percent; 79 is 98.75, 40 is 50; 5 of 100 is the first step, 7 none."""
    table = with_shares(toy())
    assert table["kept"].tolist() == [100, 75, 80, 10, 98.75, 50]
    assert table["step"].fillna(-1).tolist() == [-1, 1, 1, -1, -1, -1]


def test_each_set_network_layer_and_metric_has_its_own_full_score() -> None:
    """A table of several curves is not measured against the first of them, however its rows are numbered."""
    curves: list[dict[str, Any]] = [
        {},
        {"dataset": "b"},
        {"model": "b"},
        {"layer": "b"},
        {"metric": "mAP"},
        {"n_features": 50},
    ]
    parts = [
        results_table([row("none", 10 * number, **curve), row("uniform-shared", 5 * number, values=3, **curve)])
        for number, curve in enumerate(curves, start=1)
    ]
    assert with_shares(pd.concat(parts))["kept"].tolist() == [100, 50] * len(curves)
    shuffled = pd.concat(parts, ignore_index=True).sample(frac=1, random_state=0)
    table = with_shares(shuffled)
    assert table["kept"].tolist() == table["stress"].map({"none": 100, "uniform-shared": 50}).tolist()


def test_a_table_without_a_full_score_has_no_shares() -> None:
    """An empty cell, not a number from somewhere else."""
    assert with_shares(toy().iloc[4:])["kept"].isna().all()


def test_the_input_is_left_alone() -> None:
    """The columns are added to a copy."""
    table = toy()
    before = table.copy()
    with_shares(table)
    agreement(table, published())
    pd.testing.assert_frame_equal(table, before)


def test_the_authors_agree_with_themselves() -> None:
    """Where everything is theirs, scores are compared as they are, and the difference is 0 at every point."""
    points = agreement(figure_4(), published())
    own = points[points["published_layer"].eq("relu7")]
    assert len(own) == 2 * 29
    assert set(own["scale"]) == {"score"}
    assert (own["difference"] == 0).all()
    assert own["ours"].tolist() == own["theirs"].tolist()
    summary = agreement_summary(own)
    assert summary["points"].tolist() == [29, 29]
    assert (summary["largest_difference"] == 0).all() and (summary["mean_difference"] == 0).all()
    assert summary["rank_correlation"].tolist() == pytest.approx([1, 1])


def test_another_layer_is_compared_by_what_it_keeps() -> None:
    """Their layer fc6 beside their relu7: other full scores, so the shares are compared."""
    points = agreement(figure_4(), published())
    other = points[points["published_layer"].eq("fc6") & points["stress"].eq("uniform-shared") & points["values"].eq(2)]
    assert other["scale"].tolist() == ["kept"]
    assert other["ours"].tolist() == pytest.approx([100 * 37.593652 / 76.952192])
    assert other["difference"].iloc[0] == other["ours"].iloc[0] - other["theirs"].iloc[0]


def test_agreement_of_a_toy_table() -> None:
    """By hand, one published curve a stress: mean of 75 and 80 beside 89.16, 98.75 beside 100.11, 50 beside 97.05."""
    theirs = published()
    theirs = theirs[theirs["source"].isin(["figure-2", "figure-4"]) & theirs["model"].eq("vgg-m")]
    points = agreement(toy(), theirs)
    assert points["stress"].tolist() == ["random-selection", "uniform-per-dimension", "uniform-per-dimension"]
    assert points["ours"].tolist() == [77.5, 98.75, 50]
    assert points["theirs"].tolist() == pytest.approx([89.16, 100.11, 97.05], abs=0.005)
    assert points["difference"].tolist() == pytest.approx([77.5 - 89.16, 98.75 - 100.11, 50 - 97.05], abs=0.01)
    assert set(points["scale"]) == {"kept"}
    assert points["step"].fillna(0).tolist() == [1, 0, 0] and points["values"].fillna(0).tolist() == [0, 4, 2]

    summary = agreement_summary(points)
    assert summary.columns.tolist() == [
        *CURVE,
        *("published_dataset", "published_model", "published_layer", "scale", "points"),
        *("largest_difference", "mean_difference", "rank_correlation"),
    ]
    assert summary["points"].tolist() == [1, 2]
    assert summary["largest_difference"].tolist() == pytest.approx([89.16 - 77.5, 97.05 - 50], abs=0.01)
    assert summary["mean_difference"].tolist() == pytest.approx([89.16 - 77.5, (97.05 - 50 + 100.11 - 98.75) / 2], abs=0.01)
    assert np.isnan(summary["rank_correlation"][0]) and summary["rank_correlation"][1] == pytest.approx(1)


def test_a_point_that_stands_in_two_sources_counts_once() -> None:
    """98 settings were published twice."""
    points = agreement(toy(), published())
    place = ["stress", "published_dataset", "published_model", "published_layer", "step", "values", "removed_bits"]
    assert not points.duplicated(place).any()


def test_pool5_is_measured_against_its_own_finest_dictionary() -> None:
    """It was published without a full score: of each of its two curves the 30 values stand for it. By hand, 2 values."""
    curves = shares().query("layer == 'pool5'").set_index(["stress", "values"])[["score", "kept"]]
    for stress in ("uniform-shared", "uniform-per-dimension"):
        assert curves.loc[(stress, 30), "kept"] == 100
        two, thirty = curves.loc[(stress, 2), "score"], curves.loc[(stress, 30), "score"]
        assert curves.loc[(stress, 2), "kept"] == pytest.approx(100 * two / thirty)
    assert curves.loc[("uniform-shared", 30), "score"] != curves.loc[("uniform-per-dimension", 30), "score"]
    assert shares()["kept"].notna().all()


def test_30_values_of_ours_are_no_full_score() -> None:
    """Only a published curve is measured so; ours without an unstressed row have no shares."""
    table = results_table(
        [row("uniform-shared", 50, values=30, layer="pool5"), row("uniform-shared", 25, values=2, layer="pool5")]
    )
    assert with_shares(table)["kept"].isna().all()


def test_points_have_numbers_on_both_sides() -> None:
    """Every published curve can be compared, pool5 by its own finest dictionary."""
    points = agreement(toy(), published())
    assert points[["ours", "theirs", "difference"]].notna().all(axis=None)
    assert agreement_summary(points)["largest_difference"].notna().all()


def test_without_a_full_score_there_is_no_agreement() -> None:
    """The message says which row is missing."""
    with pytest.raises(ValueError, match="'none'"):
        agreement(toy().iloc[1:], published())


def test_a_stress_that_nobody_published_agrees_with_nothing() -> None:
    """An empty agreement has its columns, and so has its summary."""
    table = results_table([row("none", 80), row("pca+bit-erasure", 70, dimensions=5, removed_bits=50)])
    points = agreement(table, published())
    assert len(points) == 0 and "difference" in points
    assert len(agreement_summary(points)) == 0 and "rank_correlation" in agreement_summary(points)


def point(ours: float, theirs: float, curve: str, step: int = 1, scale: str = "kept", **changes: Any) -> dict[str, Any]:
    """One point of an agreement: the curve of our data set `curve` beside the published one of the same name."""
    names = {"dataset": curve, "model": "net", "layer": "pooled", "metric": "accuracy", "stress": "pca"}
    published_names = {"published_dataset": curve, "published_model": "vgg-m", "published_layer": "relu7"}
    place = {"step": step, "values": None, "removed_bits": None, "scale": scale}
    numbers = {"ours": ours, "theirs": theirs, "difference": ours - theirs}
    return {**names, **published_names, **place, **numbers, **changes}


def ordered(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows).astype(dict.fromkeys(["step", "values", "removed_bits"], "Int64"))


def test_order_of_three_curves_by_hand() -> None:
    """Step 1: a > b > c in both. Step 2: theirs a > b > c, ours b > a > c: one pair of three is turned round."""
    first = [point(90, 95, "a"), point(80, 94, "b"), point(70, 93, "c")]
    second = [point(80, 99, "a", 2), point(90, 98, "b", 2), point(70, 97, "c", 2)]
    (order,) = curve_order(ordered(*first, *second)).to_dict("records")
    assert order == {
        "stress": "pca",
        "curves": 3,
        "places": 2,
        "pairs": 6,
        "same_order": pytest.approx(500 / 6),
        "opposite_order": pytest.approx(100 / 6),
        "same_places": 50,
        "tau": pytest.approx(4 / 6),
    }


def test_level_curves_have_an_order_of_their_own() -> None:
    """A quarter of a point apart is level: level on both sides is the same, level on one side neither."""
    level = ordered(point(90, 95, "a"), point(90.25, 94.75, "b"))
    half = ordered(point(90, 95, "a"), point(90.25, 94.7, "b"))
    assert curve_order(level)[["same_order", "opposite_order"]].to_numpy().tolist() == [[100, 0]]
    assert curve_order(half)[["same_order", "opposite_order", "tau"]].to_numpy().tolist() == [[0, 0, 0]]


def test_stresses_are_ordered_on_each_feature_set() -> None:
    """By feature set, DR-1 meets DR-2 of the same set and place, never that of another."""
    rows = [
        point(90 + number, 95, curve, stress=stress) if stress == "pca" else point(80, 90, curve, stress=stress)
        for number, curve in enumerate("ab")
        for stress in ("pca", "random-selection")
    ]
    order = curve_order(ordered(*rows), ["dataset", "model", "layer", "metric"])
    assert order[["dataset", "pairs", "same_order"]].to_numpy().tolist() == [["a", 1, 100], ["b", 1, 100]]


def test_what_shares_no_place_scale_or_published_curve_has_no_order() -> None:
    """An empty table with its columns; and a curve beside two published ones is an error."""
    apart = ordered(point(90, 95, "a", 1), point(80, 94, "b", 2))
    scales = ordered(point(90, 95, "a"), point(80, 94, "b", scale="score"))
    twins = ordered(point(90, 95, "a"), point(80, 95, "b", published_dataset="a"))
    for points in (apart, scales, twins):
        assert len(curve_order(points)) == 0 and "tau" in curve_order(points)
    with pytest.raises(ValueError, match="one each"):
        curve_order(ordered(point(90, 95, "a"), point(90, 94, "a", published_dataset="b")))


def test_the_authors_lie_in_their_own_order() -> None:
    """Q-1 and Q-2 of their Figure 4, compared with themselves."""
    points = agreement(figure_4(), published())
    own = points[points["published_layer"].eq("relu7")]
    order = curve_order(own, ["dataset", "model", "layer", "metric"])
    assert order[["pairs", "same_order", "same_places", "tau"]].to_numpy().tolist() == [[29, 100, 100, 1]]
