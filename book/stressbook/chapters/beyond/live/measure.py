"""Live: name the likeliest classes of photographs, and compare their vectors with those that the project keeps.

Takes what an extractor returns; `page` draws the classes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load_file

from stressbook.chapters.stress.seeing.crops import sample_folder

SAME_VECTOR = 0.999
"""Least cosine between a vector and the one that the project keeps."""


def sample_photographs(names: Iterable[str]) -> list[Path]:
    """Return the paths of photographs that come with scikit-image."""
    return [sample_folder() / name for name in names]


def likeliest_classes(logits: NDArray[np.floating[Any]], names: Sequence[str], count: int = 5) -> pd.DataFrame:
    """Name the likeliest classes of each photograph.

    Parameters
    ----------
    logits : ndarray of shape (n, 1000)
    names : sequence of str
        Of the photographs.
    count : int, default=5
        Classes of a photograph.

    Returns
    -------
    pandas.DataFrame
        Columns `photograph`, `rank` from 1 on, `name` of the class, `probability` in percent.
    """
    from stresslib.extraction import imagenet_classes

    classes = imagenet_classes()
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = 100 * exponentials / exponentials.sum(axis=1, keepdims=True)
    return pd.DataFrame(
        [
            {"photograph": name, "rank": rank, "name": classes[column], "probability": round(float(row[column]), 1)}
            for name, row in zip(names, shares, strict=True)
            for rank, column in enumerate(np.argsort(-row, kind="stable")[:count], start=1)
        ]
    )


def cosines(vectors: NDArray[np.float32], reference: str | os.PathLike[str], names: Sequence[str]) -> pd.DataFrame:
    """Compare vectors with those of a file.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
    reference : path-like
        As :func:`stressbook.chapters.beyond.live.page.save` writes it; empty: compare nothing.
    names : sequence of str
        Of the photographs.

    Returns
    -------
    pandas.DataFrame
        Columns `photograph` and `cosine`.

    Raises
    ------
    ValueError
        When a cosine is below :data:`SAME_VECTOR`; the message names the photograph.
    """
    if not reference:
        return pd.DataFrame(columns=["photograph", "cosine"])
    known = load_file(reference)
    found = [
        float(vector @ known[name] / (np.linalg.norm(vector) * np.linalg.norm(known[name])))
        for name, vector in zip(names, vectors, strict=True)
    ]
    for name, cosine in zip(names, found, strict=True):
        if not cosine >= SAME_VECTOR:
            raise ValueError(f"{name}: the cosine with the vector in {reference} is {cosine:.5f}, below {SAME_VECTOR}")
    return pd.DataFrame({"photograph": names, "cosine": found})
