"""Seen: the effective receptive field of plain and contextual networks, before and after training, as maps and radii.

From the table of `measure` to the figures of what a unit sees.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stressbook.chapters.images.amplitude_phase.effects import name
from stressbook.chapters.units.context.effects import CALLED, dataset_drawn, radii, with_forms
from stressbook.chapters.units.context.names import ENERGY, FIRST
from stressbook.chapters.units.context.page import COLOURS
from stressbook.drawing import style

STATES = {"first": "first weights", "trained": "after training"}

CONVOLUTIONS = {"plain": "plain", "context": "contextual"}
"""The networks that are mapped, and whose branches are dropped: both normalise before the addition."""

FLOOR = 0.001
"""Percent of the field below which a pixel has the palest colour; white ones do not count at all."""


def maps(results: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the maps of the first stage's field on the data that are drawn: means over trainings, in percent.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    dict of (str, str) to pandas.DataFrame
        By state and form: a row and a column for each pixel's place, from that of the unit, which is 0.
    """
    rows = with_forms(results[results["metric"].eq(ENERGY) & results["dataset"].eq(dataset_drawn(results))])
    rows = rows.assign(state=np.where(rows["variant"].eq(FIRST), "first", "trained"))
    places = np.arange(rows["x"].min(), rows["x"].max() + 1)  # what does not count has no row
    found = {}
    for state in STATES:
        for form in CONVOLUTIONS:
            part = rows[rows["state"].eq(state) & rows["form"].eq(form)]
            if len(part):
                wide = part.pivot_table("score", index="y", columns="x")
                found[state, form] = wide.reindex(index=places, columns=places).fillna(0.0)
    return found


def plot_maps(results: pd.DataFrame) -> Figure:
    """Draw the maps: first weights above, after training below; plain on the left, contextual on the right."""
    found = maps(results)
    figure, axes = style.page_wide(len(found), height=2.7)
    colours = LogNorm(FLOOR, max(map_.to_numpy().max() for map_ in found.values()))
    for ax, map_ in zip(axes, found.values(), strict=True):
        low, high = float(map_.columns[0]) - 0.5, float(map_.columns[-1]) + 0.5
        drawn = ax.imshow(map_.to_numpy(), norm=colours, cmap="magma_r", extent=(low, high, high, low))
        ax.grid(visible=False)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 3, 4, 5, 10]))
        ax.tick_params(labelsize=style.SMALL)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.6, extend="min")
    bar.set_label("% of the field", fontsize=style.SMALL)
    bar.ax.tick_params(labelsize=style.SMALL)
    figure.supxlabel("columns from the unit (pixels)", fontsize=style.SMALL)
    figure.supylabel("rows from the unit (pixels)", fontsize=style.SMALL)
    style.add_titles_and_legend(figure, axes, [f"{CONVOLUTIONS[form]}, {STATES[state]}" for state, form in found])
    return figure


def maps_caption(results: pd.DataFrame) -> str:
    """Say what the maps show."""
    return (
        f"What a unit at the end of the first stage sees, {name(dataset_drawn(results))}: the share that each pixel has of "
        "its squared gradient, a mean over images and trainings. The scale is logarithmic."
    )


def maps_alt_text(results: pd.DataFrame) -> str:
    """Describe the maps in words, from their data."""
    said = "; ".join(
        f"{CONVOLUTIONS[form]}, {STATES[state]}: {_near(map_):.0f}% within two pixels"
        for (state, form), map_ in maps(results).items()
    )
    return f"Maps of what a unit of the first stage sees on {name(dataset_drawn(results))}. {said}."


def _near(map_: pd.DataFrame) -> float:
    return float(map_.loc[-2:2, -2:2].to_numpy().sum())


def plot(results: pd.DataFrame) -> Figure:
    """Draw the radius of the field by stage: with first weights on the left, after training on the right."""
    table = radii(results)
    figure, axes = style.page_wide(len(STATES), height=2.6)
    stages = range(1, len(table.columns) + 1)
    for ax, state in zip(axes, STATES, strict=True):
        for form, called in CALLED.items():
            if form not in table.loc[state].index.unique("form"):
                continue
            rows, look = table.loc[state].xs(form, level="form"), {"linestyle": "--" if form in ("late", "both") else "-"}
            for _, one in rows.iterrows():
                ax.plot(stages, one, color=COLOURS[form], linewidth=0.8, alpha=0.5)
            ax.plot(stages, rows.mean(), color=COLOURS[form], label=called, **{**style.OURS, **look})
        ax.set_xticks(stages)
        ax.tick_params(labelsize=style.SMALL)
    axes[0].set_ylim(0, 1.08 * table.to_numpy().max())
    axes[0].set_ylabel("radius (% of the side)", fontsize=style.SMALL)
    figure.supxlabel("stage", fontsize=style.SMALL)
    style.add_titles_and_legend(figure, axes, list(STATES.values()), columns=2)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the figure of radii shows."""
    return (
        f"Radius of the effective receptive field at the end of each stage, {name(dataset_drawn(results))}. Thin lines are "
        "trainings, thick ones means; dashed networks normalise after the addition."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of radii in words, from its data."""
    means = radii(results).groupby(["state", "form"]).mean()
    said = "; ".join(
        f"{STATES[state]}, {CALLED[form]}: {', '.join(f'{value:.1f}' for value in means.loc[(state, form), :].to_numpy())}"
        for state in STATES
        for form in CALLED
        if (state, form) in means.index
    )
    return f"Radius by stage on {name(dataset_drawn(results))}, in percent of the image's side. {said}."


def kept(results: pd.DataFrame) -> str:
    """Say by how much the contextual field is wider than the plain one, before and after training, as a sentence."""
    means = radii(results).mean(axis=1).groupby(["state", "form"]).mean()
    if not set(CONVOLUTIONS) <= set(means.index.unique("form")):
        return "Plain and contextual networks were not both measured."
    ratios = {state: means[state, "context"] / means[state, "plain"] for state in STATES}
    return (
        f"With the norm before the addition, the contextual field is {ratios['first']:.2f} times as wide as the plain one "
        f"with first weights, and {ratios['trained']:.2f} times after training, in the mean over stages."
    )
