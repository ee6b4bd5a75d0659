"""Frame: what the pictures have in common, and how photographs are saved within a drawing."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from stresslib.features import FeatureSet
from stresslib.files import replacing, write_text
from stresslib.stress.spec import make_stress

Vectors = NDArray[np.floating[Any]]

WIDTH = 5.2
"""Of a figure, in inches: narrower than others, so that its words can be read on a phone."""

NONE, BEFORE, WRONG = "#000000", "#CFCFCF", "#B00020"
"""Colours of no stress, of what a stress has not touched yet, and of a neighbour from another photograph."""


def stressed(features: FeatureSet, vectors: Vectors, spec: str, random_state: int = 0) -> Vectors:
    """Put vectors under a stress that is fitted on the training rows of a feature set."""
    changed: Vectors = make_stress(spec, random_state=random_state).fit(features.X[features.train]).transform(vectors)
    return changed


def bare(ax: Axes, title: str = "") -> None:
    """Take everything but the picture from a panel, and give it a title."""
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontsize=10.5, loc="left", pad=4)


def save_photographs(figure: Figure, folder: str | Path, name: str) -> None:
    """Write a figure of photographs as SVG and JPEG; those within the SVG are JPEG, too, or it would weigh megabytes."""
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    write_text(Path(folder) / f"{name}.svg", re.sub(r"data:image/png;base64,([^\"]+)", _as_jpeg, text.getvalue()))
    with replacing(Path(folder) / f"{name}.jpg") as temporary:
        figure.savefig(temporary, format="jpg", dpi=200, pil_kwargs=_JPEG)


_JPEG = {"quality": 85, "optimize": True}


def _as_jpeg(png: re.Match[str]) -> str:
    jpeg = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(png[1]))).convert("RGB").save(jpeg, "JPEG", **_JPEG)
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}"
