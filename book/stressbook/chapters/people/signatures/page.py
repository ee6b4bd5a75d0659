"""Signatures: the chapter's first figure and its headline: the equal error rate of each kind of features.

Draws and says what `effects` computes; the chapter's other pictures are in `curves`, `tradeoff` and `example`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.people.signatures.effects import (
    EXPECTED,
    KINDS,
    judged,
    of_kind,
    people_shown,
    shown,
    smallest_sizes,
)
from stressbook.chapters.people.signatures.names import CHANCE, DIFFERENCE, EER, FORGERIES, KEPT, LEARNED, RANDOM, RIVALS
from stressbook.drawing import style
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE, UNDECIDED, spread
from stressbook.drawing.words import paper_name

COLOURS = dict.fromkeys(KINDS, style.GREY) | {LEARNED: "#1B8A8F", FORGERIES: "#C98A00"}
"""Colour of each kind of features: what was learned from signatures stands out."""


def rates(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a metric of each kind of features, with its interval, the best kind first.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    metric : str
        In the column `metric`.

    Returns
    -------
    pandas.DataFrame
        By kind: `score`, `score_low`, `score_high`.
    """
    rows = shown(results)
    rows = rows[rows["stress"].eq("none")]
    found = {kind: of_kind(rows, metric, kind) for kind in KINDS}
    there = {kind: one.iloc[0] for kind, one in found.items() if len(one)}
    names = ["score", "score_low", "score_high"]
    return pd.DataFrame({kind: row[names].astype(float) for kind, row in there.items()}).T.sort_values("score")


def plot(results: pd.DataFrame) -> Figure:
    """Draw the equal error rate of skilled and of random forgeries by kind of features, the former with its interval.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = style.page_wide(2, height=2.6, sharex=False)
    order = list(rates(results, EER).index)[::-1]
    for ax, metric in zip(axes, (EER, RANDOM), strict=True):
        table = rates(results, metric).loc[order]
        for place, (kind, row) in enumerate(table.iterrows()):
            colour, (score, low, high) = COLOURS[str(kind)], row.to_list()
            ax.plot([low, high], [place, place], color=colour, linewidth=2.4, alpha=0.5)
            ax.plot([score], [place], color=colour, **style.OURS)
            label = max(high, score) if metric == EER else score
            ax.annotate(
                f"{score:.1f}",
                (label, place),
                (6, 0),
                textcoords="offset points",
                va="center",
                color=colour if kind in (LEARNED, FORGERIES) else "#444444",
                fontsize=style.SMALL,
                fontweight="bold" if kind == LEARNED else "normal",
            )
        ax.set_yticks(range(len(order)), [KINDS[kind] for kind in order], fontsize=style.SMALL)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
        ax.margins(y=0.12)
        top = max(float(table.max().max()), 1.0)
        ax.set_xlim(0, 1.25 * top)
        ax.set_xlabel("equal error rate (%)", fontsize=style.SMALL)
        ax.tick_params(labelsize=style.SMALL)
    style.add_titles_and_legend(figure, axes, ["skilled forgeries", "other people's signatures"])
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    people = round(100 / float(of_kind(shown(results), CHANCE, LEARNED)["score"].iloc[0]))
    return (
        f"Wrong decisions where as many forgeries are accepted as genuine ones refused; left is better. {people} people "
        f"from whom nothing was learned ({people_shown(results)}), a machine each; bars are 95% intervals over people and "
        "trainings."
    )


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    found = judged(results)
    rivals = [
        (EXPECTED[row["place"]].kind, row)
        for row in found.to_dict("records")
        if EXPECTED[row["place"]].metric == DIFFERENCE and EXPECTED[row["place"]].kind in RIVALS
    ]
    won, lost = ([kind for kind, row in rivals if row["outcome"] == outcome] for outcome in (AS_EXPECTED, OPPOSITE))
    if len(won) == len(rivals):
        answer = "Yes, and better than all others do"
    elif lost:
        answer = f"Not best: {_listed(lost)} verify better"
    elif won:
        answer = f"Better than {_listed(won)}; the others are too close to call"
    else:
        answer = f"Undecided by these {people_shown(results)}"
    rate = rates(results, EER)["score"]
    best = min((kind for kind in rate.index if kind in RIVALS), key=lambda kind: float(rate[kind]))
    said = (
        f"**{answer}.** Features that were learned from other people's {people_shown(results)} have an equal error rate of "
        f"**{rate[LEARNED]:.1f}%**; the best of the others, {KINDS[best]}, of {rate[best]:.1f}%."
    )
    return f"{said} {_cost(found)}{_sizes(results)}"


def _listed(kinds: list[str]) -> str:
    names = [KINDS[kind] for kind in kinds]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _cost(found: pd.DataFrame) -> str:
    (row,) = [one for one in found.to_dict("records") if EXPECTED[one["place"]].metric == KEPT]
    words = {
        AS_EXPECTED: "costs less than 1% of the right decisions",
        OPPOSITE: "costs more than 1% of the right decisions",
        UNDECIDED: "may cost more than 1% of the right decisions, or less",
    }
    changed = spread(row["mean"], row["low"], row["high"])
    return f"The paper's compression by 98.4% {words[row['outcome']]}: they change by {changed}%."


def _sizes(results: pd.DataFrame) -> str:
    found = {name: size for name, size in smallest_sizes(results).items() if size == size}
    if not found:
        return " No smaller template keeps the error within a tenth of itself."
    name = min(found, key=lambda one: found[one])
    return (
        f" Down to **{found[name]:.0f} bytes** a signature ({paper_name(name)}), the error stays within a tenth of itself."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the first figure in words, from its data."""
    skilled, random = rates(results, EER), rates(results, RANDOM)["score"]
    parts = [
        f"{KINDS[str(kind)]} {row['score']:.1f}% ({row['score_low']:.1f} to {row['score_high']:.1f}), "
        f"random forgeries {random[str(kind)]:.1f}%"
        for kind, row in skilled.iterrows()
    ]
    return f"Equal error rate by kind of features, {people_shown(results)}: {'; '.join(parts)}."
