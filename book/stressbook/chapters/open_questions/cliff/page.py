"""Cliff: does the score collapse at 56 erased bits, and is that a loss of information or of scale?

From 56 bits on nothing is left of a float but whether it was above 2^-15, written as one tiny number. Re-normalising
restores the scale; a C that is chosen for each setting makes up for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import (
    Answer,
    Finding,
    by_feature_set,
    format_range,
    full_score,
    say_findings,
    sign_agreement,
)
from stressbook.chapters.open_questions.cliff.measure import COSTS, EDGE, END, RENORMALISED, TUNED
from stressbook.chapters.rerun.bit_erasure import page as bit_erasure_page
from stressbook.drawing import style, tables, words
from stresslib.results import VARIANT
from stresslib.running.variants import RANKED

FALL = 10.0
"""Points of the kept share, lost between two neighbouring places, from which on it is called a cliff."""

FIRST = 50
"""Erased bits from which on the figure draws; before, nothing happens."""


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
    for features, metric, part in _by_metric(results):
        for variant in part[VARIANT].unique():
            curve = _kept_by_bits(part, variant)
            # The tuned C has no place before the edge: its fall starts from the paper's protocol.
            start = _kept_by_bits(part, "") if variant == TUNED else curve
            near, far = start[start.index < EDGE], curve[(curve.index >= EDGE) & (curve.index < END)]
            if len(near) and len(far):
                rows.append({"features": features, "metric": metric, VARIANT: variant, **_fall(near, far)})
    return pd.DataFrame(rows)


def _fall(near: pd.Series, far: pd.Series) -> dict[str, float]:
    """Return what is kept around the edge, from a curve's part before it and its part beyond."""
    before, edge, beyond = near.iloc[-1], far.iloc[0], far.iloc[-1]
    return {"before": before, "edge": edge, "beyond": beyond, "fall": before - edge}


def _by_metric(results: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Split a table into feature sets and metrics: the first metric of a feature set, as in all figures, and mAP."""
    table = results.assign(**{VARIANT: results[VARIANT].fillna("")})
    for features, rows in by_feature_set(table):
        for metric, part in rows.groupby("metric", sort=False):
            if metric in (rows["metric"].iloc[0], RANKED):
                yield features, str(metric), part


def _kept_by_bits(part: pd.DataFrame, variant: str) -> pd.Series:
    """Return what a protocol keeps of its full score, in percent, indexed by the number of erased bits."""
    # A tuned C has no full score of its own.
    full = full_score(part[part[VARIANT] == ("" if variant == TUNED else variant)])
    rows = part[(part[VARIANT] == variant) & (part["stress"] == bit_erasure_page.STRESS)]
    return (100 * rows["score"] / full).set_axis(rows["removed_bits"].astype(int)).sort_index()


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: is there a cliff, and does re-normalising take it away?"""
    plain, renormalised = _protocols(results)
    regained = renormalised["edge"] - plain["edge"]
    return Answer(
        f"Does the score collapse at {EDGE} erased bits because nothing is left, or because it is tiny?",
        say_findings(results, _find),
        f"re-normalising changes what is kept at {EDGE} bits by {format_range(regained, '+.1f')} points of the full score",
        sign_agreement(regained.groupby("features").mean().tolist()),
    )


def _protocols(results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return :func:`falls` under the paper's protocol, and re-normalised, by feature set and metric."""
    rows = falls(results).set_index(["features", "metric"])
    return rows[rows[VARIANT] == ""], rows[rows[VARIANT] == RENORMALISED]


def _find(results: pd.DataFrame) -> Finding:
    plain, renormalised = _protocols(results)
    steep = plain["fall"] > FALL
    if not steep.any():
        sentence = (
            f"No: from {EDGE} erased bits on, the score falls by no more than {plain['fall'].max():.1f} points of the share "
            f"kept, on any of {len(plain)} curves"
        )
        return Finding("no cliff", sentence)
    levelled = int((renormalised.loc[steep, "fall"] <= FALL).sum())
    sentence = (
        f"The score collapses at {EDGE} erased bits on {int(steep.sum())} of {len(plain)} curves, from "
        f"{format_range(plain.loc[steep, 'before'], '.0f', '%')} of the full score to "
        f"{format_range(plain.loc[steep, 'edge'], '.0f', '%')}, and re-normalising removes the cliff on {levelled}: the "
        f"same bits then keep {format_range(renormalised.loc[steep, 'edge'], '.0f', '%')}"
    )
    return Finding("a cliff that re-normalising removes" if levelled == steep.sum() else "a cliff", sentence)


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_paragraph()


def verdicts(results: pd.DataFrame) -> str:
    """Say what else could be the reason, and what was published, as a Markdown list."""
    lines = []
    rows = falls(results)
    chosen = rows[rows[VARIANT] == TUNED]
    if len(chosen):
        lines.append(
            f"- A C of up to {COSTS[-1]:,.0f}, chosen on validation, keeps {format_range(chosen['edge'], '.0f', '%')} at "
            f"{EDGE} bits, and {format_range(chosen['beyond'], '.0f', '%')} at the last place before all is zero."
        )
    paper = [
        f"{row['features']} {row['edge']:.0f}% at {EDGE} bits and {row['beyond']:.0f}% in the end"
        for row in _published_falls().to_dict("records")
    ]
    lines.append(f"- Published, in percent of the full score: {'; '.join(paper)}.")
    for place, curves in sorted(_curves_by_cliff(results).items()):
        counted = [f"{name} ({count} curves)" if count > 1 else name for name, count in Counter(curves).items()]
        lines.append(f"- Cliff {place}: {', '.join(counted)}.")
    return "\n".join(lines)


def _curves_by_cliff(results: pd.DataFrame) -> dict[str, list[str]]:
    """Return, for each place where a curve falls off its cliff, the protocols and published curves that fall there."""
    curves: dict[str, list[str]] = {}
    for _, _, part in _by_metric(results):
        for variant in part[VARIANT].unique():
            place = _cliff(_kept_by_bits(part, variant))
            curves.setdefault(place, []).append(variant or "the paper's protocol")
    for dataset, rows in _published_curves():
        place = _cliff(rows.set_index(rows["removed_bits"].astype(int))["kept"])
        curves.setdefault(place, []).append(f"**published, {words.NAMES[dataset]}**")
    return curves


def _cliff(kept: pd.Series) -> str:
    """Say at which place from the edge on a curve falls off its cliff, before all is zero."""
    kept = kept[kept.index < END]
    steep = kept.index[(-kept.diff() > FALL) & (kept.index >= EDGE)]
    return f"at {steep[0]} bits" if len(steep) else "nowhere"


def _published_falls() -> pd.DataFrame:
    """Return what the published curves of VGG-M keep before the edge, at it, and in the end."""
    rows = []
    for dataset, curve in _published_curves():
        kept = curve.set_index("removed_bits")["kept"]
        fall = _fall(kept.loc[: EDGE - 1], kept.loc[EDGE : END - 1])
        rows.append({"features": words.NAMES[dataset], "metric": curve["metric"].iloc[0], **fall})
    return pd.DataFrame(rows)


def _published_curves() -> Iterator[tuple[str, pd.DataFrame]]:
    """Return the published curves of VGG-M, each with the name of its data set."""
    table = tables.published_shares()
    table = table[(table["source"] == bit_erasure_page.SOURCE) & (table["model"] == "vgg-m")]
    for dataset, curve in table.sort_values("removed_bits").groupby("dataset", sort=False):
        yield str(dataset), curve


_LOOKS: dict[str, dict[str, Any]] = {
    "": {"color": style.COLOURS["bit-erasure"], "label": "the paper's protocol", "linewidth": 2.4},
    RENORMALISED: {"color": "#0072B2", "label": "re-normalised after the erasure", "linewidth": 2.4},
    TUNED: {"color": "#D55E00", "label": f"C up to {COSTS[-1]:,.0f}, by validation", "linestyle": "--", "linewidth": 1.8},
}
_PUBLISHED_LINES = {"voc2007": "-", "mit67": "--", "food101": ":"}


def plot(results: pd.DataFrame) -> Figure:
    """Draw the last places of the paper's grid under each protocol, and the published curves in a panel of their own.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    curves: dict[str, pd.DataFrame] = {}
    for features, _, part in _by_metric(results):
        curves.setdefault(features, part)  # a feature set's own metric comes before mAP
    figure, axes = style.panels(len(curves) + 1, height=2.1, sharex=True)
    for ax, part in zip(axes, curves.values(), strict=False):
        for variant, look in _LOOKS.items():
            if variant in set(part[VARIANT]):
                kept = _kept_by_bits(part, variant).loc[FIRST:]
                ax.plot(kept.index, kept, marker="o", ms=4.5, mec="white", mew=0.5, **look)
    for dataset, curve in _published_curves():
        rows = curve[curve["removed_bits"].between(FIRST, END)]
        look = {
            **style.PAPER,
            "color": style.COLOURS["bit-erasure"],
            "label": f"paper: {words.NAMES[dataset]}",
            "linestyle": _PUBLISHED_LINES[dataset],
            "linewidth": 1.4,
        }
        axes[-1].plot(rows["removed_bits"], rows["kept"], **look)
    for ax in axes:
        ax.axvline(EDGE - 0.5, color="#AAAAAA", linewidth=0.8, linestyle=":", zorder=0)
        ax.set(ylim=(0, 106), xlim=(FIRST - 0.5, END + 0.5))
    axes[-1].set(xlabel="lowest bits erased, of 64")
    style.finish(figure, axes, [*curves, "the paper: VGG-M"], columns=2)
    for ax in axes:
        ax.set_ylabel("score kept (%)")
    return figure


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what is kept before the edge, at it and in the end, ours and the paper's, in percent of the full score."""
    paper = _published_falls()
    paper["features"], paper[VARIANT] = "paper: " + paper["features"], ""
    rows = pd.concat([falls(results), paper], ignore_index=True)
    rows["protocol"] = rows.pop(VARIANT).replace("", "the paper's")
    return rows.set_index(["features", "metric", "protocol"]).round(1)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    described = [
        f"{row['features']} ({row['metric']}), {row[VARIANT] or 'the protocol of the paper'}: from {row['before']:.0f}% to "
        f"{row['edge']:.0f}%"
        for row in falls(results).to_dict("records")
    ]
    return f"Score kept against erased bits; at {EDGE} bits it goes " + "; ".join(described) + "."
