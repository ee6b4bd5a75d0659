"""ImageSet: the files, labels, split and metric of a set of images.

What goes into extraction. The readers of folders, of lists and of the known data sets make it.
"""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.files import file_sha256, text_sha256


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images and what is known of them, in a fixed order.

    Attributes
    ----------
    name : str
    root : pathlib.Path
        Folder to which the file names are relative.
    files : tuple of str
        Names with forward slashes, sorted.
    y : ndarray of shape (n,), class numbers; or of shape (n, classes), of 1, -1 and 0 (difficult)
    train : ndarray of bool, shape (n,)
    classes : tuple of str
    metric : {"accuracy", "mean-class-accuracy", "mAP"}
    provenance : dict
        How split and labels were made, and the archive's hash where there is one.
    registered : bool
        Whether it is a data set that is known by its name, wherever its images are.
    """

    name: str
    root: Path
    files: tuple[str, ...]
    y: NDArray[Any]
    train: NDArray[np.bool_]
    classes: tuple[str, ...]
    metric: str
    provenance: dict[str, Any] = field(default_factory=dict)
    registered: bool = False

    def __len__(self) -> int:
        return len(self.files)

    def place_sha256(self) -> str:
        """SHA-256 of where the set is, which tells two sets of one name apart, and shows nobody a path."""
        return text_sha256(self.name if self.registered else str(self.root.resolve()), self.provenance.get("list", ""))

    def content_sha256(self) -> str:
        """SHA-256 of names and bytes of all images, of their labels and their split."""
        with ThreadPoolExecutor() as pool:
            hashes = list(pool.map(_sha256, [self.root / name for name in self.files]))
        labels = json.dumps([self.y.tolist(), self.train.tolist(), self.classes, self.metric])
        return text_sha256(labels, *itertools.chain(*zip(self.files, hashes, strict=True)))


def _sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError:
        return ""  # an image that is skipped may be missing
