"""Recommending: which way of keeping vectors in a budget of bytes loses least, tried on the user's own vectors.

Above the codec and its peers: all candidates are fitted on the same rows and compared on others, none of them test rows.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from stresslib.arrays import plain_array
from stresslib.codec.codec import Codec
from stresslib.codec.peers.choice import peers
from stresslib.codec.peers.measuring import NEIGHBOURS, RECALL, nearest_first
from stresslib.codec.peers.on_components import OnComponents
from stresslib.codec.peers.peer import Peer
from stresslib.codec.peers.with_faiss import FAISS
from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.metrics import SCORES
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet, unit_rows
from stresslib.features.featureset import checked_vectors
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_features.reduction import PrincipalComponents

Array = NDArray[Any]

VALUES = (2, 4, 8, 16, 32, 64, 256)
"""Sizes of FC's dictionaries, each of a whole number of bits."""

SPLITS = 3
"""Validation parts over which scores are averaged."""

ROWS = 20_000
"""Rows that are drawn for a search, at most."""

QUERIES = 500
"""Validation rows, at most, that search for their neighbours."""

SMALLEST = 8
"""Bytes a vector below which the other libraries have no setting."""

LIBRARIES = ("faiss-cpu", "zstandard")
"""Distributions on which the methods of other libraries depend, beside scikit-learn."""

_UNTOUCHED = "none"


def candidates(
    n_features: int, budgets: Iterable[int], n_train: int | None = None, values: Iterable[int] = VALUES
) -> list[str]:
    """Return the stresses to choose from: FC with each size of dictionary, QA on several numbers of components.

    Parameters
    ----------
    n_features : int
    budgets : iterable of int
        Bytes of a vector, at most.
    n_train : int, optional
        Number of training rows. There are no more principal components than that.
    values : iterable of int, default=VALUES
        Sizes of FC's dictionaries.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from stresslib.codec.recommending import candidates
    >>> candidates(1280, [8])[-6:]
    ['DR2:8,Q2:256', 'DR2:9,QA:64', 'DR2:16,QA:64', 'DR2:21,QA:64', 'DR2:32,QA:64', 'DR2:64,QA:64']
    """
    # With more than half of the components nothing is lost, and there is nothing to choose.
    most = n_features // 2 if n_train is None else min(n_features // 2, n_train)
    found, values = [], list(values)
    for size in budgets:
        bits = 8 * size
        found += [f"DR2:{bits // (count - 1).bit_length()},Q2:{count}" for count in values]
        found += [f"DR2:{bits // part},QA:{bits}" for part in (7, 4, 3, 2, 1)]
    return [spec for spec in dict.fromkeys(found) if 1 <= int(spec.partition(",")[0][4:]) <= most]


@dataclass(frozen=True)
class Recommendation:
    """What was found for a budget.

    Attributes
    ----------
    table : pandas.DataFrame
        A row for each candidate, best first, then the vectors as they are: ``method``, ``library``, ``bytes`` a vector,
        ``side_bytes`` for all, ``score`` (percent, mean over the splits), ``kept`` (percent of the score of the vectors as
        they are), ``low`` and ``high`` (the least and the most of the splits' scores).
    metric : str
        Of ``score``.
    spec : str
        Best stress.
    rival : str
        Best method of another library where it was ahead of `spec` in every split, else empty.
    tried : str
        A sentence: on how many rows, and which methods were left out.

    Notes
    -----
    Scores are those by which the choice was made: the best of many candidates is a little better there than on new rows.
    """

    table: pd.DataFrame
    metric: str
    spec: str
    rival: str
    tried: str


def recommend(
    vectors: FeatureSet | ArrayLike,
    n_bytes: int,
    *,
    search: bool = False,
    normalize: bool = True,
    random_state: int = 0,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Recommendation:
    """Find how to keep vectors in a number of bytes each, by trying stresses and other libraries on these vectors.

    Parameters
    ----------
    vectors : FeatureSet or array-like of shape (n, d)
        With labels a linear SVM decides, trained on two thirds of the training rows and scored on the others; without
        labels, a search among 20,000 of the rows at most.
    n_bytes : int
        Bytes of a vector, at most, without what all vectors share.
    search : bool, default=False
        Whether a search is to decide although there are labels: the recall of the ten nearest neighbours.
    normalize : bool, default=True
        Whether rows are divided by their L2 norm first.
    random_state : int, default=0
        Seed of the splits.
    n_jobs, store, progress
        As :func:`stresslib.running.tasks.run_tasks` takes them.

    Returns
    -------
    Recommendation

    Raises
    ------
    ValueError
        When there are too few rows or bytes to try anything, or the vectors fit as they are.

    Examples
    --------
    >>> import numpy as np
    >>> import stresslib as sl
    >>> rows = np.random.default_rng(0).normal(size=(300, 16)) * np.linspace(1, 9, 16)
    >>> found = sl.recommend(rows, 4, progress=False)
    >>> found.spec, found.metric
    ('DR2:8,Q2:16', 'recall@10')
    >>> found.tried
    '300 of 300 rows, 3 splits; left out: other libraries, which have no setting below 8 bytes'
    """
    labelled = isinstance(vectors, FeatureSet) and not search
    X, y, trains = _rows(vectors, labelled, random_state)
    if normalize:
        X = unit_rows(X)
    n_train, width = int(trains.sum(axis=1).min()), X.shape[1]
    if not 1 <= n_bytes < 4 * width:
        raise ValueError(
            f"n_bytes={n_bytes}: a vector of {width} numbers takes {4 * width} bytes as float32; give fewer, and at least 1"
        )
    own = candidates(width, [n_bytes], n_train)
    if not own:
        raise ValueError(f"{n_train} training rows of {width} numbers are too few to choose a stress of {n_bytes} bytes")
    rivals, left_out = _rivals(width, n_bytes, n_train)
    methods: list[str | Peer] = [_UNTOUCHED, *own, *rivals]
    metric = vectors.metric if isinstance(vectors, FeatureSet) and labelled else RECALL
    settings = [{"method": method, "part": part, "metric": metric} for method in methods for part in range(len(trains))]
    name = vectors.name if isinstance(vectors, FeatureSet) else "vectors"
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    options |= {"prepare": partial(_components, X, trains), "libraries": LIBRARIES}
    measured = run_tasks(_measured, settings, X, y, trains, name=f"{name}, {n_bytes} bytes", **options)
    rows = int(vectors.train.sum()) if isinstance(vectors, FeatureSet) else len(plain_array(vectors, "vectors"))
    tried = f"{len(X):,} of {rows:,} {'training ' if isinstance(vectors, FeatureSet) else ''}rows, {len(trains)} splits"
    outcome = np.array(measured).reshape(len(methods), len(trains), 3)
    return _judged(methods, outcome, metric, f"{tried}{'; left out: ' if left_out else ''}{left_out}")


def _rows(vectors: FeatureSet | ArrayLike, labelled: bool, random_state: int) -> tuple[Array, Array, Array]:
    """Return rows, labels (none for a search), and for each split which of the rows train."""
    if labelled:
        assert isinstance(vectors, FeatureSet)
        parts = [vectors.validation(random_state=random_state + split) for split in range(SPLITS)]
        return parts[0].X, parts[0].y, np.array([part.train for part in parts])
    X = vectors.X[vectors.train] if isinstance(vectors, FeatureSet) else checked_vectors(vectors)
    generator = np.random.default_rng(random_state)
    X = X[np.sort(generator.permutation(len(X))[:ROWS])]
    if len(X) < 4 * NEIGHBOURS:
        raise ValueError(f"{len(X)} vectors are too few for a search; {4 * NEIGHBOURS} are needed")
    queries = min(QUERIES, len(X) // 3)
    trains = np.ones((SPLITS, len(X)), dtype=bool)
    for train in trains:
        train[generator.permutation(len(X))[:queries]] = False
    return X, np.empty(0), trains


def _rivals(width: int, n_bytes: int, n_train: int) -> tuple[list[Peer], str]:
    """Return the methods of other libraries that can be tried, and which were left out and why."""
    if n_bytes < SMALLEST:
        return [], f"other libraries, which have no setting below {SMALLEST} bytes"
    all_of_them = peers(width, [n_bytes])
    there = importlib.util.find_spec("faiss") is not None
    found = [peer for peer in all_of_them if there or peer.library != FAISS]
    enough = [peer for peer in found if peer.least_rows <= n_train]
    reasons = [] if there else ["faiss, which is not installed (pip install stresslib[peers])"]
    reasons += [f"{peer} (needs {peer.least_rows:,} training rows)" for peer in found if peer not in enough]
    return enough, ", ".join(reasons)


def _components(X: Array, trains: Array, settings: list[dict[str, Any]]) -> tuple[dict[int, PrincipalComponents]]:
    """Return for each split the components that its peers share, as many as the largest of them needs."""
    sizes: dict[int, int] = {}
    for setting in settings:
        peer, part = setting["method"], setting["part"]
        if isinstance(peer, OnComponents) and peer.dimensions:
            sizes[part] = max(sizes.get(part, 0), peer.dimensions)
    with one_thread():
        return ({part: PrincipalComponents(size).fit(X[trains[part]]) for part, size in sizes.items()},)


def _measured(
    X: Array,
    y: Array,
    trains: Array,
    components: dict[int, PrincipalComponents],
    method: str | Peer,
    part: int,
    metric: str,
) -> list[float]:
    """Return bytes of a vector, bytes for all, and the score of a method on one split."""
    train = trains[part]
    with one_thread():
        decoded, size, shared = _through(method, X, train, components.get(part))
        if metric == RECALL:
            return [size, shared, 100 * recall(X, decoded, train)]
        model = LinearSVM().fit(decoded[train], y[train])
        return [size, shared, 100 * SCORES[metric](y[~train], model.decision_function(decoded[~train]))]


def _through(method: str | Peer, X: Array, train: Array, components: PrincipalComponents | None) -> tuple[Array, float, int]:
    """Return vectors coded and decoded by a method that is fitted on training rows, and its bytes: of one, and for all."""
    if method == _UNTOUCHED:
        return X, 4.0 * X.shape[1], 0
    if isinstance(method, str):
        codec = Codec.fit(X[train], method)
        blocks = codec.encode(X)
        return codec.decode(blocks, len(X)), sum(map(len, blocks)) / len(X), codec.side_bytes
    peer = copy(method)
    if isinstance(peer, OnComponents):
        peer.fit_on(components, X[train])
    else:
        peer.fit(X[train])
    codes = peer.encode(X)
    return peer.decode(codes, len(X)), len(codes) / len(X), len(peer.side())


def recall(X: ArrayLike, decoded: ArrayLike, base: ArrayLike, *, order: int = NEIGHBOURS) -> float:
    """Return the share of the nearest rows of each query that are still among its nearest when all are decoded.

    Parameters
    ----------
    X, decoded : array-like of shape (n, d) and (n, e)
        Vectors as they were, and decoded.
    base : array-like of shape (n,), bool
        Which rows are searched; the others are the queries.
    order : int, default=10
        How many rows are found, by Euclidean distance; of equally near ones those of the smaller number.

    Returns
    -------
    float
        From 0 to 1, the mean over the queries.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.codec.recommending import recall
    >>> X = np.array([[0.0], [1.0], [2.0], [0.4]])  # to 0.4, the nearest two are 0 and 1
    >>> recall(X, np.array([[0.0], [3.0], [2.0], [0.4]]), np.array([True, True, True, False]), order=2)
    0.5
    """
    searched = np.asarray(base, dtype=bool)
    before, after = (
        nearest_first(rows[searched], rows[~searched])[:, :order] for rows in (np.asarray(X), np.asarray(decoded))
    )
    return float((before[:, :, None] == after[:, None, :]).any(axis=2).mean())


def _judged(methods: list[str | Peer], measured: Array, metric: str, tried: str) -> Recommendation:
    """Return the candidates in order, and which of them to take.

    Parameters
    ----------
    methods : list of (str or Peer)
        The vectors as they are first.
    measured : ndarray of shape (n_methods, n_splits, 3)
        As :func:`_measured` returns it.
    metric, tried : str
        As in :class:`Recommendation`.
    """
    scores = measured[:, :, 2]
    means = scores.mean(axis=1)
    ours = np.array([isinstance(method, str) for method in methods])
    best = 1 + int(np.argmax(np.where(ours[1:], means[1:], -np.inf)))
    rival = int(np.argmax(np.where(ours, -np.inf, means)))
    ahead = not ours[rival] and bool((scores[rival] > scores[best]).all())
    table = pd.DataFrame(
        {
            "method": [str(method) for method in methods],
            "library": ["", *(library(method) for method in methods[1:])],
            "bytes": measured[:, :, 0].mean(axis=1),
            "side_bytes": measured[:, :, 1].mean(axis=1).astype(int),
            "score": means,
            "kept": 100 * means / means[0],
            "low": scores.min(axis=1),
            "high": scores.max(axis=1),
        }
    )
    order = [*(1 + np.argsort(-means[1:], kind="stable")), 0]
    spec = methods[best]
    assert isinstance(spec, str)
    return Recommendation(
        table.iloc[order].reset_index(drop=True), metric, spec, str(methods[rival]) if ahead else "", tried
    )


def library(method: str | Peer) -> str:
    """Return the library of a method."""
    return "stresslib" if isinstance(method, str) else method.library
