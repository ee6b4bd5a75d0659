"""Own data: the score on VOC 2007 with fewer training images, and of each class without and with the paper's compression.

Features in, results table out; the page beside it extrapolates to the paper's number of training images.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stressbook.chapters.verdicts.claims.measure import CLAIMS
from stresslib.evaluation.metrics import SCORES, average_precision
from stresslib.evaluation.protocol import decide
from stresslib.features import FeatureSet
from stresslib.results import VARIANT, result_rows, results_table
from stresslib.running.tasks import run_tasks
from stresslib.stress.spec import parse_spec

CLASS_SCORE = "AP"
"""Metric of the rows of one class each, which their variant names."""


def specs(features: FeatureSet) -> list[str]:
    """Return ``"none"`` and the abstract's compression, where there are as many training rows as that keeps components."""
    compressed = CLAIMS[0].spec(features.X.shape[1])
    return ["none", compressed] if (parse_spec(compressed).dimensions or 0) <= features.train.sum() else ["none"]


def part(features: FeatureSet, images: int, *, fewest: int, random_state: int = 0) -> FeatureSet:
    """Return a feature set of several labels a row with fewer training rows, the test rows being the same.

    Parameters
    ----------
    features : FeatureSet
    images : int
        Training rows to keep; for one seed, smaller parts are inside larger ones.
    fewest : int
        The smallest part that is drawn with this seed: each class has a positive row in it already.
    random_state : int, default=0

    Returns
    -------
    FeatureSet
        Under the same name.

    Raises
    ------
    ValueError
        When rows have one label, or there are fewer training rows.
    """
    if features.y.ndim == 1:
        raise ValueError(f"{features.name}: rows have one label each; parts are drawn of rows with several")
    if not len(features.classes) <= fewest <= images <= features.train.sum():
        raise ValueError(
            f"{features.name}: {images} training rows are wanted, and {fewest} at the fewest; there are "
            f"{features.train.sum()}, and {len(features.classes)} classes"
        )
    order = np.random.default_rng(random_state).permutation(np.flatnonzero(features.train))
    positive = features.y[order] == 1
    # A feature set has a positive training row of each class; where the first rows lack it, it goes to the front.
    first = np.unique(positive.argmax(axis=0))
    forward = first[first >= fewest]
    kept = features.test.copy()
    kept[np.concatenate([order[forward], np.delete(order, forward)])[:images]] = True
    files = [features.files[row] for row in np.flatnonzero(kept)] if features.files else ()
    return features.replace(X=features.X[kept], y=features.y[kept], train=features.train[kept], files=files)


def measure(
    features: FeatureSet,
    images: Iterable[int],
    *,
    draws: int = 3,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Score all classes with fewer training images and with all, and each class without and with compression.

    Parameters
    ----------
    features : FeatureSet
        With several labels a row.
    images : iterable of int
        Numbers of training images, beside all; those that leave no image out are left out.
    draws : int, default=3
        How often the fewer images are drawn; the column `repeat` counts the draws.
    n_jobs, store, progress
        As :func:`stresslib.running.tasks.run_tasks` takes them.

    Returns
    -------
    pandas.DataFrame
        A results table with a column `variant`: the number of training images; in the rows of the metric ``"AP"``, the
        class. Where images were preprocessed in another way than the paper's, it names that first.
    """
    sizes = sorted({count for count in images if count < features.train.sum()})
    runs: list[dict[str, Any]] = [{"spec": parse_spec(spec), "images": None, "draw": 0} for spec in specs(features)]
    runs += [{"spec": parse_spec("none"), "images": count, "draw": draw} for count in sizes for draw in range(draws)]
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    scored = run_tasks(_scored, runs, features, sizes[:1], name=f"{features.name}, parts", **options)
    rows: list[dict[str, Any]] = []
    for run, (score, gap, classes) in zip(runs, scored, strict=True):
        more = {"objective_gap": gap, VARIANT: str(run["images"] or int(features.train.sum()))}
        repeat = None if run["images"] is None else run["draw"]
        rows += result_rows(features.origin, run["spec"], {features.metric: score}, repeat=repeat, **more)
        if run["images"] is None:
            for name, precision in zip(features.classes, classes, strict=True):
                cells = {**more, VARIANT: name}
                rows += result_rows(features.origin, run["spec"], {CLASS_SCORE: precision}, **cells)
    return results_table(rows)


def _scored(features: FeatureSet, fewest: list[int], spec: Any, images: int | None, draw: int) -> tuple[Any, ...]:
    """Return the score of one setting, the objective gap of the classifier, and the average precision of each class."""
    if images is not None:
        features = part(features, images, fewest=fewest[0], random_state=draw)
    decision, gap = decide(features, spec)
    truth: NDArray[Any] = features.y[features.test]
    return SCORES[features.metric](truth, decision), gap, average_precision(truth, decision)
