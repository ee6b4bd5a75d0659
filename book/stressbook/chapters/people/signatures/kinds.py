"""Kinds: what stands for a signature: its pixels, its gradients, or what a network makes of it.

Between people and the machines that verify them. Each kind that has something to choose has three forms, of which people who
are not tested choose one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stressbook.chapters.people.signatures.names import FIXED, LEARNED
from stressbook.chapters.people.signatures.networks import middle, trained, untrained
from stressbook.chapters.people.signatures.people import Array, People
from stresslib.networks import SigNet
from stresslib.training.fit import predict
from stresslib.training.signatures import signature_features


def pixels(pictures: Array, form: str) -> Array:
    """Return means of blocks of pixels as vectors.

    Parameters
    ----------
    pictures : ndarray of shape (n, 1, H, W), uint8 or float32
    form : str
        Height and width of a block, as ``5x5``; both divide the picture's.

    Returns
    -------
    ndarray of shape (n, d), float32

    Examples
    --------
    >>> import numpy as np
    >>> from stressbook.chapters.people.signatures.kinds import pixels
    >>> pixels(np.arange(8, dtype=np.float32).reshape(1, 1, 2, 4) / 8, "2x2").tolist()
    [[0.3125, 0.5625]]
    """
    height, width = map(int, form.split("x"))
    levels = _levels(middle(pictures)[:, 0])
    rows, columns = levels.shape[1] // height, levels.shape[2] // width
    blocks = levels[:, : rows * height, : columns * width].reshape(len(levels), rows, height, columns, width)
    return blocks.mean(axis=(2, 4)).reshape(len(levels), -1)


def oriented_gradients(pictures: Array, form: str) -> Array:
    """Return histograms of oriented gradients; `form` is height and width of a cell, and 2 x 2 cells are a block."""
    from skimage.feature import hog

    height, width = map(int, form.split("x"))
    levels = _levels(middle(pictures)[:, 0])
    made = [hog(one, orientations=9, pixels_per_cell=(height, width), cells_per_block=(2, 2)) for one in levels]
    return np.stack(made).astype(np.float32)


def imagenet(pictures: Array, layers: Sequence[str]) -> list[Array]:
    """Return the vectors of some layers of EfficientNet-Lite0, which learned from photographs, all in one pass."""
    from stresslib.extraction import Extractor

    extractor = Extractor("efficientnet-lite0", list(layers), precision="float32")
    # The extractor reads files. These are gone when it has.
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{row:05d}.png") for row in range(len(pictures))]
        for path, levels in zip(paths, _levels(middle(pictures)[:, 0]), strict=True):
            Image.fromarray(np.rint(255 * levels).astype(np.uint8)).save(path, compress_level=1)
        return [np.asarray(one, dtype=np.float32) for one in extractor(paths)]


def _levels(pictures: Array) -> Array:
    return pictures.astype(np.float32) / 255 if pictures.dtype == np.uint8 else pictures


FORMS = {
    "pixels": ("5x5", "10x10", "15x20"),
    "oriented-gradients": ("25x22", "30x44", "50x44"),
    "efficientnet-lite0": ("pooled", "stage6@1", "stage5@1"),
}
"""Of these, the forms that are tried on signatures."""

DIGITS_FORMS = {"pixels": ("1x1",), "oriented-gradients": ("4x4",), "efficientnet-lite0": ("pooled",)}
"""The form that digits have: there is nobody to choose one by."""


def forms(people: People, kind: str, rates: Sequence[float]) -> tuple[str, ...]:
    """Return what is tried of a kind: sizes or layers, of a network that learns the learning rates."""
    if kind in FIXED:
        return (FORMS if people.are_signatures else DIGITS_FORMS)[kind]
    if kind != LEARNED:
        return ("",)
    return tuple(map(str, rates)) if people.are_signatures else ("0.02",)


def model_name(people: People, kind: str, width: int) -> str:
    """Return the cell of a kind in the column `model`: a network's has its architecture in front."""
    if kind in FIXED:
        return kind
    return f"signet:{width}/{kind}" if people.are_signatures else f"lenet5/{kind}"


def fixed_features(pictures: Array, kind: str, wanted: Sequence[str]) -> list[Array]:
    """Return the features of a kind of `FIXED`, of every picture, in some forms: a task.

    Parameters
    ----------
    pictures : ndarray of shape (n, 1, H, W)
    kind : str
    wanted : sequence of str
        Forms.

    Returns
    -------
    list of ndarray of shape (n, d), float32
        For each form.
    """
    if kind == "efficientnet-lite0":
        return imagenet(pictures, wanted)
    made = pixels if kind == "pixels" else oriented_gradients
    return [made(pictures, form) for form in wanted]


def network_features(people: People, kind: str, form: str, seed: int, width: int, epochs: int) -> dict[str, Any]:
    """Return the features of every picture by a network, and how well it knows those it learned from: a task.

    Parameters
    ----------
    people : People
    kind : str
        ``untrained``, or as :func:`~stressbook.chapters.people.signatures.networks.trained` takes it.
    form : str
        Learning rate; of an untrained network empty.
    seed, width, epochs : int

    Returns
    -------
    dict
        `features`, an ndarray of shape (n, d) and type float32, and `accuracy`, percent or None.
    """
    accuracy: float | None = None
    if kind == "untrained":
        network = untrained(people, width=width, seed=seed)
    else:
        network, accuracy = trained(people, kind, rate=float(form), epochs=epochs, width=width, seed=seed)
    if isinstance(network, SigNet):
        return {"features": signature_features(network, people.pictures), "accuracy": accuracy}
    read: Any = network
    return {"features": predict(read.features, people.pictures), "accuracy": accuracy}
