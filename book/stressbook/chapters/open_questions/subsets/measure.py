"""Subsets: random selections that are nested within a repeat, and ones that are drawn anew for each size.

Features in, results table out; statistics.py computes deviations of such tables, and the page draws them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.running.variants import Variant, sweep_variants

INDEPENDENT = "independent subsets"


def measure(features: FeatureSet, steps: Iterable[int], *, repeats: int, **options: Any) -> pd.DataFrame:
    """Evaluate DR-1 with nested subsets and with independent ones.

    Parameters
    ----------
    features : FeatureSet
    steps : iterable of int
        Places on the paper's grid of dimensions.
    repeats : int
        Draws of each size; at least 2.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table with the column `variant`, empty for nested subsets.

    Raises
    ------
    ValueError
        When there are too few repeats for a deviation.
    """
    if repeats < 2:
        raise ValueError(f"repeats={repeats}; a deviation over repeats takes at least 2")
    steps = list(steps)
    sizes = sizes_at(features.X.shape[1], steps)
    specs = {step: f"DR1:{size}" for step, size in zip(steps, sizes, strict=True)}
    nested = sweep_variants(features, ["none", *specs.values()], [Variant()], repeats=repeats, **options)
    # A seed is one permutation: with seeds that no two sizes share, the subsets of different sizes are independent.
    independent = [
        sweep_variants(features, spec, [Variant(INDEPENDENT)], random_state=1000 * step, repeats=repeats, **options)
        for step, spec in specs.items()
    ]
    return pd.concat([nested, *independent], ignore_index=True)
