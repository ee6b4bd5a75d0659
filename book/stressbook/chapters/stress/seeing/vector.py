"""Vector: the numbers of one photograph, before and after each of the paper's stresses.

The first figure of the chapter's page; stresses are fitted on the training rows of a feature set.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from sklearn.pipeline import Pipeline

from stressbook.chapters.stress.seeing.crops import Vectors
from stressbook.chapters.stress.seeing.panels import BEFORE, NONE, WIDTH, WRONG, bare
from stressbook.drawing import style
from stressbook.drawing.words import paper_name
from stresslib.features import FeatureSet
from stresslib.paper.published import grid_dimensions
from stresslib.stress.spec import bits_per_vector, make_stress, parse_spec

SHOWN = 64
"""Numbers of a vector that are drawn as bars."""


def examples(n_features: int) -> list[str]:
    """Return the stresses that are shown on a vector of a width: each of the paper's, in the order of the book."""
    tenth = max(1, grid_dimensions(n_features)[1])
    return [f"DR1:{tenth}", f"DR2:{tenth}", "Q1:4", "Q2:4", "QB:52", f"DR2:{tenth},Q2:8"]


def plot(image: Image.Image, vector: Vectors, features: FeatureSet) -> Figure:
    """Draw a photograph, all of its numbers, and the first of them before and after each stress.

    Parameters
    ----------
    image : PIL.Image.Image
    vector : ndarray of shape (d,)
        Of unit norm.
    features : FeatureSet
        Stresses are fitted on its training rows.

    Returns
    -------
    matplotlib.figure.Figure
    """
    specs = examples(len(vector))
    panels = 1 + len(specs)
    figure, axes = style.panels(1 + panels, height=1.0, sharey=False)
    figure.set_size_inches(WIDTH, 2.0 + 1.05 * panels)
    grid = figure.add_gridspec(1 + panels, 5, height_ratios=[1.75, *np.ones(panels)])
    axes[0].set_subplotspec(grid[0, :2])
    for row, ax in enumerate(axes[1:], start=1):
        ax.set_subplotspec(grid[row, :])
    small = image.copy()
    small.thumbnail((200, 200))
    axes[0].imshow(small, interpolation="nearest")
    axes[0].set_anchor("N")
    bare(axes[0], "a photograph")
    _draw_grid(figure.add_subplot(grid[0, 2:]), vector)
    _draw_numbers(axes[1], vector[:SHOWN], None, NONE)
    _add_title(axes[1], f"before: the first {len(vector[:SHOWN])}", "none", vector, NONE)
    stresses = {spec: make_stress(spec).fit(features.X[features.train]) for spec in specs if not spec.startswith("DR2")}
    # Components take long to find, and DR-2 is the first step of FC.
    combination = make_stress(specs[-1]).fit(features.X[features.train])
    stresses |= {specs[1]: combination[:1], specs[-1]: combination}
    same_scale = [axes[1]]
    for ax, spec in zip(axes[2:], specs, strict=True):
        if _draw_stressed(ax, vector, stresses[spec], spec):
            same_scale.append(ax)
    look: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": "small", "color": "#555555"}
    axes[2].text(0.99, 0.95, "grey: before", transform=axes[2].transAxes, **look)
    ends = [end for ax in same_scale for end in ax.get_ylim()]
    for ax in same_scale:
        ax.set_ylim(min(ends), max(ends))
    return figure


def _draw_grid(ax: Axes, vector: Vectors) -> None:
    grid = np.full(-(-len(vector) // SHOWN) * SHOWN, np.nan)
    grid[: len(vector)] = vector
    # Few numbers are far larger than the others: black begins at 0.7 of the largest.
    ax.imshow(
        grid.reshape(-1, SHOWN), cmap="Greys", aspect="auto", interpolation="nearest", vmax=0.7 * float(np.nanmax(grid))
    )
    bare(ax, f"its {len(vector):,} numbers: large is dark")
    ax.add_patch(Rectangle((-0.5, -0.5), SHOWN, 1, fill=False, edgecolor=WRONG, linewidth=1.4, clip_on=False))


def _draw_numbers(ax: Axes, numbers: Vectors, before: Vectors | None, colour: Any) -> None:
    if before is not None:
        ax.bar(range(len(before)), before, width=0.95, color=BEFORE)
    ax.bar(range(len(numbers)), numbers, width=0.5, color=colour)
    ax.axhline(0, color="#888888", linewidth=0.6)
    ax.set(xticks=[], xlim=(-1, SHOWN))
    ax.locator_params(axis="y", nbins=3)
    ax.tick_params(axis="y", labelsize="small")
    ax.spines["bottom"].set_visible(False)


def _add_title(ax: Axes, words: str, spec: str, vector: Vectors, colour: Any) -> None:
    ax.set_title(words, fontsize="medium", loc="left", color=colour, fontweight="bold")
    ax.set_title(f"{bits_per_vector(spec, len(vector)):,} bits", fontsize="medium", loc="right", color=colour)


def _draw_stressed(ax: Axes, vector: Vectors, stress: Pipeline, spec: str) -> bool:
    """Draw the panel of a stress; return whether its numbers are those of the vector, to be drawn on its scale."""
    parsed = parse_spec(spec)
    after, colour = stress.transform(vector[None])[0], style.COLOURS[parsed.stress]
    before: Vectors | None = vector[:SHOWN]
    if parsed.reduction == "DR1":
        kept = np.full(len(vector), np.nan)
        kept[stress[0].get_support(indices=True)] = after
        after = kept
    elif parsed.reduction == "DR2":
        # Components are other numbers: they have a before only if a dictionary follows.
        before = stress[0].transform(vector[None])[0, :SHOWN] if parsed.quantizer else None
    _draw_numbers(ax, after[:SHOWN], before, colour)
    if parsed.quantizer == "Q1":
        for level in stress[0].values_[stress[0].values_ <= 1.01 * after[:SHOWN].max()]:
            ax.axhline(level, color=colour, linewidth=0.6, linestyle=(0, (4, 3)))
    _add_title(ax, f"{paper_name(parsed.stress)}: {_meaning(spec, len(vector))}", spec, vector, colour)
    return parsed.reduction != "DR2"


def _meaning(spec: str, n_features: int) -> str:
    parsed = parse_spec(spec)
    if parsed.reduction and parsed.quantizer:
        return f"{parsed.dimensions} components, {parsed.level} values each"
    return {
        "DR1": f"{parsed.dimensions} of {n_features:,} numbers stay",
        "DR2": f"{parsed.dimensions} components instead",
        "Q1": f"{parsed.level} values for all numbers",
        "Q2": f"{parsed.level} values for each number",
        "QB": f"{parsed.level} of 64 bits become zero",
    }[parsed.reduction or str(parsed.quantizer)]


def alt_text(vector: Vectors) -> str:
    """Describe the figure in words, from its data."""
    zeros = 100 * float((vector == 0).mean())
    parts = [f"before, {bits_per_vector('none', len(vector)):,} bits"]
    for spec in examples(len(vector)):
        name, bits = paper_name(parse_spec(spec).stress), bits_per_vector(spec, len(vector))
        parts.append(f"{name}, {_meaning(spec, len(vector))}, {bits:,} bits")
    return (
        f"A photograph, its {len(vector):,} numbers as a grid of greys, {zeros:.0f}% of them zero, and bars for the first "
        f"{len(vector[:SHOWN])}, before and after each stress, grey behind colour: {'; '.join(parts)}."
    )
