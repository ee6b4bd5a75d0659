"""Order: what is quantised first, that both orders are measured as they are named, and what the answer says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from results_rows import SCENES, row, table

import stresslib as sl
from stressbook.chapters.open_questions.order import measure, page
from stressbook.drawing import style
from stresslib.results import VARIANT, read_results


def made(twice: float, floats: float) -> pd.DataFrame:
    """Of 80 full, the paper's order keeps 60 with 64 dimensions of 4 values, and 70 with 128."""
    both = {"dimensions": 64, "values": 4}
    return table(
        [
            row(SCENES, "none", 80),
            row(SCENES, "pca", 72, dimensions=64),
            row(SCENES, "pca+uniform", 60, **both),
            row(SCENES, "pca+uniform", 70, dimensions=128, values=4),
            row(SCENES, "pca+uniform", floats, measure.FLOATS, **both),
            row(SCENES, "pca+uniform", twice, measure.TWICE, **both),
        ]
    )


def test_dictionaries_of_what_is_quantised_first_come_from_training_rows(small: sl.FeatureSet) -> None:
    X = small.X.copy()
    X[small.test] *= 3
    wider = sl.FeatureSet(X, small.y, small.train, small.metric, small.classes, provenance=small.provenance)
    quantised = measure.quantised(wider, 4)
    assert max(len(np.unique(column)) for column in quantised.X.T) <= 4
    dictionary = sl.UniformQuantizer(4).fit(small.X[small.train]).values_
    assert all(np.isin(column, values).all() for column, values in zip(quantised.X.T, dictionary, strict=True))
    assert (quantised.name, quantised.metric) == (small.name, small.metric)


def test_both_orders_are_measured_as_they_are_named(small: sl.FeatureSet) -> None:
    measured = measure.measure(small, [4], [3, 5], n_jobs=1, progress=False)
    assert measured.groupby(VARIANT, sort=False).size().to_dict() == {"": 4, measure.FLOATS: 2, measure.TWICE: 2}
    quantised = measure.quantised(small, 3)
    for variant, spec in ((measure.FLOATS, "DR2:8"), (measure.TWICE, "DR2:8,Q2:3")):
        at = measured[measured[VARIANT].eq(variant) & measured["values"].eq(3)]
        assert at["stress"].tolist() == ["pca+uniform"]
        assert at["dimensions"].tolist() == [8]
        assert at["score"].to_numpy() == pytest.approx(sl.evaluate(quantised, spec)["score"].to_numpy(), abs=1e-9)


def test_equal_bits_are_counted_by_what_is_stored() -> None:
    """64 numbers of 32 bits are 2,048 bits; 128 of 2 bits are 256, and the best of the paper's order within them."""
    (found,) = page.at_equal_bits(made(60, 66)).to_dict("records")
    assert (found["bits"], found["bits_protocol"]) == (2048, 256)
    assert (found["kept"], found["kept_protocol"]) == pytest.approx((82.5, 87.5))


@pytest.mark.parametrize(
    ("twice", "said"),
    [(55, "Reduce first, as the paper does"), (65, "Quantise first"), (60.1, "It makes no difference")],
)
def test_the_answer_follows_the_table(twice: float, said: str) -> None:
    answered = page.answer(made(twice, 66))
    assert answered.answer.startswith(said)
    assert "score +6.00 points on average" in answered.more
    assert "keeps at least as much in 1 of 1 settings" in answered.more
    assert f"in points: {twice - 60:+.2f} on 15-Scenes" in answered.effect


def test_opposite_settings_are_said_to_be_so() -> None:
    other = made(55, 66).assign(dataset="other")
    said = page.answer(pd.concat([made(65, 66), other])).answer
    assert said.startswith("On 15-Scenes, quantise first: ") and "; on other, reduce first" in said
    more = [made(55, 66).assign(layer=name) for name in ("a", "b", "c")]
    assert page.answer(pd.concat([made(65, 66), more[0]])).answer.startswith("It depends on the setting")
    assert page.answer(pd.concat([made(65, 66), *more])).answer.startswith("Reduce first")


def test_figure_table_and_words_come_from_the_results(tmp_path: Path) -> None:
    results = made(55, 66)
    style.save(page.plot(results), results, tmp_path, "order")
    again = read_results(tmp_path / "order.csv")
    assert page.answer(again) == page.answer(results)
    (first, *_) = page.table(again).to_dict("records")
    assert first == {"bits": 128, "paper's": 75, "twice": 68.8, "32-bit": 82.5, "not quantised": 90}
    assert "-5.00 to -5.00 points" in page.alt_text(again)
