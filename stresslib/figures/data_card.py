"""Data card: what the shipped features are, and what their 8 bits cost beside float32, stress by stress."""

from __future__ import annotations

import pandas as pd

from stresslib.features import FeatureSet
from stresslib.published import grid_dimensions
from stresslib.results import SETTING

FLOAT32 = "pooled-float32"
"""Layer name under which a table holds the scores of the features before they were packed."""


def specs(n_features: int) -> list[str]:
    """Return the stresses of the comparison: some settings of each, one after the other."""
    sizes = [grid_dimensions(n_features)[step - 1] for step in (1, 2, 5, 10)]
    return [
        "none",
        *(f"DR1:{size}" for size in sizes),
        *(f"DR2:{size}" for size in sizes),
        *(f"Q1:{count}" for count in (2, 4, 8, 16, 30)),
        *(f"Q2:{count}" for count in (2, 4, 8, 16, 30)),
        *(f"QB:{bits}" for bits in (45, 50, 52, 53, 54, 55)),
        *(f"DR2:{sizes[1]},Q2:{count}" for count in (2, 4, 8, 27)),
    ]


def renamed(features: FeatureSet, layer: str) -> FeatureSet:
    """Return the feature set under another layer name, so that one table can hold both."""
    provenance = {**features.provenance, "layer": layer}
    return FeatureSet(features.X, features.y, features.train, features.metric, features.classes, features.files, provenance)


def costs(results: pd.DataFrame) -> pd.DataFrame:
    """Return what the packing costs: the shipped features' score minus that of float32, in points.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`specs`, for both.

    Returns
    -------
    pandas.DataFrame
        One row a data set, metric and stress: the number of `settings` (means over repeats), the `mean` difference and
        the `lowest` and `highest` one.
    """
    key = [name for name in SETTING if name not in ("layer", "repeat")]
    means = results.groupby(["layer", *key], dropna=False, sort=False)["score"].mean().reset_index()
    packed, exact = (means[means["layer"].eq(FLOAT32) == wanted] for wanted in (False, True))
    both = packed.merge(exact, on=key, suffixes=("", "_float32"))
    both["difference"] = both["score"] - both["score_float32"]
    groups = both.groupby(["dataset", "metric", "stress"], sort=False)["difference"]
    return groups.agg(settings="size", mean="mean", lowest="min", highest="max").reset_index()


def card(features: FeatureSet, sha256: str) -> pd.Series:
    """Return what there is to know of a feature set, from its provenance.

    Parameters
    ----------
    features : FeatureSet
    sha256 : str
        Of its file.

    Returns
    -------
    pandas.Series
    """
    origin = features.provenance
    rows, width = features.X.shape
    return pd.Series(
        {
            "vectors": f"{rows} of {width} numbers",
            "classes": len(features.classes),
            "training / test rows": f"{features.train.sum()} / {features.test.sum()}",
            "split": origin["split"],
            "metric": features.metric,
            "preprocessing": f"{origin['preprocessing']}, computed in {origin['precision']}",
            "share of zeros": f"{100 * float((features.X == 0).mean()):.1f}%",
            "archive of images": f"{origin['archive']}, SHA-256 {origin['archive_sha256'][:16]}",
            "weights": f"SHA-256 {origin['weights_sha256'][:16]}",
            "made with": ", ".join(f"{name} {number}" for name, number in origin["versions"].items()),
            "file": f"SHA-256 {sha256[:16]}",
        },
        name=features.name,
    )
