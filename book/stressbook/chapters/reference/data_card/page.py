"""Data card: what the 8 bits of a shipped number cost beside float32, stress by stress.

From the results table to the figure and the words of the page; `card` says what the sets are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stressbook.chapters.reference.data_card.measure import FLOAT32
from stressbook.drawing import style, tables
from stressbook.drawing.words import LABELS, paper_name
from stresslib.results import FEATURES, SETTING

STRESSES = {"none": "full vector", **{stress: paper_name(stress) for stress in LABELS}}
"""The stresses of the comparison and their short names, in the order in which they are shown."""

NONE = "#000000"
"""Colour of the full vectors, which are under no stress."""


def differences(results: pd.DataFrame) -> pd.DataFrame:
    """Return the shipped features' score minus that of float32, in points, setting by setting.

    Parameters
    ----------
    results : pandas.DataFrame
        As returned by :func:`~stressbook.chapters.reference.data_card.measure.measure`, for one feature set or several.
        Settings that only one of both has are left out.

    Returns
    -------
    pandas.DataFrame
        A row for each setting and metric: its columns, `score`, `score_float32` and `difference`. The scores of random
        selections are means over the draws.
    """
    key = [name for name in SETTING if name != "repeat"]
    means = results.groupby(key, dropna=False, sort=False)["score"].mean().reset_index()
    exact = means["layer"].str.endswith(FLOAT32)
    originals = means[exact].assign(layer=means["layer"].str.removesuffix(FLOAT32))
    both = means[~exact].merge(originals, on=key, suffixes=("", "_float32"))
    return both.assign(difference=both["score"] - both["score_float32"])


def has_originals(results: pd.DataFrame) -> bool:
    """Return whether a results table has any setting with and without the packing, so that there is a figure to draw."""
    return len(differences(results)) > 0


def costs(results: pd.DataFrame) -> pd.DataFrame:
    """Return what the packing costs each feature set under each stress, in its first metric.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`differences`.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set and stress: the number of `settings`, and the `mean`, `lowest` and `highest` difference.
    """
    groups = differences(tables.first_metric(results)).groupby([*FEATURES, "stress"], sort=False)["difference"]
    return groups.agg(settings="size", mean="mean", lowest="min", highest="max").reset_index()


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the difference that is largest in size for each feature set and stress, and the full score in float32.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`differences`.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set, to two decimals; a stress that was not measured has no column.
    """
    rows = differences(tables.first_metric(results))
    full = rows[rows["stress"] == "none"].set_index(FEATURES)["score_float32"].rename("full score")
    largest = rows.pivot_table("difference", FEATURES, "stress", lambda part: part.loc[part.abs().idxmax()], sort=False)
    measured = [stress for stress in STRESSES if stress in largest]
    small = pd.concat([largest[measured].rename(columns=STRESSES), full], axis=1).round(2)
    return small.set_axis([", ".join(name) for name in small.index])


def plot(results: pd.DataFrame) -> Figure:
    """Draw every difference as a dot: a row for each feature set, in it a line for each stress.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`differences`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    sets = list(differences(tables.first_metric(results)).groupby(FEATURES, sort=False))
    figure, [ax] = style.panels(1, height=0.62 * len(sets) + 0.4)
    looks = {
        stress: {"linestyle": "", "marker": "D" if stress == "none" else "o", "color": style.COLOURS.get(stress, NONE)}
        for stress in STRESSES
    }
    for place, (_, rows) in enumerate(sets):
        for line, (stress, look) in enumerate(looks.items(), 1):
            points = rows.loc[rows["stress"] == stress, "difference"]
            height = place + line / (len(looks) + 1)
            ax.plot(points, [height] * len(points), ms=3.4, mew=0, alpha=0.75, **look)
        ax.axhline(place, color="#CCCCCC", linewidth=0.6)
    ax.axvline(0, color="#888888", linewidth=0.8, zorder=0)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    names = [f"{dataset}\n{model}\n{layer}" for (dataset, model, layer), _ in sets]
    ax.set_yticks(np.arange(len(sets)) + 0.5, names, fontsize="small")
    ax.tick_params(axis="y", length=0)
    ax.set(ylim=(len(sets), 0), xlabel="shipped minus float32 (points of the score)")
    handles = [Line2D([], [], ms=5, mew=0, label=STRESSES[stress], **look) for stress, look in looks.items()]
    # Above the panel: below its many rows the legend would be a screen away on a phone.
    spacing = {"handlelength": 0.8, "handletextpad": 0.4, "columnspacing": 1.4}
    figure.legend(handles=handles, loc="outside upper center", ncols=7, frameon=False, fontsize="small", **spacing)
    return figure


def headline(results: pd.DataFrame) -> str:
    """Say in a few sentences how far the shipped features' scores are from those of float32.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`differences`.

    Returns
    -------
    str
    """
    rows = differences(tables.first_metric(results))
    names = dict.fromkeys(results["dataset"] + "/" + results["model"] + "/" + results["layer"].str.removesuffix(FLOAT32))
    compared = set(rows["dataset"] + "/" + rows["model"] + "/" + rows["layer"])
    without = ", ".join(name for name in names if name not in compared)
    missing = f" Not in the cache as float32, and not compared: {without}." if without else ""
    if rows.empty:
        return missing.strip()
    sizes = rows["difference"].abs()
    full = sizes[rows["stress"] == "none"].max()
    worst = rows.sort_values("difference", key=abs).iloc[-1]
    words = {"dimensions": "dimensions", "values": "values", "removed_bits": "bits erased"}
    place = [f"{worst[column]} {word}" for column, word in words.items() if not pd.isna(worst[column])]
    return (
        f"**Over {len(rows)} settings of {len(compared)} feature sets the scores differ by {sizes.mean():.2f} points on "
        f"average, nine in ten by at most {sizes.quantile(0.9):.2f}; the mean with its sign is "
        f"{rows['difference'].mean():+.2f}.** Full vectors differ by {full:.2f} at most. The largest difference is that of "
        f"{', '.join([STRESSES[worst['stress']], *place])}, on {', '.join(worst[FEATURES])}: "
        f"{worst['score_float32']:.2f} in float32, {worst['score']:.2f} as shipped.{missing}"
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`differences`.

    Returns
    -------
    str
    """
    rows = differences(tables.first_metric(results))
    ranges = rows.groupby("stress")["difference"].agg(low="min", mean="mean", high="max").reindex(list(STRESSES)).dropna()
    parts = [f"{STRESSES[str(row.Index)]} {row.low:+.2f}, {row.mean:+.2f}, {row.high:+.2f}" for row in ranges.itertuples()]
    return (
        f"Dots for the score of the shipped features minus that of float32, in points, one a setting, in a row for each of "
        f"{len(rows[FEATURES].drop_duplicates())} feature sets. Lowest, mean and highest difference by stress: "
        f"{'; '.join(parts)}."
    )
