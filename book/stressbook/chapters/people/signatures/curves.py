"""Curves: what templates of fewer bytes cost, by each of the paper's stresses: the chapter's second figure.

From the table of `measure`; `effects` has the numbers.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from stressbook.chapters.people.signatures.effects import RISE, of_kind, people_shown, shown, sizes, smallest_sizes
from stressbook.chapters.people.signatures.names import EER, HEADLINE_VALUES, LEARNED, PACKED
from stressbook.drawing import style
from stressbook.drawing.words import LABELS, paper_name


def plot(results: pd.DataFrame) -> Figure:
    """Draw the equal error rate over the bytes of a signature's vector, a curve a stress.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (ax,) = style.panels(1, height=3.9)
    rows = sizes(results)
    whole = rows[rows["stress"].eq("none")].iloc[0]
    limit = (1 + RISE) * float(whole["score"])
    ax.axhspan(float(whole["score"]), limit, color="#E9E9E9", zorder=0)
    for stress in LABELS:
        curve = rows[rows["stress"].eq(stress)]
        if len(curve):
            ax.plot(curve["bytes"], curve["score"], color=style.COLOURS[stress], label=LABELS[stress], **style.OURS)
    ax.plot([float(whole["bytes"])], [float(whole["score"])], color="black", label="the whole vector", **style.OURS)
    headline = _headline(results)
    if len(headline):
        look = {**style.OURS, "marker": "*", "markersize": 14, "linestyle": "none"}
        colour = style.COLOURS["pca+uniform"]
        ax.plot(headline["bytes"], headline["score"], color=colour, label="the paper's headline, 98.4%", **look)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_locator(FixedLocator([2.0**power for power in range(3, 14, 2)]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    ax.set_xlabel("bytes of a signature's vector")
    ax.set_ylabel("equal error rate (%)")
    ax.set_ylim(bottom=0)
    style.add_titles_and_legend(figure, [ax], [f"{people_shown(results)}: fewer bytes, more errors?"])
    return figure


def _headline(results: pd.DataFrame) -> pd.DataFrame:
    rows = of_kind(shown(results), EER, LEARNED)
    return rows[rows["values"].eq(HEADLINE_VALUES).fillna(False)]


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        "Equal error rate of skilled forgeries when the vectors of what was learned are stored in fewer bytes; the grey "
        f"strip ends where the rate has risen by {RISE:.0%} of itself. Stresses are fitted on people who are not verified."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    rows, parts = sizes(results), []
    for stress, curve in rows.groupby("stress", sort=False):
        name = "the whole vector" if stress == "none" else paper_name(str(stress))
        points = ", ".join(
            f"{score:.1f}% at {size:,.0f}" for size, score in curve[["bytes", "score"]].itertuples(index=False)
        )
        parts.append(f"{name}: {points}")
    return f"Equal error rate against bytes. {'; '.join(parts)}."


def verdicts(results: pd.DataFrame) -> str:
    """Say down to which size each stress keeps the error, and what a file of one person holds, as a Markdown list."""
    lines = []
    for name, size in smallest_sizes(results).items():
        end = "at no size that was tried" if size != size else f"down to **{size:,.0f} bytes** a signature"
        lines.append(f"- {LABELS[name]}: within a tenth of the whole vector's error {end}.")
    packed = of_kind(shown(results), PACKED, LEARNED)
    if len(packed):
        whole, side = (float(packed[name].iloc[0]) for name in ("file_bytes", "side_bytes"))
        lines.append(
            f"- The file that the codec writes of one person's references under the paper's headline has {whole:,.0f} "
            f"bytes, of which {side:,.0f} are axes and dictionaries that all people share; {whole - side:,.0f} are this "
            "person's, labels and checksums among them."
        )
    return "\n".join(lines)
