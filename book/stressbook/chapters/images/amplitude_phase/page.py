"""Amplitude and phase: the chapter's first figure, its headline, what did not reproduce, and the published figures.

Draws and says what `effects` computes; the chapter's other pictures are in `by_kind`, `compressibility` and `pictures`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.amplitude_phase.effects import (
    BASELINE,
    EXPECTED,
    MEASURES,
    RECIPES,
    RECOMBINING,
    by_network,
    corruption_rows,
    is_extra,
    judged,
    name,
    order,
)
from stressbook.drawing import style
from stressbook.drawing.outcomes import AS_EXPECTED, DIRECTIONS, spread

COLOURS = {
    "twice": "#6F6F6F",
    "operations": "#C98A00",
    "apr-p": "#1B8A8F",
    "apr-s": "#7B3FA0",
    "apr-sp": "#111111",
}
"""Colour of each way of training."""

PUBLISHED = {"twice": 80.6, "apr-p": 69.3, "apr-s": 70.5, "apr-sp": 65.0}
"""What the authors publish for ResNet-50 on ImageNet-C: mCE in percent. Their baseline shows each image once."""


def dataset_drawn(results: pd.DataFrame) -> str:
    """Return the data set that the figures are about: CIFAR-10 where it was measured."""
    there = by_network(results).index.unique("dataset")
    return "cifar10" if "cifar10" in there else str(there[0])


def corrupted_kinds(results: pd.DataFrame, extra: bool = False) -> list[str]:
    """Return the corruptions that count, or the extra ones, of the data set that is drawn."""
    rows = corruption_rows(results)
    kinds = rows.loc[rows["dataset"].eq(dataset_drawn(results)), "stress"].unique()
    return [str(kind) for kind in kinds if is_extra(str(kind)) == extra]


def by_severity(results: pd.DataFrame) -> pd.DataFrame:
    """Return the mean error over the corruptions that count, of the data set that is drawn.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Indexed by `variant` and `seed`, a column for each severity; 0 is the error on all clean test images.
    """
    dataset = dataset_drawn(results)
    rows = corruption_rows(results)
    rows = rows[rows["dataset"].eq(dataset) & rows["metric"].eq("accuracy") & ~rows["stress"].map(is_extra)]
    wide = rows.pivot_table(index=["variant", "seed"], columns="level", values="error")
    clean = 100 - by_network(results).loc[dataset]["clean"]
    return pd.concat([clean.rename(0.0), wide], axis=1)


def plot(results: pd.DataFrame) -> Figure:
    """Draw the error over corruptions of each training on the left, and by severity on the right.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    networks = by_network(results).loc[dataset_drawn(results)]
    severities = by_severity(results)
    recipes = order(networks.index.unique("variant"))
    figure, (left, right) = style.page_wide(2, height=3.1, sharex=False, sharey=False, width_ratios=[1.15, 1])
    for place, recipe in enumerate(recipes):
        rows, colour = networks.loc[recipe], COLOURS[recipe]
        left.plot(100 - rows["clean"], [place] * len(rows), "o", color=colour, markersize=4.5, markerfacecolor="white")
        left.plot(rows["corrupted"], [place] * len(rows), "o", color=colour, markersize=5.5, alpha=0.75, markeredgewidth=0)
        left.plot([rows["corrupted"].mean()] * 2, [place - 0.3, place + 0.3], color=colour, linewidth=2)
        mean = pd.DataFrame(severities.loc[recipe]).mean()
        right.plot(mean.index, mean, color=colour, **style.OURS)
    left.set_yticks(range(len(recipes)), [RECIPES[recipe] for recipe in recipes], fontsize=style.SMALL)
    for label, recipe in zip(left.get_yticklabels(), recipes, strict=True):
        label.set(color=COLOURS[recipe], fontweight="bold")
    left.set_ylim(len(recipes) - 0.5, -0.5)
    left.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    left.grid(visible=False, axis="y")
    right.set_xticks(list(severities.columns), ["none", *(f"{level:.0f}" for level in severities.columns[1:])])
    left.set_xlabel("error (%)", fontsize=style.SMALL)
    right.set_xlabel("severity", fontsize=style.SMALL)
    left.set_title("○ clean   ● corrupted", fontsize=style.SMALL)
    right.set_title("mean error (%)", fontsize=style.SMALL)
    for ax in (left, right):
        ax.tick_params(labelsize=style.SMALL)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    kinds, networks = corrupted_kinds(results), by_network(results).loc[dataset_drawn(results)]
    trainings = networks.index.unique("seed").size
    several = f"{trainings} trainings" if trainings > 1 else "one training"
    return (
        f"{name(dataset_drawn(results))}: the error over {len(kinds)} corruptions, by way of training and by severity. "
        f"Left: a filled point is one of {several}, the bar their mean, an open point the same network on clean images. "
        "Right: means, in the same colours."
    )


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    dataset, found = dataset_drawn(results), judged(results)
    found = found[found["dataset"] == dataset].set_index(["place", "recipe"])
    rows: dict[str, Any] = {recipe: found.loc[(0, recipe)] for recipe in RECOMBINING if (0, recipe) in found.index}
    fewer = [recipe for recipe, row in rows.items() if row["outcome"] == AS_EXPECTED]
    corrupted = by_network(results).loc[dataset].groupby("variant")["corrupted"].mean()
    best = min(rows, key=lambda recipe: float(corrupted[recipe]))
    if len(fewer) == len(rows):
        answer = "Yes, against corruptions" if len(rows) > 1 else f"{RECIPES[best]} makes it more robust"
    elif fewer:
        answer = f"{_listed(fewer)} does, of {_listed(list(rows))}"
    else:
        answer = "Undecided"
    clean: list[Any] = [found.loc[(1, recipe)] for recipe in rows]
    worst = min(clean, key=lambda row: row["mean"])
    kinds = len(corrupted_kinds(results))
    said = (
        f"**{answer}.** On {name(dataset)}, {RECIPES[best]} brings the mean error over {kinds} corruptions from "
        f"{corrupted[BASELINE]:.1f}% to **{corrupted[best]:.1f}%**, by "
        f"{_points(rows[best])}, at equal cost. Clean accuracy changes by {min(row['mean'] for row in clean):+.1f} to "
        f"{max(row['mean'] for row in clean):+.1f} points"
    )
    if len(clean) == 1:
        said = f"{said.rpartition('changes by')[0]}changes by {_points(worst)}"
    if (4, "apr-s") in found.index:
        row: Any = found.loc[(4, "apr-s")]
        said += (
            f". Against its random operations alone, which are near to some corruptions, recombination adds {_points(row)}"
            f"{'' if row['outcome'] == AS_EXPECTED else ': ' + row['outcome']}"
        )
    return f"{said}."


def _points(row: Any) -> str:
    mean, _, bracket = spread(row["mean"], row["low"], row["high"]).partition(" ")
    return f"{mean} points {bracket}"


def _listed(recipes: list[str]) -> str:
    *first, last = [RECIPES[recipe] for recipe in recipes]
    return f"{', '.join(first)} and {last}" if first else last


def alt_text(results: pd.DataFrame) -> str:
    """Describe the first figure in words, from its data."""
    means = by_network(results).loc[dataset_drawn(results)].groupby("variant").mean()
    said = ", ".join(f"{RECIPES[recipe]} {means['corrupted'][recipe]:.1f}%" for recipe in order(means.index))
    curves = by_severity(results).groupby("variant").mean()
    first, last = curves.columns[0], curves.columns[-1]
    grown = ", ".join(
        f"{RECIPES[recipe]} from {curves[first][recipe]:.1f}% to {curves[last][recipe]:.1f}%"
        for recipe in order(curves.index)
    )
    return (
        f"Errors of networks on {name(dataset_drawn(results))}. Mean over corruptions: {said}. From clean images to the "
        f"last severity: {grown}."
    )


def not_reproduced(results: pd.DataFrame) -> str:
    """List the expectations that were not met, as Markdown."""
    lines = [
        f"- {name(row['dataset'])}, {RECIPES[row['recipe']]}: {MEASURES[row['measure']]} was to be "
        f"{DIRECTIONS[EXPECTED[row['place']].sign]} than with {RECIPES[row['than']]}. It changes by {_points(row)}: "
        f"{row['outcome']}."
        for row in judged(results).to_dict("records")
        if row["outcome"] != AS_EXPECTED
    ]
    return "\n".join(lines) or "- Nothing: every direction was as expected."


def published(results: pd.DataFrame) -> pd.DataFrame:
    """Return the authors' figures beside ours, which are of other data, networks and measures: compare directions alone."""
    columns = {"theirs, ImageNet-C (mCE)": pd.Series(PUBLISHED)}
    networks = by_network(results)
    for dataset in networks.index.unique("dataset"):
        means = networks.loc[dataset].groupby("variant")["corrupted"].mean()
        columns[f"ours, {name(dataset)} (error)"] = means
    both = pd.DataFrame(columns).loc[lambda rows: order(rows.index)]
    return both.rename(index=RECIPES).round(1)


def published_verdict(results: pd.DataFrame) -> str:
    """Say whether the directions are the authors', as a sentence."""
    networks = by_network(results)
    lines = []
    for dataset in networks.index.unique("dataset"):
        ours = networks.loc[dataset].groupby("variant")["corrupted"].mean()
        both = [recipe for recipe in RECOMBINING if recipe in ours.index]
        same = [recipe for recipe in both if (ours[recipe] < ours[BASELINE]) == (PUBLISHED[recipe] < PUBLISHED[BASELINE])]
        ranked, published_order = sorted(both, key=ours.get), sorted(both, key=PUBLISHED.get)  # type: ignore[arg-type]
        in_order = "in the same order" if ranked == published_order else f"the best is {RECIPES[ranked[0]]}"
        lines.append(
            f"{name(dataset)}: {len(same)} of {len(both)} change in the authors' direction"
            + (f", {in_order}" if len(both) > 1 else "")
        )
    return "; ".join(lines) + "."
