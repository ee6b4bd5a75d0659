"""Subsets: does it matter whether a repeat's random subsets are nested, and what can ten repeats tell apart?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.features import FeatureSet
from stresslib.paper.published import grid_dimensions
from stresslib.running.variants import Variant, sweep_variants

INDEPENDENT = "independent subsets"


def measure(features: FeatureSet, steps: Iterable[int], repeats: int, **options: Any) -> pd.DataFrame:
    """Evaluate DR-1 with nested subsets and with independent ones.

    Parameters
    ----------
    features : FeatureSet
    steps : iterable of int
        Places on the paper's grid of dimensions.
    repeats : int
        At least 2.
    **options : Any
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ValueError
        When there are too few repeats for a deviation.
    """
    if repeats < 2:
        raise ValueError(f"repeats={repeats}; a deviation over repeats takes at least 2")
    sizes, seeds = grid_dimensions(features.X.shape[1]), {"repeats": repeats, **options}
    specs = {step: f"DR1:{sizes[step - 1]}" for step in steps}
    tables = [sweep_variants(features, ["none", *specs.values()], [Variant()], **seeds)]
    # A seed is one permutation: seeds that no two sizes share make subsets that know nothing of each other.
    tables += [
        sweep_variants(features, spec, [Variant(INDEPENDENT)], random_state=1000 * step, **seeds)
        for step, spec in specs.items()
    ]
    return pd.concat(tables, ignore_index=True)
