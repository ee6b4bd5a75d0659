"""Order: reduce then quantise, as in the paper, against quantise then reduce: what is measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from stressbook.drawing.tables import feature_sets, features_name
from stresslib.features import FeatureSet
from stresslib.paper.published import GRID, with_shares
from stresslib.results import VARIANT
from stresslib.running.grid import sweep
from stresslib.stress.on_features.quantization import UniformQuantizer
from stresslib.stress.spec import FLOAT_BITS, bits_per_vector

FLOATS = "quantised-first"
"""Quantise, reduce: the components are stored as 32-bit numbers."""

TWICE = "quantised-first-and-last"
"""Quantise, reduce, quantise: as many bits as reduce, quantise."""

STRESS = "pca+uniform"


def quantised(features: FeatureSet, values: int) -> FeatureSet:
    """Return a feature set whose values went through Q-2, its dictionaries fitted on the training rows.

    Parameters
    ----------
    features : FeatureSet
    values : int
        Size of the dictionaries.

    Returns
    -------
    FeatureSet
        Under the same name.
    """
    quantizer = UniformQuantizer(values).fit(features.X[features.train])
    return FeatureSet(
        quantizer.transform(features.X),
        features.y,
        features.train,
        features.metric,
        features.classes,
        features.files,
        features.provenance,
    )


def measure(features: FeatureSet, steps: Iterable[int], values: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate both orders.

    Parameters
    ----------
    features : FeatureSet
    steps : iterable of int
        Dimensions, in twentieths.
    values : iterable of int
        Sizes of the dictionaries of Q-2.
    **options : Any
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        A results table with a column `variant`: empty for the paper's order, :data:`FLOATS` or :data:`TWICE` for the other.
        Rows of both orders are of the stress ``pca+uniform``, and say how many dimensions and values they have.
    """
    sizes, values = [features.X.shape[1] * step // GRID for step in steps], list(values)
    alone = [f"DR2:{size}" for size in sizes]
    both = [f"DR2:{size},Q2:{count}" for count in values for size in sizes]
    tables = [sweep(features, ["none", *alone, *both], **options).assign(**{VARIANT: ""})]
    for count in values:
        again = [f"DR2:{size},Q2:{count}" for size in sizes]
        table = sweep(quantised(features, count), [*alone, *again], **options)
        first = table["stress"] == "pca"
        named: Any = {VARIANT: np.where(first, FLOATS, TWICE), "stress": STRESS, "values": table["values"].fillna(count)}
        tables.append(table.assign(**named))
    return pd.concat(tables, ignore_index=True).astype({VARIANT: "string", "stress": "string"})


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each order keeps, with the bits that it stores, in percent of the full score."""
    rows = []
    for _, part in feature_sets(results.assign(**{VARIANT: results[VARIANT].fillna("")})):
        shares = with_shares(part)
        both = shares[shares["stress"] == STRESS]
        wide = both.pivot_table(index=["dimensions", "values"], columns=VARIANT, values="kept").reset_index()
        plain = shares[shares["stress"] == "pca"].set_index("dimensions")["kept"]
        for row in wide.to_dict("records"):
            size, count = int(row["dimensions"]), int(row["values"])
            rows.append(
                {
                    "features": features_name(part),
                    "dimensions": size,
                    "values": count,
                    "bits": bits_per_vector(f"DR2:{size},Q2:{count}", int(part["n_features"].iloc[0])),
                    "reduce, quantise": row[""],
                    "quantise, reduce, quantise": row[TWICE],
                    "bits of floats": FLOAT_BITS * size,
                    "quantise, reduce": row[FLOATS],
                    "reduce": plain.get(size, float("nan")),
                }
            )
    return pd.DataFrame(rows).set_index(["features", "dimensions", "values"]).round(1)
