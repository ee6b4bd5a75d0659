"""What every peer of the codec can do, and what two of them share.

Under `baselines` and `with_faiss`, which have the peers, and `measuring`, which takes them through files.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Peer(ABC):
    """A way to make vectors small.

    Parameters
    ----------
    family : str
        The method; peers of one family differ in their settings only.
    detail : str
        The setting; family and detail are the name.
    dimensions : int, optional
        Numbers of a decoded row, where they are fewer than before.

    Attributes
    ----------
    is_random : bool
        Whether two seeds give two codes.
    seed : int
        Of what it draws, 0 unless set; a peer that is not random has no use for it.
    library : str
        Where the method is from.
    """

    is_random = False
    seed = 0
    library = "scikit-learn or NumPy"

    def __init__(self, family: str, detail: str, dimensions: int | None = None) -> None:
        self.family = family
        self.name = f"{family}: {detail}"
        self.dimensions = dimensions

    def __repr__(self) -> str:
        return self.name

    def seeded(self, seed: int) -> Peer:
        """Return an unfitted copy with another seed."""
        other = copy(self)
        other.seed = seed
        return other

    @property
    def least_rows(self) -> int:
        """Training rows that it needs."""
        return self.dimensions or 1

    @abstractmethod
    def fit(self, X: Array) -> None:
        """Learn what all rows share from training rows."""

    @abstractmethod
    def encode(self, X: Array) -> bytes:
        """Return the codes of rows."""

    @abstractmethod
    def decode(self, codes: bytes, rows: int) -> Array:
        """Return as many rows as codes were made of."""

    def side(self) -> bytes:
        """Return what all rows share."""
        return b""


def signs_of_bits(codes: Array, width: int | None = None, bitorder: Literal["big", "little"] = "big") -> Array:
    """Return bits as -1 and 1, over the root of their number: rows of unit norm, as the vectors were.

    Parameters
    ----------
    codes : ndarray of shape (n, n_bytes), uint8
    width : int, optional
        Bits of a row. Default: all.
    bitorder : {"big", "little"}, default="big"

    Returns
    -------
    ndarray of shape (n, width), float32
    """
    bits = np.unpackbits(codes, axis=1, count=width, bitorder=bitorder)
    return (2 * bits.astype(np.float32) - 1) / np.float32(np.sqrt(bits.shape[1]))
