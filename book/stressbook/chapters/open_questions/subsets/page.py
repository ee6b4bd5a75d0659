"""Subsets: does it matter whether a repeat's random subsets are nested, and what can ten repeats tell apart?

Nested: the dimensions at 5 % are among those at 10 %, of one permutation a repeat, as the authors' code advises.
Independent: each size draws anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import Answer, format_range, on_each_data_set
from stressbook.chapters.open_questions.subsets.measure import INDEPENDENT
from stressbook.chapters.open_questions.subsets.statistics import REPEATS, STRESS, deviations, ratios, resolution, roughness
from stressbook.drawing import style, tables, words
from stresslib.paper.published import GRID
from stresslib.results import VARIANT

SMOOTHER = 0.9
"""Share of the independent subsets' deviation below which the way from one size to the next is called smoother."""


def published_deviations() -> pd.DataFrame:
    """Return the published curves of random selection, each once, with the columns of `deviations`."""
    table = tables.published_shares()
    table = table[(table["stress"] == STRESS) & (table["score_sd"] > 0)]
    table = table.drop_duplicates(["dataset", "model", "layer", "step"]).sort_values("step")
    return pd.DataFrame(
        {
            "features": table["dataset"].replace(words.NAMES)
            + ", "
            + table["model"].replace(words.NAMES)
            + ", "
            + table["layer"],
            "step": table["step"].astype(int),
            "mean": table["score"],
            "deviation": table["score_sd"],
        }
    )


def _resolved(results: pd.DataFrame) -> pd.DataFrame:
    """Return the deviations of nested subsets with what as many repeats as the paper's resolve."""
    rows = deviations(results)
    rows = rows[rows[VARIANT] == ""].drop(columns=[VARIANT, "rise"])
    sizes = rows["deviation"].map(resolution)
    return rows.assign(width=sizes.str[0], difference=sizes.str[1])


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: does nesting change the deviation, or the way along the curve; and what can be told apart?"""
    found = ratios(results)
    by_chance = f"({found['low']:.2f} to {found['high']:.2f})"
    compared = f"over repeats, nested subsets deviate {found['deviation']:.2f} times as much as independent ones,"
    if found["low"] <= found["deviation"] <= found["high"]:
        said = f"Not measurably: {compared} within what chance leaves {by_chance}"
    else:
        said = f"Yes: {compared} beyond what chance leaves {by_chance}"
    more = f"The step from one size to the next deviates {found['rise']:.2f} times as much with nested subsets: nesting "
    more += "makes a curve smoother, not surer." if found["rise"] < SMOOTHER else "smooths nothing here."
    ours, theirs = _resolved(results), published_deviations()
    size = int(ours["step"].min())
    first = ours[ours["step"] == size].set_index("features")["difference"]
    published = [
        f"{format_range(theirs.loc[theirs['step'] == step, 'deviation'].map(lambda one: resolution(one)[1]))} "
        f"points at {100 * step // GRID}%"
        for step in (int(theirs["step"].min()), GRID // 2)
    ]
    repeats = int(deviations(results)["repeats"].min())
    return Answer(
        said,
        f"At {100 * size // GRID}% of the dimensions, {REPEATS} repeats tell two curves apart once they differ by this many "
        f"points: {on_each_data_set(first, '.1f')}",
        f"Measured on {len(first)} feature sets with {repeats} repeats each; a standard deviation over {REPEATS} repeats is "
        "itself uncertain by about a quarter",
        f"{more} The paper's curves are told apart once they differ by {', by '.join(published)} of the dimensions.",
    )


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


def verdicts(results: pd.DataFrame) -> str:
    """Say whether the published curves are of nested subsets, as far as their roughness tells."""
    rows = deviations(results)
    repeats = int(rows["repeats"].min())
    nested, _ = roughness(rows[rows[VARIANT] == ""], repeats)
    independent, _ = roughness(rows[rows[VARIANT] == INDEPENDENT], repeats)
    if not np.isfinite([nested, independent]).all():
        return "The roughness of a mean curve can be computed from four consecutive sizes on."
    paper, least = roughness(published_deviations(), REPEATS)
    if paper < least:
        conclusion = "**The published curves are too smooth for independent subsets.**"
    else:
        conclusion = "The published curves may be of either kind."
    return (
        f"Were the published subsets nested? Relative to what independent subsets would give, our mean curves have a "
        f"roughness of {nested:.2f} with nested subsets and {independent:.2f} with independent ones. The published curves "
        f"have {paper:.2f}; with independent subsets it would exceed {least:.2f} in 95 cases of 100. {conclusion}"
    )


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what as many repeats as the paper's resolve at some sizes, ours (nested) and the paper's, in points.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        The width of the 95% interval of the mean, and the smallest difference between two curves that is detected four
        times of five.
    """
    theirs = published_deviations()
    sizes = theirs["deviation"].map(resolution)
    theirs = theirs.assign(width=sizes.str[0], difference=sizes.str[1], features="paper: " + theirs["features"])
    rows = pd.concat([_resolved(results), theirs])
    rows = rows[rows["step"].isin([1, 2, 5, 10])]
    rows = rows.assign(dimensions=[f"{100 * step // GRID}%" for step in rows["step"]])
    names = {"width": "95% interval, width", "difference": "smallest difference"}
    wide = rows.rename(columns=names).pivot_table(
        index="features", columns="dimensions", values=list(names.values()), sort=False
    )
    return wide[list(names.values())].round(2)


_TICKS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5]


def plot(results: pd.DataFrame) -> Figure:
    """Draw both deviations against the dimensions kept, nested and independent.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = deviations(results)
    names = list(rows["features"].unique())
    figure, axes = style.panels(len(names), height=2.6, columns=2, sharey=False)
    for ax, name in zip(axes, names, strict=True):
        for column, what in (("deviation", "score"), ("rise", "difference to the next size")):
            for variant, drawing in (("", "nested"), (INDEPENDENT, "independent")):
                curve = rows[(rows["features"] == name) & (rows[VARIANT] == variant)]
                colour = style.COLOURS["random-selection" if column == "deviation" else "pca"]
                fill = "white" if variant else colour
                look: dict[str, Any] = {"linestyle": "--" if variant else "-", "markerfacecolor": fill, "markersize": 4.5}
                ax.plot(
                    curve["share"],
                    curve[column],
                    marker="o",
                    color=colour,
                    label=f"{what}, {drawing}",
                    linewidth=1.6,
                    **look,
                )
        ax.set(xlabel="dimensions kept (%)", ylabel="SD over repeats (points)", yscale="log")
        ax.set_yticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
        ax.minorticks_off()
        heights = rows.loc[rows["features"] == name, ["deviation", "rise"]].to_numpy()
        heights = heights[heights > 0]
        if len(heights):
            ax.set_ylim(0.8 * heights.min(), 1.25 * heights.max())
    style.add_titles_and_legend(figure, axes, names, columns=2)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    found = ratios(results)
    smallest = [
        f"{row['features']} {row['deviation']:.2f} points"
        for row in _resolved(results).groupby("features").head(1).to_dict("records")
    ]
    return (
        "Standard deviation over repeats against the dimensions kept, of the score and of its difference to the next size, "
        f"with nested and with independent subsets. Nested over independent is {found['deviation']:.2f} for the score and "
        f"{found['rise']:.2f} for the difference. Deviation at the smallest size: {'; '.join(smallest)}."
    )
