"""Average precision: the same decisions of each claim's setting, scored by three definitions.

Features in, results table out; the page beside it draws how far a definition moves the shares that are kept.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd

from stressbook.chapters.verdicts.claims.measure import CLAIMS, RANDOM
from stresslib.evaluation.metrics import SCORES, average_precision
from stresslib.evaluation.protocol import decide
from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.results import result_rows, results_table
from stresslib.running.tasks import run_tasks
from stresslib.running.variants import ranked
from stresslib.stress.spec import parse_spec

DEFINITIONS = {"voc2007": "", "area": "area", "voc2010": "voc2010"}
"""The definitions of average precision, each with its name in the column `variant`; the paper's is empty there."""


def specs(n_features: int) -> list[str]:
    """Return ``"none"``, each claim's stress, and random selections of the sizes that claims are about."""
    claims = [claim.spec(n_features) for claim in CLAIMS]
    return ["none", *claims, *(f"DR1:{size}" for size in sizes_at(n_features, RANDOM))]


def measure(
    features: FeatureSet,
    *,
    repeats: int = 3,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Score the same decisions by each definition.

    Parameters
    ----------
    features : FeatureSet
        With several labels a row; or with one, which is taken as a matrix of one column for each class.
    repeats : int, default=3
        Draws of a random selection.
    n_jobs, store, progress
        As :func:`stresslib.running.tasks.run_tasks` takes them.

    Returns
    -------
    pandas.DataFrame
        A results table of the metric mAP, with a column `variant`: empty for the 11 points, ``"area"`` or ``"voc2010"``.
        Where rows have one label, further rows have the feature set's own metric.
    """
    runs = [
        {"spec": spec, "seed": seed}
        for spec in specs(features.X.shape[1])
        for seed in range(repeats if parse_spec(spec).is_random else 1)
    ]
    scored = run_tasks(_scored, runs, features, name=features.name, n_jobs=n_jobs, store=store, progress=progress)
    return results_table(row for rows in scored for row in rows)


def _scored(features: FeatureSet, spec: str, seed: int) -> list[dict[str, Any]]:
    """Evaluate one setting; return a row for each definition, and one for the feature set's own metric."""
    parsed = parse_spec(spec)
    multiple = ranked(features) if features.y.ndim == 1 else features
    decision, gap = decide(multiple, parsed, random_state=seed)
    truth = multiple.y[multiple.test]
    scores = [
        (variant, {multiple.metric: float(np.mean(average_precision(truth, decision, definition)))})
        for definition, variant in DEFINITIONS.items()
    ]
    if features.y.ndim == 1:
        scores.append(("", {features.metric: SCORES[features.metric](features.y[features.test], decision)}))
    repeat = seed if parsed.is_random else None
    return [
        row
        for variant, score in scores
        for row in result_rows(features.origin, parsed, score, repeat=repeat, objective_gap=gap, variant=variant)
    ]
