"""LVQ and LeanVec from their papers' formulas: a range of its own for every vector, in one level or two.

Intel's scalable-vs has both, closed, and does not give the vectors back: these are the formulas, not its code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.codec.peers.on_components import OnComponents, pack_rows, unpack_rows

Array = NDArray[Any]

RANGE_BYTES = 4
"""Bytes of a vector's range: its smallest and its largest number as float16."""


class LVQ(OnComponents):
    """Locally-adaptive vector quantization: each vector's numbers in equal steps from its smallest to its largest.

    Parameters
    ----------
    bits : int
        Bits of a number, from 1 to 8.
    residual_bits : int, default=0
        Bits that a second level adds to each number: what the first level leaves lies within half a step of it, and is
        rounded in equal steps once more.
    dimensions : int, optional
        Principal components that are kept first, which makes it LeanVec. Default: none are dropped.

    Notes
    -----
    LVQ: Aguerrebere et al. (2023), "Similarity search in the blink of an eye with compressed indices", arXiv 2304.04759.
    LeanVec: Tepper et al. (2023), arXiv 2312.16335; for queries like the base vectors its projection is a principal
    component analysis. Its second, full vector for a last look at the best candidates is not kept here: it would cost more
    bytes than all else together.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.codec.peers import LVQ
    >>> X = np.array([[0, 1, 2, 3], [4, 2, 2, 0]], dtype=np.float32)
    >>> peer = LVQ(bits=2)
    >>> peer.fit(X)
    >>> codes = peer.encode(X)  # a byte of codes and four of the range, for each vector
    >>> len(codes), peer.decode(codes, rows=2)[0].astype(float).round(2).tolist()
    (10, [0.0, 0.67, 2.33, 3.0])
    """

    library = "the papers' formulas"

    def __init__(self, bits: int, residual_bits: int = 0, dimensions: int | None = None) -> None:
        levels = f"{bits}x{residual_bits}" if residual_bits else f"{bits}"
        super().__init__("leanvec" if dimensions else "lvq", f"LVQ{levels}", dimensions)
        self.bits = bits
        self.residual_bits = residual_bits

    def _encode(self, rows: Array) -> Array:
        range_ = np.stack([rows.min(axis=1), rows.max(axis=1)], axis=1).astype("<f2")
        first, step = self._first(range_)
        codes = _rounded((rows - first) / _divisor(step), self.bits)
        levels = [range_.view(np.uint8), pack_rows(codes, self.bits)]
        if self.residual_bits:
            left, fine = rows - (first + codes * step), step / (2**self.residual_bits - 1)
            levels.append(pack_rows(_rounded((left + step / 2) / _divisor(fine), self.residual_bits), self.residual_bits))
        return np.concatenate(levels, axis=1)

    def _decode(self, codes: Array) -> Array:
        width = len(self.mean)
        first, step = self._first(codes[:, :RANGE_BYTES].copy().view("<f2"))
        second = RANGE_BYTES + -(-width * self.bits // 8)
        rows = first + unpack_rows(codes[:, RANGE_BYTES:second], self.bits, width) * step
        if self.residual_bits:
            fine = step / (2**self.residual_bits - 1)
            rows += unpack_rows(codes[:, second:], self.residual_bits, width) * fine - step / 2
        return rows

    def _first(self, range_: Array) -> tuple[Array, Array]:
        """Return the first value and the step of each vector, as columns, float32."""
        low, high = range_.astype(np.float32).T[:, :, None]
        return low, (high - low) / np.float32(2**self.bits - 1)


def _divisor(step: Array) -> Array:
    """Return steps to divide by: a vector whose numbers are all equal has the code 0."""
    return np.where(step > 0, step, np.float32(np.inf))


def _rounded(places: Array, bits: int) -> Array:
    """Return the nearest code; the range is rounded to float16, so that a number may lie just beyond it."""
    return np.clip(np.floor(places + np.float32(0.5)), 0, 2**bits - 1).astype(np.uint8)
