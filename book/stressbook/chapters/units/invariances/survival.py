"""Survival: what units still give for their images when weights or activations are rounded, beside the accuracy.

From the table of `measure` to the figure and sentences of the chapter's tie to the paper.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.units.invariances.labels import layer_name, layers_of
from stressbook.chapters.units.invariances.names import DIVERSE, INDEPENDENT, KEPT, QUANTIZED, ROUNDED, SPREAD, set_metric
from stressbook.chapters.units.invariances.scores import KEY, of_layer, with_channels
from stressbook.drawing import style

STRESSES = {ROUNDED: "rounded weights", QUANTIZED: "rounded activations"}
"""What the page calls the stresses."""

HELD = 95.0
"""Percent of the accuracy; the fewest bits that keep it are where sets are judged."""

COLOURS = {DIVERSE: "#7B3FA0", INDEPENDENT: "#C98A00", "accuracy": "#111111"}

WORDS = {DIVERSE: "diverse set", INDEPENDENT: "independent images", "accuracy": "accuracy"}


def kept(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each unit and its network keep under each stress.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `model`, `layer`, `channel`, `stress` and `level`: `diverse` and `independent`, the
        activation kept, `spread, diverse` and `spread, independent`, and `accuracy`, all in percent of what there is
        without a stress, but for the spread, which is in percent of the mean. Empty where nothing was put under stress.
    """
    rows = with_channels(results)
    rows = rows[rows["stress"].isin(STRESSES)]
    wide = rows.pivot_table(index=[*KEY, "stress", "level"], columns="metric", values="score", sort=False)
    wide = wide.rename(columns={set_metric(KEPT, kind): kind for kind in (DIVERSE, INDEPENDENT)})
    scored = results[results["metric"].eq("accuracy")]
    key = zip(scored["dataset"], scored["model"], scored["stress"], scored["level"].fillna(0), strict=True)
    scores = dict(zip(key, scored["score"], strict=True))
    accuracy = [
        100 * scores[dataset, model, stress, level] / scores[dataset, model, "none", 0]
        for dataset, model, _, _, stress, level in wide.index
    ]
    return wide.assign(accuracy=np.array(accuracy, dtype=float))


def at_the_edge(results: pd.DataFrame, stress: str) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Give the rows of :func:`kept` of each layer at the fewest bits at which the accuracy holds.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    stress : str

    Yields
    ------
    layer : tuple of str
        `dataset`, `model` and `layer`.
    rows : pandas.DataFrame
        Indexed by `channel` and `level`, of one level; layers whose network never holds are left out.
    """
    table = kept(results)
    for layer in layers_of(table):
        units = of_layer(table, layer)
        if stress not in units.index.get_level_values("stress"):
            continue
        part = units.xs(stress, level="stress")
        holds = part.index[part["accuracy"].ge(HELD)].get_level_values("level")
        if len(holds):
            yield layer, part[part.index.get_level_values("level") == holds.min()]


def plot(results: pd.DataFrame) -> Figure:
    """Draw what is kept over the bits, a row a layer, a column a stress.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = kept(results)
    panels = [(layer, stress) for layer in drawn(results) for stress in STRESSES]
    figure, axes = style.page_wide(len(panels) or len(STRESSES), height=2.2)
    if not panels:
        return figure
    for ax, (layer, stress) in zip(axes, panels, strict=True):
        part = of_layer(table, layer).xs(stress, level="stress")
        for kind in (DIVERSE, INDEPENDENT):
            by_level = part[kind].groupby("level")
            middle = by_level.median()
            ax.fill_between(
                middle.index, by_level.quantile(0.25), by_level.quantile(0.75), color=COLOURS[kind], alpha=0.2, linewidth=0
            )
            ax.plot(middle.index, middle, color=COLOURS[kind], label=WORDS[kind], **style.OURS)
        accuracy = part["accuracy"].groupby("level").mean()
        ax.plot(accuracy.index, accuracy, color=COLOURS["accuracy"], label=WORDS["accuracy"], linewidth=1.6, linestyle="--")
        style.draw_full_score(ax)
        ax.set_xticks(accuracy.index, [f"{level:.0f}" for level in accuracy.index])
        ax.tick_params(labelsize=style.SMALL)
    axes[0].set_ylim(0, 120)
    axes[0].invert_xaxis()
    figure.supxlabel("bits of a number", fontsize=11)
    figure.supylabel("kept (%)", fontsize=11)
    titles = [f"{layer_name(*layer[1:])}\n{STRESSES[stress]}" for layer, stress in panels]
    style.add_titles_and_legend(figure, axes, titles, columns=3)
    return figure


def drawn(results: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return the layers that the figure has: those of CIFAR-10 where they were measured."""
    there = layers_of(kept(results))
    return [one for one in there if one[0] == "cifar10"] or there


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    if not drawn(results):
        return "No layer was put under stress in this run."
    return (
        "What units give for the same images, and what the network gets right, with fewer bits; in percent of what it is "
        "without a stress. Lines are medians over units, bands hold the middle half of them."
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say what sets keep where the accuracy just holds, and how alike they still are answered, as a Markdown list."""
    lines = []
    for stress, words in STRESSES.items():
        for layer, part in at_the_edge(results, stress):
            level = float(part.index.get_level_values("level")[0])
            before, after = (part[set_metric(SPREAD, kind)].median() for kind in (INDEPENDENT, DIVERSE))
            full = _unstressed_spread(results, layer, stress)
            lines.append(
                f"- {layer_name(*layer[1:])}, {words} of {level:.0f} bits: the accuracy keeps "
                f"{part['accuracy'].mean():.1f}%; sets keep **{part[DIVERSE].median():.1f}%** of their activation in the "
                f"median, independent images {part[INDEPENDENT].median():.1f}%. A set's activations scatter by {after:.1f}% "
                f"of their mean (with the most bits {full:.1f}%), those of independent images by {before:.1f}%."
            )
    return "\n".join(lines) or "- Not measured in this run."


def _unstressed_spread(results: pd.DataFrame, layer: tuple[str, str, str], stress: str) -> float:
    part = of_layer(kept(results), layer).xs(stress, level="stress")
    most = part.index.get_level_values("level").max()
    return float(part.xs(most, level="level")[set_metric(SPREAD, DIVERSE)].median())


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    table, parts = kept(results), []
    for layer in drawn(results):
        for stress, words in STRESSES.items():
            rows = of_layer(table, layer).xs(stress, level="stress")
            part = rows.groupby("level")[[DIVERSE, "accuracy"]].median().iloc[::-1]
            said = ", ".join(
                f"{sets:.0f}% and {right:.0f}% with {level:.0f}" for level, sets, right in part.itertuples(name=None)
            )
            parts.append(f"{layer_name(*layer[1:])}, {words}: sets and accuracy keep {said} bits")
    if not parts:
        return "Two empty panels: no layer was put under stress."
    return f"Activation of sets, and accuracy, over the bits of a number. {'. '.join(parts)}."
