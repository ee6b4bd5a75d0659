"""The file: one fitted stress, packed blocks of rows, and their labels, every byte of it under a checksum.

On top of `codec.codec`; book/format.md has the format byte by byte. Nothing of a file is believed before it is checked.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import operator
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stresslib.codec.codec import Codec, side_layout
from stresslib.codec.packing import CHECKSUM_BYTES, code_type, pack_bits, packed_size, unpack_bits
from stresslib.features import METRICS, FeatureSet
from stresslib.files import replacing
from stresslib.stress.on_features.allocation import MOST_BITS
from stresslib.stress.spec import Spec, parse_spec

Array = NDArray[Any]

_MAGIC = b"\x89STRESS\n"
_VERSION = 1
_PREAMBLE = struct.Struct("<8sII")
_LARGEST_HEADER = 100_000_000
_LARGEST_ROWS = 1 << 48
_KEYS = {
    "block_rows": int,
    "classes": list,
    "files": list,
    "fitted_on": str,
    "metric": str,
    "n_features": int,
    "normalize": bool,
    "packing": str,
    "provenance": dict,
    "rows": int,
    "spec": str,
}


def compress(
    features: FeatureSet,
    spec: str | Spec | Codec,
    path: str | os.PathLike[str],
    *,
    packing: str = "bits",
    normalize: bool = False,
    block_rows: int | None = None,
    random_state: int = 0,
) -> Path:
    """Write a feature set under a stress as one small file.

    Parameters
    ----------
    features : FeatureSet
        May be memory-mapped and larger than the memory; only principal components need its training rows in it.
    spec : str or Codec
        The stress, fitted on the training rows; or one that was fitted before, perhaps read from another file.
    path : path-like
        Conventionally ``*.stress``. An existing file is replaced at once, never left half-written.
    packing, normalize, block_rows, random_state
        As for :meth:`Codec.fit`; with a Codec they are its own.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        When the stress cannot be fitted on the features, or was fitted on rows of another width.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import stresslib as sl
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = sl.codec.compress(f, "Q2:4", Path(folder) / "scenes15.stress")
    ...     some = sl.codec.CompressedFeatures(path)[[4000, 7]]
    >>> np.array_equal(some, sl.make_stress("Q2:4").fit(f.X[f.train]).transform(f.X[[4000, 7]]))
    True
    """
    if isinstance(spec, Codec):
        codec = spec
    else:
        codec = Codec.fit(
            features, spec, packing=packing, normalize=normalize, block_rows=block_rows, random_state=random_state
        )
    codec.check_width(features.X)
    header, arrays = _header(codec, features), _arrays(codec, features)
    count = -(-len(features.X) // codec.block_rows)
    index = bytearray()
    with replacing(path) as temporary, open(temporary, "wb") as stream:
        stream.write(header + _checksum(header) + arrays + _checksum(arrays))
        place = stream.tell()
        stream.write(bytes(count * codec.index_entry + CHECKSUM_BYTES))
        for block in codec.encode_blocks(features.X):
            stream.write(block)
            length = len(block).to_bytes(4, "little") if codec.index_entry > CHECKSUM_BYTES else b""
            index += length + _checksum(block)
        stream.seek(place)
        stream.write(index + _checksum(index))
    return Path(path)


def decompress(path: str | os.PathLike[str]) -> FeatureSet:
    """Read a compressed file as a feature set: the stressed vectors with their labels and split.

    Parameters
    ----------
    path : path-like
        As :func:`compress` wrote it.

    Returns
    -------
    FeatureSet
        Its provenance names the stress as ``spec``, and the features that it was fitted on as ``fitted_on``.

    Raises
    ------
    ValueError
        When the file is damaged or no such file, or holds erased values that float32 has no room for.

    Notes
    -----
    Nothing is normalised after a stress: load a saved copy with ``normalize=False``, on the command line with ``--raw``.

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
    return compressed.described(X)


class CompressedFeatures:
    """A compressed file, opened: what it says of its vectors, and any of them without reading the rest.

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
        When the file is damaged or no such file; the message names it, and the block when one is read.

    Notes
    -----
    ``compressed[7]`` is a vector, ``compressed[100:200]`` and ``compressed[[5, 3, 9]]`` are rows of vectors. Each call reads
    the blocks that its rows lie in, checks them, and closes the file.

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
                self._read(stream, os.fstat(stream.fileno()).st_size)
        except (ValueError, LookupError, TypeError, RecursionError, OverflowError, zlib.error) as error:
            raise ValueError(f"{self.path} cannot be read as compressed features: {error}") from error

    def _read(self, stream: BinaryIO, size: int) -> None:
        preamble = stream.read(_PREAMBLE.size)
        if len(preamble) < _PREAMBLE.size or not preamble.startswith(_MAGIC):
            raise ValueError("it does not begin as one")
        _, version, length = _PREAMBLE.unpack(preamble)
        if version != _VERSION:
            raise ValueError(f"it is of version {version}; this release reads version {_VERSION}")
        if length > min(size, _LARGEST_HEADER):
            raise ValueError("the header is longer than it may be")
        expander = zlib.decompressobj()
        stored = _checked(preamble, stream.read(length), stream.read(CHECKSUM_BYTES), "header")
        header = json.loads(expander.decompress(stored, _LARGEST_HEADER))
        if not expander.eof or expander.unused_data:
            raise ValueError("the header is longer than it may be")
        _check_header(header)
        self._rows: int = header["rows"]
        self.metric: str = header["metric"]
        self.classes: tuple[str, ...] = tuple(header["classes"])
        self.files: tuple[str, ...] = tuple(header["files"])
        self.provenance: dict[str, Any] = header["provenance"]
        numbers = {name: header[name] for name in ("n_features", "packing", "block_rows", "normalize", "fitted_on")}
        codec = Codec(parse_spec(header["spec"]), **numbers)
        # All sizes follow from the header. They are added up and compared with the file before anything is read.
        sizes = [stored for *_, stored in side_layout(codec.spec, codec.n_features)]
        sizes += [packed_size(*_label_form(self._rows, self.metric, len(self.classes))), packed_size(self._rows, 1)]
        count = -(-self._rows // codec.block_rows)
        first = stream.tell() + sum(sizes) + CHECKSUM_BYTES + count * codec.index_entry + CHECKSUM_BYTES
        if first > size:
            raise ValueError(f"it has {size} bytes and should have more than {first}")
        arrays = _checked(b"", stream.read(sum(sizes)), stream.read(CHECKSUM_BYTES), "side information")
        cuts = np.cumsum([0, *sizes])
        parts = [np.frombuffer(arrays[cut:end], dtype=np.uint8) for cut, end in itertools.pairwise(cuts)]
        self.codec = Codec(codec.spec, **numbers, side=_side(codec, parts))
        self.y = _labels(parts[-2], self._rows, self.metric, len(self.classes))
        self.train = unpack_bits(parts[-1], 1, self._rows).astype(bool)
        index = _checked(b"", stream.read(count * codec.index_entry), stream.read(CHECKSUM_BYTES), "index")
        entries = np.frombuffer(index, dtype=np.uint8).reshape(count, -1)
        self._checksums = entries[:, -CHECKSUM_BYTES:]
        lengths = self._block_lengths(entries[:, :-CHECKSUM_BYTES])
        self._offsets = first + np.cumsum([0, *lengths])
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
        wanted = self._numbers([operator.index(rows)] if single else rows)
        X = self.room(len(wanted), self.codec.dtype)
        blocks = wanted // self.codec.block_rows
        order = np.argsort(blocks, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1) if len(wanted) else []

        def read(places: Array) -> None:
            block = int(blocks[places[0]])
            X[places] = self._block(block)[wanted[places] - block * self.codec.block_rows]

        for _ in self.codec.in_parallel(read, groups):
            pass
        return X[0] if single else X

    def room(self, rows: int, kind: np.dtype[Any]) -> Array:
        """Return an array for some rows; a file may well hold more than there is memory."""
        try:
            return np.empty((rows, self.codec.dimensions), dtype=kind)
        except MemoryError as error:
            raise ValueError(f"{self.path}: {rows} rows are too many for the memory; read fewer, or blocks()") from error

    def _numbers(self, rows: Any) -> Array:
        if isinstance(rows, slice):
            return np.arange(*rows.indices(self._rows))
        numbers = np.asarray(rows)
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
        """Yield all stressed vectors, a block of rows at a time, a few of them in memory at once."""
        return self.codec.in_parallel(self._block, range(len(self._checksums)))

    def _block(self, block: int) -> Array:
        first, count = block * self.codec.block_rows, self._block_rows(block)
        try:
            with open(self.path, "rb") as stream:
                stream.seek(self._offsets[block])
                packed = stream.read(self._offsets[block + 1] - self._offsets[block])
            _checked(b"", packed, self._checksums[block].tobytes(), "block")
            X = np.empty((count, self.codec.dimensions), dtype=self.codec.dtype)
            self.codec.decode_block(packed, X)
        except ValueError as error:
            raise ValueError(
                f"{self.path}, block {block}, rows {first} to {first + count - 1}, cannot be read: {error}"
            ) from error
        return X

    def float32_blocks(self) -> Iterator[Array]:
        """Yield all vectors as float32, which a feature set holds; ValueError where that would change one."""
        for block in self.blocks():
            narrow = block.astype(np.float32, copy=False)
            if narrow is not block and not np.array_equal(narrow, block):
                raise ValueError(
                    f"{self.path}: {self.codec.spec} leaves numbers below those of float32, which a feature set holds; "
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
        """Return a feature set of the vectors given, with all else that the file says."""
        origin = {"spec": str(self.codec.spec), "fitted_on": self.codec.fitted_on}
        try:
            return FeatureSet(X, self.y, self.train, self.metric, self.classes, self.files, self.provenance | origin)
        except ValueError as error:
            raise ValueError(f"{self.path} cannot be read as compressed features: {error}") from error


def _checksum(data: bytes | bytearray) -> bytes:
    """The first 8 bytes of the SHA-256."""
    return hashlib.sha256(data).digest()[:CHECKSUM_BYTES]


def _checked(before: bytes, data: bytes, checksum: bytes, what: str) -> bytes:
    if _checksum(before + data) != checksum:
        raise ValueError(f"the checksum of the {what} does not match; restore the file, or compress again")
    return data


def _header(codec: Codec, features: FeatureSet) -> bytes:
    described = {
        "block_rows": codec.block_rows,
        "classes": features.classes,
        "files": features.files,
        "fitted_on": codec.fitted_on,
        "metric": features.metric,
        "n_features": codec.n_features,
        "normalize": codec.normalize,
        "packing": codec.packing,
        "provenance": features.provenance | ({"normalization": "l2"} if codec.normalize else {}),
        "rows": len(features.X),
        "spec": str(codec.spec),
    }
    text = json.dumps(described, sort_keys=True, separators=(",", ":")).encode()
    if len(text) > _LARGEST_HEADER:
        raise ValueError(f"names and provenance take {len(text)} bytes; a file has room for {_LARGEST_HEADER}")
    stored = zlib.compress(text, 9)
    return _PREAMBLE.pack(_MAGIC, _VERSION, len(stored)) + stored


def _check_header(header: Any) -> None:
    if not isinstance(header, dict) or set(header) != set(_KEYS):
        raise ValueError(f"the header is no object of {', '.join(_KEYS)}")
    for name, kind in _KEYS.items():
        if type(header[name]) is not kind:
            raise ValueError(f"{name} is {header[name]!r}, which is no {kind.__name__}")
    rows, classes, files = header["rows"], header["classes"], header["files"]
    if not all(isinstance(name, str) for name in classes + files) or len(files) not in (0, rows) or not classes:
        raise ValueError("classes and files are lists of names, of files one a row or none")
    if not 2 <= rows <= _LARGEST_ROWS or header["metric"] not in METRICS:
        raise ValueError(f"rows={rows} and metric={header['metric']!r} cannot be")
    if str(parse_spec(header["spec"])) != header["spec"]:
        raise ValueError(f"the stress {header['spec']!r} is not in its canonical form")
    if not re.fullmatch("([0-9a-f]{64})?", header["fitted_on"]):
        raise ValueError("fitted_on is no SHA-256")


def _label_form(rows: int, metric: str, classes: int) -> tuple[int, int]:
    """How many labels there are, and how many bits each takes."""
    return (rows * classes, 2) if metric == "mAP" else (rows, (classes - 1).bit_length())


def _arrays(codec: Codec, features: FeatureSet) -> bytes:
    parts = [
        pack_bits(codec.side[name].astype(np.uint8), 1) if kind == "?" else codec.side[name].astype(kind)
        for name, kind, *_ in side_layout(codec.spec, codec.n_features)
    ]
    count, bits = _label_form(len(features.y), features.metric, len(features.classes))
    labels = (features.y + (features.metric == "mAP")).reshape(count).astype(code_type(bits))
    parts += [pack_bits(labels, bits), pack_bits(features.train.astype(np.uint8), 1)]
    return b"".join(part.tobytes() for part in parts)


def _side(codec: Codec, parts: list[Array]) -> dict[str, Array]:
    side = {}
    for (name, kind, shape, _), raw in zip(side_layout(codec.spec, codec.n_features), parts, strict=False):
        side[name] = unpack_bits(raw, 1, *shape).astype(bool) if kind == "?" else raw.view(kind).reshape(shape)
        if not np.isfinite(side[name]).all():
            raise ValueError(f"{name} is not finite")
    if "kept" in side and side["kept"].sum() != codec.dimensions:
        raise ValueError(f"kept marks {side['kept'].sum()} dimensions, not {codec.dimensions}")
    if "minimum" in side and (side["minimum"] > side["maximum"]).any():
        raise ValueError("a minimum exceeds its maximum")
    if "bits" in side and (side["bits"].max() > MOST_BITS or int(side["bits"].sum(dtype=np.int64)) != codec.spec.level):
        raise ValueError(f"bits are at most {MOST_BITS} a dimension and {codec.spec.level} in all")
    return side


def _labels(raw: Array, rows: int, metric: str, classes: int) -> Array:
    codes = unpack_bits(raw, _label_form(rows, metric, classes)[1], _label_form(rows, metric, classes)[0])
    if codes.max() >= (3 if metric == "mAP" else classes):
        raise ValueError("a label is of no class")
    return codes.reshape(rows, classes).astype(np.int8) - np.int8(1) if metric == "mAP" else codes.astype(np.int64)
