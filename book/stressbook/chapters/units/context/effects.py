"""Effects: what the contextual convolution does, and what the moved normalisation, judged by directions fixed beforehand.

From the table of `measure` to the numbers and sentences of the page; the pages draw them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stressbook.chapters.images.amplitude_phase.effects import name
from stressbook.chapters.units.context.names import (
    DROPPED,
    DROPPED_AT_RANDOM,
    FIRST,
    FORMS,
    RADIUS,
    RATE,
    STAGES,
)
from stressbook.drawing.outcomes import AS_EXPECTED, DIRECTIONS, interval, outcome, spread
from stresslib.training.vectors import LAYER

CALLED = {
    "plain": "plain, norm before",
    "late": "plain, norm after",
    "context": "contextual, norm before",
    "both": "contextual, norm after",
}
"""What the page calls the networks, in its order."""

MEASURES = {
    "accuracy": "accuracy",
    "first": "radius with first weights",
    "trained": "radius after training",
    "grown": "growth of the radius in training",
    "branch": "loss by a branch beyond that by random channels",
    "features": "score of a branch's features beyond that of random ones",
}
"""What is judged: radii in percent of the image's side, means over stages; the others in points."""

CONTRASTS: dict[str, tuple[str, dict[str, float]]] = {
    "together": ("both changes", {"both": 1, "plain": -1}),
    "context": ("the convolution", {"context": 0.5, "both": 0.5, "plain": -0.5, "late": -0.5}),
    "context before": ("the convolution, norm before", {"context": 1, "plain": -1}),
    "context after": ("the convolution, norm after", {"both": 1, "late": -1}),
    "norm": ("the norm", {"late": 0.5, "both": 0.5, "plain": -0.5, "context": -0.5}),
    "norm plain": ("the norm, plain convolution", {"late": 1, "plain": -1}),
    "norm context": ("the norm, contextual", {"both": 1, "context": -1}),
    "interaction": ("both changes beyond the sum of each", {"both": 1, "plain": 1, "late": -1, "context": -1}),
    "plain alone": ("the plain network", {"plain": 1}),
    "context alone": ("the contextual network", {"context": 1}),
}
"""What is compared: the name of an effect, and the weights of the four networks in it."""


@dataclass(frozen=True)
class Expectation:
    """What was expected before a test image was scored.

    Attributes
    ----------
    measure : str
        A key of :data:`MEASURES`.
    contrast : str
        A key of :data:`CONTRASTS`.
    sign : {-1, 0, 1}
        It is below 0, not below minus one point, or above 0.
    said : str
        Whose words these are, or why we expect it.
    """

    measure: str
    contrast: str
    sign: int
    said: str


EXPECTED = (
    Expectation("accuracy", "together", 1, "what the authors compare, on ImageNet"),
    Expectation("accuracy", "context", 1, "the claim of the authors"),
    Expectation("accuracy", "context before", 1, "the same, where nothing else is changed"),
    Expectation("accuracy", "norm", 0, "our guess: it is harmless, as the authors do not speak of it"),
    Expectation("first", "context", 1, "what dilation is for"),
    Expectation("trained", "context", 1, "the same, if training does not undo it"),
    Expectation("grown", "plain alone", 1, "the field grows in training, say Luo et al."),
    Expectation("branch", "context alone", 1, "our guess: what one dilation sees, the others do not"),
    Expectation("branch", "context before", 1, "the same, against as many neighbouring channels of a plain convolution"),
    Expectation("features", "context before", -1, "our guess: a random half has something of each dilation"),
)


def with_forms(results: pd.DataFrame) -> pd.DataFrame:
    """Add the column `form`, of :data:`CALLED`."""
    return results.assign(form=results["model"].str.partition(":")[0].map(FORMS))


def by_network(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured of each network.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `form` and `seed`, a column for each of :data:`MEASURES`.
    """
    key = ["dataset", "form", "seed"]
    rows = with_forms(results)
    plain = rows[rows["stress"].eq("none") & rows["metric"].eq("accuracy")]
    radii = rows[rows["metric"].eq(RADIUS)]
    before = radii["variant"].eq(FIRST)
    first, trained = (part.groupby(key)["score"].mean() for part in (radii[before], radii[~before]))
    kept = features(results)
    return pd.DataFrame(
        {
            "accuracy": plain[plain["layer"].eq("logits")].set_index(key)["score"],
            "first": first,
            "trained": trained,
            "grown": trained - first,
            "branch": losses(results)["beyond"].groupby([*key, "layer"]).mean().groupby(key).mean(),
            "features": kept["branch"] - kept["random"],
        }
    ).sort_index()


def losses(results: pd.DataFrame) -> pd.DataFrame:
    """Return what it costs when a layer loses the channels of one dilation, and as many random ones.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `form`, `seed`, `layer` and `level` (the dilation): points of accuracy lost without the
        `branch`, without `random` channels, a mean over draws, and `beyond`, the difference.
    """
    key = ["dataset", "form", "seed", "layer"]
    rows = with_forms(results)
    branches = rows[rows["stress"].eq(DROPPED)].set_index([*key, "level"])["score"]
    at_random = rows[rows["stress"].eq(DROPPED_AT_RANDOM)].groupby([*key, "level"])["score"].mean()
    whole = branches.xs(0, level="level")
    scores = pd.DataFrame({"branch": branches[branches.index.get_level_values("level") > 0], "random": at_random})
    lost = scores.join(whole.rename("whole"), on=key)
    lost = lost.assign(branch=lost["whole"] - lost["branch"], random=lost["whole"] - lost["random"])
    return lost.assign(beyond=lost["branch"] - lost["random"])[["branch", "random", "beyond"]]


def features(results: pd.DataFrame) -> pd.DataFrame:
    """Return what a linear SVM scores on the features, in percent.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `form` and `seed`: on `all`; on one dilation's half, `dilation 1` and `dilation 2`, and
        their mean `branch`; on a `random` half, a mean over draws; and on as many principal components, `pca`.
    """
    rows = with_forms(results[results["layer"].eq(LAYER)])
    what = rows["stress"].map({"none": "all", "random-selection": "random", "pca": "pca"})
    what = what.fillna("dilation " + rows["level"].map("{:.0f}".format))
    wide = rows.assign(what=what).pivot_table(index=["dataset", "form", "seed"], columns="what", values="score")
    halves = [column for column in wide if str(column).startswith("dilation")]
    return wide.assign(branch=wide[halves].mean(axis=1))


def contrast(table: pd.Series, weights: Mapping[str, float]) -> pd.Series:
    """Return a weighted sum of networks of equal seed.

    Parameters
    ----------
    table : pandas.Series
        Of one data set, indexed by `form` and `seed`.
    weights : mapping of str to float
        By form.

    Returns
    -------
    pandas.Series
        By seed; empty where a form is missing.
    """
    wide = table.unstack("form")  # noqa: PD010
    if not set(weights) <= set(wide.columns):
        return pd.Series(dtype=float)
    parts = [weight * wide[form] for form, weight in weights.items()]
    return pd.Series(np.sum(parts, axis=0), wide.index).dropna()


def effects(results: pd.DataFrame, measure: str, dataset: str) -> pd.DataFrame:
    """Return all contrasts of one measure on one data set.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    measure, dataset : str

    Returns
    -------
    pandas.DataFrame
        A row for each of :data:`CONTRASTS` that its networks allow: `mean`, `low` and `high` of the 95% interval.
    """
    values = by_network(results).loc[dataset][measure].dropna()
    found = {key: contrast(values, weights) for key, (_, weights) in CONTRASTS.items()}
    rows = {key: interval(one) for key, one in found.items() if len(one)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high"])


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Judge every expectation on every data set.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each expectation and data set: `place` of the expectation, `dataset`, `mean`, `low` and `high` of the
        contrast, `count` of trainings, and `outcome`.
    """
    networks = by_network(results)
    rows = []
    for place, expected in enumerate(EXPECTED):
        for dataset in networks.index.unique("dataset"):
            values = contrast(networks.loc[dataset][expected.measure].dropna(), CONTRASTS[expected.contrast][1])
            if values.empty:
                continue
            mean, low, high = interval(values)
            cells = {"place": place, "dataset": dataset, "mean": mean, "low": low, "high": high, "count": len(values)}
            rows.append({**cells, "outcome": outcome(expected.sign, low, high)})
    return pd.DataFrame(rows, columns=["place", "dataset", "mean", "low", "high", "count", "outcome"])


def verdicts(results: pd.DataFrame, *measures: str) -> str:
    """Say what became of the expectations about some measures, as a Markdown list."""
    found = judged(results)
    lines = []
    for place, expected in enumerate(EXPECTED):
        rows = found[found["place"].eq(place)]
        if expected.measure not in measures or rows.empty:
            continue
        said = "; ".join(
            f"{name(row['dataset'])} {spread(row['mean'], row['low'], row['high'])} {row['outcome']}"
            for row in rows.to_dict("records")
        )
        lines.append(f"- {_sentence(expected)} ({expected.said}): {said}.")
    return "\n".join(lines) or "- Not measured in this run."


def not_reproduced(results: pd.DataFrame) -> str:
    """List the expectations that were not met, as Markdown; one training of each network meets and misses none."""
    found = judged(results)
    several = found[found["count"].gt(1)]
    if several.empty:
        return "- One training of each network leaves everything undecided."
    lines = [
        f"- {name(row['dataset'])}: {_sentence(EXPECTED[row['place']])}. It was "
        f"{spread(row['mean'], row['low'], row['high'])}: {row['outcome']}."
        for row in several[several["outcome"].ne(AS_EXPECTED)].to_dict("records")
    ]
    return "\n".join(lines) or "- Nothing: every direction was as expected."


def _sentence(expected: Expectation) -> str:
    called, than = CONTRASTS[expected.contrast][0], " than 0" if expected.contrast.endswith("alone") else ""
    return f"*{called[0].upper()}{called[1:]}*: {MEASURES[expected.measure]} {DIRECTIONS[expected.sign]}{than}"


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured, a row for each data set and network: means over trainings, under the page's headings."""
    networks, rates = by_network(results), chosen_rates(results)
    means = networks.groupby(["dataset", "form"]).mean()
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for dataset in networks.index.unique("dataset"):
        for form, called in CALLED.items():
            if (dataset, form) in means.index:
                row = means.loc[(dataset, form)]
                rows[name(str(dataset)), called] = {
                    "accuracy": f"{row['accuracy']:.1f}",
                    "radius, first weights": f"{row['first']:.1f}",
                    "radius, trained": f"{row['trained']:.1f}",
                    "rate": f"{rates[dataset, form]:g}" if (dataset, form) in rates else "",
                }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["data", "network"])


def chosen_rates(results: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return the learning rate that each network was trained with, by data set and form; of equal ones the lowest."""
    rows = with_forms(results[results["stress"].eq(RATE)])
    best = rows.loc[rows.groupby(["dataset", "form"])["score"].idxmax()]
    return {(row["dataset"], row["form"]): row["level"] for row in best.to_dict("records")}


def at_the_edge(results: pd.DataFrame) -> str:
    """Say for how many networks the best learning rate is the lowest or the highest that was tried, as a sentence."""
    rates = chosen_rates(results)
    tried = results.loc[results["stress"].eq(RATE), "level"]
    low, high = (sum(rate == end for rate in rates.values()) for end in (tried.min(), tried.max()))
    return (
        f"Of {len(rates)} choices {low} fell on the lowest rate tried ({tried.min():g}) and {high} on the highest "
        f"({tried.max():g}); a better one may lie beyond."
    )


def dataset_drawn(results: pd.DataFrame) -> str:
    """Return the data set that the figures are about: CIFAR-10 where networks of it were measured."""
    there = list(results["dataset"].unique())
    return "cifar10" if "cifar10" in there else str(there[0])


def radii(results: pd.DataFrame) -> pd.DataFrame:
    """Return the radius of each stage's field on the data that are drawn, in percent of the image's side.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `state` (``first`` or ``trained``), `form` and `seed`; a column for each stage.
    """
    rows = with_forms(results[results["metric"].eq(RADIUS) & results["dataset"].eq(dataset_drawn(results))])
    rows = rows.assign(state=np.where(rows["variant"].eq(FIRST), "first", "trained"))
    return rows.pivot_table(index=["state", "form", "seed"], columns="layer", values="score")[list(STAGES)]
