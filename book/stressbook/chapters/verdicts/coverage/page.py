"""Coverage: every published number beside one of ours, on the same data set or a stand-in, or the command that makes one.

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
from stresslib.paper.published import NAMESAKES, published
from stresslib.results import FEATURES, SETTING, read_results, results_table

ALL = "all"
"""The row of the table that is about all sources."""

SAME_DATA = {**NAMESAKES, "voc2007-val": "voc2007"}
"""Data sets of ours that are the paper's, and what the published table calls them: `voc2007-val` has half of its images."""

BESIDE = {"same": "on the same data set", "stand_in": "on a stand-in", "none": "nothing here"}
"""What stands beside a published number."""

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


def beside(joined: pd.DataFrame) -> pd.Series:
    """Return for each published number which of :data:`BESIDE` stands beside it; `joined` is of :func:`join`."""
    same = joined["dataset"].replace(SAME_DATA).eq(joined["published_dataset"]).fillna(False)
    kinds = same.map({True: "same", False: "stand_in"})
    return kinds.mask(joined["difference"].isna(), "none")


def plot(joined: pd.DataFrame) -> Figure:
    """Draw what stands beside the numbers of each source, and every pair of numbers, ours over the paper's.

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
    """Draw a bar for the published numbers of each source, filled by what stands beside them."""
    left = pd.Series(0, small.index)
    fills: dict[str, dict[str, Any]] = {
        "same": {"color": "#444444"},
        "stand_in": {"color": "#BBBBBB", "hatch": "////"},
        "none": {"color": "white"},
    }
    for kind, fill in fills.items():
        ax.barh(
            small.index, small[kind], left=left, height=0.66, edgecolor="#444444", linewidth=0.9, label=BESIDE[kind], **fill
        )
        left += small[kind]
    for place, (source, row) in enumerate(small.iterrows()):
        name = str(source).replace("-", " ").capitalize()
        label = f"{name}: {' + '.join(f'{row[kind]:.0f}' for kind in fills)}"
        ax.annotate(label, (row["numbers"], place), (4, 0), textcoords="offset points", va="center", fontsize="small")
    ax.set(xticks=[], yticks=[], xlim=(0, 1.7 * small["numbers"].max()))
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, frameon=False, fontsize="small")
    ax.set_title("what stands beside the published numbers", fontsize="medium", fontweight="bold", loc="left")


def table(joined: pd.DataFrame) -> pd.DataFrame:
    """Count the published numbers by what stands beside them, and measure how far the pairs lie apart.

    Parameters
    ----------
    joined : pandas.DataFrame
        As returned by :func:`join`.

    Returns
    -------
    pandas.DataFrame
        A row for each source and one for all: the published `numbers`, those of each kind of :data:`BESIDE`, the distinct
        `settings` among the numbers, the `mean` and the `largest` absolute difference of the pairs in points, and the
        percent of the pairs that are `close`: within :data:`stressbook.drawing.words.CLOSE` points.
    """
    joined = joined.assign(beside=beside(joined))
    parts = {**{str(source): rows for source, rows in joined.groupby("source")}, ALL: joined}
    counted = {}
    for name, rows in parts.items():
        apart = rows["difference"].dropna().abs()
        counted[name] = {
            "numbers": len(rows),
            **{kind: int(rows["beside"].eq(kind).sum()) for kind in BESIDE},
            "settings": len(rows[PUBLISHED_SETTING].drop_duplicates()),
            "mean": round(apart.mean(), 2),
            "largest": round(apart.max(), 2),
            "close": round(100 * (apart <= words.CLOSE).mean(), 1),
        }
    return pd.DataFrame.from_dict(counted, orient="index")


def shown(joined: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`table` with the headings of the page."""
    names = {**BESIDE, "mean": "mean diff.", "largest": "largest diff.", "close": f"within {words.CLOSE:.0f} points (%)"}
    return table(joined).rename(columns=names)


def headline(joined: pd.DataFrame) -> str:
    """Say how many of the published numbers stand beside one on the same data set, how many beside a stand-in or nothing."""
    whole = table(joined).loc[ALL]
    text = (
        f"**Of the {whole['numbers']:,.0f} published numbers, {whole['same']:,.0f} stand beside a number on the same data "
        f"set, {whole['stand_in']:,.0f} beside a stand-in on another one, and {whole['none']:,.0f} beside nothing.** They "
        f"belong to {whole['settings']:,.0f} settings, as some are in two sources."
    )
    if whole["none"] == whole["numbers"]:
        return text
    return (
        f"{text} Over all pairs the mean difference is {whole['mean']:.2f} points of the kept share, the largest "
        f"{whole['largest']:.2f}."
    )


def stand_ins(joined: pd.DataFrame) -> str:
    """List which of our feature sets stands beside which published one in these results, in Markdown."""
    pairs = joined.dropna(subset=["difference"]).assign(beside=beside(joined))
    ours = pairs["dataset"] + "/" + pairs["model"] + "/" + pairs["layer"]
    theirs = pairs["published_dataset"] + "/" + pairs["published_model"] + "/" + pairs["published_layer"]
    counts = pd.DataFrame({"theirs": theirs, "ours": ours, "beside": pairs["beside"]}).value_counts(sort=False)
    lines = [
        f"| `{row['theirs']}` | `{row['ours']}` | {BESIDE[row['beside']]} | {row['count']} |"
        for row in counts.reset_index(name="count").to_dict("records")
    ]
    return "\n".join(["| the paper | here | which is | numbers |", "|---|---|---|---:|", *lines])


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
    parts = [
        f"{source}: {row['same']:.0f} on the same data set, {row['stand_in']:.0f} on a stand-in, of {row['numbers']:.0f}"
        for source, row in small.iterrows()
    ]
    return (
        "Bars of the published numbers of each source, filled by what stands beside them, and below two scatter plots of "
        f"every pair, ours over the paper's. {'; '.join(parts)}. Over all pairs the mean difference is {whole['mean']:.2f} "
        f"points, the largest {whole['largest']:.2f}."
    )


def missing(joined: pd.DataFrame) -> str:
    """List the published numbers beside which nothing stands, curve by curve, with the reason and the command, in Markdown.

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
    return "\n".join(lines) or "None: a number of this project stands beside each published one."


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
