"""Figure 4: draw the score kept with few values per number, from one dictionary (Q-1) or one per dimension (Q-2).

Takes the results table of `measure`. The paper's own figure is VGG-M on VOC 2007.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.drawing import style, tables, words
from stresslib.paper.published import agreement as published_agreement
from stresslib.paper.published import with_shares
from stresslib.results import FEATURES
from stresslib.stress.spec import bits_per_vector

STRESSES = ("uniform-shared", "uniform-per-dimension")


def reference() -> pd.DataFrame:
    """Return the published curves that the figure draws: VGG-M on VOC 2007."""
    table = tables.published_shares()
    # Figure 4 has no full score of its own; the network's other curves give it before the rest is dropped.
    return table[table["source"] == "figure-4"]


def plot(results: pd.DataFrame) -> Figure:
    """Draw a results table over the published curves, in percent of each curve's full score.

    Parameters
    ----------
    results : pandas.DataFrame
        As `measure` returns it; each feature set has a panel.

    Returns
    -------
    matplotlib.figure.Figure
    """
    paper = reference()
    sets = list(tables.feature_sets(with_shares(results)))
    figure, axes = style.page_wide(2 * len(sets), height=1.6, sharey=False)
    most = max(30, int(results["values"].max()))
    powers = [2**bits for bits in range(1, most.bit_length() + 1)]
    ticks = _TICKS if most == 30 else powers
    for ax, (_, rows) in zip(axes, [one for one in sets for _ in range(2)], strict=True):
        _draw(ax, rows, paper)
        ax.set_xscale("log", base=2)
        ax.minorticks_off()
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        if ax in style.first_row(axes):
            _draw_bits(ax, powers)
    axes[0].set_xlim(1.75, 35 / 30 * most)
    whole, near = axes[::2], axes[1::2]
    for column in (whole, near):
        for ax in column[1:]:
            ax.sharey(column[0])
    highest = with_shares(results)["kept"].max()
    whole[0].set_ylim(0, max(112, highest + 6))
    near[0].set_ylim(NEAR, max(101.5, highest + 0.5))
    titles = [text for title, _ in sets for text in (title, f"enlarged from {NEAR:.0f}% on")]
    style.finish_page_wide(figure, axes, titles, "values of the dictionary")
    return figure


NEAR = 94
"""Percent of the full score from which the right column enlarges what lies close under it."""

_TICKS = [2, 3, 4, 6, 8, 12, 16, 24, 30]


def _draw_bits(ax: Axes, powers: list[int]) -> None:
    top = ax.secondary_xaxis("top")
    top.set_xticks(powers, [str(bits_per_vector(f"Q1:{count}", n_features=1)) for count in powers])
    top.minorticks_off()
    top.set_xlabel("bits per number", fontsize=style.SMALL)
    top.tick_params(labelsize=style.SMALL)


def _draw(ax: Axes, rows: pd.DataFrame, paper: pd.DataFrame) -> None:
    for whose, look in (("ours", style.OURS), ("paper", style.PAPER)):
        for stress in STRESSES:
            source = rows if whose == "ours" else paper
            curve = source[source["stress"] == stress]
            name = words.LABELS[stress] if whose == "ours" else words.paper_name(stress)
            ax.plot(curve["values"], curve["kept"], color=style.COLOURS[stress], label=f"{name}, {whose}", **look)


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the kept shares at some sizes of the dictionary, ours and the paper's.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        Columns are sizes of the dictionary.
    """
    small = tables.comparison(with_shares(results), reference(), "values", [2, 4, 8, 16])
    return small.set_axis([f"{count} values" for count in small.columns], axis=1)


def headline(results: pd.DataFrame) -> str:
    """Say what the first feature set keeps with four values per number, beside the published curves.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    small, paper = table(results), reference()
    title, _ = next(tables.feature_sets(results))
    column = "4 values"
    names = {
        title: title,
        f"paper: {words.human_name(*paper[FEATURES].iloc[0])}": f"the paper's {words.network_on_data(paper)}",
    }
    ways = {"Q-1": "from one dictionary", "Q-2": "from one per dimension"}
    if pd.isna(small[column].get(("Q-1", title))):
        return ""
    return f"**With {column} per number, {tables.beside(small, column, ways, names)}.**"


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
        "Score kept with few values per number, from one dictionary (Q-1) or one per dimension (Q-2), in percent of "
        f"the full score: {tables.scored_by(results)}. Thick and filled: ours. Thin and open: the paper's "
        f"{words.network_on_data(reference())}. Right: the same curves, enlarged from {NEAR}% on."
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
    small = table(results)
    parts = [
        f"{features}: {stress} {coarse:.1f}% and {fine:.1f}%"
        for (stress, features), coarse, fine in zip(small.index, small["2 values"], small["8 values"], strict=True)
    ]
    return (
        "Line plot of the share of the full score that is kept against the number of values of the dictionary, one "
        "dictionary and one per dimension, the paper's curves beside ours. With 2 and 8 values the score kept is "
        + "; ".join(parts)
        + "."
    )


def agreement(results: pd.DataFrame) -> pd.DataFrame:
    """Compare our curves with the published ones of the same stress, as :func:`stresslib.agreement` does.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
    """
    return published_agreement(results, reference())


def verdicts(results: pd.DataFrame) -> str:
    """Say where our curves agree with the published ones, as a Markdown list.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    return words.agreement_verdicts(agreement(results), "values", lambda count: f"{count} values")
