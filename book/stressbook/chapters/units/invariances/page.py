"""Invariances: the chapter's first figure and its headline: how much images may differ before a unit notices.

Draws and says what `scores` and `effects` compute; the chapter's other pictures are in `pictures`, `frontiers`, `shifts` and
`survival`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.units.invariances.effects import judged
from stressbook.chapters.units.invariances.labels import layer_name, layers_of, sides
from stressbook.chapters.units.invariances.names import SHARE
from stressbook.chapters.units.invariances.scores import by_unit, dead_units, linear_size, of_layer
from stressbook.drawing import style
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE, interval

COLOURS = {
    "bvlc-googlenet": "#1B8A8F",
    "efficientnet-lite0": "#C98A00",
    "resnet20": "#7B3FA0",
}
"""Colour of each network; others are grey."""

BEYOND = 1
"""Place of the expectation that units ignore more than linear ones."""


def colour(model: str) -> str:
    """Return the colour of a network."""
    return COLOURS.get(model, "#6F6F6F")


def label(results: pd.DataFrame, layer: tuple[str, str, str]) -> str:
    """Return what figures call a layer, with the side of its units' images."""
    return f"{layer_name(*layer[1:])} ({sides(results)[layer]} px)"


def plot(results: pd.DataFrame) -> Figure:
    """Draw the distance of each unit's set, a row a layer, its mean and interval; beside it a linear unit's.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    units = by_unit(results)
    layers = layers_of(units)
    figure, [ax] = style.page_wide(1, height=0.5 * len(layers) + 0.8)
    for row, layer in enumerate(layers):
        part = of_layer(units, layer)
        shifts = 0.16 * np.sin(2.4 * np.arange(len(part)))  # apart, and the same each time
        ax.plot(part["size"], row + shifts, "o", color=colour(layer[1]), markersize=4, alpha=0.45, markeredgewidth=0)
        mean, low, high = interval(part["size"])
        if not np.isnan(low):
            ax.plot([low, high], [row, row], color=colour(layer[1]), linewidth=3, solid_capstyle="butt")
        look: dict[str, Any] = {"markersize": 9, "markeredgecolor": "white"}
        ax.plot(mean, row, "o", color=colour(layer[1]), label=_once("diverse set", row), **look)
        at = part["linear"].mean()
        look = {"color": "#444444", "linewidth": 1.6, "linestyle": "--"}
        ax.plot([at, at], [row - 0.4, row + 0.4], label=_once("linear unit", row), **look)
        look = {"markersize": 6.5, "markerfacecolor": "white", "markeredgecolor": "#444444"}
        ax.plot(part["alone"].mean(), row, "D", label=_once("best of the independent ones", row), **look)
    ax.set_yticks(range(len(layers)), [label(results, layer) for layer in layers], fontsize=style.SMALL)
    ax.set_ylim(len(layers) - 0.5, -0.5)
    ax.set_xlim(0, 1.04 * linear_size(0.0))
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    ax.tick_params(axis="x", labelsize=style.SMALL)
    ax.set_xlabel("distance of the two nearest images (% of a photograph's contrast)", fontsize=style.SMALL)
    handles, names = ax.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False, fontsize=style.SMALL)
    return figure


def _once(name: str, row: int) -> str:
    return "_" if row else name


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    return (
        f"How much six images may differ while a unit gives {SHARE:.0f}% of what it gives for images found one by one. "
        "Small dots are units, large ones means with intervals of 95%. Dashed: what geometry allows any linear unit. "
        "Diamonds: as many images found one by one, of which the six that differ most are taken."
    )


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    found = judged(results)
    rows = found[found["place"].eq(BEYOND)]
    won, lost = int(rows["outcome"].eq(AS_EXPECTED).sum()), int(rows["outcome"].eq(OPPOSITE).sum())
    if len(rows) and won == len(rows):
        answer = "Much: in every layer more than geometry allows a linear unit"
    elif len(rows) and lost == len(rows):
        answer = "Little: in every layer less than geometry allows a linear unit"
    elif won or lost:
        answer = f"It depends: more than geometry allows a linear unit in {won} of {len(rows)} layers, less in {lost}"
    else:
        answer = "Undecided by these units"
    units = by_unit(results)
    means = {layer: of_layer(units, layer)["size"].mean() for layer in layers_of(units)}
    if not means:
        return f"**{answer}.**"
    ranked = sorted(means, key=lambda layer: means[layer])
    most = ranked[-1]
    linear = of_layer(units, most)["linear"].mean()
    sentence = (
        f" While a unit of {layer_name(*most[1:])} keeps {SHARE:.0f}% of its activation, six images may differ by "
        f"**{means[most]:.0f}%** of a photograph's contrast; a linear unit allows {linear:.0f}%"
    )
    if len(ranked) > 1:
        least = ranked[0]
        sentence += f", and {layer_name(*least[1:])} {means[least]:.0f}%"
    gain = found[found["place"].eq(0)]
    better = int(gain["outcome"].eq(AS_EXPECTED).sum())
    return (
        f"**{answer}.**{sentence}. Images found together differ more than the best of as many found one by one in "
        f"**{better} of {len(gain)}** layers, beyond the scatter of units."
    )


def dead(results: pd.DataFrame) -> str:
    """Say how many units were looked at, and which were dead and left out."""
    counts, units = dead_units(results), by_unit(results)
    said = [f"{count} of {layer_name(str(key[1]), str(key[2]))}" for key, count in counts.items() if count]  # type: ignore[index]
    alive, left_out = f"{len(units)} units are alive", ", ".join(said)
    return f"{alive}; dead, and left out, are {left_out}." if said else f"{alive}, and none that was looked at is dead."


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was found in each layer: means over units, to one decimal, and how many go beyond a linear unit."""
    units = by_unit(results)
    cells = {}
    for layer in layers_of(units):
        part = of_layer(units, layer)
        cells[layer_name(*layer[1:])] = {
            "pixels": sides(results)[layer],
            "units": len(part),
            "diverse set": round(part["size"].mean(), 1),
            "linear unit": round(part["linear"].mean(), 1),
            "best independent": round(part["alone"].mean(), 1),
            "first independent": round(part["first"].mean(), 1),
            "beyond linear": int(part["size"].gt(part["linear"]).sum()),
        }
    return pd.DataFrame.from_dict(cells, orient="index").rename_axis("layer")


def alt_text(results: pd.DataFrame) -> str:
    """Describe the first figure in words, from its data."""
    units, parts = by_unit(results), []
    for layer in layers_of(units):
        part = of_layer(units, layer)
        parts.append(
            f"{label(results, layer)}: {part['size'].mean():.0f} on average, from {part['size'].min():.0f} to "
            f"{part['size'].max():.0f}, of a linear unit {part['linear'].mean():.0f}, of the best independent images "
            f"{part['alone'].mean():.0f}"
        )
    return f"Distance of six images in percent of a photograph's contrast, by layer. {'. '.join(parts)}."
