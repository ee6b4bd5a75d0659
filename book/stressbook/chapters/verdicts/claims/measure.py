"""Claims: the sentences of the paper's abstract and captions, and what each feature set keeps under their stresses.

From features to the table of claims, with an interval for each share; the page judges the claims by it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stresslib.evaluation.bootstrap import bootstrap_kept
from stresslib.evaluation.metrics import SCORES, predicted_classes
from stresslib.evaluation.protocol import decide
from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.results import result_rows, results_table
from stresslib.running.tasks import run_tasks
from stresslib.stress.spec import parse_spec

INTERVAL = ["kept", "kept_low", "kept_high"]
"""Columns of the table of claims beside those of a results table: percent of the full score, and its 95% interval."""


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper about one setting.

    Attributes
    ----------
    said : str
        What the paper says, and where.
    step : int or None
        Dimensions kept, in twentieths of the full vector; None keeps all.
    quantizer : {"Q1", "Q2"}
    values : int
        Size of the dictionary.
    """

    said: str
    step: int | None
    quantizer: str
    values: int

    def spec(self, n_features: int) -> str:
        """Return the stress that the claim is about, for vectors of `n_features` numbers."""
        token = f"{self.quantizer}:{self.values}"
        return token if self.step is None else f"DR2:{sizes_at(n_features, [self.step], exact=True)[0]},{token}"


CLAIMS = (
    Claim("98.4% compression costs 0.88% of the score (abstract; square in Figure 5)", 2, "Q2", 27),
    Claim("99.1% compression keeps 97.8% of the score (circle in Figure 5)", 2, "Q2", 8),
    Claim("96.9% compression keeps 99.6% of the score (cross in Figure 5)", 4, "Q2", 24),
    Claim("One dictionary, 3 bits a value: the full score (Figure 4)", None, "Q1", 7),
    Claim("A dictionary per dimension, 2 bits a value: the full score (Figure 4)", None, "Q2", 4),
)

RANDOM = (1, 2, 5, 10)
"""Sizes of a random selection, in twentieths of the full vector: the claim that cannot be tested here is about it."""


def measure(
    features: FeatureSet,
    *,
    repeats: int = 10,
    resamples: int = 2000,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Measure the setting of each claim, and random selection, with an interval for the share that is kept.

    Parameters
    ----------
    features : FeatureSet
    repeats : int, default=10
        Draws of a random selection.
    resamples : int, default=2000
        Of the bootstrap.
    n_jobs, store, progress
        As :func:`stresslib.running.tasks.run_tasks` takes them.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`INTERVAL`, without claims that keep more principal components than there
        are training rows. A random selection has one row for each size: the mean over the draws.
    """
    width, most = features.X.shape[1], int(features.train.sum())
    # There are no more principal components than training rows: a claim that keeps more cannot be asked here.
    claims = [spec for spec in (claim.spec(width) for claim in CLAIMS) if _components(spec) <= most]
    selections = [f"DR1:{size}" for size in sizes_at(width, RANDOM)]
    specs = list(dict.fromkeys(["none", *claims, *selections]))
    draws = {spec: repeats if parse_spec(spec).is_random else 1 for spec in specs}
    runs: list[dict[str, Any]] = [{"spec": spec, "seed": seed} for spec in specs for seed in range(draws[spec])]
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    outcomes = run_tasks(_decided, runs, features, name=features.name, **options)
    decisions: dict[str, list[NDArray[Any]]] = {spec: [] for spec in specs}
    gaps: dict[str, list[float]] = {spec: [] for spec in specs}
    for run, outcome in zip(runs, outcomes, strict=True):
        decision = outcome["decided"]
        decisions[run["spec"]].append(
            np.eye(len(features.classes), dtype=bool)[decision] if features.y.ndim == 1 else decision
        )
        gaps[run["spec"]].append(outcome["gap"])
    truth, rows = features.y[features.test], []
    resampled = [{"stressed": decisions[spec], "metric": features.metric, "resamples": resamples} for spec in specs]
    bootstrap = f"{features.name}, bootstrap"
    intervals = run_tasks(bootstrap_kept, resampled, truth, decisions["none"][0], name=bootstrap, **options)
    for spec, interval in zip(specs, intervals, strict=True):
        score = float(np.mean([SCORES[features.metric](truth, decision) for decision in decisions[spec]]))
        more = {"objective_gap": max(gaps[spec]), **dict(zip(INTERVAL, interval, strict=True))}
        rows += result_rows(features.origin, parse_spec(spec), {features.metric: score}, **more)
    return results_table(rows, INTERVAL)


def _components(spec: str) -> int:
    """Return the number of principal components that a stress keeps, 0 without them."""
    parsed = parse_spec(spec)
    return int(parsed.dimensions or 0) if parsed.reduction == "DR2" else 0


def _decided(features: FeatureSet, spec: str, seed: int) -> dict[str, Any]:
    """Return what the test rows are decided to be in one setting, and the objective gap of the classifier.

    Where a row has one label, that is the number of a class, all that an accuracy depends on: decision values for many
    classes would fill a store. Else it is the decision values.
    """
    decision, gap = decide(features, spec, random_state=seed)
    return {"decided": predicted_classes(decision) if features.y.ndim == 1 else decision, "gap": gap}
