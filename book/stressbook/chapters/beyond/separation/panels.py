"""Frame: the panels of both figures."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.drawing import style


def grid(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """Make panels beside and above each other, in the book's look."""
    figure, axes = style.panels(rows * columns, height=height / columns, **options)
    grid = figure.add_gridspec(rows, columns)
    for place, ax in enumerate(axes):
        ax.set_subplotspec(grid[divmod(place, columns)])
        if options.get("sharey", True) and place % columns:
            ax.tick_params(labelleft=False)
    return figure, axes
