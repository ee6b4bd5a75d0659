"""Cliff: does the score collapse at 56 erased bits, and is that a loss of information or of scale?

From 56 bits on nothing is left of a float but whether it was above 2^-15, written as one tiny number. Re-normalising
restores the scale; a C that is chosen for each setting makes up for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import (
    Answer,
    Finding,
    by_feature_set,
    data_set,
    format_range,
    full_score,
    on_each_data_set,
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
        points; the `largest` fall between neighbouring places, and the place `at` which it lies. Percent of the protocol's
        full score; for a tuned C, of the score with C = 1.
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
    """Return what is kept around the edge and where most is lost, from a curve's part before the edge and that beyond."""
    before, edge, beyond = near.iloc[-1], far.iloc[0], far.iloc[-1]
    steps = -pd.concat([near, far]).diff()
    at = int(steps.idxmax())
    return {"before": before, "edge": edge, "beyond": beyond, "fall": before - edge, "largest": steps[at], "at": at}


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
    means = regained.groupby("features", sort=False).mean()
    found, more = say_findings(results, _find)
    return Answer(
        found,
        f"Re-normalising changes what is kept at {EDGE} bits, in points of the full score: "
        f"{on_each_data_set(regained.droplevel('metric'))}",
        sign_agreement("What re-normalising changes there", means),
        f"{more} {_not_drawn(plain)}".strip(),
        points=float(means.abs().max()),
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
            f"Neither: at {EDGE} erased bits the share kept falls by no more than {max(plain['fall'].max(), 0):.1f} points"
        )
        return Finding("no cliff", sentence)
    left, regained = (format_range(rows.loc[steep, "edge"], ".0f", "%") for rows in (plain, renormalised))
    standing = int((renormalised.loc[steep, "fall"] > FALL).sum())
    more = (
        f"{int(steep.sum())} of {len(plain)} curves fall by more than {FALL:.0f} points from the place before, where they "
        f"keep {format_range(plain.loc[steep, 'before'], '.0f', '%')}."
    )
    if standing:
        sentence = (
            f"Not scale alone: at {EDGE} erased bits {left} of the full score is left, re-normalised {regained}, and "
            f"{standing} of {int(steep.sum())} curves still fall by more than {FALL:.0f} points"
        )
        return Finding("not scale alone", sentence, more)
    sentence = (
        f"Lost scale: at {EDGE} erased bits {left} of the full score is left, and {regained} once the same vectors are "
        "re-normalised"
    )
    return Finding("scale", sentence, more)


def _not_drawn(plain: pd.DataFrame) -> str:
    """Name the curves that are counted and not drawn: the rankings of data sets that have another metric."""
    parts = plain.groupby("features", sort=False)
    others = [str(features).partition(", ")[0] for features, metrics in parts if len(metrics) > 1]
    if not others:
        return ""
    return (
        f"The figure draws each data set by its own metric; the {RANKED} curves of {words.data_sets(others)} are "
        "counted too, and stand in the table."
    )


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


def verdicts(results: pd.DataFrame) -> str:
    """Say what else could be the reason, where curves fall most, and what was published, as a Markdown list."""
    lines = []
    rows = falls(results)
    chosen = rows[rows[VARIANT] == TUNED]
    if len(chosen):
        lines.append(
            f"- A larger C makes up for the scale as well, as far as it reaches: chosen on validation, up to "
            f"{COSTS[-1]:,.0f}, it keeps {format_range(chosen['edge'], '.0f', '%')} at {EDGE} bits, and "
            f"{format_range(chosen['beyond'], '.0f', '%')} at the last place before all is zero."
        )
    plain = rows[rows[VARIANT] == ""]
    at_edge = plain["at"] == EDGE
    elsewhere = [
        f"{data_set(row['features'])} ({row['metric']}) at {row['at']} bits, by {row['largest']:.0f} points"
        for row in plain[~at_edge].to_dict("records")
    ]
    line = f"- Under the paper's protocol {int(at_edge.sum())} of {len(plain)} curves fall most at {EDGE} bits"
    lines.append(f"{line}; {', '.join(elsewhere)}." if elsewhere else f"{line}.")
    paper = [
        f"{row['features']} {row['edge']:.0f}% at {EDGE} bits and {row['beyond']:.0f}% in the end, with the largest fall at "
        f"{row['at']}"
        for row in _published_falls().to_dict("records")
    ]
    lines.append(f"- Published, in percent of the full score: {'; '.join(paper)}.")
    return "\n".join(lines)


def _published_falls() -> pd.DataFrame:
    """Return what the published curves of VGG-M keep before the edge, at it, and in the end."""
    rows = []
    for dataset, curve in _published_curves():
        kept = curve.set_index(curve["removed_bits"].astype(int))["kept"]
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
    figure, axes = style.panels(len(curves) + 1, height=2.1, columns=2)
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
        ax.set(ylim=(0, 106), xlim=(FIRST - 0.5, END + 0.5), xlabel="lowest bits erased, of 64")
    style.finish(figure, axes, [*curves, "the paper: VGG-M"], columns=2)
    for ax in axes:
        ax.set_ylabel("score kept (%)")
    return figure


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each curve keeps around the edge and where it falls most, ours and the paper's, in percent."""
    paper = _published_falls()
    paper["features"], paper[VARIANT] = "paper: " + paper["features"], ""
    rows = pd.concat([falls(results), paper], ignore_index=True)
    rows["protocol"] = rows.pop(VARIANT).replace("", "the paper's")
    names = {"before": "before 56", "edge": "at 56", "beyond": "in the end", "largest": "largest fall", "at": "at bits"}
    return rows.set_index(["features", "metric", "protocol"]).drop(columns="fall").rename(columns=names).round(1)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    described = [
        f"{row['features']} ({row['metric']}), {row[VARIANT] or 'the protocol of the paper'}: from {row['before']:.0f}% to "
        f"{row['edge']:.0f}%"
        for row in falls(results).to_dict("records")
    ]
    return f"Score kept against erased bits; at {EDGE} bits it goes " + "; ".join(described) + "."
