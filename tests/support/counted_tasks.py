"""Functions for tests of the runner of tasks, in a module that workers find; each call notes itself in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import stresslib as sl
from stressbook.chapters.verdicts.claims import measure as claims_measure
from stresslib.codec import peers as of_codec


def note(log: str, what: object) -> None:
    with open(log, "a", encoding="utf-8") as stream:
        stream.write(f"{what}\n")


def noted(log: str) -> list[str]:
    """Return what was run, in any order, and forget it."""
    path = Path(log)
    lines = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def scaled(features: sl.FeatureSet, log: str, factor: float) -> dict[str, Any]:
    """Return a row and an array; fail where the factor is negative."""
    note(log, factor)
    if factor < 0:
        raise ValueError(f"factor={factor} is negative")
    sums = factor * features.X.sum(axis=1, dtype=np.float64)
    return {"row": {"factor": np.float64(factor), "gap": float("nan")}, "sums": sums, "pair": (1, None)}


def claims(features: sl.FeatureSet, store: Path | None) -> pd.DataFrame:
    """Measure the claims: 14 settings decide, then 10 resample."""
    options = {"n_jobs": 1, "store": store, "progress": False}
    return claims_measure.measure(features, repeats=2, resamples=400, **options)


def peers(features: sl.FeatureSet, store: Path | None) -> pd.DataFrame:
    """Measure 6 stresses and 6 peers."""
    methods = [*(f"Q2:{count}" for count in range(2, 8)), *map(of_codec.Truncation, range(1, 5)), of_codec.Int8()]
    methods.append(of_codec.KMeansBins(6))
    return of_codec.measure(features, methods, n_jobs=1, store=store)
