"""Coverage: every published number beside the one of ours that answers it, or the command that would make one.

It joins the committed results with the published table and draws the pairs; nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from textwrap import indent
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.drawing import style, words
from stresslib.files import write_text
from stresslib.paper.counterparts import FIGURES, command, counterparts
from stresslib.paper.published import published
from stresslib.results import FEATURES, SETTING, read_results, results_table

ALL = "all"
"""The row of the table that is about all sources."""

PUBLISHED_SETTING = [
    *(f"published_{name}" for name in (*FEATURES, "n_features", "dimensions", "metric")),
    *("stress", "values", "removed_bits"),
]
"""Columns that say which setting a published number is of: some settings have a number in two sources."""


def join(folder: str | Path, own: Iterable[str] = ()) -> pd.DataFrame:
    """Join every published number with the results in a folder.

    Parameters
    ----------
    folder : path-like
        Holds the tables of the figures, as results/ does. Each source is joined with its figure's table.
    own : iterable of path-like, optional
        Results tables that take precedence over those of the folder.

    Returns
    -------
    pandas.DataFrame
        As :func:`stresslib.counterparts` returns it.
    """
    first = [read_results(path) for path in own]
    parts = []
    for source, figure in FIGURES.items():
        path = Path(folder) / f"{figure}.csv"
        found = [read_results(path)] if path.is_file() else []
        results = pd.concat([results_table([]), *first, *found], ignore_index=True).drop_duplicates(SETTING)
        parts.append(counterparts(results, source=source))
    return pd.concat(parts).sort_index()


def plot(joined: pd.DataFrame) -> Figure:
    """Draw how much of each source has a counterpart, and every pair of numbers, ours over the paper's.

    Parameters
    ----------
    joined : pandas.DataFrame
        As returned by :func:`join`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (counts, whole, enlarged) = style.panels(3, height=1.6, sharey=False)
    grid = figure.add_gridspec(2, 2, height_ratios=[2, 3])
    for ax, place in ((counts, grid[0, :]), (whole, grid[1, 0]), (enlarged, grid[1, 1])):
        ax.set_subplotspec(place)
    _draw_counts(counts, table(joined).drop(ALL).iloc[::-1])
    pairs = joined.dropna(subset=["difference"])
    _draw_pairs(whole, pairs, -3, "every pair")
    _draw_pairs(enlarged, pairs, 84, "enlarged")
    whole.set_ylabel("ours: score kept (%)")
    figure.legend(*whole.get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False, fontsize="small")
    return figure


def _draw_pairs(ax: Axes, pairs: pd.DataFrame, lowest: float, title: str) -> None:
    """Draw our numbers over the paper's, from a lowest share on, in a colour for each stress."""
    highest = max(104, *(float(pairs[whose].max()) + 1 for whose in ("ours", "theirs")))
    ax.fill_between(
        [0, 200], [-words.CLOSE, 200 - words.CLOSE], [words.CLOSE, 200 + words.CLOSE], color="#E3E3E3", linewidth=0
    )
    for stress, points in pairs.groupby("stress", sort=False):
        look: dict[str, Any] = {"ms": 3.2, "mew": 0, "alpha": 0.7, "color": style.COLOURS[str(stress)]}
        ax.plot(points["theirs"], points["ours"], "o", label=words.paper_name(str(stress)), **look)
    ax.set(xlim=(lowest, highest), ylim=(lowest, highest), aspect="equal", xlabel="paper: score kept (%)")
    ax.locator_params(nbins=6)
    ax.set_title(title, fontsize="medium", fontweight="bold", loc="left")


def _draw_counts(ax: Axes, small: pd.DataFrame) -> None:
    """Draw a bar for the published numbers of each source, filled as far as they have a counterpart."""
    ax.barh(small.index, small["numbers"], color="white", edgecolor="#444444", linewidth=0.9, height=0.66)
    ax.barh(small.index, small["found"], color="#444444", height=0.66)
    for place, (source, row) in enumerate(small.iterrows()):
        name = str(source).replace("-", " ").capitalize()
        label = f"{name}: {row['found']:.0f} of {row['numbers']:.0f}"
        ax.annotate(label, (row["numbers"], place), (4, 0), textcoords="offset points", va="center", fontsize="small")
    ax.set(xticks=[], yticks=[], xlim=(0, 1.55 * small["numbers"].max()))
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    ax.set_title("published numbers; filled: with a counterpart here", fontsize="medium", fontweight="bold", loc="left")


def table(joined: pd.DataFrame) -> pd.DataFrame:
    """Count published numbers and their counterparts, and measure how far these lie apart.

    Parameters
    ----------
    joined : pandas.DataFrame
        As returned by :func:`join`.

    Returns
    -------
    pandas.DataFrame
        A row for each source and one for all: the published `numbers` and those `found`, the distinct `settings` among
        both, the mean and the largest absolute difference in points, and the percent of counterparts that are within
        :data:`stressbook.drawing.words.CLOSE` points.
    """
    parts = {**{str(source): rows for source, rows in joined.groupby("source")}, ALL: joined}
    counted = {}
    for name, rows in parts.items():
        found = rows.dropna(subset=["difference"])
        apart = found["difference"].abs()
        counted[name] = {
            "numbers": len(rows),
            "found": len(found),
            "settings": len(rows[PUBLISHED_SETTING].drop_duplicates()),
            "settings found": len(found[PUBLISHED_SETTING].drop_duplicates()),
            "mean difference": round(apart.mean(), 2),
            "largest difference": round(apart.max(), 2),
            f"within {words.CLOSE:.0f} points (%)": round(100 * (apart <= words.CLOSE).mean(), 1),
        }
    return pd.DataFrame.from_dict(counted, orient="index")


def headline(joined: pd.DataFrame) -> str:
    """Say in one sentence how much of what was published has a counterpart."""
    whole = table(joined).loc[ALL]
    return (
        f"{len(joined):,} numbers were published, of {whole['settings']:,.0f} distinct settings. **{whole['found']:,.0f} of "
        f"them, {whole['settings found']:,.0f} settings, have a counterpart among the results of this project**; "
        f"{len(joined) - whole['found']:,.0f} have none."
    )


def alt_text(joined: pd.DataFrame) -> str:
    """Describe the figure in words, from its data.

    Parameters
    ----------
    joined : pandas.DataFrame

    Returns
    -------
    str
    """
    small = table(joined)
    whole = small.loc[ALL]
    parts = [f"{source}: {row['found']:.0f} of {row['numbers']:.0f}" for source, row in small.iterrows()]
    return (
        "Bars of the published numbers of each source with the part that has a counterpart filled, and below two scatter "
        "plots of every pair, ours over the paper's. With a counterpart are " + "; ".join(parts) + ". Over all "
        f"pairs the mean difference is {whole['mean difference']:.2f} points, the largest {whole['largest difference']:.2f}."
    )


def missing(joined: pd.DataFrame) -> str:
    """List the published numbers without a counterpart, curve by curve, with the reason and the command, in Markdown.

    Parameters
    ----------
    joined : pandas.DataFrame

    Returns
    -------
    str
    """
    without = joined[joined["difference"].isna()]
    key = ["source", "paper_name", *(f"published_{name}" for name in FEATURES), "reason", "command"]
    lines = [
        f"- **{source}, {paper_name} of {dataset}, {model}, {layer}**, {len(rows)} numbers: {reason}.\n\n"
        f"  ```bash\n{indent(str(commands), '  ')}\n  ```"
        for (source, paper_name, dataset, model, layer, reason, commands), rows in without.groupby(key, sort=False)
    ]
    return "\n".join(lines) or "None: every published number has a counterpart."


def own_features() -> pd.DataFrame:
    """Return what it takes to compare scores as they are: for each feature set of the paper, the commands.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``DATASET/MODEL/LAYER``: the width and metric of the paper, the number of published `rows` that the
        command would measure, and the `command`.
    """
    paper = published()
    paper["features"] = paper["dataset"] + "/" + paper["model"] + "/" + paper["layer"]
    groups = paper.groupby("features", sort=False)
    own = groups.agg(n_features=("n_features", "first"), metric=("metric", "first"), rows=("source", "size"))
    sources = groups["source"].unique()
    own["command"] = [command(name, [FIGURES[source] for source in sources[name]]) for name in own.index]
    return own


def save(figure: Figure, joined: pd.DataFrame, folder: str | Path, name: str) -> None:
    """Write the figure as SVG and PNG, and the joined table as CSV; equal inputs give equal bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    joined : pandas.DataFrame
    folder : path-like
    name : str
        File name without its ending.
    """
    style.save_figure(figure, folder, name)
    write_text(Path(folder) / f"{name}.csv", joined.to_csv(index=False, lineterminator="\n", float_format="%.6f"))
