"""Data: digits, MNIST and CIFAR-10 as arrays in memory, whole or a part with equally many images of each class.

The start of a training. Images are uint8 where they come so, and floating point in [0, 1] where they do not.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.files import cache_dir

Array = NDArray[Any]


@dataclass(frozen=True)
class Arrays:
    """Images and labels for training and testing.

    Attributes
    ----------
    name : str
        Such as ``cifar10`` or ``cifar10:1000``.
    train_images, test_images : ndarray of shape (n, C, H, W), uint8 or float32 in [0, 1]
    train_labels, test_labels : ndarray of shape (n,), int64
    classes : tuple of str
    flip : bool
        Whether the mirror image of a thing is such a thing, too.
    epochs, batch_size : int
        How often a training goes over the images, and how many it draws for a step, where nothing else is said.
    shown : int, default=0
        Images that a training is shown at least: of few images it takes more epochs, so that less data is not also less
        training.
    """

    name: str
    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array
    classes: tuple[str, ...]
    flip: bool
    epochs: int
    batch_size: int = 128
    shown: int = 0

    @property
    def channels(self) -> int:
        """Of each image."""
        return self.train_images.shape[1]

    @property
    def size(self) -> int:
        """Side of each image, in pixels."""
        return self.train_images.shape[2]

    def statistics(self) -> tuple[list[float], list[float]]:
        """Return mean and standard deviation of each channel of the training images, as images in [0, 1] have them."""
        scale = 255 if self.train_images.dtype == np.uint8 else 1
        per_channel = [self.train_images[:, channel].astype(np.float64) / scale for channel in range(self.channels)]
        return [float(one.mean()) for one in per_channel], [float(one.std()) for one in per_channel]

    def subset(self, count: int, seed: int = 0) -> Arrays:
        """Return the data with fewer training images, equally many of each class.

        Parameters
        ----------
        count : int
            Of training images; the number of classes divides it. Subsets of one seed are nested.
        seed : int, default=0

        Returns
        -------
        Arrays
            In the original order of the images; the test images are as they are.

        Raises
        ------
        ValueError
            When a class has not enough images, or the count cannot be shared equally.

        Examples
        --------
        >>> import numpy as np
        >>> from stresslib.training.data import load_arrays
        >>> np.bincount(load_arrays("digits").subset(100).train_labels)
        array([10, 10, 10, 10, 10, 10, 10, 10, 10, 10])
        """
        each, rest = divmod(count, len(self.classes))
        fewest = int(np.bincount(self.train_labels, minlength=len(self.classes)).min())
        if rest or not 0 < each <= fewest:
            raise ValueError(
                f"{count} training images of {self.name} cannot be drawn: a multiple of {len(self.classes)} is needed, "
                f"from {len(self.classes)} to {fewest * len(self.classes)}"
            )
        order = np.random.default_rng(seed).permutation(len(self.train_labels))
        kept = [order[self.train_labels[order] == label][:each] for label in range(len(self.classes))]
        rows = np.sort(np.concatenate(kept))
        name = f"{self.name}:{count}"
        epochs = max(self.epochs, math.ceil(self.shown / count))
        parts = {"train_images": self.train_images[rows], "train_labels": self.train_labels[rows]}
        return replace(self, name=name, epochs=epochs, **parts)


def load_arrays(name: str, *, folder: str | os.PathLike[str] | None = None, seed: int = 0) -> Arrays:
    """Load a data set for training.

    Parameters
    ----------
    name : {"digits", "mnist", "cifar10"}
        Or with ``:COUNT`` behind it: that many training images, equally many of each class.
    folder : path-like, optional
        Where the files are: MNIST's four idx files, compressed or not; CIFAR-10 as torchvision keeps it, or in
        ``cifar10.safetensors`` (train_images (50000, 32, 32, 3), train_labels, test_images, test_labels, uint8). Default:
        ``torchvision`` in the user's cache, to which it downloads what is not there. Digits come with scikit-learn.
    seed : int, default=0
        Of the part that is drawn.

    Returns
    -------
    Arrays

    Raises
    ------
    ValueError
        When there is no such data set, or no such part of it.
    OSError
        When the files are not there, or are damaged.

    Examples
    --------
    >>> from stresslib.training.data import load_arrays
    >>> digits = load_arrays("digits")
    >>> digits.train_images.shape, digits.test_images.shape
    ((1000, 1, 16, 16), (797, 1, 16, 16))
    """
    base, colon, count = name.partition(":")
    if base not in LOADERS:
        raise ValueError(f"there is no data set {base!r} for training; there are {', '.join(LOADERS)}")
    if colon and not (count.isdecimal() and count == str(int(count))):
        raise ValueError(f"data {name!r}: behind the colon is the number of training images, as in {base}:1000")
    arrays = LOADERS[base](None if folder is None else Path(folder))
    return arrays.subset(int(count), seed) if colon else arrays


def _digits(folder: Path | None) -> Arrays:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # Four pixels for each, since filters of 5 x 5 need room. Split in the order of the file: one writer's are together.
    images = np.repeat(np.repeat(bunch.images / 16, 2, axis=1), 2, axis=2)[:, None].astype(np.float32)
    labels = bunch.target.astype(np.int64)
    names = tuple("0123456789")
    return Arrays(
        "digits", images[:1000], labels[:1000], images[1000:], labels[1000:], names, flip=False, epochs=30, batch_size=32
    )


def _mnist(folder: Path | None) -> Arrays:
    if folder is None:
        from torchvision.datasets import MNIST

        root = cache_dir() / "torchvision"
        _downloaded(MNIST, root, train=True)  # the test images come with the others
        folder = root / "MNIST" / "raw"
    images, labels = (
        [_idx(folder, f"{part}-{kind}-ubyte") for part in ("train", "t10k")] for kind in ("images-idx3", "labels-idx1")
    )
    names = tuple("0123456789")
    train, test = (one[:, None] for one in images)
    train_labels, test_labels = (one.astype(np.int64) for one in labels)
    return Arrays("mnist", train, train_labels, test, test_labels, names, flip=False, epochs=5)


def _idx(folder: Path, name: str) -> Array:
    """Read one of MNIST's files: four bytes, of which the last is the number of axes; their lengths; the values."""
    path = next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"{folder} has no {name}, nor {name}.gz; MNIST's four files are needed")
    try:
        content = path.read_bytes() if path.suffix != ".gz" else gzip.decompress(path.read_bytes())
        axes = content[3]
        shape = np.frombuffer(content, ">i4", axes, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (ValueError, IndexError, EOFError, OSError, zlib.error) as error:
        raise OSError(f"{path} is damaged or not an idx file: {error}; fetch it anew") from error


def _cifar10(folder: Path | None) -> Arrays:
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    root = cache_dir() / "torchvision" if folder is None else folder
    if (root / "cifar10.safetensors").is_file():
        parts = _from_safetensors(root / "cifar10.safetensors")
    else:
        from torchvision.datasets import CIFAR10

        parts = []
        for train in (True, False):
            found = _downloaded(CIFAR10, root, train, download=folder is None)
            parts += [found.data, np.array(found.targets)]
    train_images, test_images = (np.ascontiguousarray(parts[place].transpose(0, 3, 1, 2)) for place in (0, 2))
    train_labels, test_labels = (parts[place].astype(np.int64) for place in (1, 3))
    return Arrays(
        "cifar10", train_images, train_labels, test_images, test_labels, names, flip=True, epochs=10, shown=100_000
    )


def _from_safetensors(path: Path) -> list[Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
        return [tensors[f"{part}_{kind}"] for part in ("train", "test") for kind in ("images", "labels")]
    except (SafetensorError, KeyError) as error:
        raise OSError(f"{path} is damaged or not CIFAR-10: {error}") from error


def _downloaded(dataset: Callable[..., Any], root: Path, train: bool, download: bool = True) -> Any:
    try:
        return dataset(str(root), train=train, download=download)
    except (RuntimeError, OSError) as error:
        cure = "connect and try again, or name the folder of the files" if download else "name another folder, or none"
        raise OSError(f"{root}: {error}; {cure}") from error


LOADERS: dict[str, Callable[[Path | None], Arrays]] = {"digits": _digits, "mnist": _mnist, "cifar10": _cifar10}
"""The data sets by their names."""
