"""Classical, one codeword: how BossaNova sees an image.

A picture for the page on classical features, drawn from photographs while the book is built; it needs no results.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from stressbook.drawing import style
from stresslib.classical import find_method, learn_codebook
from stresslib.classical.coding import bossanova, soft_assignment
from stresslib.images.decode import open_image

ALT_TEXT = (
    "A photograph of a cat with the centres of all patches that are nearest to one codeword, and under it the histogram "
    "of the distances of all patches that share this codeword, in two bins."
)
"""Describes the picture of the page, whose first photograph is a cat's."""


def plot(paths: Sequence[str | os.PathLike[str]], word: int | None = None, *, codewords: int = 64) -> Figure:
    """Draw how BossaNova sees an image: the patches that share one codeword, and the histogram of their distances.

    Parameters
    ----------
    paths : sequence of path-like
        Photographs that the codebook is learnt from; the first one is drawn.
    word : int, optional
        The codeword. Default: the one that most patches of the first photograph are nearest to.
    codewords : int, default=64
        Size of the codebook.

    Returns
    -------
    matplotlib.figure.Figure
    """
    method = find_method(f"bossanova+codewords={codewords}")
    described = [method.descriptors(path) for path in paths]
    book = learn_codebook([descriptors for descriptors, _ in described], codewords, method.components)
    descriptors, places = described[0]
    squares = book.squared_distances(descriptors)
    nearest = squares.argmin(axis=1)
    if word is None:
        word = int(np.bincount(nearest, minlength=codewords).argmax())
    words, weights, distances = soft_assignment(squares, book.spread, method.neighbours)
    options = {name: getattr(method, name) for name in ("neighbours", "bins", "alpha_min", "alpha_max", "weight")}
    counts = bossanova(squares, book, places, **options)[0, word] * len(descriptors)
    edges = np.linspace(method.alpha_min, method.alpha_max, method.bins + 1)

    figure, (above, below) = style.panels(2, height=3.4, sharey=False)
    _draw_patches(above, paths[0], method.side, places[nearest == word])
    shared = words == word
    handles = _draw_histogram(below, distances[shared], weights[shared], edges, counts[:-1])
    figure.legend(handles=handles, loc="outside lower center", frameon=False, fontsize="small")
    return figure


def _draw_patches(ax: Axes, path: str | os.PathLike[str], side: int, centres: NDArray[np.float64]) -> None:
    """Draw a photograph, and on it the centres of some patches; these are (y, x) as shares of its height and width."""
    image = open_image(path).convert("L")
    image.thumbnail((side, side))
    ax.imshow(image, cmap="gray")
    ax.set_axis_off()
    ax.grid(visible=False)
    rows, columns = (centres * (image.height, image.width)).T
    ax.plot(columns, rows, "o", markersize=3.5, color="#D55E00", markeredgecolor="white", markeredgewidth=0.4)
    ax.set_title("centres of the patches that are nearest to one codeword", fontsize="medium", fontweight="bold")


def _draw_histogram(
    ax: Axes,
    distances: NDArray[np.float64],
    weights: NDArray[np.float64],
    edges: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> list[Artist]:
    """Draw the distances of patches in fine bins, and over them the bins that BossaNova keeps; return both handles."""
    fine = [edge / 20 for edge in range(49)]
    ax.hist(distances, fine, weights=weights, color="#BBBBBB", label="patches that share it, by distance")
    ax.set(xlabel="distance to the codeword, in spreads of its cluster", ylabel="weight of patches", xlim=(0, 2.4))
    kept = ax.twinx()
    kept.spines["right"].set_visible(True)
    kept.spines["top"].set_visible(False)
    kept.stairs(counts, edges, color="#0072B2", linewidth=2, label=f"the {len(counts)} values that stand for them")
    kept.set_ylabel("weight in a bin")
    kept.set_ylim(bottom=0)
    for edge in edges:
        ax.axvline(edge, color="#0072B2", linewidth=0.8, linestyle=(0, (4, 2)))
    ax.set_title("how far they are: the histogram that BossaNova keeps", fontsize="medium", fontweight="bold")
    return [*ax.get_legend_handles_labels()[0], *kept.get_legend_handles_labels()[0]]
