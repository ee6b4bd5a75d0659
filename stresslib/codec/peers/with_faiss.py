"""The quantizers of faiss as peers of the codec; faiss is optional, and imported only when one is fitted.

Chosen by `choice`, measured by `measuring`.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.codec.peers.peer import Peer, signs_of_bits

Array = NDArray[Any]

FAISS = "faiss"
"""Library of the peers that need faiss."""


class Faiss(Peer):
    """An index of faiss, used as a codec; what it decodes is of the width of the vectors, and binary codes become -1 and 1.

    Parameters
    ----------
    family : str
    factory : str
        As for ``faiss.index_factory``.
    dimensions : int, optional
        Numbers that the index keeps of a row, for the table.

    Notes
    -----
    Of what is drawn, only the start of k-means follows the seed, by the order of the training rows; 0 keeps theirs. The
    rotations of faiss's factory strings have one seed each.
    """

    library = FAISS

    def __init__(self, family: str, factory: str, dimensions: int | None = None) -> None:
        super().__init__(family, factory, dimensions)
        self.factory = factory
        self.is_random = bool(re.search(r"PQ\d|RQ\d", factory))

    @property
    def least_rows(self) -> int:
        """Training rows that it needs: k-means needs one a centroid, of which codes of a byte have 256."""
        centroids = 256 if re.search(r"PQ\d+np|RQ\d+x8", self.factory) else 1
        return max(centroids, self.dimensions or 1)

    def fit(self, X: Array) -> None:
        faiss = import_faiss()
        faiss.omp_set_num_threads(1)
        self.index = faiss.index_factory(X.shape[1], self.factory)
        _allow_few_rows(faiss, self.index)
        self.index.train(X[np.random.default_rng(self.seed).permutation(len(X))] if self.seed else X)

    def encode(self, X: Array) -> bytes:
        return bytes(self.index.sa_encode(X).tobytes())

    def decode(self, codes: bytes, rows: int) -> Array:
        table = np.frombuffer(codes, dtype=np.uint8).reshape(rows, -1)
        if "LSH" in self.factory:
            return signs_of_bits(table, bitorder="little")
        return np.asarray(self.index.sa_decode(table))

    def side(self) -> bytes:
        return bytes(import_faiss().serialize_index(self.index).tobytes())


def import_faiss() -> Any:
    """Return faiss; ValueError that says how to install it where it is not installed."""
    try:
        import faiss
    except ModuleNotFoundError as error:
        raise ValueError("this peer needs faiss, which is not installed: pip install stresslib[peers]") from error
    return faiss


def _allow_few_rows(faiss: Any, index: Any) -> None:
    """Let k-means learn from fewer rows than faiss advises, without a warning each time: there are not more."""
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
