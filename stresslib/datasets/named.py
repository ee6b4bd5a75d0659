"""The named data sets: Caltech-101, 15-Scenes, a small sample of COCO, handwritten digits, and where each comes from."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from stresslib.datasets.archives import fetch, filling, unpack
from stresslib.datasets.imageset import ImageSet, from_csv, from_folder
from stresslib.files import cache_dir


@dataclass(frozen=True)
class Dataset:
    """What is fixed about a named data set.

    Attributes
    ----------
    name : str
    about : str
        One line: size, split, metric.
    folder : tuple of str
        Names that the folder of images may have inside the archive.
    read : callable
        Makes the ImageSet from that folder.
    url, known_hash : str or None
        The official download, where there is one.
    write : callable or None
        Writes the images into an empty folder, where they come with a library: no archive then.
    """

    name: str
    about: str
    folder: tuple[str, ...]
    read: Callable[[Path], ImageSet]
    url: str | None = None
    known_hash: str | None = None
    write: Callable[[Path], None] | None = None


def _caltech101(folder: Path) -> ImageSet:
    # The field's convention: 30 training images of each class, the rest test, mean accuracy over classes. The clutter
    # class of the official archive is no object class.
    return from_folder(
        folder,
        name="caltech101",
        metric="mean-class-accuracy",
        train_per_class=30,
        leave_out=("BACKGROUND_Google",),
    )


def _scenes15(folder: Path) -> ImageSet:
    return from_folder(folder, name="scenes15", metric="accuracy")


def _coco(folder: Path) -> ImageSet:
    return from_csv(folder / "labels.csv", name="coco", labels="voc_labels", metric="mAP")


def _digits(folder: Path) -> ImageSet:
    images = from_folder(folder, name="digits", metric="accuracy", train_per_class=50)
    images.provenance["origin"] = "scikit-learn's load_digits"
    return images


def _write_digits(folder: Path) -> None:
    bunch = load_digits()
    for row, (levels, digit) in enumerate(zip(bunch.images, bunch.target, strict=True)):
        path = folder / str(digit) / f"{row:04d}.png"
        path.parent.mkdir(exist_ok=True)
        # Levels 0 to 16. Not compressed, so that the bytes are the same with every zlib.
        Image.fromarray(np.rint(levels * 255 / 16).astype(np.uint8)).save(path, compress_level=0)


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "caltech101",
            "8,677 images, 101 object classes; 30 per class train (seed 0), the rest test; mean class accuracy",
            ("caltech101", "101_ObjectCategories"),
            _caltech101,
            "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
            "md5:3138e1922a9193bfa496528edbbc45d0",
        ),
        Dataset("scenes15", "15 scene classes, about 100 per class train; accuracy", ("scenes15",), _scenes15),
        Dataset("coco", "197 images with Pascal VOC's labels; mAP; too small to quote", ("coco",), _coco),
        Dataset(
            "digits",
            "1,797 handwritten digits of 8 x 8 pixels, from scikit-learn, far from ImageNet's photographs; 50 per class "
            "train (seed 0), the rest test; accuracy",
            (),
            _digits,
            write=_write_digits,
        ),
    )
}
"""The named data sets by their names."""


def load_images(
    source: str | os.PathLike[str], *, archive: str | os.PathLike[str] | None = None, **options: Any
) -> ImageSet:
    """Load a named data set, or any folder or CSV of images.

    Parameters
    ----------
    source : str or path-like
        ``"caltech101"``, ``"scenes15"``, ``"coco"``, ``"digits"``; a folder of ``CLASS/IMAGE``; or a CSV of file and labels.
    archive : path-like, optional
        A local tar or zip of a named data set. Without it, the official download where there is one.
    **options
        For :func:`from_folder` or :func:`from_csv`.

    Returns
    -------
    ImageSet

    Raises
    ------
    FileNotFoundError
        When there is neither such a data set nor such a path, or its archive is missing.
    ValueError
        When the archive is another one, or the data set comes without.
    """
    text = os.fspath(source)
    if text not in DATASETS:
        path = Path(text)
        if path.is_file():
            return from_csv(path, **options)
        if path.is_dir():
            return from_folder(path, **options)
        near = difflib.get_close_matches(text, DATASETS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise FileNotFoundError(f"{text!r} is no data set ({', '.join(DATASETS)}), folder or CSV{hint}")
    if options:
        raise TypeError(f"{text} has a split and a metric of its own; {', '.join(options)} is for folders and CSVs")
    dataset = DATASETS[text]
    if dataset.write is not None:
        if archive is not None:
            raise ValueError(f"{dataset.name} comes without an archive; leave {archive} out")
        folder = cache_dir() / "datasets" / dataset.name
        if not folder.is_dir():
            with filling(folder) as inside:
                dataset.write(inside)
        return dataset.read(folder)
    if archive is None:
        if dataset.url is None or dataset.known_hash is None:
            raise FileNotFoundError(
                f"{dataset.name} has no official download; give its archive with --archive {dataset.name}.tar"
            )
        archive = fetch(dataset.url, dataset.known_hash, Path(dataset.url).name)
    unpacked, sha256 = unpack(archive)
    for name in dataset.folder:
        found = sorted(path for path in unpacked.rglob(name) if path.is_dir() and "__MACOSX" not in path.parts)
        if found:
            images = dataset.read(found[0])
            images.provenance.update(archive=Path(archive).name, archive_sha256=sha256)
            return images
    raise ValueError(f"{archive} has no folder {' or '.join(dataset.folder)}; it is no archive of {dataset.name}")
