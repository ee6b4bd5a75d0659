"""Folders: images that stand in a folder for each class, perhaps with folders of the parts of a split above.

One of the readers of image sets. What is not taken is counted, and what is nearly a split is never taken for classes.
"""

from __future__ import annotations

import mimetypes
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from stresslib.datasets.imageset import ImageSet
from stresslib.datasets.splits import TEST, TRAIN, VALIDATION, generator, part_of
from stresslib.images.decode import endings

DEBRIS = ("__macosx", "@eadir", "#recycle", "$recycle.bin", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")
"""What systems put beside the files of a user; copies of the images among it must not count as images."""


NO_IMAGES = ("text/", "application/", "audio/", "video/")
"""How the media types of files begin that are not images."""

DATA = (".db", ".ini", ".log", ".mat", ".npy", ".npz", ".parquet", ".pt", ".pth", ".safetensors", ".yaml", ".yml")
"""Endings that have no media type, of files that are not images."""

NO_ENDING = "no ending"


class Split(NamedTuple):
    """The folders that are the parts of a split, and the word for how the split was made."""

    train: str
    test: str

    def __str__(self) -> str:
        return f"folders {self.train} and {self.test}"


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
    of each class, class by class in sorted order, and the first ones of each class train. Upper and lower case do not
    matter, training and testing are understood as well, and where there is no folder test, val is taken (valid, validation,
    dev). Images are the files whose ending Pillow can read; hidden files and folders are left out, linked folders followed.

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
        ``provenance["left_out"]`` has the number of files that were not taken, by their ending or the reason.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    PermissionError
        When a folder cannot be read.
    ValueError
        When it holds no images, fewer than two classes, too few images of a class, a class without a readable image, or
        a split in a form that is not understood; the message names it.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: there is no such folder of images")
    left_out: Counter[str] = Counter()
    split = find_split(root)
    parts = split or ("",)
    found = {part: images_by_class(root / part, left_out) for part in parts}
    for folder in _folders(root) if split else ():
        if folder not in parts:
            left_out[f"folder {folder}"] = sum(map(len, images_by_class(root / folder, Counter(), check=False).values()))
    classes = tuple(sorted(set().union(*found.values()) - set(leave_out)))
    if not classes:
        below = f"{root}/{split.train}" if split else root
        raise ValueError(f"{root} holds no images; put them in one folder a class: {below}/CLASS/*.jpg{_counts(left_out)}")
    if len(classes) < 2:
        raise ValueError(f"{root} has only one class, {classes[0]!r}; at least two are needed{_counts(left_out)}")
    draw = generator(seed)
    rows: list[tuple[str, int, bool]] = []
    for number, label in enumerate(classes):
        if split:
            for part in split:
                names = found[part].get(label, [])
                if not names:
                    raise ValueError(f"{root}/{part} has no images of class {label!r}; both parts need each class")
                rows += [(f"{part}/{name}", number, part == split.train) for name in names]
            continue
        names = found[""][label]
        kept = len(names) // 2 if train_per_class is None else train_per_class
        if not 0 < kept < len(names):
            needed = 2 if train_per_class is None else train_per_class + 1
            raise ValueError(f"class {label!r} in {root} has {len(names)} image(s); the split needs at least {needed}")
        chosen = set(draw.permutation(len(names))[:kept].tolist())
        rows += [(name, number, index in chosen) for index, name in enumerate(names)]
    files, numbers, train = zip(*sorted(rows), strict=True)
    provenance: dict[str, object] = {
        "split": str(split) if split else f"drawn, {train_per_class or 'half'} of each class train, seed {seed}"
    }
    if left_out:
        provenance["left_out"] = dict(sorted(left_out.items()))
    return ImageSet(
        name or root.resolve().name, root, files, np.array(numbers), np.array(train), classes, metric, provenance
    )


def find_split(root: Path) -> Split | None:
    """Return the folders of a split below a folder; None where it holds the folders of classes.

    Raises
    ------
    ValueError
        When it has folders of a split in a form that is not understood; the message has one that is.
    """
    folders = _folders(root)
    if TRAIN in folders and TEST in folders:
        return Split(TRAIN, TEST)
    parts = {part: [name for name in folders if part_of(name) == part] for part in (TRAIN, VALIDATION, TEST)}
    named = [name for names in parts.values() for name in names]
    classes = {name: set(_folders(root / name)) for name in folders}
    others = [name for name in folders if name not in named]
    # A class may well be called train: what is a part of a split has folders of classes in it, the same as another has.
    nested = [
        name
        for name in named
        if classes[name] & set(others)
        or any(classes[name] & classes[other] for other in folders if other != name)
        or (len(classes[name]) > 1 and not any(entry.is_file() for entry in _entries(root / name)))
    ]
    tests = parts[TEST] or parts[VALIDATION]
    if len(parts[TRAIN]) == 1 and len(tests) == 1 and (not others or {*parts[TRAIN], *tests} <= set(nested)):
        return Split(parts[TRAIN][0], tests[0])
    if nested or (named and not others and len(named) > 1):
        found = ", ".join(nested or named)
        raise ValueError(
            f"{root} has the folder{'s' if len(nested or named) > 1 else ''} {found}, as of a split, but not one for "
            f"training and one for testing: name them {root}/train/CLASS and {root}/test/CLASS (or val)"
        )
    within = [{part_of(name) for name in classes[label]} for label in folders]
    if folders and all(TRAIN in words and words & {TEST, VALIDATION} for words in within):
        raise ValueError(f"{root}/{folders[0]} has folders of a split in it; the split comes first: {root}/train/CLASS")
    return None


def images_by_class(folder: Path, left_out: Counter[str] | None = None, *, check: bool = True) -> dict[str, list[str]]:
    """Return the sorted names ``CLASS/IMAGE`` below a folder, by class; classes without files are left out.

    Parameters
    ----------
    folder : pathlib.Path
    left_out : collections.Counter, optional
        Gets the number of files that are not taken, by their ending or the reason.
    check : bool, default=True
        Whether a class that has files, but no image, is an error. Notes and data beside the classes are left out.

    Returns
    -------
    dict of list of str

    Raises
    ------
    PermissionError
        When a folder cannot be read.
    ValueError
        When a class has files, but none that can be read as an image.
    """
    left_out = Counter() if left_out is None else left_out
    found = {}
    for entry in _entries(folder):
        if _is_debris(entry.name):
            # What is inside is not counted: a system may keep any number of files there.
            left_out["hidden"] += 1
        elif not entry.is_dir():
            left_out["beside the class folders"] += 1
        else:
            real, among = os.path.split(os.path.realpath(entry.path)) if entry.is_symlink() else ("", "")
            if real == os.path.realpath(folder) and not _is_debris(among):
                left_out["links to folders that are read already"] += 1  # the same images under two labels
                continue
            others: Counter[str] = Counter()
            names = sorted(f"{entry.name}/{name}" for name in _images(Path(entry.path), others))
            if names:
                found[entry.name] = names
            elif check and any(map(_may_be_image, others)):
                raise ValueError(
                    f"class {entry.name!r} in {folder} has no file that can be read as an image"
                    f"{_counts(others)}; convert them, or take the folder out{_plugin(others)}"
                )
            left_out.update(others)
    return found


def _images(top: Path, left_out: Counter[str]) -> list[str]:
    """Return the names of the images below a folder, and count what is left out."""
    found = []
    seen = {os.path.realpath(top), *map(os.path.realpath, top.parents)}

    def unreadable(error: OSError) -> NoReturn:
        raise _unreadable(error)

    for place, folders, files in os.walk(top, onerror=unreadable, followlinks=True):
        kept = []
        for name in sorted(folders):
            path = Path(place, name)
            real = os.path.realpath(path)
            if _is_debris(name):
                left_out["hidden"] += 1
            elif path.is_symlink() and real in seen:  # a loop, or the same images once more
                left_out["links to folders that are read already"] += 1
            else:
                seen.add(real)
                kept.append(name)
        folders[:] = kept
        for name in files:
            path = Path(place, name)
            ending = path.suffix.lower()
            if _is_debris(name):
                left_out["hidden"] += 1
            elif not path.is_file():
                left_out["broken links" if path.is_symlink() else "not plain files"] += 1
            elif path.is_symlink() and _is_read(os.path.realpath(path), os.path.realpath(top)):
                left_out["links to images that are read already"] += 1
            elif ending in endings():
                found.append(path.relative_to(top).as_posix())
            else:
                left_out[ending or NO_ENDING] += 1
    return found


def _is_read(target: str, top: str) -> bool:
    """Return whether the target of a link is below a folder of images itself, in no place that is left out."""
    inside = Path(os.path.relpath(target, top)).parts
    return inside[0] != os.pardir and not any(map(_is_debris, inside))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> OSError:
    return type(error)(f"cannot read the folder {error.filename}: {error.strerror}; get the right to, or remove it")


def _folders(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder) if entry.is_dir() and not _is_debris(entry.name)]


def _is_debris(name: str) -> bool:
    # macOS leaves ._image.jpg beside image.jpg on foreign disks.
    return name.startswith(".") or name.casefold() in DEBRIS


def _may_be_image(reason: str) -> bool:
    """Return whether files of an ending may be images of another form; notes and data often lie beside classes."""
    if reason == NO_ENDING:
        return True
    kind = mimetypes.guess_type(f"x{reason}")[0] or ""
    return reason.startswith(".") and reason not in DATA and (kind == "application/dicom" or not kind.startswith(NO_IMAGES))


def _counts(left_out: Counter[str]) -> str:
    return f" (left out: {', '.join(f'{reason} {count}' for reason, count in sorted(left_out.items()))})" if left_out else ""


def _plugin(left_out: Counter[str]) -> str:
    return "; 'pip install pillow-heif' reads .heic" if {".heic", ".heif"} & set(left_out) else ""
