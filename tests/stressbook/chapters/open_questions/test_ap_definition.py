"""Average precision: that the same decisions are scored by each definition, and what the answer says of made-up tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from results_rows import SCENES, row, table
from toy_features import make_features

import stresslib as sl
from stressbook.chapters.open_questions.ap_definition import measure as ap_definition_measure
from stressbook.chapters.open_questions.ap_definition import page as ap_definition_page
from stressbook.chapters.verdicts.claims import measure as claims_measure
from stressbook.chapters.verdicts.claims import page as claims_page
from stressbook.drawing import style
from stresslib.evaluation.protocol import decide
from stresslib.results import VARIANT, read_results
from stresslib.running.variants import ranked

CLAIM = claims_measure.CLAIMS[0]
PAPER = claims_page.paper_share(CLAIM)


def made(eleven: float, area: float, later: float) -> pd.DataFrame:
    """What the first claim's setting keeps by each definition, and a random selection that keeps 2 points less."""
    rows = []
    for (variant, full), kept in zip((("", 80), ("area", 79), ("voc2010", 79.5)), (eleven, area, later), strict=True):
        rows.append(row(SCENES, "none", full, variant, metric="mAP"))
        rows.append(row(SCENES, "pca+uniform", full * kept / 100, variant, metric="mAP", dimensions=128, values=27))
        random = full * (kept - 2) / 100
        rows.append(row(SCENES, "random-selection", random, variant, metric="mAP", dimensions=64, repeat=0))
    return table(rows)


@pytest.mark.parametrize("multilabel", [False, True])
def test_the_same_decisions_are_scored_by_each_definition(multilabel: bool) -> None:
    features = make_features(multilabel=multilabel)
    measured = ap_definition_measure.measure(features, repeats=2, n_jobs=1)
    assert set(measured["metric"]) == ({"mAP"} if multilabel else {"mAP", "accuracy"})
    if not multilabel:
        labels = measured[measured["metric"].eq("accuracy") & measured["stress"].ne("random-selection")]
        specs = [spec for spec in ap_definition_measure.specs(40) if not spec.startswith("DR1")]
        expected = sl.sweep(features, specs, n_jobs=1, progress=False)
        assert labels["score"].tolist() == pytest.approx(expected["score"].tolist()), "the decisions are those for labels"
    measured = measured[measured["metric"] == "mAP"]
    matrix = features if multilabel else ranked(features)
    for definition, variant in ap_definition_measure.DEFINITIONS.items():
        decision, _ = decide(matrix, "Q2:4")
        expected = 100 * np.mean(sl.average_precision(matrix.y[matrix.test], decision, definition))
        at = measured[
            measured[VARIANT].eq(variant) & measured["stress"].eq("uniform-per-dimension") & measured["values"].eq(4)
        ]
        assert at["score"].tolist() == pytest.approx([expected])
    assert measured[VARIANT].value_counts().tolist() == [len(measured) / 3] * 3
    assert measured["repeat"].dropna().unique().tolist() == [0, 1]


def test_movements_by_hand() -> None:
    rows = ap_definition_page.shares(made(99, 98.2, 99.4)).set_index("setting")
    assert list(rows.index) == ["FC, 10%, 27 values", "DR-1, 5%"]
    assert rows["movement"].tolist() == pytest.approx([-0.8, -0.8])
    assert rows.loc["FC, 10%, 27 values", "paper"] == pytest.approx(PAPER)
    assert np.isnan(rows.loc["DR-1, 5%", "paper"])


@pytest.mark.parametrize(
    ("area", "said"),
    [
        (PAPER + 0.2, "No: "),
        (PAPER + 2, "Hardly: "),
        (PAPER - 2, "For 1 of 1 claims: "),
        (PAPER - 0.6, "For 1 of 1 claims: "),
    ],
)
def test_the_answer_follows_the_table(area: float, said: str) -> None:
    """What decides lies half a point below the paper's share."""
    answered = ap_definition_page.answer(made(PAPER, area, PAPER))
    assert answered.answer.startswith(said)
    assert "The full scores move by -1.00 to -0.50 points" in answered.more
    assert f"{area - PAPER:+.2f} points on 15-Scenes (FC, 10%, 27 values)" in answered.effect


def test_accuracy_is_said_to_be_another_question() -> None:
    """By labels 99% are kept where the ranking keeps 90%."""
    labels = [row(SCENES, "none", 50), row(SCENES, "pca+uniform", 49.5, dimensions=128, values=27)]
    both = pd.concat([made(90, 90, 90), table(labels)], ignore_index=True)
    answered = ap_definition_page.answer(both)
    assert "(FC, 10%, 27 values: 90.0% by ranking, 99.0% by accuracy)" in answered.more
    assert (
        ap_definition_page.shares(both)["voc2007"].tolist()
        == ap_definition_page.shares(made(90, 90, 90))["voc2007"].tolist()
    )


def test_figure_table_and_words_come_from_the_results(tmp_path: Path) -> None:
    results = made(99, 98.2, 99.4)
    style.save(ap_definition_page.plot(results), results, tmp_path, "ap-definition")
    again = read_results(tmp_path / "ap-definition.csv")
    assert ap_definition_page.answer(again) == ap_definition_page.answer(results)
    assert ap_definition_page.table(again)["area"].tolist() == [98.2, 96.2]
    assert "DR-1, 5%: -0.80 points" in ap_definition_page.alt_text(again)
