"""Summary: the table that opens the chapter, made of the answers to all its questions.

Each answer is computed from the results table of its own page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stressbook.chapters.open_questions.answers import Answer
from stressbook.chapters.open_questions.ap_definition import page as ap_definition
from stressbook.chapters.open_questions.bias import page as bias
from stressbook.chapters.open_questions.centring import page as centring
from stressbook.chapters.open_questions.cliff import page as cliff
from stressbook.chapters.open_questions.combination import page as combination
from stressbook.chapters.open_questions.data_size import page as data_size
from stressbook.chapters.open_questions.intrinsic_dimension import page as intrinsic_dimension
from stressbook.chapters.open_questions.intrinsic_dimension.estimators import PREDICTORS
from stressbook.chapters.open_questions.networks import page as networks
from stressbook.chapters.open_questions.order import page as order
from stressbook.chapters.open_questions.selection import page as selection
from stressbook.chapters.open_questions.shrinkage import page as shrinkage
from stressbook.chapters.open_questions.shrinkage.measure import NORM
from stressbook.chapters.open_questions.subsets import page as subsets
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
    answer : callable
        Makes the :class:`~stressbook.chapters.open_questions.answers.Answer` of such a table.
    more : sequence of str, default=()
        Columns of numbers that the table has beside those of the schema.
    """

    page: str
    title: str
    answer: Callable[[pd.DataFrame], Answer]
    more: Sequence[str] = ()

    def answer_from(self, folder: str | os.PathLike[str]) -> Answer | None:
        """Return the answer from a folder of results; None where the folder lacks the question's table."""
        path = Path(folder) / f"{self.page}.csv"
        if not path.is_file():
            return None
        return self.answer(read_results(path, self.more))


QUESTIONS = (
    Question("bias", "A bias in the classifier", bias.answer),
    Question("shrinkage", "C, and the shrinking of vectors", shrinkage.answer, [NORM]),
    Question("cliff", "The cliff of erased bits", cliff.answer),
    Question("centring", "The centring of PCA", centring.answer),
    Question("subsets", "Nested or independent random subsets", subsets.answer),
    Question("combination", "The dictionary of the combined stress", combination.answer),
    Question("ap-definition", "The definition of average precision", ap_definition.answer),
    Question("order", "Reduce first, or quantise first", order.answer),
    Question("selection", "Choosing on the test images", selection.answer),
    Question("data-size", "The number of training images", data_size.answer),
    Question("intrinsic-dimension", "Intrinsic dimension", intrinsic_dimension.answer, list(PREDICTORS)),
    Question("networks", "Networks then and now", networks.answer),
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
        Indexed by the page: `title`, `question`, `answer`, `effect` and `confidence`. Where the folder lacks the table of a
        question, the answer is ``"not yet run"``, and the rest is empty.
    """
    rows = {}
    for question in QUESTIONS:
        answered = question.answer_from(folder) or Answer("", NOT_YET, "", "")
        rows[question.page] = {
            "title": question.title,
            "question": answered.question,
            "answer": answered.answer,
            "effect": answered.effect,
            "confidence": answered.confidence,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("page")


def headline(answered: pd.DataFrame) -> str:
    """Say how many questions are answered, and which are not, as the first paragraph of the page, in Markdown.

    Parameters
    ----------
    answered : pandas.DataFrame
        Of :func:`answers`.
    """
    waiting = answered["answer"] == NOT_YET
    done = int((~waiting).sum())
    counted = f"**{done} of {len(answered)} questions are answered below, each from the results table of its page.**"
    if waiting.any():
        counted += f" Not yet run: {', '.join(answered.index[waiting])}."
    return counted


def table(answered: pd.DataFrame) -> str:
    """Return the answers as a Markdown table, each question linked to its page.

    Parameters
    ----------
    answered : pandas.DataFrame
        Of :func:`answers`.
    """
    lines = ["| question | answer | effect size | confidence |", "|---|---|---|---|"]
    for page, row in answered.iterrows():
        link = f"**{row['title']}**" if row["answer"] == NOT_YET else f"**{{doc}}`{row['title']} <{page}>`**"
        # The page itself has the rest of the answer.
        first_sentence = row["answer"].partition(". ")[0].rstrip(".")
        cells = [f"{link} {row['question']}".strip(), first_sentence, row["effect"], row["confidence"]]
        # A bar would end the cell.
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)
