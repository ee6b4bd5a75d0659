"""Shifts: what a unit gives for the parts of one texture, wherever it is cut: the test of phase invariance.

From the table of `measure` to the figure and the sentences about it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.units.invariances.labels import layer_name, layers_of
from stressbook.chapters.units.invariances.page import colour, label
from stressbook.chapters.units.invariances.scores import by_unit, of_layer
from stressbook.drawing import style
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE, interval

NEAR_PERFECT = 90.0
"""Percent of the most that a unit gives, which the worst part of its texture has to reach; fixed before the run."""


def shifted(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of :func:`~stressbook.chapters.units.invariances.scores.by_unit` that have a texture."""
    units = by_unit(results)
    return units[units["shift"].notna()]


def plot(results: pd.DataFrame) -> Figure:
    """Draw the least activation of a texture's parts, a row a layer: a dot a unit, and the mean with its interval.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    units = shifted(results)
    layers = layers_of(units)
    figure, [ax] = style.page_wide(1, height=0.42 * len(layers) + 0.6)
    if not layers:
        return figure
    for row, layer in enumerate(layers):
        values = of_layer(units, layer)["shift"]
        places = row + 0.16 * np.sin(2.4 * np.arange(len(values)))
        ax.plot(values, places, "o", color=colour(layer[1]), markersize=4, alpha=0.45, markeredgewidth=0)
        mean, low, high = interval(values)
        if not np.isnan(low):
            ax.plot([low, high], [row, row], color=colour(layer[1]), linewidth=3, solid_capstyle="butt")
        ax.plot(mean, row, "o", color=colour(layer[1]), markersize=9, markeredgecolor="white")
    ax.axvline(100, color="#888888", linewidth=0.8, zorder=0)
    ax.axvline(0, color="#888888", linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(layers)), [label(results, layer) for layer in layers], fontsize=style.SMALL)
    ax.set_ylim(len(layers) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    ax.tick_params(axis="x", labelsize=style.SMALL)
    ax.set_xlabel("activation of the worst part of a texture (% of the most)", fontsize=style.SMALL)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    if shifted(results).empty:
        return "No texture was made in this run."
    return (
        "What a unit gives for the worst part of one texture, in percent of the most that it gives for a single image. At "
        "100% it would not notice a shift at all. Small dots are units, large ones means with intervals of 95%."
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say whether some units are nearly perfectly phase invariant, as the authors find, as a Markdown list."""
    units, lines, total = shifted(results), [], 0
    if units.empty:
        return "- Not measured in this run."
    for layer in layers_of(units):
        part = of_layer(units, layer)
        near = int(part["shift"].ge(NEAR_PERFECT).sum())
        total += near
        lines.append(
            f"- {layer_name(*layer[1:])}: the worst part keeps {part['shift'].mean():.0f}% on average, the mean part "
            f"{part['shift mean'].mean():.0f}%; the best unit's worst part keeps **{part['shift'].max():.0f}%**. Nearly "
            f"perfect are {near} of {len(part)} units."
        )
    verdict = AS_EXPECTED if total else OPPOSITE
    lines.insert(
        0,
        f"- The authors find near-perfect phase invariance in some units. Here **{total} of {len(units)}** units keep "
        f"{NEAR_PERFECT:.0f}% in the worst part: {verdict}.",
    )
    return "\n".join(lines)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    units = shifted(results)
    parts = [
        f"{label(results, layer)}: {values.mean():.0f} on average, from {values.min():.0f} to {values.max():.0f}"
        for layer in layers_of(units)
        for values in [of_layer(units, layer)["shift"]]
    ]
    if not parts:
        return "An empty panel: no texture was made."
    return f"Activation of the worst part of a texture, in percent of the most, by layer. {'. '.join(parts)}."
