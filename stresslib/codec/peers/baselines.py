"""Peers of the codec beside faiss: projections, k-means bins, truncation, bytes, bits and general compression.

Chosen by `choice`, measured by `measuring`.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import KBinsDiscretizer
from sklearn.random_projection import GaussianRandomProjection

from stresslib.codec.bits import pack_bits, unpack_bits
from stresslib.codec.compressors import import_zstandard
from stresslib.codec.peers.peer import Peer, signs_of_bits
from stresslib.stress.on_features.reduction import PrincipalComponents

Array = NDArray[Any]


class Projection(Peer):
    """Random projection by scikit-learn, its numbers stored as float32 or float16."""

    is_random = True

    def __init__(self, dimensions: int, kind: str) -> None:
        super().__init__("sklearn-projection", f"{dimensions} x {kind}", dimensions)
        self.kind = kind

    def fit(self, X: Array) -> None:
        self.model = GaussianRandomProjection(self.dimensions, random_state=self.seed).fit(X)

    def encode(self, X: Array) -> bytes:
        return bytes(self.model.transform(X).astype(self.kind).tobytes())

    def decode(self, codes: bytes, rows: int) -> Array:
        return np.frombuffer(codes, dtype=self.kind).reshape(rows, -1).astype(np.float32)

    def side(self) -> bytes:
        return bytes(self.model.components_.astype(np.float32).tobytes())


class KMeansBins(Peer):
    """16 bins by k-means for each principal component, by scikit-learn, which decodes to the middle of each bin."""

    def __init__(self, dimensions: int) -> None:
        super().__init__("sklearn-kmeans-bins", f"DR2:{dimensions}, 16 bins", dimensions)

    def fit(self, X: Array) -> None:
        self.reducer = PrincipalComponents(self.dimensions).fit(X)
        self.model = KBinsDiscretizer(16, encode="ordinal", strategy="kmeans", dtype=np.float32)
        with warnings.catch_warnings():
            # It warns that bins of no width are merged.
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
        # sentence-transformers lets values beyond the range wrap around; that would not be a fair comparison.
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
        return signs_of_bits(np.frombuffer(codes, dtype=np.uint8).reshape(rows, -1), self.width)


class Zstd(Peer):
    """float16, all rows together under zstd: only the precision of float16 is lost, and no row can be read alone."""

    def __init__(self) -> None:
        super().__init__("zstd", "float16")

    def fit(self, X: Array) -> None:
        pass

    def encode(self, X: Array) -> bytes:
        # The low bytes of all numbers, then the high ones: what repeats lies together.
        halves = X.astype("<f2").view(np.uint8).reshape(-1, 2)
        return bytes(import_zstandard().ZstdCompressor().compress(halves.T.tobytes()))

    def decode(self, codes: bytes, rows: int) -> Array:
        raw = np.frombuffer(import_zstandard().ZstdDecompressor().decompress(codes), dtype=np.uint8)
        return np.ascontiguousarray(raw.reshape(2, -1).T).view("<f2").reshape(rows, -1).astype(np.float32)
