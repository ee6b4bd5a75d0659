"""Rows: the parts of the chapter's table, by experiment, and intervals over the objects.

Between the table of `measure` and the parts of the page, which draw it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from stresslib.extraction.registry import NETWORKS

RESAMPLES = 10_000
"""Of the objects, or of pairs of networks, in a bootstrap."""

SMALL, LARGE = 0.05, 0.3
"""Areas up to which objects are called small, and from which on large; fixed before the run."""

NAMES = {
    "efficientnet-lite0": "EfficientNet-Lite0",
    "efficientnet-lite1": "EfficientNet-Lite1",
    "efficientnet-lite2": "EfficientNet-Lite2",
    "bvlc-googlenet": "GoogLeNet",
}
"""What pages call the networks."""

COLOURS = {
    "efficientnet-lite0": "#1B8A8F",
    "efficientnet-lite1": "#C98A00",
    "efficientnet-lite2": "#7B3FA0",
    "bvlc-googlenet": "#555555",
}
"""None is the colour of a stress."""


class Interval(NamedTuple):
    """A value, and the interval that holds 95% of its resamples."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the numbers as a sentence has them."""
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


def interval(units: NDArray[Any], value: Callable[[NDArray[Any]], NDArray[Any]] = lambda means: means[..., 0]) -> Interval:
    """Estimate a value and how far it would move with other units, such as other objects.

    Parameters
    ----------
    units : ndarray of shape (n,) or (n, k)
        Numbers of each unit.
    value : callable
        From means over units (..., k) to the value (...). Default: the first mean.

    Returns
    -------
    Interval
        Of 95%, by resampling the units :data:`RESAMPLES` times, with one seed; NaN for a single unit.

    Examples
    --------
    >>> import numpy as np
    >>> from stressbook.chapters.images.objects.rows import interval
    >>> interval(np.array([3.0, 3.0, 3.0]))
    Interval(value=3.0, low=3.0, high=3.0)
    """
    numbers = np.asarray(units, dtype=float)
    numbers = numbers[:, None] if numbers.ndim == 1 else numbers
    whole = float(value(numbers.mean(axis=0)))
    if len(numbers) < 2:
        return Interval(whole, np.nan, np.nan)
    drawn = np.random.default_rng(0).integers(len(numbers), size=(RESAMPLES, len(numbers)))
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample may hold nothing but objects that nothing is right of
        resampled = value(numbers[drawn].mean(axis=1))
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return Interval(whole, float(low), float(high))


def objects(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of objects, with the name of each in a column."""
    rows = results[results["area"].notna()]
    return rows.assign(object=rows["variant"].str.removeprefix("object="), side=rows["side"].astype(int))


def own_side(model: str) -> int:
    """Return the side of the input that a network was trained with."""
    return NETWORKS[model].preprocessing.size


def sizes(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of objects of each size in the centre, at every side.

    Of a network that was shown none, its shipped vectors without a stress take their place.
    """
    rows = objects(results)
    shown = rows[rows["stress"].eq("pasted-size")]
    vectors = rows[rows["stress"].eq("none") & ~rows["model"].isin(shown["model"].unique())]
    return pd.concat([shown, vectors], ignore_index=True)


def at_own_side(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of networks at the resolution that each was trained with."""
    return rows[rows["side"].eq(rows["model"].map(own_side).astype(int))]


def over_objects(rows: pd.DataFrame) -> pd.Series:
    """Return the mean score of each object."""
    means: pd.Series = rows.groupby("object", sort=False)["score"].mean()
    return means


def name_of(model: str) -> str:
    """Return what a page calls a network.

    Examples
    --------
    >>> from stressbook.chapters.images.objects.rows import name_of
    >>> name_of("bvlc-googlenet"), name_of("resnet50")
    ('GoogLeNet', 'resnet50')
    """
    return NAMES.get(model, model)


def percent(area: float) -> str:
    """Return an area as a page has it.

    Examples
    --------
    >>> from stressbook.chapters.images.objects.rows import percent
    >>> percent(0.05), percent(1.0)
    ('5%', '100%')
    """
    return f"{100 * area:g}%"


def size_axis(ax: Axes) -> None:
    """Give an axis of areas its scale, and ticks in percent."""
    ax.set_xscale("log")
    ticks = [0.01, 0.05, 0.2, 1]
    ax.set_xticks(ticks, [percent(tick) for tick in ticks])
    ax.set_xticks([], minor=True)
