"""The paper's other data sets, read from their official files: MIT-67, and the two that are called Food-101.

Each reader takes the parts of its data set and makes an ImageSet of them, with the official split where there is one.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from stresslib.datasets.folders import images_by_class
from stresslib.datasets.imageset import ImageSet
from stresslib.datasets.parts import MissingPartError, Parts, from_lists

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
    return from_lists(parts, "Images", lists, name="mit67", provenance=provenance)


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
    return _food101(parts, "food101")


def food101_10(parts: Parts) -> ImageSet:
    """Read a part of Food-101 with ten of its classes, which has the layout of the whole.

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
        As :func:`food101` does.
    """
    return _food101(parts, "food101-10")


def _food101(parts: Parts, name: str) -> ImageSet:
    lists = {parts.file("train.txt"): True, parts.file("test.txt"): False}
    provenance = {"split": "official: meta/train.txt and meta/test.txt"}
    return from_lists(parts, "images", lists, name=name, ending=".jpg", provenance=provenance)


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
