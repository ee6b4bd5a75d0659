"""Robustness: small networks of several widths, trained on parts of CIFAR-10, on clean, corrupted and shrunken test images.

A part of `measure`. The networks are trained beforehand, each by ``stresslib train NAME``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stresslib.files import cache_dir, file_sha256
from stresslib.results import result_rows
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_images import CORRUPTIONS, corrupt, paste
from stresslib.training.artefacts import Address
from stresslib.training.data import Arrays, load_arrays

CLEAN, SHRUNK = "none", "pasted-half"
"""Test images as they are; and at half their size, in one corner or another of a grey square."""

SHIFTS = tuple(name for name, one in CORRUPTIONS.items() if not one.extra)
"""Fourteen of the benchmark's fifteen corruptions: frost's photographs are not ours."""

GREY = (128, 128, 128)


def addresses(counts: Iterable[int], widths: Iterable[int], seeds: Iterable[int]) -> list[str]:
    """Return the names of the networks, by training images, width and seed.

    Examples
    --------
    >>> from stressbook.chapters.images.objects.robustness import addresses
    >>> addresses([1000], [8, 16], [0])
    ['cifar10:1000/resnet8:8/plain/0', 'cifar10:1000/resnet8:16/plain/0']
    """
    return [
        f"cifar10:{count}/resnet8:{width}/plain/{seed}" for count, width, seed in itertools.product(counts, widths, seeds)
    ]


def under_shift(names: Iterable[str], *, folder: str, images: int, severity: int, **options: Any) -> list[dict[str, Any]]:
    """Measure trained networks on test images, clean and shifted.

    Parameters
    ----------
    names : iterable of str
        As :func:`addresses` returns them.
    folder : str
        Of CIFAR-10, as :func:`stresslib.training.data.load_arrays` takes it; empty: the user's cache.
    images : int
        The first so many of the test images.
    severity : int
        Of the corruptions, from 1 to 5.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`.

    Returns
    -------
    list of dict
        Rows of a results table; `repeat` is the seed, `level` the severity.

    Raises
    ------
    FileNotFoundError
        When a network has not been trained; the message has the command.
    """
    weights = {name: file_sha256(Address.parse(name).find()) for name in names}
    if not weights:
        return []
    data = test_data(folder)
    shared = data.test_images[:images], data.test_labels[:images]
    settings = [{"shift": shift, "severity": severity, "weights": weights} for shift in (CLEAN, SHRUNK, *SHIFTS)]
    found = run_tasks(_accuracies, settings, *shared, name="networks under shift", **options)
    rows = []
    for setting, accuracies in zip(settings, found, strict=True):
        shift = setting["shift"]
        for name, accuracy in zip(weights, accuracies, strict=True):
            address = Address.parse(name)
            origin = {"dataset": "cifar10", "model": address.architecture, "layer": "logits", "n_features": 10}
            cells = {"stress": shift, "repeat": address.seed, "variant": f"training={address.data.partition(':')[2]}"}
            level = float(severity) if shift in SHIFTS else None
            rows += result_rows(origin, None, {"accuracy": accuracy}, **cells, level=level)
    return rows


def test_data(folder: str) -> Arrays:
    """Load CIFAR-10 from a folder, or from the user's cache, in either form that `load_arrays` reads."""
    if not folder and (cache_dir() / "cifar10.safetensors").is_file():
        folder = str(cache_dir())
    return load_arrays("cifar10", folder=Path(folder) if folder else None)


def _accuracies(
    images: NDArray[np.uint8], labels: NDArray[np.int64], *, shift: str, severity: int, weights: dict[str, str]
) -> list[float]:
    """Return the share of shifted images that each network gets right."""
    from stresslib.training.fit import predict
    from stresslib.training.trained import load_trained

    shifted = _shifted(images, shift, severity)
    return [float((predict(load_trained(name), shifted).argmax(axis=1) == labels).mean()) for name in weights]


def _shifted(images: NDArray[np.uint8], shift: str, severity: int) -> NDArray[np.uint8]:
    """Return images (n, 3, H, W) under a shift; draws are of one generator, in the order of the images."""
    if shift == CLEAN:
        return images
    random = np.random.RandomState(0)
    last = [np.ascontiguousarray(image.transpose(1, 2, 0)) for image in images]
    if shift == SHRUNK:
        changed = [_shrunk(image, random) for image in last]
    else:
        changed = [corrupt(image, shift, severity, scale="cifar", random_state=random) for image in last]
    return np.ascontiguousarray(np.stack(changed).transpose(0, 3, 1, 2))


def _shrunk(image: NDArray[np.uint8], random: np.random.RandomState) -> NDArray[np.uint8]:
    opaque = Image.fromarray(image).convert("RGBA")
    x, y = random.choice([0.25, 0.75], 2)
    return np.asarray(paste(opaque, Image.new("RGB", opaque.size, GREY), 0.25, (x, y)).image)
