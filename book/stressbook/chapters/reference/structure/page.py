"""Structure: the rooms of both packages, in the order that the import contracts of pyproject.toml hold.

Read from the contracts and from the first line of each room, so that the picture cannot say anything else than the code.
"""

from __future__ import annotations

import ast
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from stressbook.drawing import style

PLACES = {"stressbook": "book/stressbook", "stresslib": "stresslib"}
"""Where each package lies in the checkout; the one that makes the book is above the other."""

HEADING = 0.5
"""Room for a package's name, in the units of the panel."""

COLOURS = {"stressbook": "#8C510A", "stresslib": "#0072B2"}


def rooms(root: Path) -> pd.DataFrame:
    """Return the rooms of both packages, the topmost first: a room may import those below it, and none above.

    Parameters
    ----------
    root : pathlib.Path
        The checkout.

    Returns
    -------
    pandas.DataFrame
        `package`, `layer` (counted from the top of its package; rooms of one layer do not know each other), `room`, `what`
        (the first sentence of its docstring), `modules` and `lines`.
    """
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers: dict[str, Any] = {one["containers"][0]: one["layers"] for one in contracts if one["type"] == "layers"}
    rows = []
    for package, place in PLACES.items():
        for layer, names in enumerate(layers[package]):
            for name in names.split(" | "):
                folder = root / place / name
                files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
                opening = folder / "__init__.py" if folder.is_dir() else files[0]
                rows.append(
                    {
                        "package": package,
                        "layer": layer,
                        "room": name,
                        "what": _first_sentence(opening),
                        "modules": len(files),
                        "lines": sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files),
                    }
                )
    return pd.DataFrame(rows)


def _first_sentence(module: Path) -> str:
    opening = (ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    head, _, rest = " ".join(opening.split()).rstrip(".").replace("`", "").partition(": ")
    said = (rest or head).partition(";")[0]
    return said[:1].upper() + said[1:]


def plot(table: pd.DataFrame) -> Figure:
    """Draw the rooms as boxes above each other, the rooms of one layer beside each other.

    Parameters
    ----------
    table : pandas.DataFrame
        Of :func:`rooms`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    layers = [part for _, part in table.groupby(["package", "layer"], sort=False)]
    texts = [[textwrap.wrap(what, round(92 / len(part)) - 4) for what in part["what"]] for part in layers]
    heights = [0.44 + 0.18 * max(map(len, lines)) for lines in texts]
    packages = [part["package"].iloc[0] for part in layers]
    headings = [before != package for before, package in zip([None, *packages], packages, strict=False)]
    total = sum(heights) + HEADING * sum(headings)
    figure, [ax] = style.panels(1, height=0.62 * total)
    ax.set(xlim=(0, 1), ylim=(total, 0))
    ax.set_axis_off()
    top = 0.0
    for part, lines, height, package, heading in zip(layers, texts, heights, packages, headings, strict=True):
        if heading:
            top += HEADING
            ax.text(0.006, top - 0.12, package, color=COLOURS[package], fontsize=12, fontweight="bold")
        width = 1 / len(part)
        for place, (room, what) in enumerate(zip(part["room"], lines, strict=True)):
            left = place * width
            box = (left + 0.006, top + 0.05), width - 0.012, height - 0.1
            ax.add_patch(FancyBboxPatch(*box, boxstyle="round,pad=0,rounding_size=0.01", fc="white", ec=COLOURS[package]))
            ax.text(left + 0.02, top + 0.21, room, fontsize=10, fontweight="bold", va="center")
            ax.text(left + 0.02, top + 0.34, "\n".join(what), fontsize=8.5, va="top", color="#333333", linespacing=1.15)
        top += height
    return figure


def alt_text(table: pd.DataFrame) -> str:
    """Say in words which rooms lie above which."""
    said = []
    for package, part in table.groupby("package", sort=False):
        layers = [" beside ".join(rows["room"]) for _, rows in part.groupby("layer", sort=False)]
        said.append(f"{package}, from the top: {', '.join(layers)}")
    return "The rooms of both packages; each may import those below it, and none above. " + "; ".join(said) + "."


def headline(table: pd.DataFrame) -> str:
    """Say what there is, and how much of it."""
    sums = table.groupby("package", sort=False)[["modules", "lines"]].sum()
    said = [f"{package} has {row.modules} modules and {row.lines:,} lines" for package, row in sums.iterrows()]
    return (
        "**Two packages: stresslib is the library, stressbook makes this book with it, and every import points down.** "
        f"{' and '.join(reversed(said))}, docstrings and comments included."
    )
