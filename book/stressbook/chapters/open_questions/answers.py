"""Answers: what the pages of this chapter share.

A page turns the table of its measure into one :class:`Answer`, and the summary collects them all. Data sets that answer
differently have a :class:`Finding` each. Here are also the comparisons that most answers rest on: a variant against the
paper's protocol, and one feature set against the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
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
    """What the results say to the question of a page. All parts are sentences, the first three without their full stop.

    Attributes
    ----------
    answer : str
        Answers the question in its own unit, with the numbers that decide.
    effect : str
        The size of the effect on each data set.
    basis : str
        On how many feature sets the effect has the same sign, or what else the answer rests on.
    more : str, default=""
        Further sentences.
    points : float, default=nan
        The largest mean effect on a feature set, where it can be said in points.
    """

    answer: str
    effect: str
    basis: str
    more: str = ""
    points: float = math.nan

    def as_headline(self) -> str:
        """Return the paragraph above the figure, in Markdown."""
        return f"**{self.answer}.** {self.effect}."

    def as_details(self) -> str:
        """Return the paragraph below the figure, in Markdown."""
        return f"{self.more} {self.basis}.".lstrip()


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
        A further sentence, with its full stop.
    """

    verdict: str
    sentence: str
    more: str = ""


def say_findings(results: pd.DataFrame, find: Callable[[pd.DataFrame], Finding | None]) -> tuple[str, str]:
    """Say what was found: once where all data sets answer alike, else for each group of data sets that do.

    Parameters
    ----------
    results : pandas.DataFrame
    find : callable
        Takes the rows of one data set or of several, and returns what they say; None where they say nothing.

    Returns
    -------
    answer : str
        One sentence without its full stop; empty where nothing was found.
    more : str
        What else there is to say of each group.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.open_questions.answers import Finding, say_findings
    >>> def find(rows):
    ...     return Finding(str(rows["score"].min() > 50), f"Scores begin at {rows['score'].min()}", "That is all.")
    >>> names, metrics = ["voc2007-val", "caltech101", "scenes15"], ["mAP", "mean-class-accuracy", "accuracy"]
    >>> results = pd.DataFrame({"dataset": names, "metric": metrics, "score": [40, 70, 60]})
    >>> say_findings(results[1:], find)
    ('Scores begin at 60', 'That is all.')
    >>> say_findings(results, find)[0]
    'On VOC 2007 (mAP), scores begin at 40; on Caltech-101 and 15-Scenes, scores begin at 60'
    """
    datasets = results["dataset"].str.removesuffix(VALIDATION)
    alike: dict[str, list[str]] = {}
    for dataset, rows in results.groupby(datasets, sort=False):
        if (found := find(rows)) is not None:
            alike.setdefault(found.verdict, []).append(str(dataset))
    metrics = results.groupby(datasets, sort=False)["metric"].first()
    groups = [(_with_metric(names, metrics), find(results[datasets.isin(names)])) for names in alike.values()]
    findings = [(names, found) for names, found in groups if found is not None]
    if len(findings) <= 1:
        return next(((found.sentence, found.more) for _, found in findings), ("", ""))
    answer = "; ".join(f"on {names}, {found.sentence[0].lower()}{found.sentence[1:]}" for names, found in findings)
    more = " ".join(f"On {names}, {found.more[0].lower()}{found.more[1:]}" for names, found in findings if found.more)
    return f"O{answer[1:]}", more


def _with_metric(names: list[str], metrics: pd.Series) -> str:
    """Name data sets, and say where rankings are scored if on others it is labels."""
    ranked = metrics[names].eq("mAP").all() and not metrics.eq("mAP").all()
    return f"{words.data_sets(names)}{' (mAP)' if ranked else ''}"


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


def sign_agreement(what: str, differences: Collection[float]) -> str:
    """Say on how many feature sets a difference has the sign of the mean, beyond what a score may move between machines.

    Parameters
    ----------
    what : str
        What differs: the subject of the sentence.
    differences : collection of float
        One for each feature set, in points.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.answers import sign_agreement
    >>> sign_agreement("The mean change", [-0.5, -0.4, -0.1])
    'The mean change is negative, beyond 0.25 points, on 2 of 3 feature sets'
    """
    values = np.asarray(list(differences), dtype=float)
    sign = "positive" if values.mean() >= 0 else "negative"
    same = int((np.sign(values.mean()) * values > TOLERANCE).sum())
    return f"{what} is {sign}, beyond {TOLERANCE} points, on {same} of {len(values)} feature sets"


def data_set(features: str) -> str:
    """Return what sentences call the data set of a feature set, from the name that tables and titles have.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.answers import data_set
    >>> data_set("voc2007-val, efficientnet-lite0, pooled")
    'VOC 2007'
    """
    return words.data_sets([features.partition(", ")[0]])


def on_each_data_set(numbers: pd.Series, form: str = "+.1f", unit: str = "") -> str:
    """Write the numbers of each data set, as a list within a sentence.

    Parameters
    ----------
    numbers : pandas.Series
        Indexed by the names of feature sets; where a data set has several, their range is written.
    form : str, default="+.1f"
        Format specification of a number.
    unit : str, default=""
        Written behind every number.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.open_questions.answers import on_each_data_set
    >>> numbers = pd.Series({"voc2007-val, a, pooled": 1.2, "caltech101, a, pooled": 3, "caltech101, b, pooled": -4})
    >>> on_each_data_set(numbers)
    '+1.2 on VOC 2007, -4.0 to +3.0 on Caltech-101'
    """
    names = [data_set(str(features)) for features in numbers.index]
    parts = numbers.set_axis(names).groupby(level=0, sort=False)
    return ", ".join(f"{format_range(part, form, unit)} on {name}" for name, part in parts)


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
