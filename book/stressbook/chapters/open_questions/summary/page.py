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
    question : str
        The title of the page.
    choice : str
        What the paper left open, as the first paragraph names it.
    answer : callable
        Makes the :class:`~stressbook.chapters.open_questions.answers.Answer` of such a table.
    more : sequence of str, default=()
        Columns of numbers that the table has beside those of the schema.
    """

    page: str
    question: str
    choice: str
    answer: Callable[[pd.DataFrame], Answer]
    more: Sequence[str] = ()

    def answer_from(self, folder: str | os.PathLike[str]) -> Answer | None:
        """Return the answer from a folder of results; None where the folder lacks the question's table."""
        path = Path(folder) / f"{self.page}.csv"
        if not path.is_file():
            return None
        return self.answer(read_results(path, self.more))


QUESTIONS = (
    Question("bias", "Is quantisation a hidden bias?", "a bias in the classifier", bias.answer),
    Question(
        "shrinkage",
        "How much of random selection's loss is regularisation?",
        "re-normalising a random selection",
        shrinkage.answer,
        [NORM],
    ),
    Question(
        "cliff",
        "Is the cliff at 56 erased bits lost information, or lost scale?",
        "re-normalising erased bits",
        cliff.answer,
    ),
    Question("centring", "Does it matter that PCA keeps the mean?", "centring PCA", centring.answer),
    Question("subsets", "Do nested subsets change the error bars?", "nesting random subsets", subsets.answer),
    Question(
        "combination", "Which dictionary follows the principal components?", "the dictionary of FC", combination.answer
    ),
    Question(
        "ap-definition",
        "Does the definition of average precision matter?",
        "the definition of average precision",
        ap_definition.answer,
    ),
    Question("order", "Reduce first, or quantise first?", "quantising before the reduction too", order.answer),
    Question(
        "selection",
        "How much does choosing on the test images add?",
        "choosing on the test images",
        selection.answer,
    ),
    Question(
        "data-size",
        "Does compressibility depend on the number of training images?",
        "the number of training images",
        data_size.answer,
    ),
    Question(
        "intrinsic-dimension",
        "Can a curve be predicted from the features alone?",
        "the intrinsic dimension",
        intrinsic_dimension.answer,
        list(PREDICTORS),
    ),
    Question("networks", "Is a better network more compressible?", "the network", networks.answer),
)
"""All questions, in the order of the chapter."""

NOT_YET = "not yet run"

MATTERS = 1.0
"""Points by which a choice has to move the mean score of a feature set to be said to matter."""


def answers(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Answer every question from a folder of results.

    Parameters
    ----------
    folder : path-like
        Holds the tables of the pages, as results/ does.

    Returns
    -------
    pandas.DataFrame
        Indexed by the page: `question`, `choice`, `answer`, `effect`, `basis` and `points`. Where the folder lacks the table
        of a question, the answer is ``"not yet run"``, and the rest is empty.
    """
    rows = {}
    for question in QUESTIONS:
        answered = question.answer_from(folder) or Answer(NOT_YET, "", "")
        rows[question.page] = {
            "question": question.question,
            "choice": question.choice,
            "answer": answered.answer,
            "effect": answered.effect,
            "basis": answered.basis,
            "points": answered.points,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("page")


def headline(answered: pd.DataFrame) -> str:
    """Say which choices move a score, and which questions are not answered, as the first paragraph of the page, in Markdown.

    Parameters
    ----------
    answered : pandas.DataFrame
        Of :func:`answers`.
    """
    measured = answered.dropna(subset="points").sort_values("points", ascending=False, kind="stable")
    named = measured["choice"] + measured["points"].map(" ({:.1f})".format)
    large = measured["points"] > MATTERS
    said = (
        f"**{large.sum()} of {len(measured)} choices that can be measured in points move scores by more than {MATTERS:.0f} "
        f"on some data set{': ' if large.any() else ''}{', '.join(named[large])}.**"
    )
    if not large.all():
        said += f" By less: {', '.join(named[~large])}."
    waiting = answered["answer"] == NOT_YET
    if waiting.any():
        said += f" Not yet run: {', '.join(answered.index[waiting])}."
    return said


def table(answered: pd.DataFrame) -> str:
    """Return the answers as a Markdown table, each question linked to its page.

    Parameters
    ----------
    answered : pandas.DataFrame
        Of :func:`answers`.
    """
    lines = ["| question | answer |", "|---|---|"]
    for page, row in answered.iterrows():
        if row["answer"] == NOT_YET:
            cells = [f"**{row['question']}**", NOT_YET]
        else:
            cells = [
                f"**{{doc}}`{row['question']} <{page}>`**",
                f"**{row['answer']}.** {row['effect']}. *{row['basis']}.*",
            ]
        # A bar would end the cell.
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)
