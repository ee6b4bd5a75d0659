"""Outcomes: intervals over trainings, and what becomes of an expectation, in one vocabulary.

For the pages of chapters that write down a direction before the run; `judged` of each pairs what it compares.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

AS_EXPECTED, OPPOSITE, UNDECIDED = "as expected", "**the other way**", "undecided"

ACCEPTED = 1.0
"""Points that something may lose and still count as not lower."""

DIRECTIONS = {-1: "lower", 0: f"not lower by more than {ACCEPTED:.0f} point", 1: "higher"}
"""The signs of an expectation in words."""


def interval(values: pd.Series, variance: float = 0.0) -> tuple[float, float, float]:
    """Return mean and 95% interval of values, one of each training, such as paired differences: Student's t.

    Parameters
    ----------
    values : pandas.Series
    variance : float, default=0.0
        Of the mean for the choice of the test images, which all trainings share; it widens the interval.

    Returns
    -------
    mean, low, high : float
        Of fewer than two values, the ends are NaN.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.drawing.outcomes import interval
    >>> [round(float(number), 2) for number in interval(pd.Series([1.0, 2.0, 3.0]))]
    [2.0, -0.48, 4.48]
    """
    count, mean = len(values), float(values.mean())
    if count < 2:
        return mean, np.nan, np.nan
    half = float(stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count))
    if variance:
        half = float(np.hypot(half, stats.norm.ppf(0.975) * np.sqrt(variance)))
    return mean, mean - half, mean + half


def outcome(sign: int, low: float, high: float) -> str:
    """Judge an interval by what was expected.

    Parameters
    ----------
    sign : {-1, 0, 1}
    low, high : float

    Returns
    -------
    str
        As expected: the whole interval lies on that side, for 0 above minus :data:`ACCEPTED`. The other way: the whole of it
        lies on the other side. Else undecided.

    Examples
    --------
    >>> from stressbook.drawing.outcomes import outcome
    >>> outcome(-1, -3, -1), outcome(-1, -3, 1), outcome(0, -0.5, 2), outcome(0, -3, -2)
    ('as expected', 'undecided', 'as expected', '**the other way**')
    """
    if sign == 0:
        low, high, sign = low + ACCEPTED, high + ACCEPTED, 1
    if sign < 0:
        low, high = -high, -low
    return AS_EXPECTED if low > 0 else OPPOSITE if high < 0 else UNDECIDED


def spread(mean: float, low: float, high: float, digits: int = 1, alone: str = "one training each") -> str:
    """Write a mean difference and its interval; where there is none, `alone`.

    Examples
    --------
    >>> from stressbook.drawing.outcomes import spread
    >>> spread(-2.04, -3.0, -1.1), spread(2, float("nan"), float("nan"))
    ('-2.0 (-3.0 to -1.1)', '+2.0 (one training each)')
    """
    if np.isnan(low):
        return f"{mean:+.{digits}f} ({alone})"
    return f"{mean:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"
