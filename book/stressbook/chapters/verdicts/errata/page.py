"""Errata: what the published numbers say about themselves, and where they or the authors' code contradict themselves.

From the published table and its `statements` to the figure and the words of the page; no results of ours are read.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.verdicts.errata.statements import ROUNDING, TEST_IMAGES, distance, single_runs
from stressbook.drawing import style, words

COLOURS = {"mit67": "#D55E00", "food101": "#0072B2"}
"""The colour of each data set in the figure."""

ETHZ = 25_250
"""Test images of the Food-101 of ETH Zurich: 250 of each class."""


def headline(checked: pd.DataFrame) -> str:
    """Say in a sentence how many statements are true; `checked` is the table of `checked_statements`."""
    return f"**{checked['holds'].sum()} of {len(checked)} statements about the published figures are true of the table.**"


def verdicts(checked: pd.DataFrame) -> str:
    """Say which statements are true, and by which numbers, as a Markdown list; `checked` is as for :func:`headline`."""
    return "\n".join(
        f"- **{row.statement}** {'' if row.holds else '*Not true of this table.* '}{row.numbers}"
        for row in checked.itertuples()
    )


def plot() -> Figure:
    """Draw how far the published accuracies are from whole numbers of images, against the supposed number of test images.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = style.panels(2, height=2.5, sharey=False)
    ranges = {"mit67": range(1200, 1501), "food101": range(24_900, 30_101)}
    for ax, (dataset, images) in zip(axes, TEST_IMAGES.items(), strict=True):
        scores, sizes = single_runs(dataset), ranges[dataset]
        ax.plot(sizes, distance(scores, sizes), color=COLOURS[dataset], linewidth=0.9)
        ax.plot([images], [distance(scores, images)], "o", color=COLOURS[dataset], markersize=6)
        ax.annotate(
            f"{images:,}", (images, distance(scores, images)), (-8, 4), textcoords="offset points", ha="right", va="bottom"
        )
        ax.plot(sizes, [size * ROUNDING for size in sizes], color="#666666", linewidth=1, linestyle=(0, (5, 2)))
        ax.set_yscale("log")
        ax.set(xlabel="test images supposed", ylabel="largest remainder (images)", ylim=(2e-6, 2))
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes[0].annotate("rounding of the table", (1205, 1.2e-5), color="#555555", fontsize="small")
    axes[1].axvline(ETHZ, color="#666666", linewidth=1, linestyle=":")
    axes[1].annotate(f"ETHZ's Food-101: {ETHZ:,}", (ETHZ + 60, 1e-3), color="#555555", fontsize="small")
    for ax, dataset in zip(axes, TEST_IMAGES, strict=True):
        ax.set_title(
            f"{words.NAMES[dataset]}: {len(single_runs(dataset))} single scores", fontsize="medium", fontweight="bold"
        )
    return figure


def alt_text() -> str:
    """Describe the figure in words, from its data."""
    parts = [
        f"{words.NAMES[dataset]}: {images:,} test images leave a remainder of {distance(single_runs(dataset), images):.1g}"
        for dataset, images in TEST_IMAGES.items()
    ]
    return (
        "How far the published accuracies are from whole numbers of images, for each number of test images that one may "
        f"suppose: {'; '.join(parts)}; nearly all others leave a half; ETHZ's {ETHZ:,} leave "
        f"{distance(single_runs('food101'), ETHZ):.2f}."
    )
