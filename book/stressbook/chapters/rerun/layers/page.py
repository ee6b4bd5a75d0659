"""Layers: every stress but bit erasure on seven layers of one network, from early to late, beside the paper's seven.

The paper's supplement has VGG-M on VOC 2007: pool5 to softmax; its pool5 was quantised only.
"""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stressbook.chapters.rerun.figure_2 import page as figure_2_page
from stressbook.chapters.rerun.figure_4 import page as figure_4_page
from stressbook.drawing import style, tables, words
from stresslib.paper.counterparts import LAYERS, rival
from stresslib.paper.published import FEATURES, published, with_shares
from stresslib.paper.published import agreement as published_agreement

STRESSES, SOURCE = (*figure_2_page.STRESSES, *figure_4_page.STRESSES), "supplement-multilayer"


def reference() -> pd.DataFrame:
    """Return the published curves that the figure draws: seven layers of VGG-M on VOC 2007."""
    table = with_shares(published())
    return table[table["source"] == SOURCE]


def plot(results: pd.DataFrame) -> Figure:
    """Draw our layers on the left and the paper's on the right, a row for each stress, the later a layer the darker.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`specs`, layers of one network, the earliest first.

    Returns
    -------
    matplotlib.figure.Figure
    """
    ours, theirs = tables.first_metric(with_shares(results)), reference()
    title = ", ".join(ours[["dataset", "model"]].iloc[0])
    sides = (
        (
            f"ours: {title}",
            ours,
            list(dict.fromkeys(ours["layer"])),
            {**style.OURS, "linewidth": 1.8, "markersize": 3.6, "markeredgewidth": 0.3},
        ),
        ("paper: VGG-M on VOC 2007", theirs, list(LAYERS), {**style.PAPER, "markersize": 3}),
    )
    figure, axes = style.panels(2 * len(STRESSES), height=1.25, sharey=False)
    grid = figure.add_gridspec(len(STRESSES), 2)
    for place, ax in enumerate(axes):
        ax.set_subplotspec(grid[place])
    for left, right in zip(axes[::2], axes[1::2], strict=True):
        right.sharey(left)
        right.tick_params(labelleft=False)
    for column, (heading, table, names, look) in enumerate(sides):
        colours = RAMP(np.linspace(0, 1, len(names)))
        for ax, stress in zip(axes[column::2], STRESSES, strict=True):
            rows = table[table["stress"] == stress]
            for name, colour in zip(names, colours, strict=True):
                curve = rows[rows["layer"] == name]
                at = tables.percent_kept(curve) if stress in figure_2_page.STRESSES else curve["values"]
                kept = curve.groupby(at.astype(float))["kept"].mean()
                ax.plot(kept.index, kept, color=colour, label=name, **look)
            _prepare(ax, stress)
            if column == 0:
                ax.set_ylabel(f"{words.LABELS[stress].split()[0]}: score kept (%)")
        axes[column].set_title(heading, fontsize="medium", fontweight="bold")
        handles = [Line2D([], [], color=colour, label=name, **look) for name, colour in zip(names, colours, strict=True)]
        figure.legend(
            handles=handles,
            loc=("outside lower left", "outside lower right")[column],
            ncols=2,
            frameon=False,
            fontsize="small",
            title="layer, early to late",
            title_fontsize="small",
        )
    return figure


RAMP = ListedColormap(matplotlib.colormaps["viridis_r"](np.linspace(0.12, 1, 256)))
"""Colours of the layers. On this page alone a colour is a depth, not a stress."""


def _prepare(ax: Axes, stress: str) -> None:
    ax.axhline(100, color="#888888", linewidth=0.8, zorder=0)
    if stress in figure_2_page.STRESSES:
        ax.set(xlabel="dimensions kept (%)", xlim=(0, 103))
        return
    ax.set_xscale("log", base=2)
    ticks = [2, 4, 8, 16, 30]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("values of the dictionary")


def agreement(results: pd.DataFrame) -> pd.DataFrame:
    """Compare each layer with the paper's at the same place of the list.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        As of :func:`stresslib.agreement`, for the metric that is drawn.
    """
    pairs = ((rows, rival(SOURCE, "/".join(rows[FEATURES].iloc[0]))) for _, rows in tables.feature_sets(results))
    return pd.concat([published_agreement(*pair) for pair in pairs], ignore_index=True)


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return each layer's width, its full score, and what it keeps with 10% of the dimensions or 4 values.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        One row a layer, the earliest first: ours, then the paper's.
    """
    ours, theirs = (
        tables.first_metric(with_shares(results)),
        reference().sort_values("layer", key=lambda names: names.map(_DEPTHS)),
    )
    rows = {}
    for whose, shares in (("ours", ours), ("paper", theirs)):
        for layer, curve in shares.groupby("layer", sort=False):
            # What is published of pool5 has no full score: a share of its finest dictionary says nothing about one.
            full = (100 * curve["score"] / curve["kept"]).mean() if layer != "pool5" else float("nan")
            kept = {f"{words.LABELS[stress].split()[0]}, {named}": _kept(curve, stress) for stress, named in _PLACES.items()}
            rows[whose, layer] = {"width": int(curve["n_features"].iloc[0]), "full score": full, **kept}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["", "layer"]).round(1)


_DEPTHS = {name: depth for depth, name in enumerate(LAYERS)}
_PLACES = {stress: "10% of dimensions" if stress in figure_2_page.STRESSES else "4 values" for stress in STRESSES}


def _kept(curve: pd.DataFrame, stress: str) -> float:
    column, at = ("step", 2) if stress in figure_2_page.STRESSES else ("values", 4)
    return float(curve.loc[curve["stress"].eq(stress) & curve[column].eq(at), "kept"].mean())


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    small, parts = table(results).drop(columns=["width", "full score"]), []
    for column in small:
        for whose, kept in small[column].dropna().groupby(level=0, sort=False):
            low, high = kept.droplevel(0).agg(["idxmin", "idxmax"])
            parts.append(f"{column}, {whose}: {kept.min():.1f}% ({low}) to {kept.max():.1f}% ({high})")
    return (
        "Eight line plots of the share of the full score that is kept, a row for each of the stresses DR-1, DR-2, Q-1 and "
        "Q-2; on the left our layers from early to late, on the right the paper's. Lowest and highest share: "
        + "; ".join(parts)
        + "."
    )


def verdicts(agreement: pd.DataFrame) -> str:
    """Say how far layers lie in the paper's order, as a Markdown list; `agreement` is the points' table."""
    lines = []
    for stress in STRESSES:
        points = agreement[agreement["stress"] == stress].sort_values("difference", key=abs)
        for worst in points.tail(1).itertuples():
            lines.append(
                f"- {words.LABELS[stress].split()[0]}: layers differ from the paper's by "
                f"{points['difference'].abs().mean():.1f} points on average; most does {worst.layer}, which keeps "
                f"{worst.ours:.1f}% where {worst.published_layer} keeps {worst.theirs:.1f}%. {words.order_sentence(points, 'layers')}"
            )
    return "\n".join(lines)
