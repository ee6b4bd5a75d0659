"""The summary: every question is in it, answered from its own table, or said to be not yet run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from results_rows import SCENES, row, table

from stressbook.chapters.open_questions.order import measure as order_measure
from stressbook.chapters.open_questions.order import page as order_page
from stressbook.chapters.open_questions.summary import page as summary_page
from stressbook.reproduce.catalogue import figures, project_root
from stresslib.results import write_results

ROOT = project_root()


def test_without_any_table_nothing_is_answered(tmp_path: Path) -> None:
    answered = summary_page.answers(tmp_path)
    assert len(answered) == 12
    assert set(answered["answer"]) == {"not yet run"}
    assert summary_page.headline(answered).startswith("**0 of 0 choices")
    assert "Not yet run: bias, " in summary_page.headline(answered)
    assert "{doc}" not in summary_page.table(answered), "a page that was not run is not linked"


def test_an_answer_is_that_of_its_page_and_links_to_it(tmp_path: Path) -> None:
    both = {"dimensions": 64, "values": 4}
    results = table(
        [
            row(SCENES, "none", 80),
            row(SCENES, "pca+uniform", 60, **both),
            row(SCENES, "pca+uniform", 66, order_measure.FLOATS, **both),
            row(SCENES, "pca+uniform", 55, order_measure.TWICE, **both),
        ]
    )
    write_results(results, tmp_path / "order.csv")
    answered = summary_page.answers(tmp_path)
    expected = order_page.answer(results)
    assert answered.loc["order", ["answer", "effect", "basis", "points"]].tolist() == [
        expected.answer,
        expected.effect,
        expected.basis,
        expected.points,
    ]
    assert (
        "**1 of 1 choices that can be measured in points move scores by more than 1 on some data set: quantising before the "
        in (summary_page.headline(answered))
    )
    assert "Not yet run: bias, " in summary_page.headline(answered)
    lines = summary_page.table(answered).splitlines()
    assert len(lines) == 2 + 12
    assert "{doc}`Reduce first, or quantise first? <order>`" in lines[2 + 7]
    assert {line.count("|") for line in lines} == {3}


def test_the_committed_tables_are_answered() -> None:
    """Whatever is under results/ gives an answer without an error, and is said to be answered."""
    answered = summary_page.answers(ROOT / "results")
    there = [page for page in answered.index if (ROOT / "results" / f"{page}.csv").is_file()]
    assert answered.index[answered["answer"] != "not yet run"].tolist() == there
    assert "selection" in there


@pytest.mark.parametrize("question", summary_page.QUESTIONS, ids=lambda question: question.page)
def test_every_question_has_a_page(question: summary_page.Question) -> None:
    entry = figures(ROOT)[question.page]
    assert (ROOT / "notebooks" / entry["template"]).is_file()
    assert entry.get("keeps", f"{question.page}.csv") == f"{question.page}.csv"
    first, *_ = json.loads((ROOT / "notebooks" / entry["template"]).read_text())["cells"]
    assert "".join(first["source"]).splitlines()[0] == f"# {question.question}", "the title of the page is the question"
