"""Moved: the map of places and the circle of angles, parts of the chapter's page.

Draws what `rows` selects; `directions` judges it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.objects.rows import COLOURS, interval, name_of, objects, over_objects
from stressbook.drawing import style

_DARKEST = 150
"""Percent that would have the darkest colour of the map: beyond 100, so that black numbers can be read on all of them."""


def _rows(results: pd.DataFrame, stress: str) -> pd.DataFrame:
    rows = objects(results)
    return rows[rows["stress"].eq(stress)]


def place_map(results: pd.DataFrame) -> pd.DataFrame:
    """Return the percent right at each place, over all objects and backgrounds.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Indexed by network and `y`, from the top; a column for each `x`.
    """
    rows = _rows(results, "pasted-place")
    shown: pd.DataFrame = rows.pivot_table(index=["model", "y"], columns="x", values="score", sort=False)
    return shown


def plot_places(results: pd.DataFrame) -> Figure:
    """Draw the percent right at each place of the picture as a map, one for each network."""
    shown = place_map(results)
    models = list(shown.index.get_level_values("model").unique())
    figure, axes = style.page_wide(len(models), height=3.1)
    for ax, model in zip(axes, models, strict=True):
        found = shown.loc[model].sort_index().sort_index(axis=1)
        ax.grid(visible=False)
        ax.imshow(found, cmap="Purples", vmin=0, vmax=_DARKEST)
        for row, line in enumerate(found.to_numpy()):
            for column, value in enumerate(line):
                weight = "bold" if value == found.to_numpy().max() else "normal"
                ax.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=11, fontweight=weight)
        ax.set_xticks(range(found.shape[1]), [f"{100 * x:.0f}%" for x in found.columns], fontsize=style.SMALL)
        ax.set_yticks(range(found.shape[0]), [f"{100 * y:.0f}%" for y in found.index], fontsize=style.SMALL)
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set_title(name_of(str(model)), fontsize=style.SMALL, fontweight="bold")
    figure.supxlabel("the object's centre, from the left", fontsize=11)
    figure.supylabel("from the top", fontsize=11)
    return figure


def places_alt_text(results: pd.DataFrame) -> str:
    """Describe the map in words, from its data."""
    parts = []
    for model, found in place_map(results).groupby(level="model", sort=False):
        values = found.to_numpy()
        row, column = np.unravel_index(values.argmax(), values.shape)
        y, x = found.index.get_level_values("y")[int(row)], found.columns[int(column)]
        parts.append(
            f"{name_of(str(model))}: {values.min():.0f} to {values.max():.0f}%, most at {100 * x:.0f}% from the left and "
            f"{100 * y:.0f}% from the top"
        )
    return f"Map of the percent named rightly by the place of the object. {'; '.join(parts)}."


def plot_rotations(results: pd.DataFrame) -> Figure:
    """Draw the percent right by the angle, a curve a network, each in its interval over the objects."""
    rows = _rows(results, "pasted-rotation")
    models = list(dict.fromkeys(rows["model"]))
    figure, axes = style.page_wide(len(models), height=2.4)
    for ax, model in zip(axes, models, strict=True):
        colour = COLOURS.get(str(model), "#1B8A8F")
        # From upside down to upside down, so that upright is in the middle.
        part = rows[rows["model"].eq(model)]
        part = part.assign(angle=(part["rotation"] + 180) % 360 - 180)
        grouped = part.groupby("angle")
        found = {float(angle): interval(over_objects(one).to_numpy()) for angle, one in grouped}  # type: ignore[arg-type]
        angles = sorted(found)
        values, lows, highs = ([getattr(found[angle], name) for angle in angles] for name in ("value", "low", "high"))
        ax.fill_between(angles, lows, highs, color=colour, alpha=0.25, linewidth=0)
        ax.plot(angles, values, color=colour, **style.OURS)
        ax.set_xticks([-120, -60, 0, 60, 120], ["-120°", "-60°", "0°", "60°", "120°"])
        ax.set_ylim(0, 100)
        ax.set_title(name_of(str(model)), fontsize=style.SMALL, fontweight="bold")
    figure.supxlabel("turned counterclockwise by", fontsize=11)
    figure.supylabel("right (%)", fontsize=11)
    return figure


def rotations_alt_text(results: pd.DataFrame) -> str:
    """Describe the curves of the angles in words, from their data."""
    parts = []
    for model, part in _rows(results, "pasted-rotation").groupby("model", sort=False):
        means = part.groupby("rotation")["score"].mean()
        parts.append(
            f"{name_of(str(model))}: {means.max():.0f}% at {means.idxmax():.0f}°, {means.min():.0f}% at "
            f"{means.idxmin():.0f}°"
        )
    return f"Percent named rightly by the angle of the object. Highest and lowest: {'; '.join(parts)}."
