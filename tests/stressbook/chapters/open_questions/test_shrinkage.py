"""Shrinkage: what part of a made-up loss is found to be regularisation, and the norm that a selection leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import stresslib as sl
from stressbook.chapters.open_questions.shrinkage import measure, page
from stressbook.drawing import style
from stresslib.results import VARIANT, read_results, results_table
from stresslib.running.variants import fewer


def made(scores: dict[str, float], name: str = "a", full: float = 90.0) -> pd.DataFrame:
    """Scores at 5% of the dimensions, whose squared norm is left at 4%."""
    shared = {"dataset": name, "model": "b", "layer": "c", "n_features": 1280, "metric": "accuracy"}
    parts = []
    for variant, score in scores.items():
        rows = [{**shared, "stress": "none", "score": full}]
        rows.append({**shared, "stress": "random-selection", "dimensions": 64, "repeat": 0, "score": score})
        parts.append(results_table(rows).assign(**{VARIANT: variant, measure.NORM: [1.0, 0.04]}))
    return pd.concat(parts, ignore_index=True)


NONE = {"": 50.0, measure.RENORMALISED: 51.2}
PART = {"": 50.0, measure.RENORMALISED: 60.0, measure.TUNED: 62.0, measure.BOTH: 58.0}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            made(NONE),
            "3% of it: with 5% of the dimensions random selection loses 40.0 points, of which re-normalising the vectors "
            "recovers 1.2",
        ),
        (
            made(PART),
            "25% of it: ",
        ),
        (made({**PART, measure.RENORMALISED: 80.0}), "75% of it: "),
        (
            pd.concat([made(NONE), made(PART).assign(model="other")]),
            "3 to 25% of it: ",
        ),
    ],
)
def test_the_answer_follows_the_numbers(table: pd.DataFrame, said: str) -> None:
    """None of the loss, a part, most of it, and one thing here and another there."""
    assert page.answer(table).answer.startswith(said)
    assert "loses 40.0 points" in page.answer(table).answer
    assert "0.80 times as large a share" in page.verdicts(table)
    assert len(page.plot(table).axes) == 1 + len(table[["dataset", "model"]].drop_duplicates())
    assert "a, b, c, fixed C" in page.alt_text(table)


def test_each_data_set_is_named() -> None:
    answered = page.answer(pd.concat([made(NONE, "voc2007-val"), made(PART)]))
    assert answered.effect == "Recovered: 3% of 40.0 points on VOC 2007, 25% of 40.0 points on a"
    assert "A C chosen for each setting undoes 30% of the loss instead, and both together 20%" in answered.more
    assert answered.points == 10


def test_a_loss_is_from_the_protocols_own_full_score() -> None:
    """A protocol that scores 5 points more everywhere loses as much, and undoes nothing."""
    better = made({"": 50.0})
    other = made({measure.TUNED: 55.0}, full=95.0)
    rows = page.losses(pd.concat([better, other])).set_index(VARIANT)
    assert rows.loc[measure.TUNED, ["loss", "undone", "gain"]].tolist() == pytest.approx([40, 0, 5])


def test_the_norm_is_that_of_the_selected_dimensions(tmp_path: Path) -> None:
    """Summed by hand over the same selection; kept in the table, and read from it."""
    features = fewer(sl.load_features("scenes15", "efficientnet-lite0"), 5)
    table = measure.measure(features, [2], repeats=2, n_jobs=1, progress=False)
    second = sl.RandomSelection(128, random_state=1).fit(features.X).transform(features.X[features.test])
    rows = table[table["repeat"].eq(1)]
    assert rows[VARIANT].tolist() == ["", measure.RENORMALISED, measure.TUNED, measure.BOTH]
    np.testing.assert_allclose(rows[measure.NORM].astype(float), (second.astype(np.float64) ** 2).sum(axis=1).mean())
    np.testing.assert_allclose(table.loc[table["stress"] == "none", measure.NORM].astype(float), 1, atol=1e-6)
    style.save(page.plot(table), table, tmp_path, "shrinkage", [measure.NORM])
    read, made = page.answer(read_results(tmp_path / "shrinkage.csv", [measure.NORM])), page.answer(table)
    assert read.points == pytest.approx(made.points, abs=1e-6)  # a table has six decimals
    assert (read.answer, read.effect, read.basis, read.more) == (made.answer, made.effect, made.basis, made.more)
