"""Others: what each choice made the other way does: strengths, rules of pruning, the form of the regulariser, time.

From the table of `measure` to the tables and sentences beside the chapter's main result.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from stressbook.chapters.weights.feature_flow.choice import chosen, validated
from stressbook.chapters.weights.feature_flow.effects import paired
from stressbook.chapters.weights.feature_flow.names import ANGLE, PRUNED, RELATIVE, VALIDATION
from stressbook.chapters.weights.feature_flow.scores import (
    COMPARED,
    METHODS,
    by_training,
    network_name,
    networks,
    of_network,
    order,
    usual,
)
from stressbook.chapters.weights.feature_flow.trainings import FLOWS
from stressbook.drawing.outcomes import UNDECIDED, interval, spread

SHOWN = (30, 50, 70)
"""Percent of filters pruned at which rules are compared."""

FIXED = {"norm-layer": "weights, each layer", "folded-global": "both, all layers"}
"""Rules that all methods are pruned by, whatever did best on validation images."""


def choices(results: pd.DataFrame) -> pd.DataFrame:
    """Return the strength and the rule that did best on the validation images, by network and method."""
    best = chosen(results)
    rules = {
        "norm": "weights",
        "scale": "scale",
        "folded": "both",
        "layer": "of each layer",
        "global": "of all layers",
    }
    rows = {}
    for row in best.to_dict("records"):
        score, _, scope = row["rule"].partition("-")
        key = (network_name(row["dataset"], row["model"]), METHODS[row["method"]], row["epochs"])
        rows[key] = {
            "strength": f"{row['strength']:g}",
            "filters ranked by": rules[score],
            "share": rules[scope],
            "validation": round(row["score"], 1),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["network", "trained with", "epochs"])
    return table


def tried(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each strength scored on the validation images: whole, and in the mean over shares by its best rule."""
    rows = validated(results)
    rows = rows[rows["method"].isin(COMPARED)]
    rows = rows[rows["epochs"].eq(rows.groupby(["dataset", "model"])["epochs"].transform("min"))]
    whole = results[results["metric"].eq(VALIDATION) & results["stress"].eq("none")]
    clean = whole.set_index(["dataset", "model", "variant"])["score"].to_dict()
    best = rows.loc[rows.groupby(["dataset", "model", "variant"], sort=False)["score"].idxmax()]
    cells = {
        (network_name(row["dataset"], row["model"]), METHODS[row["method"]], f"{row['strength']:g}"): {
            "whole": clean[row["dataset"], row["model"], row["variant"]],
            "mean over shares": row["score"],
        }
        for row in best.to_dict("records")
    }
    table = pd.DataFrame.from_dict(cells, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(cells), names=["network", "trained with", "strength"])
    return table.round(1)


def edges(results: pd.DataFrame) -> str:
    """Say where the best strength is the least or the greatest that was tried, as a sentence; empty where it is neither."""
    tried = validated(results)
    key = ["dataset", "model", "method"]
    strengths = {group: sorted(set(rows)) for group, rows in tried.groupby(key)["strength"]}
    said = []
    for row in chosen(results).to_dict("records"):
        of_method = strengths[tuple(row[column] for column in key)]
        low, high = of_method[0], of_method[-1]
        if low < high and row["strength"] in (low, high) and row["method"] in COMPARED:
            which = "smallest" if row["strength"] == low else "largest"
            said.append(f"{METHODS[row['method']]} on {network_name(row['dataset'], row['model'])} ({which})")
    said = list(dict.fromkeys(said))
    if not said:
        return ""
    return f"A better strength may lie beyond those tried where the best is at their end: {', '.join(said)}."


def alternatives(results: pd.DataFrame) -> pd.DataFrame:
    """Compare each choice made the other way with feature flow as we read it.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each network and choice: means of some measures, and `mean`, `low` and `high` of the paired differences of
        the accuracy after pruning.
    """
    trainings = usual(results)
    rows: dict[tuple[str, str], dict[Any, float]] = {}
    for dataset, model in networks(trainings):
        part = of_network(trainings, dataset, model)
        means = part.groupby("method").mean()
        for method in order(means.index):
            if method not in FLOWS:
                continue
            shown = means.loc[method, ["clean", "pruned", RELATIVE, ANGLE, "dead folded"]].to_dict()
            mean, low, high = interval(paired(part, "pruned", method, "flow"))
            rows[network_name(dataset, model), METHODS[method]] = {**shown, "mean": mean, "low": low, "high": high}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["network", "choice"])
    return table


def alternatives_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`alternatives` to one decimal, under the headings of the page."""
    found = alternatives(results)
    names = {"pruned": "after pruning", ANGLE: "turn", "dead folded": "near dead", RELATIVE: "length / size"}
    return found.drop(columns=["mean", "low", "high"]).rename(columns=names).round(1)


def alternatives_verdicts(results: pd.DataFrame) -> str:
    """Say whether a choice made the other way changes the accuracy after pruning, as a Markdown list."""
    lines = []
    for row in alternatives(results).reset_index().to_dict("records"):
        network, choice = row["network"], row["choice"]
        if choice == METHODS["flow"]:
            continue
        verdict = "**better**" if row["low"] > 0 else "**worse**" if row["high"] < 0 else UNDECIDED
        lines.append(f"- {network}, {choice}: {spread(row['mean'], row['low'], row['high'])} points, {verdict}.")
    return "\n".join(lines) or "- Not measured in this run."


def rules(results: pd.DataFrame) -> pd.DataFrame:
    """Return accuracies after pruning by one rule for all, and where channels that shortcuts carry on may go, too.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each network, rule and percent of filters; a column for each of the compared methods.
    """
    best = chosen(results)
    best = best[best["method"].isin(COMPARED)]
    best = best[best["epochs"].eq(best.groupby(["dataset", "model"])["epochs"].transform("min"))]
    rows = results[results["metric"].eq("accuracy") & results["level"].isin(SHOWN)]
    rows = rows.merge(best[["dataset", "model", "variant", "method"]], on=["dataset", "model", "variant"])
    rule = rows["stress"].str.removeprefix(PRUNED)
    said = rule.map(FIXED).where(~rule.str.endswith("-all"), "own rule, every filter")
    named = [network_name(dataset, model) for dataset, model in zip(rows["dataset"], rows["model"], strict=True)]
    rows = rows.assign(network=named, rule=said, **{"% pruned": rows["level"].astype(int)}).dropna(subset="rule")
    wide = rows.pivot_table(index=["network", "rule", "% pruned"], columns="method", values="score")
    return wide[order(wide.columns)].rename(columns=METHODS).rename_axis(columns=None).round(1)


def long_verdict(results: pd.DataFrame) -> str:
    """Say whether filters died in longer trainings, or that there was none."""
    trainings = by_training(results)
    lines = []
    for dataset, model in networks(trainings):
        part = of_network(trainings, dataset, model)
        counts = sorted(set(part.index.get_level_values("epochs")))
        if len(counts) < 2:
            continue
        most, fewest = counts[-1], counts[0]
        long, short = part.xs(most, level="epochs"), part.xs(fewest, level="epochs")
        if "flow" not in long.index.get_level_values("method"):
            continue
        said = []
        means = [rows.groupby("method").mean() for rows in (long, short)]
        for method in order(means[0].index):
            after, before = (of_method.loc[method].to_dict() for of_method in means)
            said.append(
                f"{METHODS[method]} {after['dead folded']:.1f}% of the filters and {after['dead weights']:.1f}% of the "
                f"weights near dead (after {fewest} epochs {before['dead folded']:.1f}% and {before['dead weights']:.1f}%), "
                f"{after['clean']:.1f}% right, {after['pruned']:.1f}% after pruning"
            )
        dead = long["dead folded"].groupby("method").mean()
        more = dead["flow"] > dead.get("plain", 0.0)
        verdict = "**Filters died**" if more else "**No more filters died than without it**"
        lines.append(f"- {network_name(dataset, model)}, {most} epochs, one training each: {verdict}. {'; '.join(said)}.")
    return "\n".join(lines) or "- Not tested: no longer training was made."
