"""Peers: what else makes vectors small, each in the library that people use for it, and measured as a stress is.

Beside `codec`, above evaluation: fitted on training rows, written to files, read from them again, decoded and classified.
faiss is optional; whoever names none of its quantizers does not need it.
"""

from __future__ import annotations

import tempfile
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import KBinsDiscretizer
from sklearn.random_projection import GaussianRandomProjection

from stresslib.codec import CompressedFeatures, compress, pack_bits, unpack_bits
from stresslib.codec.packing import import_zstandard
from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.metrics import SCORES
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.results import COLUMNS
from stresslib.stress.on_features.reduction import PrincipalComponents
from stresslib.stress.spec import parse_spec

Array = NDArray[Any]

BYTES = ("bytes", "side_bytes", "file_bytes")
"""Columns beside those of the schema: bytes of a vector's code, of what all vectors share, and of all that was written."""

RETRIEVAL = "retrieval-mAP"
"""Metric of a search: nearest training rows of a test row, those of its class being relevant."""

QUERIES = 1000
"""Test rows, at most, that are searched for."""


class Peer(ABC):
    """A way to make vectors small: `encode` makes bytes of rows, `decode` rows of bytes; `side` is what all rows share."""

    def __init__(self, family: str, detail: str, dimensions: int | None = None) -> None:
        self.family = family
        self.name = f"{family}: {detail}"
        self.dimensions = dimensions

    def __repr__(self) -> str:
        return self.name

    @abstractmethod
    def fit(self, X: Array) -> None: ...

    @abstractmethod
    def encode(self, X: Array) -> bytes: ...

    @abstractmethod
    def decode(self, codes: bytes, rows: int) -> Array: ...

    def side(self) -> bytes:
        return b""


class Faiss(Peer):
    """An index of faiss, used as a codec. What it decodes has the width of the vectors; binary codes become -1 and 1."""

    def __init__(self, family: str, factory: str, dimensions: int | None = None) -> None:
        super().__init__(family, factory, dimensions)
        self.factory = factory

    def fit(self, X: Array) -> None:
        faiss = import_faiss()
        faiss.omp_set_num_threads(1)
        self.index = faiss.index_factory(X.shape[1], self.factory)
        _hush(faiss, self.index)
        self.index.train(X)

    def encode(self, X: Array) -> bytes:
        return bytes(self.index.sa_encode(X).tobytes())

    def decode(self, codes: bytes, rows: int) -> Array:
        table = np.frombuffer(codes, dtype=np.uint8).reshape(rows, -1)
        return _signs(table, None) if "LSH" in self.factory else np.asarray(self.index.sa_decode(table))

    def side(self) -> bytes:
        return bytes(import_faiss().serialize_index(self.index).tobytes())


class Projection(Peer):
    """Random projection by scikit-learn, its numbers stored as they are or halved."""

    def __init__(self, dimensions: int, kind: str) -> None:
        super().__init__("sklearn-projection", f"{dimensions} x {kind}", dimensions)
        self.kind = np.dtype(kind)

    def fit(self, X: Array) -> None:
        self.model = GaussianRandomProjection(self.dimensions, random_state=0).fit(X)

    def encode(self, X: Array) -> bytes:
        return bytes(self.model.transform(X).astype(self.kind).tobytes())

    def decode(self, codes: bytes, rows: int) -> Array:
        return np.frombuffer(codes, dtype=self.kind).reshape(rows, -1).astype(np.float32)

    def side(self) -> bytes:
        return bytes(self.model.components_.astype(np.float32).tobytes())


class KMeansBins(Peer):
    """16 bins by k-means for each principal component, by scikit-learn, which decodes to the middles between their edges."""

    def __init__(self, dimensions: int) -> None:
        super().__init__("sklearn-kmeans-bins", f"DR2:{dimensions}, 16 bins", dimensions)

    def fit(self, X: Array) -> None:
        self.reducer = PrincipalComponents(self.dimensions).fit(X)
        self.model = KBinsDiscretizer(16, encode="ordinal", strategy="kmeans", dtype=np.float32)
        with warnings.catch_warnings():
            # Bins of no width are merged, which it warns of.
            warnings.simplefilter("ignore", UserWarning)
            self.model.fit(self.reducer.transform(X))

    def encode(self, X: Array) -> bytes:
        codes = self.model.transform(self.reducer.transform(X)).astype(np.uint8)
        return bytes(pack_bits(codes.reshape(-1), 4).tobytes())

    def decode(self, codes: bytes, rows: int) -> Array:
        numbers = unpack_bits(np.frombuffer(codes, dtype=np.uint8), 4, rows * (self.dimensions or 0))
        return np.asarray(self.model.inverse_transform(numbers.reshape(rows, -1)), dtype=np.float32)

    def side(self) -> bytes:
        edges = np.concatenate(self.model.bin_edges_)
        return bytes(self.reducer.components_.tobytes() + edges.astype(np.float32).tobytes())


class Truncation(Peer):
    """The first numbers of each vector, as they are: what a Matryoshka embedding is made for."""

    def __init__(self, dimensions: int) -> None:
        super().__init__("truncation", f"{dimensions} x float32", dimensions)

    def fit(self, X: Array) -> None:
        pass

    def encode(self, X: Array) -> bytes:
        return X[:, : self.dimensions].astype(np.float32).tobytes()

    def decode(self, codes: bytes, rows: int) -> Array:
        return np.frombuffer(codes, dtype=np.float32).reshape(rows, -1)


class Int8(Peer):
    """A byte a number, between the training minimum and maximum of its dimension, as in sentence-transformers."""

    def __init__(self) -> None:
        super().__init__("sentence-transformers", "int8")

    def fit(self, X: Array) -> None:
        self.low = X.min(axis=0)
        self.step = (X.max(axis=0) - self.low) / 255
        self.step[self.step == 0] = 1

    def encode(self, X: Array) -> bytes:
        # Beyond the range they wrap around there; nobody wants that.
        return np.clip((X - self.low) / self.step - 128, -128, 127).astype(np.int8).tobytes()

    def decode(self, codes: bytes, rows: int) -> Array:
        table = np.frombuffer(codes, dtype=np.int8).reshape(rows, -1)
        return self.low + (table.astype(np.float32) + 128) * self.step

    def side(self) -> bytes:
        return self.low.tobytes() + self.step.tobytes()


class Binary(Peer):
    """A bit a number: whether it is above zero, as in sentence-transformers."""

    def __init__(self) -> None:
        super().__init__("sentence-transformers", "binary")

    def fit(self, X: Array) -> None:
        self.width = X.shape[1]

    def encode(self, X: Array) -> bytes:
        return np.packbits(X > 0, axis=1).tobytes()

    def decode(self, codes: bytes, rows: int) -> Array:
        return _signs(np.frombuffer(codes, dtype=np.uint8).reshape(rows, -1), self.width)


class Zstd(Peer):
    """float16, all rows together under zstd: nothing is lost but the halved fraction, and no row can be read alone."""

    def __init__(self) -> None:
        super().__init__("zstd", "float16")

    def fit(self, X: Array) -> None:
        pass

    def encode(self, X: Array) -> bytes:
        # The high bytes of all numbers, then the low ones: what repeats lies together.
        halves = X.astype("<f2").view(np.uint8).reshape(-1, 2)
        return bytes(import_zstandard().ZstdCompressor().compress(halves.T.tobytes()))

    def decode(self, codes: bytes, rows: int) -> Array:
        raw = np.frombuffer(import_zstandard().ZstdDecompressor().decompress(codes), dtype=np.uint8)
        return np.ascontiguousarray(raw.reshape(2, -1).T).view("<f2").reshape(rows, -1).astype(np.float32)


def import_faiss() -> Any:
    """Return faiss; ValueError with the cure where it is not installed."""
    try:
        import faiss
    except ModuleNotFoundError as error:
        raise ValueError("this peer needs faiss, which is not installed: pip install stresslib[peers]") from error
    return faiss


def _hush(faiss: Any, index: Any) -> None:
    """Let k-means learn from fewer rows than faiss advises; there are no more, and it would say so each time."""
    if isinstance(index, faiss.IndexPreTransform):
        first = faiss.downcast_VectorTransform(index.chain.at(0))
        index = faiss.downcast_index(index.index)
        if isinstance(first, faiss.OPQMatrix):
            first.pq = quantizer = faiss.ProductQuantizer(first.d_out, index.pq.M, index.pq.nbits)
            quantizer.cp.min_points_per_centroid = 1
            first.own_quantizer = quantizer  # Python is to keep it as long as the matrix
    for name in ("pq", "rq"):
        if hasattr(index, name):
            getattr(index, name).cp.min_points_per_centroid = 1


def _signs(codes: Array, width: int | None) -> Array:
    """Return bits as -1 and 1, over the root of their number: rows of unit norm, as the vectors were."""
    bits = np.unpackbits(codes, axis=1, count=width, bitorder="little" if width is None else "big")
    return (2 * bits.astype(np.float32) - 1) / np.float32(np.sqrt(bits.shape[1]))


def peers(width: int, budgets: Iterable[int]) -> list[Peer]:
    """Return the peers of vectors of a width, all that have a setting for one of the budgets.

    Parameters
    ----------
    width : int
    budgets : iterable of int
        Bytes a vector, powers of two from 8 on.

    Returns
    -------
    list of Peer
        Those of a fixed size, such as a byte a number, are there if the size is between the smallest budget and the
        largest.

    Examples
    --------
    >>> from stresslib.codec.peers import peers
    >>> [peer.name for peer in peers(1280, [2560]) if peer.family == "faiss-sq"]
    ['faiss-sq: SQfp16']
    """
    budgets = sorted(budgets)
    found: list[Peer] = []
    fixed: list[tuple[int, Peer]] = [
        (2 * width, Faiss("faiss-sq", "SQfp16")),
        (width, Faiss("faiss-sq", "SQ8")),
        (width * 6 // 8, Faiss("faiss-sq", "SQ6")),
        (width // 2, Faiss("faiss-sq", "SQ4")),
        (width, Int8()),
        (width // 8, Binary()),
        (2 * width, Zstd()),
    ]
    found += [peer for size, peer in fixed if budgets[0] <= size <= budgets[-1]]
    for size in budgets:
        bits = 8 * size
        for name, count in (("SQfp16", size // 2), ("SQ8", size), ("SQ6", bits // 6), ("SQ4", 2 * size)):
            if count < width:
                found.append(Faiss("faiss-pca-sq", f"PCA{count},{name}", count))
        if width % size == 0:
            found.append(Faiss("faiss-pq", f"PQ{size}np"))
        if width % (2 * size) == 0:
            found.append(Faiss("faiss-pq", f"PQ{2 * size}x4np"))
        if 4 * size <= _LARGEST_LEARNT // 2:
            found.append(Faiss("faiss-opq", f"OPQ{size}_{4 * size},PQ{size}np", 4 * size))
        if bits <= _LARGEST_LEARNT:
            found.append(Faiss("faiss-itq", f"ITQ{bits},LSH", bits))
        if bits < width:
            found.append(Faiss("faiss-lsh", f"LSH{bits}rt"))
        # Eight bytes are two numbers that each code brings along.
        if size > 8 and 8 * (size - 8) < width:
            found.append(Faiss("faiss-rabitq", f"PCAR{8 * (size - 8)},RaBitQ", 8 * (size - 8)))
        if 8 * size <= _LARGEST_LEARNT // 2:
            found.append(Faiss("faiss-rq", f"PCA{8 * size},RQ{size}x8", 8 * size))
        found += [Projection(size // 4, "float32")] * (size // 4 < width)
        found += [Projection(size // 2, "float16")] * (size // 2 < width)
        found += [KMeansBins(2 * size)] * (2 * size <= _LARGEST_LEARNT)
        found += [Truncation(size // 4)] * (size // 4 < width)
    return found


_LARGEST_LEARNT = 256
"""Numbers for which rotations and bins are learnt: beyond, learning takes minutes, and simpler methods are as good."""


def measure(
    features: FeatureSet, methods: Iterable[str | Peer], *, n_jobs: int = -1, retrieval: bool = True
) -> pd.DataFrame:
    """Write vectors in each of several ways, read them back, and score what was read.

    Parameters
    ----------
    features : FeatureSet
    methods : iterable of str or Peer
        A stress, which the project's own codec writes; or a peer.
    n_jobs : int, default=-1
        Processes, as in joblib.
    retrieval : bool, default=True
        Whether to search, too.

    Returns
    -------
    pandas.DataFrame
        In the schema of results tables, with the columns :data:`BYTES`: one row a method and metric, the feature set's own
        first, then :data:`RETRIEVAL`. All bytes are those of files: of the code of a vector (all codes, over the rows), of
        what all vectors share, and of all together; the codec's file has labels and names as well.
    """
    with one_thread():
        start = LinearSVM().fit(features.X[features.train], features.y[features.train]).coef_
    calls = (joblib.delayed(_measured)(features, method, retrieval, start) for method in methods)
    rows = [row for rows in joblib.Parallel(n_jobs)(calls) for row in rows]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *BYTES])
    return table.astype(COLUMNS | dict.fromkeys(BYTES, "float64"))


def _measured(features: FeatureSet, method: str | Peer, retrieval: bool, start: Array) -> list[dict[str, Any]]:
    train, test = features.train, features.test
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        written = _through_codec if isinstance(method, str) else _through_peer
        X, sizes = written(features, method, Path(folder))
        # Vectors of the full width are near those before: so are the weights.
        near = start if X.shape[1] == start.shape[1] else None
        model = LinearSVM().fit(X[train], features.y[train], coef_init=near)
        decision = model.decision_function(X[test])
        scores = {features.metric: 100 * SCORES[features.metric](features.y[test], decision)}
        if retrieval:
            scores[RETRIEVAL] = 100 * search(X, features.y, train)
    if isinstance(method, str):
        spec = parse_spec(method)
        setting = {"stress": spec.stress, "dimensions": spec.dimensions, "values": spec.dictionary_size}
    else:
        setting = {"stress": method.name, "dimensions": method.dimensions}
    origin = {name: features.provenance[name] for name in ("dataset", "model", "layer")}
    gap = float(max(model.objective_gap_))
    return [
        {**origin, "n_features": features.X.shape[1], **setting, "metric": metric, "score": score, **sizes}
        | ({"objective_gap": gap} if metric != RETRIEVAL else {})
        for metric, score in scores.items()
    ]


def _through_codec(features: FeatureSet, spec: Any, folder: Path) -> tuple[Array, dict[str, float]]:
    path = compress(features, spec, folder / "vectors.stress")
    read = CompressedFeatures(path)
    # The reader has compared the size of the file with the sum of its parts.
    sizes = (read.packed_bytes / len(read), read.codec.side_bytes, path.stat().st_size)
    return read[:], dict(zip(BYTES, sizes, strict=True))


def _through_peer(features: FeatureSet, peer: Any, folder: Path) -> tuple[Array, dict[str, float]]:
    X = np.ascontiguousarray(features.X, dtype=np.float32)
    peer.fit(X[features.train])
    codes, side = folder / "codes", folder / "side"
    codes.write_bytes(peer.encode(X))
    side.write_bytes(peer.side())
    written, shared = codes.stat().st_size, side.stat().st_size
    sizes = (written / len(X), shared, written + shared)
    return peer.decode(codes.read_bytes(), len(X)), dict(zip(BYTES, sizes, strict=True))


def search(X: Array, y: Array, train: Array, *, queries: int = QUERIES, random_state: int = 0) -> float:
    """Return the mean average precision of a search for each of some test rows among the training rows.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Decoded vectors, of queries and of what is searched.
    y : ndarray of shape (n,) or (n, n_classes)
        Classes, or 1 in the column of each class that a row has; rows that share a class with the query are relevant.
    train : ndarray of shape (n,), bool
        Which rows are searched.
    queries : int, default=1000
        Test rows, at most, drawn at random, as is the order of equally near rows.
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
    base, wanted = X[kept].astype(np.float64), X[asked].astype(np.float64)
    distances = (base**2).sum(axis=1) - 2 * wanted @ base.T
    # Equal rows are to be equally far; sums of float64 differ in the last digits.
    order = np.argsort(np.round(distances, 9), axis=1, kind="stable")
    alike = y[asked][:, None] == y[kept] if y.ndim == 1 else (y[asked] == 1).astype(int) @ (y[kept] == 1).T > 0
    relevant = np.take_along_axis(alike, order, axis=1)
    found = relevant.cumsum(axis=1)
    precisions = np.where(relevant, found / np.arange(1, len(kept) + 1), 0).sum(axis=1)
    any_relevant = found[:, -1] > 0
    return float((precisions[any_relevant] / found[any_relevant, -1]).mean())
