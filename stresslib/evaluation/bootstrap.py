"""Bootstrap: how uncertain a kept share is, given that test images and draws of a random stress are samples.

Beside the metrics; works on the decision values that the protocol returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stresslib.evaluation.metrics import RECALL_LEVELS, SCORES, predicted_classes

Array = NDArray[Any]

_AT_ONCE = 100
"""Resamples of rankings that are held in memory together."""


class KeptShare(NamedTuple):
    """Percent of the full score that is kept, and the interval that holds 95% of its resamples."""

    kept: float
    low: float
    high: float


class Band(NamedTuple):
    """A value in percent, and the interval that holds 95% of its resamples."""

    value: float
    low: float
    high: float


def bootstrap_rankings(
    truth: Array,
    full: Array,
    stressed: Sequence[Array],
    *,
    resamples: int = 2000,
    random_state: int = 0,
) -> tuple[Band, Band]:
    """Estimate a mean average precision under stress, and the share of the full one that it is, by one bootstrap.

    Parameters
    ----------
    truth, full, stressed, resamples, random_state
        As :func:`bootstrap_kept` takes them, for mAP; its resamples are the same.

    Returns
    -------
    score : Band
        Percent.
    kept : Band
        Percent of the full score: as :func:`bootstrap_kept` returns it.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.evaluation.bootstrap import bootstrap_rankings
    >>> truth = np.where(np.arange(60) % 3 == 0, 1, -1)[:, None]
    >>> full = np.arange(60.0)[:, None] + 10 * truth
    >>> score, kept = bootstrap_rankings(truth, full, [full], resamples=50)
    >>> kept
    Band(value=100.0, low=100.0, high=100.0)
    >>> score.low < score.value < score.high
    True
    """
    generator = np.random.default_rng(random_state)
    draws = max(len(stressed) - 1, 1)
    chosen = generator.integers(len(stressed), size=(resamples, draws))
    whole, under = 100 * _means_of_rankings(truth, full, stressed, chosen, generator)
    _refuse_none(whole, truth, resamples)
    score = 100 * float(np.mean([SCORES["mAP"](truth, decision) for decision in stressed]))
    kept = 100 * score / (100 * SCORES["mAP"](truth, full))
    return Band(score, *_interval(under)), Band(kept, *_interval(100 * under / whole))


def _interval(values: Array) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _refuse_none(resampled: Array, truth: Array, resamples: int) -> None:
    if not len(resampled):
        raise ValueError(
            f"none of {resamples} resamples of {len(truth)} rows has positives and negatives of a class; give more rows"
        )


def bootstrap_kept(
    truth: Array,
    full: Array,
    stressed: Sequence[Array],
    metric: str,
    *,
    resamples: int = 2000,
    random_state: int = 0,
) -> KeptShare:
    """Estimate the share of the full score that a stress keeps, by a paired bootstrap over test images.

    Each resample draws test images, the same ones for both scores, and within their class where each image has one. Where
    images have several, a resample may lack all positives or all negatives of a rare class: that class is left out of both
    of its means, so that no draw is favoured over another; a resample without any class is left out as a whole. Difficult
    entries stay out of the ranking of their class, drawn or not. With several draws of a random stress it resamples these
    too, one fewer than there are, so that their variance is unbiased.

    Parameters
    ----------
    truth : ndarray of shape (n,) or (n, n_classes)
        Class numbers; or 1, -1 and 0, for mAP.
    full : ndarray of shape (n, n_classes) or (n,)
        Decision values without stress.
    stressed : sequence of ndarray
        Decision values under stress, one array for each draw of a random stress.
    metric : {"accuracy", "mean-class-accuracy", "mAP"}
    resamples : int, default=2000
    random_state : int, default=0

    Returns
    -------
    KeptShare
        In percent.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.evaluation.bootstrap import bootstrap_kept
    >>> truth = np.array([0, 0, 1, 1] * 25)
    >>> right = np.where(truth == 1, 1.0, -1.0)
    >>> worse = np.where(np.arange(100) < 20, -right, right)
    >>> kept, low, high = bootstrap_kept(truth, right, [worse], "accuracy")
    >>> kept, 70 < low < 80 < high < 90
    (80.0, True)
    """
    generator = np.random.default_rng(random_state)
    draws = max(len(stressed) - 1, 1)
    chosen = generator.integers(len(stressed), size=(resamples, draws))
    score = SCORES[metric]
    kept = 100 * np.mean([score(truth, decision) for decision in stressed]) / score(truth, full)
    if truth.ndim == 2:
        whole, under = _means_of_rankings(truth, full, stressed, chosen, generator)
        _refuse_none(whole, truth, resamples)
        shares = 100 * under / whole
    else:
        # The classes keep their sizes, so that both accuracies are sums over images, each with a fixed weight.
        hits = np.array([predicted_classes(decision) == truth for decision in (full, *stressed)], dtype=np.float64)
        sums = np.zeros((resamples, len(hits)))
        for rows in (np.flatnonzero(truth == label) for label in np.unique(truth)):
            weight = 1 / len(rows) if metric == "mean-class-accuracy" else 1.0
            counts = generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=resamples)
            sums += weight * (counts @ hits[:, rows].T)
        shares = 100 * np.take_along_axis(sums[:, 1:], chosen, axis=1).mean(axis=1) / sums[:, 0]
    return KeptShare(float(kept), *_interval(shares))


def _means_of_rankings(
    truth: Array, full: Array, stressed: Sequence[Array], chosen: Array, generator: np.random.Generator
) -> Array:
    """Return the mAP without and with stress of each resample that has positives and negatives of a class."""
    parts = []
    for drawn in np.array_split(chosen, -(-len(chosen) // _AT_ONCE)):
        counts = np.empty((len(drawn), len(truth)), dtype=np.int32)
        for times in counts:
            times[:] = np.bincount(generator.integers(len(truth), size=len(truth)), minlength=len(truth))
        there: Array = ((counts @ (truth == 1)) > 0) & ((counts @ (truth == -1)) > 0)
        scores = np.array([_resampled_precisions(truth, decision, counts) for decision in (full, *stressed)])
        some = there.any(axis=1)
        means = np.nanmean(np.where(there[some], scores[:, some], np.nan), axis=2)
        under = np.take_along_axis(means[1:], drawn[some].T, axis=0).mean(axis=0)
        parts.append(np.stack([means[0], under]))
    return np.concatenate(parts, axis=1)


def _resampled_precisions(truth: Array, decision: Array, counts: Array) -> Array:
    """Return the average precision of each class in each resample, from how often it has each row.

    It is that of :func:`stresslib.average_precision`, definition "voc2007", of the resampled rows in the order of the
    originals. Each class is sorted once, not once a resample.
    """
    found = np.empty((len(counts), truth.shape[1]))
    for column in range(truth.shape[1]):
        kept = np.flatnonzero(truth[:, column])
        order = kept[np.argsort(-decision[kept, column], kind="stable")]
        places = np.flatnonzero(truth[order, column] == 1)
        # At the last copy of a positive row both recall and precision are the best of its copies.
        hits = counts[:, order[places]].cumsum(axis=1)
        # How many are ranked up to there; none, where nothing was drawn yet, which makes a precision of zero.
        starts = np.append(0, places[:-1] + 1)
        ranked = np.add.reduceat(counts[:, order[: places[-1] + 1]], starts, axis=1).cumsum(axis=1)
        best = np.maximum.accumulate((hits / np.maximum(ranked, 1))[:, ::-1], axis=1)[:, ::-1]
        recall = hits / np.maximum(hits[:, -1:], 1)
        reached = np.stack([(recall < level).sum(axis=1) for level in RECALL_LEVELS], axis=1)
        found[:, column] = np.take_along_axis(best, np.minimum(reached, len(places) - 1), axis=1).mean(axis=1)
    return found
