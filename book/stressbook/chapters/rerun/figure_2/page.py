"""Figure 2: draw the score kept with fewer dimensions, a panel for each feature set, classical features last.

Takes the results table of `measure`. The paper's own figure has DR-1 of VGG-M, GoogLeNet and BossaNova, and DR-2 of VGG-M,
on VOC 2007.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.drawing import style, tables, words
from stresslib.classical import is_method
from stresslib.paper.published import agreement as published_agreement
from stresslib.paper.published import grid_dimensions, with_shares

STRESSES = ("random-selection", "pca")

TABLE_STEPS = [1, 2, 5, 10]
"""The places of the paper's grid that the table shows."""


def reference() -> pd.DataFrame:
    """Return the published curves that the figure draws: VGG-M, GoogLeNet and BossaNova on VOC 2007."""
    table = tables.published_shares()
    return table[table["source"] == "figure-2"]


def rival(model: str, layer: str) -> pd.DataFrame:
    """Return the published curves that ours of a model and layer are compared with.

    Parameters
    ----------
    model, layer : str
        Of our curve. Classical features are compared with BossaNova, the layer ``"inception5b"`` with GoogLeNet, which was
        read there, and everything else with VGG-M.

    Returns
    -------
    pandas.DataFrame
        Rows of :func:`reference`.
    """
    paper = reference()
    if is_method(model):
        return paper[paper["model"] == "bossanova"]
    return paper[paper["layer"] == (layer if layer in set(paper["layer"]) else "relu7")]


def plot(results: pd.DataFrame) -> Figure:
    """Draw a results table over the published curves, in percent of each curve's full score.

    Parameters
    ----------
    results : pandas.DataFrame
        As `measure` returns it; each feature set has a panel. The band is the population standard deviation over repeats,
        as in the paper.

    Returns
    -------
    matplotlib.figure.Figure
    """
    sets = list(tables.feature_sets(with_shares(results)))
    figure, axes = style.panels(len(sets), height=3.1)
    for ax, (_, rows) in zip(axes, sets, strict=True):
        theirs, classical = _rival_of(rows), rival("bossanova", "bossanova")
        is_classical = theirs.equals(classical)
        for stress in STRESSES:
            colour = style.COLOURS[stress]
            label = f"{words.paper_name(stress)}, paper: {words.network_on_data(theirs)}"
            marker = _MARKERS[theirs["model"].iloc[0]]
            style.draw_paper(ax, theirs[theirs["stress"] == stress], colour, label, marker=marker)
            mean = style.draw_ours(ax, rows[rows["stress"] == stress], colour, f"{words.LABELS[stress]}, ours")
            tenth = mean[mean.index <= 10].tail(1)
            for share, height in zip(tenth.index, tenth, strict=True):
                style.label_point(ax, share, height, stress, (7, -11) if stress == STRESSES[0] else (-6, 8))
        if not is_classical:
            label = f"DR-1, paper: {words.network_on_data(classical)} (classical)"
            style.draw_paper(ax, classical, style.GREY, label, marker="", zorder=1.5)
        ax.set(xlabel="dimensions kept (%)", xlim=(0, 102))
        ax.set_ylim(top=max(103, ax.get_ylim()[1]))
        _draw_sizes(ax, [rows, theirs] if is_classical else [rows, theirs, classical])
    style.finish(figure, axes, [title for title, _ in sets])
    return figure


_MARKERS = {"vgg-m": "o", "googlenet": "s", "bossanova": "^"}


def _rival_of(rows: pd.DataFrame) -> pd.DataFrame:
    return rival(*rows[["model", "layer"]].iloc[0])


def _draw_sizes(ax: Axes, curves: list[pd.DataFrame]) -> None:
    """Show in the empty corner how many dimensions 5% are: the panel's percentages hide it."""
    sizes = [_smallest(rows) for rows in curves]
    names = ["ours", *(words.NAMES[rows["model"].iloc[0]] for rows in curves[1:])]
    inset = ax.inset_axes((0.52, 0.06, 0.48, 0.32))
    bars = inset.barh(
        range(len(sizes)), sizes, color=[style.COLOURS[STRESSES[0]], "white", style.GREY][: len(sizes)], height=0.62
    )
    bars[1].set_edgecolor(style.COLOURS[STRESSES[0]])
    inset.bar_label(bars, [_smallest_of_all(rows) for rows in curves], padding=3, fontsize="small")
    inset.set_yticks(range(len(sizes)), names, fontsize="small")
    inset.set(xticks=[], xlim=(0, 2.1 * max(sizes)), ylim=(len(sizes) - 0.5, -0.5))  # room for the longest bar's label
    inset.tick_params(axis="y", length=0)
    inset.spines[:].set_visible(False)
    inset.spines["left"].set_visible(True)
    inset.set_title("5% of the dimensions are", fontsize="small", loc="left", pad=2)


def _width(rows: pd.DataFrame) -> int:
    return int(rows["n_features"].iloc[0])


def _smallest(rows: pd.DataFrame) -> int:
    return grid_dimensions(_width(rows))[0]


def _smallest_of_all(rows: pd.DataFrame) -> str:
    return f"{_smallest(rows):,} of {_width(rows):,}"


def agreement(results: pd.DataFrame) -> pd.DataFrame:
    """Compare the curves of each panel with the published ones in it.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        As :func:`stresslib.agreement` returns it, for the metric that is drawn.
    """
    return pd.concat(published_agreement(rows, _rival_of(rows)) for _, rows in tables.feature_sets(results))


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the kept shares at some shares of the dimensions, ours and the paper's.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        Columns are percent of the dimensions.
    """
    small = tables.comparison(with_shares(results), reference(), "step", TABLE_STEPS)
    return small.set_axis([words.percent_of_grid(step) for step in TABLE_STEPS], axis=1)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    kept = table(results)["10%"].dropna()
    parts = [f"{features}: {stress} {share:.1f}%" for (stress, features), share in zip(kept.index, kept, strict=True)]
    both = (*tables.feature_sets(results), *tables.feature_sets(reference()))
    sizes = dict.fromkeys(f"{_smallest_of_all(rows)} for {tables.features_name(rows)}" for _, rows in both)
    return (
        "Line plot of the share of the full score that is kept against the share of dimensions kept, random selection and "
        f"principal components, a panel for each feature set, the paper's curves beside ours. At 10% of the dimensions the "
        f"score kept is {'; '.join(parts)}. 5% of the dimensions are {'; '.join(sizes)}."
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say where our curves agree with the published ones, as a Markdown list.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    return words.agreement_verdicts(
        agreement(results), "step", lambda step: f"{words.percent_of_grid(step)} of the dimensions"
    )
