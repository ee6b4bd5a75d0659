"""Reading a file: any of its vectors, or all as a feature set.

Above `codec.format`, beside `codec.writing`.
"""

from __future__ import annotations

import itertools
import operator
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stresslib.arrays import unwrapped
from stresslib.codec.bits import packed_size, unpack_bits
from stresslib.codec.codec import Codec
from stresslib.codec.format import CHECKSUM_BYTES, LabelForm, index_entry_bytes, read_header, verified
from stresslib.codec.parallel import map_in_order
from stresslib.features import FeatureSet
from stresslib.stress.spec import parse_spec

Array = NDArray[Any]


def decompress(path: str | os.PathLike[str]) -> FeatureSet:
    """Read a compressed file as a feature set: the stressed vectors with their labels and split.

    Parameters
    ----------
    path : path-like
        As :func:`compress` wrote it.

    Returns
    -------
    FeatureSet
        Its provenance names the stress as ``spec``, and the features on which it was fitted as ``fitted_on``.

    Raises
    ------
    ValueError
        When the file is damaged or of another kind, or holds erased values that float32 cannot represent.

    Notes
    -----
    Nothing is normalised after a stress: load a saved copy with ``normalize=False``, or on the command line with ``--raw``.

    Examples
    --------
    >>> import tempfile
    >>> import stresslib as sl
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sl.codec.decompress(sl.codec.compress(f, "DR1:64,Q2:4", f"{folder}/scenes15.stress")).provenance["spec"]
    'DR1:64,Q2:4'
    """
    compressed = CompressedFeatures(path)
    X, start = compressed.room(len(compressed), np.dtype(np.float32)), 0
    for block in compressed.float32_blocks():
        X[start : start + len(block)] = block
        start += len(block)
    X.flags.writeable = False  # nobody else has it: the set takes it without a copy
    return compressed.described(X)


class CompressedFeatures:
    """An open compressed file: its description, and any of its vectors without reading the rest.

    Parameters
    ----------
    path : path-like
        As :func:`compress` wrote it.

    Attributes
    ----------
    codec : Codec
        The stress, fitted; it encodes other rows too.
    y, train, metric, classes, files, provenance
        As of a FeatureSet.

    Raises
    ------
    ValueError
        When the file is damaged or of another kind; the message names it, and the block when one is read.

    Notes
    -----
    ``compressed[7]`` is a vector, ``compressed[100:200]`` and ``compressed[[5, 3, 9]]`` are matrices. Each call reads and
    checks the blocks in which its rows lie, and closes the file.

    Examples
    --------
    >>> import tempfile
    >>> import stresslib as sl
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     compressed = sl.codec.CompressedFeatures(sl.codec.compress(f, "DR1:64,Q2:4", f"{folder}/scenes15.stress"))
    ...     len(compressed), compressed[[5, 3, 9]].shape
    (4467, (3, 64))
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            with open(self.path, "rb") as stream:
                self._open(stream, os.fstat(stream.fileno()).st_size)
        except (ValueError, LookupError, TypeError, RecursionError, OverflowError, zlib.error) as error:
            raise ValueError(f"{self.path} cannot be read as compressed features: {error}") from error

    def _open(self, stream: BinaryIO, size: int) -> None:
        """Read and check everything but the blocks."""
        header = read_header(stream, size)
        self._rows: int = header["rows"]
        self.metric: str = header["metric"]
        self.classes: tuple[str, ...] = tuple(header["classes"])
        self.files: tuple[str, ...] = tuple(header["files"])
        self.provenance: dict[str, Any] = header["provenance"]
        settings = {name: header[name] for name in ("n_features", "packing", "block_rows", "normalize", "fitted_on")}
        codec = Codec(parse_spec(header["spec"]), **settings)
        labels = LabelForm(self._rows, self.metric, len(self.classes))
        # All sizes follow from the header. They are added up and compared with the file before anything is read.
        sizes = [part.n_bytes for part in codec.side_parts] + [labels.n_bytes, packed_size(self._rows, 1)]
        index_size = -(-self._rows // codec.block_rows) * index_entry_bytes(codec)
        first = stream.tell() + sum(sizes) + CHECKSUM_BYTES + index_size + CHECKSUM_BYTES
        if first > size:
            raise ValueError(f"it has {size} bytes and should have more than {first}")
        arrays = verified(stream.read(sum(sizes)), stream.read(CHECKSUM_BYTES), "side information")
        cuts = np.cumsum([0, *sizes])
        *side, stored_labels, stored_split = (
            np.frombuffer(arrays[start:stop], dtype=np.uint8) for start, stop in itertools.pairwise(cuts)
        )
        self.codec = codec.with_side(side)
        self.y = labels.from_bytes(stored_labels)
        self.train = unpack_bits(stored_split, 1, self._rows).astype(bool)
        index = verified(stream.read(index_size), stream.read(CHECKSUM_BYTES), "index")
        entries = np.frombuffer(index, dtype=np.uint8).reshape(-1, index_entry_bytes(codec))
        self._checksums = entries[:, -CHECKSUM_BYTES:]
        self._offsets = first + np.cumsum([0, *self._block_lengths(entries[:, :-CHECKSUM_BYTES])])
        if self._offsets[-1] != size:
            raise ValueError(f"it has {size} bytes and should have {self._offsets[-1]}")

    def _block_lengths(self, stated: Array) -> list[int]:
        if stated.size:
            return np.ascontiguousarray(stated).view("<u4")[:, 0].tolist()
        return [self.codec.block_size(self._block_rows(block)) or 0 for block in range(len(stated))]

    @property
    def packed_bytes(self) -> int:
        """Bytes of all packed blocks."""
        return int(self._offsets[-1] - self._offsets[0])

    def _block_rows(self, block: int) -> int:
        return min(self.codec.block_rows, self._rows - block * self.codec.block_rows)

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return (
            f"CompressedFeatures({self.path}: {self._rows} x {self.codec.dimensions} of {self.codec.n_features}, "
            f"{self.codec.spec}, {self.codec.packing}, {len(self._checksums)} blocks)"
        )

    def __getitem__(self, rows: Any) -> Array:
        """Return stressed vectors.

        Parameters
        ----------
        rows : int, slice, array-like of int, or boolean mask
            As for a NumPy array.

        Returns
        -------
        ndarray of shape (dimensions,) or (n, dimensions), of ``codec.dtype``
        """
        single = hasattr(rows, "__index__") and not isinstance(rows, np.ndarray)
        wanted = self._row_numbers([operator.index(rows)] if single else rows)
        X = self.room(len(wanted), self.codec.dtype)
        blocks = wanted // self.codec.block_rows
        order = np.argsort(blocks, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1) if len(wanted) else []

        def fill(places: Array) -> None:
            block = int(blocks[places[0]])
            X[places] = self._block(block)[wanted[places] - block * self.codec.block_rows]

        for _ in map_in_order(fill, groups, self.codec.threads):
            pass
        return X[0] if single else X

    def room(self, rows: int, kind: np.dtype[Any]) -> Array:
        """Return an empty array for some rows; ValueError where memory does not suffice, which a file may well exceed."""
        try:
            return np.empty((rows, self.codec.dimensions), dtype=kind)
        except MemoryError as error:
            raise ValueError(f"{self.path}: {rows} rows do not fit in memory; read fewer, or use blocks()") from error

    def _row_numbers(self, rows: Any) -> Array:
        if isinstance(rows, slice):
            return np.arange(*rows.indices(self._rows))
        numbers = np.asarray(unwrapped(rows, "rows"))
        if numbers.dtype == bool and numbers.shape == (self._rows,):
            return np.flatnonzero(numbers)
        if numbers.size == 0:
            numbers = numbers.astype(np.int64)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            raise IndexError(f"rows are an int, a slice, a list of int or a mask of {self._rows}; got {rows!r}")
        outside = numbers[(numbers < -self._rows) | (numbers >= self._rows)]
        if len(outside):
            raise IndexError(f"row {outside[0]} of only {self._rows}")
        return np.where(numbers < 0, numbers + self._rows, numbers).astype(np.int64)

    def blocks(self) -> Iterator[Array]:
        """Yield all stressed vectors, a block of rows at a time, with only a few blocks in memory at once."""
        return map_in_order(self._block, range(len(self._checksums)), self.codec.threads)

    def _block(self, block: int) -> Array:
        first, count = block * self.codec.block_rows, self._block_rows(block)
        try:
            with open(self.path, "rb") as stream:
                stream.seek(self._offsets[block])
                packed = stream.read(self._offsets[block + 1] - self._offsets[block])
            verified(packed, self._checksums[block].tobytes(), "block")
            X = np.empty((count, self.codec.dimensions), dtype=self.codec.dtype)
            self.codec.decode_block(packed, X)
        except ValueError as error:
            raise ValueError(
                f"{self.path}, block {block}, rows {first} to {first + count - 1}, cannot be read: {error}"
            ) from error
        return X

    def float32_blocks(self) -> Iterator[Array]:
        """Yield all vectors as float32, the type of a feature set; ValueError where that would change a value."""
        for block in self.blocks():
            narrow = block.astype(np.float32, copy=False)
            if narrow is not block and not np.array_equal(narrow, block):
                raise ValueError(
                    f"{self.path}: {self.codec.spec} leaves numbers below those of float32, the type of a feature set; "
                    f"read them with CompressedFeatures"
                )
            yield narrow

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write what :func:`decompress` returns as a file of features, block by block.

        Parameters
        ----------
        path : path-like
            As for :meth:`FeatureSet.save`.

        Returns
        -------
        pathlib.Path
        """
        return self.described(np.zeros((self._rows, 1), dtype=np.float32)).save(path, vectors=self.float32_blocks())

    def described(self, X: ArrayLike) -> FeatureSet:
        """Return a feature set of the given vectors, with everything else from the file."""
        origin = {"spec": str(self.codec.spec), "fitted_on": self.codec.fitted_on}
        try:
            return FeatureSet(X, self.y, self.train, self.metric, self.classes, self.files, self.provenance | origin)
        except ValueError as error:
            raise ValueError(f"{self.path} cannot be read as compressed features: {error}") from error
