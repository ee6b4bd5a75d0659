"""Overview: what features keep against how right the network is, a point a component, in the colours of the survey's axes.

From the table of `measure` to the chapter's second figure and what is said of it.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from stressbook.chapters.units.components.effects import differences, drawn, moved, order
from stressbook.chapters.units.components.names import ACCURACY, SEPARATION
from stressbook.chapters.units.components.words import AXES, COMPONENTS, DIMENSIONS, MEASURES
from stressbook.drawing import style

COLOURS = dict(
    zip(AXES, ("#111111", "#B0413E", "#C98A00", "#7B3FA0", "#1B8A8F", "#3A6EA5", "#6B8E23", "#D46A9F"), strict=True)
)
MARKERS = dict(zip(AXES, "*oDs^vPX", strict=True))


def plot(results: pd.DataFrame) -> Figure:
    """Draw the score kept at 5% of the dimensions against accuracy, and against separation.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    means = drawn(results).groupby("variant")[list(MEASURES)].mean()
    figure, axes = style.page_wide(2, height=3.6, sharex=False)
    for ax, measure in zip(axes, (ACCURACY, SEPARATION), strict=True):
        for axis in AXES:
            rows = means.loc[[one for one in order(means) if COMPONENTS[one].axis == axis]]
            if len(rows):
                look: dict[str, Any] = {
                    "markersize": 12.0 if axis == "base" else 6.5,
                    "mec": "white",
                    "mew": 0.6,
                    "color": COLOURS[axis],
                }
                ax.plot(rows[measure], rows[DIMENSIONS], MARKERS[axis], label=axis, **look)
        ax.set_xlabel(f"{MEASURES[measure]} (%)", fontsize=style.SMALL)
        ax.tick_params(labelsize=style.SMALL)
        ax.margins(0.08)
    axes[0].set_ylabel("score kept at 5%\nof the dimensions (%)", fontsize=style.SMALL)
    _name_outliers(results, means, axes[0])
    style.add_titles_and_legend(figure, axes, ["against accuracy", "against separation"], columns=4)
    return figure


def _name_outliers(results: pd.DataFrame, means: pd.DataFrame, ax: Axes, most: int = 4) -> None:
    """Write the names of the components that change what is kept most, beside their points."""
    table = differences(drawn(results), DIMENSIONS)
    chosen = table["mean"].abs().nlargest(most).index
    heights = means.loc[chosen, DIMENSIONS].sort_values(ascending=False)
    line = 0.06 * (means[DIMENSIONS].max() - means[DIMENSIONS].min())  # about as high as a name
    middle = means[ACCURACY].median()
    for one, height in heights.items():
        near = heights.drop(one)[lambda other, height=height: (other - height).abs() < line]
        place = "center" if near.empty else "bottom" if height >= near.max() else "top"
        left = means.loc[one, ACCURACY] > middle
        ax.annotate(
            COMPONENTS[str(one)].name,
            (means.loc[one, ACCURACY], means.loc[one, DIMENSIONS]),
            (-7 if left else 7, 0),
            textcoords="offset points",
            fontsize=style.SMALL,
            ha="right" if left else "left",
            va=place,
            color=COLOURS[COMPONENTS[str(one)].axis],
        )


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        "The map: each point is a component, the mean over its trainings; the star is the base network. The four that "
        "change most what is kept have their names."
    )


def verdict(results: pd.DataFrame) -> str:
    """Say whether better, or better separated, networks are the more compressible ones, by ranks over components."""
    means = drawn(results).groupby("variant")[list(MEASURES)].mean().dropna()
    if len(means) < 4:
        return "- Of fewer than four networks nothing is said."
    lines = []
    for measure, words in ((ACCURACY, "Right more often"), (SEPARATION, "Better separated")):
        ranks, chance = _ranks(means[measure], means[DIMENSIONS])
        answer = "undecided" if not chance < 0.05 else "keeps **more**" if ranks > 0 else "keeps **less**"
        lines.append(
            f"- {words}, at 5% of the dimensions: {answer}. Rank correlation over {len(means)} networks "
            f"{ranks:+.2f} (chance {chance:.2g})."
        )
    return "\n".join(lines)


def _ranks(one: pd.Series, other: pd.Series) -> tuple[float, float]:
    """Return the rank correlation of two measures and its chance; NaN where one of them is the same everywhere."""
    if min(one.nunique(), other.nunique()) < 2:
        return float("nan"), float("nan")
    found = stats.spearmanr(one, other)
    return float(found.statistic), float(found.pvalue)


def elsewhere(results: pd.DataFrame) -> str:
    """Say whether the answer is the same at other places of the curves: by ranks, and by what is beyond doubt."""
    networks = drawn(results)
    lines = []
    for one, other, said in (
        (DIMENSIONS, "dimensions 10%", "at 5% and at 10% of the dimensions"),
        ("values", "values 1 bit", "at 2 bits and at 1 bit"),
    ):
        moves = [differences(networks, column) for column in (one, other)]
        both = pd.concat([table["mean"] for table in moves], axis=1).dropna()
        if len(both) < 4:
            continue
        same = [set(moved(moves[0], sign, surely=True)) & set(moved(moves[1], sign, surely=True)) for sign in (1, -1)]
        count = sum(len(moved(moves[0], sign, surely=True)) for sign in (1, -1))
        ranks, _ = _ranks(both.iloc[:, 0], both.iloc[:, 1])
        lines.append(
            f"- Components {said}: rank correlation of what they change {ranks:+.2f}; of {count} beyond doubt at the first "
            f"place, {sum(map(len, same))} are at the second, too."
        )
    return "\n".join(lines) or "- Not measured in this run."


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    means = drawn(results).groupby("variant")[list(MEASURES)].mean()
    shown = order(means)
    numbers = means.loc[shown, [ACCURACY, SEPARATION, DIMENSIONS]].to_numpy()
    rows = "; ".join(
        f"{COMPONENTS[one].name} accuracy {right:.1f}%, SI(5) {apart:.1f}%, kept {kept:.1f}%"
        for one, (right, apart, kept) in zip(shown, numbers, strict=True)
    )
    return f"Score kept at 5% of the dimensions against accuracy and against separation, a point a component. {rows}."
