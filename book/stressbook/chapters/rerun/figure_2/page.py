"""Figure 2: draw the score kept with fewer dimensions, a panel for each feature set, classical features last.

Takes the results table of `measure`. The paper's own figure has DR-1 of VGG-M, GoogLeNet and BossaNova, and DR-2 of VGG-M,
on VOC 2007.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.drawing import style, tables, words
from stresslib.classical import is_method
from stresslib.paper.published import agreement as published_agreement
from stresslib.paper.published import grid_dimensions, with_shares
from stresslib.results import FEATURES

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
    figure, axes = style.page_wide(len(sets), height=1.6)
    for ax, (_, rows) in zip(axes, sets, strict=True):
        theirs, classical = _rival_of(rows), rival("bossanova", "bossanova")
        for stress in STRESSES:
            label = f"{words.LABELS[stress]}, ours"
            mean = style.draw_ours(ax, rows[rows["stress"] == stress], style.COLOURS[stress], label)
            tenth = mean[mean.index <= 10].tail(1)
            for share, height in zip(tenth.index, tenth, strict=True):
                style.label_point(ax, share, height, stress, (5, -11) if stress == STRESSES[0] else (-8, 7))
        for stress in STRESSES:  # thin and open, so that they hide nothing of ours
            label = f"{words.paper_name(stress)}, paper"
            style.draw_paper(ax, theirs[theirs["stress"] == stress], style.COLOURS[stress], label)
        if not theirs.equals(classical):
            style.draw_paper(ax, classical, style.GREY, "paper: BossaNova", marker="", zorder=1.5)
        ax.set(xlim=(0, 102), xticks=range(0, 101, 20))
        # Where the panel is empty: the network of the open points, and how many dimensions the percentages hide.
        network = words.NAMES[theirs["model"].iloc[0]]
        sizes = f"5%: {_smallest_of_all(rows)}\npaper: {network}, {_smallest_of_all(theirs)}"
        ax.text(0.99, 0.05, sizes, transform=ax.transAxes, ha="right", va="bottom", fontsize=style.SMALL)
    # All panels share one scale: what none of them may cut off is known when the last is drawn.
    axes[0].set_ylim(top=max(112, axes[0].get_ylim()[1]))
    style.finish_page_wide(figure, axes, [title for title, _ in sets], "dimensions kept (%)", columns=3)
    return figure


def _rival_of(rows: pd.DataFrame) -> pd.DataFrame:
    return rival(*rows[["model", "layer"]].iloc[0])


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


def headline(results: pd.DataFrame) -> str:
    """Say what the first feature set keeps with a tenth of the dimensions, beside the published curves of its panel.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    small = table(results)
    title, rows = next(tables.feature_sets(results))
    theirs = _rival_of(rows)
    # A tenth is the paper's place; a run that leaves it out has another.
    column = next((name for name in ("10%", *small) if small[name].get(("DR-1", title), float("nan")) > 0), "")
    if not column:
        return ""
    names = {
        title: title,
        f"paper: {words.human_name(*theirs[FEATURES].iloc[0])}": f"the paper's {words.network_on_data(theirs)}",
    }
    ways = {"DR-1": "when they are drawn at random", "DR-2": "as principal components"}
    return f"**With {column} of the dimensions, {tables.beside(small, column, ways, names)}.**"


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows, and how its curves are told apart.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    return (
        "Score kept with fewer dimensions, drawn at random (DR-1) or by principal components (DR-2), in percent of the "
        f"full score: {tables.scored_by(results)}. Thick and filled: ours, {tables.draws(results)}. Thin and open: the "
        "published curve of the network that the panel names, on VOC 2007; grey: that of BossaNova. The numbers at the "
        "curves are kept with 10% of the dimensions; the two lines below say how many dimensions 5% are."
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
    kept = table(results)["10%"].dropna()
    parts = [f"{features}: {stress} {share:.1f}%" for (stress, features), share in zip(kept.index, kept, strict=True)]
    both = (*tables.feature_sets(results), *tables.feature_sets(reference()))
    sizes = dict.fromkeys(f"{_smallest_of_all(rows)} for {title}" for title, rows in both)
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
