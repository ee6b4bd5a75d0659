"""The centring of PCA: what the answer says of made-up scores, and that a bias makes up for the mean."""

from __future__ import annotations

import pandas as pd
import pytest

import stresslib as sl
from stressbook.chapters.open_questions.centring import measure, page
from stresslib.results import VARIANT, results_table
from stresslib.running.variants import fewer


def made(shift: float, with_bias: float = 0.0, name: str = "a") -> pd.DataFrame:
    """Centring moves scores by `shift` points without a bias and `with_bias` points with one."""
    scores = {"": 80.0, measure.CENTRED: 80 + shift, measure.BIAS: 81.0, measure.BOTH: 81 + with_bias}
    shared = {"dataset": name, "model": "b", "layer": "c", "n_features": 1280, "metric": "accuracy"}
    parts = []
    for variant, score in scores.items():
        rows = [{**shared, "stress": "none", "score": score}]
        rows += [{**shared, "stress": "pca", "dimensions": size, "score": score - 5} for size in (32, 64)]
        parts.append(results_table(rows).assign(**{VARIANT: variant}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            made(0.1),
            "No: even without a bias, centring moves no score by more than 0.25 points",
        ),
        (made(-3), "centring then costs 3.0 points on average"),
        (made(2, 1), "centring then gains 2.0 points on average; with one it moves no score by more than 1.00"),
        (pd.concat([made(-3), made(2).assign(model="other")]), "centring then changes scores by -3.0 to +2.0 on average"),
        (
            pd.concat([made(-3, name="voc2007-val"), made(2)], ignore_index=True),
            "On VOC 2007, yes, without a bias: centring then costs 3.0 points on average; with one",
        ),
    ],
)
def test_the_answer_follows_the_numbers(table: pd.DataFrame, said: str) -> None:
    """Centring that does nothing, that costs, that gains, and that does either."""
    assert said in page.answer(table).answer
    assert len(page.plot(table).axes) == len(table[["dataset", "model"]].drop_duplicates())
    assert "a, b, c: centred, no bias" in page.alt_text(table)
    assert page.table(table).loc[("a, b, c", "all"), "the paper's"] == 80


def test_the_published_curve_is_one_of_rows_that_keep_their_mean() -> None:
    """Nearly all components score there what the full vectors do; where centring moves the full vectors, that tells."""
    assert "as if the mean had been kept" in page.verdicts(made(-3))
    assert "does not tell whether the mean was kept" in page.verdicts(made(0.1))


def test_centring_matters_without_a_bias_and_not_with_one() -> None:
    """On real features, few of them."""
    features = fewer(sl.load_features("scenes15", "efficientnet-lite0"), 20)
    table = measure.measure(features, [100, 5000], n_jobs=1, progress=False)
    scores = table[table["stress"] == "pca"].set_index(VARIANT)["score"]
    assert scores[""] - scores[measure.CENTRED] > 1
    assert abs(scores[measure.BIAS] - scores[measure.BOTH]) < 0.5


def test_numbers_of_which_none_exist_are_refused() -> None:
    """The message says how many there are."""
    with pytest.raises(ValueError, match="at most 500 principal components"):
        measure.specs(1280, [1000], n_train=500)
