"""Compressibility: what the features of the networks keep under the paper's stresses, of clean and of corrupted images.

From the table of `measure` to the figures and sentences of the chapter's tie to the paper.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from stressbook.chapters.images.amplitude_phase.effects import BASELINE, RECIPES, name, order, paired
from stressbook.chapters.images.amplitude_phase.page import COLOURS, dataset_drawn
from stressbook.drawing import style
from stressbook.drawing.outcomes import interval, spread
from stressbook.drawing.words import LABELS, paper_name
from stresslib.stress.spec import bits_per_vector
from stresslib.training.vectors import LAYER

CHANCE = 10.0
"""Percent that guessing one of ten classes gets."""

LEAST = 5.0
"""Points above chance that a score has to have for shares of them to be taken."""

STRESSES = [stress for stress in LABELS if stress != "bit-erasure"]
"""DR-1, DR-2, Q-1, Q-2 and FC, in the words of a results table."""


def kept(results: pd.DataFrame) -> pd.DataFrame:
    """Return the share of the full score that the features of each network keep, a mean over the settings of each stress.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `variant` and `seed`; a column for each stress, and `full`, the full score. Percent.
    """
    key = ["dataset", "variant", "seed"]
    rows = results[results["layer"].eq(LAYER) & results["level"].isna()]
    full = rows[rows["stress"].eq("none")].set_index(key)["score"]
    by_setting = rows[rows["stress"].ne("none")].groupby([*key, "stress", "spec"])["score"].mean()  # over draws
    wide = by_setting.groupby([*key, "stress"]).mean().unstack("stress")  # noqa: PD010
    shares = 100 * wide.div(full, axis=0)
    return shares[[stress for stress in STRESSES if stress in shares]].assign(full=full)


def plot(results: pd.DataFrame) -> Figure:
    """Draw what the features keep under each stress, a point a training, in the colours of the ways of training.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = kept(results)
    recipes, stresses = order(table.index.unique("variant")), [one for one in STRESSES if one in table]
    figure, (ax,) = style.panels(1, height=3.4)
    step = 0.8 / len(recipes)
    for number, recipe in enumerate(recipes):
        rows, colour = table.xs(recipe, level="variant"), COLOURS[recipe]
        places = np.arange(len(stresses)) + step * (number - (len(recipes) - 1) / 2)
        for place, stress in zip(places, stresses, strict=True):
            ax.plot([place] * len(rows), rows[stress], "o", color=colour, markersize=4, alpha=0.7, markeredgewidth=0)
        means = rows[stresses].mean()
        ax.plot(places, means, "_", color=colour, markersize=13, markeredgewidth=2.4, label=RECIPES[recipe])
    style.draw_full_score(ax)
    ax.set_xticks(range(len(stresses)), [paper_name(stress) for stress in stresses], fontsize=style.SMALL)
    ax.set_ylabel("score kept (% of full score)", fontsize=style.SMALL)
    ax.tick_params(labelsize=style.SMALL)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=style.SMALL)
    return figure


def verdicts(results: pd.DataFrame) -> str:
    """Say whether a way of training changes what the features keep, as a Markdown list.

    A change counts where the 95% interval of the paired differences over trainings leaves out zero.
    """
    table, lines = kept(results), []
    stresses = [stress for stress in STRESSES if stress in table]
    for dataset in table.index.unique("dataset"):
        of_data = table.loc[dataset]
        for recipe in order(of_data.index.unique("variant")):
            if recipe == BASELINE:
                continue
            found = {paper_name(stress): interval(paired(of_data[stress], recipe, BASELINE)) for stress in stresses}
            sides = {
                "more": [stress for stress, (_, low, _) in found.items() if low > 0],
                "less": [stress for stress, (_, _, high) in found.items() if high < 0],
            }
            said = " and ".join(f"{side} under {', '.join(names)}" for side, names in sides.items() if names)
            verdict = f"**keeps {said}**" if said else "no change beyond the scatter of trainings"
            points = ", ".join(f"{stress} {spread(*numbers)}" for stress, numbers in found.items())
            lines.append(f"- {name(str(dataset))}, {RECIPES[recipe]}: {verdict}. Points of the kept share: {points}.")
    return "\n".join(lines)


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`kept` as means over trainings, to one decimal, under the headings of the page."""
    means = kept(results).groupby(["dataset", "variant"]).mean()
    rows = [(data, recipe) for data in means.index.unique("dataset") for recipe in order(means.loc[data].index)]
    named = means.loc[rows].set_axis(
        pd.MultiIndex.from_tuples([(name(data), RECIPES.get(one, one)) for data, one in rows], names=["data", "trained by"])
    )
    return named.rename(columns={**{stress: paper_name(stress) for stress in STRESSES}, "full": "full score"}).round(1)


def caption(results: pd.DataFrame) -> str:
    """Say what the figure of what is kept shows."""
    return "What features keep under each stress, a mean over its settings: a point is a training, a bar the mean."


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of what is kept in words, from its data."""
    means = kept(results).groupby("variant").mean().drop(columns="full").rename(columns=paper_name)
    said = "; ".join(
        f"{RECIPES[recipe]}: {', '.join(f'{stress} {share:.1f}%' for stress, share in means.loc[recipe].items())}"
        for recipe in order(means.index)
    )
    return f"Shares of the full score that features keep under each stress, by way of training. Means: {said}."


def crossed(results: pd.DataFrame) -> pd.DataFrame:
    """Return what a classifier of clean features scores on stressed features of corrupted images, a mean over corruptions.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `variant`, `seed`, `level` (the severity; 0 is clean) and `spec`: `bits` of a vector,
        `score`, `kept` (percent of the score of the same images without a stress) and `above_chance` (likewise, of what
        the scores have above guessing).
    """
    rows = results[results["layer"].eq(LAYER) & results["level"].notna()]
    rows = rows.assign(dataset=rows["dataset"].str.partition("+")[0])
    key = ["dataset", "variant", "seed", "level"]
    means = rows.groupby([*key, "n_features", "spec"], sort=False)["score"].mean().reset_index()
    means["bits"] = [bits_per_vector(spec, width) for spec, width in zip(means["spec"], means["n_features"], strict=True)]
    full = means[means["spec"] == "none"].set_index(key)["score"]
    unstressed = full.loc[pd.MultiIndex.from_frame(means[key])].to_numpy()
    means["kept"] = 100 * means["score"] / unstressed
    # Where the images without a stress are nearly guessed, a share of what is above chance says nothing.
    above = np.where(unstressed >= CHANCE + LEAST, unstressed - CHANCE, np.nan)
    means["above_chance"] = 100 * (means["score"] - CHANCE) / above
    return means


def plot_crossed(results: pd.DataFrame) -> Figure:
    """Draw what is kept against the bits of a vector, a line a severity, a panel a way of training.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = crossed(results)
    rows = rows[rows["dataset"] == dataset_drawn(results)]
    recipes = [BASELINE, *[one for one in ("apr-sp", "apr-p", "apr-s") if one in set(rows["variant"])][:1]]
    figure, axes = style.page_wide(2, height=2.7)
    levels = sorted(rows["level"].unique())
    for ax, recipe in zip(axes, recipes, strict=True):
        for level in levels:
            curve = rows[rows["variant"].eq(recipe) & rows["level"].eq(level)].groupby("bits")["kept"].mean()
            colour = colormaps["YlOrRd"](0.3 + 0.7 * level / max(levels)) if level else "#111111"
            label = f"severity {level:.0f}" if level else "clean"
            ax.plot(curve.index, curve, label=label, **{**style.OURS, "color": colour, "linewidth": 1.8})
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.tick_params(labelsize=style.SMALL)
    style.finish_page_wide(figure, axes, [RECIPES[recipe] for recipe in recipes], "bits of a vector", columns=3)
    return figure


def losses(results: pd.DataFrame, column: str = "kept") -> pd.DataFrame:
    """Return by how much less stressed features of the worst images keep than those of clean ones, a mean over the stresses.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    column : {"kept", "above_chance"}, default="kept"

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `variant` and `seed`: the column `difference`, in points; negative where corrupted images
        lose more.
    """
    rows = crossed(results)
    rows = rows[rows["spec"] != "none"]
    means = rows.groupby(["dataset", "variant", "seed", "level"])[column].mean().unstack("level")  # noqa: PD010
    return pd.DataFrame({"difference": means[means.columns.max()] - means[0.0]})


def crossed_verdicts(results: pd.DataFrame) -> str:
    """Say whether a stress of the features hurts corrupted images first, as a Markdown list.

    It does where the 95% interval over trainings lies below zero.
    """
    shares, above = losses(results), losses(results, "above_chance")["difference"]
    lines = []
    for (dataset, recipe), rows in shares.groupby(["dataset", "variant"], sort=False):
        mean, low, high = interval(rows["difference"])
        said = "**corrupted images lose more**" if high < 0 else "**clean images lose more**" if low > 0 else "undecided"
        more = interval(pd.Series(above.loc[(str(dataset), str(recipe))]))
        lines.append(
            f"- {name(str(dataset))}, {RECIPES.get(str(recipe), str(recipe))}: {said}. At the highest severity "
            f"{spread(mean, low, high)} points of the kept share against clean images; of what the score has above chance, "
            f"{spread(*more)}."
        )
    return "\n".join(lines)


def crossed_caption(results: pd.DataFrame) -> str:
    """Say what the figure of severities and bits shows."""
    return (
        f"{name(dataset_drawn(results))}: what features keep when vectors lose bits, of the score of the same images "
        "without a stress; clean images and corrupted ones, means over corruptions and trainings."
    )


def crossed_alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of severities and bits in words, from its data."""
    rows = crossed(results)
    rows = rows[rows["dataset"] == dataset_drawn(results)]
    fewest = rows[rows["bits"] == rows["bits"].min()]
    ends: Any = fewest.groupby(["variant", "level"])["kept"].mean().unstack("level")  # noqa: PD010
    said = "; ".join(
        f"{RECIPES[recipe]}: {ends.loc[recipe].iloc[0]:.0f}% of clean images, {ends.loc[recipe].iloc[-1]:.0f}% of the worst"
        for recipe in order(ends.index)
    )
    return f"Score kept against bits, a line a severity. With {rows['bits'].min()} bits a vector keeps, {said}."
