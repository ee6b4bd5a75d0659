"""Shrinkage: how much of what a random selection loses is lost because its vectors are shorter, at the same C?

A selection of k of D dimensions leaves about k/D of the squared norm. At a fixed C a shorter vector is a more strongly
regularised one: bringing the rows back to unit norm, or choosing C anew, undoes that part of the loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import (
    Answer,
    by_protocol,
    data_set,
    format_range,
    full_score,
    sign_agreement,
)
from stressbook.chapters.open_questions.shrinkage.measure import BOTH, NORM, RENORMALISED, TUNED
from stressbook.drawing import style, tables
from stresslib.paper.published import GRID
from stresslib.results import VARIANT

STRESS = "random-selection"


def losses(results: pd.DataFrame) -> pd.DataFrame:
    """Return what is lost at each size under each protocol, in points.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`~stressbook.chapters.open_questions.shrinkage.measure.measure`.

    Returns
    -------
    pandas.DataFrame
        One row for each feature set, size and protocol: `features`, `step`, `share` of the dimensions in percent,
        `variant`, `score` (mean over repeats), `full` (the protocol's own full score) and the `loss` from it; `undone`, how
        much of the loss under the paper's protocol is not lost under this one, in percent; `gain`, how far it scores above
        that protocol; `norm`, the mean squared norm that is left.
    """
    rows = []
    for features, variant, part in by_protocol(results):
        full = full_score(part)
        for _, at in part[part["stress"] == STRESS].groupby("step"):
            score = at["score"].mean()
            rows.append(
                {
                    "features": features,
                    "step": int(at["step"].iloc[0]),
                    "share": tables.percent_kept(at).iloc[0],
                    VARIANT: variant,
                    "score": score,
                    "full": full,
                    "loss": full - score,
                    "norm": at[NORM].mean(),
                }
            )
    lost = pd.DataFrame(rows)
    plain = lost[lost[VARIANT] == ""].set_index(["features", "step"])[["loss", "score"]]
    both = lost.join(plain.add_suffix("_plain"), on=["features", "step"])
    return lost.assign(undone=100 * (1 - both["loss"] / both["loss_plain"]), gain=both["score"] - both["score_plain"])


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: which part of the loss at the smallest size is regularisation?"""
    rows = losses(results)
    smallest = rows[rows["step"] == rows["step"].min()]
    loss, undone, gain = (
        smallest.pivot_table(index="features", columns=VARIANT, values=column, sort=False)
        for column in ("loss", "undone", "gain")
    )
    part, recovered = undone[RENORMALISED], gain[RENORMALISED]
    size = f"{100 * int(rows['step'].min()) // GRID}% of the dimensions"
    each = [
        f"{part[features]:.0f}% of {lost:.1f} points on {data_set(str(features))}" for features, lost in loss[""].items()
    ]
    more = ""
    if BOTH in undone:
        more = (
            f"A C chosen for each setting undoes {format_range(undone[TUNED].dropna(), '.0f', '%')} of the loss "
            f"instead, and both together {format_range(undone[BOTH].dropna(), '.0f', '%')}, each from its own full score."
        )
    return Answer(
        f"{format_range(part, '.0f', '%')} of it: with {size} random selection loses {format_range(loss[''])} points, "
        f"of which re-normalising the vectors recovers {format_range(recovered)}",
        f"Recovered: {', '.join(each)}",
        sign_agreement("What re-normalising recovers", recovered),
        more,
        points=float(recovered.abs().max()),
    )


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


def verdicts(results: pd.DataFrame) -> str:
    """Say how much of the norm is left, and what was published, as a Markdown list."""
    rows = losses(results)
    plain = rows[rows[VARIANT] == ""]
    ratio = plain["norm"] / (plain["share"] / 100)
    paper = tables.published_shares()
    paper = paper[paper["source"].isin(["figure-2", "figure-3"]) & paper["model"].eq("vgg-m") & paper["stress"].eq(STRESS)]
    kept = paper.loc[paper["step"] == rows["step"].min(), "kept"]
    return (
        f"- The selection leaves {ratio.min():.2f} to {ratio.max():.2f} times as large a share of the squared norm as "
        "of the dimensions.\n"
        f"- The paper's curves of VGG-M keep {format_range(kept, unit='%')} of the full score at the smallest size, "
        "with its own C."
    )


_LOOKS: dict[str, dict[str, Any]] = {
    "": {"color": style.COLOURS[STRESS], "label": "fixed C (the paper's protocol)", "marker": "o"},
    TUNED: {"color": "#8C510A", "label": "C by validation", "marker": "s", "linestyle": "--"},
    RENORMALISED: {"color": "#0072B2", "label": "fixed C, re-normalised", "marker": "o"},
    BOTH: {"color": "#007A5A", "label": "C by validation, re-normalised", "marker": "s", "linestyle": "--"},
}


def plot(results: pd.DataFrame) -> Figure:
    """Draw the loss against the dimensions kept under each protocol, and the norm that is left.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = losses(results)
    names = list(rows["features"].unique())
    figure, axes = style.panels(len(names) + 1, height=2.5, columns=2, sharey=False)
    for ax, name in zip(axes, names, strict=False):
        for variant, look in _LOOKS.items():
            curve = rows[(rows["features"] == name) & (rows[VARIANT] == variant)]
            if len(curve):
                ax.plot(curve["share"], -curve["loss"], linewidth=1.8, ms=4.5, mec="white", mew=0.5, **look)
        style.draw_zero_line(ax)
        ax.set(ylabel="points below full score")
    for name, marker in zip(names, "os^Dv", strict=False):
        left = rows[(rows["features"] == name) & (rows[VARIANT] == "")]
        axes[-1].plot(
            left["share"], 100 * left["norm"], marker, color="#444444", mfc="white", label=f"squared norm: {data_set(name)}"
        )
    share = np.array(sorted(rows["share"].unique()))
    axes[-1].plot(share, share, color="#888888", linewidth=1, label="as many percent as of the dimensions", zorder=0)
    axes[-1].set(ylabel="squared norm left (%)", yscale="log")
    for ax in axes:
        ax.set_xscale("log")
        ax.minorticks_off()
        ax.set_xticks(share, [f"{at:.0f}" for at in share])
        ax.set(xlabel="dimensions kept (%)")
    axes[-1].set_yticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
    style.add_titles_and_legend(figure, axes, [*names, "what random selection leaves of the squared norm"], columns=2)
    return figure


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return scores, losses and the part of the loss that a protocol undoes, to one decimal."""
    rows = losses(results).rename(columns={"share": "dimensions (%)", VARIANT: "protocol", "undone": "loss undone (%)"})
    rows["protocol"] = rows["protocol"].replace("", "the paper's")
    rows["dimensions (%)"] = rows["dimensions (%)"].round().astype(int)
    columns = ["score", "loss", "loss undone (%)", "gain"]
    return rows.set_index(["features", "dimensions (%)", "protocol"])[columns].round(1)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    rows = losses(results)
    smallest = rows[rows["step"] == rows["step"].min()]
    lost = [
        f"{row['features']}, {_LOOKS[row[VARIANT]]['label']}: {row['loss']:.1f} points"
        for row in smallest.to_dict("records")
    ]
    return (
        "What random selection loses against the dimensions kept, at a fixed C and at one chosen by validation, with and "
        "without re-normalising, and the squared norm that is left. Lost at "
        f"{100 * int(rows['step'].min()) // GRID}% of the dimensions: " + "; ".join(lost) + "."
    )
