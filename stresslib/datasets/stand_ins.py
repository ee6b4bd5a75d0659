"""The readers of the data sets that stand in for the paper's: Caltech-101, 15-Scenes, a sample of COCO, handwritten digits.

Like those of the paper's own data sets, each takes the parts of its data set and makes an ImageSet of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from stresslib.datasets.folders import from_folder
from stresslib.datasets.imageset import ImageSet
from stresslib.datasets.lists import from_csv
from stresslib.datasets.parts import Parts

CALTECH101_TRAIN_PER_CLASS = 30
"""The field's convention: the rest test, and the score is the mean accuracy over classes."""

DIGITS_TRAIN_PER_CLASS = 50


def caltech101(parts: Parts) -> ImageSet:
    """Read Caltech-101: ``CLASS/IMAGE`` below caltech101 or 101_ObjectCategories, a split drawn with seed 0."""
    # The official archive has a class of clutter too, which is not an object.
    return from_folder(
        parts.folder("caltech101", "101_ObjectCategories"),
        name="caltech101",
        metric="mean-class-accuracy",
        train_per_class=CALTECH101_TRAIN_PER_CLASS,
        leave_out=("BACKGROUND_Google",),
    )


def scenes15(parts: Parts) -> ImageSet:
    """Read 15-Scenes: ``train/CLASS/IMAGE`` and ``test/CLASS/IMAGE`` below scenes15."""
    return from_folder(parts.folder("scenes15"), name="scenes15", metric="accuracy")


def coco(parts: Parts) -> ImageSet:
    """Read the sample of COCO: ``coco/labels.csv`` and the images that it lists."""
    return from_csv(parts.folder("coco") / "labels.csv", name="coco", labels="voc_labels", metric="mAP")


def digits(parts: Parts) -> ImageSet:
    """Read the digits that :func:`write_digits` wrote."""
    images = from_folder(parts.places[0], name="digits", metric="accuracy", train_per_class=DIGITS_TRAIN_PER_CLASS)
    images.provenance["origin"] = "scikit-learn's load_digits"
    return images


def write_digits(folder: Path) -> None:
    """Write scikit-learn's digits into an empty folder, one PNG each, in a folder for each digit."""
    from sklearn.datasets import load_digits  # takes a second to import, and only this needs it

    bunch = load_digits()
    for row, (levels, digit) in enumerate(zip(bunch.images, bunch.target, strict=True)):
        path = folder / str(digit) / f"{row:04d}.png"
        path.parent.mkdir(exist_ok=True)
        # Levels are 0 to 16. Files are not compressed, so that their bytes are the same with every zlib.
        Image.fromarray(np.rint(levels * 255 / 16).astype(np.uint8)).save(path, compress_level=0)
