"""Made-up results tables with variants, row by row, for the tests of the open questions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.results import VARIANT, results_table

SCENES, CALTECH = "scenes15/efficientnet-lite0/pooled", "caltech101/efficientnet-lite0/pooled"


def row(features: str, stress: str, score: float, variant: str = "", **changes: Any) -> dict[str, Any]:
    """Make one row: the score of a feature set of 1,280 dimensions under a stress and a variant."""
    names = dict(zip(("dataset", "model", "layer"), features.split("/"), strict=True))
    common = {"n_features": 1280, "metric": "accuracy", "objective_gap": 1e-9}
    return {**names, **common, "stress": stress, "score": score, VARIANT: variant, **changes}


def table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Make a results table with the column `variant` from such rows."""
    rows = list(rows)
    variants = pd.Series([one[VARIANT] for one in rows], dtype="string")
    return results_table({name: value for name, value in one.items() if name != VARIANT} for one in rows).assign(
        **{VARIANT: variants}
    )
