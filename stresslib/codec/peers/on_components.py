"""Peers that code principal components: rows are centred and projected first, or only centred.

Base of `rotated` and `lvq`; under `choice`. At a few bytes a vector a scalar quantizer has no bit for each of a thousand
numbers, so that each of these peers gets the reduction that the paper's stress has.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.codec.peers.peer import Peer
from stresslib.stress.on_features.reduction import PrincipalComponents

Array = NDArray[Any]


class OnComponents(Peer):
    """Codes of rows less their training mean, on the leading principal components.

    What is decoded has the mean back: it is the projection of a row as :class:`~stresslib.PrincipalComponents` makes it,
    so that a classifier without a bias sees of this peer what it sees of the stress.

    Parameters
    ----------
    family, detail : str
        As :class:`~stresslib.codec.peers.peer.Peer` takes them.
    dimensions : int or None
        Components that are kept; None keeps the row as it is.
    """

    def __init__(self, family: str, detail: str, dimensions: int | None) -> None:
        super().__init__(family, f"{detail}, {dimensions} components" if dimensions else detail, dimensions)

    def fit(self, X: Array) -> None:
        self.fit_on(PrincipalComponents(self.dimensions).fit(X) if self.dimensions else None, X)

    def fit_on(self, components: PrincipalComponents | None, X: Array) -> None:
        """Learn from training rows, on components that were fitted on them; of those, the leading ones are taken.

        Peers of one set of rows share the slow part that way.
        """
        self.reducer = components.truncated(self.dimensions) if components and self.dimensions else None
        rows = self._reduced(X)
        self.mean = rows.mean(axis=0)
        self._learn(rows - self.mean)

    def encode(self, X: Array) -> bytes:
        return self._encode(self._reduced(X) - self.mean).tobytes()

    def decode(self, codes: bytes, rows: int) -> Array:
        return self._decode(np.frombuffer(codes, dtype=np.uint8).reshape(rows, -1)) + self.mean

    def side(self) -> bytes:
        return (b"" if self.reducer is None else self.reducer.components_.tobytes()) + self.mean.tobytes()

    def _reduced(self, X: Array) -> Array:
        return X if self.reducer is None else self.reducer.transform(X)

    def _learn(self, rows: Array) -> None:
        """Learn from centred training rows; there may be nothing to learn."""

    @abstractmethod
    def _encode(self, rows: Array) -> Array:
        """Return the codes of centred rows: an array of shape (n, n_bytes), uint8."""

    @abstractmethod
    def _decode(self, codes: Array) -> Array:
        """Return the centred rows that such an array stands for, float32."""


def pack_rows(codes: Array, bits: int) -> Array:
    """Pack the codes of each row in exactly their bits, the row padded to whole bytes.

    Parameters
    ----------
    codes : ndarray of shape (n, d), unsigned integer
        Below ``2 ** bits``.
    bits : int
        From 1 to 8.

    Returns
    -------
    ndarray of shape (n, ceil(d * bits / 8)), uint8

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.codec.peers.on_components import pack_rows, unpack_rows
    >>> packed = pack_rows(np.array([[1, 2, 3]], dtype=np.uint8), bits=3)  # 011 010 001, read from the right
    >>> f"{int.from_bytes(packed.tobytes(), 'little'):09b}", unpack_rows(packed, bits=3, width=3).tolist()
    ('011010001', [[1, 2, 3]])
    """
    single = (codes[:, :, None] >> np.arange(bits, dtype=np.uint8)) & np.uint8(1)
    return np.packbits(single.reshape(len(codes), -1), axis=1, bitorder="little")


def unpack_rows(packed: Array, bits: int, width: int) -> Array:
    """Return the codes that :func:`pack_rows` packed: an array of shape (n, width), uint8."""
    single = np.unpackbits(packed, axis=1, count=width * bits, bitorder="little").reshape(len(packed), width, bits)
    return (single << np.arange(bits, dtype=np.uint8)).sum(axis=2, dtype=np.uint8)
