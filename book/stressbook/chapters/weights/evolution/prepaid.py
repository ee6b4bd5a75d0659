"""Prepaid: whether the features of networks that learnt under stress keep more under the paper's stresses.

From the table of `measure` to the figure and sentences of the chapter's tie to the paper.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.amplitude_phase.effects import paired
from stressbook.chapters.weights.evolution.compressed import LAYER
from stressbook.chapters.weights.evolution.effects import NONE, WAYS, dataset_drawn, name, order
from stressbook.chapters.weights.evolution.names import SYNTHESIS
from stressbook.chapters.weights.evolution.page import COLOURS
from stressbook.drawing import style
from stressbook.drawing.outcomes import interval, spread
from stressbook.drawing.words import LABELS, paper_name

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
        A row for each `dataset`, `level` (the generation), `way` and `seed`; a column for each stress, and `full`, the full
        score. Percent.
    """
    key = ["dataset", "level", "way", "seed"]
    rows = results[results["layer"].eq(LAYER)]
    rows = rows.assign(way=f"{SYNTHESIS}/" + rows["variant"].str.partition("+")[0])
    full = rows[rows["stress"].eq("none")].set_index(key)["score"]
    by_setting = rows[rows["stress"].ne("none")].groupby([*key, "stress", "spec"], sort=False)["score"].mean()  # over draws
    wide = by_setting.groupby([*key, "stress"], sort=False).mean().unstack("stress")  # noqa: PD010
    shares = 100 * wide.div(full, axis=0)
    return shares[[stress for stress in STRESSES if stress in shares]].assign(full=full)


def plot(results: pd.DataFrame) -> Figure:
    """Draw what the features of ancestors keep under each stress, a point a lineage, in the colours of the ways.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = _drawn(results)
    ways, stresses = order(table.index.unique("way")), [one for one in STRESSES if one in table]
    figure, (ax,) = style.panels(1, height=3.4)
    step = 0.8 / len(ways)
    for number, way in enumerate(ways):
        rows, colour = table.loc[way], COLOURS[way]
        places = np.arange(len(stresses)) + step * (number - (len(ways) - 1) / 2)
        for place, stress in zip(places, stresses, strict=True):
            ax.plot([place] * len(rows), rows[stress], "o", color=colour, markersize=4, alpha=0.7, markeredgewidth=0)
        ax.plot(places, rows[stresses].mean(), "_", color=colour, markersize=13, markeredgewidth=2.4, label=WAYS[way])
    style.draw_full_score(ax)
    ax.set_xticks(range(len(stresses)), [paper_name(stress) for stress in stresses], fontsize=style.SMALL)
    ax.set_ylabel("score kept (% of full score)", fontsize=style.SMALL)
    ax.tick_params(labelsize=style.SMALL)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=style.SMALL)
    return figure


def _drawn(results: pd.DataFrame) -> pd.DataFrame:
    return _part(kept(results), dataset_drawn(results), 0)


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Compare what features keep with those of networks without stress, lineage by lineage.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `level`, `way` and `stress`: `mean`, `low` and `high` of the differences in points.
    """
    table, found = kept(results), []
    for dataset, level in _parts(table):
        part = _part(table, dataset, level)
        for way in order(part.index.unique("way")):
            if way == NONE:
                continue
            for stress in [one for one in STRESSES if one in part]:
                differences = paired(part[stress].rename_axis(index={"way": "variant"}), way, NONE)
                mean, low, high = interval(differences)
                found.append(
                    {
                        "dataset": dataset,
                        "level": level,
                        "way": way,
                        "stress": stress,
                        "mean": mean,
                        "low": low,
                        "high": high,
                    }
                )
    return pd.DataFrame(found, columns=["dataset", "level", "way", "stress", "mean", "low", "high"])


def verdicts(results: pd.DataFrame) -> str:
    """List where stress in training changes what the features keep, as Markdown.

    A change counts where the 95% interval of the paired differences over lineages leaves out zero. More was expected.
    """
    lines = []
    for row in judged(results).to_dict("records"):
        if row["low"] > 0 or row["high"] < 0:
            side = "keeps more" if row["low"] > 0 else "keeps less"
            points = spread(row["mean"], row["low"], row["high"])
            lines.append(
                f"- {name(row['dataset'])}, {_generation(row['level'])}, {WAYS[row['way']]}: **{side}** under "
                f"{paper_name(row['stress'])}, {points} points."
            )
    return "\n".join([*lines, "- All others: undecided." if lines else "- All: undecided."])


def summary(results: pd.DataFrame) -> str:
    """Answer whether stress on synapses pays for stress on features beforehand, in a sentence."""
    rows = judged(results)
    more, less = int((rows["low"] > 0).sum()), int((rows["high"] < 0).sum())
    if more and not less:
        answer = "In part: never for worse"
    elif more > less:
        answer = "More often than not"
    elif less and not more:
        answer = "No: where anything is certain, it costs"
    elif less > more:
        answer = "Rather not"
    else:
        answer = "Not beyond the scatter of lineages"
    return (
        f"**{answer}.** Of {len(rows)} comparisons with networks that learnt without stress, features keep more in {more}, "
        f"less in {less}; the others are undecided. By chance alone, one in twenty would be decided: {len(rows) / 20:.0f}."
    )


def _parts(table: pd.DataFrame) -> list[tuple[str, float]]:
    """Return the pairs of data set and generation of a table, in its order."""
    return list(dict.fromkeys(zip(table.index.get_level_values(0), table.index.get_level_values(1), strict=True)))


def _part(table: pd.DataFrame, dataset: str, level: float) -> pd.DataFrame:
    """Return the rows of one of these pairs."""
    datasets, levels = (table.index.get_level_values(place) for place in (0, 1))
    return table[(datasets == dataset) & (levels == level)].droplevel([0, 1])


def _generation(level: Any) -> str:
    return "ancestors" if level == 0 else f"generation {level:.0f}"


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`kept` as means over lineages, to one decimal, under the headings of the page."""
    means = kept(results).groupby(["dataset", "level", "way"], sort=False).mean()
    rows = [(dataset, level, way) for dataset, level in _parts(means) for way in order(_part(means, dataset, level).index)]
    names = [(name(data), _generation(level), WAYS[way]) for data, level, way in rows]
    named = means.loc[rows].set_axis(pd.MultiIndex.from_tuples(names, names=["data", "networks", "stress in training"]))
    return named.rename(columns={**{stress: paper_name(stress) for stress in STRESSES}, "full": "full score"}).round(1)


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        f"{name(dataset_drawn(results))}: what features of ancestors keep under each stress, a mean over its settings. A "
        "point is a network, a bar the mean."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    means = _drawn(results).groupby("way", sort=False).mean().drop(columns="full").rename(columns=paper_name)
    said = "; ".join(
        f"{WAYS[way]}: {', '.join(f'{stress} {share:.1f}%' for stress, share in means.loc[way].items())}"
        for way in order(means.index)
    )
    return f"Shares of the full score that features keep under each stress, by stress in training. Means: {said}."
