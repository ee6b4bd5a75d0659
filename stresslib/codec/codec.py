"""Codec: a stress fitted once, and what it takes to put rows under it and to store them: codes, packed, block by block.

Between `spec`, whose stresses it fits, and `codec.container`, which keeps it in a file. What it decodes is, bit for bit,
what the stress makes of the rows.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stresslib.codec.packing import CHECKSUM_BYTES, PACKINGS, block_size, code_type, pack, unpack
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet, unit_rows
from stresslib.stress.on_features.allocation import MOST_BITS, AllocatedQuantizer
from stresslib.stress.on_features.reduction import PrincipalComponents, RandomSelection
from stresslib.stress.spec import FLOAT_BITS, Spec, bits_per_vector, parse_spec

Array = NDArray[Any]

_BLOCK_VALUES = 1 << 20
_WORTH_A_THREAD = 1 << 15
_LARGEST_BLOCK = 1 << 26
_LARGEST_WIDTH = 1 << 24


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
        ``bits``, those of each dimension, where they differ; ``minimum`` and ``maximum``, the range of a dictionary, one or
        one a dimension.
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
            The training rows of the set, or of the array all rows. Without DR2 and QA they are read in blocks.
        spec : str
            The stress, as in :func:`stresslib.make_stress`.
        packing : {"bits", "radix", "zstd", "xz"}, default="bits"
        normalize : bool, default=False
            Divide each row by its L2 norm first, as `load_features` does; for a set that was loaded without.
        block_rows : int, optional
            Rows of a block. Default: a multiple of 192 that makes about 2**20 values, at least 192.
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
        dimensions = parsed.dimensions or width
        block_rows = default_block_rows(dimensions) if block_rows is None else block_rows
        unfitted = cls(parsed, width, packing, block_rows, normalize, {}, digest)
        rows = _training_blocks(X, train, block_rows, normalize)
        side: dict[str, Array] = {}
        if parsed.reduction == "DR1":
            selection = RandomSelection(dimensions, random_state=random_state).fit(X[:1])
            side["kept"] = selection.get_support()
            rows = (np.compress(side["kept"], block, axis=1) for block in rows)
        elif parsed.reduction == "DR2":
            with one_thread():
                whole = np.concatenate(list(rows))
                components = PrincipalComponents(dimensions).fit(whole).components_
                side["projection"] = np.ascontiguousarray(components.T)
                rows = iter([whole @ side["projection"]])
        if parsed.dictionary_size is not None:
            axis = None if parsed.quantizer == "Q1" else 0
            ranges = [(block.min(axis=axis), block.max(axis=axis)) for block in rows]
            side["minimum"] = np.atleast_1d(np.min([low for low, _ in ranges], axis=0))
            side["maximum"] = np.atleast_1d(np.max([high for _, high in ranges], axis=0))
        elif parsed.allocated_bits is not None:
            quantizer = AllocatedQuantizer(parsed.allocated_bits).fit(np.concatenate(list(rows)))
            side |= {"bits": quantizer.bits_, "minimum": quantizer.minimum_, "maximum": quantizer.maximum_}
        return replace(unfitted, side=side)

    def __post_init__(self) -> None:
        if self.packing not in PACKINGS:
            raise ValueError(f"packing={self.packing!r}: allowed is {', '.join(PACKINGS)}")
        if not 1 <= self.n_features <= _LARGEST_WIDTH:
            raise ValueError(f"n_features={self.n_features}: allowed is 1 to {_LARGEST_WIDTH}")
        bits_per_vector(self.spec, self.n_features)  # refuses a stress that keeps more dimensions than there are
        if not 1 <= self.block_rows <= _LARGEST_BLOCK // self.dimensions:
            raise ValueError(f"block_rows={self.block_rows}: allowed is 1 to {_LARGEST_BLOCK // self.dimensions}")

    @property
    def dimensions(self) -> int:
        """Numbers of a stressed row."""
        return self.spec.dimensions or self.n_features

    @property
    def bits(self) -> int:
        """Bits of a code, as the paper counts: ``ceil(log2 v)``, ``min(32, 64 - b)``, or 32; of QA, the most there are."""
        if self.spec.allocated_bits is not None:
            return MOST_BITS
        return bits_per_vector(self.spec, self.n_features) // self.dimensions

    @property
    def base(self) -> int:
        """Number of different codes."""
        return self.spec.dictionary_size or 1 << self.bits

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of decoded rows, that of the stress on float32: float64 after bit erasure, else float32."""
        return np.dtype(np.float64 if self.spec.quantizer == "QB" else np.float32)

    @property
    def side_bytes(self) -> int:
        """Bytes of what all rows share, as a file stores it."""
        return sum(size for _, _, _, size in side_layout(self.spec, self.n_features))

    def block_size(self, rows: int) -> int | None:
        """Return the bytes of a packed block; None where they depend on its codes."""
        sizes = [block_size(rows * count, bits, base, self.packing) for _, count, bits, base in self._parts]
        return None if None in sizes else sum(size for size in sizes if size)

    @property
    def _parts(self) -> list[tuple[Any, int, int, int]]:
        """Columns that are packed together: which, how many, and bits and base of their codes."""
        if self.spec.allocated_bits is None or self.packing not in ("bits", "radix"):
            return [(slice(None), self.dimensions, self.bits, self.base)]
        # Those of equal bits; a code of none takes no room.
        alike = [(bits, np.flatnonzero(self.side["bits"] == bits)) for bits in range(1, MOST_BITS + 1)]
        return [(columns, len(columns), bits, 1 << bits) for bits, columns in alike if len(columns)]

    @property
    def index_entry(self) -> int:
        """Bytes of a block in the index of a file: its checksum, before it its length where that depends on its codes."""
        return CHECKSUM_BYTES + 4 * (self.packing not in ("bits", "radix") and self.bits > 0)

    def encode(self, X: ArrayLike, *, fitted_on: str | None = None) -> list[bytes]:
        """Put rows under the stress and pack their codes.

        Parameters
        ----------
        X : array-like of shape (n, d), float32
        fitted_on : str, optional
            Digest of a feature set: refuse to encode with a stress that was fitted on another.

        Returns
        -------
        list of bytes
            A block for each `block_rows` rows; they depend on nothing else than these rows.

        Raises
        ------
        ValueError
            On rows of another width or type, on NaN and infinity, on an empty array, or on another digest.

        Notes
        -----
        ``decode(encode(X), len(X))`` equals the stress's ``transform(X)`` in every bit, for the rows of each block. Only the
        last bits of a projection depend on the rows that go through it together: it is computed block by block, on one
        thread.
        """
        if fitted_on is not None and fitted_on != self.fitted_on:
            raise ValueError(
                f"the stress was fitted on the features {self.fitted_on or 'of no known digest'}, not {fitted_on}"
            )
        rows = checked_rows(X)
        self.check_width(rows)
        return list(self.encode_blocks(rows))

    def check_width(self, X: Array) -> None:
        """Refuse rows of another width than the stress was fitted on."""
        if X.shape[1] != self.n_features:
            raise ValueError(
                f"rows have {X.shape[1]} numbers; the stress {str(self.spec)!r} was fitted on {self.n_features}"
            )

    def encode_blocks(self, X: Array) -> Iterator[bytes]:
        """Yield the packed blocks of checked rows in turn, a few of them in memory at once."""
        starts = range(0, len(X), self.block_rows)
        return self.in_parallel(lambda start: self._encode_block(X, start), starts, limited="projection" in self.side)

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
            On bytes that are no such blocks.
        """
        starts = range(0, rows, self.block_rows)
        if len(blocks) != len(starts):
            raise ValueError(f"{len(blocks)} blocks; {rows} rows are {len(starts)} blocks of {self.block_rows}")
        X = np.empty((rows, self.dimensions), dtype=self.dtype)
        # A core writes one run of rows from end to end: cores that take turns would wait for each other's new memory.
        size = max(1, -(-len(blocks) // (os.cpu_count() or 1)))
        for _ in self.in_parallel(
            lambda start: self._decode_run(blocks[start : start + size], X[start * self.block_rows :]),
            range(0, len(blocks), size),
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
            Numbers of bins, from 0; of erased values the bits that are left; of float32 values their 32 bits.
        """
        rows = checked_rows(X)
        self.check_width(rows)
        starts = range(0, len(rows), self.block_rows)
        limited = "projection" in self.side
        return np.concatenate(list(self.in_parallel(lambda start: self._code_block(rows, start), starts, limited=limited)))

    def in_parallel(self, work: Callable[[Any], Any], items: Iterable[Any], *, limited: bool = False) -> Iterator[Any]:
        """Yield what `work` on a block makes of each item, in order, a few a core under way at once: memory stays flat.

        With `limited`, products of matrices run on one thread each: their last digits depend on how many share a sum.
        """
        cores = (os.cpu_count() or 1) if self.block_rows * self.dimensions >= _WORTH_A_THREAD else 1
        source = iter(items)
        first = list(itertools.islice(source, 2))
        with one_thread() if limited else nullcontext():
            if cores == 1 or len(first) == 1:  # done before a thread has started
                yield from map(work, itertools.chain(first, source))
                return
            with ThreadPoolExecutor(cores) as pool:
                under_way: deque[Future[Any]] = deque()
                for item in itertools.chain(first, source):
                    under_way.append(pool.submit(work, item))
                    if len(under_way) == 4 * cores:
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()

    def _encode_block(self, X: Array, start: int) -> bytes:
        codes = self._code_block(X, start)
        return b"".join(pack(codes[:, columns], bits, base, self.packing) for columns, _, bits, base in self._parts)

    def _code_block(self, X: Array, start: int) -> Array:
        rows = np.ascontiguousarray(X[start : start + self.block_rows], dtype=np.float32)
        if self.normalize:
            rows = unit_rows(rows)
        if "kept" in self.side:
            rows = np.compress(self.side["kept"], rows, axis=1)
        elif "projection" in self.side:
            with np.errstate(over="ignore", invalid="ignore"):
                rows = rows @ self.side["projection"]
        if "minimum" in self.side:
            return self._bins(rows, start)
        _check_finite(rows, start)
        if self.spec.removed_bits is None:
            return rows.view("<u4")
        wide = rows.astype("<f8").view("<u8")
        if self.bits == FLOAT_BITS:
            # What is left of the fraction fits in a float32.
            wide &= np.uint64((1 << 64) - (1 << self.spec.removed_bits))
            return wide.view("<f8").astype("<f4").view("<u4")
        if self.bits == 0:
            return np.zeros(wide.shape, dtype=code_type(0))
        return (wide >> np.uint64(self.spec.removed_bits)).astype(code_type(self.bits))

    def _bins(self, rows: Array, start: int) -> Array:
        from stresslib.codec.bins import number

        codes = np.empty(rows.shape, dtype=code_type(self.bits))
        if not number(rows, *self._scale, codes):
            _check_finite(rows, start)
        return codes

    @cached_property
    def _scale(self) -> tuple[Array, Array, Array]:
        """Where the bins of each dimension begin, how wide they are, and the number of the last, in float64."""
        low = self.side["minimum"].astype(np.float64)
        counts = 2.0 ** self.side["bits"] if "bits" in self.side else np.float64(self.base)
        width = (self.side["maximum"] - low) / counts
        low, width, last = (np.broadcast_to(one, self.dimensions).copy() for one in (low, width, counts - 1))
        return low, width, last

    def decode_block(self, packed: bytes, out: Array) -> None:
        """Unpack one block into rows that are there; ValueError on bytes that are no such block."""
        codes = self._unpack(packed, out.shape)
        if "minimum" in self.side:
            from stresslib.codec.bins import centres

            low, width, _ = self._scale
            centres(codes, low, width, out)
            return
        if self.bits == FLOAT_BITS:
            np.copyto(out, codes.view("<f4"))
        elif self.bits:
            out.view(np.uint64)[...] = codes.astype(np.uint64) << np.uint64(64 - self.bits)
        else:
            out.fill(0)
        _check_finite(out)

    def _unpack(self, packed: bytes, shape: tuple[int, int]) -> Array:
        parts = self._parts
        if len(parts) == 1 and parts[0][1] == shape[1]:
            codes = unpack(packed, shape, *parts[0][2:], self.packing)
        else:
            codes, start = np.zeros(shape, dtype=code_type(self.bits)), 0
            if len(packed) != self.block_size(shape[0]):
                raise ValueError(f"{len(packed)} bytes for {shape[0]} rows of {self.spec.level} bits")
            for columns, count, bits, base in parts:
                stop = start + (block_size(shape[0] * count, bits, base, self.packing) or 0)
                codes[:, columns] = unpack(packed[start:stop], (shape[0], count), bits, base, self.packing)
                start = stop
        if "bits" in self.side and (codes >> self.side["bits"]).any():
            raise ValueError("a code has more bits than its dimension")
        return codes


def default_block_rows(dimensions: int) -> int:
    """Return how many rows make a block of a fitting size: a multiple of 192, the rows that products take at once."""
    return min(max(192, _BLOCK_VALUES // dimensions // 192 * 192), max(1, _LARGEST_BLOCK // dimensions))


def side_layout(spec: Spec, n_features: int) -> list[tuple[str, str, tuple[int, ...], int]]:
    """List what all rows of a stress share, in the order of the file: name, type, shape, bytes."""
    dimensions = spec.dimensions or n_features
    parts: list[tuple[str, str, tuple[int, ...], int]] = []
    if spec.reduction == "DR1":
        parts.append(("kept", "?", (n_features,), -(-n_features // 8)))
    if spec.reduction == "DR2":
        parts.append(("projection", "<f4", (n_features, dimensions), 4 * n_features * dimensions))
    if spec.allocated_bits is not None:
        parts.append(("bits", "u1", (dimensions,), dimensions))
    if spec.dictionary_size is not None or spec.allocated_bits is not None:
        ranges = 1 if spec.quantizer == "Q1" else dimensions
        parts += [(name, "<f4", (ranges,), 4 * ranges) for name in ("minimum", "maximum")]
    return parts


def checked_rows(X: ArrayLike) -> Array:
    """Return a matrix of float32; ValueError on anything else, since another type would lose or gain bits."""
    rows = np.asanyarray(X)
    if rows.ndim != 2 or 0 in rows.shape or rows.dtype != np.float32:
        raise ValueError(
            f"rows are a float32 matrix, one vector a row; got {rows.dtype} of shape {rows.shape}: use X.astype(np.float32)"
        )
    return rows


def _check_finite(rows: Array, start: int = 0) -> None:
    # A sum needs no second array; where it overflows, the numbers are looked at one by one.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.einsum("ij->", rows)):
            return
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        row, column = map(int, bad[0])
        raise ValueError(f"row {start + row}, column {column} holds {rows[row, column]}; values are finite")


def _training_blocks(X: Array, train: Array, block_rows: int, normalize: bool) -> Iterator[Array]:
    for start in range(0, len(X), block_rows):
        block = np.asarray(X[start : start + block_rows])[train[start : start + block_rows]]
        if len(block):
            _check_finite(block, start)
            yield unit_rows(block) if normalize else block
