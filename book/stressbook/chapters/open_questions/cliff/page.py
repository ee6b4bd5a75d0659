"""Cliff: does the score collapse at 56 erased bits, and is that a loss of information or of scale?

From 56 bits on nothing is left of a float but whether it was above 2^-15, written as one tiny number. Re-normalising
restores the scale; a C that is chosen for each setting makes up for it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import Answer, agreeing, span
from stressbook.chapters.open_questions.cliff.measure import COSTS, EDGE, END, RENORMALISED, TUNED
from stressbook.chapters.rerun.bit_erasure import page
from stressbook.drawing import style, tables, words
from stresslib.paper.published import published, with_shares
from stresslib.results import VARIANT
from stresslib.running.variants import RANKED

FALL = 10.0
"""Points of the kept share, lost between two neighbouring places, from which on it is called a cliff."""


def falls(results: pd.DataFrame) -> pd.DataFrame:
    """Return what is kept before the edge and beyond it, for each feature set, metric and protocol.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        `features`, `metric`, `variant`; `before`, what the protocol keeps at the last place before 56 erased bits; `edge`,
        at the first place from there on; `beyond`, at the last place before 62; the `fall` from `before` to `edge`, in
        points. Percent of the protocol's full score; for a tuned C, of the score with C = 1.
    """
    rows = []
    for (name, metric), part in _each(results):
        for variant in part[VARIANT].unique():
            curve = _kept(part, variant)
            start = curve if variant != TUNED else _kept(part, "")
            near, far = start[start.index < EDGE], curve[(curve.index >= EDGE) & (curve.index < END)]
            if len(near) and len(far):
                before, edge, beyond = near.iloc[-1], far.iloc[0], far.iloc[-1]
                values = {"before": before, "edge": edge, "beyond": beyond, "fall": before - edge}
                rows.append({"features": name, "metric": metric, VARIANT: variant, **values})
    return pd.DataFrame(rows)


def _each(results: pd.DataFrame) -> Any:
    table = results.assign(**{VARIANT: results[VARIANT].fillna("")})
    # Of a feature set's own metrics the first, as in all figures, and mAP.
    first = table.groupby(["dataset", "model", "layer"])["metric"].transform("first")
    table = table[table["metric"].isin([RANKED]) | (table["metric"] == first)]
    for _, part in table.groupby(["dataset", "model", "layer", "metric"], sort=False):
        yield (tables.features_name(part), part["metric"].iloc[0]), part


def _kept(part: pd.DataFrame, variant: str) -> pd.Series:
    rows = part[part[VARIANT] == variant]
    full = part[(part[VARIANT] == ("" if variant == TUNED else variant)) & (part["stress"] == "none")]["score"].iloc[0]
    rows = rows[rows["stress"] == page.STRESS]
    return (100 * rows["score"] / full).set_axis(rows["removed_bits"].astype(int)).sort_index()


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: is there a cliff, and does re-normalising take it away?"""
    rows = falls(results)
    wide: Any = rows.set_index(["features", "metric", VARIANT])[["before", "edge", "beyond", "fall"]].unstack(VARIANT)  # noqa: PD010
    plain, other = wide.xs("", axis=1, level=VARIANT), wide.xs(RENORMALISED, axis=1, level=VARIANT)
    steep = plain["fall"] > FALL
    back = other["edge"] - plain["edge"]
    if not steep.any():
        said = (
            f"No: from {EDGE} erased bits on, the score falls by no more than {plain['fall'].max():.1f} points of the share "
            f"kept, on any of {len(plain)} curves."
        )
    else:
        gone = int((other.loc[steep, "fall"] <= FALL).sum())
        said = (
            f"The score collapses at {EDGE} erased bits on {int(steep.sum())} of {len(plain)} curves, from "
            f"{span(plain.loc[steep, 'before'], '.0f', '%')} of the full score to "
            f"{span(plain.loc[steep, 'edge'], '.0f', '%')}, and re-normalising removes the cliff on {gone}: the same "
            f"bits then keep {span(other.loc[steep, 'edge'], '.0f', '%')}."
        )
    return Answer(
        f"Does the score collapse at {EDGE} erased bits because nothing is left, or because it is tiny?",
        said,
        f"re-normalising changes what is kept at {EDGE} bits by {span(back, '+.1f')} points of the full score",
        agreeing(back.groupby("features").mean().tolist()),
    )


def details(results: pd.DataFrame) -> str:
    """Say what else could be the reason, and what was published, as a Markdown list."""
    rows, lines = falls(results), []
    chosen = rows[rows[VARIANT] == TUNED]
    if len(chosen):
        lines.append(
            f"- A C of up to {COSTS[-1]:,.0f}, chosen on validation, keeps {span(chosen['edge'], '.0f', '%')} at {EDGE} "
            f"bits, and {span(chosen['beyond'], '.0f', '%')} at the last place before all is zero."
        )
    said = [
        f"{row['features']} {row['edge']:.0f}% at {EDGE} bits and {row['beyond']:.0f}% in the end"
        for row in _paper().to_dict("records")
    ]
    lines.append(f"- Published, in percent of the full score: {'; '.join(said)}.")
    places: dict[str, list[str]] = {}
    for _, part in _each(results):
        for variant in part[VARIANT].unique():
            places.setdefault(_place(_kept(part, variant)), []).append(variant or "the paper's protocol")
    for _, curve in _published():
        kept = curve.set_index(curve["removed_bits"].astype(int))["kept"]
        places.setdefault(_place(kept), []).append(f"**published, {_called(curve)}**")
    for place, whose in sorted(places.items()):
        counted = (f"{name} ({count} curves)" if count > 1 else name for name, count in Counter(whose).items())
        lines.append(f"- Cliff {place}: {', '.join(counted)}.")
    return "\n".join(lines)


def _place(kept: pd.Series) -> str:
    """Say at which place from the edge on a curve falls off its cliff, before all is zero."""
    kept = kept[kept.index < END]
    steep = (-kept.diff() > FALL) & (kept.index >= EDGE)
    return f"at {kept.index[steep.to_numpy()][0]} bits" if steep.any() else "nowhere"


def _paper() -> pd.DataFrame:
    """Return what the published curves of VGG-M keep before the edge, at it, and in the end."""
    rows = []
    for _, curve in _published():
        kept = curve.set_index("removed_bits")["kept"]
        before, edge, beyond = kept[EDGE - 1], kept[EDGE], kept[END - 1]
        values = {"before": before, "edge": edge, "beyond": beyond, "fall": before - edge}
        rows.append({"features": _called(curve), "metric": curve["metric"].iloc[0], **values})
    return pd.DataFrame(rows)


def _published() -> Any:
    table = with_shares(published())
    table = table[(table["source"] == page.SOURCE) & (table["model"] == "vgg-m")]
    return table.sort_values("removed_bits").groupby("dataset", sort=False)


def _called(curve: pd.DataFrame) -> str:
    return words.NAMES[curve["dataset"].iloc[0]]


_LOOKS: dict[str, dict[str, Any]] = {
    "": {"color": style.COLOURS["bit-erasure"], "label": "the paper's protocol", "linewidth": 2.4},
    RENORMALISED: {"color": "#0072B2", "label": "re-normalised after the erasure", "linewidth": 2.4},
    TUNED: {"color": "#D55E00", "label": f"C up to {COSTS[-1]:,.0f}, by validation", "linestyle": "--", "linewidth": 1.8},
}
_PAPERS = {"voc2007": "-", "mit67": "--", "food101": ":"}


def plot(results: pd.DataFrame) -> Figure:
    """Draw the last places of the paper's grid under each protocol, and the published curves in a panel of their own.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    parts: dict[str, pd.DataFrame] = {}
    for (name, _), part in _each(results):
        parts.setdefault(name, part)  # a feature set's own metric comes before mAP
    names = list(parts)
    figure, axes = style.panels(len(names) + 1, height=2.1, sharex=True)
    for ax, name in zip(axes, names, strict=False):
        for variant, look in _LOOKS.items():
            if variant in set(parts[name][VARIANT]):
                kept = _kept(parts[name], variant).loc[_FIRST:]
                ax.plot(kept.index, kept, marker="o", ms=4.5, mec="white", mew=0.5, **look)
    for dataset, curve in _published():
        rows = curve[curve["removed_bits"].between(_FIRST, END)]
        look = {**style.PAPER, "linestyle": _PAPERS[dataset], "linewidth": 1.4}
        axes[-1].plot(
            rows["removed_bits"], rows["kept"], color=style.COLOURS["bit-erasure"], label=f"paper: {_called(curve)}", **look
        )
    for ax in axes:
        ax.axvline(EDGE - 0.5, color="#AAAAAA", linewidth=0.8, linestyle=":", zorder=0)
        ax.set(ylim=(0, 106), xlim=(_FIRST - 0.5, END + 0.5))
    axes[-1].set(xlabel="lowest bits erased, of 64")
    style.finish(figure, axes, [*names, "the paper: VGG-M"], columns=2)
    for ax in axes:
        ax.set_ylabel("score kept (%)")
    return figure


_FIRST = 50
"""Erased bits from which on the figure draws; before, nothing happens."""


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what is kept before the edge, at it and in the end, ours and the paper's, in percent of the full score."""
    theirs = _paper()
    theirs["features"], theirs[VARIANT] = "paper: " + theirs["features"], ""
    rows = pd.concat([falls(results), theirs], ignore_index=True)
    rows["protocol"] = rows.pop(VARIANT).replace("", "the paper's")
    return rows.set_index(["features", "metric", "protocol"]).round(1)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = [
        f"{row['features']} ({row['metric']}), {row[VARIANT] or 'the protocol of the paper'}: from {row['before']:.0f}% to "
        f"{row['edge']:.0f}%"
        for row in falls(results).to_dict("records")
    ]
    return f"Score kept against erased bits; at {EDGE} bits it goes " + "; ".join(said) + "."
