"""The quantizers as the codec runs them: a block of rows becomes integer codes, and the codes become values again.

Second half of `codec.codec`, after `reducers` and before `packing`. What is decoded equals, in every bit, what the
transformer makes of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from stresslib.codec.bits import code_type
from stresslib.codec.side import Array, Part, Side
from stresslib.stress.on_features.allocation import AllocatedQuantizer
from stresslib.stress.spec import FLOAT_BITS, Spec


class Coder:
    """No quantizer: a code is the 32 bits of a float32. Base of those that keep fewer.

    Parameters
    ----------
    spec : Spec
    dimensions : int
        Numbers of a reduced row.
    """

    dtype: np.dtype[Any] = np.dtype(np.float32)
    """Type of decoded rows: that of the stress on float32."""

    def __init__(self, spec: Spec, dimensions: int) -> None:
        self.spec = spec
        self.dimensions = dimensions

    @property
    def parts(self) -> list[Part]:
        """Arrays that all rows share, in the order of the file."""
        return []

    def fit(self, blocks: Iterable[Array]) -> Side:
        """Return what all rows share, from the reduced training rows."""
        return {}

    def check(self, side: Side) -> None:
        """Raise ValueError where the arrays of a file cannot be such a quantizer."""

    def column_bits(self, side: Side) -> Array | None:
        """Return the bits of each dimension, None where all have the same."""
        return None

    def encode(self, rows: Array, side: Side, first_row: int) -> Array:
        """Return the codes of a block; ValueError on values that are not finite, which counts rows from `first_row`."""
        check_finite(rows, first_row)
        return rows.view("<u4")

    def decode(self, codes: Array, side: Side, out: Array) -> None:
        """Write the values that codes stand for; ValueError where they are not finite."""
        np.copyto(out, codes.view("<f4"))
        check_finite(out)


class ErasedBits(Coder):
    """QB: the bits of the float64 that are kept, as a float32 where they still need 32."""

    dtype = np.dtype(np.float64)

    def __init__(self, spec: Spec, dimensions: int) -> None:
        super().__init__(spec, dimensions)
        self.bits = spec.code_bits

    def encode(self, rows: Array, side: Side, first_row: int) -> Array:
        check_finite(rows, first_row)
        n_erased = self.spec.removed_bits or 0
        wide = rows.astype("<f8").view("<u8")
        if self.bits == FLOAT_BITS:
            # What is left of the fraction fits in a float32.
            wide &= np.uint64((1 << 64) - (1 << n_erased))
            return wide.view("<f8").astype("<f4").view("<u4")
        if self.bits == 0:  # a shift by all 64 bits is undefined
            return np.zeros(wide.shape, dtype=code_type(0))
        return (wide >> np.uint64(n_erased)).astype(code_type(self.bits))

    def decode(self, codes: Array, side: Side, out: Array) -> None:
        if self.bits == FLOAT_BITS:
            np.copyto(out, codes.view("<f4"))
        elif self.bits == 0:
            out.fill(0)
        else:
            out.view(np.uint64)[...] = codes.astype(np.uint64) << np.uint64(64 - self.bits)
        check_finite(out)


class Bins(Coder):
    """Q2: numbers of bins of equal width between ``minimum`` and ``maximum`` of each dimension."""

    axis: int | None = 0
    """Along which the range of training rows is taken."""

    @property
    def parts(self) -> list[Part]:
        return [Part(name, "<f4", (self.dimensions,)) for name in ("minimum", "maximum")]

    def fit(self, blocks: Iterable[Array]) -> Side:
        ranges = [(block.min(axis=self.axis), block.max(axis=self.axis)) for block in blocks]
        return {
            "minimum": np.atleast_1d(np.min([minimum for minimum, _ in ranges], axis=0)),
            "maximum": np.atleast_1d(np.max([maximum for _, maximum in ranges], axis=0)),
        }

    def check(self, side: Side) -> None:
        if (side["minimum"] > side["maximum"]).any():
            raise ValueError("a minimum exceeds its maximum")

    def encode(self, rows: Array, side: Side, first_row: int) -> Array:
        # Compiled code takes a second to load; whoever never encodes does not wait for it.
        from stresslib.codec.bins import write_bin_numbers

        low, width, last = self._scale(side)
        codes = np.empty(rows.shape, dtype=code_type(self.spec.code_bits))
        if not write_bin_numbers(rows, low, width, last, codes):
            check_finite(rows, first_row)
        return codes

    def decode(self, codes: Array, side: Side, out: Array) -> None:
        from stresslib.codec.bins import write_bin_centres

        low, width, _ = self._scale(side)
        write_bin_centres(codes, low, width, out)

    def _n_bins(self, side: Side) -> Array:
        return np.array(self.spec.dictionary_size, dtype=np.float64)

    def _scale(self, side: Side) -> tuple[Array, Array, Array]:
        """Return where the bins of each dimension begin, how wide they are, and the number of the last, in float64."""
        n_bins = self._n_bins(side)
        low = side["minimum"].astype(np.float64)
        width = (side["maximum"] - low) / n_bins
        low, width, last = (np.broadcast_to(one, self.dimensions).copy() for one in (low, width, n_bins - 1))
        return low, width, last


class SharedBins(Bins):
    """Q1: one range for all dimensions."""

    axis = None

    @property
    def parts(self) -> list[Part]:
        return [Part(name, "<f4", (1,)) for name in ("minimum", "maximum")]


class AllocatedBins(Bins):
    """QA: as many bins in each dimension as its ``bits`` say."""

    @property
    def parts(self) -> list[Part]:
        return [Part("bits", "u1", (self.dimensions,)), *super().parts]

    def fit(self, blocks: Iterable[Array]) -> Side:
        quantizer = AllocatedQuantizer(self.spec.level or 0).fit(np.concatenate(list(blocks)))
        return {"bits": quantizer.bits_, "minimum": quantizer.minimum_, "maximum": quantizer.maximum_}

    def check(self, side: Side) -> None:
        super().check(side)
        most, total = self.spec.code_bits, self.spec.level
        if side["bits"].max() > most or int(side["bits"].sum(dtype=np.int64)) != total:
            raise ValueError(f"bits are at most {most} a dimension and {total} in all")

    def column_bits(self, side: Side) -> Array:
        return side["bits"]

    def _n_bins(self, side: Side) -> Array:
        return 2.0 ** side["bits"]


CODERS: dict[str | None, type[Coder]] = {
    None: Coder,
    "Q1": SharedBins,
    "Q2": Bins,
    "QB": ErasedBits,
    "QA": AllocatedBins,
}
"""By the token of the stress."""


def check_finite(rows: Array, first_row: int = 0) -> None:
    """Raise ValueError, with row and column, where a value is not finite."""
    # A sum needs no second array; where it overflows, the numbers are looked at one by one.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.einsum("ij->", rows)):
            return
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        row, column = map(int, bad[0])
        raise ValueError(f"row {first_row + row}, column {column} holds {rows[row, column]}; values are finite")
