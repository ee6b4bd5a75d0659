"""Live: photographs with what the network sees in them, and their vectors beside the project's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from stresslib.files import replacing, write_text

AGREED = 0.999
"""Least cosine between a vector and the project's own."""


def top_five(logits: NDArray[np.floating[Any]], names: Sequence[str]) -> pd.DataFrame:
    """Name the five likeliest classes of each photograph.

    Parameters
    ----------
    logits : ndarray of shape (n, 1000)
    names : sequence of str
        Of the photographs.

    Returns
    -------
    pandas.DataFrame
        Columns `photograph`, `rank`, `name` of the class, `probability` in percent.
    """
    from stresslib.extraction import imagenet_classes

    classes = imagenet_classes()
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = 100 * exponentials / exponentials.sum(axis=1, keepdims=True)
    return pd.DataFrame(
        [
            {"photograph": name, "rank": rank, "name": classes[column], "probability": round(float(row[column]), 1)}
            for name, row in zip(names, shares, strict=True)
            for rank, column in enumerate(np.argsort(-row, kind="stable")[:5], start=1)
        ]
    )


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
    from stresslib.extraction.preprocessing import open_image

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


def save(figure: Figure, classes: pd.DataFrame, vectors: NDArray[np.float32], folder: str | Path, name: str) -> None:
    """Write the figure as PNG, the classes as CSV, the vectors as safetensors.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    classes : pandas.DataFrame
    vectors : ndarray of shape (n, d)
    folder : path-like
    name : str
        File name without its ending.
    """
    with replacing(Path(folder) / f"{name}.png") as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    write_text(Path(folder) / f"{name}.csv", classes.to_csv(index=False, lineterminator="\n"))
    names = list(dict.fromkeys(classes["photograph"]))
    with replacing(Path(folder) / f"{name}.safetensors") as temporary:
        save_file(dict(zip(names, vectors, strict=True)), temporary)


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
