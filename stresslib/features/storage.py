"""Storage: the two kinds of feature files, safetensors with float32 vectors, and the same under xz with one byte a value.

Arrays and a description go in and come out; FeatureSet, above, knows what they mean. Both kinds are those of version 0.1.0.
"""

from __future__ import annotations

import itertools
import json
import lzma
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load
from safetensors.numpy import save as to_bytes

from stresslib.files import replacing

Array = NDArray[Any]

SUFFIXES = (".safetensors", ".safetensors.xz")
"""How the names of feature files end: with float32 values, and with one byte a value."""

BLOCK_ROWS = 512
"""Rows that are processed at once, so that there is never a second copy of all vectors in memory."""


def write_float32(
    path: str | os.PathLike[str], blocks: Iterator[Array], y: Array, train: Array, description: dict[str, Any]
) -> Path:
    """Write vectors, labels and split as one safetensors file.

    Parameters
    ----------
    path : path-like
        An existing file is replaced atomically, never left half-written.
    blocks : iterator of ndarray of shape (rows, d), float32
        The vectors, block after block.
    y, train : ndarray
        Labels and split; as many rows as all blocks together.
    description : dict
        JSON values, for the header.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        When the blocks do not add up to the rows of `y`.
    """
    first = next(blocks)
    tensors = {"X": first, "y": y, "train": train}
    header: dict[str, Any] = {"__metadata__": _metadata(description)}
    end = 0
    # The widest type first, so that each array is aligned to its type.
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].itemsize):
        shape = (len(y), *array.shape[1:])
        begin, end = end, end + math.prod(shape) * array.itemsize
        header[name] = {"dtype": _NAMES[array.dtype], "shape": shape, "data_offsets": (begin, end)}
    text = json.dumps(header, sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as temporary, open(temporary, "wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name in sorted(tensors, key=lambda name: header[name]["data_offsets"]):
            for part in itertools.chain([first], blocks) if name == "X" else [tensors[name]]:
                # A few rows at a time: an array may be mapped from a disk, and larger than the memory.
                for start in range(0, len(part), BLOCK_ROWS):
                    stream.write(np.ascontiguousarray(part[start : start + BLOCK_ROWS]).data)
        if stream.tell() != 8 + len(text) + end:
            raise ValueError(f"{path}: the vectors to write are not {len(y)} rows of {first.shape[1]} numbers")
    return Path(path)


def write_compact(path: str | os.PathLike[str], X: Array, y: Array, train: Array, description: dict[str, Any]) -> Path:
    """Write vectors with one byte a value, compressed by xz; :meth:`stresslib.FeatureSet.save_compact` has the form.

    Parameters
    ----------
    path : path-like
    X : ndarray of shape (n, d), float32
    y, train, description
        As for :func:`write_float32`.

    Returns
    -------
    pathlib.Path
    """
    tensors = {"maximum": X.max(axis=0), "y": y, "train": train}
    if X.min() < 0:
        tensors["minimum"] = X.min(axis=0)
    minimum = tensors.get("minimum", np.float32(0))
    width = np.subtract(tensors["maximum"], minimum, dtype=np.float64)
    scale = np.divide(255, width, out=np.zeros_like(width), where=width > 0)
    tensors["codes"] = np.ascontiguousarray(np.rint((X - minimum) * scale).astype(np.uint8).T)
    with replacing(path) as temporary:
        temporary.write_bytes(lzma.compress(to_bytes(tensors, _metadata(description)), preset=9 | lzma.PRESET_EXTREME))
    return Path(path)


def read_arrays(path: Path) -> tuple[Array, Array, Array, dict[str, Any]]:
    """Read a feature file of either kind.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    X, y, train : ndarray
        The vectors are mapped from the disk, or decoded from one byte a value.
    description : dict
        As it was written.

    Raises
    ------
    OtherKindError
        Where the file is a whole one of another kind; the message says of which, and what to do with it.
    Exception
        One of :data:`DAMAGE`, where the bytes are not those of a feature file.
    """
    try:
        return _read(path)
    except OtherKindError:
        raise
    except DAMAGE:
        with open(path, "rb") as stream:
            _name_other_kind(path, stream.read(_LONGEST_MAGIC))
        raise


def _read(path: Path) -> tuple[Array, Array, Array, dict[str, Any]]:
    """Read a feature file of either kind, or raise one of :data:`DAMAGE`."""
    if path.suffix == ".xz":
        raw = lzma.decompress(path.read_bytes())
        tensors, header = load(raw), _header(raw)[0]
        _check_tensors(path, header, _COMPACT)
        minimum = tensors.get("minimum", np.float32(0))
        X = np.ascontiguousarray(tensors["codes"].T) * ((tensors["maximum"] - minimum) / np.float32(255)) + minimum
    else:
        with safe_open(path, "np"):
            pass  # the format's own library checks the header: offsets, sizes and types
        with open(path, "rb") as stream:
            start = stream.read(8)
            header, offset = _header(start + stream.read(int.from_bytes(start, "little")))
        _check_tensors(path, header, _FLOAT32)
        tensors = {
            name: np.memmap(path, _DTYPES[entry["dtype"]], "r", offset + entry["data_offsets"][0], tuple(entry["shape"]))
            for name, entry in header.items()
            if name in _FLOAT32
        }
        X = tensors["X"]
    X.flags.writeable = False  # nobody else has it: a feature set takes it without a copy
    return np.asarray(X), np.array(tensors["y"]), np.array(tensors["train"]), json.loads(header["__metadata__"]["stresslib"])


def read_description(path: Path) -> dict[str, Any]:
    """Read the description in a float32 file, and none of its vectors; raises as :func:`read_arrays` does."""
    with safe_open(path, "np") as tensors:
        return dict(json.loads(tensors.metadata()["stresslib"]))


def read_form(path: Path) -> tuple[tuple[int, int], Array, dict[str, Any]]:
    """Read the shape of the vectors in a float32 file, the split and the description, and none of the vectors."""
    with safe_open(path, "np") as tensors:
        rows, width = tensors.get_slice("X").get_shape()
        return (rows, width), tensors.get_tensor("train"), dict(json.loads(tensors.metadata()["stresslib"]))


DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    SafetensorError,
)
"""What :func:`read_arrays` may raise on a file that is damaged or of another kind: bytes can be wrong at every step, from
the archive and the JSON header to types, offsets and shapes."""


class OtherKindError(ValueError):
    """A whole file, but not of features."""


_IMPORT = "save its vectors with numpy.save, and import them with 'stresslib import'"

_OTHER_KINDS = {
    b"\x89STRESS\n": "a compressed file: 'stresslib decompress {path} -o NAME.safetensors' makes a feature file of it",
    b"\x93NUMPY": "a NumPy array: import it first: 'stresslib import {path} labels.csv -o NAME.safetensors'",
    b"PAR1": f"a Parquet table: {_IMPORT}",
    b"\x89HDF": f"an HDF5 file: {_IMPORT}",
    b"MATLAB 5.0": f"a MATLAB file: {_IMPORT}",
    b"PK\x03\x04": f"a zip archive, as .npz and .pt files are: {_IMPORT}",
    b"\x80": f"a pickle, as .pkl and .pt files are: {_IMPORT}",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself: 'git lfs pull' gets it",
}
"""How whole files of other kinds begin, what they are, and what to do with them."""

_LONGEST_MAGIC = max(map(len, _OTHER_KINDS))

_XZ = b"\xfd7zXZ\0"


def _name_other_kind(path: Path, start: bytes) -> None:
    """Raise OtherKindError where how a file begins, or how its name ends, says what it is instead of a feature file."""
    for magic, kind in _OTHER_KINDS.items():
        if start.startswith(magic):
            raise OtherKindError(f"{path} is {kind.format(path=path)}")
    if path.suffix in (".csv", ".tsv", ".txt"):
        raise OtherKindError(
            f"{path} is a text: 'stresslib import X.npy {path} -o NAME.safetensors' joins labels to their vectors, which "
            "numpy.save writes"
        )
    if start.startswith(_XZ) and path.suffix != ".xz":
        raise OtherKindError(f"{path} is compressed by xz: give it a name that ends in {SUFFIXES[1]}")


_FLOAT32 = {"X": ("F32",), "y": ("I64", "I8"), "train": ("BOOL",)}
_COMPACT = {"codes": ("U8",), "maximum": ("F32",), "y": ("I64", "I8"), "train": ("BOOL",)}
"""The tensors of both kinds of files, and their types; the latter may have a ``minimum`` too."""


def _check_tensors(path: Path, header: dict[str, Any], wanted: dict[str, tuple[str, ...]]) -> None:
    """Raise OtherKindError where a safetensors file, whole as it is, does not hold the tensors of a feature file."""
    held = [name for name in header if name != "__metadata__"]
    if any(name not in header for name in wanted):
        raise OtherKindError(
            f"{path} has {'the tensor(s) ' + ', '.join(sorted(held)[:5]) if held else 'no tensor'} where a feature file "
            f"has {', '.join(wanted)}; {_IMPORT}"
        )
    for name, types in wanted.items():
        if header[name]["dtype"] not in types:
            what = "float32" if types == ("F32",) else " or ".join(types)
            raise OtherKindError(f"{path}: {name} is {header[name]['dtype']}; {what} is read")
    if "stresslib" not in header.get("__metadata__", {}):
        raise OtherKindError(f"{path} has vectors and labels, but not their description; {_IMPORT}")


_DTYPES = {"F32": np.float32, "I64": np.int64, "I8": np.int8, "BOOL": np.bool_}
_NAMES = {np.dtype(kind): name for name, kind in _DTYPES.items()}


def _metadata(description: dict[str, Any]) -> dict[str, str]:
    """Return the description as metadata of safetensors, which are texts."""
    return {"stresslib": json.dumps(description, sort_keys=True)}


def _header(raw: bytes) -> tuple[dict[str, Any], int]:
    """Return the JSON header of a safetensors file and where its data starts."""
    offset = 8 + int.from_bytes(raw[:8], "little")
    return json.loads(raw[8:offset]), offset
