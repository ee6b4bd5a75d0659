"""Lists: images or vectors whose labels and split stand in a CSV file.

Above the tables. A row has one label, several, or none; the split is a column, or is drawn.
"""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.datasets.imageset import ImageSet
from stresslib.datasets.splits import TEST, TRAIN, VALIDATION, generator, lacking, part_of
from stresslib.datasets.tables import Table, read_table

NEAR_SPLIT = ("subset", "set", "fold", "partition", "part", "phase", "usage", "splits", "spilt", "split_name")
"""Columns that mean the split where there is no column of that name."""

NOT_A_LABEL = ("nan", "<na>", "nat", "#n/a", "#value!", "#ref!", "#name?", "#div/0!")
"""What programs write where a label is missing."""

FLAGS = {"0", "1", "true", "false", "yes", "no"}
"""What stands in a column that says yes or no."""


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
        As in :func:`read_labels`; and when a line has no file, or a file is listed more than once.
    """
    path = Path(path)
    table = read_table(path)
    files = [(number, _with_slashes(path.parent, file)) for number, file in table.column("file")]
    places: dict[str, int] = {}
    for number, file in files:
        if not file:
            raise ValueError(f"{path}, line {number} names no file")
        # ./a.jpg is a.jpg, and so is its absolute path: it could stand in both parts of the split, and be learnt by heart.
        plain = os.path.normpath(path.parent.absolute() / file)
        if plain in places:
            raise ValueError(f"{path} lists {file!r} more than once, in lines {places[plain]} and {number}")
        places[plain] = number
    order = sorted(range(len(files)), key=lambda row: files[row][1])
    ordered = Table(path, table.header, [table.lines[row] for row in order])
    y, train, classes, metric, provenance = _labelled(ordered, labels, metric, seed)
    names = tuple(files[row][1] for row in order)
    provenance["list"] = path.name
    return ImageSet(name or path.resolve().parent.name, path.parent, names, y, train, classes, metric, provenance)


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
        Default: accuracy where every row has exactly one label and none is difficult; mAP where a row has several, or
        a difficult one. Then, or where mAP is asked for, a row may have none.
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
        When the file is not a table, a column is missing, a split or a difficult label is unknown, a label is missing,
        or no class remains; the message names it, and the line.
    """
    return _labelled(read_table(Path(path)), labels, metric, seed)


def _labelled(
    table: Table, labels: str, metric: str | None, seed: int
) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[str, ...], str, dict[str, Any]]:
    path = table.path
    # Where each row has one label, the column is often called by the singular.
    cells = table.column(*(("labels", "label") if labels == "labels" else (labels,)))
    tagged = [_tags(cell) for _, cell in cells]
    for (number, cell), tags in zip(cells, tagged, strict=True):
        if any(tag.casefold() in NOT_A_LABEL for tag in tags):
            raise ValueError(
                f"{path}, line {number}: label {cell!r} stands for a missing one; give a label, or drop the line"
            )
    classes = tuple(sorted(set().union(*tagged)))
    _check_single(path, cells, classes)
    difficult = _difficult(table, classes)
    train, split = _split(table, seed)
    provenance: dict[str, Any] = {"split": split}
    several = any(len(tags) > 1 for tags in tagged) or any(difficult)
    empty = next((number for (number, _), tags in zip(cells, tagged, strict=True) if not tags), None)
    if metric != "mAP" and not several:
        if empty is not None:
            raise ValueError(
                f"{path}, line {empty} has no label, and exactly one label a row is needed; where rows may have none, "
                "ask for the metric mAP"
            )
        numbers = {label: number for number, label in enumerate(classes)}
        y = np.array([numbers[label] for tags in tagged for label in tags])
        return y, train, classes, metric or "accuracy", provenance
    if metric not in (None, "mAP"):
        raise ValueError(f"{path}: metric {metric!r} needs exactly one label a row; mAP takes any number")
    y = np.array(
        [
            [1 if label in tags else 0 if label in odd else -1 for label in classes]
            for tags, odd in zip(tagged, difficult, strict=True)
        ],
        dtype=np.int8,
    ).reshape(len(tagged), len(classes))
    absent = {label: lacking(y[:, number], train) for number, label in enumerate(classes)}
    kept = [number for number, label in enumerate(classes) if not absent[label]]
    if not kept:
        raise ValueError(f"{path}: no class has a positive and a negative row in both parts of the split")
    provenance["classes_left_out"] = [label for label in classes if absent[label]]
    provenance["why_left_out"] = {label: why for label, why in absent.items() if why}
    return y[:, kept], train, tuple(classes[number] for number in kept), "mAP", provenance


def _difficult(table: Table, classes: tuple[str, ...]) -> list[set[str]]:
    found = table.find("difficult")
    if found is None:
        return [set() for _ in table.lines]
    tagged = [(number, _tags(cell)) for number, cell in table.column(found)]
    unknown = [(number, tag) for number, tags in tagged for tag in sorted(tags) if tag not in classes]
    if unknown:
        number, tag = unknown[0]
        near = difflib.get_close_matches(tag, classes, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        form = "; the column lists the labels that are difficult in a row, joined by |" if tag.casefold() in FLAGS else hint
        raise ValueError(f"{table.path}, line {number}: difficult {tag!r} is not the label of any row{form}")
    if all(len(tags) == 1 and tags <= FLAGS for _, tags in tagged):
        raise ValueError(
            f"{table.path}: difficult is 0 or 1 in every line; it lists the labels that are difficult in a row, joined by |"
        )
    return [tags for _, tags in tagged]


def _split(table: Table, seed: int) -> tuple[NDArray[np.bool_], str]:
    path = table.path
    column = table.find("split") or table.find(*NEAR_SPLIT)
    if column is None:
        _check_no_flags(table)
        train = np.zeros(len(table.lines), dtype=bool)
        train[generator(seed).permutation(len(train))[: len(train) // 2]] = True
        return train, f"half of the rows train, drawn with seed {seed}"
    cells = table.column(column)
    parts = [part_of(cell) for _, cell in cells]
    for (number, cell), part in zip(cells, parts, strict=True):
        if part is None:
            near = "" if column.casefold() == "split" else f"; is {column!r} not the split? Give it another name"
            raise ValueError(
                f"{path}, line {number}: split {cell!r} is unknown; allowed are train, and test or val (column {column!r})"
                f"{near}"
            )
    if len(set(parts)) < 2 or TRAIN not in parts:
        raise ValueError(f"{path}: column {column} says {cells[0][1]} in every line; both train and test rows are needed")
    counts = {part: parts.count(part) for part in (TRAIN, VALIDATION, TEST)}
    both = f", of which {VALIDATION} and {TEST} test" if counts[VALIDATION] and counts[TEST] else ""
    return np.array([part == TRAIN for part in parts]), f"column {column}{both}"


def _check_no_flags(table: Table) -> None:
    """Refuse a column such as ``is_train`` of 0 and 1 where none is called split: it says what must not be drawn."""
    for place, column in enumerate(table.header):
        said = {cells[place].casefold() for _, cells in table.lines}
        if part_of(column.casefold().removeprefix("is_")) and len(said) == 2 and said <= FLAGS:
            raise ValueError(
                f"{table.path} has no column 'split', but {column!r} of {' and '.join(sorted(said))}; did you mean split? "
                "It says train or test in each line"
            )


def _with_slashes(folder: Path, file: str) -> str:
    """Return the name of a file in the form of every system, where it was written in that of Windows."""
    return file.replace("\\", "/") if "\\" in file and not (folder / file).exists() else file


def _check_single(path: Path, cells: Sequence[tuple[int, str]], classes: Sequence[str]) -> None:
    """Refuse a cell that has several labels in another form than joined by ``|``."""
    known = set(classes)
    for number, cell in cells:
        written_by_python = cell.startswith(("['", '["')) and cell.endswith(("']", '"]'))
        joined = any(len(tags := cell.split(mark)) > 1 and {tag.strip() for tag in tags} <= known for mark in ",;")
        if written_by_python or joined:
            raise ValueError(f"{path}, line {number}: {cell!r} means several labels; join them by |")


def _tags(cell: str) -> set[str]:
    # The same letter can be written as one character or as two, a letter and its accent.
    return {unicodedata.normalize("NFC", tag.strip()) for tag in cell.split("|") if tag.strip()}
