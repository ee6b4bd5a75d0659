"""One look for all figures: a colour for each stress, ours filled and thick, the paper's open and thin.

Every figure module draws with these; `save` writes what a reader may want to take away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from sklearn.isotonic import isotonic_regression

from stresslib.files import replacing
from stresslib.published import curve_order
from stresslib.results import write_results

COLOURS: dict[str, Any] = {
    "random-selection": "#D55E00",
    "pca": "#0072B2",
    "uniform-shared": "#AA4499",
    "uniform-per-dimension": "#007A5A",
    "bit-erasure": "#444444",
    "pca+uniform": "#8C510A",
}
"""Colour of each stress in the whole book; told apart by colour-blind readers, and dark enough for text on white."""

LABELS = {
    "random-selection": "DR-1 random selection",
    "pca": "DR-2 principal components",
    "uniform-shared": "Q-1 one dictionary",
    "uniform-per-dimension": "Q-2 one dictionary per dimension",
    "bit-erasure": "Q-B erased bits",
    "pca+uniform": "FC principal components, then one dictionary per dimension",
}
"""What a legend calls each stress; its first word is the paper's name."""

NAMES = {
    "voc2007": "VOC 2007",
    "mit67": "MIT-67",
    "food101": "Food-101",
    "vgg-m": "VGG-M",
    "vgg-m-128": "VGG-M-128",
    "googlenet": "GoogLeNet",
    "bossanova": "BossaNova",
}
"""What a legend calls the paper's data sets and networks."""

CLASSICAL = ("bossanova", "bag-of-words", "fisher-vector")
"""What the names of classical feature sets begin with; :data:`stresslib.classical.METHODS` has the same."""

GREY = "#8A8A8A"
"""Colour of classical features: they are there to compare networks with, and are none of the book's stresses."""

PAPER: dict[str, Any] = {"linewidth": 1.0, "linestyle": "-", "marker": "o", "markersize": 4.5, "markerfacecolor": "white"}
OURS: dict[str, Any] = {
    "linewidth": 2.4,
    "marker": "o",
    "markersize": 5.0,
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
}


def panels(count: int, height: float = 3.7, **options: Any) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels above each other, that can be read on a phone too.

    Parameters
    ----------
    count : int
    height : float, default=3.7
        Of a panel, in inches.
    **options : Any
        For :meth:`matplotlib.figure.Figure.subplots`, where the panels are not to be alike.

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
        figure = Figure(figsize=(6.2, height * count + 0.9), layout=ConstrainedLayoutEngine(h_pad=0.08))
        axes = figure.subplots(count, 1, **{"sharey": True, "squeeze": False, **options})[:, 0].tolist()
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
    for names, rows in results.groupby(["dataset", "model", "layer"], sort=False):
        metric = rows["metric"].iloc[0]
        yield f"{', '.join(map(str, names))} ({metric})", rows[rows["metric"] == metric]


def named(rows: pd.DataFrame) -> str:
    """Return the name of a feature set, from its rows, as tables and titles have it."""
    return ", ".join(rows[["dataset", "model", "layer"]].iloc[0])


def is_classical(model: str) -> bool:
    """Return whether a model's name is that of classical features, not of a network.

    Examples
    --------
    >>> from stresslib.figures.style import is_classical
    >>> is_classical("bossanova+codewords=64"), is_classical("vgg-m")
    (True, False)
    """
    return model.partition("+")[0] in CLASSICAL


def drawn(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that figures draw: those of each feature set's first metric."""
    return pd.concat([rows for _, rows in sets(results)], ignore_index=True)


def finish(figure: Figure, axes: list[Axes], titles: list[str], columns: int = 1) -> None:
    """Add what panels of kept shares have in common: vertical labels, the line at the full score, and as `close` does."""
    for ax in axes:
        ax.set_ylabel("score kept (% of full score)")
        ax.axhline(100, color="#888888", linewidth=0.8, zorder=0)
    close(figure, axes, titles, columns)


def close(figure: Figure, axes: list[Axes], titles: list[str], columns: int = 1) -> None:
    """Add titles, and one legend below all panels, in some columns."""
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize="medium", fontweight="bold")
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(entries.values(), entries, loc="outside lower center", ncols=columns, frameon=False, fontsize="small")


def mark(ax: Axes, x: float, y: float, stress: str, shift: tuple[float, float]) -> None:
    """Write a point's height beside it, in the colour of its stress; `shift` is in points."""
    ax.annotate(
        f"{y:.1f}", (x, y), shift, textcoords="offset points", color=COLOURS[stress], fontsize="small", fontweight="bold"
    )


def draw_ours(ax: Axes, rows: pd.DataFrame, colour: Any, label: str, **look: Any) -> pd.Series:
    """Draw the score kept against the dimensions kept: the mean over repeats, in a band of their deviation.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rows : pandas.DataFrame
        One curve, with the columns of :func:`stresslib.published.with_shares`.
    colour : color
    label : str
        For the legend, which adds the number of repeats.
    **look : Any
        What differs from :data:`OURS`.

    Returns
    -------
    pandas.Series
        The mean, indexed by the percent of the dimensions.
    """
    kept = rows.groupby(percent_kept(rows))["kept"]
    # The population's deviation, as in the paper; one repeat has none.
    mean, deviation, repeats = kept.mean(), kept.std(ddof=0).fillna(0), kept.size().max()
    if repeats > 1:
        label += f" (± SD of {repeats} draws)"
        ax.fill_between(mean.index, mean - deviation, mean + deviation, color=colour, alpha=0.25, linewidth=0)
    if len(mean):
        ax.plot(mean.index, mean, color=colour, label=label, **{**OURS, **look})
    return mean


def draw_paper(ax: Axes, rows: pd.DataFrame, colour: Any, label: str, **look: Any) -> pd.Series:
    """Draw a published curve against the dimensions kept; as :func:`draw_ours`, with `look` over :data:`PAPER`."""
    kept = rows["kept"].set_axis(percent_kept(rows))
    if len(kept):
        ax.plot(kept.index, kept, color=colour, label=label, **{**PAPER, **look})
    return kept


def percent_kept(rows: pd.DataFrame) -> pd.Series:
    """Return the dimensions kept, in percent of the full vector."""
    return 100 * rows["dimensions"].astype(float) / rows["n_features"].astype(float)


def spread(heights: Iterable[float], gap: float) -> list[float]:
    """Move labels apart that would lie on each other, and no further.

    Parameters
    ----------
    heights : iterable of float
        Where the labels belong.
    gap : float
        Least distance between two of them.

    Returns
    -------
    list of float
        In the order of `heights`, which they keep; neighbours that had to move share the way.

    Examples
    --------
    >>> from stresslib.figures.style import spread
    >>> spread([50.0, 90.0, 51.0], gap=5)
    [48.0, 90.0, 53.0]
    """
    # With a gap less for each label below, "at least a gap apart" is "never falling": isotonic regression.
    wanted = np.asarray(list(heights), dtype=float)
    order, below = np.argsort(wanted, kind="stable"), gap * np.arange(len(wanted))
    placed = np.empty_like(wanted)
    placed[order] = isotonic_regression(wanted[order] - below) + below
    return [float(height) for height in placed]


def save_figure(figure: Figure, folder: str | Path, name: str) -> None:
    """Write a figure as SVG and PNG, as :func:`save` does."""
    for kind, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 200, "metadata": {"Software": None}})):
        with replacing(Path(folder) / f"{name}.{kind}") as temporary, matplotlib.rc_context({"svg.hashsalt": name}):
            figure.savefig(temporary, format=kind, **options)


def save(figure: Figure, results: pd.DataFrame, folder: str | Path, name: str, more: Sequence[str] = ()) -> None:
    """Write a figure as SVG and PNG, and the table that it shows as CSV; equal inputs give equal bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    results : pandas.DataFrame
        In the schema of results tables.
    folder : path-like
    name : str
        File name without its ending.
    more : sequence of str, default=()
        Columns of numbers beside those of the schema.
    """
    save_figure(figure, folder, name)
    write_results(results, Path(folder) / f"{name}.csv", more)


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
                name = whose + named(table)
                if len(curve):
                    rows[LABELS[stress].split()[0], name] = [curve.get(value, float("nan")) for value in values]
    index = pd.MultiIndex.from_tuples(rows, names=["stress", "features"])
    return pd.DataFrame(rows.values(), index=index, columns=pd.Index(values, name=place)).round(1)


def dashed(small: pd.DataFrame) -> pd.DataFrame:
    """Return a table to look at, with a dash where there is no number."""
    return small.astype(object).where(small.notna(), "–")


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
    key = ["dataset", "model", "layer", "metric", "stress"]
    for (dataset, model, layer, metric, stress), curve in points.groupby(key, sort=False):
        off = curve[curve["difference"].abs() > CLOSE]
        worst = curve.sort_values("difference", key=abs).iloc[-1]
        line = f"- {LABELS[str(stress)].split()[0]} on {dataset}, {model}, {layer} ({metric}): "
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
        Indexed by the two curves' names, metric and stress: the number of places where both were measured, the largest and
        the mean difference, the rank correlation; to two decimals.
    """
    named = pd.DataFrame(
        {
            "ours": summary["dataset"] + ", " + summary["model"] + ", " + summary["layer"],
            "paper": summary["published_dataset"] + ", " + summary["published_model"],
            "metric": summary["metric"],
            "stress": [LABELS[stress].split()[0] for stress in summary["stress"]],
        }
    )
    named = summary.set_index(pd.MultiIndex.from_frame(named))
    columns = {
        "points": "places",
        "largest_difference": "largest",
        "mean_difference": "mean",
        "rank_correlation": "rank corr.",
    }
    return named[list(columns)].rename(columns=columns).round(2)


def order(points: pd.DataFrame, what: str) -> str:
    """Say in a sentence how far our curves lie in the order of the published ones.

    Parameters
    ----------
    points : pandas.DataFrame
        Of one stress, as :func:`stresslib.curve_order` takes them.
    what : str
        What the curves are, in the plural, such as ``"layers"``.

    Returns
    -------
    str
        Empty where no two curves share a place.
    """
    return "".join(
        f"Of {row.pairs} pairs of {what}, over {row.places} places, **{row.same_order:.0f}%** lie in the paper's order, "
        f"{row.opposite_order:.0f}% in the opposite one."
        for row in curve_order(points).itertuples()
    )
