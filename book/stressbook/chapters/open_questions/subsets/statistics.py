"""Subsets: deviations over repeats, how nested and independent ones compare, and what a number of repeats resolves.

Between the results table of the measure and the page that draws it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from stressbook.chapters.open_questions.answers import by_protocol
from stressbook.chapters.open_questions.subsets.measure import INDEPENDENT
from stressbook.drawing import tables
from stresslib.results import VARIANT

STRESS = "random-selection"

REPEATS = 10
"""Of the paper's curves."""

FLAT = 4
"""Step of the grid from which on a curve bends little."""


def deviations(results: pd.DataFrame) -> pd.DataFrame:
    """Return how scores deviate over repeats at each size, and how the rise from one size to the next does.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        One row for each feature set, variant and size: `features`, `variant`, `step`, `share` of the dimensions in
        percent, `repeats`, `mean`, `deviation` (of the population, as in the paper) and `rise`, the deviation over repeats
        of the difference to the next larger size (NaN at the last), in points.
    """
    rows = []
    for features, variant, part in by_protocol(results):
        scores = part[part["stress"] == STRESS].pivot_table(index="repeat", columns="step", values="score")
        share = tables.percent_kept(part).groupby(part["step"]).first()
        rise = scores.diff(axis=1).std(ddof=0).shift(-1)
        for step in scores.columns:
            rows.append(
                {
                    "features": features,
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


def ratios(results: pd.DataFrame) -> dict[str, float]:
    """Compare nested with independent subsets over all feature sets and sizes.

    Returns
    -------
    dict
        `deviation`: the root mean square deviation of nested subsets over that of independent ones, at the same sizes;
        `low` and `high`: the ends between which chance alone would leave it, 95 times of 100; `rise`: the same ratio for
        the difference to the next size.
    """
    rows = deviations(results)
    nested, independent = rows[rows[VARIANT] == ""], rows[rows[VARIANT] == INDEPENDENT]
    # Nested sizes share their draws: counting the degrees of freedom of one size is conservative.
    free = int(nested.groupby("features")["repeats"].first().sub(1).sum())
    bounds = stats.f.ppf([0.025, 0.975], free, int((independent["repeats"] - 1).sum()))
    return {
        "deviation": float(np.sqrt((nested["deviation"] ** 2).mean() / (independent["deviation"] ** 2).mean())),
        "low": float(np.sqrt(bounds[0])),
        "high": float(np.sqrt(bounds[1])),
        "rise": float(np.sqrt((nested["rise"] ** 2).mean() / (independent["rise"] ** 2).mean())),
    }


def roughness(curves: pd.DataFrame, repeats: int) -> tuple[float, float]:
    """Compare the roughness of mean curves with that of independent subsets of the same deviations.

    Parameters
    ----------
    curves : pandas.DataFrame
        `features`, `step`, `mean` and `deviation`; one curve for each name.
    repeats : int
        How many the means were taken over.

    Returns
    -------
    measured : float
        Root mean square third difference over four neighbouring steps, over its expectation for independent subsets; from
        the fourth step on, where a curve has little bend left. NaN where no four steps follow each other.
    least : float
        What independent subsets would exceed 95 times of 100, by simulation.
    """
    measured, simulated = [], []
    for number, (_, curve) in enumerate(curves[curves["step"] >= FLAT].groupby("features")):
        at = curve.set_index("step")[["mean", "deviation"]].astype(float)
        quadruples = [[step, step + 1, step + 2, step + 3] for step in at.index]
        quadruples = [four for four in quadruples if set(four) <= set(at.index)]
        weights = np.zeros((len(quadruples), len(at)))
        for row, four in enumerate(quadruples):
            weights[row, at.index.get_indexer(pd.Index(four))] = (1, -3, 3, -1)
        # The variance of a mean is the sample's variance, which is larger than the population's, over the repeats.
        spread = at["deviation"].to_numpy() / np.sqrt(repeats - 1)
        expected = (weights**2 @ spread**2).sum()
        if expected > 0:
            draws = spread[:, None] * np.random.default_rng(number).standard_normal((len(at), 2000))
            measured.append(((weights @ at["mean"].to_numpy()) ** 2).sum() / expected)
            simulated.append(((weights @ draws) ** 2).sum(axis=0) / expected)
    if not measured:
        return float("nan"), float("nan")
    # Every curve counts the same, whatever its deviations are.
    return float(np.sqrt(np.mean(measured))), float(np.sqrt(np.quantile(np.mean(simulated, axis=0), 0.05)))


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
        Of the 95% interval of the mean (Student's), from end to end.
    difference : float
        Between two curves of as many repeats and that deviation, which a two-sided test at 5% detects four times of five.

    Examples
    --------
    >>> from stressbook.chapters.open_questions.subsets.statistics import resolution
    >>> [round(value, 2) for value in resolution(0.35)]
    [0.53, 0.49]
    """
    sample = deviation * np.sqrt(repeats / (repeats - 1))
    width = 2 * stats.t.ppf(0.975, repeats - 1) * sample / np.sqrt(repeats)
    free = 2 * (repeats - 1)
    difference = (stats.t.ppf(0.975, free) + stats.t.ppf(0.8, free)) * sample * np.sqrt(2 / repeats)
    return float(width), float(difference)
