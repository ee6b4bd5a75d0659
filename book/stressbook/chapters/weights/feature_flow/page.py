"""Feature flow: the chapter's first figure and its headline: what is left of the accuracy when filters go.

Draws and says what `scores` and `effects` compute; the chapter's other pictures are in `layers` and `features`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.weights.feature_flow.choice import chosen
from stressbook.chapters.weights.feature_flow.effects import judged
from stressbook.chapters.weights.feature_flow.scores import (
    COMPARED,
    METHODS,
    network_name,
    networks,
    of_network,
    order,
    pruning_curve,
    usual,
)
from stressbook.drawing import style
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE, spread

COLOURS = {"plain": "#6F6F6F", "slimming": "#C98A00", "flow": "#1B8A8F"}
"""Colour of each way of training."""

CHANCE = 10.0
"""Percent that guessing one of ten classes gets."""


def networks_drawn(results: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the networks that the figures are about: those of CIFAR-10 where they were measured."""
    there = networks(usual(results))
    return [one for one in there if one[0] == "cifar10"] or there


def curves(results: pd.DataFrame, dataset: str, model: str) -> dict[str, pd.DataFrame]:
    """Return the accuracy by percent of filters pruned, by each method's own rule.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    dataset, model : str

    Returns
    -------
    dict of str to pandas.DataFrame
        By method: a row for each percent, a column for each training.
    """
    best = chosen(results)
    best = best[best["dataset"].eq(dataset) & best["model"].eq(model) & best["method"].isin(COMPARED)]
    best = best[best["epochs"].eq(best["epochs"].min())].set_index("method")
    rows = results[results["dataset"].eq(dataset) & results["model"].eq(model) & results["layer"].ne("features")]
    found = {}
    for method in order(best.index):
        variant, rule = (str(best.loc[method, column]) for column in ("variant", "rule"))
        of_method = rows[rows["variant"].eq(variant)].groupby("seed")
        several = {seed: pruning_curve(part, rule)["accuracy"] for seed, part in of_method}
        found[method] = pd.DataFrame(several)
    return found


def plot(results: pd.DataFrame) -> Figure:
    """Draw the accuracy over the percent of filters pruned, a panel a network: a thin line a training, a thick one the mean.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = networks_drawn(results)
    figure, axes = style.page_wide(len(drawn), height=3.0)
    for ax, (dataset, model) in zip(axes, drawn, strict=True):
        for method, table in curves(results, dataset, model).items():
            ax.plot(table.index, table, color=COLOURS[method], linewidth=0.8, alpha=0.55)
            ax.plot(table.index, table.mean(axis=1), color=COLOURS[method], label=METHODS[method], **style.OURS)
        ax.axhline(CHANCE, color="#888888", linewidth=0.8, linestyle=":", zorder=0)
        ax.set_xlabel("filters pruned (%)", fontsize=style.SMALL)
        ax.tick_params(labelsize=style.SMALL)
    for ax in style.first_row(axes)[:1]:
        ax.set_ylabel("test accuracy (%)", fontsize=style.SMALL)
    style.add_titles_and_legend(figure, axes, [network_name(*one) for one in drawn], columns=3)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    trainings = usual(results).index.get_level_values("seed").nunique()
    several = f"one of {trainings} trainings, a thick one their mean" if trainings > 1 else "one training"
    return (
        f"Accuracy when filters are taken away and nothing is trained again. A thin line is {several}; each way of training "
        "has the strength, and the rule by which filters go, that did best on validation images. Dotted: guessing."
    )


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    found, trainings = judged(results), usual(results)
    drawn = networks_drawn(results)
    rows = {
        (row["place"], row["dataset"], row["model"]): row
        for row in found.to_dict("records")
        if (row["dataset"], row["model"]) in drawn
    }
    outcomes = [rows[4, *one]["outcome"] for one in drawn if (4, *one) in rows]
    won, lost = outcomes.count(AS_EXPECTED), outcomes.count(OPPOSITE)
    if outcomes and won == len(outcomes):
        answer = "Yes, pruning hurts less"
    elif outcomes and lost == len(outcomes):
        answer = "No, pruning hurts more"
    elif won or lost:
        answer = f"Pruning hurts less on {won}, more on {lost} of {len(outcomes)} networks"
    else:
        answer = "Undecided by these trainings"
    said = []
    for one in drawn:
        means = of_network(trainings, *one)["pruned"].groupby("method").mean().to_dict()
        if "flow" not in means or (4, *one) not in rows:
            continue
        against = [f"{_points(rows[4, *one])} against weight decay"]
        if (5, *one) in rows:
            against.append(f"{_points(rows[5, *one])} against slimming")
        cost = f"; clean accuracy changes by {_points(rows[3, *one])}" if (3, *one) in rows else ""
        said.append(
            f"{network_name(*one)} keeps **{means['flow']:.1f}%** in the mean over four shares of filters "
            f"pruned, {' and '.join(against)}{cost}"
        )
    whole = f"**{answer}.** With feature flow, {'. '.join(said)}." if said else f"**{answer}.**"
    return f"{whole}{_slimming(found, trainings)}"


def _slimming(found: pd.DataFrame, trainings: pd.DataFrame) -> str:
    """Say on how many of all networks slimming keeps more or less than feature flow, and what it costs."""
    against = found[found["place"].eq(5)]
    if against.empty:
        return ""
    more, less = (int(against["outcome"].eq(outcome).sum()) for outcome in (OPPOSITE, AS_EXPECTED))
    costs = []
    for dataset, model in networks(trainings):
        clean = of_network(trainings, dataset, model)["clean"].groupby("method").mean().to_dict()
        if {"slimming", "plain"} <= clean.keys():
            costs.append(clean["slimming"] - clean["plain"])
    return (
        f" Slimming keeps more than feature flow on **{more}** of {len(against)} networks and less on {less}, beyond the "
        f"scatter of trainings; against weight decay it changes clean accuracy by {min(costs):+.1f} to "
        f"{max(costs):+.1f} points."
    )


def _points(row: Any) -> str:
    mean, _, bracket = spread(row["mean"], row["low"], row["high"]).partition(" ")
    return f"{mean} points {bracket}"


def alt_text(results: pd.DataFrame) -> str:
    """Describe the first figure in words, from its data."""
    parts = []
    for dataset, model in networks_drawn(results):
        lines = []
        for method, table in curves(results, dataset, model).items():
            means = table.mean(axis=1)
            places = [level for level in (0, 30, 50, 70, 90) if level in means.index]
            lines.append(f"{METHODS[method]} {', '.join(f'{means[place]:.1f}% at {place}%' for place in places)}")
        parts.append(f"{network_name(dataset, model)}: {'; '.join(lines)}")
    return f"Accuracy against the percent of filters pruned. {'. '.join(parts)}."
