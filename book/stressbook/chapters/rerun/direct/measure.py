"""The same curve: measure random selection and erased bits of one network, with a band over test images for each score.

Takes a feature set whose images have several labels and makes a results table; `page` draws it over the published curves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from stressbook.chapters.rerun.bit_erasure.measure import BITS
from stressbook.chapters.rerun.figure_2.measure import STEPS
from stresslib.evaluation.bootstrap import bootstrap_rankings
from stresslib.evaluation.protocol import decide
from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.results import result_rows, results_table
from stresslib.running.tasks import run_tasks
from stresslib.stress.spec import Spec, parse_spec

BANDS = ["score_low", "score_high", "kept", "kept_low", "kept_high"]
"""Columns beside those of a results table: the 95% interval of the score; percent of the full score, with its interval."""


def measure(
    features: FeatureSet,
    steps: Iterable[int] = STEPS,
    bits: Iterable[int] = BITS,
    *,
    repeats: int = 10,
    resamples: int = 2000,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Measure one feature set at the places of the two published curves, with bands.

    Parameters
    ----------
    features : FeatureSet
        Scored by mAP.
    steps : iterable of int, default=STEPS
        Sizes of a random selection: places on the paper's grid, in twentieths of the full vector.
    bits : iterable of int, default=BITS
        Numbers of erased bits, of 64.
    repeats : int, default=10
        Draws of a random selection.
    resamples : int, default=2000
        Of the bootstrap.
    n_jobs, store, progress
        As :func:`stresslib.running.tasks.run_tasks` takes them.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`BANDS`. A random selection has one row for each size: the mean over
        the draws.

    Raises
    ------
    ValueError
        Where the score is not mAP.
    """
    if features.metric != "mAP":
        raise ValueError(f"the score is {features.metric}; the published curves are mAP, of images with several labels")
    sizes = [f"DR1:{size}" for size in sizes_at(features.X.shape[1], steps)]
    full, *stresses = (parse_spec(spec) for spec in ("none", *sizes, *(f"QB:{count}" for count in bits)))
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    # The full score is one side of every kept share, so that it is decided once, before all others.
    (whole,) = run_tasks(_decided, [{"spec": full, "seed": 0}], features, name=f"{features.name}, full", **options)
    decision = whole["decision"]
    # All draws of every dimension are the same.
    drawn = [repeats if spec.is_random and spec.dimensions != features.X.shape[1] else 1 for spec in stresses]
    settings = [{"spec": spec, "repeats": n, "resamples": resamples} for spec, n in zip(stresses, drawn, strict=True)]
    outcomes = run_tasks(stressed, settings, features, decision, name=features.name, **options)
    outcomes = [bands(features, decision, [whole], resamples), *outcomes]
    rows = []
    for spec, outcome in zip((full, *stresses), outcomes, strict=True):
        score = {features.metric: outcome.pop("score") / 100}
        rows += result_rows(features.origin, spec, score, **outcome)
    return results_table(rows, BANDS)


def stressed(features: FeatureSet, full: NDArray[Any], spec: Spec, repeats: int, resamples: int) -> dict[str, float]:
    """Measure one setting, drawn with the seeds from 0 to `repeats`; the arguments are those of :func:`bands`."""
    return bands(features, full, [_decided(features, spec, seed) for seed in range(repeats)], resamples)


def bands(features: FeatureSet, full: NDArray[Any], outcomes: Sequence[dict[str, Any]], resamples: int) -> dict[str, float]:
    """Return the score of one setting and the share of the full one, each with its interval, and the objective gap.

    Parameters
    ----------
    features : FeatureSet
    full : ndarray of shape (n_test, n_classes)
        Decision values without stress.
    outcomes : sequence of dict
        `decision` and `gap` of each draw.
    resamples : int

    Returns
    -------
    dict
        By the column of the table.
    """
    decisions = [outcome["decision"] for outcome in outcomes]
    score, kept = bootstrap_rankings(features.y[features.test], full, decisions, resamples=resamples)
    columns = dict(zip(("score", *BANDS), (*score, *kept), strict=True))
    return {**columns, "objective_gap": max(outcome["gap"] for outcome in outcomes)}


def _decided(features: FeatureSet, spec: Spec, seed: int) -> dict[str, Any]:
    decision, gap = decide(features, spec, random_state=seed)
    return {"decision": decision, "gap": gap}
