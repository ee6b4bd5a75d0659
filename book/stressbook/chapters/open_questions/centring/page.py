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
    low, high = without["difference"].min(), without["difference"].max()
    return Answer(
        "Does it matter that the paper's principal components keep the mean?",
        say_findings(results, _find),
        f"centring, without a bias: {low:+.1f} to {high:+.1f} points over {len(without)} settings",
        sign_agreement(list(mean_differences(without).values())),
    )


def _find(results: pd.DataFrame) -> Finding:
    without, with_bias = paired_with_protocol(results, CENTRED), paired_with_protocol(results, BOTH, BIAS)
    low, high = without["difference"].min(), without["difference"].max()
    means = list(mean_differences(without).values())
    if max(abs(low), abs(high)) <= TOLERANCE:
        verdict, sentence = "no", f"No: without a bias, centring moves no score by more than {TOLERANCE} points"
    elif max(means) < 0:
        costs = format_range([-mean for mean in means])
        verdict, sentence = "costs", f"Yes, as long as there is no bias: centring then costs {costs} points on average"
    elif min(means) > 0:
        verdict = "gains"
        sentence = f"Yes, as long as there is no bias: centring then gains {format_range(means)} points on average"
    else:
        verdict = "either"
        sentence = f"Yes, as long as there is no bias, but either way: {format_range(means, '+.1f')} points on average"
    moved = int((with_bias["difference"].abs() > TOLERANCE).sum())
    more = (
        f"With a bias it moves {moved} of {len(with_bias)} scores by more than {TOLERANCE} points, the most by "
        f"{with_bias['difference'].abs().max():.2f}."
    )
    return Finding(verdict, sentence, more)


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_paragraph()


def verdicts(results: pd.DataFrame) -> str:
    """Say whether the published curve was centred, as far as ours can tell."""
    without = paired_with_protocol(results, CENTRED)
    full = without[without["stress"] == "none"]["difference"]
    paper = tables.published_shares()
    paper = paper[(paper["source"] == "figure-2") & (paper["stress"] == "pca")].set_index("step")
    away = float(paper["score"][GRID - 1] - paper["score"][GRID])
    if abs(away) <= TOLERANCE < full.abs().min():
        conclusion = "as components that keep the mean do."
    else:
        conclusion = "which does not tell the two apart."
    return (
        f"On the full vectors centring changes the score by {format_range(full, '+.1f')} points; the paper's "
        f"{paper['dimensions'][GRID - 1]} components score {away:+.2f} points from its full vectors, {conclusion}"
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
    figure, axes = style.panels(len(names), height=2.5, sharey=False)
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
