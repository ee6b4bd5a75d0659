"""Claims: what the abstract and the captions of the paper say, what was measured here, and a verdict by one fixed rule."""

from __future__ import annotations

import os
from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from stresslib.evaluation.bootstrap import bootstrap_kept
from stresslib.evaluation.metrics import SCORES
from stresslib.evaluation.protocol import decide
from stresslib.features import FeatureSet
from stresslib.paper.published import GRID, grid_dimensions, published, with_shares
from stresslib.results import read_results, results_table, write_results
from stresslib.stress.spec import compression_rate, parse_spec

INTERVAL = ["kept", "kept_low", "kept_high"]
"""Columns that the table of claims adds to those of a results table: percent of the full score, and its 95% interval."""

MARGIN = 0.5
"""Points by which a kept share may lie below the paper's, and the claim still hold."""


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper about one setting.

    Attributes
    ----------
    said : str
        What the paper says, and where.
    step : int or None
        Dimensions kept, in twentieths of the full vector.
    quantizer : {"Q1", "Q2"}
    values : int
        Size of the dictionary.
    """

    said: str
    step: int | None
    quantizer: str
    values: int

    def spec(self, n_features: int) -> str:
        """Return the stress of the claim, for vectors of some width."""
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
"""Sizes, in twentieths, at which random selection is measured too, for the claims that need other data."""


def measure(
    features: FeatureSet, *, repeats: int = 10, resamples: int = 2000, n_jobs: int = -1, progress: bool = True
) -> pd.DataFrame:
    """Measure each claim's setting, and random selection, with the interval of the share that is kept.

    Parameters
    ----------
    features : FeatureSet
    repeats : int, default=10
        Draws of a random selection.
    resamples : int, default=2000
        Of the bootstrap.
    n_jobs : int, default=-1
        Processes, as in joblib; -1 means one a core.
    progress : bool, default=True

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`INTERVAL`. Of random selection there is a row a size: the mean over
        the draws.
    """
    width = features.X.shape[1]
    random = [f"DR1:{grid_dimensions(width)[step - 1]}" for step in RANDOM]
    specs = list(dict.fromkeys(["none", *(claim.spec(width) for claim in CLAIMS), *random]))
    runs = [(spec, seed) for spec in specs for seed in range(repeats if parse_spec(spec).is_random else 1)]
    calls = (joblib.delayed(decide)(features, spec, random_state=seed) for spec, seed in runs)
    running = joblib.Parallel(n_jobs, return_as="generator")(calls)
    judged = list(tqdm(running, features.name, len(runs), unit="setting", disable=not progress))
    truth, rows = features.y[features.test], []
    for spec in specs:
        decisions, gaps = zip(*(one for one, (ran, _) in zip(judged, runs, strict=True) if ran == spec), strict=True)
        parsed = parse_spec(spec)
        kept = bootstrap_kept(truth, judged[0][0], decisions, features.metric, resamples=resamples)
        rows.append(
            {
                **{name: features.provenance[name] for name in ("dataset", "model", "layer")},
                "n_features": width,
                "stress": parsed.stress,
                "dimensions": parsed.dimensions,
                "values": parsed.dictionary_size,
                "metric": features.metric,
                "score": 100 * np.mean([SCORES[features.metric](truth, decision) for decision in decisions]),
                "objective_gap": max(gaps),
                **dict(zip(INTERVAL, kept, strict=True)),
            }
        )
    return results_table(rows).assign(**{name: [row[name] for row in rows] for name in INTERVAL})


def write(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table of claims as CSV, as :func:`stresslib.write_results` does."""
    write_results(table, path, INTERVAL)


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of claims, as :func:`stresslib.read_results` does."""
    return read_results(path, INTERVAL)


def verdict(low: float, high: float, paper: float) -> str:
    """Judge a claim by the interval of what is kept and by what the paper keeps, in percent of the full score.

    Returns
    -------
    {"holds", "in part", "does not hold"}
        Holds: the lower bound is at least the paper's share less half a point. In part: the interval contains that value.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.claims.measure import verdict
    >>> verdict(98.7, 99.5, paper=99.1), verdict(97.9, 98.9, paper=99.1), verdict(96.0, 97.0, paper=99.1)
    ('holds', 'in part', 'does not hold')
    """
    if low >= paper - MARGIN:
        return "holds"
    return "in part" if high >= paper - MARGIN else "does not hold"


def paper_share(claim: Claim) -> float:
    """Percent of its full score that the paper's VGG-M keeps on VOC 2007."""
    table = with_shares(published())
    table = table[(table["model"] == "vgg-m") & (table["dataset"] == "voc2007") & (table["layer"] == "relu7")]
    stress = parse_spec(claim.spec(4096)).stress
    at = table["stress"].eq(stress) & table["values"].eq(claim.values)
    if claim.step is not None:
        at &= table["step"].eq(claim.step)
    return float(table.loc[at, "kept"].iloc[0])


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """Return each claim beside what was measured.

    Parameters
    ----------
    table : pandas.DataFrame
        Of :func:`measure`.

    Returns
    -------
    pandas.DataFrame
        One row a claim and feature set: `claim`, `stress`, `features`, `rate` (percent of the bits saved here), `paper`,
        the interval, and `verdict`.
    """
    rows = []
    for claim in CLAIMS:
        paper = paper_share(claim)
        for names, measured in table.groupby(["dataset", "model", "layer"], sort=False):
            width = int(measured["n_features"].iloc[0])
            parsed = parse_spec(claim.spec(width))
            at = measured["stress"].eq(parsed.stress) & measured["values"].eq(claim.values)
            if parsed.dimensions is not None:
                at &= measured["dimensions"].eq(parsed.dimensions)
            for row in measured[at].to_dict("records"):
                rows.append(
                    {
                        "claim": claim.said,
                        "stress": parsed.stress,
                        "features": ", ".join(map(str, names)),
                        "rate": 100 * compression_rate(parsed, width),
                        "paper": paper,
                        **{name: row[name] for name in INTERVAL},
                        "verdict": verdict(row["kept_low"], row["kept_high"], paper),
                    }
                )
    return pd.DataFrame(rows)
