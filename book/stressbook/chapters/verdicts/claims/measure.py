"""Claims: the sentences of the paper's abstract and captions, and what each feature set keeps under their stresses.

From features to the table of claims, with an interval for each share; the page judges the claims by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from stresslib.evaluation.bootstrap import bootstrap_kept
from stresslib.evaluation.metrics import SCORES
from stresslib.evaluation.protocol import decide
from stresslib.features import FeatureSet
from stresslib.paper.published import GRID, grid_dimensions
from stresslib.results import FEATURES, results_table
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
        return token if self.step is None else f"DR2:{n_features * self.step // GRID},{token}"


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
    features: FeatureSet, *, repeats: int = 10, resamples: int = 2000, n_jobs: int = -1, progress: bool = True
) -> pd.DataFrame:
    """Measure the setting of each claim, and random selection, with an interval for the share that is kept.

    Parameters
    ----------
    features : FeatureSet
    repeats : int, default=10
        Draws of a random selection.
    resamples : int, default=2000
        Of the bootstrap.
    n_jobs : int, default=-1
        Processes, as in joblib; -1 means one per core.
    progress : bool, default=True

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`INTERVAL`. A random selection has one row for each size: the mean over
        the draws.
    """
    width = features.X.shape[1]
    selections = [f"DR1:{grid_dimensions(width)[step - 1]}" for step in RANDOM]
    specs = list(dict.fromkeys(["none", *(claim.spec(width) for claim in CLAIMS), *selections]))
    runs = [(spec, seed) for spec in specs for seed in range(repeats if parse_spec(spec).is_random else 1)]
    calls = (joblib.delayed(decide)(features, spec, random_state=seed) for spec, seed in runs)
    running = joblib.Parallel(n_jobs, return_as="generator")(calls)
    outcomes = list(tqdm(running, features.name, len(runs), unit="setting", disable=not progress))
    full_decision, _ = outcomes[0]
    truth, rows = features.y[features.test], []
    for spec in specs:
        own = [outcome for outcome, (run_spec, _) in zip(outcomes, runs, strict=True) if run_spec == spec]
        decisions, gaps = zip(*own, strict=True)
        parsed = parse_spec(spec)
        interval = bootstrap_kept(truth, full_decision, decisions, features.metric, resamples=resamples)
        rows.append(
            {
                **{name: features.provenance[name] for name in FEATURES},
                "n_features": width,
                "stress": parsed.stress,
                "dimensions": parsed.dimensions,
                "values": parsed.dictionary_size,
                "metric": features.metric,
                "score": 100 * np.mean([SCORES[features.metric](truth, decision) for decision in decisions]),
                "objective_gap": max(gaps),
                **dict(zip(INTERVAL, interval, strict=True)),
            }
        )
    return results_table(rows).assign(**{name: [row[name] for row in rows] for name in INTERVAL})
