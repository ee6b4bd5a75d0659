"""Effects: what stress in training, and other ways of removing synapses, do to offspring; judged by rules fixed beforehand.

From the table of `measure` to the numbers and sentences of the page; `page` draws them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stressbook.chapters.images.amplitude_phase.effects import paired
from stressbook.chapters.weights.evolution.names import (
    ACCURACY,
    AT_WORK,
    DROPPED,
    MULTIPLICATIONS,
    PRUNED,
    RIGHT_AFTER,
    SYNAPSES,
    SYNTHESIS,
    TUNING,
    VALIDATION,
)
from stressbook.drawing.outcomes import AS_EXPECTED, DIRECTIONS, OPPOSITE, UNDECIDED, interval, outcome, spread
from stressbook.drawing.words import data_sets

NONE, SAMPLE, UNIFORM, DECAY, MULTIPLICATIVE = (
    f"{SYNTHESIS}/{form}" for form in ("none", "sample", "uniform", "decay", "multiplicative")
)
MAGNITUDE, RANDOM = f"{PRUNED}/none", f"{DROPPED}/none"

WAYS = {
    NONE: "no stress",
    SAMPLE: "sample",
    UNIFORM: "uniform sample",
    DECAY: "decay",
    MULTIPLICATIVE: "multiplicative",
    MAGNITUDE: "magnitude pruning",
    RANDOM: "random removal",
}
"""What the page calls the ways, in its order. The first five make offspring by synthesis."""

STRESSED = (SAMPLE, DECAY, MULTIPLICATIVE)
"""The three readings of stress in training."""

MEASURES = {
    "right_after": "accuracy right after a step",
    "retrained": "accuracy after retraining",
    "ancestor": "accuracy of the ancestor",
    "last": "accuracy of the last generation",
}
"""What is measured of each lineage, in percent; the first two are means over its generations after the ancestor."""


@dataclass(frozen=True)
class Expectation:
    """What was expected before the run.

    Attributes
    ----------
    measure : str
        A key of `MEASURES`.
    sign : {0, 1}
        It is higher, or not lower by more than :data:`ACCEPTED`.
    than : str
        The way that others are compared with.
    ways : tuple of str
        The others.
    said : str
        Whose words these are, or why we expect it.
    """

    measure: str
    sign: int
    than: str
    ways: tuple[str, ...]
    said: str


EXPECTED = (
    Expectation("right_after", 1, NONE, STRESSED, "what the authors' stress is for: the network adapts to what comes"),
    Expectation("retrained", 1, NONE, STRESSED, "the authors' claim, at equal numbers of synapses"),
    Expectation("retrained", 0, MAGNITUDE, (NONE, *STRESSED), "a draw has to do what the plainest rule does"),
    Expectation(
        "right_after", 1, UNIFORM, (SAMPLE,), "that a draw spares strong synapses is to matter, not only that it is one"
    ),
    Expectation("retrained", 1, RANDOM, (NONE,), "strong synapses carry more than others"),
)


def by_generation(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured of each generation of the lineages that are compared.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `way`, `seed` and `level` (the generation); columns are metrics. What stands right after a
        step is the mean over draws.
    """
    rows = lineage_rows(results)
    rows = rows[rows["seed"].ne(TUNING) & rows["way"].isin(list(WAYS))]
    return wide(rows, ["dataset", "way", "seed", "level"])


def lineage_rows(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of networks with their `way`: what makes offspring, the form of training, and options if any."""
    rows = results[results["layer"].eq("logits")]
    options = rows["variant"].str.replace(r"\+\w+=[^+]*", "", regex=True)
    return rows.assign(way=rows["stress"].str.cat(options, sep="/"))


def wide(rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Return a column for each metric: means over draws."""
    table = rows.pivot_table(index=key, columns="metric", values="score", sort=False)
    return table.reindex(columns=[ACCURACY, RIGHT_AFTER, SYNAPSES, AT_WORK, MULTIPLICATIONS])


def by_lineage(generations: pd.DataFrame) -> pd.DataFrame:
    """Return :data:`MEASURES` of each lineage, from what :func:`by_generation` returns."""
    key = [name for name in generations.index.names if name != "level"]
    level = generations.index.get_level_values("level")
    later = generations[level > 0].groupby(key, sort=False)
    columns = {
        "right_after": later[RIGHT_AFTER].mean(),
        "retrained": later[ACCURACY].mean(),
        "ancestor": generations[level == 0].groupby(key, sort=False)[ACCURACY].first(),
        "last": later[ACCURACY].last(),
    }
    return pd.DataFrame(columns)


def part(table: pd.DataFrame, first: str) -> pd.DataFrame:
    """Return the rows of a data set, or of another first part of the index, which is left out."""
    return table[table.index.get_level_values(0) == first].droplevel(0)


def order(ways: Iterable[str]) -> list[str]:
    """Return ways in the order of the page."""
    found = set(ways)
    return [way for way in WAYS if way in found]


def name(dataset: str) -> str:
    """Return what a sentence begins with for a data set.

    Examples
    --------
    >>> from stressbook.chapters.weights.evolution.effects import name
    >>> name("cifar10"), name("digits"), name("mnist")
    ('CIFAR-10', 'Digits', 'MNIST')
    """
    called = data_sets([dataset])
    return called[0].upper() + called[1:]


def dataset_drawn(results: pd.DataFrame) -> str:
    """Return the data set that the first figure is about: MNIST where it was measured, the authors' own."""
    there = lineage_rows(results)["dataset"].unique()
    return "mnist" if "mnist" in there else str(there[0])


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Judge every expectation on every data set.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each expectation, data set and way: `place` of the expectation, `dataset`, `measure`, `way`, `than`,
        `mean`, `low`, `high` of the paired differences in points, `count` of pairs, and `outcome`.
    """
    lineages = by_lineage(by_generation(results))
    rows = []
    for place, expected in enumerate(EXPECTED):
        for dataset in lineages.index.unique("dataset"):
            measured = part(lineages, dataset)[expected.measure].dropna()
            for way in expected.ways:
                differences = paired(measured.rename_axis(index={"way": "variant"}), way, expected.than)
                if differences.empty:
                    continue
                mean, low, high = interval(differences)
                found: dict[str, Any] = {"mean": mean, "low": low, "high": high, "count": len(differences)}
                at = {"place": place, "dataset": dataset, "measure": expected.measure, "way": way, "than": expected.than}
                rows.append({**at, **found, "outcome": outcome(expected.sign, low, high)})
    return pd.DataFrame(
        rows, columns=["place", "dataset", "measure", "way", "than", "mean", "low", "high", "count", "outcome"]
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say what became of each expectation, as a Markdown list."""
    found, lines = judged(results), []
    for place, expected in enumerate(EXPECTED):
        parts = [
            f"{name(str(dataset))}: "
            + ", ".join(f"{WAYS[row['way']]} {_points(row)} {row['outcome']}" for row in rows.to_dict("records"))
            for dataset, rows in found[found["place"] == place].groupby("dataset", sort=False)
        ]
        if parts:
            lines.append(f"- {_expected(expected)} ({expected.said}). {'. '.join(parts)}.")
    return "\n".join(lines)


def not_reproduced(results: pd.DataFrame) -> str:
    """List the expectations that were not met, as Markdown: those that came out the other way, and those undecided."""
    found, lines = judged(results), []
    for place, expected in enumerate(EXPECTED):
        missed = found[(found["place"] == place) & (found["outcome"] != AS_EXPECTED)]
        sides = []
        for result in (OPPOSITE, UNDECIDED):
            parts = [
                f"{', '.join(WAYS[way] for way in rows['way'])} on {data_sets([str(dataset)])}"
                for dataset, rows in missed[missed["outcome"] == result].groupby("dataset", sort=False)
            ]
            if parts:
                sides.append(f"{result}: {'; '.join(parts)}")
        if sides:
            lines.append(f"- {_expected(expected)}: {'. '.join(sides)}.")
    return "\n".join(lines) or "- Nothing: every direction was as expected."


def _expected(expected: Expectation) -> str:
    said = f"{MEASURES[expected.measure]} {DIRECTIONS[expected.sign]} than with {WAYS[expected.than]}"
    return said[0].upper() + said[1:]


def resolution(results: pd.DataFrame) -> str:
    """Say how large a difference to no stress has to be to be told from the scatter of lineages, as a sentence."""
    found = judged(results)
    found = found[found["dataset"].eq(dataset_drawn(results)) & found["place"].isin([0, 1])]
    halves = ((found["high"] - found["low"]) / 2).groupby(found["measure"]).median()
    if halves.isna().any() or halves.empty:
        return "One lineage tells no difference from chance."
    return (
        f"With so few lineages a form of stress has to change the accuracy by about {halves['right_after']:.2g} points "
        f"right after a step, or {halves['retrained']:.2g} after retraining, to be told from their scatter "
        f"({name(dataset_drawn(results))}). *Undecided* is no sign that stress does nothing."
    )


def _points(row: Any) -> str:
    return spread(row["mean"], row["low"], row["high"]).replace("one training each", "one lineage each")


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured, a row for each data set and way: means over lineages, to one decimal."""
    means = by_lineage(by_generation(results)).groupby(["dataset", "way"], sort=False).mean()
    rows = [(dataset, way) for dataset in means.index.unique("dataset") for way in order(means.loc[dataset].index)]
    index = pd.MultiIndex.from_tuples([(name(data), WAYS[way]) for data, way in rows], names=["data", "way"])
    short = {"right_after": "right after", "retrained": "retrained", "ancestor": "ancestor", "last": "last generation"}
    return means.loc[rows].set_axis(index)[list(short)].rename(columns=short).round(1)


def counts(results: pd.DataFrame) -> str:
    """Say how equal the numbers of synapses are that are compared, as a sentence."""
    synapses = by_generation(results)[SYNAPSES].groupby(["dataset", "level"])
    largest = float((100 * (synapses.max() / synapses.min() - 1)).max())
    return f"Synapses are counted: those of equal generations differ by at most {largest:.0f}% between ways and lineages."


def tuned(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was tried before the run: the accuracy on held-out images, a mean over all generations.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each data set and way; columns `tried`, what each of the values gave in points, and `chosen`.
    """
    rows = lineage_rows(results)
    rows = rows[rows["seed"].eq(TUNING) & rows["metric"].eq(VALIDATION)]
    means = rows.groupby(["dataset", "way", "variant"], sort=False)["score"].mean()
    found = {}
    for (dataset, way), values in means.groupby(["dataset", "way"], sort=False):
        numbers = [str(variant).partition("+")[2].replace("=", " ") for variant in values.index.get_level_values("variant")]
        # The name of the number stands in the column beside it; a longer cell would be cut off.
        said = ", ".join(f"{number.split()[-1]}: {score:.1f}" for number, score in zip(numbers, values, strict=True))
        found[name(str(dataset)), WAYS[str(way)]] = {"tried": said, "chosen": numbers[int(values.to_numpy().argmax())]}
    if not found:
        return pd.DataFrame(columns=["tried", "chosen"])
    return pd.DataFrame(found.values(), index=pd.MultiIndex.from_tuples(found, names=["data", "way"]))
