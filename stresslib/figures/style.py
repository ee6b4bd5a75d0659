"""One look for all figures: a colour for each stress, ours filled and thick, the paper's open and thin.

Every figure module draws with these; `save` writes what a reader may want to take away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stresslib.files import replacing
from stresslib.results import write_results

COLOURS: dict[str, Any] = {
    "random-selection": "#D55E00",
    "pca": "#0072B2",
    "uniform-shared": "#AA4499",
    "uniform-per-dimension": "#007A5A",
}
"""Colour of each stress in the whole book; told apart by colour-blind readers, and dark enough for text on white."""

LABELS = {
    "random-selection": "DR-1 random selection",
    "pca": "DR-2 principal components",
    "uniform-shared": "Q-1 one dictionary",
    "uniform-per-dimension": "Q-2 one dictionary per dimension",
}
"""What a legend calls each stress."""

PAPER: dict[str, Any] = {"linewidth": 1.0, "linestyle": "-", "marker": "o", "markersize": 4.5, "markerfacecolor": "white"}
OURS: dict[str, Any] = {
    "linewidth": 2.4,
    "marker": "o",
    "markersize": 5.0,
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
}


def panels(count: int) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels above each other, that can be read on a phone too.

    Parameters
    ----------
    count : int

    Returns
    -------
    figure : matplotlib.figure.Figure
        Not registered with pyplot, so that nothing keeps or shows it twice.
    axes : list of matplotlib.axes.Axes
    """
    settings: Any = {
        **seaborn.axes_style("ticks"),
        **seaborn.plotting_context("paper", font_scale=1.15),
        "font.family": "DejaVu Sans",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(6.2, 3.7 * count + 0.9), layout="constrained")
        axes = figure.subplots(count, 1, sharey=True, squeeze=False)[:, 0].tolist()
    for ax in axes:
        ax.grid(axis="y", color="#E3E3E3", linewidth=0.8)
        ax.set_axisbelow(True)
    return figure, axes


def sets(results: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Split a results table into feature sets, each with a title and the rows of its first metric.

    Parameters
    ----------
    results : pandas.DataFrame
        In the schema of results tables; columns may be added.

    Yields
    ------
    title : str
    rows : pandas.DataFrame
    """
    for (dataset, model, layer), rows in results.groupby(["dataset", "model", "layer"], sort=False):
        metric = rows["metric"].iloc[0]
        yield f"{dataset}, {model}, {layer} ({metric})", rows[rows["metric"] == metric]


def finish(figure: Figure, axes: list[Axes], titles: list[str]) -> None:
    """Add what all panels share: titles, vertical labels, the line at the full score, one legend below."""
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize="medium", fontweight="bold")
        ax.set_ylabel("score kept (% of full score)")
        ax.axhline(100, color="#888888", linewidth=0.8, zorder=0)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=1, frameon=False, fontsize="small")


def mark(ax: Axes, x: float, y: float, stress: str, shift: tuple[float, float]) -> None:
    """Write a point's height beside it, in the colour of its stress; `shift` is in points."""
    ax.annotate(
        f"{y:.1f}", (x, y), shift, textcoords="offset points", color=COLOURS[stress], fontsize="small", fontweight="bold"
    )


def save(figure: Figure, results: pd.DataFrame, folder: str | Path, name: str) -> None:
    """Write a figure as SVG and PNG, and the table that it shows as CSV; equal inputs give equal bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    results : pandas.DataFrame
        In the schema of results tables.
    folder : path-like
    name : str
        File name without its ending.
    """
    for kind, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 200, "metadata": {"Software": None}})):
        with replacing(Path(folder) / f"{name}.{kind}") as temporary, matplotlib.rc_context({"svg.hashsalt": name}):
            figure.savefig(temporary, format=kind, **options)
    write_results(results, Path(folder) / f"{name}.csv")


def comparison(results: pd.DataFrame, reference: pd.DataFrame, place: str, values: list[int]) -> pd.DataFrame:
    """Make a small table of kept shares at some places, ours and the paper's under each other.

    Parameters
    ----------
    results, reference : pandas.DataFrame
        With the columns of :func:`stresslib.published.with_shares`.
    place : {"step", "values"}
        The column that says where on the curve a row stands.
    values : list of int
        The places to show.

    Returns
    -------
    pandas.DataFrame
        One row a curve, one column a place: percent of the curve's own full score.
    """
    rows = {}
    for stress in LABELS:
        for whose, source in (("", results), ("paper: ", reference)):
            for _, table in sets(source):
                curve = table[table["stress"] == stress].groupby(place)["kept"].mean()
                name = whose + ", ".join(table[["dataset", "model"]].iloc[0])
                if len(curve):
                    rows[LABELS[stress].split()[0], name] = [curve.get(value, float("nan")) for value in values]
    index = pd.MultiIndex.from_tuples(rows, names=["stress", "features"])
    return pd.DataFrame(rows.values(), index=index, columns=pd.Index(values, name=place)).round(1)


CLOSE = 2.0
"""Points of the kept share up to which two curves are said to agree."""


def verdicts(points: pd.DataFrame, place: str, named: Callable[[int], str]) -> str:
    """Say in words where our curves agree with the published ones, and where they do not.

    Parameters
    ----------
    points : pandas.DataFrame
        Of :func:`stresslib.agreement`.
    place : {"step", "values"}
        The column that says where on the curve a row stands.
    named : callable
        Names a place, such as ``"10% of the dimensions"``.

    Returns
    -------
    str
        A Markdown list, a line for each pair of curves.
    """
    lines = []
    for (dataset, metric, stress), curve in points.groupby(["dataset", "metric", "stress"], sort=False):
        off = curve[curve["difference"].abs() > CLOSE]
        worst = curve.sort_values("difference", key=abs).iloc[-1]
        line = f"- {LABELS[str(stress)].split()[0]} on {dataset} ({metric}): "
        if off.empty:
            line += f"**agrees**, within {abs(worst['difference']):.1f} points everywhere."
        else:
            line += (
                f"**does not agree everywhere**. With {named(worst[place])} it keeps {worst['ours']:.1f}%, the paper "
                f"{worst['theirs']:.1f}%"
            )
            later = curve.loc[curve[place] > off[place].max(), place]
            line += f"; from {named(later.min())} on both are within {CLOSE:.0f} points." if len(later) else "."
        lines.append(line)
    return "\n".join(lines)


def short(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the part of an agreement's summary that fits a page.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of :func:`stresslib.agreement_summary`.

    Returns
    -------
    pandas.DataFrame
        Indexed by data set, metric and stress; numbers to two decimals.
    """
    named = summary.assign(stress=[LABELS[stress].split()[0] for stress in summary["stress"]])
    named = named.set_index(["dataset", "model", "metric", "stress"])
    columns = ["points", "largest_difference", "mean_difference", "rank_correlation"]
    return named[columns].rename(columns=lambda name: name.replace("_", " ")).round(2)
