"""Bootstrap: how uncertain a kept share is, given that test images and draws of a random stress are samples.

Beside the metrics; works on the decision values that the protocol returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stresslib.evaluation.metrics import SCORES, predicted_classes

Array = NDArray[Any]


class KeptShare(NamedTuple):
    """Percent of the full score that is kept, and the interval that holds 95% of its resamples."""

    kept: float
    low: float
    high: float


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
    of its means, so that no draw is favoured over another; a resample without any class is left out as a whole. With
    several draws of a random stress it resamples these too, one fewer than there are, so that their variance is unbiased.

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
        shares = []
        for drawn in chosen:
            rows = generator.integers(len(truth), size=len(truth))
            there = np.flatnonzero((truth[rows] == 1).any(axis=0) & (truth[rows] == -1).any(axis=0))
            if not len(there):
                continue
            places = np.ix_(rows, there)
            under = np.mean([score(truth[places], stressed[draw][places]) for draw in drawn])
            shares.append(100 * under / score(truth[places], full[places]))
        if not shares:
            raise ValueError(
                f"none of {resamples} resamples of {len(truth)} rows has positives and negatives of a class; give more rows"
            )
    else:
        # The classes keep their sizes, so that both accuracies are sums over images, each with a fixed weight.
        hits = np.array([predicted_classes(decision) == truth for decision in (full, *stressed)], dtype=np.float64)
        sums = np.zeros((resamples, len(hits)))
        for rows in (np.flatnonzero(truth == label) for label in np.unique(truth)):
            weight = 1 / len(rows) if metric == "mean-class-accuracy" else 1.0
            counts = generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=resamples)
            sums += weight * (counts @ hits[:, rows].T)
        shares = 100 * np.take_along_axis(sums[:, 1:], chosen, axis=1).mean(axis=1) / sums[:, 0]
    low, high = np.percentile(shares, [2.5, 97.5])
    return KeptShare(float(kept), float(low), float(high))
