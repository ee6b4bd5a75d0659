"""Answers: what the pages of this chapter share.

A page turns the table of its measure into one :class:`Answer`, and the summary collects them all. Here are also the
comparisons that most answers rest on: a variant against the paper's protocol, and one feature set against the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stressbook.drawing import tables
from stresslib.paper.published import with_shares
from stresslib.results import FEATURES, TOLERANCE, VARIANT


@dataclass(frozen=True)
class Answer:
    """A question, and what the results say.

    Attributes
    ----------
    question : str
        As a reader would ask it.
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

    def as_paragraph(self) -> str:
        """Return the first paragraph of the page, in Markdown: the first sentence of the answer in bold."""
        first, stop, rest = self.answer.partition(". ")
        answer = f"**{first}.** {rest}" if stop else f"**{first}**"
        return f"{answer} Effect: {self.effect}. Confidence: {self.confidence}."


def paired_with_protocol(results: pd.DataFrame, variant: str, protocol: str = "") -> pd.DataFrame:
    """Pair the rows of a variant with those of another protocol, setting by setting.

    Parameters
    ----------
    results : pandas.DataFrame
        A results table with a column `variant`.
    variant, protocol : str
        Names of variants; the empty one is the paper's protocol.

    Returns
    -------
    pandas.DataFrame
        One row for each setting that both have, of each feature set's first metric: the columns of the table without
        `variant`, then `score_protocol` and the `difference` of the two scores, in points.
    """
    table = tables.first_metric(results)
    key = [name for name in table.columns if name not in (VARIANT, "score", "objective_gap")]
    names = table[VARIANT].fillna("")
    both = table[names == variant].merge(table.loc[names == protocol, [*key, "score"]], on=key, suffixes=("", "_protocol"))
    return both.drop(columns=VARIANT).assign(difference=both["score"] - both["score_protocol"])


def by_feature_set(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Split rows into feature sets.

    Yields
    ------
    features : str
        The name of the feature set, as tables and titles have it.
    rows : pandas.DataFrame
    """
    for _, part in rows.groupby(FEATURES, sort=False):
        yield tables.features_name(part), part


def by_protocol(results: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Split a table into feature sets and protocols, keeping each feature set's first metric.

    Yields
    ------
    features : str
    variant : str
        Empty for the paper's protocol.
    rows : pandas.DataFrame
        With the columns of :func:`stresslib.paper.published.with_shares`; the shares of a protocol are of its own full
        score.
    """
    for features, part in by_feature_set(tables.first_metric(results)):
        for variant, rows in part.groupby(part[VARIANT].fillna(""), sort=False):
            yield features, str(variant), with_shares(rows)


def full_score(rows: pd.DataFrame) -> float:
    """Return the score of the full vectors, from the rows of one feature set, metric and protocol."""
    return float(rows.loc[rows["stress"] == "none", "score"].iloc[0])


def mean_differences(rows: pd.DataFrame) -> dict[str, float]:
    """Return the mean `difference` of each feature set, by its name."""
    return {features: float(part["difference"].mean()) for features, part in by_feature_set(rows)}


def sign_agreement(differences: Sequence[float]) -> str:
    """Say on how many feature sets a difference has the sign of the mean, beyond what a score may move between machines.

    Parameters
    ----------
    differences : sequence of float
        One for each feature set, in points.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.answers import sign_agreement
    >>> sign_agreement([0.5, 0.4, 0.1])
    'same sign, beyond 0.25 points, on 2 of 3 feature sets (+0.10 to +0.50 points)'
    """
    values = np.asarray(differences, dtype=float)
    same = int((np.sign(values.mean()) * values > TOLERANCE).sum())
    ends = f"{values.min():+.2f} to {values.max():+.2f} points"
    return f"same sign, beyond {TOLERANCE} points, on {same} of {len(values)} feature sets ({ends})"


def format_range(values: Collection[float], form: str = ".1f", unit: str = "") -> str:
    """Write the smallest and the largest of some numbers; once, where both read alike.

    Parameters
    ----------
    values : collection of float
    form : str, default=".1f"
        Format specification of a number.
    unit : str, default=""
        Written once, at the end.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.answers import format_range
    >>> format_range([1.04, 2.5], unit="%"), format_range([0.98, 1.02], "+.1f")
    ('1.0 to 2.5%', '+1.0')
    """
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    if low == high:
        return low + unit
    return f"{low} to {high}{unit}"
