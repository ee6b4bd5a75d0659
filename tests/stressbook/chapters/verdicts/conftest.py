"""Made-up results of a network and of classical features, for the tests of the pages that judge them."""

from __future__ import annotations

import pandas as pd
import pytest

from stresslib.results import results_table
from stresslib.stress.spec import parse_spec


def made(model: str, width: int, kept: dict[str, float], full: float = 80.0, dataset: str = "scenes15") -> pd.DataFrame:
    """A results table that keeps given shares, in percent."""
    rows = []
    for spec, share in {"none": 100.0, **kept}.items():
        parsed = parse_spec(spec)
        rows.append(
            {
                "dataset": dataset,
                "model": model,
                "layer": "pooled",
                "n_features": width,
                "metric": "accuracy",
                "stress": parsed.stress,
                "dimensions": parsed.dimensions,
                "values": parsed.dictionary_size,
                "repeat": 0 if parsed.is_random else None,
                "score": full * share / 100,
                "objective_gap": 0.0,
            }
        )
    return results_table(rows)


# The last selection of each is the whole vector, which is no stress.
NETWORK = made(
    "efficientnet-lite0", 1280, {"DR1:64": 80, "DR1:128": 90, "DR1:153": 91, "DR2:64,Q2:16": 88, "Q2:4": 97, "DR1:1280": 100}
)
BOSSANOVA = made(
    "bossanova", 3072, {"DR1:153": 85, "DR1:128": 84, "DR1:64": 70, "DR2:64,Q2:16": 90, "Q2:4": 99, "DR1:3072": 100}, full=60
)


@pytest.fixture
def network() -> pd.DataFrame:
    return NETWORK.copy()


@pytest.fixture
def bossanova() -> pd.DataFrame:
    return BOSSANOVA.copy()


@pytest.fixture
def results() -> pd.DataFrame:
    """Both, on the same data set."""
    return pd.concat([NETWORK, BOSSANOVA], ignore_index=True)
