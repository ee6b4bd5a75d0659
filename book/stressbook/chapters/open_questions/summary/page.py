"""Summary: the table that opens the chapter, made of the answers to all its questions.

Each answer is computed from the results table of its own page.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from stressbook.chapters.open_questions.answers import Answer
from stresslib.results import read_results


@dataclass(frozen=True)
class Question:
    """A question of the chapter.

    Attributes
    ----------
    page : str
        Name of its page, and of its table under results/.
    title : str
        What it is about, in a few words.
    module : str
        The module that answers it, from such a table.
    """

    page: str
    title: str
    module: str

    def answer(self, folder: str | os.PathLike[str]) -> Answer | None:
        """Return the answer from a folder of results; None where the question's table is not there."""
        path = Path(folder) / f"{self.page}.csv"
        if not path.is_file():
            return None
        # Only here, so that a page loads no module that it has no table for.
        module: Any = import_module(self.module)
        answered: Answer = module.answer(getattr(module, "read", read_results)(path))
        return answered


_HERE = "stressbook.chapters.open_questions"

QUESTIONS = (
    Question("bias", "A bias in the classifier", f"{_HERE}.bias.page"),
    Question("shrinkage", "C, and the shrinking of vectors", f"{_HERE}.shrinkage.page"),
    Question("cliff", "The cliff of erased bits", f"{_HERE}.cliff.page"),
    Question("centring", "The centring of PCA", f"{_HERE}.centring.page"),
    Question("subsets", "Nested or independent random subsets", f"{_HERE}.subsets.page"),
    Question("combination", "The dictionary of the combined stress", f"{_HERE}.combination.page"),
    Question("ap-definition", "The definition of average precision", f"{_HERE}.ap_definition.page"),
    Question("order", "Reduce first, or quantise first", f"{_HERE}.order.page"),
    Question("selection", "Choosing on the test images", "stressbook.chapters.open_questions.selection.page"),
    Question("data-size", "The number of training images", f"{_HERE}.data_size.page"),
    Question("intrinsic-dimension", "Intrinsic dimension", f"{_HERE}.intrinsic_dimension.page"),
    Question("networks", "Networks then and now", f"{_HERE}.networks.page"),
)
"""All questions, in the order of the chapter."""

NOT_YET = "not yet run"


def answers(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Answer every question from a folder of results.

    Parameters
    ----------
    folder : path-like
        Holds the tables of the pages, as results/ does.

    Returns
    -------
    pandas.DataFrame
        Indexed by the page: `title`, `question`, `answer`, `effect` and `confidence`. Of a question whose table is not
        there, the answer is ``"not yet run"``, and the rest is empty.
    """
    rows = {}
    for question in QUESTIONS:
        answered = question.answer(folder) or Answer("", NOT_YET, "", "")
        rows[question.page] = {
            "title": question.title,
            "question": answered.question,
            "answer": answered.answer,
            "effect": answered.effect,
            "confidence": answered.confidence,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("page")


def in_words(answered: pd.DataFrame) -> str:
    """Say in a sentence how many questions are answered, and which are not.

    Parameters
    ----------
    answered : pandas.DataFrame
        Of :func:`answers`.
    """
    waiting = answered["answer"] == NOT_YET
    done = int((~waiting).sum())
    said = f"**{done} of {len(answered)} questions are answered below, each from the results table of its page.**"
    if waiting.any():
        said += f" Not yet run: {', '.join(answered.index[waiting])}."
    return said


def in_table(answered: pd.DataFrame) -> str:
    """Write :func:`answers` as a Markdown table, each question linked to its page."""
    lines = ["| question | answer | effect size | confidence |", "|---|---|---|---|"]
    for page, row in answered.iterrows():
        link = f"**{row['title']}**" if row["answer"] == NOT_YET else f"**{{doc}}`{row['title']} <{page}>`**"
        # The first sentence: the rest of an answer stands on its page.
        short = row["answer"].partition(". ")[0].rstrip(".")
        cells = [f"{link} {row['question']}".strip(), short, row["effect"], row["confidence"]]
        # A bar would end the cell.
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)
