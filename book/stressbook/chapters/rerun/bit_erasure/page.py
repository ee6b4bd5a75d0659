"""Erased bits: what is left of the score when the lowest bits of every number are set to zero (Q-B).

The paper's supplement has VGG-M, VGG-M-128 and GoogLeNet on VOC 2007, and VGG-M on MIT-67 and Food-101.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.drawing import style, tables, words
from stresslib.paper.counterparts import rival
from stresslib.paper.published import FEATURES, with_shares
from stresslib.paper.published import agreement as published_agreement

STRESS, SOURCE = "bit-erasure", "supplement-bits"


def plot(results: pd.DataFrame) -> Figure:
    """Draw a results table over the published curves, in percent of each curve's full score.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`specs`, one feature set or several: a panel each.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = list(tables.feature_sets(with_shares(results)))
    figure, axes = style.panels(len(drawn), height=2.5)
    for ax, (_, rows) in zip(axes, drawn, strict=True):
        ours, theirs = rows[rows["stress"] == STRESS], rival(SOURCE, _name(rows))
        colour = style.COLOURS[STRESS]
        ax.plot(theirs["removed_bits"], theirs["kept"], color=colour, label=f"paper: {_paper(theirs)}", **style.PAPER)
        ax.plot(ours["removed_bits"], ours["kept"], color=colour, label="ours", **style.OURS)
        _prepare(ax)
        # The paper's curve is another one in each panel, so each has a legend of its own.
        ax.legend(loc="center left", bbox_to_anchor=(0.01, 0.5), frameon=False, fontsize="small")
    style.finish(figure, axes, [title for title, _ in drawn])
    for legend in figure.legends:
        legend.remove()
    return figure


def _prepare(ax: Axes) -> None:
    # As much room for every place of the grid: the last fourteen bits decide, and stand five times as dense.
    bits, places = [-5, 0, 50, 65], [-1, 0, 10, 25]
    ax.set_xscale("function", functions=(lambda bit: np.interp(bit, bits, places), lambda at: np.interp(at, places, bits)))
    ax.set_xticks([*range(0, 50, 10), *range(50, 65, 2)])
    ax.set(xlabel="lowest bits erased, of 64 (stretched from 50 on)", xlim=(-2.5, 64.6), ylim=(-9, 106))
    for first, last, part in ((0, 29, "not in a float32"), (29, 52, "mantissa"), (52, 63, "exponent")):
        ax.axvline(last, color="#AAAAAA", linewidth=0.8, linestyle=":", zorder=0)
        middle = np.interp(np.interp([first, last], bits, places).mean(), places, bits)
        ax.text(middle, -5, part, ha="center", va="center", fontsize="small", color="#555555")


def _name(rows: pd.DataFrame) -> str:
    return "/".join(rows[FEATURES].iloc[0])


def _paper(rows: pd.DataFrame) -> str:
    return f"{words.NAMES[rows['model'].iloc[0]]} on {words.NAMES[rows['dataset'].iloc[0]]}"


def agreement(results: pd.DataFrame) -> pd.DataFrame:
    """Compare each panel's two curves.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        As of :func:`stresslib.agreement`, for the metric that is drawn.
    """
    pairs = ((rows, rival(SOURCE, _name(rows))) for _, rows in tables.feature_sets(results))
    return pd.concat([published_agreement(*pair) for pair in pairs], ignore_index=True)


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the kept shares with some of the measured numbers of erased bits, ours and the paper's under each other.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        A pair of rows for each feature set, columns are numbers of erased bits.
    """
    measured = sorted(set(results["removed_bits"].dropna()))
    bits, rows = [count for count in measured if count in (50, 52, 53, 54, 55, 56, 58, 62)] or measured, {}
    for _, curve in tables.feature_sets(with_shares(results)):
        theirs = rival(SOURCE, _name(curve))
        for name, part in ((_name(curve).replace("/", ", "), curve), (f"paper: {_paper(theirs)}", theirs)):
            rows[_name(curve), name] = part[part["stress"] == STRESS].set_index("removed_bits")["kept"].reindex(bits)
    small = pd.DataFrame(rows).T.droplevel(0).rename_axis("features")
    return small.set_axis([f"{count} bits" for count in bits], axis=1).astype(float).round(1)


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
    columns = [column for column in ("52 bits", "56 bits") if column in small] or [str(small.columns[-1])]
    parts = [f"{features} {' and '.join(f'{share:.1f}%' for share in row)}" for features, row in small[columns].T.items()]
    return (
        "Line plots of the share of the full score that is kept against the number of erased bits, a panel for each feature "
        f"set, ours over the paper's curve. With {' and '.join(columns)} erased the score kept is {'; '.join(parts)}."
    )


def verdicts(agreement: pd.DataFrame) -> str:
    """Say where our curves agree with the published ones and lie in their order, as a Markdown list."""
    lines = [words.agreement_verdicts(agreement, "removed_bits", lambda bits: f"{bits} bits erased")]
    order = words.order_sentence(agreement, "panels")
    return "\n".join([*lines, f"- {order}"] if order else lines)
