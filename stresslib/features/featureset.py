"""FeatureSet: vectors with their labels, split, metric and provenance.

First stop of the chain: every stress, sweep and figure starts from one. Stored vectors are raw; they are normalised in one
place, :meth:`FeatureSet.normalized`, which `load_features` calls.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stresslib.arrays import frozen, plain_array, plain_labels
from stresslib.features.holdout import held_out
from stresslib.features.storage import BLOCK_ROWS, write_compact, write_float32

Array = NDArray[Any]

METRICS = ("mAP", "accuracy", "mean-class-accuracy")
"""The metrics that a feature set may name; `evaluation.metrics` computes them."""


PAPERS_WAY = "paper"
"""How images are preprocessed where nothing else is said; rows of results name any other way."""

UNTRAINED = "-untrained"
"""How the name of a model ends whose weights were drawn at random: the control of the model before it."""


class FeatureSet:
    """Feature vectors, what they show, and how they are to be used.

    Parameters
    ----------
    X : array-like of shape (n, d)
        One vector a row, of finite numbers; kept as float32. Where its memory could be written to later it is copied; a
        read-only array, or a file that is mapped for reading, is taken as it is.
    y : array-like of shape (n,) or (n, classes)
        Class labels; or a matrix of 1 (positive), -1 (negative) and 0 (difficult: neither); or a matrix of 1 (positive) and
        0 (negative). A matrix of one column without a -1 is taken as labels, with a warning, unless `metric` is mAP.
    train : array-like of bool, shape (n,)
        True for training rows; the others are test rows.
    metric : {"mAP", "accuracy", "mean-class-accuracy"}, optional
        Default: mAP for a matrix `y`, accuracy for labels.
    classes : sequence of str, optional
        Names of the classes. Default: the sorted labels, or column numbers.
    files : sequence of str or path-like, optional
        Name of the image behind each row.
    provenance : dict, optional
        JSON values that say where the vectors come from; ``dataset``, ``model`` and ``layer`` are columns of results.

    Attributes
    ----------
    X : ndarray of shape (n, d), float32
    y : ndarray of shape (n,), class numbers; or of shape (n, classes), of 1, -1 and 0
    train, test : ndarray of bool, shape (n,)
        These arrays are read-only, and a set cannot be changed: ``replace`` makes another one.
    metric : str
    classes : tuple of str
    files : tuple of str, may be empty
    provenance : dict

    Raises
    ------
    ValueError
        On NaN or infinity, on masked values and missing labels, on shapes that do not agree, on an empty part of the split,
        or on a class without the rows that the metric needs; the message names the row, column or class.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib import FeatureSet
    >>> f = FeatureSet(np.eye(4), ["cat", "dog", "cat", "dog"], train=[True, True, False, False])
    >>> f.classes, f.y.tolist(), f.metric
    (('cat', 'dog'), [0, 1, 0, 1], 'accuracy')
    """

    X: Array
    y: Array
    train: Array
    metric: str
    classes: tuple[str, ...]
    files: tuple[str, ...]
    provenance: dict[str, Any]

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        train: ArrayLike,
        metric: str | None = None,
        classes: Sequence[str] | None = None,
        files: Sequence[str | os.PathLike[str]] = (),
        provenance: dict[str, Any] | None = None,
    ) -> None:
        vectors = checked_vectors(X)
        split = _checked_split(train, len(vectors))
        given = plain_labels(y, "y", column_is_labels=metric != "mAP")
        labels, names = _checked_labels(given, len(vectors), None if classes is None else _names(classes, "classes"))
        if metric is None:
            metric = "mAP" if labels.ndim == 2 else "accuracy"
        if metric not in METRICS or (metric == "mAP") != (labels.ndim == 2):
            raise ValueError(
                f"metric={metric!r}: allowed are mAP for a matrix y, accuracy or mean-class-accuracy for labels"
            )
        images = _names(files, "files")
        if images and len(images) != len(vectors):
            raise ValueError(f"{len(images)} file names for {len(vectors)} rows; give one for each row, or none")
        self.__dict__.update(
            X=frozen(vectors),
            y=frozen(labels),
            train=frozen(split),
            metric=metric,
            classes=names,
            files=images,
            provenance={**_UNKNOWN, **(provenance or {})},
        )
        self._check_classes()

    def __setattr__(self, name: str, value: Any) -> None:
        # The digest and the checks are of what came in.
        raise AttributeError(f"a feature set stays as it is; replace({name}=...) makes another one")

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Copies and what comes from another process can be written to, until here.
        self.__dict__.update(state)
        for array in (self.X, self.y, self.train):
            array.flags.writeable = False

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
        """The metrics to report: the set's own, and with a mean class accuracy the overall accuracy too."""
        return (self.metric, "accuracy") if self.metric == "mean-class-accuracy" else (self.metric,)

    @property
    def name(self) -> str:
        """``DATASET/MODEL/LAYER``."""
        return "/".join(str(self.provenance[key]) for key in ("dataset", "model", "layer"))

    @property
    def origin(self) -> dict[str, Any]:
        """Those cells of a row of a results table that say which vectors it is about.

        With a cell `variant` where the images were not preprocessed as the paper's were.
        """
        names = {key: self.provenance[key] for key in ("dataset", "model", "layer")}
        way = self.provenance.get("preprocessing", PAPERS_WAY)
        return {**names, "n_features": self.X.shape[1], **({} if way == PAPERS_WAY else {"variant": f"preprocessing={way}"})}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over vectors, labels and split, in hexadecimal; it says which data a result was computed from."""
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
        """Return the training rows alone, split again, so that a choice can be made without the test rows.

        Parameters
        ----------
        share : float, default=1/3
            Share of the training rows that become test rows; stratified by class where each row has one label, else
            drawn so that each class has positives and negatives in both parts.
        random_state : int, default=0
            Seed of the split.

        Returns
        -------
        FeatureSet
            The name of its data set ends in ``-validation``.

        Raises
        ------
        ValueError
            When a class has too few rows for both parts.
        """
        rows = np.flatnonzero(self.train)
        kept, _ = held_out(self.y[rows], share, random_state=random_state)
        train = np.zeros(len(rows), dtype=bool)
        train[kept] = True
        return self.replace(
            X=self.X[rows],
            y=self.y[rows],
            train=train,
            files=[self.files[row] for row in rows] if self.files else (),
            provenance={"dataset": f"{self.provenance['dataset']}-validation"},
        )

    def replace(self, *, provenance: dict[str, Any] | None = None, **parts: Any) -> FeatureSet:
        """Return a copy of this feature set with some parts replaced.

        Parameters
        ----------
        provenance : dict, optional
            Values to add to the provenance of this set, or to replace there.
        **parts : Any
            `X`, `y`, `train`, `metric`, `classes` or `files`, as the constructor takes them. Other parts are kept.

        Returns
        -------
        FeatureSet

        Raises
        ------
        TypeError
            On any other name.
        ValueError
            When the parts do not fit together, as for :class:`FeatureSet`.

        Examples
        --------
        >>> import numpy as np
        >>> from stresslib import FeatureSet
        >>> f = FeatureSet(np.eye(4), ["cat", "dog", "cat", "dog"], train=[True, True, False, False])
        >>> f.replace(X=2 * f.X, provenance={"layer": "doubled"})
        FeatureSet(own/own/doubled: 4 x 4, 2 classes, 2 training and 2 test rows, accuracy)
        """
        kept: dict[str, Any] = {name: getattr(self, name) for name in ("X", "y", "train", "metric", "classes", "files")}
        if unknown := parts.keys() - kept.keys():
            raise TypeError(f"a feature set has no {', '.join(sorted(unknown))}; it has {', '.join(kept)} and provenance")
        return FeatureSet(**{**kept, **parts}, provenance={**self.provenance, **(provenance or {})})

    def _description(self) -> dict[str, Any]:
        return {"metric": self.metric, "classes": self.classes, "files": self.files, "provenance": self.provenance}

    def save(self, path: str | os.PathLike[str], *, vectors: Iterable[Array] | None = None) -> Path:
        """Write the set as one safetensors file, with its provenance as JSON in the header.

        Parameters
        ----------
        path : path-like
            Conventionally ``*.safetensors``. An existing file is replaced atomically, never left half-written.
        vectors : iterable of ndarray of shape (rows, d), float32, optional
            Blocks of rows to write instead of `X`, one after the other, for vectors that exceed the memory.

        Returns
        -------
        pathlib.Path
        """
        blocks = map(checked_vectors, [self.X] if vectors is None else vectors)
        return write_float32(path, blocks, self.y, self.train, self._description())

    def save_compact(self, path: str | os.PathLike[str]) -> Path:
        """Write the set with one byte a value, for features that are to be shipped.

        A value becomes ``round(255 (value - min) / (max - min))``, with the minimum and maximum of its dimension; where the
        set has no negative value min is 0, so that 0 stays exactly 0. xz compresses the codes dimension by dimension.

        Parameters
        ----------
        path : path-like
            ``*.safetensors.xz``; `load_features` reads it.

        Returns
        -------
        pathlib.Path
        """
        return write_compact(path, self.X, self.y, self.train, self._description())

    def normalized(self) -> FeatureSet:
        """Return the set with rows of unit L2 norm; a row of zeros stays zero."""
        X = np.empty(self.X.shape, dtype=np.float32)
        for start in range(0, len(X), BLOCK_ROWS):
            X[start : start + BLOCK_ROWS] = unit_rows(self.X[start : start + BLOCK_ROWS])
        X.flags.writeable = False  # so that the new set takes it without a copy
        return self.replace(X=X, provenance={"normalization": "l2"})


def unit_rows(rows: Array) -> Array:
    """Divide each row by its L2 norm; a row of zeros stays zero.

    Parameters
    ----------
    rows : ndarray of shape (n, d)

    Returns
    -------
    ndarray of shape (n, d), float32
    """
    # Squares are summed in float64, so that a row of tiny values keeps its direction.
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    norms[norms == 0] = 1
    return (rows / norms[:, None]).astype(np.float32)


_UNKNOWN = {"dataset": "own", "model": "own", "layer": "own", "normalization": "none"}


def _form(array: Array) -> str:
    """Describe an array in an error message."""
    return f"{array.dtype} of shape {array.shape}"


def checked_vectors(X: ArrayLike) -> Array:
    """Return vectors as a float32 matrix, one a row; ValueError on other forms and where a value is not finite."""
    vectors = plain_array(X, "X")
    if vectors.ndim != 2 or 0 in vectors.shape or vectors.dtype.kind not in "fiub":
        raise ValueError(f"X is a matrix of numbers, one vector a row; got {_form(vectors)}")
    if vectors.dtype != np.float32:
        with np.errstate(over="ignore"):
            vectors = vectors.astype(np.float32)
            vectors.flags.writeable = False  # nobody else has it
    for start in range(0, len(vectors), BLOCK_ROWS):
        finite = np.isfinite(vectors[start : start + BLOCK_ROWS])
        if not finite.all():
            row, column = np.argwhere(~finite)[0] + (start, 0)
            raise ValueError(f"X holds {vectors[row, column]} in row {row}, column {column}; values are finite float32")
    return vectors


def _checked_split(train: ArrayLike, rows: int) -> Array:
    split = np.ascontiguousarray(plain_array(train, "train"))
    if split.dtype != bool or split.shape != (rows,):
        raise ValueError(f"train is a boolean mask of shape ({rows},); got {_form(split)}")
    if split.all() or not split.any():
        raise ValueError("train marks all rows or none; both training and test rows are needed")
    return split


def _names(names: Sequence[Any], what: str) -> tuple[str, ...]:
    """Return names as strings: also of paths, and of the numbers and strings of NumPy."""
    if isinstance(names, str | bytes | os.PathLike):
        raise ValueError(f"{what}={names!r} is one name; give a list of them")
    return tuple(str(os.fspath(name) if isinstance(name, os.PathLike) else name) for name in names)


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
        raise ValueError("classes must be the sorted labels of y; give them so, or leave them out")
    if len(labels) < 2:
        raise ValueError(f"y has only one class, {labels[0]!r}; at least two are needed")
    return numbers.astype(np.int64), tuple(map(str, labels))
