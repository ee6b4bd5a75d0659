"""Evolution: the chapter's first figure, its headline, and the published figures.

Draws and says what `effects` computes; the chapter's other pictures are in `alternatives`, `efficiency` and `prepaid`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.weights.evolution.effects import (
    MAGNITUDE,
    NONE,
    RANDOM,
    STRESSED,
    WAYS,
    by_generation,
    by_lineage,
    dataset_drawn,
    judged,
    name,
    not_reproduced,
    order,
    part,
    table,
    verdicts,
)
from stressbook.chapters.weights.evolution.lineages import FACTOR
from stressbook.chapters.weights.evolution.names import ACCURACY, RIGHT_AFTER, SYNAPSES
from stressbook.drawing import style
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE

__all__ = ["alt_text", "caption", "headline", "not_reproduced", "plot", "published", "table", "verdicts"]

COLOURS = {
    NONE: "#6F6F6F",
    "synthesis/sample": "#1B8A8F",
    "synthesis/uniform": "#5FA8AC",
    "synthesis/decay": "#C98A00",
    "synthesis/multiplicative": "#7B3FA0",
    MAGNITUDE: "#111111",
    RANDOM: "#B07878",
}
"""Colour of each way; what is a control, or a floor, is pale."""

DASHED = ("synthesis/uniform", RANDOM)

PUBLISHED = {"AlexNet": 40, "YOLOv2": 33}
"""How many times fewer synapses the authors report, at accuracies that the abstract does not give."""


def curves(results: pd.DataFrame) -> pd.DataFrame:
    """Return means over lineages, of the data set that is drawn.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `way` and `level`; columns are metrics.
    """
    return part(by_generation(results), dataset_drawn(results)).groupby(["way", "level"], sort=False).mean()


def plot(results: pd.DataFrame) -> Figure:
    """Draw the accuracy right after a step on the left, and after retraining on the right, by how few synapses are left.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = curves(results)
    ways = order(table.index.unique("way"))
    figure, axes = style.page_wide(2, height=3.1, sharey=False)
    for ax, metric in zip(axes, (RIGHT_AFTER, ACCURACY), strict=True):
        for way in ways:
            rows, colour = table.loc[way], COLOURS[way]
            dashed = {"linestyle": (0, (3, 2)), "linewidth": 1.6, "markersize": 3.5} if way in DASHED else {}
            ax.plot(100 / rows[SYNAPSES], rows[metric], color=colour, label=WAYS[way], **{**style.OURS, **dashed})
        # The floor may leave the picture, since nothing else is told apart beside it.
        shown_whole = table[table.index.get_level_values("way") != RANDOM][metric]
        room = max(0.06 * float(shown_whole.max() - shown_whole.min()), 0.5)
        ax.set_ylim(float(shown_whole.min()) - room, min(float(shown_whole.max()) + room, 100))
        ax.set_xscale("log")
        places = 100 / table.loc[ways[0]][SYNAPSES].to_numpy()
        shown = places[:: 1 if len(places) < 6 else 2] if len(places) % 2 else places[1::2]
        ax.set_xticks(shown, [f"{place:.0f}" if place >= 3 else f"{place:.1f}".replace(".0", "") for place in shown])
        ax.minorticks_off()
        ax.tick_params(labelsize=style.SMALL)
    axes[0].set_ylabel("accuracy (%)", fontsize=style.SMALL)
    figure.supxlabel("times fewer synapses than the ancestor", fontsize=style.SMALL)
    style.add_titles_and_legend(figure, axes, ["right after a step", "after retraining"], columns=3)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    rows = part(by_generation(results), dataset_drawn(results))
    lineages, steps = rows.index.unique("seed").size, int(rows.index.get_level_values("level").max())
    several = f"means of {lineages} lineages" if lineages > 1 else "one lineage"
    return (
        f"{name(dataset_drawn(results))}: accuracy of offspring over {steps} generations, {several} each. Left: before they "
        "have learnt anything themselves. Right: after their own training. Dashed: a control and a floor."
    )


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    dataset, found = dataset_drawn(results), judged(results)
    rows: dict[Any, Any] = found[found["dataset"] == dataset].set_index(["place", "way"]).to_dict("index")
    means = part(by_lineage(by_generation(results)), dataset).groupby("way", sort=False).mean()
    born, trained = means["right_after"].to_dict(), means["retrained"].to_dict()
    stressed = [way for way in STRESSED if way in born]
    at_birth = [way for way in stressed if rows[0, way]["outcome"] == AS_EXPECTED]
    in_the_end = [way for way in stressed if rows[1, way]["outcome"] == AS_EXPECTED]
    if at_birth and in_the_end:
        answer = "Yes, at birth and after their own training"
    elif at_birth:
        answer = "At birth yes, after their own training undecided"
    elif in_the_end:
        answer = "After their own training yes, at birth undecided"
    else:
        answer = "Undecided"
    first = max(stressed, key=lambda way: born[way])
    later = max(stressed, key=lambda way: trained[way])
    said = (
        f"**{answer}.** On {name(dataset)}, a network that is to lose {100 * (1 - FACTOR):.0f}% of its synapses "
        f"scores "
        f"{born[NONE]:.1f}% right after that without stress, and "
        f"**{born[first]:.1f}%** when it learnt under the stress *{WAYS[first]}* "
        f"({_points(rows[0, first])}, a mean over generations). When the offspring have been trained, *{WAYS[later]}* is "
        f"{_side(rows[1, later]['outcome'])} ({_points(rows[1, later])})"
    )
    if MAGNITUDE in trained:
        said += (
            f". Magnitude pruning, which draws nothing, has {trained[MAGNITUDE]:.1f}% with as few synapses; "
            f"*{WAYS[later]}* differs from that by {_points(rows[2, later])}"
        )
    return f"{said}."


def _side(outcome: str) -> str:
    sides = {AS_EXPECTED: "ahead of no stress", OPPOSITE: "behind no stress"}
    return sides.get(outcome, "not to be told from no stress")


def _points(row: dict[str, Any]) -> str:
    if np.isnan(row["low"]):
        return f"{row['mean']:+.1f} points, one lineage each"
    return f"{row['mean']:+.1f} points, {row['low']:+.1f} to {row['high']:+.1f}"


def alt_text(results: pd.DataFrame) -> str:
    """Describe the first figure in words, from its data."""
    rows = curves(results)
    parts: list[str] = []
    for metric, said in ((RIGHT_AFTER, "Right after a step"), (ACCURACY, "After retraining")):
        each = []
        for way in order(rows.index.unique("way")):
            line = rows.loc[way][metric].dropna()
            each.append(f"{WAYS[way]} from {line.iloc[0]:.1f}% to {line.iloc[-1]:.1f}%")
        parts.append(f"{said}: {', '.join(each)}")
    fewest = 100 / rows[SYNAPSES].min()
    return (
        f"Accuracy of offspring on {name(dataset_drawn(results))} against the number of synapses, down to {fewest:.0f} "
        f"times fewer. {'. '.join(parts)}."
    )


def published(results: pd.DataFrame) -> str:
    """Set the authors' factors beside ours, as a Markdown list."""
    generations = by_generation(results)
    theirs = " and ".join(f"{factor} times fewer for {network}" for network, factor in PUBLISHED.items())
    lines = [f"- The authors: {theirs}."]
    for dataset in generations.index.unique("dataset"):
        means = part(generations, str(dataset)).groupby(["way", "level"], sort=False).mean()
        for way in (way for way in order(means.index.unique("way")) if way in (NONE, *STRESSED, MAGNITUDE)):
            rows = means.loc[way]
            factors = 100 / rows[SYNAPSES]
            near = (np.log(factors) - np.log(min(PUBLISHED.values()))).abs().idxmin()
            lost = rows[ACCURACY].iloc[0] - rows.loc[near, ACCURACY]
            lines.append(_reached(str(dataset), way, float(factors[near]), rows.loc[near], float(lost)))
    return "\n".join(lines)


def _reached(dataset: str, way: str, factor: float, row: Any, lost: float) -> str:
    change = f"{abs(lost):.1f} points {'below' if lost > 0 else 'above'} its ancestor"
    return f"- {name(dataset)}, {WAYS[way]}: {factor:.0f} times fewer at {row[ACCURACY]:.1f}%, {change}."
