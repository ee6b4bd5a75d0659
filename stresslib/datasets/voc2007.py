"""Pascal VOC 2007, the paper's first data set, read from its official files: whole, or the half whose images can be had.

Takes the parts of the data set and makes an ImageSet of them, with the official split and the marks of difficult objects.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from stresslib.datasets.imageset import ImageSet
from stresslib.datasets.parts import MissingPartError, Parts, lines

OFFICIAL = frozenset(f"{number:06d}" for number in range(1, 9964))
"""Ids of all images: each is in exactly one of train, val and test."""

Labels = dict[str, list[int]]
"""Labels of each image by its id: 1, -1, or 0 for difficult."""


def voc2007(parts: Parts) -> ImageSet:
    """Read Pascal VOC 2007: ``ImageSets/Main/CLASS_trainval.txt`` trains, ``CLASS_test.txt`` tests.

    A label is 1, -1, or 0 for difficult. The images of both parts are in the order of their ids, which decides among equal
    scores in the paper's average precision (protocol 1.3).

    Parameters
    ----------
    parts : Parts
        With one folder VOC2007, or one of each part of the split.

    Returns
    -------
    ImageSet
        Its metric is the mean average precision.

    Raises
    ------
    ValueError
        When a list or an image is missing, an image is in no list, a line has another form, the lists disagree about the
        images, or a class has no positive image in a part.
    """
    return _read(parts, "voc2007", "trainval", "test")


def voc2007_val(parts: Parts) -> ImageSet:
    """Read the official split of VOC 2007's first archive: ``CLASS_train.txt`` trains, ``CLASS_val.txt`` tests.

    Parameters
    ----------
    parts : Parts
        With a folder VOC2007; the test images are not needed.

    Returns
    -------
    ImageSet
        As :func:`voc2007` returns it.

    Raises
    ------
    ValueError
        As :func:`voc2007` does.
    """
    return _read(parts, "voc2007-val", "train", "val")


def _read(parts: Parts, name: str, training: str, testing: str) -> ImageSet:
    folders = parts.folders("VOC2007") or [place for place in parts.places if (place / "ImageSets" / "Main").is_dir()]
    if not folders:
        raise MissingPartError(f"{parts.given} has no folder VOC2007")
    lists = {part: _class_lists(folders, part) for part in (training, testing)}
    classes = tuple(sorted({*lists[training], *lists[testing]}))
    for part, paths in lists.items():
        for label in classes:
            if label not in paths:
                raise MissingPartError(
                    f"{parts.given} has no list ImageSets/Main/{label}_{part}.txt (trainval and test have an archive each)"
                )
    if not classes:
        raise MissingPartError(f"{folders[0]} has no lists ImageSets/Main/CLASS_{training}.txt and CLASS_{testing}.txt")
    labels = {part: _labels([paths[label] for label in classes]) for part, paths in lists.items()}
    for image in sorted(labels[training].keys() & labels[testing].keys()):
        raise ValueError(f"{lists[training][classes[0]]} and {lists[testing][classes[0]]} both list image {image}")
    there = {path.stem: path for folder in folders for path in sorted((folder / "JPEGImages").glob("[!.]*.jpg"))}
    listed = _listed(folders)
    for image in sorted(there.keys() - listed):
        raise ValueError(f"{there[image]} is in no list of {there[image].parents[1] / 'ImageSets' / 'Main'}")
    missing = [image for part in labels.values() for image in part if image not in there]
    if missing and not parts.incomplete:
        image = min(missing)
        origin = lists[training if image in labels[training] else testing][classes[0]]
        raise ValueError(
            f"{folders[0] / 'JPEGImages'} has no {image}.jpg, which {origin} lists ({len(missing)} missing in all); "
            "--incomplete (incomplete=True) takes the others"
        )
    for part, rows in labels.items():
        labels[part] = {image: row for image, row in rows.items() if image in there}
        _check_positives(labels[part], lists[part], classes)
    ids = sorted(labels[training] | labels[testing])
    images = [there[image] for image in ids]
    root = Path(os.path.commonpath([path.parent.parent for path in images]))
    provenance = {"split": f"official: {training} trains, {testing} tests; 0 is difficult"}
    if any(_class_lists(folders, "test")):
        missing += OFFICIAL - listed  # a copy may lack images in its lists too
    if missing:
        provenance["missing"] = ", ".join(sorted(missing))
    return ImageSet(
        name,
        root,
        tuple(path.relative_to(root).as_posix() for path in images),
        np.array([(labels[training] | labels[testing])[image] for image in ids], dtype=np.int8),
        np.array([image in labels[training] for image in ids]),
        classes,
        "mAP",
        provenance,
    )


def _class_lists(folders: list[Path], part: str) -> dict[str, Path]:
    return {
        path.name.removesuffix(f"_{part}.txt"): path
        for folder in folders
        for path in sorted((folder / "ImageSets" / "Main").glob(f"[!.]*_{part}.txt"))
    }


def _listed(folders: list[Path]) -> set[str]:
    """Return the ids that any list names, of whatever part."""
    paths = (path for folder in folders for path in (folder / "ImageSets" / "Main").glob("[!.]*.txt"))
    return {line.split()[0] for path in paths for _, line in lines(path)}


def _labels(paths: list[Path]) -> Labels:
    """Return the labels of each image, one from each list."""
    columns = [_label(path) for path in paths]
    for path, column in zip(paths, columns, strict=True):
        for image in sorted(column.keys() ^ columns[0].keys()):
            raise ValueError(f"only one of {path} and {paths[0].name} lists image {image}; classes label the same images")
    return {image: [column[image] for column in columns] for image in columns[0]}


def _label(path: Path) -> dict[str, int]:
    labels: dict[str, int] = {}
    for number, line in lines(path):
        # The label is two characters wide, so that 1 and 0 have two blanks before them.
        match = re.fullmatch(r"(\w+)\s+(-1|0|1)", line)
        if match is None:
            raise ValueError(
                f"{path}, line {number}: {line!r} is not an image and its label 1, 0 or -1, such as '000012 -1'"
            )
        if match[1] in labels:
            raise ValueError(f"{path}, line {number}: image {match[1]} is listed more than once")
        labels[match[1]] = int(match[2])
    return labels


def _check_positives(labels: Labels, paths: Mapping[str, Path], classes: tuple[str, ...]) -> None:
    """Refuse a part in which a class has no image to be found: nothing could be learnt or scored."""
    for number, label in enumerate(classes):
        seen = {row[number] for row in labels.values()}
        if 1 not in seen:
            only = "only difficult images" if 0 in seen else "no positive image"
            raise ValueError(f"{paths[label]}: class {label} has {only}; at least one that is not difficult is needed")
