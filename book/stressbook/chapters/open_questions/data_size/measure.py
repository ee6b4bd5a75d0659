"""Data size: the same stresses with fewer training images of each class, and with all of them.

Features in, results table out; the page beside it compares the shares that are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.running.variants import Variant, fewer, sweep_variants
from stresslib.stress.spec import parse_spec

COMBINED = 8
"""Values in the dictionaries of the combined stress."""


def specs(n_features: int, steps: Iterable[int], values: Iterable[int]) -> list[str]:
    """Return the stresses: ``"none"`` first, then DR-2, Q-2, and both at the first size."""
    sizes = sizes_at(n_features, steps, exact=True)
    return [
        "none",
        *(f"DR2:{size}" for size in sizes),
        *(f"Q2:{count}" for count in values),
        f"DR2:{sizes[0]},Q2:{COMBINED}",
    ]


def measure(
    features: FeatureSet,
    per_class: Iterable[int],
    steps: Iterable[int],
    values: Iterable[int],
    *,
    draws: int = 3,
    **options: Any,
) -> pd.DataFrame:
    """Evaluate the same stresses with fewer training images of each class, and with all.

    Parameters
    ----------
    features : FeatureSet
    per_class : iterable of int
        Training images of each class, as :func:`stresslib.running.variants.fewer` draws them; numbers that leave the
        smallest class with no image less are left out.
    steps : iterable of int
        Dimensions of DR-2, in twentieths; the first is also that of the combined stress. There are no more components
        than training images; larger sizes are left out.
    values : iterable of int
        Sizes of the dictionaries of Q-2.
    draws : int, default=3
        How often the fewer images are drawn; the column `repeat` counts the draws.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table whose column `variant` holds the number of images of each class; empty: all.
    """
    grid = specs(features.X.shape[1], steps, values)
    labels = features.y[features.train]
    smallest = int(((labels == 1).sum(axis=0) if labels.ndim == 2 else np.bincount(labels)).min())
    tables = [sweep_variants(features, grid, [Variant()], **options)]
    for count in sorted(count for count in per_class if count < smallest):
        for draw in range(draws):
            part = fewer(features, count, random_state=draw)
            possible = [spec for spec in grid if (parse_spec(spec).dimensions or 0) <= part.train.sum()]
            tables.append(sweep_variants(part, possible, [Variant(str(count))], **options).assign(repeat=draw))
    return pd.concat(tables, ignore_index=True).astype({"repeat": "Int64"})
