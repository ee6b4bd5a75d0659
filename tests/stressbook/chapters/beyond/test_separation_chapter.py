"""The chapter on separation: correlations, choices and trends of made-up tables, and each verdict for each outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from places import ROOT

import stresslib as sl
from stressbook.chapters.beyond.separation import (
    choices,
    costs,
    layers,
    measure,
    page,
    scores,
    small_networks,
    smoothness,
)
from stressbook.drawing import style
from stressbook.reproduce.parameters import defaults
from stresslib.features import embedded_path
from stresslib.results import SETTING, results_table
from stresslib.running.separation_sweep import INDICES


def grid(index: list[float], score: list[float], validation: list[float], name: str = "a") -> pd.DataFrame:
    """Without a stress 90, 80 and 85 percent; then one stress of 1 bit, 2 bits and so on, on 10 dimensions."""
    shared = {"dataset": name, "model": "b", "layer": "c", "n_features": 100}
    rows: list[dict[str, Any]] = []
    for number, numbers in enumerate(zip([90, *index], [80, *score], [85, *validation], strict=True)):
        at = {**shared, "stress": "none"}
        if number:
            at |= {"stress": "pca+uniform", "dimensions": 10, "values": 2**number}
        rows += [{**at, "metric": metric, "score": numbers[0]} for metric in INDICES]
        rows.append({**at, "metric": "accuracy", "score": numbers[1], "objective_gap": 1e-6})
        rows.append({**at, "dataset": f"{name}-validation", "metric": "accuracy", "score": numbers[2]})
    return results_table(rows)


def layered(scores: list[float], model: str = "net", metric: str = "SI", dataset: str = "pictures") -> pd.DataFrame:
    shared = {"dataset": dataset, "model": model, "n_features": 7, "stress": "none", "metric": metric}
    return results_table({**shared, "layer": f"layer-{n}", "score": score} for n, score in enumerate(scores))


FOLLOWS = grid([60, 80, 89.5, 90], [50, 70, 79.5, 80], [55, 75, 83, 85])
AGAINST = grid([90, 89.5, 80, 60], [50, 70, 79.5, 80], [55, 75, 83, 85], "other")


def test_index_and_score_stand_side_by_side() -> None:
    """Bits are those of the vector; shares are of the full score; layers and repeats of other parts are no stresses."""
    first = FOLLOWS[FOLLOWS["metric"].isin(INDICES) & FOLLOWS["stress"].eq("none")]
    both = measure.without_repeated_settings([layered([10, 20]), first, AGAINST, FOLLOWS, layered([1, 2]).assign(repeat=0)])
    assert scores.index_and_score(both)["name"].unique().tolist() == ["other, b, c", "a, b, c"]  # as the grids were measured
    both = both[both["dataset"].str.startswith(("a", "p"))]
    rows = scores.index_and_score(both)
    assert rows["spec"].tolist() == ["none", "DR2:10,Q2:2", "DR2:10,Q2:4", "DR2:10,Q2:8", "DR2:10,Q2:16"]
    assert rows["bits"].tolist() == [3200, 10, 20, 30, 40] and rows["value_bits"].tolist() == [32, 1, 2, 3, 4]
    assert rows["SI"].tolist() == [90, 60, 80, 89.5, 90]
    assert rows["score"].tolist() == [80, 50, 70, 79.5, 80]
    assert rows["validation"].tolist() == [85, 55, 75, 83, 85]
    assert rows["kept"].tolist() == pytest.approx([100, 62.5, 87.5, 99.375, 100])


def test_correlations_by_hand() -> None:
    line = scores.correlations(grid([60, 70, 80, 90], [50, 60, 70, 80], [0, 0, 0, 0])).xs("SI", level="index")
    assert line[["settings", "pearson", "spearman"]].to_numpy()[0].tolist() == pytest.approx([4, 1, 1])
    assert line["residual"].item() == pytest.approx(0, abs=1e-9)
    # Around the best line through (0, 0), (1, 1), (2, 0), which is level at 1/3, deviations are 1/3, 2/3 and 1/3.
    bent = scores.correlations(grid([0, 1, 2], [0, 1, 0], [0, 0, 0])).xs("SI", level="index")
    assert bent["residual"].item() == pytest.approx(np.sqrt(2 / 9))
    assert scores.correlations(AGAINST)["spearman"].tolist() == pytest.approx([-1, -1, -1])
    assert scores.correlations(AGAINST)["near"].tolist() == [2, 2, 2]


def test_the_fewest_bits_within_a_point_are_chosen() -> None:
    """By the index 3 bits (89.5 of 90), by validation 4 (83 of 85 is too little), by the test score 3."""
    rows = choices.choices(FOLLOWS).droplevel("features")
    assert rows.loc["SI"].to_dict() == {"spec": "DR2:10,Q2:8", "bits": 30, "score": 79.5, "lost": 0.5}
    assert rows.loc["validation", "bits"] == 40 and rows.loc["test", "bits"] == 30
    assert choices.choices(AGAINST).droplevel("features").loc["SI", ["bits", "lost"]].tolist() == [10, 30]
    # Nothing fits: the vectors as they are.
    nothing = choices.choices(grid([1, 2], [1, 2], [1, 2])).droplevel("features")
    assert nothing.loc["SI", ["spec", "lost"]].tolist() == ["none", 0]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            FOLLOWS,
            "**Yes: none of the 1 stresses that the separation index chooses loses more than 1 point of the test score:**",
        ),
        (FOLLOWS, "** 0.50 on a. Those that validation chooses lose 0.00 on a, never more, with 1.33 times the bits."),
        (AGAINST, "**No: all 1 stresses that the separation index chooses lose more than 1 point"),
        (AGAINST, "The ranks of index and score correlate by -1.00."),
        (pd.concat([FOLLOWS, AGAINST]), "**Not everywhere: 1 of 2 stresses that the separation index chooses lose"),
        (
            grid([60, 80, 88, 90], [50, 70, 79.9, 78], [55, 75, 83, 85]),
            "2.00 on a. Those that validation chooses lose 2.00 on a, never more, with as many bits.",
        ),
    ],
)
def test_the_headline_follows_the_numbers(table: pd.DataFrame, said: str) -> None:
    assert said in page.headline(table)


def test_words_follow_the_numbers() -> None:
    assert "the ranks of SI and of the score correlate by **1.00**" in scores.verdicts(FOLLOWS)
    assert (
        "SI chooses 10 principal components of 8 values (30 bits), which loses **0.50 points** of the test score; "
        "validation chooses 10 principal components of 16 values (40 bits), which loses 0.00. The index takes 0.75"
    ) in choices.verdicts(FOLLOWS)
    assert "loses **30.00 points** of the test score" in choices.verdicts(AGAINST)
    assert "On other the ranks of SI and of the score correlate by -1.00, less than 0.9." in page.not_reproduced(AGAINST)
    assert "what SI chooses loses 30.00 points." in page.not_reproduced(AGAINST)
    table = pd.concat([FOLLOWS, layered([20, 40, 60]), layered([50, 30, 20], "net-untrained")])
    assert page.not_reproduced(table) == "- Nothing: all of it did."


@pytest.mark.parametrize(
    ("primary", "said"),
    [
        ([60, 70, 80, 90], "SI(5), by 1.00, is a tie."),
        ([60, 80, 70, 90], "SI(5) comes nearer, by 1.00."),
    ],
)
def test_correlations_within_a_tenth_are_a_tie(primary: list[float], said: str) -> None:
    """One pair of four in the wrong order leaves a rank correlation of 0.8."""
    table = grid([60, 70, 80, 90], [50, 60, 70, 80], [55, 65, 75, 85])
    at = table["metric"].eq("SI") & table["stress"].ne("none")
    table.loc[at, "score"] = primary
    assert said in scores.verdicts(table)
    turned = table.assign(metric=table["metric"].replace({"SI": "SI(5)", "SI(5)": "SI"}))
    turned.loc[turned["metric"].eq("CSI") & turned["stress"].ne("none"), "score"] = primary
    if primary[1] > primary[2]:
        assert "No other index comes as near; the next is SI(5), by 0.80." in scores.verdicts(turned)


@pytest.mark.parametrize(
    ("scores", "trend"),
    [
        ([20, 40, 60], "rises"),
        ([60, 20, 10], "falls"),
        ([60, 20, 60.9], "stays level"),
        ([30, 50, 45, 44, 32], "goes up and down"),
    ],
)
def test_a_trend_is_more_than_its_ends(scores: list[float], trend: str) -> None:
    """The last one ends two points higher, and its ranks go nowhere."""
    assert layers.trends(layered(scores))["trend"].tolist() == [trend]


def test_networks_that_go_the_wrong_way_are_listed() -> None:
    table = pd.concat([FOLLOWS, layered([60, 20, 10]), layered([20, 40, 60], "net-untrained")])
    said = page.not_reproduced(table)
    assert "SI of net, pictures falls with depth, though the network is trained (60.0 to 10.0)" in said
    assert "SI of net, pictures rises with depth (20.0 to 60.0), though the network is not trained" in said
    assert layers.verdicts(table) == (
        "- net, pictures: trained, SI **falls** (60.0 to 10.0); untrained, SI rises (20.0 to 60.0)."
    )
    assert layers.verdicts(table, smoothness=True) == ""


def regression(index: list[float], explained: list[float]) -> pd.DataFrame:
    """Two repeats of the layer under 2, 4 and 8 values, a point apart; the first number is without a stress."""
    shared = {"dataset": "diabetes", "model": "mlp", "layer": small_networks.STRESSED, "n_features": 32}
    rows = []
    for place, (smooth, r2) in enumerate(zip(index, explained, strict=True)):
        at = {**shared, "stress": "none"}
        if place:
            at |= {"stress": "uniform-per-dimension", "values": 2**place}
        scores = {**dict.fromkeys(small_networks.SMOOTHNESS, smooth), "R2": r2}
        rows += [
            {**at, "repeat": repeat, "metric": metric, "score": score + repeat}
            for repeat in (0, 1)
            for metric, score in scores.items()
        ]
    return results_table(rows)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (regression([70, 70, 70, 70.4], [40, 40, 39.8, 40]), "Neither sees the stress."),
        (regression([70, 60, 65, 69], [40, 20, 30, 39]), "correlate by 1.00: SmI tells what will be explained."),
        (regression([70, 69, 65, 60], [40, 20, 30, 39]), "**SmI does not tell what will be explained.**"),
    ],
)
def test_what_a_stress_does_to_a_regression(table: pd.DataFrame, said: str) -> None:
    assert said in smoothness.verdicts(table)
    assert smoothness.table(table)["R2"].iloc[0] == 40.5


def test_times_are_read_from_the_benchmark(tmp_path: Path) -> None:
    path = tmp_path / "separation-choice.csv"
    assert "was not measured" in costs.time_to_choose(tmp_path)
    for seconds, said in (
        ([1.0, 2.0], "The index is the faster way, 2.0 to 4.0 times."),
        ([8.0, 16.0], "**The index is not the faster way**: validation takes 0.25 to 0.50 times as long."),
        ([1.0, 8.0], "Neither way is the faster one everywhere: validation takes 0.50 to 4.00 times as long."),
    ):
        rows = {"features": ["a", "b"], "settings": [9, 9], "index_seconds": seconds, "validation_seconds": [4.0, 4.0]}
        pd.DataFrame(rows).to_csv(path, index=False)
        assert costs.time_to_choose(tmp_path).startswith(said), said


def test_costs_are_read_from_the_benchmark(tmp_path: Path) -> None:
    assert costs.verdicts(tmp_path).startswith("Not measured on this machine")
    shared = {"rows": [5000, 50000], "width": [128, 128], "order": [1, 1], "way": ["ours", "ours"], "seconds": [1.0, 90.0]}
    for megabytes, said in (
        ([80, 400], "5.0 times, no square (that would be 100 times): 80 to 400 MB"),
        ([10, 900], "**nearly"),
    ):
        pd.DataFrame({**shared, "MB": megabytes}).to_csv(tmp_path / "separation-memory.csv", index=False)
        assert said in costs.verdicts(tmp_path)
    ways = {"way": ["ours", "faiss"], "seconds": [9.0, 8.0], "rows": [10000] * 2, "width": [1280] * 2, "order": [1, 1]}
    pd.DataFrame(ways).to_csv(tmp_path / "separation-speed.csv", index=False)
    assert "- 10,000 vectors of 1,280 numbers, order 1: **9.0 s**; faiss 8.0 s." in costs.verdicts(tmp_path)


def test_figures_have_a_panel_for_each_part(tmp_path: Path) -> None:
    table = pd.concat([FOLLOWS, AGAINST, layered([20, 40, 60]), layered([50, 30, 20], "net-untrained")])
    beside_score = page.plot(table)
    assert len(beside_score.axes) == 2 * 2 + 1
    assert [len(ax.collections[0].get_offsets()) for ax in beside_score.axes[:4]] == [4, 4, 4, 4]
    by_layer = layers.plot(table)
    assert [ax.get_visible() and ax.axison for ax in by_layer.axes] == [True, False]
    assert "rises (20.0 to 60.0)" in layers.alt_text(table) and "1.00" in page.alt_text(table)
    style.save(by_layer, table, tmp_path, "separation")
    again = sl.read_results(tmp_path / "separation.csv")
    assert choices.verdicts(again) == choices.verdicts(table)
    assert layers.verdicts(again) == layers.verdicts(table)


def test_the_grid_is_measured_three_ways(small: sl.FeatureSet) -> None:
    table = measure.over_grid(small, [1, 2], [2, 4], n_jobs=1, progress=False)
    rows = scores.index_and_score(measure.without_repeated_settings([table, table]))
    assert rows["spec"].tolist() == ["none", "DR2:4,Q2:2", "DR2:4,Q2:4", "DR2:8,Q2:2", "DR2:8,Q2:4"]
    stressed = sl.make_stress("DR2:8,Q2:4").fit_transform(small.X[small.train])
    assert rows["SI"].iloc[-1] == pytest.approx(100 * sl.separation_index(stressed, small.y[small.train]))
    assert rows["score"].iloc[-1] == pytest.approx(sl.evaluate(small, "DR2:8,Q2:4")["score"].item())
    assert len(measure.without_repeated_settings([table, table])) == len(table) == len(table.drop_duplicates(SETTING))


def test_small_networks_are_the_same_on_every_run() -> None:
    """And training does what it should: the unseen digits' centre index rises, and the network names most of them."""
    before = torch.random.get_rng_state()
    table = small_networks.digits(1)
    assert torch.equal(before, torch.random.get_rng_state())
    last = table[table["layer"] == "output"].set_index(["model", "metric"])["score"]
    assert last["mlp", "CSI"] > last["mlp-untrained", "CSI"] + 20 and last["mlp", "accuracy"] > 90
    again = small_networks.diabetes(1, [2, 30])
    assert again[again["metric"] == "R2"]["values"].fillna(0).tolist() == [0, 2, 30]
    assert again["score"].notna().all() and again.equals(small_networks.diabetes(1, [2, 30]))


def test_quick_is_a_part_of_full_on_what_is_shipped() -> None:
    profiles = yaml.safe_load((ROOT / "notebooks" / "figures.yml").read_text())["separation"]["profiles"]
    known = defaults(ROOT / "notebooks" / "separation.ipynb")
    full = {**known, **profiles["full"]}
    for name, value in profiles["quick"].items():
        assert set(value) <= set(full[name]) if isinstance(value, list) else value <= full[name], name
    for name in [*profiles["quick"]["dataset"]]:
        assert embedded_path(name, known["model"], known["layer"]).is_file()
