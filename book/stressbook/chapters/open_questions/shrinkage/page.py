"""Shrinkage: how much of what a random selection loses is lost because its vectors are shorter, at the same C?

A selection of k of D dimensions leaves about k/D of the squared norm. At a fixed C a shorter vector is a more strongly
regularised one: bringing the rows back to unit norm, or choosing C anew, undoes that part of the loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import Answer, agreeing, span
from stressbook.chapters.open_questions.shrinkage.measure import BOTH, RENORMALISED, STRESS, TUNED, losses
from stressbook.drawing import style
from stresslib.paper.published import GRID, published, with_shares
from stresslib.results import VARIANT


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: what part of the loss at the smallest size is regularisation?"""
    rows = losses(results)
    least = rows[rows["step"] == rows["step"].min()]
    wide: Any = least.set_index(["features", VARIANT])[["loss", "undone", "gain", "score"]].unstack(VARIANT)  # noqa: PD010
    percent = f"{100 * int(rows['step'].min()) // GRID}% of the dimensions"
    undone = wide["undone", RENORMALISED]
    said = f"With {percent} the paper's protocol loses {span(wide['loss', ''])} points of its full score. "
    if undone.max() <= MATTERS:
        said += f"Next to none of that is regularisation: re-normalising undoes {span(undone, '.0f', '%')} of the loss."
    elif undone.min() > MATTERS:
        said += f"A part of that is regularisation: re-normalising undoes {span(undone, '.0f', '%')} of the loss"
        said += ", not most of it." if undone.max() < 50 else "."
    else:
        said += f"Whether that is regularisation depends on the features: re-normalising undoes {span(undone, '.0f', '%')}."
    if BOTH in set(rows[VARIANT]):
        said += (
            f" A C chosen for each setting undoes {span(wide['undone', TUNED], '.0f', '%')}, both together "
            f"{span(wide['undone', BOTH], '.0f', '%')}."
        )
    gain = wide["gain", RENORMALISED]
    return Answer(
        "How much of what random selection loses is regularisation, its vectors being shorter at the same C?",
        said,
        f"at {percent}, re-normalised vectors score {span(gain, '+.1f')} points above the paper's protocol",
        agreeing(gain.tolist()),
    )


def details(results: pd.DataFrame) -> str:
    """Say how much of the norm is left, and what was published, as a Markdown list."""
    rows = losses(results)
    norms = rows[rows[VARIANT] == ""]
    ratio = norms["norm"] / (norms["share"] / 100)
    said = f"- The squared norm that is left is {ratio.min():.2f} to {ratio.max():.2f} times the share of the dimensions."
    paper = with_shares(published())
    paper = paper[paper["source"].isin(["figure-2", "figure-3"]) & paper["model"].eq("vgg-m") & paper["stress"].eq(STRESS)]
    theirs = paper.loc[paper["step"] == rows["step"].min(), "kept"]
    return said + f"\n- The paper's curves of VGG-M keep {span(theirs, unit='%')} of the full score there, at its own C."


MATTERS = 10.0
"""Percent of the loss from which on regularisation is a part of it."""


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
    figure, axes = style.panels(len(names) + 1, height=2.5, sharey=False)
    for ax, name in zip(axes, names, strict=False):
        for variant, look in _LOOKS.items():
            curve = rows[(rows["features"] == name) & (rows[VARIANT] == variant)]
            if len(curve):
                ax.plot(curve["share"], -curve["loss"], linewidth=1.8, ms=4.5, mec="white", mew=0.5, **look)
        ax.axhline(0, color="#888888", linewidth=0.8, zorder=0)
        ax.set(ylabel="points below full score")
    for name, marker in zip(names, "os^Dv", strict=False):
        left = rows[(rows["features"] == name) & (rows[VARIANT] == "")]
        axes[-1].plot(left["share"], 100 * left["norm"], marker, color="#444444", mfc="white", label=f"squared norm: {name}")
    share = np.array(sorted(rows["share"].unique()))
    axes[-1].plot(share, share, color="#888888", linewidth=1, label="as many percent as of the dimensions", zorder=0)
    axes[-1].set(ylabel="squared norm left (%)", yscale="log")
    for ax in axes:
        ax.set_xscale("log")
        ax.minorticks_off()
        ax.set_xticks(share, [f"{at:.0f}" for at in share])
        ax.set(xlabel="dimensions kept (%)")
    axes[-1].set_yticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
    style.add_titles_and_legend(figure, axes, [*names, "what random selection leaves of the squared norm"])
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    rows = losses(results)
    least = rows[rows["step"] == rows["step"].min()]
    said = [
        f"{row['features']}, {_LOOKS[row[VARIANT]]['label']}: {row['loss']:.1f} points" for row in least.to_dict("records")
    ]
    return (
        "What random selection loses against the dimensions kept, at a fixed C and at one chosen by validation, with and "
        "without re-normalising, and the squared norm that is left. Lost at "
        f"{100 * int(rows['step'].min()) // GRID}% of the dimensions: " + "; ".join(said) + "."
    )
