"""The paper's own data sets, read from their official files: VOC 2007, MIT-67, and the two that are called Food-101.

Each reader takes the parts of its data set and makes an ImageSet of them, with the official split where there is one.
"""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import numpy as np

from stresslib.datasets.imageset import ImageSet, images_by_class
from stresslib.datasets.parts import MissingPartError, Parts, from_lists, lines

# Pascal VOC 2007


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
        When a list or an image is missing, a line has another form, or the lists disagree about the images.
    """
    folders = parts.folders("VOC2007") or [place for place in parts.places if (place / "ImageSets" / "Main").is_dir()]
    if not folders:
        raise MissingPartError(f"{parts.given} has no folder VOC2007")
    lists = {part: _class_lists(folders, part) for part in ("trainval", "test")}
    classes = tuple(sorted({*lists["trainval"], *lists["test"]}))
    for part, paths in lists.items():
        for label in classes:
            if label not in paths:
                raise MissingPartError(
                    f"{parts.given} has no list ImageSets/Main/{label}_{part}.txt (trainval and test have an archive each)"
                )
    if not classes:
        raise MissingPartError(f"{folders[0]} has no lists ImageSets/Main/CLASS_trainval.txt and CLASS_test.txt")
    trainval, test = (_labels([paths[label] for label in classes]) for paths in lists.values())
    for image in sorted(trainval.keys() & test.keys()):
        raise ValueError(f"{lists['trainval'][classes[0]]} and {lists['test'][classes[0]]} both list image {image}")
    there = {path.name: path for folder in folders for path in sorted((folder / "JPEGImages").glob("*.jpg"))}
    labels = trainval | test
    ids = sorted(labels)
    for image in ids:
        if f"{image}.jpg" not in there:
            listed = lists["trainval" if image in trainval else "test"][classes[0]]
            raise ValueError(f"{folders[0] / 'JPEGImages'} has no {image}.jpg, which {listed} lists")
    images = [there[f"{image}.jpg"] for image in ids]
    root = Path(os.path.commonpath([path.parent.parent for path in images]))
    return ImageSet(
        "voc2007",
        root,
        tuple(path.relative_to(root).as_posix() for path in images),
        np.array([labels[image] for image in ids], dtype=np.int8),
        np.array([image in trainval for image in ids]),
        classes,
        "mAP",
        {"split": "official: trainval trains, test tests; 0 is difficult"},
    )


def _class_lists(folders: list[Path], part: str) -> dict[str, Path]:
    return {
        path.name.removesuffix(f"_{part}.txt"): path
        for folder in folders
        for path in sorted((folder / "ImageSets" / "Main").glob(f"[!.]*_{part}.txt"))
    }


def _labels(paths: list[Path]) -> dict[str, list[int]]:
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


# MIT-67


def mit67(parts: Parts) -> ImageSet:
    """Read MIT-67 (Indoor Scene Recognition): ``Images/CLASS/*``, TrainImages.txt and TestImages.txt.

    Images that no list names, more than half of them, are left out.

    Parameters
    ----------
    parts : Parts

    Returns
    -------
    ImageSet
        Its metric is the accuracy.

    Raises
    ------
    ValueError
        When the folder or a list is missing, and as :func:`stresslib.datasets.parts.from_lists` does.
    """
    lists = {parts.file("TrainImages.txt"): True, parts.file("TestImages.txt"): False}
    provenance = {"split": "official: TrainImages.txt and TestImages.txt"}
    return from_lists(parts.folder("Images"), lists, name="mit67", provenance=provenance)


# Food-101


def food101(parts: Parts) -> ImageSet:
    """Read Food-101 of ETH Zurich: ``images/CLASS/*.jpg``, and ``meta/train.txt`` and ``meta/test.txt`` without the ending.

    Parameters
    ----------
    parts : Parts

    Returns
    -------
    ImageSet
        Its metric is the accuracy.

    Raises
    ------
    ValueError
        When the folder or a list is missing, and as :func:`stresslib.datasets.parts.from_lists` does.
    """
    lists = {parts.file("train.txt"): True, parts.file("test.txt"): False}
    provenance = {"split": "official: meta/train.txt and meta/test.txt"}
    return from_lists(parts.folder("images"), lists, name="food101", ending=".jpg", provenance=provenance)


PAPER_FOOD = (29_998, 333)
"""Test images, and those of class 1 among them, that the paper's scores on its Food-101 fit (protocol 1.3)."""

UPMC_TRAIN_PER_CLASS = 600
"""Training images of each class of UPMC Food-101 that these counts fit."""


def upmc_food101(
    parts: Parts, *, train_per_class: int = UPMC_TRAIN_PER_CLASS, seed: int = 0, expected: tuple[int, int] = PAPER_FOOD
) -> ImageSet:
    """Read UPMC Food-101: ``images/train/CLASS/*`` and ``images/test/CLASS/*`` pooled, or ``CLASS/*``.

    The paper's counts fit 600 training images a class. How the authors drew them is unknown. Here one
    ``numpy.random.RandomState(seed)`` permutes the images of each class, class by class in sorted order and images sorted by
    name, and the first ones of each class train.

    Parameters
    ----------
    parts : Parts
    train_per_class : int, default=600
    seed : int, default=0
    expected : tuple of int
        Test images, and those of the first class among them. Copies of the set differ, so other numbers are only a warning.

    Returns
    -------
    ImageSet
        Its metric is the accuracy.

    Raises
    ------
    ValueError
        When there is no folder of images, or a class has too few of them.
    """
    # The folders of the classes may also be in the given folder itself.
    roots = parts.folders("images") or [place for place in parts.places if place.is_dir()]
    pools = [pool for root in roots[:1] for pool in (root / "train", root / "test") if pool.is_dir()] or roots[:1]
    pooled: dict[str, list[Path]] = {}
    for pool in pools:
        for label, names in images_by_class(pool).items():
            pooled.setdefault(label, []).extend(pool / name for name in names)
    classes = tuple(sorted(pooled))
    if len(classes) < 2:
        raise MissingPartError(f"{parts.given} has no folder images with a folder for each class in it")
    root = roots[0]
    generator = np.random.RandomState(seed)
    rows: list[tuple[str, int, bool]] = []
    for number, label in enumerate(classes):
        # By the name alone, so that the draw is the same whether the two parts are pooled already or not.
        paths = sorted(pooled[label], key=lambda path: (path.name, path))
        if len(paths) <= train_per_class:
            raise ValueError(
                f"class {label!r} in {root} has {len(paths)} image(s); {train_per_class} train, and at least one must test"
            )
        chosen = set(generator.permutation(len(paths))[:train_per_class].tolist())
        rows += [(path.relative_to(root).as_posix(), number, place in chosen) for place, path in enumerate(paths)]
    files, y, train = zip(*sorted(rows), strict=True)
    tests = (len(rows) - len(classes) * train_per_class, len(pooled[classes[0]]) - train_per_class)
    counts = (
        f"{tests[0]:,} test images, {tests[1]:,} of them of class 1, {classes[0]}; the paper's scores fit {expected[0]:,} "
        f"and {expected[1]:,}"
    )
    if tests != expected:
        warnings.warn(f"{root}: {counts}", stacklevel=2)
    split = f"{train_per_class} per class train, seed {seed}; the authors' own draw is unknown"
    return ImageSet(
        "upmc-food101", root, files, np.array(y), np.array(train), classes, "accuracy", {"split": split, "counts": counts}
    )
