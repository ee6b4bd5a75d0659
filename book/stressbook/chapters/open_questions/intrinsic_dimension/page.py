"""Intrinsic dimension: can a curve be told from the features alone, before any classifier is trained?

Estimates of how many dimensions the training rows fill, beside what a small sweep says that the classifier needs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import ArrayLike

from stressbook.chapters.open_questions.answers import Answer, full_score
from stressbook.chapters.open_questions.intrinsic_dimension.correlation import Array, correlation
from stressbook.chapters.open_questions.intrinsic_dimension.estimators import PREDICTORS
from stressbook.chapters.open_questions.intrinsic_dimension.measure import size_of
from stressbook.drawing import style, tables, words

PRIMARY = "variance_90"
"""The estimate that the answer rests on, fixed beforehand: the others are reported, not chosen from."""

NEARLY = 99.0
"""Percent of the full score that a classifier is to keep."""

STRESSES = {"DR2": "pca", "DR1": "random-selection"}
"""The stresses whose curves are to be predicted, by their tokens."""

OUTCOMES = {
    "DR2_fewest": "DR-2: fewest dimensions that keep 99%",
    "DR1_fewest": "DR-1: fewest dimensions that keep 99%",
    "DR2_kept_5": "DR-2: kept with 5%",
    "DR2_kept_10": "DR-2: kept with 10%",
    "DR1_kept_5": "DR-1: kept with 5%",
    "DR1_kept_10": "DR-1: kept with 10%",
}
"""What is to be predicted: numbers of dimensions from the estimates, kept shares from the estimates over the width."""


def fewest(sizes: ArrayLike, kept: ArrayLike) -> float:
    """Return the fewest dimensions that keep 99%, between two measured sizes along a line over their logarithms.

    Parameters
    ----------
    sizes : array-like of shape (n,)
        Rising.
    kept : array-like of shape (n,)
        Percent of the full score.

    Returns
    -------
    float
        The smallest size where that keeps enough already; NaN where none does.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.intrinsic_dimension.page import fewest
    >>> round(fewest([10, 100], [98.5, 99.5]), 2), fewest([10, 100], [99.2, 99.5]), fewest([10, 100], [97.0, 98.0])
    (31.62, 10.0, nan)
    """
    widths, shares = np.asarray(sizes, dtype=np.float64), np.asarray(kept, dtype=np.float64)
    enough = np.flatnonzero(shares >= NEARLY)
    if not len(enough):
        return math.nan
    first = int(enough[0])
    if first == 0:
        return float(widths[0])
    way = (NEARLY - shares[first - 1]) / (shares[first] - shares[first - 1])
    return float(widths[first - 1] * (widths[first] / widths[first - 1]) ** way)


def needed(results: pd.DataFrame) -> pd.DataFrame:
    """Return, for each feature set, the estimates and what the sweep says that the classifier needs.

    Returns
    -------
    pandas.DataFrame
        Indexed by the feature set's name: `n_features`, the columns of :data:`PREDICTORS`, and those of :data:`OUTCOMES`,
        where a curve that never keeps 99% needs all dimensions.
    """
    rows = {}
    for _, part in tables.feature_sets(results):
        width = int(part["n_features"].iloc[0])
        full = full_score(part)
        row: dict[str, float] = {"n_features": width, **{name: float(part[name].iloc[0]) for name in PREDICTORS}}
        for token, stress in STRESSES.items():
            curve = 100 * part[part["stress"] == stress].groupby("dimensions")["score"].mean() / full
            for percent in (5, 10):
                row[f"{token}_kept_{percent}"] = float(curve.get(size_of(width, percent), math.nan))
            least = fewest(curve.index.to_numpy(), curve.to_numpy())
            row[f"{token}_fewest"] = width if math.isnan(least) else least
        rows[tables.features_name(part)] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("features")


def _predictor_and_outcome(rows: pd.DataFrame, predictor: str, outcome: str) -> tuple[Array, Array]:
    """Return the estimates and what they are to predict, of the feature sets that have both."""
    scale = rows["n_features"] if "kept" in outcome else 1.0
    both = pd.DataFrame({"x": rows[predictor] / scale, "y": rows[outcome]}).dropna()
    return both["x"].to_numpy(), both["y"].to_numpy()


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: does the order of an estimate foretell the order of what the classifier needs?"""
    rows = needed(results)
    name, wanted = PREDICTORS[PRIMARY], f"principal components to keep {NEARLY:.0f}% of the score"
    rho, low, high, p = correlation(*_predictor_and_outcome(rows, PRIMARY, "DR2_fewest"))
    if math.isnan(rho):
        return Answer(
            f"{len(rows)} feature sets are too few, or too much alike, to tell",
            "There is no correlation to report",
            f"{len(rows)} feature sets",
        )
    numbers = f"rank correlation {rho:.2f}, 95% interval {low:.2f} to {high:.2f}"
    if low > 0:
        said = f"In rank, yes: feature sets with more {name} need more {wanted} ({numbers})"
    elif high < 0:
        said = f"Only in reverse: feature sets with more {name} need fewer {wanted} ({numbers})"
    else:
        said = f"Not shown: feature sets with more {name} do not clearly need more {wanted} ({numbers})"
    ratio = rows["DR2_fewest"] / rows[PRIMARY]
    more = ""
    random, random_low, random_high, _ = correlation(*_predictor_and_outcome(rows, PRIMARY, "DR1_fewest"))
    if not math.isnan(random):
        more = f"For random selection the rank correlation is {random:.2f} ({random_low:.2f} to {random_high:.2f})."
    return Answer(
        said,
        f"The number itself is no forecast: what is needed is {ratio.min():.2g} to {ratio.max():.2g} times the estimate",
        f"{len(rows)} feature sets, several of which share their images or their network; p = {p:.2g} by shuffling",
        f"{more} {_clear_correlations(rows)}".strip(),
    )


def _clear_correlations(rows: pd.DataFrame) -> str:
    """Say how many correlations have an interval on one side of 0, and which is the largest; empty where none has."""
    found = [
        (estimate, outcome, *correlation(*_predictor_and_outcome(rows, estimate, outcome)))
        for estimate in PREDICTORS
        for outcome in OUTCOMES
    ]
    table = pd.DataFrame(found, columns=["estimate", "outcome", "rho", "low", "high", "p"]).dropna(subset="rho")
    clear = table[(table["low"] > 0) | (table["high"] < 0)]
    if clear.empty:
        return ""
    largest = clear.iloc[clear["rho"].abs().argmax()]
    return (
        f"Of all {len(table)} correlations in the second table, {len(clear)} have an interval on one side of 0; the largest "
        f"is {largest['rho']:.2f} ({largest['low']:.2f} to {largest['high']:.2f}), of "
        f"{PREDICTORS[largest['estimate']]} with “{OUTCOMES[largest['outcome']]}”."
    )


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


def correlations(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rank correlation of each estimate with each thing to predict, with its interval.

    Returns
    -------
    pandas.DataFrame
        A row for each thing to predict, a column for each estimate: ``"0.81 (0.40 to 0.97)"``, empty where there is none.
    """
    rows = needed(results)
    cells: dict[str, list[str]] = {}
    for predictor, title in PREDICTORS.items():
        found = [correlation(*_predictor_and_outcome(rows, predictor, outcome)) for outcome in OUTCOMES]
        cells[title] = ["" if math.isnan(rho) else f"{rho:.2f} ({low:.2f} to {high:.2f})" for rho, low, high, _ in found]
    return pd.DataFrame(cells, index=pd.Index(OUTCOMES.values(), name="to predict"))


MARKERS = "osD^vP"

SHORT = {"efficientnet-": "", "bvlc-": "", ", pooled": "", "+codewords=64": "", "lite0, ": ""}
"""Parts of the names of feature sets that the labels of points leave out."""


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the estimates and what is needed, one row a feature set."""
    rows = needed(results)[["n_features", *PREDICTORS, "DR2_fewest", "DR1_fewest"]]
    return rows.rename(columns={"n_features": "dimensions", **PREDICTORS, **OUTCOMES}).round(1).convert_dtypes()


def plot(results: pd.DataFrame) -> Figure:
    """Draw the dimensions that a classifier needs against the estimate that the answer rests on, for DR-2 and DR-1.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = needed(results)
    figure, axes = style.panels(len(STRESSES), height=3.6, sharey=False)
    datasets = [str(name).split(", ")[0] for name in rows.index]
    for ax, (token, stress) in zip(axes, STRESSES.items(), strict=True):
        x, y = rows[PRIMARY], rows[f"{token}_fewest"]
        for dataset, marker in zip(dict.fromkeys(datasets), MARKERS, strict=False):
            here = [one == dataset for one in datasets]
            ax.plot(x[here], y[here], marker, color=style.COLOURS[stress], markersize=6, label=dataset)
        reach = [0.5 * min(x.min(), y.min()), 2 * max(x.max(), y.max())]
        ax.plot(reach, reach, color="#888888", linewidth=0.8, linestyle="--", label="as many as estimated", zorder=0)
        ax.set(xscale="log", yscale="log", xlabel=PREDICTORS[PRIMARY], ylabel=f"dimensions that keep {NEARLY:.0f}%")
        ax.set(xlim=(0.5 * x.min(), 2 * x.max()), ylim=(0.7 * y.min(), 1.4 * y.max()))
        _label_points(ax, x, y)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_locator(NullLocator())
    style.add_titles_and_legend(figure, axes, [words.LABELS[stress] for stress in STRESSES.values()], columns=4)
    return figure


def _label_points(ax: Axes, x: pd.Series, y: pd.Series) -> None:
    """Write the name of each feature set beside its point, on the side away from the nearest other point."""
    # Labels are wide and low: points at one height are the nearest.
    places = np.log(np.column_stack([x, y])) * (1, 4)
    for number, name in enumerate(x.index):
        distances = np.linalg.norm(places - places[number], axis=1)
        distances[number] = np.inf
        label = str(name).partition(", ")[2]
        for long, brief in SHORT.items():
            label = label.replace(long, brief)
        shift, side = 6, "left"
        if places[distances.argmin(), 0] > places[number, 0]:
            shift, side = -6, "right"
        look: dict[str, Any] = {"textcoords": "offset points", "fontsize": "x-small", "color": "#444444", "va": "center"}
        ax.annotate(label, (x[name], y[name]), (shift, 0), ha=side, **look)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    described = [
        f"{name}: {row[PRIMARY]:.0f} {PREDICTORS[PRIMARY]}; {NEARLY:.0f}% kept by {row['DR2_fewest']:.0f} principal "
        f"components and by {row['DR1_fewest']:.0f} random dimensions"
        for name, row in needed(results).iterrows()
    ]
    return "How many dimensions a classifier needs, against how many the features fill. " + "; ".join(described) + "."
