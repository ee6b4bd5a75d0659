"""Dataset: what is fixed about one data set, its facts, its reader, and where its parts were found last.

The registry holds one for each name; loading brings the parts together and calls the reader.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stresslib.datasets.downloads import Download
from stresslib.datasets.imageset import ImageSet
from stresslib.datasets.parts import Parts
from stresslib.files import cache_dir, write_json


@dataclass(frozen=True)
class Counts:
    """How many images a data set has in each part of its split, and how many classes."""

    train: int
    test: int
    classes: int

    @property
    def images(self) -> int:
        """Images in both parts."""
        return self.train + self.test

    def __str__(self) -> str:
        return f"{self.train:,} training and {self.test:,} test images of {self.classes} classes"


@dataclass(frozen=True)
class Dataset:
    """What is fixed about a data set that is known by name.

    Attributes
    ----------
    name : str
    about : str
        One line: size, split, metric.
    source : str
        Where it comes from: its official page, or whom to ask.
    read : callable
        Makes the ImageSet from the parts of the data set.
    licence : str
        Of the images, as their source states it.
    note : str
        What somebody should know who has not worked with it.
    cite : str
        Keys of the book's bibliography, joined by commas; empty where it has none.
    downloads : tuple of Download
        The official files, where there are any.
    counts : Counts or None
        What a complete copy has; any other is refused.
    write : callable or None
        Writes the images into an empty folder. For images that come with a library; there is no archive then.
    """

    name: str
    about: str
    source: str
    read: Callable[[Parts], ImageSet]
    licence: str
    note: str
    cite: str = ""
    downloads: tuple[Download, ...] = ()
    counts: Counts | None = None
    write: Callable[[Path], None] | None = None

    @property
    def size(self) -> int | None:
        """Bytes to download, where the size of each file is known."""
        sizes = [download.size for download in self.downloads]
        return sum(size or 0 for size in sizes) if sizes and None not in sizes else None

    def present(self) -> bool:
        """Return whether the images are on this machine: they were loaded before, or come with a library."""
        return self.write is not None or self.remembered() is not None

    def remembered(self) -> tuple[Parts, dict[str, Any]] | None:
        """Return the parts that were read last and their provenance; None where there were none, or one is gone."""
        try:
            found = json.loads(self._memory.read_text(encoding="utf-8"))
            parts = Parts(found["given"], tuple(map(Path, found["places"])), found["incomplete"])
            return (parts, found["provenance"]) if all(place.exists() for place in parts.places) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, parts: Parts, provenance: dict[str, Any]) -> None:
        """Note where the parts are, so that the next call finds them without being told."""
        places = [os.fspath(place.resolve()) for place in parts.places]
        found = {"given": parts.given, "places": places, "incomplete": parts.incomplete, "provenance": provenance}
        write_json(self._memory, found)

    @property
    def _memory(self) -> Path:
        return cache_dir() / "datasets" / f"{self.name}.json"
