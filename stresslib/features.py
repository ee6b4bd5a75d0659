"""FeatureSet: vectors with their labels, split, metric and provenance, in memory and on disk.

First stop of the chain: every stress, sweep and figure starts from one. Stored vectors are raw; L2 normalisation has
its one home here, in `load_features`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import lzma
import math
import os
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load
from safetensors.numpy import save as to_bytes
from sklearn.model_selection import train_test_split

from stresslib.files import cache_dir, replacing, text_sha256
from stresslib.sources import extraction_digest

Array = NDArray[Any]

METRICS = ("mAP", "accuracy", "mean-class-accuracy")
"""Metrics that a feature set may ask for; `evaluation.metrics` computes them."""

EMBEDDED = Path(__file__).parent / "embedded"
"""Folder of the features that are shipped with the package."""


class FeatureSet:
    """Feature vectors, what they show, and how they are to be used.

    Parameters
    ----------
    X : array-like of shape (n, d)
        One vector a row, finite; kept as float32.
    y : array-like of shape (n,) or (n, classes)
        Class labels; or a matrix of 1 (positive), -1 (negative) and 0 (difficult: neither); or one of 1 and 0
        (negative).
    train : array-like of bool, shape (n,)
        True for training rows. The others are test rows.
    metric : {"mAP", "accuracy", "mean-class-accuracy"}, optional
        Default: mAP for a matrix `y`, accuracy for labels.
    classes : sequence of str, optional
        Names of the classes. Default: the sorted labels, or column numbers.
    files : sequence of str, optional
        Name of the image behind each row.
    provenance : dict, optional
        JSON values that say where the vectors come from; ``dataset``, ``model`` and ``layer`` name them in results.

    Attributes
    ----------
    X : ndarray of shape (n, d), float32
    y : ndarray of shape (n,), class numbers; or of shape (n, classes), of 1, -1 and 0
    train, test : ndarray of bool, shape (n,)
    metric : str
    classes : tuple of str
    files : tuple of str, may be empty
    provenance : dict

    Raises
    ------
    ValueError
        On NaN or infinity, on shapes that do not agree, on an empty part of the split, or on a class that the metric
        cannot work with; the message names the row, column or class.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib import FeatureSet
    >>> f = FeatureSet(np.eye(4), ["cat", "dog", "cat", "dog"], train=[True, True, False, False])
    >>> f.classes, f.y.tolist(), f.metric
    (('cat', 'dog'), [0, 1, 0, 1], 'accuracy')
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        train: ArrayLike,
        metric: str | None = None,
        classes: Sequence[str] | None = None,
        files: Sequence[str] = (),
        provenance: dict[str, Any] | None = None,
    ) -> None:
        self.X = _checked_vectors(X)
        self.train = np.ascontiguousarray(train)
        if self.train.dtype != bool or self.train.shape != (len(self.X),):
            raise ValueError(f"train is a boolean mask of shape ({len(self.X)},); got {_form(self.train)}")
        if self.train.all() or not self.train.any():
            raise ValueError("train marks all rows or none; both training and test rows are needed")
        self.y, self.classes = _checked_labels(np.asarray(y), len(self.X), classes)
        if metric is None:
            metric = "mAP" if self.y.ndim == 2 else "accuracy"
        if metric not in METRICS or (metric == "mAP") != (self.y.ndim == 2):
            raise ValueError(f"metric={metric!r}: allowed is mAP for a matrix y, accuracy or mean-class-accuracy else")
        self.metric = metric
        self._check_classes()
        self.files = tuple(files)
        if self.files and len(self.files) != len(self.X):
            raise ValueError(f"{len(self.files)} file names for {len(self.X)} rows; give one a row, or none")
        self.provenance = {**_UNKNOWN, **(provenance or {})}

    def _check_classes(self) -> None:
        for part, mask in (("training", self.train), ("test", self.test)):
            y = self.y[mask]
            if y.ndim == 2:
                kinds = {"positives": (y == 1).any(axis=0), "negatives": (y == -1).any(axis=0)}
            else:
                kinds = {"rows": np.isin(np.arange(len(self.classes)), y)}
            for kind, present in kinds.items():
                if not present.all():
                    name = self.classes[int(np.flatnonzero(~present)[0])]
                    raise ValueError(f"class {name!r} has no {part} {kind}; give it some, or leave the class out")

    @property
    def test(self) -> Array:
        """Boolean mask of the test rows."""
        return ~self.train

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metric; beside a mean class accuracy, the overall accuracy too."""
        return (self.metric, "accuracy") if self.metric == "mean-class-accuracy" else (self.metric,)

    @property
    def name(self) -> str:
        """``DATASET/MODEL/LAYER``."""
        return "/".join(str(self.provenance[key]) for key in ("dataset", "model", "layer"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over vectors, labels and split, in hexadecimal: which data a result was computed from."""
        digest = hashlib.sha256(f"{self.X.shape} {self.y.shape} {self.metric}".encode())
        for part in (self.X, self.y, self.train):
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()

    def __repr__(self) -> str:
        rows, width = self.X.shape
        return (
            f"FeatureSet({self.name}: {rows} x {width}, {len(self.classes)} classes, "
            f"{int(self.train.sum())} training and {int(self.test.sum())} test rows, {self.metric})"
        )

    def validation(self, share: float = 1 / 3, *, random_state: int = 0) -> FeatureSet:
        """Return the training rows alone, split once more, so that a choice can be made without the test rows.

        Parameters
        ----------
        share : float, default=1/3
            Part of the training rows, of each class where a row has one, that takes the place of the test rows.
        random_state : int, default=0
            Seed of the split.

        Returns
        -------
        FeatureSet
            Its data set is called ``NAME-validation``.
        """
        rows = np.flatnonzero(self.train)
        labels = self.y[rows] if self.y.ndim == 1 else None
        kept, _ = train_test_split(np.arange(len(rows)), test_size=share, random_state=random_state, stratify=labels)
        train = np.zeros(len(rows), dtype=bool)
        train[kept] = True
        provenance = {**self.provenance, "dataset": f"{self.provenance['dataset']}-validation"}
        files = [self.files[row] for row in rows] if self.files else ()
        return FeatureSet(self.X[rows], self.y[rows], train, self.metric, self.classes, files, provenance)

    def _described(self) -> dict[str, str]:
        described = {
            "metric": self.metric,
            "classes": self.classes,
            "files": self.files,
            "provenance": self.provenance,
        }
        return {"stresslib": json.dumps(described, sort_keys=True)}

    def save(self, path: str | os.PathLike[str], *, vectors: Iterable[Array] | None = None) -> Path:
        """Write the set as one safetensors file, its provenance as JSON in the header.

        Parameters
        ----------
        path : path-like
            Conventionally ``*.safetensors``. An existing file is replaced at once, never left half-written.
        vectors : iterable of ndarray of shape (rows, d), float32, optional
            Blocks of rows to write instead of `X`, one after the other: of vectors that together exceed the memory.

        Returns
        -------
        pathlib.Path
        """
        blocks = iter([self.X] if vectors is None else vectors)
        first = _checked_vectors(next(blocks))
        tensors = {"X": first, "y": self.y, "train": self.train}
        header: dict[str, Any] = {"__metadata__": self._described()}
        end = 0
        # The widest type first, so that each array starts at a multiple of its own.
        for name, array in sorted(tensors.items(), key=lambda item: -item[1].itemsize):
            shape = (len(self.y), *array.shape[1:])
            begin, end = end, end + math.prod(shape) * array.itemsize
            header[name] = {"dtype": _NAMES[array.dtype], "shape": shape, "data_offsets": (begin, end)}
        text = json.dumps(header, sort_keys=True).encode()
        text += b" " * (-len(text) % 8)
        with replacing(path) as temporary, open(temporary, "wb") as stream:
            stream.write(len(text).to_bytes(8, "little") + text)
            for name in sorted(tensors, key=lambda name: header[name]["data_offsets"]):
                parts = itertools.chain([first], map(_checked_vectors, blocks)) if name == "X" else [tensors[name]]
                for part in parts:
                    # A little at a time: an array may be mapped from a disk and larger than the memory.
                    for start in range(0, len(part), _ROWS):
                        stream.write(np.ascontiguousarray(part[start : start + _ROWS]).data)
            if stream.tell() != 8 + len(text) + end:
                raise ValueError(f"{path}: the vectors to write are not {len(self.y)} rows of {first.shape[1]} numbers")
        return Path(path)

    def save_compact(self, path: str | os.PathLike[str]) -> Path:
        """Write the set in a byte a value, for features that are to be shipped.

        A value becomes ``round(255 (value - min) / (max - min))`` of its dimension; where the set has no negative value
        min is 0, so that 0 stays exactly 0. The codes are compressed by xz, dimension by dimension.

        Parameters
        ----------
        path : path-like
            ``*.safetensors.xz``; `load_features` reads it.

        Returns
        -------
        pathlib.Path
        """
        tensors = {"maximum": self.X.max(axis=0), "y": self.y, "train": self.train}
        if self.X.min() < 0:
            tensors["minimum"] = self.X.min(axis=0)
        minimum = tensors.get("minimum", np.float32(0))
        width = np.subtract(tensors["maximum"], minimum, dtype=np.float64)
        scale = np.divide(255, width, out=np.zeros_like(width), where=width > 0)
        tensors["codes"] = np.ascontiguousarray(np.rint((self.X - minimum) * scale).astype(np.uint8).T)
        with replacing(path) as temporary:
            temporary.write_bytes(lzma.compress(to_bytes(tensors, self._described()), preset=9 | lzma.PRESET_EXTREME))
        return Path(path)

    def _normalized(self) -> FeatureSet:
        X = np.empty(self.X.shape, dtype=np.float32)
        for start in range(0, len(X), _ROWS):
            X[start : start + _ROWS] = unit_rows(self.X[start : start + _ROWS])
        return self._with_vectors(X, "l2")

    def _with_vectors(self, X: Array, normalization: str) -> FeatureSet:
        provenance = {**self.provenance, "normalization": normalization}
        return FeatureSet(X, self.y, self.train, self.metric, self.classes, self.files, provenance)


def unit_rows(rows: Array) -> Array:
    """Divide each row by its L2 norm; a row of zeros stays one."""
    # Squares are summed in float64, so that a tiny row keeps its direction.
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    norms[norms == 0] = 1
    return (rows / norms[:, None]).astype(np.float32)


_ROWS = 512
"""Rows that are worked on at once, so that no second copy of wide vectors is in memory."""

_UNKNOWN = {"dataset": "own", "model": "own", "layer": "own", "normalization": "none"}


def _form(array: Array) -> str:
    return f"{array.dtype} of shape {array.shape}"


def _checked_vectors(X: ArrayLike) -> Array:
    vectors = np.asanyarray(X)
    if vectors.ndim != 2 or 0 in vectors.shape or vectors.dtype.kind not in "fiub":
        raise ValueError(f"X is a matrix of numbers, one vector a row; got {_form(vectors)}")
    if vectors.dtype != np.float32:
        with np.errstate(over="ignore"):
            vectors = vectors.astype(np.float32)
    for start in range(0, len(vectors), _ROWS):
        finite = np.isfinite(vectors[start : start + _ROWS])
        if not finite.all():
            row, column = np.argwhere(~finite)[0] + (start, 0)
            raise ValueError(f"X holds {vectors[row, column]} in row {row}, column {column}; values are finite float32")
    return vectors


def _checked_labels(y: Array, rows: int, classes: Sequence[str] | None) -> tuple[Array, tuple[str, ...]]:
    if y.ndim not in (1, 2) or len(y) != rows or 0 in y.shape:
        raise ValueError(f"y has one label, or one row of 1, -1 and 0, for each of {rows} vectors; got {_form(y)}")
    if y.ndim == 2:
        if not np.isin(y, (1, -1, 0)).all():
            raise ValueError("a matrix y holds 1, -1 and 0 (difficult), or 1 and 0; it has other values")
        y = np.ascontiguousarray(np.where(y == 1, 1, -1) if -1 not in y else y, dtype=np.int8)
        names = tuple(map(str, classes if classes is not None else range(y.shape[1])))
        if len(names) != y.shape[1]:
            raise ValueError(f"{len(names)} class names for {y.shape[1]} columns of y")
        return y, names
    if classes is not None and y.dtype.kind in "iu":
        if y.min() < 0 or y.max() >= len(classes):
            raise ValueError(f"class numbers are 0 to {len(classes) - 1}; y goes from {y.min()} to {y.max()}")
        if len(classes) < 2:
            raise ValueError(f"y has only one class, {classes[0]!r}; at least two are needed")
        return np.ascontiguousarray(y, dtype=np.int64), tuple(map(str, classes))
    labels, numbers = np.unique(y, return_inverse=True)
    if classes is not None and list(map(str, labels)) != list(map(str, classes)):
        raise ValueError("classes are the sorted labels of y; give both as such, or leave classes out")
    if len(labels) < 2:
        raise ValueError(f"y has only one class, {labels[0]!r}; at least two are needed")
    return numbers.astype(np.int64), tuple(map(str, labels))


def load_features(
    source: str | os.PathLike[str], model: str | None = None, layer: str = "pooled", *, normalize: bool = True
) -> FeatureSet:
    """Load a feature set: one shipped with the package, else one from the user's cache, else a file.

    Parameters
    ----------
    source : str or path-like
        A data set's name (with `model`), ``"DATASET/MODEL/LAYER"``, the path of a saved feature set, or its address in an
        object store that fsspec knows, such as ``"s3://BUCKET/mine.safetensors"``.
    model : str, optional
        The network's name.
    layer : str, default="pooled"
        The layer's name; used with `model`.
    normalize : bool, default=True
        Divide each row by its L2 norm, as the paper does before any stress. A row of zeros stays as it is. With False a
        saved set is memory-mapped.

    Returns
    -------
    FeatureSet

    Raises
    ------
    FileNotFoundError
        When there is no such set; the message has the command that makes it.
    ValueError
        When the file is damaged or no feature set; the message names it.

    Examples
    --------
    >>> from stresslib import load_features
    >>> load_features("scenes15", "efficientnet-lite0")
    FeatureSet(scenes15/efficientnet-lite0/pooled: 4467 x 1280, 15 classes, 1498 training and 2969 test rows, accuracy)
    """
    features = _read(_find(source, model, layer))
    return features._normalized() if normalize else features


def load_feature_sets(
    dataset: str | Sequence[str], model: str | Sequence[str], layer: str | Sequence[str] = "pooled"
) -> list[FeatureSet]:
    """Load every combination of data sets, networks and layers, normalised; each may be one name or a list.

    Parameters
    ----------
    dataset, model, layer : str or sequence of str
        A data set that is a path, or ``DATASET/MODEL/LAYER``, is taken as it is.

    Returns
    -------
    list of FeatureSet

    Raises
    ------
    FileNotFoundError, ValueError
        As of :func:`load_features`.

    Examples
    --------
    >>> from stresslib import load_feature_sets
    >>> [features.name for features in load_feature_sets(["scenes15", "digits"], "efficientnet-lite0")]
    ['scenes15/efficientnet-lite0/pooled', 'digits/efficientnet-lite0/pooled']
    """
    paths = [_find(*names) for names in _combined(dataset, model, layer)]
    return [_read(path)._normalized() for path in dict.fromkeys(paths)]


def absent_features(
    dataset: str | Sequence[str], model: str | Sequence[str], layer: str | Sequence[str] = "pooled"
) -> list[tuple[str, str, str]]:
    """Name the feature sets, of those that :func:`load_feature_sets` would load, that would have to be extracted first.

    Returns
    -------
    list of (str, str, str)
        Data set, network and layer of each.
    """
    absent = []
    for names in _combined(dataset, model, layer):
        parts = tuple(names if len(names) == 3 else names[0].split("/"))
        if (
            len(parts) == 3
            and all(parts)
            and not Path(names[0]).is_file()
            and not any(path.is_file() for path in _places(*parts))
        ):
            absent.append(parts)
    return absent


def _combined(dataset: str | Sequence[str], model: str | Sequence[str], layer: str | Sequence[str]) -> list[tuple[str, ...]]:
    return list(
        dict.fromkeys(
            (name,) if "/" in name or name.endswith(SUFFIXES) else (name, one_model, one_layer)
            for name in _listed(dataset)
            for one_model in _listed(model)
            for one_layer in _listed(layer)
        )
    )


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


SUFFIXES = (".safetensors", ".safetensors.xz")
"""How the names of feature files end: float32, or a byte a value."""


def features_path(dataset: str, model: str, layer: str) -> Path:
    """Return where the user's cache keeps a feature set."""
    return cache_dir() / "features" / f"{_stem(dataset, model, layer)}.safetensors"


def embedded_path(dataset: str, model: str, layer: str) -> Path:
    """Return where the package keeps a feature set that is shipped with it."""
    return EMBEDDED / f"{_stem(dataset, model, layer)}.safetensors.xz"


def _stem(*names: str) -> str:
    return "--".join(re.sub("[/:]", "-", name) for name in names)


def list_features() -> list[tuple[str, Path]]:
    """List the feature sets at hand as (``DATASET/MODEL/LAYER``, path), shipped ones first."""
    found: dict[str, Path] = {}
    for folder in (EMBEDDED, cache_dir() / "features"):
        for path in sorted(folder.glob("[!.]*--*--*.safetensors*")):
            # The shards of an extraction that is under way lie here too.
            if not path.name.endswith(SUFFIXES):
                continue
            found.setdefault(path.name.split(".safetensors")[0].replace("--", "/"), path)
    return list(found.items())


def reports() -> list[str]:
    """Say what is to be known of the user's cache of features: files of other code, and extractions that did not end."""
    lines = []
    for path in sorted((cache_dir() / "features").glob("[!.]*")):
        if path.name.endswith(".shards"):
            shards = len(list(path.glob("[0-9]*")))
            lines.append(f"{path.name}: {shards} shards of an extraction that did not end")
        elif path.name.endswith(SUFFIXES[0]):
            try:
                with safe_open(path, "np") as tensors:
                    provenance = json.loads(tensors.metadata()["stresslib"])["provenance"]
            except (SafetensorError, OSError, KeyError, TypeError, ValueError):
                lines.append(f"{path.name}: no feature set, or a damaged one; remove it")
                continue
            if "code" in provenance and provenance["code"] not in (extraction_digest(), extraction_digest("classical")):
                lines.append(f"{path.name}: extracted by other code than this; 'stresslib extract' makes it anew")
            if provenance.get("preprocessing", "paper") != "paper":
                lines.append(f"{path.name}: its preprocessing is {provenance['preprocessing']}, which its name does not say")
    return lines


def _places(*names: str) -> tuple[Path, Path]:
    return embedded_path(*names), features_path(*names)


def _find(source: str | os.PathLike[str], model: str | None = None, layer: str = "pooled") -> Path:
    text = os.fspath(source)
    if model is None:
        if "://" in text:
            return _fetched(text)
        path = Path(text)
        if path.is_file():
            return path
        if text.endswith(SUFFIXES):
            raise FileNotFoundError(f"{text}: there is no such file")
        parts = text.split("/")
        if len(parts) != 3 or not all(parts):
            raise FileNotFoundError(f"{text!r} is neither a feature file nor DATASET/MODEL/LAYER")
        text, model, layer = parts
    for path in _places(text, model, layer):
        if path.is_file():
            return path
    at_hand = ", ".join(name for name, _ in list_features())
    raise FileNotFoundError(
        f"there are no features {text}/{model}/{layer}; make them with "
        f"'stresslib extract {text} --model {model} --layer {layer}'. At hand: {at_hand}"
    )


def _fetched(url: str) -> Path:
    """Return a local copy of a file in an object store, made anew when the original has changed."""
    folder = cache_dir() / "remote" / text_sha256(url)[:16]
    options = {"cache_storage": str(folder), "same_names": True, "check_files": True}
    try:
        return Path(fsspec.open_local(f"filecache::{url}", filecache=options))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{url}: there is no such file") from error
    except (ImportError, ValueError) as error:
        raise ValueError(f"{url} cannot be read: {error}") from error


def _read(path: Path) -> FeatureSet:
    try:
        if path.suffix == ".xz":
            raw = lzma.decompress(path.read_bytes())
            tensors, header = load(raw), _header(raw, path)[0]
            minimum = tensors.get("minimum", np.float32(0))
            X = np.ascontiguousarray(tensors["codes"].T) * ((tensors["maximum"] - minimum) / np.float32(255)) + minimum
        else:
            with open(path, "rb") as stream:
                start = stream.read(8)
                header, offset = _header(start + stream.read(min(_length(start, path), path.stat().st_size)), path)
            tensors = {
                name: np.memmap(path, _DTYPES[entry["dtype"]], "r", offset + entry["data_offsets"][0], tuple(entry["shape"]))
                for name, entry in header.items()
                if name != "__metadata__"
            }
            X = tensors["X"]
        described = json.loads(header["__metadata__"]["stresslib"])
        y, train = np.array(tensors["y"]), np.array(tensors["train"])
        return FeatureSet(
            np.asarray(X), y, train, described["metric"], described["classes"], described["files"], described["provenance"]
        )
    except (
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
        lzma.LZMAError,
        SafetensorError,
    ) as error:
        raise ValueError(f"{path} is damaged or no feature set: {error}") from error


_DTYPES = {"F32": np.float32, "I64": np.int64, "I8": np.int8, "BOOL": np.bool_}
_NAMES = {np.dtype(kind): name for name, kind in _DTYPES.items()}


def _length(start: bytes, path: Path) -> int:
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > path.stat().st_size:
        raise ValueError("the file is shorter than its header says")
    return length


def _header(raw: bytes, path: Path) -> tuple[dict[str, Any], int]:
    """Return the JSON header of a safetensors file and where its data starts."""
    offset = 8 + int.from_bytes(raw[:8], "little")
    return json.loads(raw[8:offset]), offset
