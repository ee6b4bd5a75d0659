"""Frame: what all questions share. An answer has an effect size, and says on how many feature sets it holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stressbook.drawing import tables
from stresslib.paper.published import with_shares
from stresslib.results import TOLERANCE, VARIANT

LEVEL = TOLERANCE
"""Points below which a difference is none: what a score may move between machines."""


@dataclass(frozen=True)
class Answer:
    """A question and what the run says.

    Attributes
    ----------
    question : str
        As a reader would ask.
    answer : str
        A sentence or two, with the numbers that decide.
    effect : str
        The size of the effect, with its unit.
    confidence : str
        On how many feature sets the answer holds, or what else it rests on.
    """

    question: str
    answer: str
    effect: str
    confidence: str

    def in_words(self) -> str:
        """Return the answer as the first paragraph of a page, in Markdown."""
        first, stop, rest = self.answer.partition(". ")
        said = f"**{first}.** {rest}" if stop else f"**{first}**"
        return f"{said} Effect: {self.effect}. Confidence: {self.confidence}."


def beside(results: pd.DataFrame, variant: str, protocol: str = "") -> pd.DataFrame:
    """Set the rows of one variant beside those of another, setting by setting.

    Parameters
    ----------
    results : pandas.DataFrame
        A results table with a column `variant`.
    variant, protocol : str
        Names; empty is the paper's protocol.

    Returns
    -------
    pandas.DataFrame
        One row a setting that both have, of each feature set's first metric: the columns of the table without `variant`,
        `score_protocol`, and the `difference` of the scores, in points.
    """
    table = tables.first_metric(results)
    key = [name for name in table.columns if name not in (VARIANT, "score", "objective_gap")]
    names = table[VARIANT].fillna("")
    both = table[names == variant].merge(table.loc[names == protocol, [*key, "score"]], on=key, suffixes=("", "_protocol"))
    return both.drop(columns=VARIANT).assign(difference=both["score"] - both["score_protocol"])


def curves(results: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Split a table into feature sets and protocols, of each feature set's first metric.

    Yields
    ------
    features : str
    variant : str
        Empty for the paper's protocol.
    rows : pandas.DataFrame
        With the columns of :func:`stresslib.paper.published.with_shares`: a protocol's shares are of its own full score.
    """
    for _, part in tables.first_metric(results).groupby(["dataset", "model", "layer"], sort=False):
        for variant, rows in part.groupby(part[VARIANT].fillna(""), sort=False):
            yield tables.features_name(part), str(variant), with_shares(rows)


def by_set(rows: pd.DataFrame, column: str = "difference") -> dict[str, float]:
    """Return the mean of a column for each feature set, by its name."""
    return {
        tables.features_name(part): float(part[column].mean())
        for _, part in rows.groupby(["dataset", "model", "layer"], sort=False)
    }


def agreeing(differences: Sequence[float], level: float = LEVEL) -> str:
    """Say on how many feature sets a difference has the sign of the mean, beyond what machines differ by.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.answers import agreeing
    >>> agreeing([0.5, 0.4, 0.1])
    'same sign, beyond 0.25 points, on 2 of 3 feature sets (+0.10 to +0.50 points)'
    """
    values = np.asarray(differences, dtype=float)
    same = int((np.sign(values.mean()) * values > level).sum())
    span = f"{values.min():+.2f} to {values.max():+.2f} points"
    return f"same sign, beyond {level} points, on {same} of {len(values)} feature sets ({span})"


def span(values: Collection[float], form: str = ".1f", unit: str = "") -> str:
    """Say from where to where numbers go.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.answers import span
    >>> span([1.04, 2.5], unit="%"), span([0.98, 1.02], "+.1f")
    ('1.0 to 2.5%', '+1.0')
    """
    low, high = (f"{end:{form}}" for end in (min(values), max(values)))
    return (low if low == high else f"{low} to {high}") + unit


def zero(ax: Axes, label: str) -> None:
    """Draw the line of no difference, and name the vertical axis."""
    ax.axhline(0, color="#888888", linewidth=0.8, zorder=0)
    ax.set_ylabel(label)
