"""The dictionary of the combined stress: which surface a made-up one is found to be."""

from __future__ import annotations

import pandas as pd
import pytest

from stressbook.chapters.open_questions.combination import measure as combination_measure
from stressbook.chapters.open_questions.combination import page as combination_page
from stressbook.chapters.rerun.figure_5 import page as figure_5_page
from stresslib.results import results_table


def made(one: float, two: float, name: str = "a") -> pd.DataFrame:
    """Surfaces that keep some points more than the published one: `one` after Q-1, `two` after Q-2."""
    paper = figure_5_page.reference()
    paper = paper[paper["step"].isin([2, 4]) & paper["values"].isin([2, 3, 4, 5, 8])]
    shared = {"dataset": name, "model": "b", "layer": "c", "n_features": 1280, "metric": "accuracy"}
    rows = [{**shared, "stress": "none", "score": 100.0}]
    for row in paper.to_dict("records"):
        place = {"dimensions": 1280 * row["step"] // 20, "values": row["values"]}
        for stress, more in ((combination_page.CANDIDATES["Q-1"], one), (combination_page.CANDIDATES["Q-2"], two)):
            rows.append({**shared, "stress": stress, **place, "score": row["kept"] + more})
    return results_table(rows)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            made(-3, 1),
            "One for each component (Q-2): on all 1 feature sets its surface lies closer to the published one, by 2.00",
        ),
        (made(0.5, -2), "A shared one (Q-1): on all 1 feature sets its surface lies closer"),
        (
            pd.concat([made(-3, 1), made(0.5, -2, "other")], ignore_index=True),
            "Undecided: one for each component (Q-2) lies closer to the published surface on 1 of 2 feature sets, a",
        ),
    ],
)
def test_the_answer_follows_the_numbers(table: pd.DataFrame, said: str) -> None:
    """The nearer surface is the answer; where feature sets differ there is none."""
    assert said in combination_page.answer(table).answer
    assert len(combination_page.plot(table).axes) == table["dataset"].nunique()
    assert "a, b, c, Q-1" in combination_page.alt_text(table)


def test_the_published_surface_fits_itself() -> None:
    """No distance, no front above it; a surface that lies a point higher has a front a point higher."""
    rows = combination_page.fits(made(-3, 1)).set_index("surface")
    assert rows.loc["paper", ["distance", "front"]].tolist() == pytest.approx([0, 0])
    assert rows.loc["Q-2", "front"] == pytest.approx(1)
    assert rows.loc["Q-1", "front"] == pytest.approx(-3)
    assert rows["odd_even"].tolist() == pytest.approx([rows.loc["paper", "odd_even"]] * 3)


def test_a_bend_is_no_odd_even_effect() -> None:
    """A parabola bends alike everywhere; a zigzag of 2 points is 4 for each number above its two neighbours."""
    smooth = pd.Series([-((count - 9.0) ** 2) for count in range(2, 10)], index=range(2, 10))
    zigzag = pd.Series([2.0 * (-1) ** count for count in range(2, 10)], index=range(2, 10))
    assert combination_page.odd_even(smooth) == pytest.approx(0)
    assert combination_page.odd_even(smooth + zigzag) == pytest.approx(4)
    assert pd.isna(combination_page.odd_even(zigzag[[2, 4, 6]]))


def test_both_candidates_have_the_same_places() -> None:
    """Each setting of Figure 5 once more with the other dictionary."""
    specs = combination_measure.specs(1280, [1, 9], [4, 8], n_train=600)
    assert specs == ["none", "DR2:128,Q2:4", "DR2:128,Q2:8", "DR2:128,Q1:4", "DR2:128,Q1:8"]
