"""TurboQuant, EDEN and RaBitQ on principal components: a random rotation, points on a grid, and a length for each vector.

By faiss, which is imported when one is fitted. It keeps no length for TurboQuant and up to 20 bytes of factors for RaBitQ,
made for its own estimates of distances; here each has the one number that a reader needs, as float16.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.codec.peers.on_components import OnComponents, pack_rows, unpack_rows
from stresslib.codec.peers.with_faiss import FAISS, import_faiss

Array = NDArray[Any]

LENGTH_BYTES = 2
"""Bytes of a vector's length."""


class Rotated(OnComponents):
    """Codes of the direction of a rotated row, and a length.

    Parameters
    ----------
    family : str
    bits : int
        Bits of a number.
    dimensions : int
        Principal components that are kept first; `seed` draws the rotation.
    """

    is_random = True
    library = FAISS

    def __init__(self, family: str, bits: int, dimensions: int) -> None:
        super().__init__(family, f"{bits} bits", dimensions)
        self.bits = bits

    def _learn(self, rows: Array) -> None:
        faiss = import_faiss()
        faiss.omp_set_num_threads(1)
        rotation = faiss.RandomRotationMatrix(rows.shape[1], rows.shape[1])
        rotation.init(self.seed)
        self.rotation = faiss.vector_to_array(rotation.A).reshape(rows.shape[1], -1)
        self.index = self._index(faiss, rows.shape[1])
        self.index.train(np.ascontiguousarray(_directions(rows @ self.rotation.T)))

    def _encode(self, rows: Array) -> Array:
        turned = rows @ self.rotation.T
        codes = self._codes(np.ascontiguousarray(_directions(turned)))
        lengths = self._lengths(turned, self._points(codes)).astype("<f2")
        return np.concatenate([lengths[:, None].view(np.uint8), codes], axis=1)

    def _decode(self, codes: Array) -> Array:
        lengths = codes[:, :LENGTH_BYTES].copy().view("<f2").astype(np.float32)
        return (self._points(np.ascontiguousarray(codes[:, LENGTH_BYTES:])) * lengths) @ self.rotation

    def side(self) -> bytes:
        return super().side() + self.rotation.tobytes()

    @abstractmethod
    def _index(self, faiss: Any, width: int) -> Any:
        """Return the index of faiss that codes directions."""

    def _codes(self, directions: Array) -> Array:
        """Return the codes of rows of unit norm, without lengths."""
        return np.asarray(self.index.sa_encode(directions))

    def _points(self, codes: Array) -> Array:
        """Return the points of the grid that codes stand for."""
        return np.asarray(self.index.sa_decode(codes))

    def _lengths(self, rows: Array, points: Array) -> Array:
        """Return by what to multiply the points: what leaves the least squared error."""
        return (rows * points).sum(axis=1) / np.maximum((points**2).sum(axis=1), np.finfo(np.float32).tiny)


class Eden(Rotated):
    """EDEN in its biased form: TurboQuant's points at the length that leaves the least squared error.

    Parameters
    ----------
    bits : {1, 2, 3, 4, 8}
        Bits of a number.
    dimensions : int
        Principal components that are kept first.

    Notes
    -----
    Vargaftik et al. (2022), "EDEN: communication-efficient and robust distributed mean estimation", arXiv 2108.08842.
    """

    def __init__(self, bits: int, dimensions: int, *, family: str = "eden") -> None:
        super().__init__(family, bits, dimensions)

    def _index(self, faiss: Any, width: int) -> Any:
        return faiss.IndexScalarQuantizer(width, getattr(faiss.ScalarQuantizer, f"QT_{self.bits}bit_tqmse"))


class TurboQuant(Eden):
    """TurboQuant for the least squared error: the rotated direction in the best bins of its known density, and the norm.

    Parameters
    ----------
    bits : {1, 2, 3, 4, 8}
        Bits of a number.
    dimensions : int
        Principal components that are kept first.

    Notes
    -----
    Zandieh et al. (2025), "TurboQuant: online vector quantization with near-optimal distortion rate", arXiv 2504.19874.
    """

    def __init__(self, bits: int, dimensions: int) -> None:
        super().__init__(bits, dimensions, family="turboquant")

    def _lengths(self, rows: Array, points: Array) -> Array:
        return np.asarray(np.linalg.norm(rows, axis=1))


class RaBitQ(Rotated):
    """RaBitQ of one bit or several: the point of a grid of equal steps whose direction is nearest to the row's.

    faiss decodes only the first bit of each number; the others are read here.

    Parameters
    ----------
    bits : int
        Bits of a number, from 1 to 8.
    dimensions : int
        Principal components that are kept first.

    Notes
    -----
    Gao and Long (2024), arXiv 2405.12497; of several bits: Gao et al. (2024), arXiv 2409.09913.
    """

    def __init__(self, bits: int, dimensions: int) -> None:
        super().__init__("rabitq", bits, dimensions)

    def _index(self, faiss: Any, width: int) -> Any:
        return faiss.IndexRaBitQ(width, faiss.METRIC_L2, self.bits)

    def _codes(self, directions: Array) -> Array:
        # faiss: the signs, its factors, the other bits of each number, more factors.
        width = directions.shape[1]
        raw, n_signs = np.asarray(self.index.sa_encode(directions)), -(-width // 8)
        codes = unpack_rows(raw[:, :n_signs], 1, width)
        if self.bits > 1:
            others = raw[:, n_signs + _FACTORS : -_MORE_FACTORS]
            codes = (codes << np.uint8(self.bits - 1)) | unpack_rows(others, self.bits - 1, width)
        return pack_rows(codes, self.bits)

    def _points(self, codes: Array) -> Array:
        numbers = unpack_rows(codes, self.bits, self.rotation.shape[1])
        return numbers.astype(np.float32) - np.float32((2**self.bits - 1) / 2)


_FACTORS, _MORE_FACTORS = 12, 8
"""Bytes of the two places where faiss keeps factors of a vector's several bits."""


def _directions(rows: Array) -> Array:
    """Return rows of unit norm; a row of zeros stays as it is."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(norms > 0, norms, 1)).astype(np.float32)
