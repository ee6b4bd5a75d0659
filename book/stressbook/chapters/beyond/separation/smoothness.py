"""Smoothness: what a stress does to the smoothness of a layer of the regression, and to what the network explains.

The part of the chapter's page about regression, beside `layers`; reads the table of `measure`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from stressbook.chapters.beyond.separation.layers import GROWN
from stressbook.chapters.beyond.separation.small_networks import SMOOTHNESS, STRESSED

TELLS = 0.5
"""Rank correlation with R² from which on smoothness is said to tell what will be explained."""


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what a stress does to the layer of the regression, as a mean over repeats, to one decimal.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Indexed by the number of values: the smoothness indices of the layer, and R² of the rest of the network, in percent.
    """
    rows = results[results["dataset"].eq("diabetes") & results["model"].eq("mlp") & results["layer"].eq(STRESSED)]
    rows = rows.assign(values=rows["values"].astype("string").fillna("no stress"))
    means = rows.pivot_table(index="values", columns="metric", values="score", sort=False)
    order = ["no stress", *sorted((name for name in means.index if name != "no stress"), key=int)]
    return means.loc[order, [*SMOOTHNESS, "R2"]].rename_axis("values").rename_axis(None, axis=1).round(1)


def verdicts(results: pd.DataFrame) -> str:
    """Say what a stress does to smoothness and to what is explained, as a Markdown paragraph."""
    shown = table(results)
    moved = (shown - shown.loc["no stress"]).drop(index="no stress")
    index, explained = moved["SmI"].abs().max(), moved["R2"].abs().max()
    worst = moved["SmI"].abs().idxmax()
    line = f"With one dictionary a dimension on `{STRESSED}`, SmI moves by at most {index:.1f} points ({worst} values), R² "
    line += f"by at most {explained:.1f}. "
    if max(index, explained) <= GROWN:
        return line + "Neither sees the stress."
    correlation = shown["SmI"].drop("no stress").corr(shown["R2"].drop("no stress"), method="spearman")
    if len(shown) < 4 or not np.isfinite(correlation):
        return line
    line += f"Over the dictionaries their ranks correlate by {correlation:.2f}: "
    if correlation >= TELLS:
        return line + "SmI tells what will be explained."
    return line + "**SmI does not tell what will be explained.**"
