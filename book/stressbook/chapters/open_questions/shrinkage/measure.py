"""Shrinkage: random selection with its vectors shortened, brought back to unit norm, or under a C of its own.

Features in, results table out, with the squared norm that is left; the page beside it draws what each protocol loses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from stressbook.chapters.rerun.figure_2 import measure as figure_2_measure
from stresslib.features import FeatureSet
from stresslib.running.variants import Variant, renormalised, sweep_variants, tuned
from stresslib.stress.spec import make_stress

RENORMALISED, TUNED, BOTH = "re-normalised", "C tuned", "re-normalised, C tuned"
NORM = "squared_norm"
"""Column beside those of a results table: mean squared norm of the stressed test rows."""


def measure(features: FeatureSet, steps: Iterable[int], *, repeats: int, **options: Any) -> pd.DataFrame:
    """Evaluate DR-1 at a fixed C and at one chosen for each setting, both also re-normalised after the stress.

    Parameters
    ----------
    features : FeatureSet
    steps : iterable of int
        Places on the paper's grid of dimensions.
    repeats : int
        Draws of the random selection.
    **options : Any
        For :func:`stresslib.sweep`, such as `store`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns `variant` and :data:`NORM`.
    """
    # Without the principal components of the same grid.
    specs = [spec for spec in figure_2_measure.specs(features.X.shape[1], steps) if not spec.startswith("DR2")]
    several = features.y.ndim == 2
    protocols = [
        Variant(),
        Variant(RENORMALISED, renormalised()),
        Variant(TUNED, tuned(several_labels=several)),
        Variant(BOTH, tuned(classifier=renormalised(), several_labels=several)),
    ]
    table = sweep_variants(features, specs, protocols, repeats=repeats, **options)
    full_norm = _squared_norm(features, "none", 0)
    norms = {
        (int(spec.split(":")[1]), repeat): _squared_norm(features, spec, repeat)
        for spec in specs[1:]
        for repeat in range(repeats)
    }
    places = zip(table["dimensions"], table["repeat"], strict=True)
    return table.assign(**{NORM: [full_norm if pd.isna(size) else norms[size, repeat] for size, repeat in places]})


def _squared_norm(features: FeatureSet, spec: str, seed: int) -> float:
    """Return the mean squared norm of the stressed test rows."""
    rows = make_stress(spec, random_state=seed).fit(features.X[:1]).transform(features.X[features.test])
    return float(np.einsum("ij,ij->i", rows, rows, dtype=np.float64).mean())
