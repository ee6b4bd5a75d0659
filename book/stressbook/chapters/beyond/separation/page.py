"""Separation: the chapter's first figure, its headline, and what did not reproduce.

Draws what `scores` computes; says what `scores`, `choices` and `layers` found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from stressbook.chapters.beyond.separation.choices import WITHIN, choices
from stressbook.chapters.beyond.separation.layers import network_name, panel_grid, trends
from stressbook.chapters.beyond.separation.scores import (
    ORDERED,
    PRIMARY,
    correlations,
    index_and_score,
    residuals,
    stressed_by_name,
    verdicts,
)
from stressbook.chapters.open_questions.answers import data_set, format_range, on_each_data_set

_RAMP = ListedColormap(["#E9C68C", "#CF9445", "#A9662A", "#7A4316", "#472506"])
"""Colours of 1 to 5 bits a value: light to dark, of FC's brown."""


def headline(results: pd.DataFrame) -> str:
    """Say what becomes of the stresses that the index chooses, beside those of validation, as the page's first paragraph."""
    table = choices(results).unstack("chosen by", sort=False)  # noqa: PD010
    lost, bits = table["lost"], table["bits"]
    more, count = int((lost[PRIMARY] > WITHIN).sum()), len(lost)
    if more == count:
        said = f"No: all {count} stresses that the separation index chooses lose"
    elif more:
        said = f"Not everywhere: {more} of {count} stresses that the separation index chooses lose"
    else:
        said = f"Yes: none of the {count} stresses that the separation index chooses loses"
    worse = int((lost["validation"] > lost[PRIMARY]).sum())
    ratio = bits["validation"] / bits[PRIMARY]
    cost = "as many bits" if ratio.eq(1).all() else f"{format_range(ratio, '.2f')} times the bits"
    found = correlations(results).xs(PRIMARY, level="index")["spearman"]
    return (
        f"**{said} more than {WITHIN:.0f} point of the test score:** {on_each_data_set(lost[PRIMARY], '.2f')}. Those that "
        f"validation chooses lose {on_each_data_set(lost['validation'], '.2f')}, "
        f"{f'more on {worse} of {count} data sets' if worse else 'never more'}, with {cost}. The ranks of index and score "
        f"correlate by {format_range(found, '.2f')}."
    )


def plot(results: pd.DataFrame) -> Figure:
    """Draw the score against the index on the left, and what a straight line leaves on the right, a row a feature set.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    parts, rows = list(stressed_by_name(results)), index_and_score(results)
    full, found = rows[rows["spec"] == "none"].set_index("name"), correlations(results)
    figure, axes = panel_grid(len(parts), 2, 2.15, sharey=False)
    norm = BoundaryNorm(np.arange(0.5, 6), _RAMP.N)
    for left, right, (name, part) in zip(axes[::2], axes[1::2], parts, strict=True):
        look: dict[str, Any] = {"c": part["value_bits"], "cmap": _RAMP, "norm": norm, "s": 16, "linewidths": 0}
        points = left.scatter(part[PRIMARY], part["score"], **look)
        ends = np.array([part[PRIMARY].min(), part[PRIMARY].max()])
        left.plot(ends, np.polyval(np.polyfit(part[PRIMARY], part["score"], 1), ends), color="#888888", linewidth=1)
        left.plot(*full.loc[[name], [PRIMARY, "score"]].to_numpy().T, "*", color="#111111", markersize=9, label="no stress")
        right.scatter(part["bits"], residuals(part[PRIMARY], part["score"]), **look)
        right.axhline(0, color="#888888", linewidth=1, zorder=0)
        right.set_xscale("log", base=2)
        right.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        row = found.xs(name, level="features").loc[PRIMARY]
        left.set_title(name.rpartition(",")[0], fontsize="small", fontweight="bold", loc="left")
        right.set_title(f"r = {row['pearson']:.2f}, ρ = {row['spearman']:.2f}", fontsize="small", loc="right")
        left.set_ylabel("score (%)")
        right.set_ylabel("residual (points)")
    axes[-2].set_xlabel(f"{PRIMARY} of the training rows (%)")
    axes[-1].set_xlabel("bits of a vector")
    bar = figure.colorbar(points, ax=axes, location="bottom", ticks=range(1, 6), shrink=0.4, aspect=30, pad=0.02)
    bar.set_label("bits of a value", fontsize="small")
    axes[0].legend(frameon=False, fontsize="small", handletextpad=0.2)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of index and score in words, from its data."""
    said = verdicts(results).replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Scatter plots of the score against the separation index, and of the residuals against the bits. {said}"


def not_reproduced(results: pd.DataFrame) -> str:
    """List what was found to differ from what the authors of the indices write, as Markdown."""
    lines = []
    for row in trends(results).to_dict("records"):
        name = f"{row['metric']} of {network_name(row['dataset'], row['network'])}"
        change = f"({row['first']:.1f} to {row['last']:.1f})"
        if row["trained"] and row["trend"] != "rises":
            lines.append(f"- {name} {row['trend']} with depth, though the network is trained {change}.")
        if not row["trained"] and row["trend"] == "rises":
            lines.append(f"- {name} rises with depth {change}, though the network is not trained.")
    for row in correlations(results).xs(PRIMARY, level="index").reset_index().to_dict("records"):
        if not row["spearman"] >= ORDERED:
            lines.append(
                f"- On {data_set(row['features'])} the ranks of {PRIMARY} and of the score correlate by "
                f"{row['spearman']:.2f}, less than {ORDERED}."
            )
    for row in choices(results).xs(PRIMARY, level="chosen by").reset_index().to_dict("records"):
        if row["lost"] > WITHIN:
            lines.append(f"- On {data_set(row['features'])}, what {PRIMARY} chooses loses {row['lost']:.2f} points.")
    return "\n".join(lines) or "- Nothing: all of it did."
