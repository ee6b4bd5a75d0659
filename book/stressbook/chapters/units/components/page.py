"""Components: the chapter's first figure, what each component changes, and its headline.

Draws and says what `effects` computes; the other picture is in `overview`, the table that can be sorted in `sortable`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.images.amplitude_phase.effects import name as data_name
from stressbook.chapters.units.components.effects import (
    by_network,
    dataset_drawn,
    differences,
    drawn,
    free,
    listed,
    moved,
    order,
)
from stressbook.chapters.units.components.names import ACCURACY, BASE
from stressbook.chapters.units.components.words import COMPONENTS, DIMENSIONS, MEASURES, VALUES
from stressbook.drawing import style
from stressbook.drawing.outcomes import spread

LOOKS = {
    ACCURACY: ("#444444", "o"),
    DIMENSIONS: (style.COLOURS["pca"], "o"),
    VALUES: (style.COLOURS["uniform-per-dimension"], "s"),
}
"""Colour and marker of each measure: those of its stress in the whole book."""


def plot(results: pd.DataFrame) -> Figure:
    """Draw what each component changes against the base network: accuracy on the left, scores kept on the right.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    networks = drawn(results)
    variants = [one for one in order(networks) if one != BASE]
    places = _places(variants)
    figure, (left, right) = style.page_wide(2, height=0.9 + 0.235 * (max(places.values()) + 1), sharex=False)
    _draw(left, differences(networks, ACCURACY), places, ACCURACY, 0.0)
    _draw(right, differences(networks, DIMENSIONS), places, DIMENSIONS, -0.16)
    _draw(right, differences(networks, VALUES), places, VALUES, 0.16)
    axes = {COMPONENTS[one].axis: place - 1 for one, place in reversed(places.items())}
    ticks = {**{place: COMPONENTS[one].name for one, place in places.items()}, **{place: one for one, place in axes.items()}}
    left.set_yticks(list(ticks), list(ticks.values()), fontsize=style.SMALL)
    for label, place in zip(left.get_yticklabels(), ticks, strict=True):
        label.set_fontweight("bold" if place in axes.values() else "normal")
    left.set_ylim(max(places.values()) + 0.7, -0.7)
    for ax in (left, right):
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
        ax.axvline(0, color="#888888", linewidth=1, zorder=0)
        ax.tick_params(axis="x", labelsize=style.SMALL)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel("points against the base network", fontsize=style.SMALL)
    style.add_titles_and_legend(figure, [left, right], ["accuracy", "score kept"], columns=2)
    return figure


def _places(variants: list[str]) -> dict[str, int]:
    """Return a row for each variant, from above; each axis has one above its first variant."""
    places: dict[str, int] = {}
    row, axis = -1, ""
    for variant in variants:
        row += 1 if COMPONENTS[variant].axis == axis else 2
        axis, places[variant] = COMPONENTS[variant].axis, row
    return places


def _draw(ax: Axes, table: pd.DataFrame, places: dict[str, int], measure: str, shift: float) -> None:
    colour, marker = LOOKS[measure]
    rows = table.loc[list(places)]
    heights = np.array(list(places.values())) + shift
    ax.hlines(heights, rows["low"], rows["high"], color=colour, linewidth=1.6, alpha=0.75)
    sure = rows["low"].gt(0) | rows["high"].lt(0)
    label = None if measure == ACCURACY else {DIMENSIONS: "at 5% of the dimensions", VALUES: "at 2 bits a number"}[measure]
    for chosen, fill in ((sure, colour), (~sure, "white")):
        points = ax.plot(rows["mean"][chosen], heights[chosen], marker, color=colour, markersize=5.5, mfc=fill, mew=1.2)
        points[0].set_label(label if label and chosen is sure else "_")


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    trainings = drawn(results).index.unique("seed").size
    several = (
        f"the mean over {trainings} trainings with its 95% interval; filled where the interval misses zero"
        if trainings > 1
        else "one training"
    )
    return (
        f"What changes when one component of the network is another one, in points against the base network: {several}. "
        "Left, the network's accuracy; right, the share of its full score that a linear classifier of the features keeps."
    )


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    networks = drawn(results)
    tables = {measure: differences(networks, measure) for measure in (DIMENSIONS, VALUES)}
    base = pd.DataFrame(networks.xs(BASE, level="variant")).mean()
    looked = len(tables[DIMENSIONS])
    if tables[DIMENSIONS]["low"].isna().all():
        return (
            f"**Undecided by one training.** {looked} changes of the base network were measured once each; it keeps "
            f"{base[DIMENSIONS]:.1f}% of its score at 5% of the dimensions, and {base[VALUES]:.1f}% at 2 bits."
        )
    more = {measure: moved(table, 1, surely=True) for measure, table in tables.items()}
    less = {measure: moved(table, -1, surely=True) for measure, table in tables.items()}
    winners = more[DIMENSIONS]
    answer = f"{_capital(listed(winners))}, beyond doubt" if winners else "None beyond doubt"
    said = [f"**{answer}.** Of {looked} changes of one component, each trained {networks.index.unique('seed').size} times"]
    for measure, place in ((DIMENSIONS, "5% of the dimensions"), (VALUES, "2 bits a number")):
        unsure = looked - len(moved(tables[measure], 1, surely=False)) - len(moved(tables[measure], -1, surely=False))
        said.append(
            f"at {place}, where the base network keeps {base[measure]:.1f}% of its score, **{len(more[measure])} keep "
            f"more**{_with_sizes(tables[measure], more[measure])}, {len(less[measure])} keep less"
            f"{_with_sizes(tables[measure], less[measure])}, and {unsure} are undecided even by their own intervals"
        )
    text = f"{said[0]}: {said[1]}; {said[2]}."
    if winners:
        text += f" At no cost in accuracy beyond a point: {listed(free(results, winners))}."
    return text


def _with_sizes(table: pd.DataFrame, variants: list[str], most: int = 3) -> str:
    """Name variants with what they change, the largest first, in brackets."""
    rows = table.loc[variants].sort_values("mean", key=abs, ascending=False)
    parts = [f"{COMPONENTS[str(one)].name} {row['mean']:+.1f}" for one, row in rows.head(most).iterrows()]
    return f" ({', '.join([*parts, '...'] if len(variants) > most else parts)})" if parts else ""


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def alt_text(results: pd.DataFrame) -> str:
    """Describe the first figure in words, from its data."""
    networks = drawn(results)
    parts = []
    for measure in LOOKS:
        table = differences(networks, measure)
        sure = [one for sign in (1, -1) for one in moved(table, sign, surely=False)]
        said = ", ".join(f"{COMPONENTS[one].name} {spread(*table.loc[one, ['mean', 'low', 'high']])}" for one in sure)
        parts.append(f"{MEASURES[measure]}: {said or 'no interval misses zero'}")
    count = len(order(networks)) - 1
    return f"Points against the base network for {count} components. Where the interval misses zero, {'; '.join(parts)}."


def small(results: pd.DataFrame) -> pd.DataFrame:
    """Return means of the networks of other data sets, which are there so that the chapter can be run in seconds."""
    table, parts = by_network(results), {}
    for dataset in table.index.unique("dataset").drop(dataset_drawn(results)):
        means = pd.DataFrame(table.xs(dataset, level="dataset")).groupby("variant")[list(MEASURES)].mean()
        shown = means.loc[order(means)]
        parts[data_name(str(dataset))] = shown.rename(index={one: COMPONENTS[one].name for one in shown.index})
    if not parts:
        return pd.DataFrame()
    return pd.concat(parts, names=["data", "component"]).rename(columns=MEASURES).round(1)
