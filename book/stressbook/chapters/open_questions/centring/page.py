"""Centring: does it matter that the paper's principal components are of rows from which no mean was taken?

The authors project rows as they are. The mean is then a constant in every projected row, and a constant is what a bias is:
with a bias, centring should change nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import (
    Answer,
    Finding,
    by_feature_set,
    format_range,
    mean_differences,
    on_each_data_set,
    paired_with_protocol,
    say_findings,
    sign_agreement,
)
from stressbook.chapters.open_questions.centring.measure import BIAS, BOTH, CENTRED
from stressbook.drawing import style, tables
from stresslib.paper.published import GRID
from stresslib.results import TOLERANCE, VARIANT


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: what does centring change without a bias, and with one?"""
    without = paired_with_protocol(results, CENTRED)
    means = pd.Series(mean_differences(without))
    found, more = say_findings(results, _find)
    return Answer(
        found,
        f"Mean change by centring, in points, without a bias: {on_each_data_set(means)}",
        sign_agreement("What centring changes without a bias", means),
        more,
        points=float(means.abs().max()),
    )


def _find(results: pd.DataFrame) -> Finding:
    without, with_bias = paired_with_protocol(results, CENTRED), paired_with_protocol(results, BOTH, BIAS)
    low, high = without["difference"].min(), without["difference"].max()
    means = list(mean_differences(without).values())
    largest = with_bias["difference"].abs().max()
    moved = int((with_bias["difference"].abs() > TOLERANCE).sum())
    one = f"with one it moves no score by more than {largest:.2f}"
    if max(abs(low), abs(high)) <= TOLERANCE:
        verdict, sentence = "no", f"No: even without a bias, centring moves no score by more than {TOLERANCE} points"
    elif max(means) < 0:
        costs = format_range([-mean for mean in means])
        verdict = "costs"
        sentence = f"Yes, without a bias: centring then costs {costs} points on average; {one}"
    elif min(means) > 0:
        verdict = "gains"
        sentence = f"Yes, without a bias: centring then gains {format_range(means)} points on average; {one}"
    else:
        verdict = "either"
        sentence = f"Yes, without a bias: centring then changes scores by {format_range(means, '+.1f')} on average; {one}"
    more = (
        f"Single settings change by {format_range([low, high], '+.1f')} points without a bias; with one, {moved} of "
        f"{len(with_bias)} move by more than {TOLERANCE}."
    )
    return Finding(verdict, sentence, more)


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


def verdicts(results: pd.DataFrame) -> str:
    """Say whether the published curve was centred, as far as ours can tell."""
    without = paired_with_protocol(results, CENTRED)
    full = without[without["stress"] == "none"]["difference"]
    paper = tables.published_shares()
    paper = paper[(paper["source"] == "figure-2") & (paper["stress"] == "pca")].set_index("step")
    away = float(paper["score"][GRID - 1] - paper["score"][GRID])
    if abs(away) <= TOLERANCE < full.abs().min():
        conclusion = "as if the mean had been kept."
    else:
        conclusion = "which does not tell whether the mean was kept."
    return (
        f"Was the published curve centred? Here, centring changes the score of the full vectors by "
        f"{format_range(full, '+.1f')} points. The paper's {paper['dimensions'][GRID - 1]} components score {away:+.2f} "
        f"points from its full vectors, {conclusion}"
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
    differences = {variant: paired_with_protocol(results, variant) for variant in _LOOKS}
    numbers = sorted(results["dimensions"].dropna().unique().astype(int))
    # The full vectors are drawn where one more doubling would be.
    full = 2 * numbers[-1]
    names = list(mean_differences(differences[CENTRED]))
    figure, axes = style.panels(len(names), height=2.5, columns=2, sharey=False)
    for variant, look in _LOOKS.items():
        for ax, (_, rows) in zip(axes, by_feature_set(differences[variant]), strict=True):
            places = rows["dimensions"].fillna(full).astype(float)
            order = np.argsort(places.to_numpy(), kind="stable")
            ax.plot(places.iloc[order], rows["difference"].iloc[order], linewidth=1.8, markersize=5, **look)
    for ax in axes:
        style.draw_zero_line(ax)
        ax.set_xscale("log", base=2)
        ax.minorticks_off()
        ax.set_xticks([*numbers, full], [*map(str, numbers), "all"])
        ax.set(xlabel="principal components; all: the full vectors", ylabel="points above the paper's")
    style.add_titles_and_legend(figure, axes, names, columns=3)
    return figure


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of all four protocols, to two decimals."""
    rows = tables.first_metric(results)
    rows = rows.assign(
        features=rows["dataset"] + ", " + rows["model"] + ", " + rows["layer"],
        components=rows["dimensions"].astype("string").fillna("all"),
        protocol=rows[VARIANT].fillna("").replace("", "the paper's"),
    )
    return rows.pivot_table(index=["features", "components"], columns="protocol", values="score", sort=False).round(2)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    means = [
        f"{name}: {look['label']} {mean:+.2f} points"
        for variant, look in _LOOKS.items()
        for name, mean in mean_differences(paired_with_protocol(results, variant)).items()
    ]
    return (
        "How far scores lie above those of the paper's protocol against the number of principal components, centred or not, "
        "with a bias or without. On average " + "; ".join(means) + "."
    )
