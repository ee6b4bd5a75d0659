"""Networks: on the same images, is a better network more or less compressible?: what is measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.features import FeatureSet
from stresslib.paper.published import grid_dimensions
from stresslib.running.grid import sweep


def specs(n_features: int, tenths: Iterable[int], values: Iterable[int]) -> list[str]:
    """Return the stresses: ``"none"``, few dimensions, and combinations, from which to take the fewest bits.

    Parameters
    ----------
    n_features : int
    tenths : iterable of int
        Dimensions of the combinations, in tenths of the full vector.
    values : iterable of int
        Sizes of the dictionaries, with all dimensions too.
    """
    sizes = [grid_dimensions(n_features)[step - 1] for step in (1, 2)]
    tenths, values = list(tenths), list(values)
    return [
        "none",
        *(f"{stress}:{size}" for stress in ("DR1", "DR2") for size in sizes),
        *(f"DR2:{n_features * tenth // 10},Q2:{count}" for tenth in tenths for count in values),
        *(f"Q2:{count}" for count in values),
    ]


def measure(features: FeatureSet, tenths: Iterable[int], values: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate the stresses of :func:`specs` that there are training rows enough for; options as of `sweep`."""
    rows = int(features.train.sum())
    possible = [spec for spec in specs(features.X.shape[1], tenths, values) if _components(spec) <= rows]
    return sweep(features, possible, **options)


def _components(spec: str) -> int:
    return int(spec.split(",")[0].removeprefix("DR2:")) if spec.startswith("DR2:") else 0
