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
    shares, paper = with_shares(results), reference()
    sets = list(tables.feature_sets(shares))
    figure, axes = style.panels(len(sets))
    for ax, (_, rows) in zip(axes, sets, strict=True):
        most = max(30, int(rows["values"].max()))
        powers = [2**bits for bits in range(1, most.bit_length() + 1)]
        _draw(ax, rows, paper)
        ax.set_xscale("log", base=2)
        ax.minorticks_off()
        ticks = _TICKS if most == 30 else powers
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.set(xlabel="values of the dictionary", xlim=(1.75, 35 / 30 * most), ylim=(0, max(106, ax.get_ylim()[1])))
        _enlarge(ax, rows, paper)
        top = ax.secondary_xaxis("top")
        top.set_xticks(powers, [str(bits_per_vector(f"Q1:{count}", n_features=1)) for count in powers])
        top.minorticks_off()
        top.set_xlabel("bits per number", fontsize="small")
        top.tick_params(labelsize="small")
    style.finish(figure, axes, [title for title, _ in sets])
    return figure


_TICKS = [2, 3, 4, 6, 8, 12, 16, 24, 30]


def _enlarge(ax: Axes, rows: pd.DataFrame, paper: pd.DataFrame) -> None:
    """Enlarge, where the panel is empty, what lies close under the full score: our curves from 4 values on."""
    ours = rows[rows["values"] >= 4]
    if ours["values"].nunique() < 2:
        return
    least, most = int(ours["values"].min()), int(ours["values"].max())
    near = ax.inset_axes((0.36, 0.1, 0.61, 0.52))
    _draw(near, rows, paper)
    near.set_xscale("log", base=2)
    near.minorticks_off()
    ticks = [tick for tick in (4, 8, 16, 32, 64, 128, 256) if least <= tick <= most]
    ticks = [*(tick for tick in ticks if 1.5 * tick <= most), most]
    near.set_xticks(ticks, [str(tick) for tick in ticks], fontsize="x-small")
    near.set(xlim=(0.9 * least, 1.1 * most), ylim=(94.5, max(101.5, ours["kept"].max() + 0.5)))
    near.tick_params(axis="y", labelsize="x-small")
    near.axhline(100, color="#888888", linewidth=0.8, zorder=0)
    ax.indicate_inset_zoom(near, edgecolor="#555555")


def _draw(ax: Axes, rows: pd.DataFrame, paper: pd.DataFrame) -> None:
    for stress in STRESSES:
        theirs, ours = (part[part["stress"] == stress] for part in (paper, rows))
        colour = style.COLOURS[stress]
        label = f"{words.paper_name(stress)}, paper: {words.network_on_data(theirs)}"
        ax.plot(theirs["values"], theirs["kept"], color=colour, label=label, **style.PAPER)
        ax.plot(ours["values"], ours["kept"], color=colour, label=f"{words.LABELS[stress]}, ours", **style.OURS)


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
