"""Measuring the codec and its peers alike: write files, read them again, classify and search what was read.

Above the codec and the peers; a chapter of the book draws the table.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stresslib.codec.peers.peer import Peer
from stresslib.codec.reading import CompressedFeatures
from stresslib.codec.writing import compress
from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.metrics import SCORES
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.results import result_rows, results_table
from stresslib.running.tasks import run_tasks
from stresslib.stress.spec import Spec, parse_spec

Array = NDArray[Any]

BYTES = ("bytes", "side_bytes", "file_bytes")
"""Columns beside those of the schema: bytes of a vector's code, of what all vectors share, and of all that was written."""

RETRIEVAL = "retrieval-mAP"
"""Metric of a search for the nearest training rows of a test row; rows of its class are relevant."""

_LIBRARIES = ("faiss-cpu", "zstandard")
"""Distributions that the peers are of, beside scikit-learn."""

QUERIES = 1000
"""Test rows, at most, that are queries."""


def measure(
    features: FeatureSet,
    methods: Iterable[str | Peer],
    *,
    n_jobs: int = -1,
    retrieval: bool = True,
    store: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Write vectors in each of several ways, read them back, and score what was read.

    Parameters
    ----------
    features : FeatureSet
    methods : iterable of str or Peer
        A stress, which the codec writes; or a peer.
    n_jobs : int, default=-1
        As :func:`stresslib.running.tasks.run_tasks` takes it.
    retrieval : bool, default=True
        Whether to search, too.
    store, progress
        As :func:`stresslib.running.tasks.run_tasks` takes them; by default no progress is shown.

    Returns
    -------
    pandas.DataFrame
        In the schema of results tables, with the columns :data:`BYTES`: one row a method and metric, the feature set's own
        metric first, then :data:`RETRIEVAL`. All bytes are those of files: of the code of a vector (all codes, over the
        rows), of what all vectors share, and of all together; the codec's file holds labels and names as well.
    """
    settings = [{"method": method, "retrieval": retrieval} for method in methods]
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    measured = run_tasks(_measured, settings, features, name=f"{features.name}, peers", libraries=_LIBRARIES, **options)
    return results_table((row for rows in measured for row in rows), BYTES)


def _measured(features: FeatureSet, method: str | Peer, retrieval: bool) -> list[dict[str, Any]]:
    """Return the rows of the table for one method."""
    train, test = features.train, features.test
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        if isinstance(method, str):
            spec, cells = parse_spec(method), {}
            X, sizes = _through_codec(features, spec, Path(folder))
        else:
            spec, cells = None, {"stress": method.name, "dimensions": method.dimensions}
            X, sizes = _through_peer(features, copy(method), Path(folder))
        model = LinearSVM().fit(X[train], features.y[train])
        decision = model.decision_function(X[test])
        score = SCORES[features.metric](features.y[features.test], decision)
        searched = {RETRIEVAL: search(X, features.y, train)} if retrieval else {}
    gap = float(max(model.objective_gap_))
    rows = result_rows(features.origin, spec, {features.metric: score}, objective_gap=gap, **cells, **sizes)
    return rows + result_rows(features.origin, spec, searched, **cells, **sizes)


def _through_codec(features: FeatureSet, spec: Spec, folder: Path) -> tuple[Array, dict[str, float]]:
    """Return vectors that went through a file of the codec, and its bytes."""
    path = compress(features, spec, folder / "vectors.stress")
    compressed = CompressedFeatures(path)
    # Opening the file has compared its size with the sum of its parts.
    sizes = (compressed.packed_bytes / len(compressed), compressed.codec.side_bytes, path.stat().st_size)
    return compressed[:], dict(zip(BYTES, sizes, strict=True))


def _through_peer(features: FeatureSet, peer: Peer, folder: Path) -> tuple[Array, dict[str, float]]:
    """Return vectors that went through two files of a peer, codes and what they share, and their bytes."""
    X = np.ascontiguousarray(features.X, dtype=np.float32)
    peer.fit(X[features.train])
    codes, side = folder / "codes", folder / "side"
    codes.write_bytes(peer.encode(X))
    side.write_bytes(peer.side())
    code_bytes, shared_bytes = codes.stat().st_size, side.stat().st_size
    sizes = (code_bytes / len(X), shared_bytes, code_bytes + shared_bytes)
    return peer.decode(codes.read_bytes(), len(X)), dict(zip(BYTES, sizes, strict=True))


def search(X: Array, y: Array, train: Array, *, queries: int = QUERIES, random_state: int = 0) -> float:
    """Return the mean average precision of searches among the training rows, with test rows as queries.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Decoded vectors, of queries and of what is searched.
    y : ndarray of shape (n,) or (n, n_classes)
        Classes, or 1 in the column of each class that a row has; rows that share a class with the query are relevant.
    train : ndarray of shape (n,), bool
        Which rows are searched.
    queries : int, default=1000
        Test rows, at most, drawn at random; so is the order of equally near rows.
    random_state : int, default=0

    Returns
    -------
    float
        From 0 to 1; nearest is by Euclidean distance. Queries without a relevant row do not count.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.codec.peers import search
    >>> X = np.array([[0.0], [1.0], [2.0], [0.4]])  # from 0.4, the nearest are 0, 1, 2
    >>> round(search(X, np.array([1, 0, 1, 1]), np.array([True, True, True, False])), 4)  # (1/1 + 2/3) / 2
    0.8333
    """
    generator = np.random.default_rng(random_state)
    asked = np.sort(generator.permutation(np.flatnonzero(~train))[:queries])
    kept = generator.permutation(np.flatnonzero(train))
    order = nearest_first(X[kept], X[asked])
    alike = y[asked][:, None] == y[kept] if y.ndim == 1 else (y[asked] == 1).astype(int) @ (y[kept] == 1).T > 0
    relevant = np.take_along_axis(alike, order, axis=1)
    found = relevant.cumsum(axis=1)
    precisions = np.where(relevant, found / np.arange(1, len(kept) + 1), 0).sum(axis=1)
    any_relevant = found[:, -1] > 0
    return float((precisions[any_relevant] / found[any_relevant, -1]).mean())


def nearest_first(base: Array, queries: Array) -> Array:
    """Return for each query the numbers of all rows that are searched, the nearest first; of equally near ones the smallest.

    Parameters
    ----------
    base, queries : ndarray of shape (n, d) and (m, d)

    Returns
    -------
    ndarray of shape (m, n)
        By Euclidean distance, in float64.
    """
    rows, wanted = base.astype(np.float64), queries.astype(np.float64)
    distances = (rows**2).sum(axis=1) - 2 * wanted @ rows.T
    # Equal rows are equally far only up to the last digits of float64 sums.
    return np.argsort(np.round(distances, 9), axis=1, kind="stable")
