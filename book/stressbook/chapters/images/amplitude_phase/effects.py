"""Effects: what each way of training does to a network, against another way of equal cost, judged by rules fixed beforehand.

From the table of `measure` to the numbers and sentences of the page; `page` draws them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from stressbook.chapters.images.amplitude_phase.names import AMPLITUDE_KEPT, CALIBRATION, PHASE_KEPT
from stressbook.drawing.outcomes import DIRECTIONS, interval, outcome, spread
from stressbook.drawing.words import data_sets
from stresslib.stress.on_images import CORRUPTIONS

RECIPES = {
    "twice": "originals twice",
    "operations": "operations alone",
    "apr-p": "APR-P",
    "apr-s": "APR-S",
    "apr-sp": "APR-SP",
}
"""What the page calls the ways of training, in its order."""

BASELINE = "twice"

RECOMBINING = ("apr-p", "apr-s", "apr-sp")
"""The ways of training that recombine amplitude and phase."""

MEASURES = {
    "clean": "clean accuracy",
    "corrupted": "error over corruptions",
    "extra": "error over the extra corruptions",
    "ece": "calibration error",
    "ece_corrupted": "calibration error under corruption",
    "phase": "accuracy where the phase is kept",
    "amplitude": "accuracy where the amplitude is kept",
}
"""What is measured of each network, all in percent."""


@dataclass(frozen=True)
class Expectation:
    """What was expected before the run.

    Attributes
    ----------
    measure : str
        A key of `MEASURES`.
    sign : {-1, 0, 1}
        It goes down, does not go down by more than :data:`ACCEPTED`, or goes up.
    than : str
        The recipe that others are compared with.
    recipes : tuple of str
        The others.
    said : str
        Whose words these are, or why we expect it.
    """

    measure: str
    sign: int
    than: str
    recipes: tuple[str, ...]
    said: str


EXPECTED = (
    Expectation("corrupted", -1, BASELINE, RECOMBINING, "the claim of the authors"),
    Expectation("clean", 0, BASELINE, RECOMBINING, "the authors report no loss"),
    Expectation("phase", 1, BASELINE, RECOMBINING, "for APR-P this is what it is trained on"),
    Expectation("amplitude", -1, BASELINE, RECOMBINING, "what is learnt from the phase is not learnt from the amplitude"),
    Expectation("corrupted", -1, "operations", ("apr-s",), "what recombination adds to the operations"),
)


def is_extra(kind: str) -> bool:
    """Return whether a corruption is one of the four that the benchmarks keep apart."""
    return CORRUPTIONS[kind].extra


def corruption_rows(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of networks on corrupted images, with the `error` in percent."""
    rows = results[results["stress"].isin(list(CORRUPTIONS))]
    return rows.assign(error=100 - rows["score"])


def by_network(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured of each trained network.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `variant` (the recipe) and `seed`; columns of :data:`MEASURES`. Errors over corruptions are
        plain means over severities, then over kinds; the four extra kinds are apart.
    """
    key = ["dataset", "variant", "seed"]
    rows = results[results["layer"].eq("logits") & results["seed"].notna()]
    known = {
        "clean": rows["stress"].eq("none") & rows["metric"].eq("accuracy"),
        "ece": rows["stress"].eq("none") & rows["metric"].eq(CALIBRATION),
        "phase": rows["stress"].eq(PHASE_KEPT),
        "amplitude": rows["stress"].eq(AMPLITUDE_KEPT),
    }
    columns = {name: rows[which].set_index(key)["score"] for name, which in known.items()}
    corrupted = corruption_rows(rows)
    for name, metric, column, extra in (
        ("corrupted", "accuracy", "error", False),
        ("extra", "accuracy", "error", True),
        ("ece_corrupted", CALIBRATION, "score", False),
    ):
        part = corrupted[corrupted["metric"].eq(metric) & corrupted["stress"].map(is_extra).eq(extra)]
        columns[name] = part.groupby([*key, "stress"])[column].mean().groupby(key).mean()
    return pd.DataFrame(columns)[list(MEASURES)]


def order(names: Iterable[str]) -> list[str]:
    """Return recipes in the order of the page."""
    found = set(names)
    return [name for name in RECIPES if name in found] + sorted(found - RECIPES.keys())


def paired(table: pd.Series, recipe: str, than: str) -> pd.Series:
    """Return the differences of two recipes on one data set, training by training of equal seed.

    Parameters
    ----------
    table : pandas.Series
        Indexed by `variant` and `seed`.
    recipe, than : str
    """
    known = table.index.get_level_values("variant")
    if recipe not in known or than not in known:
        return pd.Series(dtype=float)
    return (table.xs(recipe, level="variant") - table.xs(than, level="variant")).dropna()


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Judge every expectation on every data set.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each expectation, data set and recipe: `place` of the expectation, `dataset`, `measure`, `recipe`, `than`,
        `mean`, `low`, `high` of the paired differences in points, `count` of pairs, and `outcome`.
    """
    networks = by_network(results)
    rows = []
    for place, expected in enumerate(EXPECTED):
        for dataset in networks.index.unique("dataset"):
            measured = networks.loc[dataset][expected.measure].dropna()
            for recipe in expected.recipes:
                differences = paired(measured, recipe, expected.than)
                if differences.empty:
                    continue
                mean, low, high = interval(differences)
                rows.append(
                    {
                        "place": place,
                        "dataset": dataset,
                        "measure": expected.measure,
                        "recipe": recipe,
                        "than": expected.than,
                        "mean": mean,
                        "low": low,
                        "high": high,
                        "count": len(differences),
                        "outcome": outcome(expected.sign, low, high),
                    }
                )
    return pd.DataFrame(rows)


def verdicts(results: pd.DataFrame) -> str:
    """Say what became of each expectation, as a Markdown list."""
    found = judged(results)
    lines = []
    for place, expected in enumerate(EXPECTED):
        for dataset, rows in found[found["place"] == place].groupby("dataset", sort=False):
            said = ", ".join(
                f"{RECIPES[row['recipe']]} {spread(row['mean'], row['low'], row['high'])} {row['outcome']}"
                for row in rows.to_dict("records")
            )
            lines.append(
                f"- {name(str(dataset))}: {MEASURES[expected.measure]} {DIRECTIONS[expected.sign]} than with "
                f"{RECIPES[expected.than]} ({expected.said}): {said}."
            )
    return "\n".join(lines)


def name(dataset: str) -> str:
    """Return what a sentence begins with for a data set.

    Examples
    --------
    >>> from stressbook.chapters.images.amplitude_phase.effects import name
    >>> name("cifar10"), name("digits")
    ('CIFAR-10', 'Digits')
    """
    called = data_sets([dataset])
    return called[0].upper() + called[1:]


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured, a row for each data set and recipe: means over trainings, to one decimal."""
    networks = by_network(results)
    means = networks.groupby(["dataset", "variant"]).mean()
    rows = [(dataset, recipe) for dataset in networks.index.unique("dataset") for recipe in order(means.loc[dataset].index)]
    named = [(name(data), RECIPES.get(one, one)) for data, one in rows]
    index = pd.MultiIndex.from_tuples(named, names=["data", "trained by"])
    short = {
        "clean": "clean",
        "corrupted": "error",
        "extra": "error, extra",
        "ece": "ECE",
        "ece_corrupted": "ECE, corrupted",
        "phase": "phase kept",
        "amplitude": "amplitude kept",
    }
    return means.loc[rows].set_axis(index).rename(columns=short).round(1)
