"""Data size: which rows train, that each share is of its own full score, and what the answer says of made-up tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from results_rows import CALTECH, SCENES, row, table

import stresslib as sl
from stressbook.chapters.open_questions.data_size import measure, page
from stressbook.drawing import style
from stresslib.results import VARIANT, read_results
from stresslib.running.variants import fewer


def made(few: float, many: float, features: str = SCENES) -> pd.DataFrame:
    """5 images a class keep one share, all the other; the full scores are 50 and 80, in two draws 49 and 51."""
    rows = [row(features, "none", 80), row(features, "pca", 80 * many / 100, dimensions=64)]
    for draw, full in enumerate((49, 51)):
        rows.append(row(features, "none", full, "5", repeat=draw))
        rows.append(row(features, "pca", full * few / 100, "5", repeat=draw, dimensions=64))
    return table(rows)


def test_rows_are_those_of_fewer_images_and_of_the_protocol(small: sl.FeatureSet) -> None:
    """15 rows of each class: sizes from 15 on are not measured, and components that 2 x 3 rows do not have are left out."""
    measured = measure.measure(small, [5, 15, 30], [4, 9], [3], draws=2, n_jobs=1, progress=False)
    assert measured[VARIANT].unique().tolist() == ["", "5"]
    assert measured["repeat"].dropna().unique().tolist() == [0, 1]
    sizes = measured[measured["stress"] == "pca"].groupby(VARIANT)["dimensions"].unique()
    assert sizes[""].tolist() == [8, 18]
    assert sizes["5"].tolist() == [8]
    second = fewer(small, 5, random_state=1)
    assert second.train.sum() == 15
    there = measured[measured[VARIANT].eq("5") & measured["repeat"].eq(1) & measured["stress"].eq("uniform-per-dimension")]
    assert there["score"].tolist() == sl.sweep(second, "Q2:3", n_jobs=1, progress=False)["score"].tolist()
    own = measured[measured[VARIANT] == ""].drop(columns=VARIANT).reset_index(drop=True)
    grid = measure.specs(40, [4, 9], [3])
    pd.testing.assert_frame_equal(own, sl.sweep(small, grid, n_jobs=1, progress=False))


def test_each_share_is_of_the_full_score_of_its_own_draw() -> None:
    """Were it of the mean of both, two draws that keep the same share would deviate."""
    rows = page.kept(made(90, 80)).set_index("images")
    assert rows.loc[5, ["kept", "sd", "full"]].tolist() == pytest.approx([90, 0, 50])
    assert rows.loc[np.inf, ["kept", "full"]].tolist() == pytest.approx([80, 80])
    assert page.changes(made(90, 80))["difference"].tolist() == pytest.approx([-10])


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([(90, 80, SCENES)], "Yes: with all images less is kept than with 5 a class, in 1 of 1 settings"),
        ([(80, 90, SCENES)], "Yes: with all images more is kept than with 5 a class, in 1 of 1 settings"),
        ([(90, 90.2, SCENES)], "Hardly: "),
        (
            [(90, 80, SCENES), (80, 90, SCENES.replace("0", "2"))],
            "Yes, in both directions: with all images more is kept than with 5 a class in 1 of 2 settings, and less in 1",
        ),
        ([(90, 80, SCENES), (80, 90, CALTECH)], "On 15-Scenes, yes: with all images less is kept"),
    ],
)
def test_the_answer_follows_the_table(parts: list[tuple[float, float, str]], said: str) -> None:
    answered = page.answer(pd.concat([made(*part) for part in parts], ignore_index=True))
    assert answered.answer.startswith(said)
    assert "The full scores themselves change by +30.0 on " in answered.more


def test_without_fewer_images_there_is_no_answer() -> None:
    assert "Nothing was measured" in page.answer(made(90, 80)[lambda rows: rows[VARIANT] == ""]).answer


def test_figure_table_and_words_come_from_the_results(tmp_path: Path) -> None:
    results = made(90, 80)
    style.save(page.plot(results), results, tmp_path, "data-size")
    again = read_results(tmp_path / "data-size.csv")
    assert page.answer(again) == page.answer(results)
    assert page.table(again).to_numpy().tolist() == [[50, 80], [90, 80]]
    assert "90.0% with 5 images a class, 80.0% with all" in page.alt_text(again)
