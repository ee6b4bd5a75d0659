"""Example: a signature that nobody signs, a computed curve, and what normalisation makes of it: the picture of the method.

No signature of anybody is in the book: this one is drawn by a formula.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from stressbook.chapters.people.signatures.people import Array
from stressbook.drawing import style
from stresslib.datasets.signatures import normalize_signature

CANVAS = (300, 440)
"""Height and width of the canvas that the curve lies on."""


def drawn(height: int = 220, width: int = 360, stroke: float = 2.2) -> Array:
    """Return a scan of a curve that looks like a signature.

    Parameters
    ----------
    height, width : int
    stroke : float, default=2.2
        Half the width of the pen, in pixels.

    Returns
    -------
    ndarray of shape (height, width), uint8
        Dark ink on paper with grain.

    Examples
    --------
    >>> from stressbook.chapters.people.signatures.example import drawn
    >>> drawn().shape
    (220, 360)
    """
    steps = np.linspace(0, 1, 1500)
    x = width * (0.12 + 0.72 * steps + 0.05 * np.sin(2 * np.pi * 6 * steps))
    loops = np.sin(2 * np.pi * 6 * steps + 1) * (1 - steps) + 0.5 * np.sin(2 * np.pi * 2.5 * steps)
    y = height * (0.48 - 0.22 * loops)
    rows, columns = np.mgrid[:height, :width]
    page = 235 + np.random.default_rng(0).normal(0, 3, (height, width))
    for across, down in zip(x, y, strict=True):
        near = (slice(max(int(down) - 5, 0), int(down) + 6), slice(max(int(across) - 5, 0), int(across) + 6))
        apart = np.hypot(rows[near] - down, columns[near] - across)
        page[near] = np.minimum(page[near], 40 + 195 * np.clip((apart - stroke) / 1.5, 0, 1))
    return np.clip(page, 0, 255).astype(np.uint8)


def plot() -> Figure:
    """Draw the computed scan, and the picture that a network takes of it, the sound way and as the authors' code.

    Returns
    -------
    matplotlib.figure.Figure
    """
    scan = drawn()
    ours, theirs = (normalize_signature(scan, CANVAS, way) for way in (False, True))
    titles = ("a scan (a computed curve)", "as a network takes it", "lost by the authors' code")
    figure, axes = style.page_wide(3, height=1.9, sharex=False, sharey=False)
    lost = np.clip(ours.astype(int) - theirs, 0, 255)
    for ax, picture in zip(axes, (scan, ours, lost), strict=True):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        ax.set_axis_off()
    style.add_titles_and_legend(figure, axes, list(titles))
    return figure


def alt_text() -> str:
    """Describe the picture in words."""
    ours, theirs = (normalize_signature(drawn(), CANVAS, way).sum(dtype=float) for way in (False, True))
    return (
        "A looped curve, dark on paper; the same bright on black, centred and 150 x 220 pixels small; and what the authors' "
        f"code makes darker or cuts off, {100 * (1 - theirs / ours):.1f}% of the ink."
    )
