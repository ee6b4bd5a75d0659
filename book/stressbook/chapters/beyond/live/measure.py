"""Live: photographs with what the network sees in them, and their vectors beside the project's own: what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from safetensors.numpy import save_file

from stresslib.files import replacing, write_text


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
