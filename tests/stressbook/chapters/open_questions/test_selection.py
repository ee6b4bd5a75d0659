"""Choosing on the test images: what is measured, and what the answer says of made-up tables."""

from __future__ import annotations

import pandas as pd
import pytest
from results_rows import SCENES

import stresslib as sl
from stressbook.chapters.open_questions.selection import measure, page
from stresslib.results import results_table


def test_the_set_and_its_validation_part_are_measured(small: sl.FeatureSet) -> None:
    """Under the same stresses; the split of the training rows is that of the seed."""
    measured = measure.measure(small, [3, 5], random_state=1, n_jobs=1, progress=False)
    grid = measure.specs(40, [3, 5])
    assert grid == ["none", "DR2:4,Q2:3", "DR2:4,Q2:5", "DR2:8,Q2:3", "DR2:8,Q2:5"]
    parts = [small, small.validation(random_state=1)]
    expected = pd.concat([sl.sweep(part, grid, n_jobs=1, progress=False) for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(measured, expected)
    assert measured["dataset"].unique().tolist() == ["toy", "toy-validation"]
    assert len(page.chosen(measured)) == 4


@pytest.mark.parametrize(("picked", "said"), [(80.0, "0.00"), (79.6, "0.50"), (40.0, "50.00")])
def test_the_answer_follows_the_table(picked: float, said: str) -> None:
    """4 values are best on the test rows, 3 on the validation rows; both cost 2 bits."""
    scenes = dict(zip(("dataset", "model", "layer"), SCENES.split("/"), strict=True))
    rows = []
    for dataset, three, four in (("scenes15", picked, 80.0), ("scenes15-validation", 70.0, 60.0)):
        names = {**scenes, "dataset": dataset, "n_features": 1280, "metric": "accuracy", "objective_gap": 0.0}
        rows.append({**names, "stress": "none", "score": 80.0})
        for count, score in ((3, three), (4, four)):
            rows.append({**names, "stress": "pca+uniform", "dimensions": 128, "values": count, "score": score})
    results: pd.DataFrame = results_table(rows)
    answered = page.answer(results)
    assert answered.answer == f"{said} points of the share kept on average, {said} at most"
    assert answered.effect.endswith(f"the average is {said} on 15-Scenes")
