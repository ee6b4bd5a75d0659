"""Erased bits: draw the score kept when the lowest bits of every number are set to zero (Q-B).

Takes the results table of `measure`. The paper's supplement has VGG-M, VGG-M-128 and GoogLeNet on VOC 2007, and VGG-M on
MIT-67 and Food-101.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.drawing import style, tables, words
from stresslib.paper.counterparts import rival
from stresslib.paper.published import agreement as published_agreement
from stresslib.paper.published import with_shares
from stresslib.results import FEATURES

STRESS, SOURCE = "bit-erasure", "supplement-bits"

MANTISSA, EXPONENT = np.finfo(np.float64).nmant, np.finfo(np.float64).nexp
"""Bits of a double, from the lowest on; the highest bit is the sign."""

UNUSED = MANTISSA - np.finfo(np.float32).nmant
"""The lowest bits of a double, which a float32 that is widened to it leaves zero."""

TABLE_BITS = (50, 52, 53, 54, 55, 56, 58, 62)
"""Numbers of erased bits that the table shows: most of the fall lies there."""


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
    sets = list(tables.feature_sets(with_shares(results)))
    figure, axes = style.page_wide(len(sets), height=1.25)
    for ax, (_, rows) in zip(axes, sets, strict=True):
        ours, theirs = rows[rows["stress"] == STRESS], _rival_of(rows)
        colour = style.COLOURS[STRESS]
        ax.plot(ours["removed_bits"], ours["kept"], color=colour, label="ours", **style.OURS)
        ax.plot(
            theirs["removed_bits"],
            theirs["kept"],
            color=colour,
            label="paper: the curve that each panel names",
            **style.PAPER,
        )
        named = f"paper: {words.network_on_data(theirs)}".replace(" on ", "\non ")
        ax.text(0.02, 0.5, named, transform=ax.transAxes, va="center", fontsize=style.SMALL)
        _prepare(ax, with_fields=ax in style.first_row(axes))
    title = "lowest bits erased, of 64 (stretched from 50 on)"
    style.finish_page_wide(figure, axes, [title for title, _ in sets], title)
    return figure


def _prepare(ax: Axes, *, with_fields: bool) -> None:
    # Every place of the grid gets the same room. The grid has every fifth bit up to 50 and then every bit: the last ones
    # decide.
    bits, places = [-5, 0, 50, 65], [-1, 0, 10, 25]
    ax.set_xscale("function", functions=(lambda bit: np.interp(bit, bits, places), lambda at: np.interp(at, places, bits)))
    ax.set_xticks([0, 20, 40, *range(50, 65, 2)])
    ax.set(xlim=(-2.5, 64.6), ylim=(-9, 110), yticks=[0, 50, 100])
    fields = ((0, UNUSED, "unused"), (UNUSED, MANTISSA, "mantissa"), (MANTISSA, MANTISSA + EXPONENT, "exponent"))
    for first, last, part in fields:
        ax.axvline(last, color="#AAAAAA", linewidth=0.8, linestyle=":", zorder=0)
        if with_fields:
            middle = np.interp(np.interp([first, last], bits, places).mean(), places, bits)
            ax.text(middle, 2, part, ha="center", va="center", fontsize=style.SMALL, color="#555555")


def _rival_of(rows: pd.DataFrame) -> pd.DataFrame:
    return rival(SOURCE, "/".join(rows[FEATURES].iloc[0]))


def what_is_erased() -> str:
    """Say which part of a number the erased bits belong to, from the layout of a double, in Markdown."""
    # Of numbers up to 1 the highest bit of the exponent is zero already.
    return (
        f"A float32 that is widened to 64 bits holds nothing in its lowest {UNUSED}, so the curve has to be flat up to "
        f"there. With {MANTISSA} bits erased every number is rounded down to a power of two; from there on the exponent "
        f"goes, bit by bit, and with {MANTISSA + EXPONENT - 1} all numbers are zero and the classifier has only its first "
        "class to name. On the way the score need not fall with each bit: which powers of two are left counts for more than "
        "how many."
    )


def agreement(results: pd.DataFrame) -> pd.DataFrame:
    """Compare the two curves of each panel.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        As :func:`stresslib.agreement` returns it, for the metric that is drawn.
    """
    parts = [published_agreement(rows, _rival_of(rows)) for _, rows in tables.feature_sets(results)]
    return pd.concat(parts, ignore_index=True)


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the kept shares at some of the measured numbers of erased bits, ours and below each the paper's.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        A pair of rows for each feature set; columns are numbers of erased bits.
    """
    measured = sorted(set(results["removed_bits"].dropna()))
    bits = [count for count in measured if count in TABLE_BITS] or measured
    rows = {}
    for features, ours in tables.feature_sets(with_shares(results)):
        theirs = _rival_of(ours)
        for name, curve in ((features, ours), (f"paper: {words.network_on_data(theirs)}", theirs)):
            rows[features, name] = curve[curve["stress"] == STRESS].set_index("removed_bits")["kept"].reindex(bits)
    small = pd.DataFrame(rows).T.droplevel(0).rename_axis("features")
    return small.set_axis([f"{count} bits" for count in bits], axis=1).astype(float).round(1)


def headline(results: pd.DataFrame) -> str:
    """Say what is kept, over all panels, when the whole mantissa is erased.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    small = table(results)
    column = f"{MANTISSA} bits"
    if column not in small:
        return ""
    is_theirs = small.index.str.startswith("paper: ")
    ours, theirs = (
        f"{kept.min():.1f}% to {kept.max():.1f}%" for kept in (small.loc[~is_theirs, column], small.loc[is_theirs, column])
    )
    erased = f"With {MANTISSA} bits of 64 erased, the whole mantissa"
    return f"**{erased}, our vectors keep {ours} of their score, the paper's {theirs}.**"


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
        "Score kept when the lowest bits of every number, widened to 64, are set to zero, in percent of the full "
        f"score: {tables.scored_by(results)}. Thick and filled: ours. Thin and open: the published curve that the panel "
        f"names. Dotted lines part the {UNUSED} bits that a float32 leaves unused, the rest of the mantissa, and the "
        "exponent."
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
    columns = [column for column in ("52 bits", "56 bits") if column in small] or [str(small.columns[-1])]
    parts = [f"{features} {' and '.join(f'{share:.1f}%' for share in row)}" for features, row in small[columns].T.items()]
    return (
        "Line plots of the share of the full score that is kept against the number of erased bits, a panel for each feature "
        f"set, ours over the paper's curve. With {' and '.join(columns)} erased the score kept is {'; '.join(parts)}."
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say where our curves agree with the published ones and lie in their order, as a Markdown list.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    points = agreement(results)
    lines = [words.agreement_verdicts(points, "removed_bits", lambda bits: f"{bits} bits erased")]
    order = words.order_sentence(points, "panels")
    if order:
        lines.append(f"- {order}")
    return "\n".join(lines)
