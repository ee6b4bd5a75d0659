"""Loading: a data set by its name, downloaded or from local parts, or any folder or CSV of images, as an ImageSet.

The way into this package: it looks names up in the registry, brings the parts together and calls the reader.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stresslib.datasets.archives import filling, unpack
from stresslib.datasets.dataset import Counts, Dataset
from stresslib.datasets.downloads import fetch
from stresslib.datasets.folders import from_folder
from stresslib.datasets.imageset import ImageSet
from stresslib.datasets.lists import from_csv
from stresslib.datasets.parts import MissingPartError, Parts
from stresslib.datasets.registry import DATASETS
from stresslib.files import cache_dir, file_sha256


def load_images(
    source: str | os.PathLike[str],
    *,
    archive: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    incomplete: bool = False,
    **options: Any,
) -> ImageSet:
    """Load a data set by its name, or any folder or CSV of images.

    Parameters
    ----------
    source : str or path-like
        Name of a data set, as ``stresslib list`` shows them; a folder of ``CLASS/IMAGE``; or a CSV of file and labels.
    archive : path-like or sequence of these, optional
        The parts of a data set that has a name: tar or zip archives, list files (``*.txt``), or a folder where they are
        unpacked. Default: the parts that were read last, else the official download where there is one.
    incomplete : bool, default=False
        Whether to take a copy of a data set although images are missing; the provenance counts and names them.
    **options
        For :func:`from_folder` or :func:`from_csv`.

    Returns
    -------
    ImageSet

    Raises
    ------
    FileNotFoundError
        When there is neither such a data set nor such a path, or the archive is missing.
    ValueError
        When the archive is of something else or incomplete, or the data set takes none; when there is a folder of the data
        set's name, too.
    OSError
        When the official download fails, or the disk has too little space.

    Examples
    --------
    >>> from stresslib import load_images
    >>> tars = ["VOCtrainval_06-Nov-2007.tar", "VOCtest_06-Nov-2007.tar"]
    >>> len(load_images("voc2007", archive=tars))     # doctest: +SKIP
    9963
    >>> len(load_images("digits"))                    # doctest: +SKIP
    1797
    >>> load_images("digits", archive="digits.tar")
    Traceback (most recent call last):
    ValueError: digits comes without an archive; leave digits.tar out
    """
    text = os.fspath(source)
    if text in DATASETS:
        if options:
            raise TypeError(f"{text} has a split and a metric of its own; {', '.join(options)} is for folders and CSVs")
        if archive is None:
            if Path(text).is_dir():
                raise ValueError(
                    f"{text} is a data set and a folder here; write ./{text} for the folder, or "
                    "work in another folder for the data set"
                )
            archive = []
        elif isinstance(archive, (str, os.PathLike)):
            archive = [archive]
        images = _load_dataset(DATASETS[text], [Path(path) for path in archive], incomplete)
        return replace(images, registered=True)
    path = Path(text)
    if not path.exists():
        near = difflib.get_close_matches(text, DATASETS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise FileNotFoundError(f"{text!r} is not a data set ({', '.join(DATASETS)}), folder or CSV{hint}")
    if archive is not None:
        raise ValueError(f"{text} is a path, and needs no archive; leave {archive} out")
    if incomplete:
        raise TypeError(f"{text} is a path; incomplete is for data sets that have a name")
    return from_folder(path, **options) if path.is_dir() else from_csv(path, **options)


def _load_dataset(dataset: Dataset, paths: list[Path], incomplete: bool) -> ImageSet:
    """Load a data set of the registry from its parts, or from a library that brings the images."""
    if dataset.write is not None:
        if paths:
            raise ValueError(f"{dataset.name} comes without an archive; leave {paths[0]} out")
        folder = cache_dir() / "datasets" / dataset.name
        if not folder.is_dir():
            with filling(folder) as inside:
                dataset.write(inside)
        return dataset.read(Parts(dataset.name, (folder,)))
    known = None if paths else dataset.remembered()
    parts, provenance = known or _gather(dataset, paths)
    parts = replace(parts, incomplete=incomplete or parts.incomplete)
    try:
        images = dataset.read(parts)
    except MissingPartError as error:
        raise ValueError(f"{error}; it is not an archive of {dataset.name}, or not all of it ({dataset.source})") from error
    _check_counts(dataset, images, parts.incomplete)
    images.provenance.update(provenance)
    if known is None:
        dataset.remember(parts, provenance)
    return images


def _gather(dataset: Dataset, paths: list[Path]) -> tuple[Parts, dict[str, Any]]:
    """Bring the parts of a data set together: download them where none are given, and unpack archives."""
    checksum = {}
    if not paths:
        if not dataset.downloads:
            raise FileNotFoundError(
                f"{dataset.name} has no official download; give its archive with --archive {dataset.name}.tar"
            )
        try:
            paths = [fetch(download.url, download.known_hash, download.name) for download in dataset.downloads]
        except OSError as error:
            raise OSError(f"{error}. {dataset.name} is from {dataset.source}") from error
        checksum = {"checksum": "; ".join(download.checksum for download in dataset.downloads)}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: there is no such archive, list or folder")
    given = ", ".join(map(str, paths))
    archives = [path for path in paths if path.is_file() and path.suffix != ".txt"]
    places = [path for path in paths if path not in archives]
    sha256 = {path: file_sha256(path) for path in places if path.is_file()}
    if archives:
        folder, hashes = unpack(*archives)
        places.append(folder)
        sha256.update(zip(archives, hashes, strict=True))
    provenance = {"archive": ", ".join(path.resolve().name for path in paths), **checksum}
    if sha256:
        provenance["archive_sha256"] = ", ".join(sha256[path] for path in paths if path in sha256)
    return Parts(given, tuple(places)), provenance


def _check_counts(dataset: Dataset, images: ImageSet, incomplete: bool) -> None:
    """Refuse a copy that has other numbers of images or classes than a complete one; note what an incomplete one lacks."""
    train = int(images.train.sum())
    found, whole = Counts(train, len(images) - train, len(images.classes)), dataset.counts
    if whole is None or found == whole:
        return
    fewer = found.classes == whole.classes and found.train <= whole.train and found.test <= whole.test
    if incomplete and fewer:
        images.provenance["incomplete"] = f"{whole.images - found.images} images missing: {found}, of {whole}"
        return
    cure = "; --incomplete (incomplete=True) takes what is there" if fewer else ""
    raise ValueError(
        f"{images.root} has {found}, and {dataset.name} has {whole}; some of it is missing, or it is something else "
        f"({dataset.source}){cure}"
    )
