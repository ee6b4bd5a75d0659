"""Data size: does it depend on the number of training images how much stress the features stand?

Each class trains with 5, 10, 20 or 30 of its images, drawn several times, and with all of them, as in the paper.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from stresslib.features import FeatureSet
from stresslib.figures import style
from stresslib.figures.referee.frame import LEVEL, Answer, agreeing
from stresslib.published import FEATURES, GRID, with_shares
from stresslib.results import VARIANT
from stresslib.spec import parse_spec
from stresslib.sweep import sweep
from stresslib.variants import fewer

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
    table = style.drawn(results)
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
    said = [style.LABELS[row["stress"]].split()[0]]
    said += [] if pd.isna(row["dimensions"]) else [f"{100 * row['step'] / GRID:.0f}% of dimensions"]
    said += [] if pd.isna(row["values"]) else [f"{row['values']} values"]
    return ", ".join([" ".join(said[:2]), *said[2:]])


def changes(results: pd.DataFrame) -> pd.DataFrame:
    """Return how the kept share changes from the fewest training images to all, setting by setting.

    Returns
    -------
    pandas.DataFrame
        `features`, `setting`, `stress`, `fewest` (images a class), `kept_fewest`, `kept_all` and the `difference`, all
        minus fewest, in points. Settings that the fewest images do not allow are left out.
    """
    rows = kept(results)
    fewest = rows[rows["images"] == rows.groupby("features")["images"].transform("min")]
    everything = rows[np.isinf(rows["images"])]
    both = fewest.merge(everything, on=["features", "setting", "stress"], suffixes=("_fewest", "_all"))
    both = both[np.isfinite(both["images_fewest"])]
    both = both.assign(fewest=both["images_fewest"].astype(int), difference=both["kept_all"] - both["kept_fewest"])
    return both[["features", "setting", "stress", "fewest", "kept_fewest", "kept_all", "difference"]].reset_index(drop=True)


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: does the kept share change with the number of training images?"""
    question = "Does compressibility depend on how many images the classifier trains with?"
    rows = changes(results)
    if rows.empty:
        return Answer(question, "Nothing was measured with fewer images than all.", "none", "none")
    up, down = int((rows["difference"] > LEVEL).sum()), int((rows["difference"] < -LEVEL).sum())
    counts = f"in {up} of {len(rows)} settings more is kept with all images, in {down} less, by more than {LEVEL} points"
    if up and down:
        by_set = rows.groupby("features", sort=False)["difference"].mean()
        each = "; ".join(f"{name} {change:+.2f}" for name, change in by_set.items())
        said = f"Not one way: {counts} (on average {each})."
    elif up or down:
        said = f"Yes: features trained with fewer images stand {'less' if up else 'more'} stress; {counts}."
    else:
        said = (
            f"Hardly: from {rows['fewest'].min()} images a class to all, no kept share changes by more than {LEVEL} points."
        )
    largest = rows.iloc[rows["difference"].abs().argmax()]
    said += (
        f" The largest change is {largest['setting']} on {largest['features']}: {largest['kept_fewest']:.1f}% kept with "
        f"{largest['fewest']} images a class, {largest['kept_all']:.1f}% with all."
    )
    full = kept(results).drop_duplicates(["features", "images"]).groupby("features")["full"]
    said += f" The full scores themselves change by {(full.last() - full.first()).abs().max():.1f} points at most."
    means = rows.groupby("stress", sort=False)["difference"].mean()
    effect = ", ".join(f"{style.LABELS[str(stress)].split()[0]} {change:+.2f}" for stress, change in means.items())
    return Answer(
        question,
        said,
        f"change of the kept share from the fewest images to all, mean over settings, in points: {effect}",
        agreeing(rows.groupby("features")["difference"].mean().tolist()),
    )


def plot(results: pd.DataFrame) -> Figure:
    """Draw what each stress keeps against the number of training images a class.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = kept(results)
    names = list(rows["features"].unique())
    figure, axes = style.panels(len(names), height=2.9, sharey=False)
    # All images allow every setting, in the order of the sweep.
    settings = list(rows.loc[np.isinf(rows["images"]), "setting"].unique())
    for ax, name in zip(axes, names, strict=True):
        here = rows[rows["features"] == name]
        sizes = sorted(here["images"].unique())
        for number, setting in enumerate(settings):
            curve = here[here["setting"] == setting]
            if curve.empty:
                continue
            stress = curve["stress"].iloc[0]
            place = [sizes.index(size) for size in curve["images"]]
            same = [other for other in settings if other.split()[0] == setting.split()[0]]
            shades = seaborn.light_palette(style.COLOURS[stress], len(same) + 4)[4:]
            ax.errorbar(
                place,
                curve["kept"],
                curve["sd"],
                color=shades[same.index(setting)],
                marker="os^Dv"[same.index(setting) % 5],
                linestyle=("-", "--", ":", "-.")[same.index(setting) % 4],
                markersize=5,
                linewidth=1.6,
                capsize=2,
                label=setting,
                zorder=2 + number / 100,
            )
        ax.axhline(100, color="#888888", linewidth=0.8, zorder=0)
        ax.set_xticks(range(len(sizes)), [ALL if np.isinf(size) else f"{size:.0f}" for size in sizes])
        ax.set(xlabel="training images a class", ylabel="score kept (% of the full score\nof the same images)")
    style.close(figure, axes, names, columns=2)
    return figure


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the kept shares, one row a feature set and setting, one column a number of images a class."""
    rows = kept(results)
    rows["images"] = [ALL if np.isinf(size) else f"{size:.0f}" for size in rows["images"]]
    order = list(dict.fromkeys(rows["images"]))
    full = rows.drop_duplicates(["features", "images"]).assign(setting="full score", kept=lambda part: part["full"])
    wide = pd.concat([full, rows]).pivot_table(index=["features", "setting"], columns="images", values="kept", sort=False)
    return wide[order].rename_axis("images a class", axis=1).round(1).astype(object).fillna("")


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = [
        f"{row['features']}, {row['setting']}: {row['kept_fewest']:.1f}% with {row['fewest']} images a class, "
        f"{row['kept_all']:.1f}% with all"
        for row in changes(results).to_dict("records")
    ]
    return "What is kept of the full score, against the number of training images a class. " + "; ".join(said) + "."
