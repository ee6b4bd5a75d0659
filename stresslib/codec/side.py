"""Side information: the arrays that all rows of a fitted stress share, and their bytes in a file.

Under `reducers` and `coders`, which say which arrays theirs are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.codec.bits import pack_bits, packed_size, unpack_bits

Array = NDArray[Any]

Side = dict[str, Array]
"""The arrays by name."""


@dataclass(frozen=True)
class Part:
    """One of the arrays.

    Attributes
    ----------
    name : str
    kind : str
        NumPy type in the file; of ``"?"``, eight share a byte.
    shape : tuple of int
    """

    name: str
    kind: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes in the file."""
        if self.kind == "?":
            return packed_size(prod(self.shape), 1)
        return prod(self.shape) * np.dtype(self.kind).itemsize

    def to_bytes(self, array: Array) -> bytes:
        """Return the array as a file stores it."""
        if self.kind == "?":
            return pack_bits(array.astype(np.uint8), 1).tobytes()
        return array.astype(self.kind).tobytes()

    def from_bytes(self, raw: Array) -> Array:
        """Return the array that bytes of a file hold; ValueError where a number is not finite."""
        if self.kind == "?":
            return unpack_bits(raw, 1, prod(self.shape)).astype(bool)
        array = raw.view(self.kind).reshape(self.shape)
        if not np.isfinite(array).all():
            raise ValueError(f"{self.name} is not finite")
        return array
