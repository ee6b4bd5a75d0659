"""Effects: what was expected of signatures before anybody of the test was verified, and what became of it.

From the table of `measure` to the sentences and the tables of the page.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from stressbook.chapters.people.signatures.names import (
    CHANCE,
    CHANGE,
    DIFFERENCE,
    EER,
    FEWER,
    FORGERIES,
    HEADLINE_VALUES,
    INK,
    KEPT,
    LEARNED,
    LINKED,
    TRAINING,
    UNTAKEN,
    VALIDATION,
    kind_of,
)
from stressbook.drawing.outcomes import AS_EXPECTED, DIRECTIONS, outcome, spread

KINDS = {
    "pixels": "pixels",
    "oriented-gradients": "oriented gradients",
    "efficientnet-lite0": "ImageNet network",
    "untrained": "untrained network",
    LEARNED: "learned from writers",
    FORGERIES: "learned, with forgeries",
}
"""What the kinds of features are called."""

SETS = {"sigcomp2011": "signatures", "digits": "digits in the place of writers"}
"""What the people are called."""

RISE = 0.1
"""Share of itself by which an equal error rate may rise before a template counts as too small."""


@dataclass(frozen=True)
class Expectation:
    """What was expected before a signature of the test people was scored.

    Attributes
    ----------
    metric : str
        Of the paired difference, in the column `metric`.
    kind : str
        Whose row it is.
    variant : str
        Or empty.
    what : str
        What is compared, in words.
    sign : {-1, 0, 1}
        It is lower, is not lower by more than one point, or is higher.
    said : str
        Whose words these are, or why we expect it.
    """

    metric: str
    kind: str
    variant: str
    what: str
    sign: int
    said: str


EXPECTED = (
    *(
        Expectation(DIFFERENCE, kind, "", f"equal error rate of features that were learned, against {KINDS[kind]}", -1, said)
        for kind, said in (
            ("pixels", "the authors' claim: features that other people taught serve new ones"),
            ("oriented-gradients", "the same; the authors compare with features made by hand"),
            ("efficientnet-lite0", "our guess: signatures are no photographs"),
            ("untrained", "it is learning that counts, and not the architecture"),
        )
    ),
    Expectation(
        DIFFERENCE,
        FORGERIES,
        "",
        "equal error rate of features that were learned, against those that saw forgeries",
        1,
        "what the authors' second loss is for",
    ),
    Expectation(
        FEWER,
        LEARNED,
        "references=10",
        "equal error rate with ten references, against five",
        -1,
        "a machine that has seen more of a person knows more",
    ),
    Expectation(
        KEPT,
        LEARNED,
        "",
        "right decisions at equal errors under 98.4% of compression, in percent of themselves",
        0,
        "the paper",
    ),
    Expectation(
        LINKED,
        LEARNED,
        "",
        "people joined between two databases of 8 bytes a signature, against chance",
        1,
        "our guess: what verifies a person also finds them",
    ),
)


def shown(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of signatures, where there are some; else those of digits."""
    real = results[results["dataset"].eq("sigcomp2011")]
    return results if real.empty else real


def people_shown(results: pd.DataFrame) -> str:
    """Return what the people that :func:`shown` returns are called."""
    return SETS[str(shown(results)["dataset"].iloc[0])]


def of_kind(rows: pd.DataFrame, metric: str, kind: str, variant: str = "") -> pd.DataFrame:
    """Return the rows of a metric and a kind of features, not of single trainings."""
    there = rows["metric"].eq(metric) & rows["model"].fillna("").map(kind_of).eq(kind) & rows["seed"].isna()
    named = rows["variant"].fillna("") if "variant" in rows else pd.Series("", rows.index)
    return rows[there & named.eq(variant)]


def compared(rows: pd.DataFrame, expected: Expectation) -> tuple[float, float, float] | None:
    """Return what an expectation is about, with its interval; None where it was not measured."""
    found = of_kind(rows, expected.metric, expected.kind, expected.variant)
    below = 0.0
    if expected.metric == LINKED:
        found = found[found["bytes"].eq(8)]
        below = float(of_kind(rows, CHANCE, LEARNED)["score"].iloc[0]) if len(found) else 0.0
    if found.empty:
        return None
    mean, low, high = (float(found[name].iloc[0]) - below for name in ("score", "score_low", "score_high"))
    return mean, low, high


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Judge every expectation that was measured.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each: `place` of the expectation, `mean`, `low`, `high` and `outcome`.
    """
    rows = []
    for place, expected in enumerate(EXPECTED):
        found = compared(shown(results), expected)
        if found is not None:
            mean, low, high = found
            end = {"mean": mean, "low": low, "high": high, "outcome": outcome(expected.sign, low, high)}
            rows.append({"place": place, **end})
    return pd.DataFrame(rows, columns=["place", "mean", "low", "high", "outcome"])


def verdicts(results: pd.DataFrame) -> str:
    """Say what became of each expectation, as a Markdown list."""
    lines = []
    for row in judged(results).to_dict("records"):
        expected = EXPECTED[row["place"]]
        what = expected.what[0].upper() + expected.what[1:]
        found = spread(row["mean"], row["low"], row["high"])
        lines.append(f"- {what}: {DIRECTIONS[expected.sign]} ({expected.said}): {found}, {row['outcome']}.")
    return "\n".join(lines)


def not_reproduced(results: pd.DataFrame) -> str:
    """List the expectations that were not met, as Markdown."""
    lines = [
        f"- {EXPECTED[row['place']].what[0].upper()}{EXPECTED[row['place']].what[1:]} was to be "
        f"{DIRECTIONS[EXPECTED[row['place']].sign]}. The difference is {spread(row['mean'], row['low'], row['high'])}: "
        f"{row['outcome']}."
        for row in judged(results).to_dict("records")
        if row["outcome"] != AS_EXPECTED
    ]
    return "\n".join(lines) or "- Nothing: every direction was as expected."


def table(results: pd.DataFrame, columns: dict[str, str], variant: str = "") -> pd.DataFrame:
    """Return some metrics of each kind of features, to one decimal.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    columns : dict of str to str
        Metrics, and what they are called.
    variant : str, default=""

    Returns
    -------
    pandas.DataFrame
    """
    rows, found = shown(results), {}
    for kind, name in KINDS.items():
        scores = {
            called: of_kind(rows[rows["stress"].eq("none")], metric, kind, variant)["score"]
            for metric, called in columns.items()
        }
        if any(len(one) for one in scores.values()):
            found[name] = {called: float(one.iloc[0]) if len(one) else float("nan") for called, one in scores.items()}
    return pd.DataFrame.from_dict(found, orient="index", columns=list(columns.values())).rename_axis("features").round(1)


def sizes(results: pd.DataFrame) -> pd.DataFrame:
    """Return the equal error rate of learned features by stress and bytes, whole ones among them.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        Columns `stress`, `spec`, `bytes`, `score`, `score_low` and `score_high`, the fewest bytes first; without the paper's
        headline, which has another dictionary.
    """
    rows = of_kind(shown(results), EER, LEARNED)
    rows = rows[rows["values"].ne(HEADLINE_VALUES).fillna(True)]
    return rows[["stress", "spec", "bytes", "score", "score_low", "score_high"]].sort_values("bytes", kind="stable")


def smallest_sizes(results: pd.DataFrame) -> dict[str, float]:
    """Return for each kind of stress the fewest bytes from which on the equal error rate is within `RISE` of the whole one.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    dict of str to float
        By the name of the stress; NaN where no size is within.
    """
    rows = sizes(results)
    whole = float(rows.loc[rows["stress"].eq("none"), "score"].iloc[0])
    found = {}
    for name, curve in rows[rows["stress"].ne("none")].groupby("stress", sort=False):
        best = float("nan")
        for size, score in curve[["bytes", "score"]].iloc[::-1].itertuples(index=False):
            if score > (1 + RISE) * whole:
                break
            best = float(size)
        found[str(name)] = best
    return found


def changes(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each stress changes of the equal error rate, with its interval, as a table for the page."""
    rows = of_kind(shown(results), CHANGE, LEARNED).sort_values(["stress", "bytes"], kind="stable")
    said = [spread(row["score"], row["score_low"], row["score_high"]) for row in rows.to_dict("records")]
    named = rows["spec"].astype(object).set_axis(range(len(rows)))
    return pd.DataFrame({"stress": named, "bytes": rows["bytes"].to_numpy(), "change of the EER": said}).set_index("stress")


def ways(results: pd.DataFrame) -> pd.DataFrame:
    """Return the equal error rate of each kind of features as the page has it, and with each choice made the other way.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
    """
    named = {"": "as above", "linear": "linear machine", "references=10": "ten references", "faithful": "authors' pictures"}
    found = [table(results, {EER: name}, variant) for variant, name in named.items()]
    return pd.concat([one for one in found if len(one)], axis=1)


def other_ways(results: pd.DataFrame) -> str:
    """Say what the authors' normalisation changes, as Markdown."""
    rows = shown(results)
    ink = rows[rows["metric"].eq(INK)]
    if ink.empty:
        return "The authors' normalisation was not measured in this run."
    refused, said = float(rows.loc[rows["metric"].eq(UNTAKEN), "score"].iloc[0]), []
    for kind, name in KINDS.items():
        for row in of_kind(rows, CHANGE, kind, "faithful").to_dict("records"):
            found = spread(row["score"], row["score_low"], row["score_high"])
            said.append(f"of {name} by {found}, {outcome(1, row['score_low'], row['score_high'])}")
    return (
        f"The authors' normalisation refuses {refused:.1f}% of the signatures, which are then taken our way, and loses "
        f"{float(ink['score'].iloc[0]):.1f}% of the ink of the others, in the mean. It changes the equal "
        f"error rate {'; '.join(said)} (expected: higher)."
    )


def learned(results: pd.DataFrame) -> str:
    """Say how many of the signatures that networks learned from they know at the end of their training."""
    rows = shown(results)
    known = rows[rows["metric"].eq(TRAINING)].groupby("model", sort=False)["score"].mean()
    said = [f"{score:.1f}% ({KINDS[kind_of(str(model))]})" for model, score in known.items()]
    return f"In their last epoch, networks know the writer of {' and '.join(said)} of what they learn from."


def choices(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what each kind of features scored on people who were held out, by form and width of the machine.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    dict of str to pandas.DataFrame
        One table, with a row for each kind and form, under its name; none where nobody was held out.
    """
    rows = results[results["metric"].eq(VALIDATION)]
    if rows.empty:
        return {}
    parts = rows["variant"].str.rpartition("gamma=")
    long = pd.DataFrame(
        {
            "features": rows["model"].map(kind_of).map(KINDS),
            "form": parts[0].str.removeprefix("form=").str.removesuffix(", "),
            "gamma": "gamma " + parts[2],
            "score": rows["score"],
        }
    )
    wide = long.pivot_table(index=["features", "form"], columns="gamma", values="score", sort=False)
    return {"Equal error rate of people who were held out": wide.round(1).rename_axis(columns=None)}
