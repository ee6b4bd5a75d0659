"""Dictionary: what few values, for all numbers or for each dimension, make of the histogram of the numbers.

Draws the shares that `measure` counts, over the numbers of the feature set.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.stress.seeing.measure import SCOPES, share_of_zeros
from stressbook.chapters.stress.seeing.panels import BEFORE, WIDTH
from stressbook.drawing import style
from stressbook.drawing.words import LABELS, paper_name
from stresslib.features import FeatureSet

_FLOOR = 3e-4
"""Percent at which the axis begins."""

_MEANINGS = {"uniform-shared": "values for all numbers", "uniform-per-dimension": "values for each dimension"}


def plot(features: FeatureSet, shares: pd.DataFrame) -> Figure:
    """Draw the histogram of all training numbers, and the values that a dictionary puts in their place.

    Parameters
    ----------
    features : FeatureSet
    shares : pandas.DataFrame
        Of :func:`~stressbook.chapters.stress.seeing.measure.value_shares`.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for one dictionary, one for a dictionary per dimension.
    """
    X = features.X[features.train].astype(np.float64)
    figure, axes = style.panels(len(SCOPES), height=1.0)
    figure.set_size_inches(WIDTH, 5.6)
    for ax, (scope, stress) in zip(axes, SCOPES.items(), strict=True):
        axis = None if scope == "shared" else 0
        low, high = X.min(axis=axis), X.max(axis=axis)
        places = np.divide(X - low, high - low, out=np.zeros_like(X), where=high > low)
        share = shares.loc[shares["stress"] == stress, "share"].to_numpy()
        colour = style.COLOURS[stress]
        fine, edges = np.histogram(places, 12 * len(share), (0, 1))
        ax.stairs(100 * fine / X.size, edges, fill=True, color=BEFORE, baseline=_FLOOR)
        centres, tops = (np.arange(len(share)) + 0.5) / len(share), np.maximum(share, _FLOOR)
        for edge in np.arange(1, len(share)) / len(share):
            ax.axvline(edge, color="#888888", linewidth=0.8, linestyle=(0, (4, 3)))
        ax.vlines(centres, _FLOOR, tops, color=colour, linewidth=3)
        ax.plot(centres, tops, "o", color=colour, markersize=7, markeredgecolor="white")
        for centre, top, value in zip(centres, tops, share, strict=True):
            words = {"ha": "center", "color": colour, "fontweight": "bold"}
            ax.annotate(_percent(value), (centre, top), (0, 8), textcoords="offset points", **words)
        ax.set(yscale="log", xlim=(-0.01, 1.01), ylim=(_FLOOR, 900), ylabel="% of all numbers")
        ax.set_yticks([0.001, 0.01, 0.1, 1, 10, 100], ["0.001", "0.01", "0.1", "1", "10", "100"])
        ax.minorticks_off()
        title = f"{paper_name(stress)}: {len(share)} {_MEANINGS[stress]}"
        ax.set_title(title, fontsize="medium", fontweight="bold", loc="left", color=colour)
    axes[0].set_title(f"grey: before, {share_of_zeros(features):.1f}% zero", fontsize="small", loc="right", color="#555555")
    quarters = np.linspace(0, 1, 5)
    axes[0].set_xticks(quarters, [f"{X.min() + place * np.ptp(X):.2f}" for place in quarters])
    axes[0].set_xlabel("size of the number")
    axes[1].set_xticks(quarters, ["least", "1/4", "1/2", "3/4", "largest"])
    axes[1].set_xlabel("size in the range of its dimension")
    return figure


def _percent(value: float) -> str:
    if value == 0:
        return "none"
    return f"{value:.1f}%" if value >= 0.1 else f"{value:.2g}%"


def alt_text(features: FeatureSet, shares: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    parts = [
        f"{LABELS[str(stress)]}: {', '.join(map(_percent, rows['share']))}"
        for stress, rows in shares.groupby("stress", sort=False)
    ]
    return (
        f"Two histograms of all numbers, {share_of_zeros(features):.1f}% of them zero, on a logarithmic axis; over each a "
        f"stem for every value of a dictionary. Percent of the numbers at the values, the lowest first, for "
        f"{'; for '.join(parts)}."
    )


def headline(features: FeatureSet, shares: pd.DataFrame) -> str:
    """Say in a few sentences how many numbers a dictionary still tells apart.

    Parameters
    ----------
    features : FeatureSet
    shares : pandas.DataFrame
        Of :func:`~stressbook.chapters.stress.seeing.measure.value_shares`.

    Returns
    -------
    str
    """
    at_lowest = shares[shares["value"] == 0].set_index("stress")["share"]
    shared, own = (at_lowest[stress] for stress in SCOPES.values())
    values = shares["value"].max() + 1
    more = f": {(100 - own) / (100 - shared):.1f} times as many numbers are above it" if shared < 100 else ""
    return (
        f"**One dictionary of {values} values makes {_percent(shared)} of all numbers the same.** Before, "
        f"{share_of_zeros(features):.1f}% of them are zero. With a dictionary for each dimension {_percent(own)} are at the "
        f"lowest value of their own{more}."
    )
