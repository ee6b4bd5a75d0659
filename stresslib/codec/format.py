"""The format of a file: header, labels and index as bytes, each part under its checksum.

Between `codec.codec` and the modules `writing` and `reading`; book/format.md has the format byte by byte. Nothing that a
file says is believed before it is checked.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stresslib.codec.bits import code_type, pack_bits, packed_size, unpack_bits
from stresslib.codec.codec import Codec
from stresslib.features import METRICS, FeatureSet
from stresslib.stress.spec import parse_spec

Array = NDArray[Any]

CHECKSUM_BYTES = 8
"""Bytes of a SHA-256 that are kept as a checksum: of 2**64 damages one goes unseen."""

LENGTH_BYTES = 4
"""Bytes of a block's length in the index, where it depends on the codes."""

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


def checksum(data: bytes | bytearray) -> bytes:
    """Return the first 8 bytes of the SHA-256."""
    return hashlib.sha256(data).digest()[:CHECKSUM_BYTES]


def verified(data: bytes, expected: bytes, what: str, *, before: bytes = b"") -> bytes:
    """Return data whose checksum, taken together with what comes before, is the expected one; else ValueError."""
    if checksum(before + data) != expected:
        raise ValueError(f"the checksum of the {what} does not match; restore the file, or compress again")
    return data


def index_entry_bytes(codec: Codec) -> int:
    """Return the bytes of a block in the index: its checksum, and before it its length where that depends on the codes."""
    return CHECKSUM_BYTES if codec.has_known_sizes else LENGTH_BYTES + CHECKSUM_BYTES


def index_entry(codec: Codec, block: bytes) -> bytes:
    """Return the entry of a block in the index."""
    length = b"" if codec.has_known_sizes else len(block).to_bytes(LENGTH_BYTES, "little")
    return length + checksum(block)


@dataclass(frozen=True)
class LabelForm:
    """How the labels of a feature set are stored: a class number a row, or for mAP three states a row and class.

    Attributes
    ----------
    rows : int
    metric : str
    n_classes : int
    """

    rows: int
    metric: str
    n_classes: int

    @property
    def count(self) -> int:
        """Number of labels."""
        return self.rows * self.n_classes if self.metric == "mAP" else self.rows

    @property
    def bits(self) -> int:
        """Bits of a label."""
        return 2 if self.metric == "mAP" else (self.n_classes - 1).bit_length()

    @property
    def n_bytes(self) -> int:
        """Bytes of all labels."""
        return packed_size(self.count, self.bits)

    def to_bytes(self, y: Array) -> bytes:
        """Return labels as a file stores them; -1, 0 and 1 of mAP become 0, 1 and 2."""
        codes = y + 1 if self.metric == "mAP" else y
        return pack_bits(codes.reshape(self.count).astype(code_type(self.bits)), self.bits).tobytes()

    def from_bytes(self, raw: Array) -> Array:
        """Return the labels that bytes of a file hold; ValueError on one that is not there."""
        codes = unpack_bits(raw, self.bits, self.count)
        if codes.max() >= (3 if self.metric == "mAP" else self.n_classes):
            raise ValueError("a label does not name a class")
        if self.metric == "mAP":
            return codes.reshape(self.rows, self.n_classes).astype(np.int8) - np.int8(1)
        return codes.astype(np.int64)


def header_bytes(codec: Codec, features: FeatureSet) -> bytes:
    """Return all that comes before the first checksum: magic, version, length, and the compressed header."""
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


def read_header(stream: BinaryIO, size: int) -> dict[str, Any]:
    """Read and check the header.

    Parameters
    ----------
    stream : binary file
        At its beginning; afterwards behind the header's checksum.
    size : int
        Bytes of the file.

    Returns
    -------
    dict
        With the keys that book/format.md lists; types and bounds are checked.

    Raises
    ------
    ValueError
        On a file that is damaged, of another version, or of another kind.
    """
    preamble = stream.read(_PREAMBLE.size)
    if len(preamble) < _PREAMBLE.size or not preamble.startswith(_MAGIC):
        raise ValueError("it does not begin as one")
    _, version, length = _PREAMBLE.unpack(preamble)
    if version != _VERSION:
        raise ValueError(f"it is of version {version}; this release reads version {_VERSION}")
    if length > min(size, _LARGEST_HEADER):
        raise ValueError("the header is longer than it may be")
    expander = zlib.decompressobj()
    stored = verified(stream.read(length), stream.read(CHECKSUM_BYTES), "header", before=preamble)
    header: dict[str, Any] = json.loads(expander.decompress(stored, _LARGEST_HEADER))
    if not expander.eof or expander.unused_data:
        raise ValueError("the header is longer than it may be")
    _check_header(header)
    return header


def _check_header(header: Any) -> None:
    if not isinstance(header, dict) or set(header) != set(_KEYS):
        raise ValueError(f"the header is not an object with the keys {', '.join(_KEYS)}")
    for name, kind in _KEYS.items():
        if type(header[name]) is not kind:
            raise ValueError(f"{name} is {header[name]!r}, which is not of type {kind.__name__}")
    rows, classes, files = header["rows"], header["classes"], header["files"]
    if not all(isinstance(name, str) for name in classes + files) or len(files) not in (0, rows) or not classes:
        raise ValueError("classes and files are lists of names; files has one name a row, or none at all")
    if not 2 <= rows <= _LARGEST_ROWS or header["metric"] not in METRICS:
        raise ValueError(f"rows={rows} with metric={header['metric']!r} are not possible")
    if str(parse_spec(header["spec"])) != header["spec"]:
        raise ValueError(f"the stress {header['spec']!r} is not in its canonical form")
    if not re.fullmatch("([0-9a-f]{64})?", header["fitted_on"]):
        raise ValueError("fitted_on is not a SHA-256")
