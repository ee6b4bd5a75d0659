"""Live: photographs with what the network sees in them, and their vectors beside the project's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from safetensors.numpy import load_file

AGREED = 0.999
"""Least cosine between a vector and the project's own."""


def plot(paths: Sequence[Path], classes: pd.DataFrame) -> Figure:
    """Draw each photograph over bars of its five likeliest classes.

    Parameters
    ----------
    paths : sequence of pathlib.Path
    classes : pandas.DataFrame
        Of :func:`top_five`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from stresslib.images.decode import open_image

    columns = 2
    rows = -(-len(paths) // columns)
    figure = Figure(figsize=(6.2, 3.9 * rows), layout="constrained")
    for place, path in enumerate(paths):
        row, column = divmod(place, columns)
        picture = figure.add_subplot(2 * rows, columns, 2 * row * columns + column + 1)
        picture.imshow(open_image(path))
        picture.set_axis_off()
        bars = figure.add_subplot(2 * rows, columns, (2 * row + 1) * columns + column + 1)
        best = classes[classes["photograph"] == path.name]
        bars.barh(best["rank"], best["probability"], color="#9CC8E6", height=0.8)
        for rank, name, share in zip(best["rank"], best["name"], best["probability"], strict=True):
            bars.text(1, rank, f"{name}  {share:.0f}%", va="center", fontsize=9)
        bars.set(xlim=(0, 100), ylim=(5.6, 0.4))
        bars.set_axis_off()
    return figure


def compare(vectors: NDArray[np.float32], reference: str | Path, names: Sequence[str]) -> pd.DataFrame:
    """Compare vectors with those of a file.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
    reference : path-like
        As :func:`save` writes it; empty compares nothing.
    names : sequence of str
        Of the photographs.

    Returns
    -------
    pandas.DataFrame
        Columns `photograph` and `cosine`.

    Raises
    ------
    ValueError
        When a cosine is below 0.999; the message names the photograph.
    """
    if not reference:
        return pd.DataFrame(columns=["photograph", "cosine"])
    known = load_file(reference)
    cosines = [
        float(vector @ known[name] / (np.linalg.norm(vector) * np.linalg.norm(known[name])))
        for name, vector in zip(names, vectors, strict=True)
    ]
    for name, cosine in zip(names, cosines, strict=True):
        if not cosine >= AGREED:
            raise ValueError(f"{name}: the cosine with the vector in {reference} is {cosine:.5f}, below {AGREED}")
    return pd.DataFrame({"photograph": names, "cosine": cosines})


def alt_text(classes: pd.DataFrame) -> str:
    """Say in words what the network sees in each photograph.

    Parameters
    ----------
    classes : pandas.DataFrame

    Returns
    -------
    str
    """
    best = classes[classes["rank"] == 1]
    parts = [
        f"{row.photograph}: {row.name_}, {row.probability:.0f}%"
        for row in best.rename(columns={"name": "name_"}).itertuples()
    ]
    return "Photographs with bars of the five likeliest classes of each. Likeliest: " + "; ".join(parts) + "."
