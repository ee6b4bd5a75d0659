"""The paper's own data: parts of the training images, what the curves are extrapolated to, and the facts of the files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from toy_features import make_features

import stresslib as sl
from stressbook.chapters.verdicts.own_data import facts, measure, page
from stressbook.drawing import style
from stresslib.results import VARIANT, read_results, results_table

GOOGLENET = {"dataset": "voc2007-val", "model": "bvlc-googlenet", "layer": "pooled", "n_features": 1024}
COMPRESSED = {"stress": "pca+uniform", "dimensions": 102, "values": 27}


def row(variant: str, score: float, metric: str = "mAP", **more: Any) -> dict[str, Any]:
    return {**GOOGLENET, "stress": "none", "metric": metric, "score": score, "objective_gap": 1e-6, VARIANT: variant, **more}


def made() -> pd.DataFrame:
    """What is missing to 100 is halved whenever the images are doubled, in each of two draws."""
    rows = [row(str(500 * 2**step), 100 - 80 / 2**step, repeat=draw) for step in range(2) for draw in range(2)]
    rows += [row("2000", 80), row("2000", 79, **COMPRESSED), row("preprocessing=matlab, 2000", 80.5)]
    for name, full, compressed in (("cat", 90, 91), ("sheep", 70, 67)):
        rows += [row(name, full, "AP"), row(name, compressed, "AP", **COMPRESSED)]
        rows.append(row(f"preprocessing=matlab, {name}", full + 1, "AP"))
    return results_table(rows)


def labelled(columns: Any) -> sl.FeatureSet:
    """Ten training rows and two test rows with these labels."""
    y = np.array(columns).T
    return sl.FeatureSet(np.eye(len(y)), y, np.arange(len(y)) < 10, "mAP", [str(number) for number in range(y.shape[1])])


def test_parts_are_nested_and_keep_the_test_rows() -> None:
    small = make_features(multilabel=True)
    parts = [measure.part(small, images, fewest=10, random_state=1) for images in (10, 20)]
    assert [int(one.train.sum()) for one in parts] == [10, 20]
    rows = [{tuple(vector) for vector in one.X[one.train]} for one in parts]
    assert rows[0] < rows[1]
    for one in parts:
        np.testing.assert_array_equal(one.X[one.test], small.X[small.test])
    other = measure.part(small, 10, fewest=10, random_state=2)
    assert {tuple(vector) for vector in other.X[other.train]} != rows[0]


@pytest.mark.parametrize("seed", range(5))
def test_every_class_has_a_positive_row_in_the_smallest_part(seed: int) -> None:
    """The second class has one positive training row of ten, which a draw of three mostly lacks."""
    rare = labelled([[1] * 9 + [-1, -1, 1], [-1] * 9 + [1, 1, -1]])
    for images in (3, 5):
        chosen = measure.part(rare, images, fewest=3, random_state=seed)
        assert (chosen.y[chosen.train] == 1).any(axis=0).all()
        assert chosen.train.sum() == images


def test_parts_that_cannot_be_are_refused() -> None:
    small = make_features(multilabel=True)
    with pytest.raises(ValueError, match="1000 training rows are wanted"):
        measure.part(small, 1000, fewest=10)
    with pytest.raises(ValueError, match="one label each"):
        measure.part(make_features(), 10, fewest=10)


def test_the_table_has_parts_the_whole_and_each_class() -> None:
    """Of 45 training rows and 40 dimensions, 10% are 4; the scores are those of the protocol."""
    small = make_features(multilabel=True)
    table = measure.measure(small, [10, 20, 45, 90], draws=2, n_jobs=1, progress=False)
    scores = table[table["metric"] == "mAP"]
    assert scores[VARIANT].tolist() == ["45", "45", "10", "10", "20", "20"]
    assert scores["repeat"].fillna(-1).tolist() == [-1, -1, 0, 1, 0, 1]
    assert scores["spec"].tolist()[:2] == ["none", "DR2:4,Q2:27"]
    assert scores["score"].iloc[0] == pytest.approx(sl.evaluate(small, "none")["score"].item())
    second = measure.part(small, 20, fewest=10, random_state=1)
    assert scores["score"].iloc[-1] == pytest.approx(sl.evaluate(second, "none")["score"].item())
    each = table[table["metric"] == "AP"]
    assert each[VARIANT].tolist() == ["class 0", "class 1", "class 2"] * 2
    assert each["score"].iloc[:3].mean() == pytest.approx(scores["score"].iloc[0])
    other = small.replace(provenance={"preprocessing": "matlab"})
    named = measure.measure(other, [10], draws=1, n_jobs=1, progress=False)[VARIANT]
    assert named.str.startswith("preprocessing=matlab, ").all()


def test_both_forms_and_no_others_make_the_range() -> None:
    """60, 80, 90 at doubled sizes: a power law goes on to 95; the line, of slope 15 a doubling, to 76.67 + 2 x 15."""
    curve = pd.DataFrame({"images": [1000, 2000, 4000], "draw": [0, 0, None], "score": [60.0, 80.0, 90.0]})
    assert page.extrapolated(curve, 8000) == pytest.approx((95, 230 / 3 + 30))
    # A fourth size allows the smallest to be left out: without it, both forms fit the line through 60, 70, 80.
    longer = pd.DataFrame({"images": [500, 1000, 2000, 4000], "draw": [0, 0, 0, None], "score": [0.0, 60.0, 70.0, 80.0]})
    whole = np.polyfit(np.log2(longer["images"]), longer["score"], 1)
    low, high = page.extrapolated(longer, 8000)
    assert high == pytest.approx(np.polyval(whole, np.log2(8000)))
    assert low < 90 < high


def test_only_papers_preprocessing_makes_curves() -> None:
    curve = page.curves(made())
    assert curve["score"].tolist() == [20, 20, 60, 60, 80]
    row = page.extrapolations(made())["bvlc-googlenet, pooled"]
    assert row.images == 2000 and row.score == 80 and row.half == 1000
    # From 20 and 60, both lines are exact: one goes on to 100, the other to 80.
    assert tuple(row.predicted) == pytest.approx((80, 100))
    assert row.expected.low == pytest.approx(100 - 20 / (5011 / 2000))
    assert "inside that range, whose middle is **10.0 points too high**" in page.check(made())


@pytest.mark.parametrize(
    ("half", "score", "listed", "said"),
    [
        (
            60,
            75,
            "outside that range, whose middle is **15.0 points too high**",
            "too high for 2 of 2 feature sets, by 10.0 to 15.0",
        ),
        (
            40,
            63,
            "outside that range, whose middle is **5.5 points too low**",
            "and too low for 1 of 2 feature sets, by 5.5 points",
        ),
    ],
)
def test_the_page_says_where_the_rule_misses(half: float, score: float, listed: str, said: str) -> None:
    """From 20 and 60 the range is 80 to 100, from 20 and 40 it is 55 to 60; a second feature set has 80, inside its own."""
    table = made()
    for images, value in (("1000", half), ("2000", score)):
        table.loc[table[VARIANT].eq(images) & table["stress"].eq("none"), "score"] = value
    both = pd.concat([table, made().assign(model="other")], ignore_index=True)
    assert listed in page.check(both).splitlines()[0] and " inside" in page.check(both).splitlines()[1]
    assert said in page.check_in_short(both) and page.check_in_short(both) in page.headline(both)
    assert page.check_in_short(both).endswith("inside the range for 1.")


def test_classes_and_preprocessing_are_compared_with_their_siblings() -> None:
    pairs = page.classes(made())
    assert pairs.loc["sheep"].tolist() == [70, 67, -3] and pairs.loc["cat", "difference"] == 1
    assert page.class_table(made()).loc["mean"].tolist() == [80, 79, -1]
    assert "80.50 with `matlab`, 80.00 without: **+0.50 points**, more than" in page.preprocessing(made())
    without = made()[lambda rows: ~rows[VARIANT].str.contains("matlab")]
    assert page.preprocessing(without) == ""


def test_what_is_drawn_and_said_comes_from_the_table(tmp_path: Path) -> None:
    style.save(page.plot(made()), made(), tmp_path, "own-data")
    again = read_results(tmp_path / "own-data.csv")
    said = page.headline(again)
    assert "80.0 mAP with the 2,000 training images" in said and "sheep, with -3.0; 1 of 2" in page.class_sentence(again)
    assert page.published_score() == pytest.approx(80.585, abs=5e-4)
    assert "the paper publishes 80.6 with 5,011" in said
    assert page.alt_text(again).startswith("Learning curves on VOC 2007.")
    assert "sheep 70.0, 67.0" in page.classes_alt_text(again)
    assert page.table(again).iloc[0].tolist()[:3] == [20, 60, 80]
    [ax] = page.plot_classes(again).axes
    assert sorted(ax.get_lines()[1].get_xdata()) == [67, 91]


def test_one_size_is_drawn_without_extrapolation(tmp_path: Path) -> None:
    single = made()[lambda rows: rows[VARIANT] == "2000"]
    style.save(page.plot(single), single, tmp_path, "own-data")
    assert math.isnan(page.extrapolations(single)["bvlc-googlenet, pooled"].expected.low)
    assert "Too few sizes" in page.check(single) and page.check_in_short(single) == ""
    assert page.headline(single).endswith("test images.") and page.class_sentence(single) == ""


def test_facts_come_from_the_file() -> None:
    features = sl.load_features("voc2007-val/bvlc-googlenet/pooled", normalize=False)
    table = facts.facts(features)
    assert table.loc["missing images", "here"] == "005042, 007284, 009623"
    assert table.loc["training images"].tolist() == ["5,011", "2,500", "no"]
    assert table.loc["architecture", "the same"] == "yes" and table.loc["weights", "the same"] == "no"
    whole = features.replace(provenance={"missing": ""})
    assert facts.facts(whole).loc["missing images"].tolist() == ["none", "none", "yes"]
