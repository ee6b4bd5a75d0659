"""Explorer: the page of all settings: what a budget of bits buys, and the first view of the charts as a static picture.

Takes the table that `settings` gathers; `fragments` makes the part of the page that reacts.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, to_hex
from matplotlib.figure import Figure

from stressbook.chapters.rerun.explorer.settings import best, by_feature_set, combined, paper_settings, quoted_spec
from stressbook.drawing import style, tables, words
from stresslib.files import write_text
from stresslib.stress.spec import bits_per_vector

STEPS = [50, 80, 90, 95, 97, 98, 99, 99.5, 100]
"""Kept shares, in percent, at which the colour of the map changes: finer where most settings worth choosing lie."""

ENLARGED = 85
"""Percent of the full score below which an enlarged chart shows nothing."""

TICKS = [0.1, 0.3, 1, 3, 10, 30, 100]
"""Ticks of the bits, in percent of the full vector."""

BUDGETS = (1, 2, 5)
"""Budgets in percent of the full vector for which the description of the picture names the best setting."""


def table(settings: pd.DataFrame) -> pd.DataFrame:
    """Count the settings of each feature set, stress by stress.

    Parameters
    ----------
    settings : pandas.DataFrame
        As :func:`~stressbook.chapters.rerun.explorer.settings.gather` returns it.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set, a column for each stress, by the paper's names.
    """
    rows = {}
    for one in by_feature_set(settings):
        counts = one["stress"].value_counts()
        prefix = "published: " if one["published"].all() else ""
        rows[prefix + tables.features_name(one)] = [int(counts.get(stress, 0)) for stress in words.LABELS]
    columns = [words.paper_name(stress) for stress in words.LABELS]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("feature set")


def headline(settings: pd.DataFrame) -> str:
    """Say what the paper's quoted budget buys on the first feature set, and in the paper.

    Parameters
    ----------
    settings : pandas.DataFrame
        As :func:`~stressbook.chapters.rerun.explorer.settings.gather` returns it.
    """
    sets, paper = by_feature_set(settings), paper_settings(settings)
    width = int(sets[0]["n_features"].iloc[0])
    ours = best(sets[0], bits_per_vector(quoted_spec(width), width))
    (theirs,) = (row for row in paper.to_dict("records") if row["spec"] == quoted_spec(row["n_features"]))
    text = (
        f"**{len(settings):,} settings of {len(sets)} feature sets are in this page.** In the paper {_bought(theirs)} of "
        f"{words.network_on_data(paper)}, by `{theirs['spec']}`."
    )
    if ours is None:
        return text
    return f"{text} Of {tables.features_name(sets[0])}, {_bought(ours)}, by `{ours['spec']}`."


def _full_bits(rows: pd.DataFrame) -> int:
    return bits_per_vector("none", int(rows["n_features"].iloc[0]))


def _bought(row: dict[Hashable, Any]) -> str:
    full = bits_per_vector("none", row["n_features"])
    return f"{row['bits']:,} of {full:,} bits ({100 * row['bits'] / full:.2f}%) keep {row['kept']:.1f}% of the score"


def plot(settings: pd.DataFrame) -> Figure:
    """Draw the page's first view without scripts: the map of the first feature set, and its score over the bits.

    Parameters
    ----------
    settings : pandas.DataFrame
        As :func:`~stressbook.chapters.rerun.explorer.settings.gather` returns it.

    Returns
    -------
    matplotlib.figure.Figure
        Without the map where the feature set has no size under several numbers of values.
    """
    first, paper = by_feature_set(settings)[0], paper_settings(settings)
    cells = combined(first).pivot_table(index="dimensions", columns="values", values="kept").sort_index()
    cells = cells[cells.notna().sum(axis=1) > 1]  # sizes with one number of values come from other tables
    figure, axes = style.panels(1 + (len(cells) > 0), height=3.9, sharey=False)
    if len(cells):
        _draw_map(figure, axes[0], cells)
    _draw_bits(axes[-1], first, paper)
    name = tables.features_name(first)
    titles = [f"{name}: DR-2, then Q-2", f"{name}, and {words.network_on_data(paper)} (paper)"]
    style.add_titles_and_legend(figure, axes, titles[-len(axes) :], columns=3)
    return figure


def _draw_map(figure: Figure, ax: Axes, cells: pd.DataFrame) -> None:
    norm = BoundaryNorm([0, *STEPS, 200], len(STEPS) + 1)
    mesh = ax.pcolormesh(cells.to_numpy(), cmap=ListedColormap(palette()), norm=norm, edgecolors="white", linewidth=0.6)
    ax.grid(visible=False)
    shown = range(0, cells.shape[1], 2)
    ax.set_xticks([place + 0.5 for place in shown], [f"{cells.columns[place]}" for place in shown])
    ax.set_yticks([place + 0.5 for place in range(len(cells))], [f"{size:,}" for size in cells.index])
    ax.set(xlabel="values per dimension", ylabel="principal components")
    bar = figure.colorbar(mesh, ax=ax, ticks=STEPS, format="%g", spacing="uniform", aspect=30)
    bar.set_label("score kept (% of full score)")


def _draw_bits(ax: Axes, first: pd.DataFrame, paper: pd.DataFrame) -> None:
    for rows, whose, linewidth, look in (
        (paper, "paper", 1.0, {"markerfacecolor": "white", "markersize": 3.0, "alpha": 0.6}),
        (first, "ours", 2.0, {"markersize": 3.4, "markeredgewidth": 0}),
    ):
        share = 100 * rows["bits"] / _full_bits(rows)
        for stress in words.LABELS:
            here = rows["stress"] == stress
            if here.any():
                label = f"{words.paper_name(stress)}, {whose}"
                ax.plot(share[here], rows.loc[here, "kept"], "o", color=style.COLOURS[stress], label=label, **look)
        front = rows["front"]
        ax.step(
            share[front],
            rows.loc[front, "kept"],
            where="post",
            color="#222222",
            linewidth=linewidth,
            label=f"{whose}: not beaten",
        )
    ax.set_xscale("log")
    ax.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    ax.minorticks_off()
    ax.set(xlabel=f"bits per vector (% of {_full_bits(first):,})", xlim=(TICKS[0], 120), ylim=(ENLARGED, 102))
    ax.set_ylabel("score kept (% of full score)")


def palette() -> list[str]:
    """Return a colour for each class of :data:`STEPS`, dark for little and light for much."""
    colours = matplotlib.colormaps["viridis"].resampled(len(STEPS) + 1)
    return [to_hex(colours(place)) for place in range(colours.N)]


def alt_text(settings: pd.DataFrame) -> str:
    """Describe the static picture in words, from its data.

    Parameters
    ----------
    settings : pandas.DataFrame
        As :func:`~stressbook.chapters.rerun.explorer.settings.gather` returns it.
    """
    first, paper = by_feature_set(settings)[0], paper_settings(settings)
    name, parts = tables.features_name(first), []
    for rows, whose in ((first, name), (paper, "the paper")):
        for percent in BUDGETS:
            row = best(rows, _full_bits(rows) * percent // 100)
            if row is not None:
                parts.append(f"{_bought(row)} by {row['spec']} ({whose})")
    budgets = f"{', '.join(map(str, BUDGETS[:-1]))} and {BUDGETS[-1]}%"
    return (
        f"Two panels on {name}. A map of the share of the score that is kept, over the number of principal "
        "components and the values of the dictionary; and the share that is kept against the bits of a vector for every "
        "measured setting, with a line through those that no other beats, the paper's beside ours. Best within "
        f"{budgets} of the bits: {'; '.join(parts)}."
    )


def save(settings: pd.DataFrame, folder: str | Path) -> None:
    """Write the static picture (SVG, PNG) and the settings (CSV).

    Parameters
    ----------
    settings : pandas.DataFrame
        As :func:`~stressbook.chapters.rerun.explorer.settings.gather` returns it.
    folder : path-like
    """
    style.save_figure(plot(settings), folder, "explorer")
    text = {name: settings[name].map("{:.6f}".format) for name in ("score", "kept")}
    write_text(Path(folder) / "explorer.csv", settings.assign(**text).to_csv(index=False, lineterminator="\n"))
