"""Subsets: does it matter whether a repeat's random subsets are nested, and what can ten repeats tell apart?

Nested: the dimensions at 5 % are among those at 10 %, of one permutation a repeat, as the authors' code advises.
Independent: each size draws anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from stressbook.chapters.open_questions.answers import Answer, curves, span
from stressbook.chapters.open_questions.subsets.measure import INDEPENDENT
from stressbook.drawing import style, tables, words
from stresslib.paper.published import GRID, published, with_shares
from stresslib.results import VARIANT

STRESS = "random-selection"

REPEATS = 10
"""Of the paper's curves."""


def deviations(results: pd.DataFrame) -> pd.DataFrame:
    """Return the spread over repeats at each size, and that of the way from one size to the next.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        One row a feature set, drawing and size: `features`, `variant`, `step`, `share` of the dimensions in percent,
        `repeats`, `mean`, `deviation` (population's, as the paper's), and `rise`, the deviation over repeats of the
        difference to the next larger size (NaN at the last), in points.
    """
    rows = []
    for name, variant, part in curves(results):
        scores = part[part["stress"] == STRESS].pivot_table(index="repeat", columns="step", values="score")
        share = tables.percent_kept(part).groupby(part["step"]).first()
        rise = scores.diff(axis=1).std(ddof=0).shift(-1)
        for step in scores.columns:
            rows.append(
                {
                    "features": name,
                    VARIANT: variant,
                    "step": int(step),
                    "share": share[step],
                    "repeats": len(scores),
                    "mean": scores[step].mean(),
                    "deviation": scores[step].std(ddof=0),
                    "rise": rise[step],
                }
            )
    return pd.DataFrame(rows)


def roughness(curves: pd.DataFrame, repeats: int) -> tuple[float, float]:
    """Return how rough mean curves are, in units of how rough independent subsets of the same deviations would make them.

    Parameters
    ----------
    curves : pandas.DataFrame
        `features`, `step`, `mean` and `deviation`; one curve for each name.
    repeats : int
        Over which the means were taken.

    Returns
    -------
    measured : float
        Root mean square third difference over four neighbouring steps, over its expectation; from the fourth step on, where
        a curve has little bend left. NaN where no four steps follow each other.
    least : float
        What independent subsets would exceed 95 times of 100, by simulation.
    """
    measured, simulated = [], []
    for number, (_, curve) in enumerate(curves[curves["step"] >= FLAT].groupby("features")):
        at = curve.set_index("step")[["mean", "deviation"]].astype(float)
        places = [[step + following for following in range(4)] for step in at.index]
        places = [four for four in places if set(four) <= set(at.index)]
        weights = np.zeros((len(places), len(at)))
        for row, four in enumerate(places):
            weights[row, at.index.get_indexer(pd.Index(four))] = (1, -3, 3, -1)
        # A mean over repeats varies with the sample's variance, which is larger than the population's, over their number.
        spread = at["deviation"].to_numpy() / np.sqrt(repeats - 1)
        expected = (weights**2 @ spread**2).sum()
        if expected > 0:
            draws = spread[:, None] * np.random.default_rng(number).standard_normal((len(at), 2000))
            measured.append(((weights @ at["mean"].to_numpy()) ** 2).sum() / expected)
            simulated.append(((weights @ draws) ** 2).sum(axis=0) / expected)
    if not measured:
        return float("nan"), float("nan")
    # Each curve counts alike, whatever its deviations are.
    return float(np.sqrt(np.mean(measured))), float(np.sqrt(np.quantile(np.mean(simulated, axis=0), 0.05)))


FLAT = 4
"""Step of the grid from which on a curve bends little."""


def resolution(deviation: float, repeats: int = REPEATS) -> tuple[float, float]:
    """Return what repeats can resolve.

    Parameters
    ----------
    deviation : float
        Population standard deviation over the repeats, in points.
    repeats : int, default=10

    Returns
    -------
    width : float
        Of the 95 % interval of the mean (Student's), from end to end.
    difference : float
        Between two curves of as many repeats and that deviation, which a two-sided test at 5 % finds four times of five.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.subsets.page import resolution
    >>> [round(value, 2) for value in resolution(0.35)]
    [0.53, 0.49]
    """
    sample = deviation * np.sqrt(repeats / (repeats - 1))
    width = 2 * stats.t.ppf(0.975, repeats - 1) * sample / np.sqrt(repeats)
    free = 2 * (repeats - 1)
    difference = (stats.t.ppf(0.975, free) + stats.t.ppf(0.8, free)) * sample * np.sqrt(2 / repeats)
    return float(width), float(difference)


def _published() -> pd.DataFrame:
    """Return the published curves of random selection, with the columns of `deviations`; each once."""
    table = with_shares(published())
    table = table[(table["stress"] == STRESS) & (table["score_sd"] > 0)]
    table = table.drop_duplicates(["dataset", "model", "layer", "step"]).sort_values("step")
    return pd.DataFrame(
        {
            "features": table["dataset"].map(lambda name: words.NAMES.get(name, name))
            + ", "
            + table["model"].map(lambda name: words.NAMES.get(name, name))
            + ", "
            + table["layer"],
            "step": table["step"].astype(int),
            "mean": table["score"],
            "deviation": table["score_sd"],
        }
    )


def ratios(results: pd.DataFrame) -> dict[str, float]:
    """Compare nested with independent subsets over all feature sets and sizes.

    Returns
    -------
    dict
        `deviation`: nested over independent, of the root mean square deviations at the same sizes; `low` and `high`: what
        chance alone would leave that between, 95 times of 100; `rise`: likewise nested over independent of the way to the
        next size.
    """
    rows = deviations(results)
    nested, other = rows[rows[VARIANT] == ""], rows[rows[VARIANT] == INDEPENDENT]
    # Nested sizes share their draws: as many free numbers as one size has at least, which is the safe side.
    free = int(nested.groupby("features")["repeats"].first().sub(1).sum())
    bounds = stats.f.ppf([0.025, 0.975], free, int((other["repeats"] - 1).sum()))
    return {
        "deviation": float(np.sqrt((nested["deviation"] ** 2).mean() / (other["deviation"] ** 2).mean())),
        "low": float(np.sqrt(bounds[0])),
        "high": float(np.sqrt(bounds[1])),
        "rise": float(np.sqrt((nested["rise"] ** 2).mean() / (other["rise"] ** 2).mean())),
    }


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: does nesting change the deviation, or the way along the curve; and what can be told apart?"""
    found = ratios(results)
    said = f"Over repeats, nested subsets deviate {found['deviation']:.2f} times as much as independent ones do: "
    said += (
        f"no more than chance leaves ({found['low']:.2f} to {found['high']:.2f})."
        if found["low"] <= found["deviation"] <= found["high"]
        else f"beyond what chance leaves ({found['low']:.2f} to {found['high']:.2f})."
    )
    said += f" The way from one size to the next deviates {found['rise']:.2f} times as much"
    said += ": nesting makes a curve smoother, not surer." if found["rise"] < SMOOTHER else ": nesting smooths nothing here."
    ours, theirs = _resolved(results), _published()
    least = theirs[theirs["step"] == theirs["step"].min()]["deviation"].map(lambda one: resolution(one)[1])
    half = theirs[theirs["step"] == GRID // 2]["deviation"].map(lambda one: resolution(one)[1])
    first = ours[ours["step"] == ours["step"].min()]["difference"]
    return Answer(
        "Does nesting the random subsets change the deviation, and what can ten repeats resolve?",
        said,
        f"two curves of {REPEATS} repeats at {5 * int(ours['step'].min())}% of the dimensions are told apart from "
        f"{span(first)} points on here, in the paper from {span(least)} at 5% and {span(half)} at 50%",
        f"{len(ours['features'].unique())} feature sets, {int(deviations(results)['repeats'].min())} repeats each; a "
        f"deviation of {REPEATS} repeats is itself known to a quarter",
    )


def details(results: pd.DataFrame) -> str:
    """Say whether the published curves are of nested subsets, as far as their roughness tells."""
    rows = deviations(results)
    repeats = int(rows["repeats"].min())
    ours = {name: roughness(rows[rows[VARIANT] == name], repeats)[0] for name in ("", INDEPENDENT)}
    if not np.isfinite(list(ours.values())).all():
        return "The roughness of the mean curves takes four sizes that follow each other."
    theirs, least = roughness(_published(), REPEATS)
    said = (
        f"In units of what independent subsets would give, our mean curves have a roughness of {ours['']:.2f} nested and "
        f"{ours[INDEPENDENT]:.2f} independent. The published ones have {theirs:.2f}; of independent subsets, "
        f"95 times of 100, it would be above {least:.2f}. "
    )
    return said + (
        "**The published curves are too smooth for independent subsets.**"
        if theirs < least
        else "The published curves may be of either."
    )


SMOOTHER = 0.9
"""Share of the independent subsets' deviation below which the way from one size to the next is called smoother."""


def _resolved(results: pd.DataFrame) -> pd.DataFrame:
    rows = deviations(results)
    rows = rows[rows[VARIANT] == ""].drop(columns=[VARIANT, "rise"])
    sizes = rows["deviation"].map(resolution)
    return rows.assign(width=sizes.str[0], difference=sizes.str[1])


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
    figure, axes = style.panels(len(names), height=2.6, sharey=False)
    for ax, name in zip(axes, names, strict=True):
        for column, what in (("deviation", "score"), ("rise", "difference to the next size")):
            for variant, drawn in (("", "nested"), (INDEPENDENT, "independent")):
                curve = rows[(rows["features"] == name) & (rows[VARIANT] == variant)]
                colour = style.COLOURS["random-selection" if column == "deviation" else "pca"]
                fill = "white" if variant else colour
                look: dict[str, Any] = {"linestyle": "--" if variant else "-", "markerfacecolor": fill, "markersize": 4.5}
                ax.plot(
                    curve["share"], curve[column], marker="o", color=colour, label=f"{what}, {drawn}", linewidth=1.6, **look
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


_TICKS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5]


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what ten repeats resolve at some sizes, ours (nested) and the paper's, in points.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        The width of the 95 % interval of the mean, and the smallest difference between two curves that is found four times
        of five.
    """
    theirs = _published()
    sizes = theirs["deviation"].map(resolution)
    theirs = theirs.assign(width=sizes.str[0], difference=sizes.str[1], features="paper: " + theirs["features"])
    rows = pd.concat([_resolved(results), theirs])
    rows = rows[rows["step"].isin([1, 2, 5, 10])].assign(
        dimensions=[f"{5 * step}%" for step in rows["step"] if step in (1, 2, 5, 10)]
    )
    names = {"deviation": "SD", "width": "95% interval, width", "difference": "smallest difference"}
    wide = rows.rename(columns=names).pivot_table(
        index="features", columns="dimensions", values=list(names.values()), sort=False
    )
    return wide[list(names.values())].round(2)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    found = ratios(results)
    said = [
        f"{row['features']} {row['deviation']:.2f} points"
        for row in _resolved(results).groupby("features").head(1).to_dict("records")
    ]
    return (
        "Standard deviation over repeats against the dimensions kept, of the score and of its difference to the next size, "
        f"with nested and with independent subsets. Nested over independent is {found['deviation']:.2f} for the score and "
        f"{found['rise']:.2f} for the difference. Deviation at the smallest size: {'; '.join(said)}."
    )
