"""Style: one look for all figures: a colour for each stress, ours filled and thick, the paper's open and thin.

Every page draws its panels with these and saves them with `save`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
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

from stressbook.drawing.hover import with_titles
from stressbook.drawing.tables import percent_kept
from stresslib.files import replacing
from stresslib.results import write_results

COLOURS: dict[str, Any] = {
    "random-selection": "#D55E00",
    "pca": "#0072B2",
    "uniform-shared": "#AA4499",
    "uniform-per-dimension": "#007A5A",
    "bit-erasure": "#444444",
    "pca+uniform": "#8C510A",
}
"""Colour of each stress in the whole book: colour-blind readers can tell them apart, and they are dark enough for text."""

GREY = "#8A8A8A"
"""Colour of classical features, which networks are compared with: it is not the colour of any stress."""

PAPER: dict[str, Any] = {"linewidth": 1.0, "linestyle": "-", "marker": "o", "markersize": 4.5, "markerfacecolor": "white"}
OURS: dict[str, Any] = {
    "linewidth": 2.4,
    "marker": "o",
    "markersize": 5.0,
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
}


SMALL = 9.9
"""Points of the smallest text in a figure as wide as a page: on a phone, which shows it half as wide, seven pixels."""


def panels(count: int, height: float = 3.7, columns: int = 1, **options: Any) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels above each other, narrow enough for a phone; in two columns, as wide as a page.

    Parameters
    ----------
    count : int
        Number of panels.
    height : float, default=3.7
        Mean height of a panel, in inches.
    columns : {1, 2}, default=1
        Of more than two panels; these go row by row.
    **options : Any
        For :meth:`matplotlib.figure.Figure.subplots`, such as ``sharey=False`` or ``height_ratios``.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Not registered with pyplot, which would keep it and show it a second time.
    axes : list of matplotlib.axes.Axes
    """
    with matplotlib.rc_context(_settings()):
        columns = columns if count > 2 else 1
        rows = -(-count // columns)
        size = (6.2 if columns == 1 else 7.0, height * rows + 0.9)
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.08))
        axes = figure.subplots(rows, columns, **{"sharey": True, "squeeze": False, **options}).ravel().tolist()
    for spare in axes[count:]:
        spare.remove()
    return figure, _ruled(axes[:count])


def page_wide(count: int, height: float = 1.7, **options: Any) -> tuple[Figure, list[Axes]]:
    """Make a figure as wide as a page with panels in two columns; of an odd number the first has a row of its own.

    Parameters
    ----------
    count : int
        Number of panels.
    height : float, default=1.7
        Mean height of a row, in inches.
    **options : Any
        For :meth:`matplotlib.figure.Figure.subplot_mosaic`, such as ``sharey=False`` or ``height_ratios``.

    Returns
    -------
    figure : matplotlib.figure.Figure
        As :func:`panels` makes it. Texts are to be no smaller than :data:`SMALL`.
    axes : list of matplotlib.axes.Axes
        Row by row; they share both scales unless the options say otherwise.
    """
    cells = [*([0] * (count % 2)), *range(count)]
    rows = [cells[place : place + 2] for place in range(0, len(cells), 2)]
    with matplotlib.rc_context(_settings()):
        engine = ConstrainedLayoutEngine(h_pad=0.03, w_pad=0.06)
        figure = Figure(figsize=(7.0, height * len(rows) + 0.9), layout=engine)
        axes = list(figure.subplot_mosaic(rows, **{"sharex": True, "sharey": True, **options}).values())
    return figure, _ruled(axes)


def first_row(axes: list[Axes]) -> list[Axes]:
    """Return those of the panels of :func:`page_wide` that stand in the first row."""
    return axes[: 2 - len(axes) % 2]


def _settings() -> Any:
    return {
        **seaborn.axes_style("ticks"),
        **seaborn.plotting_context("paper", font_scale=1.15),
        "font.family": "DejaVu Sans",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }


def _ruled(axes: list[Axes]) -> list[Axes]:
    for ax in axes:
        ax.grid(axis="y", color="#E3E3E3", linewidth=0.8)
        ax.set_axisbelow(True)
    return axes


def finish(figure: Figure, axes: list[Axes], titles: list[str], columns: int = 1) -> None:
    """Add what panels of kept shares have in common: the vertical label, the line at the full score, titles and legend."""
    for ax in axes:
        ax.set_ylabel("score kept (% of full score)")
        draw_full_score(ax)
    add_titles_and_legend(figure, axes, titles, columns)


def finish_page_wide(figure: Figure, axes: list[Axes], titles: list[str], x_label: str, columns: int = 2) -> None:
    """Add what the panels of :func:`page_wide` have in common, as :func:`finish` does; each label stands once."""
    for ax in axes:
        draw_full_score(ax)
    figure.supxlabel(x_label, fontsize=11)
    figure.supylabel("score kept (% of full score)", fontsize=11)
    add_titles_and_legend(figure, axes, titles, columns)


def add_titles_and_legend(figure: Figure, axes: list[Axes], titles: list[str], columns: int = 1) -> None:
    """Add a title to each panel, and one legend for all in `columns` columns: below panels, above those of a wide page."""
    grid = axes[0].get_gridspec()
    is_wide = grid is not None and grid.ncols > 1
    size = SMALL if is_wide else "small"
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize=SMALL if is_wide else "medium", fontweight="bold")
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        figure.legend(
            entries.values(),
            entries,
            loc="outside upper center" if is_wide else "outside lower center",
            ncols=columns,
            frameon=False,
            fontsize=size,
        )


def draw_full_score(ax: Axes) -> None:
    """Draw the line at the full score, behind the curves."""
    ax.axhline(100, color="#888888", linewidth=0.8, zorder=0)


def draw_zero_line(ax: Axes) -> None:
    """Draw the line of no difference, behind the curves."""
    ax.axhline(0, color="#888888", linewidth=0.8, zorder=0)


def label_point(ax: Axes, x: float, y: float, stress: str, shift: tuple[float, float]) -> None:
    """Write the value of a point beside it in the colour of its stress; `shift` is the offset, in typographic points."""
    ax.annotate(
        f"{y:.1f}", (x, y), shift, textcoords="offset points", color=COLOURS[stress], fontsize=SMALL, fontweight="bold"
    )


def draw_ours(ax: Axes, rows: pd.DataFrame, colour: Any, label: str, **look: Any) -> pd.Series:
    """Draw the score kept against the dimensions kept: the mean over repeats, in a band of one standard deviation.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rows : pandas.DataFrame
        One curve, with the columns of :func:`stresslib.paper.published.with_shares`.
    colour : color
    label : str
        For the legend.
    **look : Any
        Replaces entries of :data:`OURS`.

    Returns
    -------
    pandas.Series
        The mean score kept, indexed by the percent of the dimensions.
    """
    kept = rows.groupby(percent_kept(rows))["kept"]
    # The population standard deviation, as in the paper; it is 0 for one repeat.
    mean, deviation = kept.mean(), kept.std(ddof=0).fillna(0)
    if kept.size().max() > 1:
        ax.fill_between(mean.index, mean - deviation, mean + deviation, color=colour, alpha=0.25, linewidth=0)
    if len(mean):
        ax.plot(mean.index, mean, color=colour, label=label, **{**OURS, **look})
    return mean


def draw_paper(ax: Axes, rows: pd.DataFrame, colour: Any, label: str, **look: Any) -> pd.Series:
    """Draw a published curve as :func:`draw_ours` draws ours; `look` replaces entries of :data:`PAPER`."""
    kept = rows["kept"].set_axis(percent_kept(rows))
    if len(kept):
        ax.plot(kept.index, kept, color=colour, label=label, **{**PAPER, **look})
    return kept


def spread(heights: Iterable[float], gap: float) -> list[float]:
    """Move labels apart that would overlap, and no further.

    Parameters
    ----------
    heights : iterable of float
        Where the labels belong.
    gap : float
        Smallest distance between two labels.

    Returns
    -------
    list of float
        New heights, entry by entry; labels keep their vertical order, and those that overlap move equally far.

    Examples
    --------
    >>> from stressbook.drawing.style import spread
    >>> spread([50.0, 90.0, 51.0], gap=5)
    [48.0, 90.0, 53.0]
    """
    # With one gap subtracted for each label below, "at least a gap apart" is "never falling": isotonic regression.
    wanted = np.asarray(list(heights), dtype=float)
    order, below = np.argsort(wanted, kind="stable"), gap * np.arange(len(wanted))
    placed = np.empty_like(wanted)
    placed[order] = isotonic_regression(wanted[order] - below) + below
    return [float(height) for height in placed]


def save_figure(figure: Figure, folder: str | os.PathLike[str], name: str) -> None:
    """Write a figure as NAME.svg and NAME.png; equal figures give equal bytes."""
    for kind, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 200, "metadata": {"Software": None}})):
        with replacing(Path(folder) / f"{name}.{kind}") as temporary, matplotlib.rc_context({"svg.hashsalt": name}):
            figure.savefig(temporary, format=kind, **options)
            if kind == "svg":
                temporary.write_text(with_titles(temporary.read_text(encoding="utf-8"), figure), encoding="utf-8")


def save(figure: Figure, results: pd.DataFrame, folder: str | os.PathLike[str], name: str, more: Sequence[str] = ()) -> None:
    """Write a figure as SVG and PNG, and the table that it shows as CSV; equal inputs give equal bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    results : pandas.DataFrame
        In the schema of results tables.
    folder : path-like
    name : str
        File name without its extension.
    more : sequence of str, default=()
        Numeric columns beside those of the schema.
    """
    save_figure(figure, folder, name)
    write_results(results, Path(folder) / f"{name}.csv", more)
