"""Codec: a stress fitted once, and all it takes to turn rows into stored blocks and back.

Above `reducers`, `coders` and `packing`, through which each block goes; below `codec.format`, which keeps a codec in a file.
What it decodes is, bit for bit, what the stress makes of the rows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stresslib.arrays import plain_array
from stresslib.codec.bits import code_type
from stresslib.codec.coders import CODERS, Coder, check_finite
from stresslib.codec.packing import OF_KNOWN_SIZE, PACKINGS, block_size, pack, unpack
from stresslib.codec.parallel import map_in_order
from stresslib.codec.reducers import REDUCERS, Reducer
from stresslib.codec.side import Part
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet, unit_rows
from stresslib.stress.spec import Spec, bits_per_vector, parse_spec

Array = NDArray[Any]

_BLOCK_VALUES = 1 << 20
_WORTH_A_THREAD = 1 << 15
_LARGEST_BLOCK = 1 << 26
_LARGEST_WIDTH = 1 << 24


@dataclass(frozen=True)
class _Columns:
    """Dimensions whose codes are packed together."""

    which: Any
    count: int
    bits: int
    base: int


@dataclass(frozen=True, eq=False)
class Codec:
    """A fitted stress, and how its codes are packed. Made by :meth:`fit`, or read from a file.

    Attributes
    ----------
    spec : Spec
        The stress.
    n_features : int
        Width of the rows that it takes.
    packing : {"bits", "radix", "zstd", "xz"}
        Exactly ``ceil(log2 v)`` bits a value; as many digits of base v in a 64-bit word as fit; or a general compressor.
    block_rows : int
        Rows that are packed together, and projected together.
    normalize : bool
        Whether rows are divided by their L2 norm first.
    side : dict of str to ndarray
        What all rows share: ``kept``, the mask of a random selection; ``projection``, the principal components as columns;
        ``bits``, those of each dimension, where they differ; ``minimum`` and ``maximum``, the range of the dictionary, of
        all dimensions or of each.
    fitted_on : str
        Digest of the feature set whose training rows it was fitted on; empty where that is not known.
    """

    spec: Spec
    n_features: int
    packing: str
    block_rows: int
    normalize: bool = False
    side: dict[str, Array] = field(default_factory=dict)
    fitted_on: str = ""

    @classmethod
    def fit(
        cls,
        features: FeatureSet | ArrayLike,
        spec: str | Spec,
        *,
        packing: str = "bits",
        normalize: bool = False,
        block_rows: int | None = None,
        random_state: int = 0,
    ) -> Codec:
        """Fit a stress.

        Parameters
        ----------
        features : FeatureSet or array-like of shape (n, d), float32
            The stress is fitted on the training rows of a set, or on all rows of an array. They are read in blocks, but
            with DR2 and QA all at once.
        spec : str
            The stress, as in :func:`stresslib.make_stress`.
        packing : {"bits", "radix", "zstd", "xz"}, default="bits"
        normalize : bool, default=False
            Divide each row by its L2 norm first, as `load_features` does by default.
        block_rows : int, optional
            Rows of a block. Default: the multiple of 192 that makes about 2**20 values, at least 192.
        random_state : int, default=0
            Seed of a random selection.

        Returns
        -------
        Codec

        Raises
        ------
        ValueError
            On rows that are not finite float32, or a stress that keeps more dimensions than there are.

        Examples
        --------
        >>> import numpy as np
        >>> from stresslib.codec import Codec
        >>> X = np.array([[0, 0], [1, 4], [4, 8]], dtype=np.float32)
        >>> codec = Codec.fit(X, "Q2:4")
        >>> codec.codes(X).tolist()
        [[0, 0], [1, 2], [3, 3]]
        >>> blocks = codec.encode(X)  # 6 codes of 2 bits
        >>> blocks[0].hex(), codec.decode(blocks, rows=3).tolist()
        ('900f', [[0.5, 1.0], [1.5, 5.0], [3.5, 7.0]])
        """
        if isinstance(features, FeatureSet):
            X, train, digest = features.X, features.train, features.digest
        else:
            X = checked_rows(features)
            train, digest = np.ones(len(X), dtype=bool), ""
        parsed, width = parse_spec(spec), X.shape[1]
        block_rows = default_block_rows(parsed.dimensions or width) if block_rows is None else int(block_rows)
        unfitted = cls(parsed, width, packing, block_rows, bool(normalize), {}, digest)
        rows = _training_blocks(X, train, block_rows, normalize)
        with unfitted._reproducible_products():
            side, reduced = unfitted._reducer.fit(rows, random_state)
        return replace(unfitted, side=side | unfitted._coder.fit(reduced))

    def __post_init__(self) -> None:
        if self.packing not in PACKINGS:
            raise ValueError(f"packing={self.packing!r}: allowed is {', '.join(PACKINGS)}")
        if not 1 <= self.n_features <= _LARGEST_WIDTH:
            raise ValueError(f"n_features={self.n_features}: allowed is 1 to {_LARGEST_WIDTH}")
        if self.spec.reduction not in REDUCERS or self.spec.quantizer not in CODERS:
            raise ValueError(f"the codec cannot store the stress {str(self.spec)!r}")
        bits_per_vector(self.spec, self.n_features)  # refuses a stress that keeps more dimensions than there are
        if not 1 <= self.block_rows <= _LARGEST_BLOCK // self.dimensions:
            raise ValueError(f"block_rows={self.block_rows}: allowed is 1 to {_LARGEST_BLOCK // self.dimensions}")

    @property
    def dimensions(self) -> int:
        """Numbers of a stressed row."""
        return self.spec.dimensions or self.n_features

    @property
    def bits(self) -> int:
        """Bits of a code, as the paper counts; with QA, the most that a dimension can have."""
        return self.spec.code_bits

    @property
    def base(self) -> int:
        """Number of different codes."""
        return self.spec.dictionary_size or 1 << self.bits

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of decoded rows, that of the stress on float32: float64 after bit erasure, else float32."""
        return self._coder.dtype

    @property
    def side_parts(self) -> list[Part]:
        """Names, types and shapes of what all rows share, in the order of a file."""
        return [*self._reducer.parts, *self._coder.parts]

    @property
    def side_bytes(self) -> int:
        """Bytes of what all rows share, as a file stores it."""
        return sum(part.n_bytes for part in self.side_parts)

    def with_side(self, arrays: Sequence[Array]) -> Codec:
        """Return this codec with the arrays of :attr:`side_parts` read from a file; ValueError where they cannot be its."""
        side = {part.name: part.from_bytes(raw) for part, raw in zip(self.side_parts, arrays, strict=True)}
        self._reducer.check(side)
        self._coder.check(side)
        return replace(self, side=side)

    def block_size(self, rows: int) -> int | None:
        """Return the bytes of a packed block; None where they depend on its codes."""
        if not self.has_known_sizes:
            return None
        return sum(block_size(rows * part.count, part.bits, part.base, self.packing) or 0 for part in self._columns)

    @property
    def has_known_sizes(self) -> bool:
        """Whether the size of a block follows from its number of rows."""
        return self.packing in OF_KNOWN_SIZE or self.bits == 0

    @property
    def threads(self) -> int:
        """Threads that share the work on blocks; small blocks are not worth it."""
        return (os.cpu_count() or 1) if self.block_rows * self.dimensions >= _WORTH_A_THREAD else 1

    @cached_property
    def _reducer(self) -> Reducer:
        return REDUCERS[self.spec.reduction](self.n_features, self.dimensions)

    @cached_property
    def _coder(self) -> Coder:
        return CODERS[self.spec.quantizer](self.spec, self.dimensions)

    @cached_property
    def _columns(self) -> list[_Columns]:
        widths = self._coder.column_bits(self.side)
        if widths is None or self.packing not in OF_KNOWN_SIZE:
            return [_Columns(slice(None), self.dimensions, self.bits, self.base)]
        # Those of equal bits go together; a code of no bits takes no room.
        columns = [(bits, np.flatnonzero(widths == bits)) for bits in range(1, self.bits + 1)]
        return [_Columns(which, len(which), bits, 1 << bits) for bits, which in columns if len(which)]

    def _reproducible_products(self) -> AbstractContextManager[None]:
        """Compute on one thread where rows are projected: last digits depend on how many threads share a sum."""
        return one_thread() if self._reducer.multiplies else nullcontext()

    def encode(self, X: ArrayLike, *, fitted_on: str | None = None) -> list[bytes]:
        """Apply the stress to rows, and pack their codes.

        Parameters
        ----------
        X : array-like of shape (n, d), float32
        fitted_on : str, optional
            Digest of a feature set; ValueError where the stress was fitted on another.

        Returns
        -------
        list of bytes
            One for each `block_rows` rows, which depends on these rows alone.

        Raises
        ------
        ValueError
            On rows of another width or type, on NaN and infinity, on an empty array, or on another digest.

        Notes
        -----
        ``decode(encode(X), len(X))`` equals, in every bit, the stress's ``transform`` of the rows of each block. The last
        bits of a projection depend on which rows are projected together: it is computed block by block, on one thread.
        """
        if fitted_on is not None and fitted_on != self.fitted_on:
            raise ValueError(
                f"the stress was fitted on the features {self.fitted_on or 'of no known digest'}, not {fitted_on}"
            )
        rows = checked_rows(X)
        self.check_width(rows)
        return list(self.encode_blocks(rows))

    def check_width(self, X: Array) -> None:
        """Raise ValueError on rows whose width is not that on which the stress was fitted."""
        if X.shape[1] != self.n_features:
            raise ValueError(
                f"rows have {X.shape[1]} numbers; the stress {str(self.spec)!r} was fitted on {self.n_features}"
            )

    def encode_blocks(self, X: Array) -> Iterator[bytes]:
        """Yield the packed blocks of rows in order, with only a few of them in memory at once.

        Parameters
        ----------
        X : ndarray of shape (n, n_features), float32

        Yields
        ------
        bytes
        """
        return self._encoded(X, self._encode_block)

    def decode(self, blocks: Sequence[bytes], rows: int) -> Array:
        """Return the stressed rows of packed blocks.

        Parameters
        ----------
        blocks : sequence of bytes
            As :meth:`encode` returned them.
        rows : int
            Their number of rows.

        Returns
        -------
        ndarray of shape (rows, dimensions), of :attr:`dtype`

        Raises
        ------
        ValueError
            On bytes that are not such blocks.
        """
        starts = range(0, rows, self.block_rows)
        if len(blocks) != len(starts):
            raise ValueError(f"{len(blocks)} blocks; {rows} rows are {len(starts)} blocks of {self.block_rows}")
        X = np.empty((rows, self.dimensions), dtype=self.dtype)
        # Each core writes one run of consecutive rows: cores that take turns would wait for each other's new memory.
        size = max(1, -(-len(blocks) // (os.cpu_count() or 1)))
        runs = range(0, len(blocks), size)
        for _ in map_in_order(
            lambda first: self._decode_run(blocks[first : first + size], X[first * self.block_rows :]), runs, self.threads
        ):
            pass
        return X

    def _decode_run(self, blocks: Sequence[bytes], out: Array) -> None:
        for number, block in enumerate(blocks):
            self.decode_block(block, out[number * self.block_rows : (number + 1) * self.block_rows])

    def codes(self, X: ArrayLike) -> Array:
        """Return the codes of rows before they are packed.

        Parameters
        ----------
        X : array-like of shape (n, d), float32

        Returns
        -------
        ndarray of shape (n, dimensions), unsigned integer
            Numbers of bins, from 0; after bit erasure the bits that are left; without a quantizer the 32 bits of a float32.
        """
        rows = checked_rows(X)
        self.check_width(rows)
        return np.concatenate(list(self._encoded(rows, self._code_block)))

    def _encoded(self, X: Array, work: Callable[[Array, int], Any]) -> Iterator[Any]:
        """Yield what `work` makes of the rows from each block's first on."""
        with self._reproducible_products():
            starts = range(0, len(X), self.block_rows)
            yield from map_in_order(lambda start: work(X, start), starts, self.threads)

    def _encode_block(self, X: Array, start: int) -> bytes:
        codes = self._code_block(X, start)
        return b"".join(pack(codes[:, part.which], part.bits, part.base, self.packing) for part in self._columns)

    def _code_block(self, X: Array, start: int) -> Array:
        # A block of few numbers a row may be most of a set at full width: it is reduced in parts.
        stop = min(start + self.block_rows, len(X))
        size = default_block_rows(self.n_features)
        parts = [self._reduced(X[first : min(first + size, stop)]) for first in range(start, stop, size)]
        return self._coder.encode(parts[0] if len(parts) == 1 else np.concatenate(parts), self.side, start)

    def _reduced(self, X: Array) -> Array:
        rows = np.ascontiguousarray(X, dtype=np.float32)
        return self._reducer.apply(unit_rows(rows) if self.normalize else rows, self.side)

    def decode_block(self, packed: bytes, out: Array) -> None:
        """Decode one block into an array of its shape; ValueError on bytes that are not such a block."""
        codes = self._unpack(packed, out.shape)
        self._coder.decode(codes, self.side, out)

    def _unpack(self, packed: bytes, shape: tuple[int, int]) -> Array:
        columns, widths = self._columns, self._coder.column_bits(self.side)
        if len(columns) == 1 and columns[0].count == shape[1]:
            codes = unpack(packed, shape, columns[0].bits, columns[0].base, self.packing)
        else:
            if len(packed) != self.block_size(shape[0]):
                raise ValueError(f"{len(packed)} bytes for {shape[0]} rows of {self.spec.level} bits")
            codes, start = np.zeros(shape, dtype=code_type(self.bits)), 0
            for part in columns:
                stop = start + (block_size(shape[0] * part.count, part.bits, part.base, self.packing) or 0)
                codes[:, part.which] = unpack(packed[start:stop], (shape[0], part.count), part.bits, part.base, self.packing)
                start = stop
        if widths is not None and (codes >> widths).any():
            raise ValueError("a code has more bits than its dimension")
        return codes


def default_block_rows(dimensions: int) -> int:
    """Return how many rows make a block of about 2**20 values: a multiple of 192, the rows that products take at once."""
    return min(max(192, _BLOCK_VALUES // dimensions // 192 * 192), max(1, _LARGEST_BLOCK // dimensions))


def checked_rows(X: ArrayLike) -> Array:
    """Return rows as a float32 matrix; ValueError on any other type, which would lose or gain bits."""
    rows = plain_array(X, "X")
    if rows.ndim != 2 or 0 in rows.shape or rows.dtype != np.float32:
        raise ValueError(
            f"rows are a float32 matrix, one vector a row; got {rows.dtype} of shape {rows.shape}: use X.astype(np.float32)"
        )
    return rows


def _training_blocks(X: Array, train: Array, block_rows: int, normalize: bool) -> Iterator[Array]:
    """Yield the training rows of each block, checked and normalised; blocks without any are left out."""
    for start in range(0, len(X), block_rows):
        block = np.asarray(X[start : start + block_rows])[train[start : start + block_rows]]
        if len(block):
            check_finite(block, start)
            yield unit_rows(block) if normalize else block
