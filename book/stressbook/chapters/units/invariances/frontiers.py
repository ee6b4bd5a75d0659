"""Frontiers: what a unit still gives when its images are pushed apart, from the weight of the distance 0 on.

From the table of `measure` to the figure of the chapter that shows the trade.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.units.invariances.labels import layers_of
from stressbook.chapters.units.invariances.names import ACTIVATION, DEAD, DISTANCE, SHARE
from stressbook.chapters.units.invariances.page import colour, label
from stressbook.chapters.units.invariances.scores import KEY, by_unit, frontier, linear_size, of_layer, with_channels
from stressbook.drawing import style


def by_weight(results: pd.DataFrame) -> pd.DataFrame:
    """Return activation and distance of the sets of each live unit, by the weight of the distance.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Columns `activation` and `distance`, in percent, indexed by unit and `level`; at 0 are the independent images.
    """
    rows = with_channels(results)
    rows = rows[rows["metric"].ne(DEAD)]
    parts = {key: frontier(part) for key, part in rows.groupby(KEY, sort=False)}
    return pd.concat({key: part for key, part in parts.items() if len(part)}, names=KEY)


def plot(results: pd.DataFrame) -> Figure:
    """Draw the activation over the distance, a panel a layer: a thin line a unit, a thick one the mean at each weight.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    points = by_weight(results)
    layers = drawn(results)
    figure, axes = style.page_wide(len(layers), height=2.1)
    angles = np.linspace(0, np.pi / 2, 60)
    for ax, layer in zip(axes, layers, strict=True):
        part = of_layer(points, layer)
        for _, one in part.groupby("channel"):
            ax.plot(one[DISTANCE], one[ACTIVATION], color=colour(layer[1]), linewidth=0.7, alpha=0.4)
        mean = part.groupby("level").mean()
        ax.plot(mean[DISTANCE], mean[ACTIVATION], color=colour(layer[1]), **style.OURS)
        ax.plot(linear_size(0.0) * np.sin(angles), 100 * np.cos(angles), color="#444444", linewidth=1.2, linestyle="--")
        ax.axhline(SHARE, color="#888888", linewidth=0.8, linestyle=":", zorder=0)
        ax.set_title(label(results, layer), fontsize=style.SMALL, fontweight="bold")
        ax.tick_params(labelsize=style.SMALL)
    axes[0].set_ylim(0, 108)
    axes[0].set_xlim(0, 1.04 * linear_size(0.0))
    figure.supxlabel("distance of the two nearest images (% of a photograph's contrast)", fontsize=11)
    figure.supylabel("mean activation (%)", fontsize=11)
    return figure


def drawn(results: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return the layers that the figure has: those of digits where there are no others."""
    there = layers_of(by_unit(results))
    return [one for one in there if one[0] != "digits"] or there


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        "Mean activation of six images over their least distance, as the weight of the distance grows from 0; 100% is what "
        "images give that are found one by one. A thin line is a unit, the thick one the mean; dashed is what a linear unit "
        f"does, dotted {SHARE:.0f}% of the activation."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    points, parts = by_weight(results), []
    for layer in drawn(results):
        mean = of_layer(points, layer).groupby("level").mean()
        said = ", ".join(f"{row[ACTIVATION]:.0f}% at {row[DISTANCE]:.0f}%" for _, row in mean.iterrows())
        parts.append(f"{label(results, layer)}: {said}")
    return f"Mean activation against distance of six images. {'. '.join(parts)}."
