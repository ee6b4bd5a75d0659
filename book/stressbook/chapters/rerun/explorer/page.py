"""Explorer: every measured setting of the book in one table, and the best of them under a budget of bits.

Made of the committed results and the published numbers; it computes nothing. `interactive` puts the table into a page.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, to_hex
from matplotlib.figure import Figure

from stressbook.chapters.rerun.figure_5 import page
from stressbook.drawing import style, tables, words
from stresslib.files import write_text
from stresslib.paper.published import FEATURES, GRID, published, with_shares
from stresslib.results import SETTING, VARIANT, read_results
from stresslib.stress.spec import FLOAT_BITS, Spec, bits_per_vector

TABLES = (
    *("figure-5", "figure-4", "figure-3", "figure-2", "bit-erasure"),
    *("layers", "classical", "networks", "combination"),
)
"""The tables under results/ that hold the book's stresses under the paper's own protocol."""

TOKENS = {
    "none": (None, None),
    "random-selection": ("DR1", None),
    "pca": ("DR2", None),
    "uniform-shared": (None, "Q1"),
    "uniform-per-dimension": (None, "Q2"),
    "bit-erasure": (None, "QB"),
    "pca+uniform": ("DR2", "Q2"),
}
"""The stresses that are shown, and the tokens of their stress strings."""

STEPS = [50, 80, 90, 95, 97, 98, 99, 99.5, 100]
"""Kept shares, in percent, at which the colour of the map changes: finer where settings are worth choosing between."""

ENLARGED = 85
"""Percent of the full score below which an enlarged chart shows nothing."""

KEY = ["published", *FEATURES]
"""Columns that say which feature set a row belongs to, the paper's apart from ours."""

PAPER = "voc2007/vgg-m/relu7"
"""The feature set of the paper's Figure 5."""

PAPER_WIDTH = 4096
"""Its dimensions."""

MARK = (2, 27)
"""Step of the paper's grid of dimensions, and values, of the setting that its abstract quotes."""


def gather(folder: str | Path, own: Iterable[str] = ()) -> pd.DataFrame:
    """Collect every setting of the book, ours and the published ones, with what it costs and what it keeps.

    Parameters
    ----------
    folder : path-like
        Holds the tables of the figures, as results/ does; those of :data:`TABLES` that are there are read.
    own : iterable of path-like, optional
        Results tables that go before those of the folder.

    Returns
    -------
    pandas.DataFrame
        One row a setting, by feature sets and then by bits: `dataset`, `model`, `layer`, `n_features`, `metric` (the
        first of the feature set), whether it is `published`, `stress`, `dimensions`, `values`, `removed_bits`, its `spec`,
        the `bits` of a vector, `score` (mean over `draws` rows, percent), `kept` (percent of the full score), and `front`:
        whether no other setting of its feature set costs as little and keeps as much.

    Raises
    ------
    ValueError
        When there is no table to read.

    Notes
    -----
    Left out are settings that store nothing at all (64 erased bits) and those whose full score is unknown.
    """
    paths = [*map(Path, own), *(path for name in TABLES if (path := Path(folder) / f"{name}.csv").is_file())]
    if not paths:
        raise ValueError(f"{folder} has none of {', '.join(f'{name}.csv' for name in TABLES)}; is it the folder results/?")
    ours = tables.first_metric(
        pd.concat([_own_protocol(path) for path in paths], ignore_index=True).drop_duplicates(SETTING)
    )
    parts = [with_shares(table).assign(published=flag) for table, flag in ((ours, False), (published(), True))]
    table = pd.concat(parts, ignore_index=True)
    table = table[table["stress"].isin(list(TOKENS))]
    key = [*KEY, "n_features", "metric", "stress", "dimensions", "values", "removed_bits"]
    if "source" in table:  # what stands in a figure and in the supplement is one setting
        table = table.drop_duplicates([*key, "repeat"])
    means = table.groupby(key, dropna=False, sort=False).agg(
        score=("score", "mean"), kept=("kept", "mean"), draws=("score", "size")
    )
    means = means.reset_index().dropna(subset=["kept"])
    specs = [spec_of(row) for row in means.to_dict("records")]
    means["spec"] = [str(spec) for spec in specs]
    means["bits"] = [bits_per_vector(spec, int(width)) for spec, width in zip(specs, means["n_features"], strict=True)]
    means = means[means["bits"] > 0].assign(front=False)
    parts = []
    for _, settings in means.groupby(KEY, sort=False):
        settings = settings.sort_values(["bits", "kept"], ascending=[True, False], kind="stable")
        parts.append(settings.assign(front=page.pareto_front(settings["bits"], settings["kept"])))
    return pd.concat(parts, ignore_index=True)


def _own_protocol(path: Path) -> pd.DataFrame:
    """Read a results table; rows of other protocols than the paper's are left out."""
    table = read_results(path)
    return table if VARIANT not in table else table[table[VARIANT].fillna("").eq("")].drop(columns=VARIANT)


def spec_of(row: dict[Hashable, Any]) -> Spec:
    reduction, quantizer = TOKENS[row["stress"]]
    level = row["removed_bits"] if quantizer == "QB" else row["values"]
    return Spec(
        reduction, int(row["dimensions"]) if reduction else None, quantizer, int(level) if quantizer is not None else None
    )


def best(settings: pd.DataFrame, budget: float) -> dict[Hashable, Any] | None:
    """Return the setting that keeps most of the score within a budget, and of several the cheapest.

    Parameters
    ----------
    settings : pandas.DataFrame
        Of :func:`gather`, of one feature set.
    budget : float
        Bits of a vector.

    Returns
    -------
    dict or None
        The row; None where no setting costs as little.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.rerun.explorer.page import best
    >>> settings = pd.DataFrame({"bits": [8, 16, 32], "kept": [50.0, 90.0, 80.0], "front": [True, True, False]})
    >>> best(settings, 40)["bits"]
    16
    >>> best(settings, 7) is None
    True
    """
    affordable = settings[settings["front"] & (settings["bits"] <= budget)]
    dearest_first = affordable.sort_values("bits", ascending=False, kind="stable")
    return next(iter(dearest_first.to_dict("records")), None)


def named(settings: pd.DataFrame) -> str:
    """Return ``DATASET/MODEL/LAYER`` of the rows of one feature set."""
    return "/".join(settings[FEATURES].iloc[0])


def feature_sets(settings: pd.DataFrame) -> list[pd.DataFrame]:
    return [rows for _, rows in settings.groupby(KEY, sort=False)]


def paper_settings(settings: pd.DataFrame) -> pd.DataFrame:
    """Return the published settings of Figure 5, with a front of their own."""
    return combined(next(rows for rows in feature_sets(settings) if rows["published"].all() and named(rows) == PAPER))


def combined(settings: pd.DataFrame) -> pd.DataFrame:
    rows = settings[settings["stress"] == page.STRESS]
    return rows.assign(front=page.pareto_front(rows["bits"], rows["kept"]))


def mark(width: int) -> Spec:
    """Return the paper's quoted setting on a vector of some width."""
    return Spec("DR2", max(1, width * MARK[0] // GRID), "Q2", MARK[1])


def summary(settings: pd.DataFrame) -> pd.DataFrame:
    """Count the settings that there are, stress by stress.

    Parameters
    ----------
    settings : pandas.DataFrame
        Of :func:`gather`.

    Returns
    -------
    pandas.DataFrame
        One row a feature set, one column a stress by the paper's name.
    """
    names = [*words.LABELS]
    rows = {}
    for one in feature_sets(settings):
        counts = one["stress"].value_counts()
        whose = "published: " if one["published"].all() else ""
        rows[whose + tables.features_name(one)] = [int(counts.get(name, 0)) for name in names]
    columns = [words.LABELS[name].split()[0] for name in names]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("feature set")


def headline(settings: pd.DataFrame) -> str:
    """Say what the paper's quoted budget buys on the first feature set, and in the paper.

    Parameters
    ----------
    settings : pandas.DataFrame
        Of :func:`gather`.
    """
    first = feature_sets(settings)[0]
    width = int(first["n_features"].iloc[0])
    ours = best(first, bits_per_vector(mark(width), width))
    (theirs,) = (row for row in paper_settings(settings).to_dict("records") if row["spec"] == str(mark(row["n_features"])))
    said = f"**{len(settings):,} settings of {len(feature_sets(settings))} feature sets are in this page.** In the paper "
    said += f"{_bought(theirs)} of VGG-M on VOC 2007, by `{theirs['spec']}`."
    return f"{said} Of {tables.features_name(first)}, {_bought(ours)}, by `{ours['spec']}`." if ours else said


def _bought(row: dict[Hashable, Any]) -> str:
    full = FLOAT_BITS * row["n_features"]
    return f"{row['bits']:,} of {full:,} bits ({100 * row['bits'] / full:.2f}%) keep {row['kept']:.1f}% of the score"


def plot(settings: pd.DataFrame) -> Figure:
    """Draw the page's first view without scripts: the map of the first feature set, and its score over the bits.

    Parameters
    ----------
    settings : pandas.DataFrame
        Of :func:`gather`.

    Returns
    -------
    matplotlib.figure.Figure
        Without the map where the feature set has no size under several numbers of values.
    """
    first, paper = feature_sets(settings)[0], paper_settings(settings)
    cells = combined(first).pivot_table(index="dimensions", columns="values", values="kept").sort_index()
    cells = cells[cells.notna().sum(axis=1) > 1]  # the others are of another table, at one number of values
    figure, axes = style.panels(1 + (len(cells) > 0), height=3.9, sharey=False)
    if len(cells):
        _draw_map(figure, axes[0], cells)
    _draw_bits(axes[-1], first, paper)
    titles = [
        f"{tables.features_name(first)}: DR-2, then Q-2",
        f"{tables.features_name(first)}, and VGG-M on VOC 2007 (paper)",
    ]
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
    for rows, whose, look in (
        (paper, "paper", {"markerfacecolor": "white", "markersize": 3.0, "alpha": 0.6}),
        (first, "ours", {"markersize": 3.4, "markeredgewidth": 0}),
    ):
        share = 100 * rows["bits"] / (FLOAT_BITS * rows["n_features"])
        for stress, label in words.LABELS.items():
            here = rows["stress"] == stress
            if here.any():
                label = f"{label.split()[0]}, {whose}"
                ax.plot(share[here], rows.loc[here, "kept"], "o", color=style.COLOURS[stress], label=label, **look)
        front = rows["front"]
        ax.step(
            share[front],
            rows.loc[front, "kept"],
            where="post",
            color="#222222",
            linewidth=1.0 if rows is paper else 2.0,
            label=f"{whose}: not beaten",
        )
    ax.set_xscale("log")
    ax.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    ax.minorticks_off()
    width = first["n_features"].iloc[0]
    ax.set(xlabel=f"bits per vector (% of {FLOAT_BITS * width:,})", xlim=(TICKS[0], 120), ylim=(ENLARGED, 102))
    ax.set_ylabel("score kept (% of full score)")


TICKS = [0.1, 0.3, 1, 3, 10, 30, 100]


def palette() -> list[str]:
    """Return a colour for each class of :data:`STEPS`, dark for little and light for much."""
    colours = matplotlib.colormaps["viridis"].resampled(len(STEPS) + 1)
    return [to_hex(colours(place)) for place in range(colours.N)]


def alt_text(settings: pd.DataFrame) -> str:
    """Describe the static picture in words, from its data.

    Parameters
    ----------
    settings : pandas.DataFrame
        Of :func:`gather`.
    """
    first, paper = feature_sets(settings)[0], paper_settings(settings)
    parts = [
        f"{_bought(row)} by {row['spec']} ({whose})"
        for rows, whose in ((first, tables.features_name(first)), (paper, "the paper"))
        for percent in (1, 2, 5)
        if (row := best(rows, FLOAT_BITS * rows["n_features"].iloc[0] * percent // 100))
    ]
    return (
        f"Two panels on {tables.features_name(first)}. A map of the share of the score that is kept, over the number of principal "
        "components and the values of the dictionary; and the share that is kept against the bits of a vector for every "
        "measured setting, with a line through those that no other beats, the paper's beside ours. Best within 1, 2 and 5% "
        "of the bits: " + "; ".join(parts) + "."
    )


def save(settings: pd.DataFrame, folder: str | Path) -> None:
    """Write the static picture (SVG, PNG) and the settings (CSV).

    Parameters
    ----------
    settings : pandas.DataFrame
        Of :func:`gather`.
    folder : path-like
    """
    style.save_figure(plot(settings), folder, "explorer")
    text = {name: settings[name].map("{:.6f}".format) for name in ("score", "kept")}
    write_text(Path(folder) / "explorer.csv", settings.assign(**text).to_csv(index=False, lineterminator="\n"))
