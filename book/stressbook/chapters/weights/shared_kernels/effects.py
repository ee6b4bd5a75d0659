"""Effects: what sharing does to error, size and separation, against networks trained alike, by rules fixed beforehand.

From the table of `measure` to the numbers and sentences of the page; `page` draws them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stressbook.chapters.images.amplitude_phase.effects import name
from stressbook.chapters.weights.shared_kernels.names import BATCH_STATISTICS, PRUNED, RATE, SEPARATION
from stressbook.drawing import outcomes
from stressbook.drawing.outcomes import ACCEPTED, AS_EXPECTED, interval, spread
from stresslib.training.vectors import LAYER

FORMS = {
    "plain": "one kernel",
    "regulated": "one kernel, regulated",
    "mixed": "a kernel a width",
    "mixed-regulated": "a kernel a width, regulated",
    "none": "unshared, of one width",
    "mixed-none": "unshared, widening",
    "shared-norm": "one kernel, one norm",
    "none-narrow": "unshared, narrow",
    "mixed-none-narrow": "unshared, widening, narrow",
    "mixed-none-pruned-to-mixed-regulated": "unshared, pruned to the size of a kernel a width, regulated",
    "mixed-none-pruned-to-plain": "unshared, pruned to the size of one kernel",
}
"""What the page calls the networks, in its order."""

UNSHARED = {"plain": "none", "regulated": "none", "mixed": "mixed-none", "mixed-regulated": "mixed-none"}
"""The network of the same widths that shares nothing, for each that shares."""

MEASURES = {
    "error": "error",
    "lost": "loss of accuracy when half of the weights are pruned",
    "gained": "gain of SI(5) from the first layer to the features",
}
"""What is judged, in points."""


@dataclass(frozen=True)
class Expectation:
    """What was expected before the run.

    Attributes
    ----------
    measure : str
        A key of :data:`MEASURES`.
    form : str
        A key of :data:`FORMS`.
    sign : {-1, 0, 1}
        It is lower, not higher by more than :data:`ACCEPTED`, or higher.
    than : str
        The form that it is compared with; empty: zero.
    said : str
        Whose words these are, or why we expect it.
    """

    measure: str
    form: str
    sign: int
    than: str
    said: str


EXPECTED = (
    Expectation("error", "plain", 1, "none", "it has a sixteenth of the kernels"),
    Expectation("error", "regulated", -1, "plain", "the authors' plot"),
    Expectation("error", "mixed", -1, "plain", "the authors' plot"),
    Expectation("error", "mixed", -1, "regulated", "the authors' plot"),
    Expectation("error", "mixed-regulated", 0, "mixed", "the authors' plot: a quarter of a point better"),
    Expectation("error", "mixed-regulated", 0, "mixed-none", "the authors' plot: a quarter of a point worse"),
    Expectation("error", "shared-norm", 1, "plain", "in all code of the authors that runs, norms are private"),
    Expectation("error", "plain", -1, "none-narrow", "at about as many weights; what sharing is for"),
    Expectation("error", "mixed", -1, "mixed-none-narrow", "at about as many weights; what sharing is for"),
    Expectation("error", "plain", -1, "mixed-none-pruned-to-plain", "the authors' table sets sharing against pruning"),
    Expectation(
        "error",
        "mixed-regulated",
        -1,
        "mixed-none-pruned-to-mixed-regulated",
        "the authors' table sets sharing against pruning",
    ),
    Expectation("lost", "plain", 1, "none", "each of its weights works in sixteen layers"),
    Expectation("lost", "mixed-regulated", 1, "mixed-none", "each of its shared weights works in several layers"),
    Expectation("gained", "none", 1, "", "what training does: the chapter on separation"),
    Expectation("gained", "plain", 1, "", "a layer that adds nothing would not be needed"),
    Expectation("gained", "mixed-none", 1, "", "what training does: the chapter on separation"),
    Expectation("gained", "mixed-regulated", 1, "", "a layer that adds nothing would not be needed"),
)

DIRECTIONS = {**outcomes.DIRECTIONS, 0: f"not higher by more than {ACCEPTED:.0f} point"}
"""The shared words are for scores; of an error, less is better."""


def with_forms(results: pd.DataFrame) -> pd.DataFrame:
    """Add the column `form`, of :data:`FORMS`: what is shared, whether it is narrower than the others, or pruned."""
    base = results["model"].str.partition(":")
    shared = base[0].str.removeprefix("anchored-resnet18").str.removeprefix("-").replace("", "plain")
    width = base[2].astype(int)
    narrow = width < width.groupby(results["dataset"]).transform("max")
    pruned = results["variant"].str.replace("anchored-resnet18-", "").str.replace("anchored-resnet18", "plain")
    is_pruned = results["variant"].ne("tuned")
    return results.assign(form=shared + narrow.map({True: "-narrow", False: ""}) + ("-" + pruned).where(is_pruned, ""))


def order(forms: Iterable[str]) -> list[str]:
    """Return forms in the order of the page."""
    found = set(forms)
    return [form for form in FORMS if form in found]


def by_network(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured of each network.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `form` and `seed`: `error` and `batch_error` in percent, the latter with the statistics of
        test images; `parameters`; `file_bytes`; `lost`, accuracy lost where half of the weights are pruned; `gained`, SI(5)
        of the features minus that of the first layer.
    """
    key = ["dataset", "form", "seed"]
    rows = with_forms(results).set_index(key)
    logits = rows[rows["layer"].eq("logits")]
    plain = logits[logits["stress"].eq("none")]
    of_images = plain[plain["metric"].eq("accuracy")]
    pruned = logits[logits["stress"].eq(PRUNED)]
    depth = rows[rows["metric"].eq(SEPARATION)]
    return pd.DataFrame(
        {
            "error": 100 - of_images["score"],
            "batch_error": 100 - plain.loc[plain["metric"].eq(BATCH_STATISTICS), "score"],
            "parameters": of_images["bytes"] / 4,
            "file_bytes": of_images["file_bytes"],
            "lost": pruned.loc[pruned["level"].eq(0), "score"] - pruned.loc[pruned["level"].eq(50), "score"],
            "gained": depth.loc[depth["layer"].eq(LAYER), "score"] - depth.loc[depth["layer"].eq("first"), "score"],
        }
    )


def of_dataset(results: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Return :func:`by_network` of one data set, indexed by `form` and `seed`."""
    return by_network(results).xs(dataset, level="dataset")  # type: ignore[return-value]


def paired(table: pd.Series, form: str, than: str) -> pd.Series:
    """Return the differences of two forms on one data set, by seed; without a second form, the values of the first.

    Parameters
    ----------
    table : pandas.Series
        Indexed by `form` and `seed`.
    form, than : str
    """
    known = table.index.get_level_values("form")
    if form not in known or (than and than not in known):
        return pd.Series(dtype=float)
    first = table.xs(form, level="form")
    return (first - table.xs(than, level="form") if than else first).dropna()


def outcome(sign: int, low: float, high: float) -> str:
    """Judge the interval of an error by what was expected: :func:`stressbook.drawing.outcomes.outcome`, mirrored.

    Parameters
    ----------
    sign : {-1, 0, 1}
    low, high : float

    Returns
    -------
    str
        For 0, as expected where the whole interval lies below :data:`~stressbook.drawing.outcomes.ACCEPTED`.

    Examples
    --------
    >>> from stressbook.chapters.weights.shared_kernels.effects import outcome
    >>> outcome(0, -1, 0.5), outcome(0, 1.5, 2), outcome(1, -1, 3)
    ('as expected', '**the other way**', 'undecided')
    """
    return outcomes.outcome(-sign, -high, -low)


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Judge every expectation on every data set.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each expectation and data set: `place` of the expectation, `dataset`, `mean`, `low`, `high` of the paired
        differences in points, `count` of pairs, and `outcome`.
    """
    networks = by_network(results)
    rows = []
    for place, expected in enumerate(EXPECTED):
        for dataset in networks.index.unique("dataset"):
            differences = paired(networks.loc[dataset][expected.measure].dropna(), expected.form, expected.than)
            if differences.empty:
                continue
            mean, low, high = interval(differences)
            cells = {"place": place, "dataset": dataset, "mean": mean, "low": low, "high": high, "count": len(differences)}
            rows.append({**cells, "outcome": outcome(expected.sign, low, high)})
    return pd.DataFrame(rows, columns=["place", "dataset", "mean", "low", "high", "count", "outcome"])


def verdicts(results: pd.DataFrame, measure: str) -> str:
    """Say what became of the expectations about one measure, as a Markdown list."""
    found = judged(results)
    lines = []
    for place, expected in enumerate(EXPECTED):
        rows = found[found["place"] == place]
        if expected.measure != measure or rows.empty:
            continue
        said = "; ".join(
            f"{name(row['dataset'])} {spread(row['mean'], row['low'], row['high'])} {row['outcome']}"
            for row in rows.to_dict("records")
        )
        sentence = _sentence(expected)
        lines.append(f"- {sentence[0].upper()}{sentence[1:]} ({expected.said}): {said}.")
    return "\n".join(lines)


def not_reproduced(results: pd.DataFrame) -> str:
    """List the expectations that were not met, as Markdown; one training of each network meets and misses none."""
    found = judged(results)
    several = found[found["count"] > 1]
    lines = []
    for row in several[several["outcome"].ne(AS_EXPECTED)].to_dict("records"):
        expected = EXPECTED[row["place"]]
        points = difference(row["mean"], row["low"], row["high"])
        measured = points if expected.than else points.removeprefix("a difference of ")
        lines.append(f"- {name(row['dataset'])}: {_sentence(expected)}. It was {measured}: {row['outcome']}.")
    if several.empty:
        return "- One training of each network leaves everything undecided."
    return "\n".join(lines) or "- Nothing: every direction was as expected."


def difference(mean: float, low: float, high: float) -> str:
    """Write a mean difference in points and its interval.

    Examples
    --------
    >>> from stressbook.chapters.weights.shared_kernels.effects import difference
    >>> difference(-2.04, -3.0, -1.1)
    'a difference of -2.0 points (-3.0 to -1.1)'
    """
    points, _, bracket = spread(mean, low, high).partition(" ")
    return f"a difference of {points} points {bracket}"


def _sentence(expected: Expectation) -> str:
    than = f"than of *{FORMS[expected.than]}*" if expected.than else "than 0"
    return f"{MEASURES[expected.measure]} of *{FORMS[expected.form]}* {DIRECTIONS[expected.sign]} {than}"


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured, a row for each data set and form: means over trainings, under the headings of the page."""
    networks = by_network(results)
    rates = chosen_rates(results)
    rows = {}
    for dataset in networks.index.unique("dataset"):
        part = networks.loc[dataset]
        for form in order(part.index.unique("form")):
            row = means_of(part)[form]
            rows[name(str(dataset)), FORMS[form]] = {
                "weights": f"{row['parameters']:,.0f}",
                "bytes of the file": f"{row['file_bytes']:,.0f}",
                "error": f"{row['error']:.1f}",
                "with the test images' statistics": f"{row['batch_error']:.1f}",
                "rate": f"{rates[dataset, form]:g}" if (dataset, form) in rates else "",
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["data", "network"])


PRIVATE = "**private norms are better**"


def _norm_verdict(mean: float, low: float, high: float) -> str:
    if pd.isna(low):
        return "undecided by one training each"
    return PRIVATE if low > 0 else "**a shared norm is better**" if high < 0 else "undecided"


def norms(results: pd.DataFrame) -> str:
    """Say what a normalisation that all uses of a kernel share does, as a Markdown list."""
    networks = by_network(results)
    lines = []
    for dataset in networks.index.unique("dataset"):
        part = networks.loc[dataset]
        if not {"plain", "shared-norm"} <= set(part.index.unique("form")):
            continue
        means = means_of(part)
        shared, private = means["shared-norm"], means["plain"]
        kept = interval(paired(part["error"], "shared-norm", "plain"))
        fresh = interval(paired(part["batch_error"], "shared-norm", "plain"))
        called = [_norm_verdict(*found) for found in (kept, fresh)]
        lines.append(
            f"- {name(str(dataset))}, as trained: error {shared['error']:.1f}% with a shared norm, {private['error']:.1f}% "
            f"with private ones, {difference(*kept)}: {called[0]}."
        )
        lines.append(
            f"- {name(str(dataset))}, with the mean and deviation of the test images in each use: "
            f"{shared['batch_error']:.1f}% and {private['batch_error']:.1f}%, {difference(*fresh)}: {called[1]}."
        )
        if called[0] == PRIVATE != called[1]:
            lines.append(
                "- So what has to be private is the **mean and deviation** that a norm keeps from training, one for each "
                "use. That uses share a scale and a shift costs nothing that could be seen here."
            )
    return "\n".join(lines)


def means_of(part: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return means over trainings, by form and column, of a table that is indexed by both `form` and `seed`."""
    means: dict[Any, Any] = part.groupby("form").mean().to_dict("index")
    return {form: {str(column): float(value) for column, value in means[form].items()} for form in order(means)}


def chosen_rates(results: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return the learning rate that each form was trained with, by data set and form."""
    rows = with_forms(results)
    rows = rows[rows["stress"].eq(RATE)]
    best = rows.loc[rows.groupby(["dataset", "form"])["score"].idxmax()]
    return {(row["dataset"], row["form"]): row["level"] for row in best.to_dict("records")}


def at_the_edge(results: pd.DataFrame) -> str:
    """Say for how many forms the best learning rate is the lowest or the highest that was tried, as a sentence."""
    rates = chosen_rates(results)
    tried = results.loc[results["stress"].eq(RATE), "level"]
    least, most = tried.min(), tried.max()
    edges = {edge: sum(rate == value for rate in rates.values()) for edge, value in (("lowest", least), ("highest", most))}
    return (
        f"Of {len(rates)} choices {edges['lowest']} fell on the lowest rate tried ({least:g}) and {edges['highest']} on the "
        f"highest ({most:g})."
    )
