"""Layers: draw every stress but bit erasure on the layers of one network, from early to late, beside the paper's.

Takes the results table of `measure`. The paper's supplement has VGG-M on VOC 2007, from pool5 to softmax; its pool5 was
quantised only.
"""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stressbook.chapters.rerun.figure_2.page import STRESSES as REDUCTIONS
from stressbook.chapters.rerun.figure_4.page import STRESSES as QUANTIZATIONS
from stressbook.drawing import style, tables, words
from stresslib.paper.counterparts import LAYERS
from stresslib.paper.published import agreement as published_agreement
from stresslib.paper.published import with_shares

STRESSES, SOURCE = (*REDUCTIONS, *QUANTIZATIONS), "supplement-multilayer"

TABLE_STEP, TABLE_VALUES = 2, 4
"""Place of the paper's grid of dimensions, and number of values, that the table shows."""

_DEPTHS = {name: depth for depth, name in enumerate(LAYERS)}

RAMP = ListedColormap(matplotlib.colormaps["viridis_r"](np.linspace(0.12, 1, 256)))
"""Colours of the layers. On this page alone a colour is a depth, not a stress."""


def reference() -> pd.DataFrame:
    """Return the published curves that the figure draws: the layers of VGG-M on VOC 2007."""
    table = tables.published_shares()
    return table[table["source"] == SOURCE]


def plot(results: pd.DataFrame) -> Figure:
    """Draw our layers on the left and the paper's on the right, a row for each stress; later layers are darker.

    Parameters
    ----------
    results : pandas.DataFrame
        As `measure` returns it: layers of one network, the earliest first.

    Returns
    -------
    matplotlib.figure.Figure
    """
    ours, theirs = tables.first_metric(with_shares(results)), reference()
    our_look = {**style.OURS, "linewidth": 1.8, "markersize": 3.6, "markeredgewidth": 0.3}
    their_look = {**style.PAPER, "markersize": 3}
    sides = (
        (f"ours: {_network(ours)}", ours, list(ours["layer"].unique()), our_look),
        (f"paper: {_network(theirs)}", theirs, list(LAYERS), their_look),
    )
    figure, axes = style.page_wide(2 * len(STRESSES), height=1.2, sharex=False, sharey=False)
    for left, right in zip(axes[::2], axes[1::2], strict=True):
        right.sharey(left)
        right.tick_params(labelleft=False)
    for column, (heading, table, names, look) in enumerate(sides):
        colours = RAMP(np.linspace(0, 1, len(names)))
        for ax, stress in zip(axes[column::2], STRESSES, strict=True):
            rows = table[table["stress"] == stress]
            for name, colour in zip(names, colours, strict=True):
                curve = rows[rows["layer"] == name]
                at = tables.percent_kept(curve) if stress in REDUCTIONS else curve["values"]
                kept = curve.groupby(at.astype(float))["kept"].mean()
                ax.plot(kept.index, kept, color=colour, label=name, **look)
            _prepare(ax, stress)
            if column == 0:
                ax.set_ylabel(words.paper_name(stress))
        axes[column].set_title(heading, fontsize=style.SMALL, fontweight="bold")
        handles = [Line2D([], [], color=colour, label=name, **look) for name, colour in zip(names, colours, strict=True)]
        figure.legend(
            handles=handles,
            loc=("outside upper left", "outside upper right")[column],
            ncols=3,
            columnspacing=0.8,
            handlelength=1.2,
            frameon=False,
            fontsize=style.SMALL,
        )
    figure.supylabel("score kept (% of full score)", fontsize=11)
    return figure


def _network(table: pd.DataFrame) -> str:
    dataset, model = table[["dataset", "model"]].iloc[0]
    return words.human_name(dataset, model, "pooled")


def _prepare(ax: Axes, stress: str) -> None:
    style.draw_full_score(ax)
    if stress in REDUCTIONS:
        ax.set(xlim=(0, 103), xticks=range(0, 101, 20))
    else:
        ax.set_xscale("log", base=2)
        ticks = [2, 4, 8, 16, 30]
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
    # Each label stands under the last row that it is of.
    if stress == REDUCTIONS[-1]:
        ax.set_xlabel("dimensions kept (%)", fontsize=style.SMALL)
    elif stress == QUANTIZATIONS[-1]:
        ax.set_xlabel("values of the dictionary", fontsize=style.SMALL)
    else:
        ax.tick_params(labelbottom=False)


def agreement(results: pd.DataFrame) -> pd.DataFrame:
    """Compare each of our layers with the paper's at the same place of the list.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        As :func:`stresslib.agreement` returns it, for the metric that is drawn.
    """
    parts = [published_agreement(rows, _rival_of(rows["layer"].iloc[0])) for _, rows in tables.feature_sets(results)]
    return pd.concat(parts, ignore_index=True)


def _rival_of(layer: str) -> pd.DataFrame:
    """Return the published curves of the layer that one of ours stands for; of one that stands for none, relu7's."""
    stands_for = {ours: theirs for theirs, ours in LAYERS.items()}
    paper = reference()
    return paper[paper["layer"] == stands_for.get(layer, layer if layer in LAYERS else "relu7")]


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the width of each layer, its full score, and what it keeps with few dimensions or few values.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        A row for each layer, the earliest first: ours, then the paper's.
    """
    ours, theirs = (
        tables.first_metric(with_shares(results)),
        reference().sort_values("layer", key=lambda names: names.map(_DEPTHS)),
    )
    rows = {}
    for whose, shares in (("ours", ours), ("paper", theirs)):
        for layer, curve in shares.groupby("layer", sort=False):
            # No full score of pool5 is published: its shares are of the score with the finest dictionary.
            full = (100 * curve["score"] / curve["kept"]).mean() if layer != "pool5" else float("nan")
            kept = {f"{words.paper_name(stress)}, {_place(stress)}": _kept(curve, stress) for stress in STRESSES}
            rows[whose, layer] = {"width": int(curve["n_features"].iloc[0]), "full score": full, **kept}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["", "layer"]).round(1)


def _place(stress: str) -> str:
    if stress in REDUCTIONS:
        return f"{words.percent_of_grid(TABLE_STEP)} of dimensions"
    return f"{TABLE_VALUES} values"


def _kept(curve: pd.DataFrame, stress: str) -> float:
    column, at = ("step", TABLE_STEP) if stress in REDUCTIONS else ("values", TABLE_VALUES)
    return float(curve.loc[curve["stress"].eq(stress) & curve[column].eq(at), "kept"].mean())


def headline(results: pd.DataFrame) -> str:
    """Say which layers keep least and most of their score when dimensions go at random.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    small = table(results)
    column = f"{words.paper_name(REDUCTIONS[0])}, {_place(REDUCTIONS[0])}"
    parts = []
    for whose, kept in small[column].dropna().groupby(level=0, sort=False):
        low, high = kept.droplevel(0).agg(["idxmin", "idxmax"])
        name = "our layers keep" if whose == "ours" else "the paper's"
        parts.append(f"{name} from {kept.min():.1f}% ({low}) to {kept.max():.1f}% ({high})")
    return f"**With {words.percent_of_grid(TABLE_STEP)} of the dimensions, drawn at random, {', '.join(parts)}.**"


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows, and how its curves are told apart.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    names = ", ".join(words.paper_name(stress) for stress in STRESSES)
    return (
        f"Score kept by the layers of a network under {names}, in percent of each layer's full score. Left: ours, by "
        f"{tables.scored_by(results)}. Right: the paper's. The later the layer, the darker: here alone a colour is not a "
        "stress. The two panels of a row have one scale."
    )


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
        f"Line plots of the share of the full score that is kept, a row for each of the stresses "
        f"{', '.join(map(words.paper_name, STRESSES))}; on the left our layers from early to late, on the right the "
        f"paper's. Lowest and highest share: {'; '.join(parts)}."
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say how far our layers differ from the paper's and lie in their order, as a Markdown list.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    points, lines = agreement(results), []
    for stress in STRESSES:
        here = points[points["stress"] == stress].sort_values("difference", key=abs)
        if here.empty:
            continue
        worst = here.iloc[-1]
        average = here["difference"].abs().mean()
        lines.append(
            f"- {words.paper_name(stress)}: layers differ from the paper's by {average:.1f} points on average; "
            f"{worst['layer']} differs most: it keeps {worst['ours']:.1f}% where {worst['published_layer']} keeps "
            f"{worst['theirs']:.1f}%. "
            f"{words.order_sentence(here, 'layers')}"
        )
    return "\n".join(lines)
