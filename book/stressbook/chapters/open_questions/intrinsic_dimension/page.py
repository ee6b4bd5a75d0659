"""Intrinsic dimension: can a curve be told from the features alone, before any classifier is trained?

Estimates of how many dimensions the training rows fill, beside what a small sweep says that the classifier needs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from stressbook.chapters.open_questions.answers import Answer
from stressbook.chapters.open_questions.intrinsic_dimension.measure import PREDICTORS, Array, size_of
from stressbook.drawing import style, tables, words

PRIMARY = "variance_90"
"""The estimate that the answer rests on, fixed beforehand: the others are looked at, not chosen from."""

NEARLY = 99.0
"""Percent of the full score that a classifier is to keep."""

STRESSES = {"DR2": "pca", "DR1": "random-selection"}

_FEW = 4
"""Feature sets below which no correlation is said."""


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
        full = float(part.loc[part["stress"] == "none", "score"].iloc[0])
        row: dict[str, float] = {"n_features": width, **{name: float(part[name].iloc[0]) for name in PREDICTORS}}
        for short, stress in STRESSES.items():
            curve = 100 * part[part["stress"] == stress].groupby("dimensions")["score"].mean() / full
            for percent in (5, 10):
                row[f"{short}_kept_{percent}"] = float(curve.get(size_of(width, percent), math.nan))
            least = fewest(curve.index.to_numpy(), curve.to_numpy())
            row[f"{short}_fewest"] = width if math.isnan(least) else least
        rows[tables.features_name(part)] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("features")


OUTCOMES = {
    "DR2_fewest": "DR-2: fewest dimensions that keep 99%",
    "DR1_fewest": "DR-1: fewest dimensions that keep 99%",
    "DR2_kept_5": "DR-2: kept with 5%",
    "DR2_kept_10": "DR-2: kept with 10%",
    "DR1_kept_5": "DR-1: kept with 5%",
    "DR1_kept_10": "DR-1: kept with 10%",
}
"""What is to be predicted: numbers of dimensions by the estimates, kept shares by the estimates over the width."""


def _pair(rows: pd.DataFrame, predictor: str, outcome: str) -> tuple[Array, Array]:
    scale = rows["n_features"] if "kept" in outcome else 1.0
    both = pd.DataFrame({"x": rows[predictor] / scale, "y": rows[outcome]}).dropna()
    return both["x"].to_numpy(), both["y"].to_numpy()


def correlation(x: Array, y: Array, *, resamples: int = 2000, random_state: int = 0) -> tuple[float, float, float, float]:
    """Return Spearman's rank correlation, the interval that holds 95% of bootstrap resamples, and a permutation's p.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
    resamples : int, default=2000
        Of the bootstrap, and shuffles.
    random_state : int, default=0

    Returns
    -------
    rho, low, high, p : float
        p is the share of shuffles whose correlation is at least as far from 0. All NaN with fewer than 4 pairs, or where
        all values of one side are equal.
    """
    if len(x) < _FEW or not np.ptp(x) or not np.ptp(y):
        return math.nan, math.nan, math.nan, math.nan
    generator = np.random.default_rng(random_state)
    rho = float(_spearman(x, y))
    rows = generator.integers(len(x), size=(resamples, len(x)))
    # A resample of equal values has no order, and no correlation.
    low, high = np.nanpercentile(_spearman(x[rows], y[rows]), [2.5, 97.5])
    shuffled = _spearman(x, generator.permuted(np.tile(y, (resamples, 1)), axis=1))
    p = (1 + (np.abs(shuffled) >= abs(rho) - 1e-12).sum()) / (resamples + 1)
    return rho, float(low), float(high), float(p)


def _spearman(x: Array, y: Array) -> Array:
    """Return the rank correlation along the last axis; NaN where all values of one side are equal."""
    one, other = (rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2 for values in (x, y))
    with np.errstate(invalid="ignore"):
        correlations: Array = (one * other).sum(axis=-1) / np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    return correlations


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: does the order of an estimate foretell the order of what the classifier needs?"""
    question = "Can a curve be predicted from the features alone, before any classifier is trained?"
    rows = needed(results)
    name = PREDICTORS[PRIMARY]
    rho, low, high, p = correlation(*_pair(rows, PRIMARY, "DR2_fewest"))
    if math.isnan(rho):
        said = f"{len(rows)} feature sets are too few, or too much alike, to tell."
        return Answer(question, said, "not known", f"{len(rows)} feature sets")
    if low > 0:
        said = f"In order, yes: the more {name}, the more principal components it takes to keep {NEARLY:.0f}% of the score"
    elif high < 0:
        said = (
            f"Not as expected: the more {name}, the fewer principal components it takes to keep {NEARLY:.0f}% of the score"
        )
    else:
        said = (
            f"These feature sets do not show it: the order of the {name} is not clearly that of the principal components "
            f"that keep {NEARLY:.0f}% of the score"
        )
    ratio = rows["DR2_fewest"] / rows[PRIMARY]
    said += (
        f" (rank correlation {rho:.2f}, 95% interval {low:.2f} to {high:.2f}). The number itself is no forecast: what is "
        f"needed is {ratio.min():.2g} to {ratio.max():.2g} times the estimate."
    )
    other, other_low, other_high, _ = correlation(*_pair(rows, PRIMARY, "DR1_fewest"))
    if not math.isnan(other):
        said += f" For random selection the correlation is {other:.2f} ({other_low:.2f} to {other_high:.2f})."
    every = _all(rows)
    clear = [one for one in every if one[3] > 0 or one[4] < 0]
    if clear:
        estimate, outcome, strongest, least, most = max(clear, key=lambda one: abs(one[2]))
        said += (
            f" Of all {len(every)} correlations looked at, {len(clear)} have an interval on one side of 0; the largest is "
            f"that of {PREDICTORS[estimate]} with “{OUTCOMES[outcome]}”, {strongest:.2f} ({least:.2f} to {most:.2f})."
        )
    return Answer(
        question,
        said,
        f"rank correlation {rho:.2f} of the {name} with the fewest principal components that keep {NEARLY:.0f}%",
        f"{len(rows)} feature sets, p = {p:.2g} by shuffling; several share their images or their network",
    )


def _all(rows: pd.DataFrame) -> list[tuple[str, str, float, float, float]]:
    """Return every correlation that there is, with its interval."""
    found = [(one, other, *correlation(*_pair(rows, one, other))[:3]) for one in PREDICTORS for other in OUTCOMES]
    return [one for one in found if not math.isnan(one[2])]


def correlations(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rank correlation of each estimate with each thing to predict, with its interval.

    Returns
    -------
    pandas.DataFrame
        One row a thing to predict, one column an estimate: ``"0.81 (0.40 to 0.97)"``, empty where there is none.
    """
    rows = needed(results)
    cells: dict[str, list[str]] = {}
    for predictor, title in PREDICTORS.items():
        found = [correlation(*_pair(rows, predictor, outcome)) for outcome in OUTCOMES]
        cells[title] = ["" if math.isnan(rho) else f"{rho:.2f} ({low:.2f} to {high:.2f})" for rho, low, high, _ in found]
    return pd.DataFrame(cells, index=pd.Index(OUTCOMES.values(), name="to predict"))


MARKERS = "osD^vP"

SHORT = {"efficientnet-": "", "bvlc-": "", ", pooled": "", "+codewords=64": "", "lite0, ": ""}
"""What the names of feature sets leave out beside their points."""


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
    for ax, (short, stress) in zip(axes, STRESSES.items(), strict=True):
        x, y = rows[PRIMARY], rows[f"{short}_fewest"]
        for dataset, marker in zip(dict.fromkeys(datasets), MARKERS, strict=False):
            here = [one == dataset for one in datasets]
            ax.plot(x[here], y[here], marker, color=style.COLOURS[stress], markersize=6, label=dataset)
        reach = [0.5 * min(x.min(), y.min()), 2 * max(x.max(), y.max())]
        ax.plot(reach, reach, color="#888888", linewidth=0.8, linestyle="--", label="as many as estimated", zorder=0)
        ax.set(xscale="log", yscale="log", xlabel=PREDICTORS[PRIMARY], ylabel=f"dimensions that keep {NEARLY:.0f}%")
        ax.set(xlim=(0.5 * x.min(), 2 * x.max()), ylim=(0.7 * y.min(), 1.4 * y.max()))
        # Names are wide and low: those at one height are the nearest.
        places = np.log(np.column_stack([x, y])) * (1, 4)
        for place, name in enumerate(rows.index):
            # A name stands on the side away from the nearest other point.
            away = np.linalg.norm(places - places[place], axis=1)
            away[place] = np.inf
            left = places[away.argmin(), 0] > places[place, 0]
            label = str(name).partition(", ")[2]
            for long, brief in SHORT.items():
                label = label.replace(long, brief)
            shift, side = (-6, "right") if left else (6, "left")
            look: dict[str, Any] = {"textcoords": "offset points", "fontsize": "x-small", "color": "#444444", "va": "center"}
            ax.annotate(label, (x[name], y[name]), (shift, 0), ha=side, **look)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_locator(NullLocator())
    style.add_titles_and_legend(figure, axes, [words.LABELS[stress] for stress in STRESSES.values()], columns=4)
    return figure


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the estimates and what is needed, one row a feature set."""
    rows = needed(results)[["n_features", *PREDICTORS, "DR2_fewest", "DR1_fewest"]]
    return rows.rename(columns={"n_features": "dimensions", **PREDICTORS, **OUTCOMES}).round(1).convert_dtypes()


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = [
        f"{name}: {row[PRIMARY]:.0f} {PREDICTORS[PRIMARY]}; {NEARLY:.0f}% kept by {row['DR2_fewest']:.0f} principal "
        f"components and by {row['DR1_fewest']:.0f} random dimensions"
        for name, row in needed(results).iterrows()
    ]
    return "How many dimensions a classifier needs, against how many the features fill. " + "; ".join(said) + "."
