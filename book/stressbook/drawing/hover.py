"""Hover: a mark of a figure says its values while the pointer is on it, by titles in the SVG, without a script.

Between a figure that is drawn and its file: `style` calls it for every SVG.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

_MARK = re.compile(r'(<use xlink:href="[^"]*" x="([^"]*)" y="([^"]*)"[^>]*)/>')


def with_titles(svg: str, figure: Figure) -> str:
    """Return an SVG in which each mark of a curve has a title: panel, curve, and both values.

    Parameters
    ----------
    svg : str
        What the figure was saved as just now: its marks lie where it says.
    figure : matplotlib.figure.Figure

    Returns
    -------
    str

    Examples
    --------
    >>> import io
    >>> from matplotlib.figure import Figure
    >>> from stressbook.drawing.hover import with_titles
    >>> figure, text = Figure(), io.StringIO()
    >>> ax = figure.add_subplot(xlabel="bits", ylabel="score (%)")
    >>> line = ax.plot([8, 16], [90.25, 99.5], marker="o", label="ours")
    >>> figure.savefig(text, format="svg")
    >>> with_titles(text.getvalue(), figure).count("<title>ours; bits 16; score (%) 99.5</title>")
    1
    """
    titles: dict[tuple[float, float], list[str]] = {}
    for ax in figure.axes:
        for artist in (*ax.lines, *ax.collections):
            if isinstance(artist, Line2D) and artist.get_marker() not in (None, "", " ", "None"):
                points = np.asarray(artist.get_xydata(), dtype=float)
            elif isinstance(artist, PathCollection):
                points = np.ma.getdata(artist.get_offsets()).astype(float)
            else:
                continue
            for place, text in _said(ax, artist, points, figure):
                titles.setdefault(place, []).append(text)

    def titled(mark: re.Match[str]) -> str:
        said = titles.get(_rounded(float(mark[2]), float(mark[3])))
        # Marks that lie on each other are one place to point at.
        return f"{mark[1]}><title>{escape(chr(10).join(dict.fromkeys(said)))}</title></use>" if said else mark[0]

    return _MARK.sub(titled, svg)


def _said(ax: Axes, artist: Artist, points: np.ndarray, figure: Figure) -> Iterator[tuple[tuple[float, float], str]]:
    """Yield where each point lies in the SVG, and what it says."""
    label = str(artist.get_label())
    names = [ax.get_title() or ax.get_title(loc="left"), "" if label.startswith("_") else label]
    axes = [_label(ax, "xaxis", figure), _label(ax, "yaxis", figure)]
    shown = ax.transData.transform(points) * 72 / figure.dpi
    height = figure.get_figheight() * 72
    for (x, y), (across, up) in zip(points, shown, strict=True):
        if np.isfinite([x, y]).all():
            values = [f"{axis} {_number(value)}".strip() for axis, value in zip(axes, (x, y), strict=True)]
            yield _rounded(across, height - up), "; ".join(part.replace("\n", " ") for part in (*names, *values) if part)


def _label(ax: Axes, name: str, figure: Figure) -> str:
    """Return the label of an axis; panels that share it have it once, or the figure has it for all."""
    axis: Axis = getattr(ax, name)
    shared = ax.get_shared_x_axes() if name == "xaxis" else ax.get_shared_y_axes()
    siblings: list[Axis] = [getattr(one, name) for one in shared.get_siblings(ax)]
    common = figure.get_supxlabel() if name == "xaxis" else figure.get_supylabel()
    return next(filter(None, [*(one.get_label_text() for one in (axis, *siblings)), common]), "")


def _number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:,.0f}"


def _rounded(x: float, y: float) -> tuple[float, float]:
    return round(x, 2), round(y, 2)
