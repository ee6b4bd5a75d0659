"""Bias: is "quantised beats the original" the bin centres acting as the bias that the classifier lacks?

With a bias, whose weight is regularised as the others are (LIBLINEAR's), and without, as in the paper.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import (
    Answer,
    Finding,
    by_protocol,
    data_set,
    format_range,
    full_score,
    say_findings,
    sign_agreement,
)
from stressbook.chapters.open_questions.bias.measure import BIAS
from stressbook.drawing import style, tables, words
from stresslib.results import TOLERANCE, VARIANT


def gains(results: pd.DataFrame) -> pd.DataFrame:
    """Return what the best dictionary gains over the full vectors, for each feature set, stress and protocol.

    Returns
    -------
    pandas.DataFrame
        `features`, `stress`, `variant`, the best number of `values`, its `gain` in points, and the `full` score.
    """
    rows = []
    for features, variant, part in by_protocol(results):
        full = full_score(part)
        for stress, curve in part[part["stress"] != "none"].groupby("stress", sort=False):
            best = curve.iloc[curve["score"].argmax()]
            rows.append(
                {
                    "features": features,
                    "stress": stress,
                    VARIANT: variant,
                    "values": int(best["values"]),
                    "gain": best["score"] - full,
                    "full": full,
                }
            )
    return pd.DataFrame(rows)


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: is there a gain, and does a bias take it away?"""
    curves = _by_curve(results, "gain")
    best = curves.groupby("features", sort=False).max()
    change = best[BIAS] - best[""]
    found, more = say_findings(results, _find)
    both = [
        f"{row['']:+.2f} and {row[BIAS]:+.2f} on {data_set(str(features))}"
        for features, row in best.to_dict("index").items()
    ]
    return Answer(
        found,
        f"Best gain of quantised features over the original ones, in points, without a bias and with one: {', '.join(both)}",
        sign_agreement("What a bias changes of the best gain", change),
        f"{more} The paper's best gain, without a bias, is {published_gain():+.2f} points.",
        points=float(change.abs().max()),
    )


def _by_curve(results: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a column of :func:`gains`, a row for each feature set and stress, a column for each protocol."""
    return gains(results).pivot_table(index=["features", "stress"], columns=VARIANT, values=column, sort=False)


def _find(results: pd.DataFrame) -> Finding:
    gain, full = _by_curve(results, "gain"), _by_curve(results, "full")
    gained = gain[""] > TOLERANCE
    left = gain.loc[gained, BIAS]
    more = f"A bias by itself changes the full score by {format_range(full[BIAS] - full[''], '+.2f')} points."
    if not gained.any():
        sentence = (
            f"There is nothing to explain: no quantised curve beats the original by more than {TOLERANCE} points "
            "without a bias"
        )
        return Finding("no gain", sentence, more)
    best = f"quantised features beat the original by up to {gain[''].max():.2f} points without a bias"
    if left.max() <= TOLERANCE:
        return Finding("explained", f"Yes: {best}, and by no more than {TOLERANCE} with one", more)
    if left.min() > TOLERANCE:
        return Finding("not explained", f"No: {best}, and still by up to {left.max():.2f} with one", more)
    some = int((left <= TOLERANCE).sum())
    sentence = f"For {some} of {len(left)} curves: {best}; with one, {some} of these {len(left)} curves no longer gain"
    return Finding("some explained", f"{sentence} more than {TOLERANCE}", more)


def published_gain() -> float:
    """Return how far the best dictionary of the paper's Figure 4 scores above the full vectors of VGG-M, in points."""
    curves = tables.published_shares()
    curves = curves[(curves["source"] == "figure-4") & (curves["model"] == "vgg-m")]
    best = curves.iloc[curves["kept"].argmax()]
    return float(best["score"] - 100 * best["score"] / best["kept"])


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the gains without a bias and with one beside each other, to two decimals."""
    rows = gains(results)
    rows = rows.assign(
        stress=rows["stress"].map(words.paper_name),
        protocol=rows[VARIANT].replace({"": "the paper's", BIAS: "with a bias"}),
    ).rename(columns={"values": "best at values", "full": "full score"})
    shown = rows.set_index(["features", "stress", "protocol"])[["gain", "best at values", "full score"]].round(2)
    return pd.DataFrame(shown.unstack("protocol", sort=False))  # noqa: PD010


def plot(results: pd.DataFrame) -> Figure:
    """Draw what quantised vectors gain over the full ones under both protocols.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    protocols: dict[str, list[tuple[str, pd.DataFrame]]] = {}
    for features, variant, rows in by_protocol(results):
        protocols.setdefault(features, []).append((variant, rows))
    figure, axes = style.panels(len(protocols), height=2.9, columns=2, sharey=False)
    for ax, drawn in zip(axes, protocols.values(), strict=True):
        for variant, rows in drawn:
            _draw_gains(ax, rows, with_bias=variant == BIAS)
        style.draw_zero_line(ax)
        ax.set(xlabel="values in a dictionary", ylabel="gain (points)", ylim=(-3, 1.5))
    style.add_titles_and_legend(figure, axes, list(protocols), columns=2)
    return figure


def _draw_gains(ax: Axes, rows: pd.DataFrame, *, with_bias: bool) -> None:
    full = full_score(rows)
    for key, curve in rows[rows["stress"] != "none"].groupby("stress", sort=False):
        stress = str(key)
        colour = style.COLOURS[stress]
        ax.plot(
            curve["values"],
            curve["score"] - full,
            linewidth=1.6,
            linestyle="--" if with_bias else "-",
            color=colour,
            marker="o",
            markersize=4,
            markerfacecolor="white" if with_bias else colour,
            label=f"{words.paper_name(stress)}, {'with' if with_bias else 'without'} a bias",
        )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    curves = [
        f"{row['features']}, {words.paper_name(row['stress'])}, {'with' if row[VARIANT] else 'without'} a bias: at "
        f"best {row['gain']:+.2f} points, with {row['values']} values"
        for row in gains(results).to_dict("records")
    ]
    return "What quantised vectors score above the full ones, with a bias and without. " + "; ".join(curves) + "."
