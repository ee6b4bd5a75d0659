"""Trade-off: genuine signatures refused against forgeries accepted (a DET curve), by kind of features: the third figure.

From the table of `measure`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from scipy import stats

from stressbook.chapters.people.signatures.effects import KINDS, of_kind, people_shown, shown
from stressbook.chapters.people.signatures.names import LEARNED, TRADE
from stressbook.chapters.people.signatures.page import COLOURS
from stressbook.drawing import style

LINES = dict(zip(KINDS, ["-", "--", "-.", ":", "-", "-"], strict=True))
"""How the curve of each kind is drawn: the grey ones differ by their dashes."""

TICKS = (1, 2, 5, 10, 20, 40, 60, 80)


def curves(results: pd.DataFrame) -> dict[str, pd.Series]:
    """Return for each kind of features the percent refused by the percent of skilled forgeries accepted."""
    rows = shown(results)
    found = {kind: of_kind(rows, TRADE, kind).set_index("level")["score"].sort_index() for kind in KINDS}
    return {kind: curve.astype(float) for kind, curve in found.items() if len(curve)}


def plot(results: pd.DataFrame) -> Figure:
    """Draw refused against accepted on normal deviates, as a DET curve is drawn.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = style.panels(1, height=4.4)
    for kind, curve in curves(results).items():
        heights = stats.norm.ppf(curve.clip(0.5, 99.5) / 100)
        look = {**style.OURS, "linestyle": LINES[kind], "markersize": 3.5, "linewidth": 2.8 if kind == LEARNED else 1.6}
        ax.plot(stats.norm.ppf(curve.index / 100), heights, color=COLOURS[kind], label=KINDS[kind], **look)
    ends = stats.norm.ppf([0.008, 0.6])
    ax.plot(ends, ends, color="#888888", linewidth=0.8, linestyle=":", zorder=0)
    for axis, what in ((ax.xaxis, "forgeries accepted (%)"), (ax.yaxis, "genuine signatures refused (%)")):
        axis.set_major_locator(FixedLocator(list(stats.norm.ppf([tick / 100 for tick in TICKS]))))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda place, _: f"{100 * stats.norm.cdf(place):.0f}"))
        axis.set_label_text(what)
    ax.set_xlim(*ends)
    style.add_titles_and_legend(figure, [ax], [f"{people_shown(results)}: what stricter costs"], columns=2)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        "Skilled forgeries accepted against genuine signatures refused, one threshold for all people, means over draws; "
        "lower is better. Both scales are normal deviates; equal errors lie on the dotted line."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    parts = [
        f"{KINDS[kind]} {', '.join(f'{curve[level]:.0f}% at {level:.0f}%' for level in (1.0, 10.0, 50.0) if level in curve)}"
        for kind, curve in curves(results).items()
    ]
    return f"Percent refused at percent accepted: {'; '.join(parts)}."
