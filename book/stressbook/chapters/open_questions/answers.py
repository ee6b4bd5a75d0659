"""Answers: what the pages of this chapter share.

A page turns the table of its measure into one :class:`Answer`, and the summary collects them all. Data sets that answer
differently have a :class:`Finding` each. Here are also the comparisons that most answers rest on: a variant against the
paper's protocol, and one feature set against the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stressbook.drawing import tables, words
from stresslib.paper.published import with_shares
from stresslib.results import FEATURES, TOLERANCE, VARIANT

VALIDATION = "-validation"
"""Ending of a data set's name in rows that were scored on a validation part."""


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


@dataclass(frozen=True)
class Finding:
    """What the results say of one data set, or of several that answer alike.

    Attributes
    ----------
    verdict : str
        Data sets with the same one answer alike.
    sentence : str
        Without a full stop.
    more : str, default=""
        Further sentences.
    """

    verdict: str
    sentence: str
    more: str = ""


def say_findings(results: pd.DataFrame, find: Callable[[pd.DataFrame], Finding | None]) -> str:
    """Say what was found: once where all data sets answer alike, else for each group of data sets that do.

    Parameters
    ----------
    results : pandas.DataFrame
    find : callable
        Takes the rows of one data set or of several, and returns what they say; None where they say nothing.

    Returns
    -------
    str
        Sentences; all groups are in the first one, which tables quote alone. Empty where nothing was found.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.open_questions.answers import Finding, say_findings
    >>> def find(rows):
    ...     return Finding(str(rows["score"].min() > 50), f"Scores begin at {rows['score'].min()}", "That is all.")
    >>> results = pd.DataFrame({"dataset": ["voc2007-val", "caltech101", "scenes15"], "score": [40, 70, 60]})
    >>> say_findings(results[1:], find)
    'Scores begin at 60. That is all.'
    >>> say_findings(results, find).partition(". ")[0]
    'On VOC 2007, scores begin at 40; on Caltech-101 and 15-Scenes, scores begin at 60'
    """
    datasets = results["dataset"].str.removesuffix(VALIDATION)
    alike: dict[str, list[str]] = {}
    for dataset, rows in results.groupby(datasets, sort=False):
        if (found := find(rows)) is not None:
            alike.setdefault(found.verdict, []).append(str(dataset))
    groups = [(words.data_sets(names), find(results[datasets.isin(names)])) for names in alike.values()]
    findings = [(names, found) for names, found in groups if found is not None]
    if len(findings) <= 1:
        return "".join(f"{found.sentence}. {found.more}".strip() for _, found in findings)
    first = "; ".join(f"on {names}, {found.sentence[0].lower()}{found.sentence[1:]}" for names, found in findings)
    more = [f"On {names}: {found.more}" for names, found in findings if found.more]
    return " ".join([f"O{first[1:]}.", *more])


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
