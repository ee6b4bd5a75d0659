"""Measuring the codec and its peers alike: write files, read them again, classify and search what was read.

Above the codec and the peers; a chapter of the book draws the table.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stresslib.codec.peers.on_components import OnComponents
from stresslib.codec.peers.peer import Peer
from stresslib.codec.reading import CompressedFeatures
from stresslib.codec.writing import compress
from stresslib.evaluation.bootstrap import bootstrap_rankings
from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.metrics import SCORES, predicted_classes
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.results import result_rows, results_table
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_features.reduction import PrincipalComponents
from stresslib.stress.spec import Spec, parse_spec

Array = NDArray[Any]

BYTES = ("bytes", "side_bytes", "file_bytes")
"""Columns beside those of the schema: bytes of a vector's code, of what all vectors share, and of all that was written."""

INTERVAL = ("score_low", "score_high")
"""Further columns: the interval of a score that holds 95% of its resamples over test images, in percent."""

RETRIEVAL = "retrieval-mAP"
"""Metric of a search for the nearest training rows of a test row; rows of its class are relevant."""

NEIGHBOURS = 10
"""Nearest rows that vote on a class, and that a search is to find again."""

RECALL = f"recall@{NEIGHBOURS}"
"""Metric of a search: the share of the nearest rows of the vectors as they were that are among those of decoded ones."""

VOTES = "neighbours-"
"""What precedes the feature set's metric where the nearest training rows vote, not a classifier."""

_LIBRARIES = ("faiss-cpu", "zstandard")
"""Distributions that the peers are of, beside scikit-learn."""

QUERIES = 1000
"""Test rows, at most, that are queries."""

SEEDS = 3
"""Times that a random method is measured."""

RESAMPLES = 500
"""Resamples of an interval."""


def measure(
    features: FeatureSet,
    methods: Iterable[str | Peer],
    *,
    n_jobs: int = -1,
    classification: bool = True,
    retrieval: bool = True,
    seeds: int = 1,
    resamples: int = 0,
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
    classification, retrieval : bool, default=True
        Whether to train the linear classifier, and whether to search.
    seeds : int, default=1
        Times that a random peer is measured.
    resamples : int, default=0
        Resamples over test rows for the interval of a score; 0 leaves the intervals empty.
    store, progress
        As :func:`stresslib.running.tasks.run_tasks` takes them; by default no progress is shown.

    Returns
    -------
    pandas.DataFrame
        In the schema of results tables, with the columns :data:`BYTES` and :data:`INTERVAL`: one row a method and metric,
        the feature set's own metric first, then those of the nearest rows: :data:`RETRIEVAL`, :data:`RECALL`, and the
        metric after :data:`VOTES`; `repeat` is the seed. All bytes are those of files: of the code of a vector (all codes,
        over the rows), of what all vectors share, and of all together; the codec's file holds labels and names as well.
    """
    settings = [
        {"method": method, "seed": seed, "classification": classification, "retrieval": retrieval, "resamples": resamples}
        for method in methods
        for seed in (range(seeds) if isinstance(method, Peer) and method.is_random else [None])
    ]
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    options |= {"prepare": partial(_components, features), "libraries": _LIBRARIES}
    measured = run_tasks(_measured, settings, features, name=f"{features.name}, peers", **options)
    return results_table((row for rows in measured for row in rows), [*BYTES, *INTERVAL])


def _components(features: FeatureSet, settings: list[dict[str, Any]]) -> tuple[PrincipalComponents | None]:
    """Return as many components of the training rows as the largest of the settings whose peers share them needs."""
    peers = [setting["method"] for setting in settings if isinstance(setting["method"], OnComponents)]
    sizes = [peer.dimensions for peer in peers if peer.dimensions]
    if not sizes:
        return (None,)
    with one_thread():
        return (PrincipalComponents(max(sizes)).fit(_rows(features)[features.train]),)


def _measured(
    features: FeatureSet,
    components: PrincipalComponents | None,
    method: str | Peer,
    seed: int | None,
    classification: bool,
    retrieval: bool,
    resamples: int,
) -> list[dict[str, Any]]:
    """Return the rows of the table for one method."""
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        if isinstance(method, str):
            spec, cells = parse_spec(method), {}
            X, sizes = _through_codec(features, spec, Path(folder))
        else:
            spec, cells = None, {"stress": method.name, "dimensions": method.dimensions, "repeat": seed}
            X, sizes = _through_peer(features, method.seeded(seed or 0), components, Path(folder))
        scored, gap = _classified(features, X, resamples) if classification else ({}, None)
        found = _searched(features, X, resamples) if retrieval else {}
    rows = []
    for scores, more in ((scored, {"objective_gap": gap}), (found, {})):
        for metric, (score, *interval) in scores.items():
            ends = {name: 100 * end for name, end in zip(INTERVAL, interval, strict=True)}
            rows += result_rows(features.origin, spec, {metric: score}, **more, **cells, **sizes, **ends)
    return rows


Scored = dict[str, tuple[float, float, float]]
"""By metric: a score, and its interval, as shares of 1."""


def _classified(features: FeatureSet, X: Array, resamples: int) -> tuple[Scored, float]:
    """Return the score of a linear classifier on decoded vectors, and its objective gap."""
    train, test = features.train, features.test
    model = LinearSVM().fit(X[train], features.y[train])
    scored = _with_interval(features.y[test], model.decision_function(X[test]), features.metric, resamples)
    return {features.metric: scored}, float(max(model.objective_gap_))


def _searched(features: FeatureSet, X: Array, resamples: int) -> Scored:
    """Return what a search among decoded training rows finds for decoded test rows, and what the nearest vote for."""
    asked, kept = _drawn(features.train, QUERIES, 0)
    order = nearest_first(X[kept], X[asked])
    precisions = _precisions(features.y, asked, kept, order)
    exact = nearest_first(features.X[kept], features.X[asked])[:, :NEIGHBOURS]
    shared = (exact[:, :, None] == order[:, None, :NEIGHBOURS]).any(axis=2).mean(axis=1)
    votes = _votes(features.y[kept], order[:, :NEIGHBOURS])
    return {
        RETRIEVAL: _mean_with_interval(precisions[~np.isnan(precisions)], resamples),
        RECALL: _mean_with_interval(shared, resamples),
        f"{VOTES}{features.metric}": _with_interval(features.y[asked], votes, features.metric, resamples),
    }


def _votes(y: Array, nearest: Array) -> Array:
    """Return for each query and class the neighbours that have it; of classes with equally many, the nearer ones count."""
    weights = 1 + 1e-3 * np.arange(nearest.shape[1])[::-1]
    classes = (y[:, None] == np.arange(y.max() + 1)) if y.ndim == 1 else y == 1
    return np.einsum("qnc,n->qc", classes[nearest].astype(np.float64), weights)


def _with_interval(truth: Array, decision: Array, metric: str, resamples: int) -> tuple[float, float, float]:
    """Return a score, and the interval of its resamples over the rows."""
    score = float(SCORES[metric](truth, decision))
    if not resamples:
        return score, np.nan, np.nan
    if truth.ndim == 2:
        band, _ = bootstrap_rankings(truth, decision, [decision], resamples=resamples)
        return score, band.low / 100, band.high / 100
    hits = (predicted_classes(decision) == truth).astype(np.float64)
    if metric == "mean-class-accuracy":
        _, number, counts = np.unique(truth, return_inverse=True, return_counts=True)
        hits *= len(truth) / (len(counts) * counts[number])
    return score, *_mean_with_interval(hits, resamples)[1:]


def _mean_with_interval(values: Array, resamples: int) -> tuple[float, float, float]:
    """Return the mean of values, one a row, and the interval of its resamples."""
    if not resamples:
        return float(values.mean()), np.nan, np.nan
    drawn = np.random.default_rng(0).integers(len(values), size=(resamples, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def _through_codec(features: FeatureSet, spec: Spec, folder: Path) -> tuple[Array, dict[str, float]]:
    """Return vectors that went through a file of the codec, and its bytes."""
    path = compress(features, spec, folder / "vectors.stress")
    compressed = CompressedFeatures(path)
    # Opening the file has compared its size with the sum of its parts.
    sizes = (compressed.packed_bytes / len(compressed), compressed.codec.side_bytes, path.stat().st_size)
    return compressed[:], dict(zip(BYTES, sizes, strict=True))


def _through_peer(
    features: FeatureSet, peer: Peer, components: PrincipalComponents | None, folder: Path
) -> tuple[Array, dict[str, float]]:
    """Return vectors that went through two files of a peer, codes and what they share, and their bytes."""
    X = _rows(features)
    if isinstance(peer, OnComponents):
        peer.fit_on(components, X[features.train])
    else:
        peer.fit(X[features.train])
    codes, side = folder / "codes", folder / "side"
    codes.write_bytes(peer.encode(X))
    side.write_bytes(peer.side())
    code_bytes, shared_bytes = codes.stat().st_size, side.stat().st_size
    sizes = (code_bytes / len(X), shared_bytes, code_bytes + shared_bytes)
    return peer.decode(codes.read_bytes(), len(X)), dict(zip(BYTES, sizes, strict=True))


def _rows(features: FeatureSet) -> Array:
    """Return vectors as faiss takes them."""
    return np.ascontiguousarray(features.X, dtype=np.float32)


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
    asked, kept = _drawn(train, queries, random_state)
    return float(np.nanmean(_precisions(y, asked, kept, nearest_first(X[kept], X[asked]))))


def _drawn(train: Array, queries: int, random_state: int) -> tuple[Array, Array]:
    """Return the test rows that are queries, and the training rows in the order of equally near ones."""
    generator = np.random.default_rng(random_state)
    asked = np.sort(generator.permutation(np.flatnonzero(~train))[:queries])
    return asked, generator.permutation(np.flatnonzero(train))


def _precisions(y: Array, asked: Array, kept: Array, order: Array) -> Array:
    """Return the average precision of each query, NaN without a relevant row."""
    alike = y[asked][:, None] == y[kept] if y.ndim == 1 else (y[asked] == 1).astype(int) @ (y[kept] == 1).T > 0
    relevant = np.take_along_axis(alike, order, axis=1)
    found = relevant.cumsum(axis=1)
    precisions = np.where(relevant, found / np.arange(1, len(kept) + 1), 0).sum(axis=1)
    return np.where(found[:, -1] > 0, precisions / np.maximum(found[:, -1], 1), np.nan)


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
