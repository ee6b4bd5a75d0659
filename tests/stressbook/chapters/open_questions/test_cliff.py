"""The cliff of erased bits: what the answer says of made-up curves, and of a few real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import stresslib as sl
from stressbook.chapters.open_questions.cliff import measure, page
from stresslib.results import VARIANT, results_table
from stresslib.running.variants import fewer, ranked


def made(plain: tuple[float, float], renormalised: tuple[float, float], chosen: float | None = None) -> pd.DataFrame:
    """Scores at 55 and at 56 erased bits, of a full score of 80."""
    curves = {"": plain, measure.RENORMALISED: renormalised} | ({measure.TUNED: (None, chosen)} if chosen else {})
    shared = {"dataset": "a", "model": "b", "layer": "c", "n_features": 64, "metric": "accuracy"}
    parts = []
    for variant, scores in curves.items():
        rows = [{**shared, "stress": "none", "score": 80.0}] if variant != measure.TUNED else []
        erased = zip((55, 56), scores, strict=True)
        rows += [
            {**shared, "stress": "bit-erasure", "removed_bits": bits, "score": score} for bits, score in erased if score
        ]
        parts.append(results_table(rows).assign(**{VARIANT: variant}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (made((78, 76), (79, 78)), "Neither: at 56 erased bits the share kept falls by no more than 2.5 points"),
        (
            made((72, 20), (76, 72)),
            "Lost scale: at 56 erased bits 25% of the full score is left, and 90% once the same vectors are re-normalised",
        ),
        (
            made((72, 20), (76, 40)),
            "Not scale alone: at 56 erased bits 25% of the full score is left, re-normalised 50%, and 1 of 1 curves still",
        ),
    ],
)
def test_the_answer_follows_the_numbers(table: pd.DataFrame, said: str) -> None:
    """No cliff; one that re-normalising removes; one that it does not."""
    assert said in page.answer(table).answer
    assert "A larger C" not in page.verdicts(table)
    assert len(page.plot(table).axes) == 2
    assert "a, b, c (accuracy)" in page.alt_text(table)


def test_a_tuned_c_is_measured_against_the_full_score_of_the_protocol() -> None:
    """It has none of its own: 60 of 80."""
    table = made((72, 20), (76, 72), 60)
    row = page.falls(table).set_index(VARIANT).loc[measure.TUNED]
    assert (row["before"], row["edge"]) == pytest.approx((90, 75))
    assert "it keeps 75% at 56 bits, and 75% at the last place" in page.verdicts(table)


def test_the_published_curves_are_listed_too() -> None:
    """What the protocol sheet has: VOC 2007 keeps 12.649 of 76.952, MIT-67 57.836 of 63.507, and then 38.209."""
    table = made((72, 20), (76, 72))
    for part in (
        "VOC 2007 16% at 56 bits and 16% in the end, with the largest fall at 56",
        "MIT-67 91% at 56 bits and 60% in the end, with the largest fall at 57",
    ):
        assert part in page.verdicts(table)
    assert "Under the paper's protocol 1 of 1 curves fall most at 56 bits." in page.verdicts(table)
    assert page.table(table).loc[("paper: MIT-67", "accuracy", "the paper's"), "at 56"] == 91.1


def test_a_curve_that_falls_most_elsewhere_is_named() -> None:
    """From the full 80 to 60 at 54 bits, 20 at 55, 4 at 56: most is lost at 55. It is not the data set's own metric."""
    shared = {"dataset": "a", "model": "b", "layer": "c", "n_features": 64, "metric": "mAP"}
    rows = [{**shared, "stress": "none", "score": 80.0}]
    curve = zip((54, 55, 56), (60.0, 20.0, 4.0), strict=True)
    rows += [{**shared, "stress": "bit-erasure", "removed_bits": bits, "score": score} for bits, score in curve]
    ranked_rows = [results_table(rows).assign(**{VARIANT: variant}) for variant in ("", measure.RENORMALISED)]
    table = pd.concat([made((72, 20), (76, 72)), *ranked_rows], ignore_index=True)
    assert "1 of 2 curves fall most at 56 bits; a (mAP) at 55 bits, by 50 points." in page.verdicts(table)
    assert page.table(table).loc[("a, b, c", "mAP", "the paper's"), ["largest fall", "at bits"]].tolist() == [50, 55]
    assert "the mAP curves of a are counted too" in page.answer(table).more


def test_real_bits_are_whole_where_their_scale_is_restored() -> None:
    """2^-511 is one number like another once rows have unit norm; at 2^-15 a large C does it too."""
    features = fewer(sl.load_features("scenes15", "efficientnet-lite0"), 10)
    table = measure.measure(features, [55, 56, 61], n_jobs=1, progress=False)
    scores = table[table["metric"] == "accuracy"].set_index([VARIANT, "removed_bits"])["score"]
    assert scores[measure.RENORMALISED, 61] == scores[measure.RENORMALISED, 56]
    assert scores[measure.RENORMALISED, 61] > scores["", 61] + 10
    assert scores[measure.TUNED, 56] > scores["", 56] + 10
    assert set(table["metric"]) == {"accuracy", "mAP"}


def test_rankings_are_one_column_a_class() -> None:
    """Labels 0 and 1 of two classes are a 1 in their column, -1 in the other."""
    features = sl.FeatureSet(np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1]), np.array([True, True, False, False]), None)
    assert ranked(features).y.tolist() == [[1, -1], [-1, 1], [1, -1], [-1, 1]]
    assert ranked(features).metric == "mAP"


def test_places_on_both_sides_are_needed() -> None:
    """A fall has a place before it and one after."""
    features = sl.load_features("scenes15", "efficientnet-lite0")
    with pytest.raises(ValueError, match=r"bits=\[50, 62\]; at least one below 56 and one from 56 to 61"):
        measure.measure(features, [50, 62])
