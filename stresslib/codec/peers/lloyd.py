"""QA with Lloyd-Max bins: the bits of QA on principal components, and values where the training rows are, not equally far.

What TurboQuant's bins would do for QA without its rotation; it is a peer, not a stress, as long as it gains too little.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.codec.peers.on_components import OnComponents
from stresslib.stress.on_features.allocation import AllocatedQuantizer

Array = NDArray[Any]

_ROUNDS = 30


class LloydBins(OnComponents):
    """Bits by variance, as :class:`~stresslib.AllocatedQuantizer` shares them; the values of each component by k-means.

    Parameters
    ----------
    n_bits : int
        Bits of a vector.
    dimensions : int
        Principal components that are kept first.

    Notes
    -----
    Max (1960) and Lloyd (1982). k-means starts at quantiles, so that nothing is drawn.
    """

    def __init__(self, n_bits: int, dimensions: int) -> None:
        super().__init__("lloyd-bins", f"{n_bits} bits", dimensions)
        self.n_bits = n_bits

    def _learn(self, rows: Array) -> None:
        self.bits = AllocatedQuantizer(self.n_bits).fit(rows).bits_
        self.values = [_lloyd_max(column, 2**bits) for column, bits in zip(rows.T, self.bits.tolist(), strict=True)]

    def _encode(self, rows: Array) -> Array:
        single = [
            (np.searchsorted((values[1:] + values[:-1]) / 2, column)[:, None] >> np.arange(bits)) & 1
            for column, values, bits in zip(rows.T, self.values, self.bits.tolist(), strict=True)
        ]
        return np.packbits(np.concatenate(single, axis=1).astype(np.uint8), axis=1, bitorder="little")

    def _decode(self, codes: Array) -> Array:
        single = np.unpackbits(codes, axis=1, count=self.n_bits, bitorder="little").astype(np.int64)
        ends = np.cumsum(self.bits, dtype=np.int64)
        columns = [
            values[single[:, end - bits : end] @ (1 << np.arange(bits))]
            for values, end, bits in zip(self.values, ends, self.bits.tolist(), strict=True)
        ]
        return np.stack(columns, axis=1)

    def side(self) -> bytes:
        return super().side() + self.bits.tobytes() + np.concatenate(self.values).tobytes()


def _lloyd_max(column: Array, count: int) -> Array:
    """Return the values, in rising order, that leave a sample the least squared error, or nearly."""
    values = np.quantile(column.astype(np.float64), (np.arange(count) + 0.5) / count)
    for _ in range(_ROUNDS):
        nearest = np.searchsorted((values[1:] + values[:-1]) / 2, column)
        taken = np.bincount(nearest, minlength=count)
        means = np.bincount(nearest, weights=column, minlength=count) / np.maximum(taken, 1)
        values = np.sort(np.where(taken > 0, means, values))
    return np.asarray(values, dtype=np.float32)
