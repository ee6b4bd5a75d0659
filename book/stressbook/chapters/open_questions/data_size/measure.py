"""Data size: does it depend on the number of training images how much stress the features stand?: what is measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from stressbook.drawing import words
from stressbook.drawing.tables import first_metric
from stresslib.features import FeatureSet
from stresslib.paper.published import FEATURES, GRID, with_shares
from stresslib.results import VARIANT
from stresslib.running.grid import sweep
from stresslib.running.variants import fewer
from stresslib.stress.spec import parse_spec

ALL = "all"
"""What the paper's protocol trains with, in tables for readers; its rows have an empty `variant`."""

COMBINED = 8
"""Values in the dictionaries of the combined stress."""


def specs(n_features: int, steps: Iterable[int], values: Iterable[int]) -> list[str]:
    """Return the stresses: ``"none"`` first, then DR-2, Q-2, and both at the smallest size."""
    sizes = [n_features * step // GRID for step in steps]
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
    """Evaluate the same stresses with fewer training images a class, and with all.

    Parameters
    ----------
    features : FeatureSet
        With one label a row.
    per_class : iterable of int
        Training images of each class; those that the smallest class has not, or has and no more, are left out.
    steps : iterable of int
        Dimensions of DR-2, in twentieths; the first is the combined stress's too. With fewer training images than
        dimensions there are no such components, and no such row.
    values : iterable of int
        Sizes of the dictionaries of Q-2.
    draws : int, default=3
        How often the fewer images are drawn; the column `repeat` counts them.
    **options : Any
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        A results table whose column `variant` holds the number of images a class; empty: all.
    """
    grid = specs(features.X.shape[1], steps, values)
    smallest = int(np.bincount(features.y[features.train]).min())
    tables = [_named(sweep(features, grid, **options), "")]
    for count in sorted(count for count in per_class if count < smallest):
        for draw in range(draws):
            part = fewer(features, count, random_state=draw)
            possible = [spec for spec in grid if (parse_spec(spec).dimensions or 0) <= part.train.sum()]
            tables.append(_named(sweep(part, possible, **options), str(count)).assign(repeat=draw))
    return pd.concat(tables, ignore_index=True).astype({"repeat": "Int64"})


def _named(table: pd.DataFrame, variant: str) -> pd.DataFrame:
    return table.assign(**{VARIANT: pd.Series(variant, table.index, dtype="string")})


def kept(results: pd.DataFrame) -> pd.DataFrame:
    """Return what is kept of the full score of the same training images.

    Returns
    -------
    pandas.DataFrame
        One row a feature set, stress and number of images a class, of the first metric: `features`, `setting`, `images`
        (infinity for all), the mean `kept` over the draws and its deviation `sd`, `full` (the mean full score), and
        `stress`.
    """
    table = first_metric(results)
    table = table.assign(**{VARIANT: table[VARIANT].fillna("")})
    # Each draw is compared with its own full score.
    parts = [with_shares(rows) for _, rows in table.groupby([VARIANT, "repeat"], dropna=False, sort=False)]
    shares = pd.concat(parts)
    shares["features"] = shares[FEATURES].agg(", ".join, axis=1)
    shares["images"] = pd.to_numeric(shares[VARIANT].replace("", "inf")).astype(float)
    full = shares[shares["stress"] == "none"].groupby(["features", "images"])["score"].mean().rename("full").reset_index()
    shares = shares[shares["stress"] != "none"]
    shares["setting"] = [_setting(row) for row in shares.to_dict("records")]
    key = ["features", "setting", "stress", "images"]
    means = shares.groupby(key, sort=False)["kept"].agg(kept="mean", sd=lambda values: values.std(ddof=0)).reset_index()
    return means.merge(full, on=["features", "images"]).sort_values("images", kind="stable", ignore_index=True)


def _setting(row: dict[Any, Any]) -> str:
    said = [words.LABELS[row["stress"]].split()[0]]
    said += [] if pd.isna(row["dimensions"]) else [f"{100 * row['step'] / GRID:.0f}% of dimensions"]
    said += [] if pd.isna(row["values"]) else [f"{row['values']} values"]
    return ", ".join([" ".join(said[:2]), *said[2:]])


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the kept shares, one row a feature set and setting, one column a number of images a class."""
    rows = kept(results)
    rows["images"] = [ALL if np.isinf(size) else f"{size:.0f}" for size in rows["images"]]
    order = list(dict.fromkeys(rows["images"]))
    full = rows.drop_duplicates(["features", "images"]).assign(setting="full score", kept=lambda part: part["full"])
    wide = pd.concat([full, rows]).pivot_table(index=["features", "setting"], columns="images", values="kept", sort=False)
    return wide[order].rename_axis("images a class", axis=1).round(1).astype(object).fillna("")
