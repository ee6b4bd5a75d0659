"""Matrices: vectors that somebody else made, in an .npy file, with a table of labels.

Beside `library`, which finds feature sets that stresslib made.
"""

from __future__ import annotations

import os
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from stresslib.datasets import read_labels
from stresslib.features.featureset import FeatureSet
from stresslib.files import file_sha256


def read_matrix(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read vectors, one a row, from an .npy file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    ndarray of shape (n, d)
        Mapped, not read.

    Raises
    ------
    ValueError
        When the file is no matrix of numbers.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from stresslib.features.matrices import read_matrix
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder) / "X.npy", np.zeros((3, 2), dtype=np.float32))
    ...     read_matrix(Path(folder) / "X.npy").shape
    (3, 2)
    """
    try:
        X = np.load(path, mmap_mode="r", allow_pickle=False)  # its header is compared with its size
    except (ValueError, EOFError, BadZipFile, TokenError) as error:
        # NumPy takes whatever it does not know for a pickle, and says how to load one.
        why = "numpy.save writes one" if "pickle" in str(error) else str(error)
        raise ValueError(f"{path} is not an .npy matrix of numbers: {why}") from error
    if not isinstance(X, np.ndarray) or X.ndim != 2:
        what = f"an array of shape {X.shape}" if isinstance(X, np.ndarray) else "an archive of several arrays"
        raise ValueError(f"{path} is {what}; give an .npy matrix, one vector a row")
    return X


def labelled_matrix(
    vectors: str | os.PathLike[str],
    labels: str | os.PathLike[str],
    *,
    column: str = "labels",
    metric: str | None = None,
    seed: int = 0,
    name: str | None = None,
) -> FeatureSet:
    """Make a feature set of vectors and a table of labels.

    Parameters
    ----------
    vectors : path-like
        As for :func:`read_matrix`.
    labels : path-like
        A CSV with a line for each row, as :func:`stresslib.datasets.read_labels` takes it.
    column : str, default="labels"
        That has the labels.
    metric : str, optional
        As for :func:`stresslib.datasets.read_labels`.
    seed : int, default=0
        Of the split, where the table has none.
    name : str, optional
        ``DATASET--MODEL--LAYER``, as the cache names its files, or the name of the data set alone. Default:
        that of the file of vectors.

    Returns
    -------
    FeatureSet

    Raises
    ------
    ValueError
        When one of the files is not valid, or they have not as many rows as lines.
    """
    X = read_matrix(vectors)
    y, train, classes, metric, provenance = read_labels(os.fspath(labels), labels=column, metric=metric, seed=seed)
    if len(X) != len(y):
        raise ValueError(f"{vectors} has {len(X)} rows and {labels} has {len(y)} lines; one line a row is needed")
    names = (Path(vectors).stem if name is None else name).split("--", 2)
    provenance.update(zip(("dataset", "model", "layer"), names, strict=False))
    provenance.update(vectors_sha256=file_sha256(Path(vectors)))
    return FeatureSet(X, y, train, metric, classes, provenance=provenance)
