"""Whether a bias explains what quantization gains: the answer follows the numbers."""

from __future__ import annotations

import pandas as pd
import pytest

import stresslib as sl
from stressbook.chapters.open_questions.answers import paired_with_protocol, sign_agreement
from stressbook.chapters.open_questions.bias import page
from stresslib.results import VARIANT, results_table
from stresslib.running.variants import Variant, fewer, sweep_variants


def test_a_variant_is_paired_with_the_protocol() -> None:
    """Setting by setting, with the difference of the scores."""
    scenes = fewer(sl.load_features("scenes15", "efficientnet-lite0"), 10)
    variants = [Variant(), Variant("C=10", sl.LinearSVM(C=10))]
    table = sweep_variants(scenes, ["none", "DR1:8"], variants, n_jobs=1, progress=False)
    pairs = paired_with_protocol(table, "C=10")
    assert len(pairs) == 2
    assert (pairs["difference"] == pairs["score"] - pairs["score_protocol"]).all()
    assert pairs["difference"].abs().min() > 0


def test_a_sign_is_shared_beyond_the_noise() -> None:
    """Of +0.5, +0.1 and -0.3 one has the sign of the mean and more than 0.25."""
    assert sign_agreement("It", [0.5, 0.1, -0.3]) == "It is positive, beyond 0.25 points, on 1 of 3 feature sets"


@pytest.mark.parametrize(
    ("without", "with_bias", "said"),
    [
        ((80.0, 80.2), (80.0, 80.2), "There is nothing to explain"),
        (
            (80.0, 81.0),
            (80.5, 80.5),
            "Yes: quantised features beat the original by up to 1.00 points without a bias, and by no more than 0.25",
        ),
        (
            (80.0, 81.0),
            (80.0, 81.0),
            "No: quantised features beat the original by up to 1.00 points without a bias, and still by up to 1.00",
        ),
    ],
)
def test_the_answer_follows_the_numbers(without: tuple[float, float], with_bias: tuple[float, float], said: str) -> None:
    """No gain, a gain that a bias takes away, and one that it leaves."""
    rows = []
    for variant, (full, quantised) in (("", without), ("bias", with_bias)):
        shared = {"dataset": "a", "model": "b", "layer": "c", "n_features": 64, "metric": "accuracy"}
        table = results_table(
            [
                {**shared, "stress": "none", "score": full},
                {**shared, "stress": "uniform-per-dimension", "values": 8, "score": quantised},
            ]
        )
        rows.append(table.assign(**{VARIANT: variant}))
    results = pd.concat(rows, ignore_index=True)
    assert said in page.answer(results).answer
    assert len(page.plot(results).axes) == 1
    assert "a, b, c" in page.alt_text(results)
