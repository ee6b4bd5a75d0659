"""Centring: does it matter that the paper's principal components are of rows from which no mean was taken?

The authors project rows as they are. The mean is then a constant in every projected row, and a constant is what a bias is:
with a bias, centring should change nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import LEVEL, Answer, agreeing, beside, by_set, span, zero
from stressbook.chapters.open_questions.centring.measure import BIAS, BOTH, CENTRED
from stressbook.drawing import style
from stressbook.drawing.tables import first_metric
from stresslib.paper.published import GRID, published, with_shares


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: what does centring change without a bias, and with one?"""
    without, having = beside(results, CENTRED), beside(results, BOTH, BIAS)
    low, high = without["difference"].min(), without["difference"].max()
    means = list(by_set(without).values())
    if max(abs(low), abs(high)) <= LEVEL:
        said = f"No: without a bias, centring moves no score by more than {LEVEL} points."
    elif max(means) < 0:
        said = f"Yes, as long as there is no bias: centring then costs {span([-mean for mean in means])} points on average."
    elif min(means) > 0:
        said = f"Yes, as long as there is no bias: centring then gains {span(means)} points on average."
    else:
        said = f"Yes, as long as there is no bias, but either way: {span(means, '+.1f')} points on average."
    same = int((having["difference"].abs() <= LEVEL).sum())
    said += (
        f" With a bias it moves {len(having) - same} of {len(having)} scores by more than {LEVEL} points, the most by "
        f"{having['difference'].abs().max():.2f}."
    )
    return Answer(
        "Does it matter that the paper's principal components keep the mean?",
        said,
        f"centring, without a bias: {low:+.1f} to {high:+.1f} points over {len(without)} settings",
        agreeing(means),
    )


def details(results: pd.DataFrame) -> str:
    """Say whether the published curve was centred, as far as ours tell."""
    without = beside(results, CENTRED)
    whole = without[without["stress"] == "none"]["difference"]
    paper = with_shares(published())
    paper = paper[(paper["source"] == "figure-2") & (paper["stress"] == "pca")].set_index("step")
    away = float(paper["score"][GRID - 1] - paper["score"][GRID])
    said = (
        f"On the full vectors centring changes the score by {span(whole, '+.1f')} points; the paper's "
        f"{paper['dimensions'][GRID - 1]} components score {away:+.2f} points from its full vectors, "
    )
    return said + (
        "as components that keep the mean do."
        if abs(away) <= LEVEL < whole.abs().min()
        else "which does not tell the two apart."
    )


_LOOKS: dict[str, dict[str, Any]] = {
    CENTRED: {"color": style.COLOURS["random-selection"], "label": "centred, no bias", "marker": "o"},
    BIAS: {"color": style.COLOURS["pca"], "label": "not centred, bias", "marker": "o"},
    BOTH: {"color": "black", "label": "centred, bias", "marker": "o", "markerfacecolor": "white", "linestyle": "--"},
}


def plot(results: pd.DataFrame) -> Figure:
    """Draw how far the other protocols score from the paper's, against the number of principal components.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    tables = {variant: beside(results, variant) for variant in _LOOKS}
    numbers = sorted(results["dimensions"].dropna().unique().astype(int))
    # The full vectors stand where one more doubling would be.
    whole = 2 * numbers[-1]
    names = list(by_set(tables[CENTRED]))
    figure, axes = style.panels(len(names), height=2.5, sharey=False)
    for variant, look in _LOOKS.items():
        rows = tables[variant]
        for ax, (_, part) in zip(axes, rows.groupby(["dataset", "model", "layer"], sort=False), strict=True):
            places = part["dimensions"].fillna(whole).astype(float)
            order = np.argsort(places.to_numpy(), kind="stable")
            ax.plot(places.iloc[order], part["difference"].iloc[order], linewidth=1.8, markersize=5, **look)
    for ax in axes:
        zero(ax, "points above the paper's")
        ax.set_xscale("log", base=2)
        ax.minorticks_off()
        ax.set_xticks([*numbers, whole], [*map(str, numbers), "all"])
        ax.set(xlabel="principal components; all: the full vectors")
    style.add_titles_and_legend(figure, axes, names, columns=3)
    return figure


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of all four protocols, to two decimals."""
    rows = first_metric(results)
    rows = rows.assign(
        features=rows["dataset"] + ", " + rows["model"] + ", " + rows["layer"],
        components=rows["dimensions"].astype("string").fillna("all"),
        protocol=rows["variant"].fillna("").replace("", "the paper's"),
    )
    return rows.pivot_table(index=["features", "components"], columns="protocol", values="score", sort=False).round(2)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = [
        f"{name}: {look['label']} {mean:+.2f} points"
        for variant, look in _LOOKS.items()
        for name, mean in by_set(beside(results, variant)).items()
    ]
    return (
        "How far scores lie above those of the paper's protocol against the number of principal components, centred or not, "
        "with a bias or without. On average " + "; ".join(said) + "."
    )
