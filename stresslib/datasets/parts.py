"""Parts: the folders and list files of a data set that were given, and how official lists of images are read.

Between the unpacked archives and the readers of the data sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from stresslib.datasets.imageset import ImageSet


class MissingPartError(ValueError):
    """A folder or a list is not among the parts that were given; the message names both."""


@dataclass(frozen=True)
class Parts:
    """Folders and list files of a data set.

    Attributes
    ----------
    given : str
        What the user gave, for messages.
    places : tuple of pathlib.Path
        Folders, unpacked archives among them, and list files.
    incomplete : bool
        Whether listed images may be missing; the reader names them in the provenance.
    """

    given: str
    places: tuple[Path, ...]
    incomplete: bool = False

    def folders(self, *names: str) -> list[Path]:
        """Return all folders of one name, the first of `names` that occurs; the given folders themselves count too."""
        for name in names:
            found = [
                folder
                for place in self.places
                if place.is_dir()
                # resolve(), because a folder given as "." has no name.
                for folder in ([place] if place.resolve().name == name else sorted(place.rglob(name)))
                if folder.is_dir() and "__MACOSX" not in folder.parts
            ]
            if found:
                return found
        return []

    def folder(self, *names: str) -> Path:
        """Return the first folder that has one of these names.

        Raises
        ------
        MissingPartError
            When there is none.
        """
        found = self.folders(*names)
        if not found:
            raise MissingPartError(f"{self.given} has no folder {' or '.join(names)}")
        return found[0]

    def file(self, name: str) -> Path:
        """Return a list file: one that was given itself, else one in a folder.

        Raises
        ------
        MissingPartError
            When there is none.
        """
        alone = [place for place in self.places if place.is_file() and place.name == name]
        inside = (path for place in self.places if place.is_dir() for path in sorted(place.rglob(name)) if path.is_file())
        found = next(iter(alone), None) or next(inside, None)
        if found is None:
            raise MissingPartError(f"{self.given} has no list {name}; give that file too")
        return found


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line of a list that is not blank.

    Raises
    ------
    ValueError
        When the list is empty, or is not text.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from error
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not numbered:
        raise ValueError(f"{path} is empty; a list of images is needed")
    yield from numbered


def from_lists(
    parts: Parts, folder: str, lists: Mapping[Path, bool], *, name: str, ending: str = "", provenance: Mapping[str, Any]
) -> ImageSet:
    """Read the images ``CLASS/IMAGE`` of a folder that two lists name, one for training and one for testing.

    Images in neither list are left out. Upper and lower case of a listed name may differ from the file's, which then counts.

    Parameters
    ----------
    parts : Parts
    folder : str
        The one among them that has a folder for each class.
    lists : mapping of pathlib.Path to bool
        The lists; True for the one whose images train.
    name : str
    ending : str, default=""
        What the lists omit at the end of each file name.
    provenance : mapping

    Returns
    -------
    ImageSet
        Its metric is the accuracy.

    Raises
    ------
    ValueError
        On a line of another form or one that leads out of the folder, on an image that is missing or listed twice.
    """
    root = parts.folder(folder)
    there: dict[str, list[str]] = {}
    for path in root.glob("*/*"):
        file = path.relative_to(root).as_posix()
        there.setdefault(file.casefold(), []).append(file)
    seen: dict[str, tuple[str, bool]] = {}
    missing = []
    for path, trains in lists.items():
        for number, line in lines(path):
            place = f"{path}, line {number}"
            listed = _checked(line, place) + ending
            if parts.incomplete and listed.casefold() not in there:
                missing.append(listed)
                continue
            file = _find(listed, there, root, place)
            if file in seen:
                raise ValueError(f"{place}: {file} is listed in {seen[file][0]} too; an image trains or tests, once")
            seen[file] = place, trains
    files = tuple(sorted(seen))
    classes = tuple(sorted({file.partition("/")[0] for file in files}))
    numbers = {label: number for number, label in enumerate(classes)}
    y = np.array([numbers[file.partition("/")[0]] for file in files])
    train = np.array([seen[file][1] for file in files])
    left_out = {"missing": ", ".join(sorted(missing))} if missing else {}
    return ImageSet(name, root, files, y, train, classes, "accuracy", {**provenance, **left_out})


def _checked(line: str, place: str) -> str:
    """Return a line of a list unless it is malformed."""
    if ".." in PurePosixPath(line).parts or line.startswith("/"):
        raise ValueError(f"{place}: {line!r} leads out of the folder of images")
    if not all(line.partition("/")[::2]) or line.count("/") != 1:
        raise ValueError(f"{place}: {line!r} is not CLASS/IMAGE")
    return line


def _find(file: str, there: Mapping[str, list[str]], root: Path, place: str) -> str:
    """Return the name of a listed file as it is spelt on the disk."""
    alike = there.get(file.casefold(), [])
    if file in alike:
        return file
    if len(alike) != 1:
        what = f"several files {file} that differ in upper and lower case" if alike else f"no {file}"
        cure = "" if alike else "; --incomplete (incomplete=True) takes the others"
        raise ValueError(f"{root} has {what}, which {place}, lists{cure}")
    return alike[0]
