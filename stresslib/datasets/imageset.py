"""ImageSet: the files, labels, split and metric of any folder of images, and readers of plain folders and CSV files.

What goes into extraction. The readers of the known data sets make the same, with their own split and metric.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
"""Endings of file names that count as images."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images and what is known of them, in a fixed order.

    Attributes
    ----------
    name : str
    root : pathlib.Path
        Folder to which the file names are relative.
    files : tuple of str
        Names with forward slashes, sorted.
    y : ndarray of shape (n,), class numbers; or of shape (n, classes), of 1, -1 and 0 (difficult)
    train : ndarray of bool, shape (n,)
    classes : tuple of str
    metric : {"accuracy", "mean-class-accuracy", "mAP"}
    provenance : dict
        How split and labels were made, and the archive's hash where there is one.
    """

    name: str
    root: Path
    files: tuple[str, ...]
    y: NDArray[Any]
    train: NDArray[np.bool_]
    classes: tuple[str, ...]
    metric: str
    provenance: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.files)


def from_folder(
    root: str | Path,
    *,
    name: str | None = None,
    metric: str = "accuracy",
    train_per_class: int | None = None,
    seed: int = 0,
    leave_out: Sequence[str] = (),
) -> ImageSet:
    """Read ``CLASS/IMAGE`` or ``train/CLASS/IMAGE`` and ``test/CLASS/IMAGE`` below a folder.

    Without the folders train and test the split is drawn: one ``numpy.random.RandomState(seed)`` permutes the sorted files
    of each class, class by class in sorted order, and the first ones of each class train.

    Parameters
    ----------
    root : path-like
    name : str, optional
        Default: the folder's own name.
    metric : {"accuracy", "mean-class-accuracy"}, default="accuracy"
    train_per_class : int, optional
        Training images of each class where the split is drawn. Default: half of the class, rounded down.
    seed : int, default=0
    leave_out : sequence of str, default=()
        Folders that are not classes.

    Returns
    -------
    ImageSet

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    ValueError
        When it holds no images, fewer than two classes, or too few images of a class; the message names it.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: there is no such folder of images")
    parts = ("train", "test")
    has_split = all((root / part).is_dir() for part in parts)
    found = {part: images_by_class(root / part if has_split else root) for part in (parts if has_split else ("",))}
    classes = tuple(sorted(set().union(*found.values()) - set(leave_out)))
    if not classes:
        raise ValueError(f"{root} holds no images; put them in one folder a class: {root}/CLASS/*.jpg")
    if len(classes) < 2:
        raise ValueError(f"{root} has only one class, {classes[0]!r}; at least two are needed")
    generator = np.random.RandomState(seed)
    rows: list[tuple[str, int, bool]] = []
    for number, label in enumerate(classes):
        if has_split:
            for part in parts:
                names = found[part].get(label, [])
                if not names:
                    raise ValueError(f"{root}/{part} has no images of class {label!r}; both parts need each class")
                rows += [(f"{part}/{name}", number, part == "train") for name in names]
            continue
        names = found[""][label]
        kept = len(names) // 2 if train_per_class is None else train_per_class
        if not 0 < kept < len(names):
            needed = 2 if train_per_class is None else train_per_class + 1
            raise ValueError(f"class {label!r} in {root} has {len(names)} image(s); the split needs at least {needed}")
        chosen = set(generator.permutation(len(names))[:kept].tolist())
        rows += [(name, number, index in chosen) for index, name in enumerate(names)]
    split = "folders train and test" if has_split else f"{train_per_class or 'half'} per class train, seed {seed}"
    return _image_set(root, name, rows, classes, metric, split)


def from_csv(
    path: str | Path,
    *,
    name: str | None = None,
    labels: str = "labels",
    metric: str | None = None,
    seed: int = 0,
) -> ImageSet:
    """Read a CSV with the column ``file``, and labels and split as in :func:`read_labels`.

    File names are relative to the CSV's folder; images are taken in the sorted order of their names.

    Parameters
    ----------
    path : path-like
    name : str, optional
        Default: the name of the CSV's folder.
    labels, metric, seed
        As in :func:`read_labels`.

    Returns
    -------
    ImageSet

    Raises
    ------
    FileNotFoundError, ValueError
        As in :func:`read_labels`.
    """
    path = Path(path)
    lines = sorted(_read_lines(path, "file", labels), key=lambda line: line["file"])
    y, train, classes, metric, provenance = _labelled(lines, path, labels, metric, seed)
    files = tuple(line["file"] for line in lines)
    for name_before, name_after in itertools.pairwise(files):
        if name_before == name_after:
            raise ValueError(f"{path} lists {name_after!r} more than once")
    return ImageSet(name or path.resolve().parent.name, path.parent, files, y, train, classes, metric, provenance)


def read_labels(
    path: str | Path, *, labels: str = "labels", metric: str | None = None, seed: int = 0
) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[str, ...], str, dict[str, Any]]:
    """Read the labels and the split of vectors or images from a CSV, one line for each, in their order.

    Several labels of a row are joined by ``|``; a column ``difficult`` lists labels, joined in the same way, that are
    neither right nor wrong for the row. A column ``split`` says train, or test or val (both are test rows); without
    it, half of the rows train, drawn by ``numpy.random.RandomState(seed)``.

    Parameters
    ----------
    path : path-like
    labels : str, default="labels"
        The column with the labels; for ``labels``, a column ``label`` is accepted too.
    metric : {"accuracy", "mean-class-accuracy", "mAP"}, optional
        Default: accuracy where every row has exactly one label and none is difficult, otherwise mAP.
    seed : int, default=0

    Returns
    -------
    y : ndarray of shape (n,), class numbers; or of shape (n, classes), of 1, -1 and 0
    train : ndarray of bool, shape (n,)
    classes : tuple of str
        For mAP, those that have a positive and a negative row in both parts of the split.
    metric : str
    provenance : dict
        How the split was made, and which classes were left out.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When a column is missing, a split is unknown, or no class remains; the message names it.
    """
    return _labelled(_read_lines(Path(path), labels), Path(path), labels, metric, seed)


def _read_lines(path: Path, *columns: str) -> list[dict[str, str]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such CSV")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = list(reader.fieldnames or ())
    if "labels" in columns and "labels" not in header:
        # Where each row has one label, the column is often called by the singular.
        header = ["labels" if name == "label" else name for name in header]
        reader.fieldnames = header
    for column in columns:
        if column not in header:
            raise ValueError(f"{path} has no column {column!r}; it has {', '.join(header)}")
    lines = list(reader)
    for number, line in enumerate(lines, start=2):
        if any(line[column] is None for column in columns):
            raise ValueError(f"{path}, line {number}: {len(header)} columns are needed ({', '.join(header)})")
    if not lines:
        raise ValueError(f"{path} has a header, but no lines")
    return lines


def _labelled(
    lines: list[dict[str, str]], path: Path, labels: str, metric: str | None, seed: int
) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[str, ...], str, dict[str, Any]]:
    train, split = _split(lines, path, seed)
    tagged = [_tags(line[labels]) for line in lines]
    difficult = [_tags(line.get("difficult")) for line in lines]
    classes = tuple(sorted(set().union(*tagged)))
    if metric != "mAP" and all(len(tags) == 1 for tags in tagged) and not any(difficult):
        numbers = {label: number for number, label in enumerate(classes)}
        y = np.array([numbers[label] for tags in tagged for label in tags])
        return y, train, classes, metric or "accuracy", {"split": split}
    if metric not in (None, "mAP"):
        raise ValueError(f"{path}: metric {metric!r} needs exactly one label a row; mAP takes any number")
    y = np.array(
        [
            [1 if label in tags else 0 if label in odd else -1 for label in classes]
            for tags, odd in zip(tagged, difficult, strict=True)
        ],
        dtype=np.int8,
    ).reshape(len(lines), len(classes))
    signs = [(y[part] == sign).any(axis=0) for part in (train, ~train) for sign in (1, -1)]
    usable = np.logical_and.reduce(signs)
    if not usable.any():
        raise ValueError(f"{path}: no class has a positive and a negative row in both parts of the split")
    kept = tuple(label for label, good in zip(classes, usable, strict=True) if good)
    left_out = [label for label in classes if label not in kept]
    return y[:, usable], train, kept, "mAP", {"split": split, "classes_left_out": left_out}


def _split(lines: list[dict[str, str]], path: Path, seed: int) -> tuple[NDArray[np.bool_], str]:
    if "split" not in lines[0]:
        train = np.zeros(len(lines), dtype=bool)
        train[np.random.RandomState(seed).permutation(len(lines))[: len(lines) // 2]] = True
        return train, f"half of the rows train, seed {seed}"
    unknown = {line["split"] for line in lines} - {"train", "val", "test"}
    if unknown:
        raise ValueError(f"{path}: split {sorted(map(str, unknown))[0]!r} is unknown; allowed are train, and test or val")
    return np.array([line["split"] == "train" for line in lines]), "column split"


def _tags(cell: str | None) -> set[str]:
    return {tag.strip() for tag in (cell or "").split("|") if tag.strip()}


def images_by_class(folder: Path) -> dict[str, list[str]]:
    """Return the sorted names ``CLASS/IMAGE`` below a folder, by class; classes without images are left out."""
    found = {}
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.name.startswith("."):
            paths = (path for path in child.rglob("*") if _is_image(path))
            names = sorted(path.relative_to(folder).as_posix() for path in paths)
            if names:
                found[child.name] = names
    return found


def _is_image(path: Path) -> bool:
    # macOS leaves ._image.jpg beside image.jpg on foreign disks.
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _image_set(
    root: Path, name: str | None, rows: list[tuple[str, int, bool]], classes: tuple[str, ...], metric: str, split: str
) -> ImageSet:
    files, numbers, train = zip(*sorted(rows), strict=True)
    return ImageSet(
        name or root.resolve().name, root, files, np.array(numbers), np.array(train), classes, metric, {"split": split}
    )
