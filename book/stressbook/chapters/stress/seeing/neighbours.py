"""Neighbours: rows of photographs, the crops that a search finds for one crop under each stress.

Shows one query of the search in `measure`; `page` has the means over all crops.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stressbook.chapters.stress.seeing.crops import Crop, open_photograph
from stressbook.chapters.stress.seeing.measure import NEAREST, Neighbours
from stressbook.chapters.stress.seeing.page import mean_scores, stress_name
from stressbook.chapters.stress.seeing.panels import NONE, WIDTH, WRONG, bare
from stressbook.drawing import style
from stresslib.stress.spec import parse_spec

# All lengths are in inches.
_GAP = 0.06
_TITLE = 0.29
_TOP = 1.75
_SIDE = (WIDTH + _GAP) / NEAREST - _GAP
_ROW = _TITLE + _SIDE + 0.05


def shown_stresses(found: Neighbours, results: pd.DataFrame) -> list[str]:
    """Return the stresses that have a row: those of the table, but of the dictionaries only one per dimension.

    Parameters
    ----------
    found : mapping
        Of :func:`~stressbook.chapters.stress.seeing.measure.search`.
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    list of str
    """
    in_table = mean_scores(results).index
    return [spec for spec, repeat in found if repeat == 0 and spec in in_table and not spec.startswith("Q1")]


def typical(found: Neighbours, crops: Sequence[Crop], specs: Sequence[str]) -> int:
    """Return the crop whose counts of right neighbours, stress by stress, are nearest to the means over all crops.

    Parameters
    ----------
    found : mapping
        Of :func:`~stressbook.chapters.stress.seeing.measure.search`.
    crops : sequence of Crop
    specs : sequence of str
        Stresses to compare by.

    Returns
    -------
    int
        Its index. It is one of the larger crops, in which there is more to see; ties go to the first.
    """
    source = np.array([crop.photograph for crop in crops])
    counts = np.array([(source[found[spec, 0]] == source[:, None]).sum(axis=1) for spec in specs])
    off = np.abs(counts - counts.mean(axis=1, keepdims=True)).sum(axis=0).round(9)
    widths = np.array([crop.image.width for crop in crops])
    large = widths == pd.Series(widths).groupby(source).transform("max")
    return int(np.where(large, off, np.inf).argmin())


def plot(query: int, found: Neighbours, crops: Sequence[Crop], results: pd.DataFrame, path: Path) -> Figure:
    """Draw a crop and, row by row, its nearest neighbours under each stress; those of another photograph are marked.

    Parameters
    ----------
    query : int
        Index of the crop.
    found : mapping
        Of :func:`~stressbook.chapters.stress.seeing.measure.search`.
    crops : sequence of Crop
    results : pandas.DataFrame
        The table of the chapter: means over all crops.
    path : pathlib.Path
        The photograph of the crop.

    Returns
    -------
    matplotlib.figure.Figure
    """
    specs, share = shown_stresses(found, results), mean_scores(results)
    height = _TITLE + _TOP + len(specs) * _ROW
    figure = Figure(figsize=(WIDTH, height))
    _draw_photograph(figure, crops[query], path)
    _draw_query(figure, crops[query])
    for row, spec in enumerate(specs):
        down = _TITLE + _TOP + row * _ROW + _TITLE
        line = 1 - (down - 0.05) / height
        words = {"fontsize": 10.5, "color": style.COLOURS.get(parse_spec(spec).stress, NONE), "va": "bottom"}
        figure.text(0, line, stress_name(spec), fontweight="bold", **words)
        figure.text(1, line, f"all crops: {share[spec]:.1f}% right", ha="right", **words)
        for column, neighbour in enumerate(found[spec, 0][query]):
            ax = _add_axes(figure, column * (_SIDE + _GAP), down, _SIDE, _SIDE)
            ax.imshow(crops[neighbour].image.resize((180, 180)), interpolation="none")
            bare(ax)
            if crops[neighbour].photograph != crops[query].photograph:
                _draw_cross(ax)
    return figure


def _add_axes(figure: Figure, left: float, down: float, width: float, height: float) -> Axes:
    """Add axes at a place in inches from the upper left: squares fill their places, and no layout moves them."""
    total_width, total_height = figure.get_size_inches()
    bottom = 1 - (down + height) / total_height
    return figure.add_axes((left / total_width, bottom, width / total_width, height / total_height), anchor="NW")


def _draw_photograph(figure: Figure, crop: Crop, path: Path) -> None:
    image, (left, upper, right, lower) = open_photograph(path), crop.box
    width = min(_TOP * image.width / image.height, WIDTH - _TOP - 0.3)
    ax = _add_axes(figure, 0, _TITLE, width, _TOP)
    small = image.copy()
    small.thumbnail((480, 480))
    ax.imshow(small, interpolation="none", extent=(0, image.width, image.height, 0))
    for colour, linewidth in (("white", 4.0), (NONE, 1.6)):
        frame = Rectangle((left, upper), right - left, lower - upper, fill=False, edgecolor=colour, linewidth=linewidth)
        ax.add_patch(frame)
    bare(ax, "a photograph")


def _draw_query(figure: Figure, crop: Crop) -> None:
    ax = _add_axes(figure, WIDTH - _TOP, _TITLE, _TOP, _TOP)
    ax.imshow(crop.image.resize((360, 360)), interpolation="none")
    bare(ax, "the query, mirrored" if crop.mirrored else "the query")


def _draw_cross(ax: Axes) -> None:
    ax.spines[:].set(visible=True, color=WRONG, linewidth=4)
    ax.text(
        0.5, 0.5, "×", transform=ax.transAxes, ha="center", va="center", fontsize=26, fontweight="bold", color="white",
        bbox={"boxstyle": "circle,pad=0.08", "facecolor": WRONG, "edgecolor": "white"},
    )  # fmt: skip


def alt_text(query: int, found: Neighbours, crops: Sequence[Crop], results: pd.DataFrame, path: Path) -> str:
    """Describe the figure in words, from its data; the parameters are those of :func:`plot`."""
    share = mean_scores(results)
    parts = []
    for spec in shown_stresses(found, results):
        right = sum(crops[neighbour].photograph == crops[query].photograph for neighbour in found[spec, 0][query])
        parts.append(f"{stress_name(spec)} {right} of {NEAREST} here and {share[spec]:.1f}% over all crops")
    return (
        f"The photograph {path.name} with a square drawn on it, that crop enlarged, and rows of its {NEAREST} nearest "
        f"neighbours, a cross on those of another photograph. From the same photograph are: {'; '.join(parts)}."
    )
