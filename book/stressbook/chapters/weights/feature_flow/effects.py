"""Effects: what feature flow changes in a network, judged by rules that were fixed before a test image was scored.

From the scores of networks to the sentences and the table of the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from stressbook.chapters.weights.feature_flow.names import ANGLE, LENGTH, RELATIVE
from stressbook.chapters.weights.feature_flow.scores import (
    COMPARED,
    MEASURES,
    METHODS,
    network_name,
    networks,
    of_network,
    order,
    usual,
)
from stressbook.drawing.outcomes import AS_EXPECTED, DIRECTIONS, interval, spread
from stressbook.drawing.outcomes import outcome as judge


@dataclass(frozen=True)
class Expectation:
    """What was expected before a test image was scored.

    Attributes
    ----------
    measure : str
        A key of :data:`MEASURES`.
    sign : {-1, 0, 1}
        With feature flow it is lower, is not lower by more than :data:`ACCEPTED`, or is higher.
    than : str
        The method that it is compared with.
    said : str
        Whose words these are, or why we expect it.
    """

    measure: str
    sign: int
    than: str
    said: str


EXPECTED = (
    Expectation(LENGTH, -1, "plain", "it is what is trained for"),
    Expectation(RELATIVE, -1, "plain", "short, and not just small"),
    Expectation(ANGLE, -1, "plain", "straight: the journal's total absolute curvature"),
    Expectation("clean", 0, "plain", "the claim is of pruning at no loss"),
    Expectation("pruned", 1, "plain", "the claim of the authors"),
    Expectation("pruned", 1, "slimming", "the authors report results as good as the best known or better"),
    Expectation("tuned", 1, "plain", "the same, where training goes on"),
    Expectation("parameters", 1, "plain", "the same, in parameters"),
    Expectation("work", 1, "plain", "the same, in multiplications"),
    Expectation("dead folded", 1, "plain", "sparsity comes by itself, say the authors"),
    Expectation("dimensions", -1, "plain", "our guess: a short way fills fewer dimensions"),
)

UNCHANGED = "**no change at all**"


def paired(table: pd.DataFrame, measure: str, method: str, than: str) -> pd.Series:
    """Return the differences of two methods on one network, training by training of equal seed.

    Parameters
    ----------
    table : pandas.DataFrame
        Indexed by `method` and `seed`.
    measure, method, than : str
    """
    known = table.index.get_level_values("method")
    if method not in known or than not in known:
        return pd.Series(dtype=float)
    return (table.xs(method, level="method")[measure] - table.xs(than, level="method")[measure]).dropna()


def outcome(sign: int, low: float, high: float) -> str:
    """Judge an interval by what was expected.

    Parameters
    ----------
    sign : {-1, 0, 1}
    low, high : float

    Returns
    -------
    str
        As expected: the whole interval lies on that side, for 0 above minus :data:`ACCEPTED`. The other way: the whole of it
        lies on the other side. No change at all: every difference is zero, where one was expected. Else undecided.

    Examples
    --------
    >>> from stressbook.chapters.weights.feature_flow.effects import outcome
    >>> outcome(-1, -3, -1), outcome(1, -3, -1), outcome(0, -0.5, 2), outcome(1, 0, 1)
    ('as expected', '**the other way**', 'as expected', 'undecided')
    """
    if sign and low == high == 0:
        return UNCHANGED
    return judge(sign, low, high)


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Judge every expectation on every network.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each expectation and network: `place` of the expectation, `dataset`, `model`, `measure`, `than`, `mean`,
        `low`, `high` of the paired differences, and `outcome`.
    """
    trainings = usual(results)
    rows = []
    for place, expected in enumerate(EXPECTED):
        for dataset, model in networks(trainings):
            differences = paired(of_network(trainings, dataset, model), expected.measure, "flow", expected.than)
            if differences.empty:
                continue
            mean, low, high = interval(differences)
            rows.append(
                {
                    "place": place,
                    "dataset": dataset,
                    "model": model,
                    "measure": expected.measure,
                    "than": expected.than,
                    "mean": mean,
                    "low": low,
                    "high": high,
                    "outcome": outcome(expected.sign, low, high),
                }
            )
    return pd.DataFrame(rows)


def verdicts(results: pd.DataFrame) -> str:
    """Say what became of each expectation, as a Markdown list."""
    found, lines = judged(results), []
    for place, rows in found.groupby("place"):
        expected = EXPECTED[int(str(place))]
        said = "; ".join(
            f"{network_name(row['dataset'], row['model'])} {spread(row['mean'], row['low'], row['high'])} {row['outcome']}"
            for row in rows.to_dict("records")
        )
        lines.append(
            f"- {capital(MEASURES[expected.measure])}: {DIRECTIONS[expected.sign]} than with {METHODS[expected.than]} "
            f"({expected.said}): {said}."
        )
    return "\n".join(lines)


def not_reproduced(results: pd.DataFrame) -> str:
    """List the expectations that were not met, as Markdown."""
    lines = [
        f"- {network_name(row['dataset'], row['model'])}: {MEASURES[row['measure']]} was to be "
        f"{DIRECTIONS[EXPECTED[row['place']].sign]} than with {METHODS[row['than']]}. It changes by "
        f"{spread(row['mean'], row['low'], row['high'])}: {row['outcome']}."
        for row in judged(results).to_dict("records")
        if row["outcome"] != AS_EXPECTED
    ]
    return "\n".join(lines) or "- Nothing: every direction was as expected."


def capital(text: str) -> str:
    """Return a text that begins with a capital letter."""
    return text[0].upper() + text[1:]


def table(results: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return some measures of the compared methods, means over trainings, to one decimal.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    columns : iterable of str
        Of :data:`MEASURES`.

    Returns
    -------
    pandas.DataFrame
    """
    means = usual(results)[list(columns)].groupby(["dataset", "model", "method"]).mean()
    rows = [
        (dataset, model, method)
        for dataset, model in networks(means)
        for method in order(of_network(means, dataset, model).index)
        if method in COMPARED
    ]
    named = [(network_name(dataset, model), METHODS[method]) for dataset, model, method in rows]
    return means.loc[rows].set_axis(pd.MultiIndex.from_tuples(named, names=["network", "trained with"])).round(1)
