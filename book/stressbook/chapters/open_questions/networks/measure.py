"""Networks: few dimensions, few values and both, on the features of several networks.

Features in, results table out; the page beside it compares the networks in pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.running.grid import sweep
from stresslib.stress.spec import parse_spec


def specs(n_features: int, tenths: Iterable[int], values: Iterable[int]) -> list[str]:
    """Return the stresses: ``"none"``, few dimensions, and combinations, among which to look for the fewest bits.

    Parameters
    ----------
    n_features : int
    tenths : iterable of int
        Dimensions of the combinations, in tenths of the full vector.
    values : iterable of int
        Sizes of the dictionaries, with all dimensions too.
    """
    sizes = sizes_at(n_features, (1, 2))
    combined, values = sizes_at(n_features, [2 * tenth for tenth in tenths], exact=True), list(values)
    return [
        "none",
        *(f"{stress}:{size}" for stress in ("DR1", "DR2") for size in sizes),
        *(f"DR2:{size},Q2:{count}" for size in combined for count in values),
        *(f"Q2:{count}" for count in values),
    ]


def measure(features: FeatureSet, tenths: Iterable[int], values: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate the stresses of :func:`specs`.

    Parameters
    ----------
    features : FeatureSet
    tenths : iterable of int
        Dimensions of the combinations, in tenths of the full vector. There are no more components than training rows;
        larger numbers of them are left out.
    values : iterable of int
        Sizes of the dictionaries.
    **options : Any
        For :func:`stresslib.sweep`, such as `repeats` and `store`.

    Returns
    -------
    pandas.DataFrame
    """
    n_train = int(features.train.sum())
    possible = [spec for spec in specs(features.X.shape[1], tenths, values) if _components(spec) <= n_train]
    return sweep(features, possible, **options)


def _components(spec: str) -> int:
    """Return the number of principal components that a stress keeps, 0 without them."""
    parsed = parse_spec(spec)
    return int(parsed.dimensions or 0) if parsed.reduction == "DR2" else 0
