"""Networks: what is compared of them, by hand and on the paper's own two, and what the answer says of made-up tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from results_rows import row

import stresslib as sl
from stressbook.chapters.open_questions.networks import measure, page
from stressbook.drawing import style
from stresslib.results import VARIANT, read_results, results_table

GOOGLENET, LITE0, DRAWN = (
    "scenes15/" + name + "/pooled" for name in ("bvlc-googlenet", "efficientnet-lite0", "efficientnet-lite0-untrained")
)


def curve(features: str, full: float, kept: float) -> list[dict[str, object]]:
    """A network that keeps a share of its score, and all of it with 16 values for a tenth of the dimensions."""
    few = [{"stress": stress, "dimensions": size} for stress in ("random-selection", "pca") for size in (64, 128)]
    few.append({"stress": "pca+uniform", "dimensions": 128, "values": 4})
    whole = [{"stress": "none"}, {"stress": "pca+uniform", "dimensions": 128, "values": 16}]
    rows = [row(features, score=full * kept / 100, **one) for one in few] + [
        row(features, score=full, **one) for one in whole
    ]
    return [{name: value for name, value in one.items() if name != VARIANT} for one in rows]


def made(better: float, worse: float, *more: dict[str, object]) -> pd.DataFrame:
    return results_table([*curve(LITE0, 90, better), *curve(GOOGLENET, 80, worse), *more])


def test_compressibility_by_hand() -> None:
    found = page.compressibility(made(85, 75)).set_index("model")
    assert found.loc["efficientnet-lite0", ["full", "DR-1, 5%", "DR-2, 10%", "top1"]].tolist() == pytest.approx(
        [90, 85, 85, 75.1]
    )
    assert found["bits for 99%"].tolist() == [512, 512]
    (pair,) = page.pairs(made(85, 75)).to_dict("records")
    assert (pair["better"], pair["worse"], pair["trained"]) == ("efficientnet-lite0", "bvlc-googlenet", True)
    assert (pair["ahead"], pair["ahead_top1"], pair["DR-2, 5%"], pair["bits for 99%"]) == pytest.approx((10, 6.4, 10, 0))


def test_the_papers_two_networks_are_read_from_its_table() -> None:
    """Protocol 2: of VGG-M's score 89.2% is kept with 5% of the dimensions, of GoogLeNet's 95.3%."""
    found = page.compressibility(page.reference()).set_index("model")
    assert found["DR-1, 5%"].round(1).to_dict() == {"vgg-m": 89.2, "googlenet": 95.3}
    assert found["full"].to_dict() == pytest.approx({"vgg-m": 76.952, "googlenet": 80.585}, abs=0.001)
    assert found.loc["vgg-m", "DR-2, 10%"] == pytest.approx(99.1, abs=0.05)


@pytest.mark.parametrize(
    ("better", "worse", "said"), [(85, 75, "More: "), (75, 85, "Less: "), (80, 80.1, "Neither more nor less: ")]
)
def test_the_answer_follows_the_table(better: float, worse: float, said: str) -> None:
    answered = page.answer(made(better, worse))
    assert answered.answer.startswith(said)
    assert "GoogLeNet, 3.6 points ahead of VGG-M, keeps 6.1 points more of its score" in answered.more
    assert "once in 2" in answered.basis


def test_an_order_by_imagenet_may_be_another() -> None:
    """GoogLeNet scores higher here and keeps more; by ImageNet the other one is better, and keeps less."""
    answered = page.answer(results_table([*curve(LITE0, 80, 70), *curve(GOOGLENET, 90, 80)]))
    assert answered.answer.startswith("More: ")
    assert "Ordered by ImageNet instead, the better one keeps more in 0 of 4 and less in 4." in answered.more


def test_mixed_and_drawn_networks_are_said_to_be_so() -> None:
    other = made(75, 85).assign(dataset="other")
    apart = page.answer(pd.concat([made(85, 75), other])).answer
    assert apart.startswith("On 15-Scenes, more: the trained network") and "; on other, less: the trained" in apart
    third = made(85, 75, *curve("scenes15/other/pooled", 70, 80))
    assert page.answer(third).answer.startswith("In no clear order: "), "of three pairs one or two are in order"
    with_drawn = page.answer(made(85, 75, *curve(DRAWN, 20, 60)))
    assert "weights drawn at random in 8 of 8 comparisons, and less in 0" in with_drawn.more
    assert "of 4 comparisons" in with_drawn.answer, "the drawn network is not a trained one"


def test_one_network_alone_answers_nothing() -> None:
    assert "the question is open" in page.answer(results_table(curve(LITE0, 90, 85))).answer


def test_stresses_that_need_more_rows_are_left_out(small: sl.FeatureSet) -> None:
    measured = measure.measure(small, [1, 9], [4], n_jobs=1, progress=False)
    assert "DR2:36,Q2:4" in measure.specs(40, [1, 9], [4])
    assert set(measured.loc[measured["stress"] == "pca+uniform", "dimensions"]) == {4, 36}
    few = sl.FeatureSet(small.X[:50], small.y[:50], small.train[:50], provenance=small.provenance)
    measured = measure.measure(few, [1, 9], [4], n_jobs=1, progress=False)
    assert set(measured.loc[measured["stress"] == "pca+uniform", "dimensions"]) == {4}


def test_figure_table_and_words_come_from_the_results(tmp_path: Path) -> None:
    results = made(85, 75, *curve(DRAWN, 20, 60))
    style.save(page.plot(results), results, tmp_path, "networks")
    again = read_results(tmp_path / "networks.csv")
    assert page.answer(again) == page.answer(results)
    assert page.table(again).loc[("here", "scenes15", "bvlc-googlenet"), "full"] == 80
    assert "bvlc-googlenet, full score 80.0: DR-1, 5% 75.0%" in page.alt_text(again)
