"""Panels: what the pictures of the chapter have in common, and how photographs are saved within a drawing.

Below the modules that draw: `page`, `neighbours`, `dictionary` and `vector`.
"""

from __future__ import annotations

import base64
import io
import os
import re
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from stresslib.files import replacing, write_text

WIDTH = 5.2
"""Width of a figure in inches: narrower than others, so that its words can be read on a phone."""

NONE, BEFORE, WRONG = "#000000", "#CFCFCF", "#B00020"
"""Colours of what has no stress, of numbers before a stress, and of a neighbour from another photograph."""

_JPEG = {"quality": 85, "optimize": True}


def bare(ax: Axes, title: str = "") -> None:
    """Leave nothing in a panel but the picture and a title."""
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontsize=10.5, loc="left", pad=4)


def save_photographs(figure: Figure, folder: str | os.PathLike[str], name: str) -> None:
    """Write a figure of photographs as SVG and JPEG; within the SVG they are JPEG too, or it would take megabytes."""
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    write_text(Path(folder) / f"{name}.svg", re.sub(r"data:image/png;base64,([^\"]+)", _as_jpeg, text.getvalue()))
    with replacing(Path(folder) / f"{name}.jpg") as temporary:
        figure.savefig(temporary, format="jpg", dpi=200, pil_kwargs=_JPEG)


def _as_jpeg(png: re.Match[str]) -> str:
    jpeg = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(png[1]))).convert("RGB").save(jpeg, "JPEG", **_JPEG)
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}"
