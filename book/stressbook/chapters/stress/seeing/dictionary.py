"""Dictionary: what a few values, one dictionary of them or one per dimension, do to the histogram of all numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.stress.seeing.panels import BEFORE, WIDTH
from stressbook.drawing import style
from stressbook.drawing.words import LABELS
from stresslib.features import FeatureSet
from stresslib.stress.on_features.quantization import UniformQuantizer

SCOPES = {"shared": "uniform-shared", "per_dimension": "uniform-per-dimension"}


def count(features: FeatureSet, values: int = 4) -> pd.DataFrame:
    """Count how many of all training numbers a dictionary sends to each of its values.

    Parameters
    ----------
    features : FeatureSet
    values : int, default=4
        Size of the dictionary.

    Returns
    -------
    pandas.DataFrame
        Columns `stress`, `value` from 0 on, and `share` in percent of all numbers: first one dictionary, then one per
        dimension.
    """
    X = features.X[features.train]
    rows = []
    for scope, stress in SCOPES.items():
        codes = UniformQuantizer(values, scope=scope).fit(X).encode(X)
        shares = 100 * np.bincount(codes.ravel(), minlength=values) / codes.size
        rows += [{"stress": stress, "value": value, "share": float(share)} for value, share in enumerate(shares)]
    return pd.DataFrame(rows)


def zeros(features: FeatureSet) -> float:
    """Return the percent of all training numbers that are zero."""
    return 100 * float((features.X[features.train] == 0).mean())


def plot(features: FeatureSet, counted: pd.DataFrame) -> Figure:
    """Draw the histogram of all training numbers, and the few values that a dictionary makes of them.

    Parameters
    ----------
    features : FeatureSet
    counted : pandas.DataFrame
        Of :func:`count`.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for one dictionary, one for a dictionary per dimension.
    """
    X = features.X[features.train].astype(np.float64)
    figure, axes = style.panels(len(SCOPES), height=1.0)
    figure.set_size_inches(WIDTH, 5.6)
    for ax, (scope, stress) in zip(axes, SCOPES.items(), strict=True):
        low, high = (getattr(X, end)(axis=None if scope == "shared" else 0) for end in ("min", "max"))
        places = np.divide(X - low, high - low, out=np.zeros_like(X), where=high > low)
        share = counted.loc[counted["stress"] == stress, "share"].to_numpy()
        fine, edges = np.histogram(places, 12 * len(share), (0, 1))
        ax.stairs(100 * fine / X.size, edges, fill=True, color=BEFORE, baseline=_FLOOR)
        centres, tops = (np.arange(len(share)) + 0.5) / len(share), np.maximum(share, _FLOOR)
        colour, short = style.COLOURS[stress], LABELS[stress].split()[0]
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
        ax.set_title(
            f"{short}: {len(share)} {_WHOSE[stress]}", fontsize="medium", fontweight="bold", loc="left", color=colour
        )
    axes[0].set_title(f"grey: before, {zeros(features):.1f}% zero", fontsize="small", loc="right", color="#555555")
    quarters = np.linspace(0, 1, 5)
    axes[0].set_xticks(quarters, [f"{X.min() + place * np.ptp(X):.2f}" for place in quarters])
    axes[0].set_xlabel("size of the number")
    axes[1].set_xticks(quarters, ["least", "1/4", "1/2", "3/4", "largest"])
    axes[1].set_xlabel("size in the range of its dimension")
    return figure


_WHOSE = {"uniform-shared": "values for all numbers", "uniform-per-dimension": "values for each dimension"}
_FLOOR = 3e-4
"""Percent at which the axis begins."""


def _percent(value: float) -> str:
    return "none" if value == 0 else f"{value:.1f}%" if value >= 0.1 else f"{value:.2g}%"


def alt_text(features: FeatureSet, counted: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    parts = [
        f"{LABELS[str(stress)]}: {', '.join(map(_percent, rows['share']))}"
        for stress, rows in counted.groupby("stress", sort=False)
    ]
    return (
        f"Two histograms of all numbers, {zeros(features):.1f}% of them zero, on a logarithmic axis; over each a stem "
        f"for every value of a dictionary. Percent of the numbers at the values, the lowest first, for "
        f"{'; for '.join(parts)}."
    )


def words(features: FeatureSet, counted: pd.DataFrame) -> str:
    """Say in a few sentences how many numbers a dictionary still tells apart.

    Parameters
    ----------
    features : FeatureSet
    counted : pandas.DataFrame
        Of :func:`count`.

    Returns
    -------
    str
    """
    at_lowest = counted[counted["value"] == 0].set_index("stress")["share"]
    shared, own = (at_lowest[stress] for stress in SCOPES.values())
    values = counted["value"].max() + 1
    more = f": {(100 - own) / (100 - shared):.1f} times as many numbers are above it" if shared < 100 else ""
    return (
        f"**One dictionary of {values} values makes {_percent(shared)} of all numbers the same.** Before, "
        f"{zeros(features):.1f}% of them are zero. With a dictionary for each dimension {_percent(own)} are at the lowest "
        f"value of their own{more}."
    )
