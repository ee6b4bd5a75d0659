"""Smoothness: what a stress does to a layer of the regression."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stressbook.chapters.beyond.separation.layers import GROWN
from stressbook.chapters.beyond.separation.small_networks import SMOOTHNESS, STRESSED


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what a stress does to the layer of the regression, as a mean over repeats, to one decimal.

    Returns
    -------
    pandas.DataFrame
        Indexed by the number of values: the smoothness indices of the layer, and R² of the rest of the network, in percent.
    """
    rows = results[results["dataset"].eq("diabetes") & results["model"].eq("mlp") & results["layer"].eq(STRESSED)]
    rows = rows.assign(values=rows["values"].astype("string").fillna("no stress"))
    table = rows.pivot_table(index="values", columns="metric", values="score", sort=False)
    order = ["no stress", *sorted((name for name in table.index if name != "no stress"), key=int)]
    return table.loc[order, [*SMOOTHNESS, "R2"]].rename_axis("values").rename_axis(None, axis=1).round(1)


def in_words(results: pd.DataFrame) -> str:
    """Say what a stress does to smoothness and to what is explained, as a Markdown paragraph."""
    shown = table(results)
    moved = (shown - shown.loc["no stress"]).drop(index="no stress")
    index, explained = moved["SmI"].abs().max(), moved["R2"].abs().max()
    worst = moved["SmI"].abs().idxmax()
    line = f"With one dictionary a dimension on `{STRESSED}`, SmI moves by at most {index:.1f} points ({worst} values), R² "
    line += f"by at most {explained:.1f}. "
    order = shown["SmI"].drop("no stress").corr(shown["R2"].drop("no stress"), method="spearman")
    if max(index, explained) <= GROWN:
        return line + "Neither sees the stress."
    if len(shown) < 4 or not np.isfinite(order):
        return line
    return (
        line
        + f"Over the dictionaries their ranks correlate by {order:.2f}: "
        + ("SmI tells what will be explained." if order >= 0.5 else "**SmI does not tell what will be explained.**")
    )
