"""People: whose signatures are learned from and whose are verified, and the features that stand for a signature.

The start of `measure`. Digits take the place of writers where no signatures are at hand. Nothing of a signature leaves here
but numbers that are in the store of whoever runs it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from stresslib.datasets.signatures import INPUT, RESIZED, read_signatures
from stresslib.files import cache_dir
from stresslib.networks import LeNet5, SigNet
from stresslib.training.data import load_arrays
from stresslib.training.fit import fit, predict, sgd
from stresslib.training.signatures import learn_writers, signature_features

Array = NDArray[Any]

WIDTH = 24
"""Channels of the first convolution of the network that learns from signatures; SigNet has 96, for 531 writers."""

EPOCHS, LEARNING_RATE = 60, 0.01
"""Of the training on signatures; the rate is to be judged on :func:`held_out` people, never on those who are verified."""

DIGITS_LEARNED, DIGITS_EPOCHS = 6, 8
"""Digits that take the place of writers to learn from; the other four are verified."""

DIGITS_SIGNED, DIGITS_FORGED = 30, 20
"""Images of each digit that stand for genuine signatures, and images of others that look most like it."""


@dataclass(frozen=True, eq=False)
class People:
    """Pictures of people to learn from, and of others, who are enrolled and verified.

    Attributes
    ----------
    name : str
    pictures : ndarray of shape (n, 1, H, W), uint8 or float32 in [0, 1]
        Of those who are verified.
    writer, forged : ndarray of shape (n,)
        Who signs or is imitated, and whether it is forged.
    learned_pictures, learned_writer, learned_forged : ndarray
        The same of those whom networks learn from.
    negative : ndarray of bool
        Which of these are of the same set, so that their genuine ones are random forgeries for everybody.
    """

    name: str
    pictures: Array
    writer: Array
    forged: Array
    learned_pictures: Array
    learned_writer: Array
    learned_forged: Array
    negative: Array


def signatures(folder: str | os.PathLike[str], *, incomplete: bool = False) -> People:
    """Read the Dutch part of SigComp 2011, whose test writers are verified, and four small sets, to learn from as well.

    Parameters
    ----------
    folder : path-like
        With ``sigcomp2011-dutch``, and ``four-small`` or not.
    incomplete : bool, default=False
        As for :func:`stresslib.datasets.signatures.read_signatures`.

    Returns
    -------
    People
    """
    dutch = read_signatures(Path(folder, "sigcomp2011-dutch"), incomplete=incomplete)
    pictures = dutch.pictures(size=RESIZED)
    learned = ~dutch.test
    parts = [(pictures[learned], dutch.writer[learned], dutch.forged[learned])]
    if Path(folder, "four-small").is_dir():
        small = read_signatures(Path(folder, "four-small"), incomplete=incomplete)
        parts.append((small.pictures(size=RESIZED), small.writer + len(dutch.writers), small.forged))
    learned_pictures, learned_writer, learned_forged = (np.concatenate(part) for part in zip(*parts, strict=True))
    return People(
        "sigcomp2011",
        pictures[dutch.test],
        dutch.writer[dutch.test],
        dutch.forged[dutch.test],
        learned_pictures,
        learned_writer,
        learned_forged,
        np.arange(len(learned_writer)) < learned.sum(),
    )


def digits() -> People:
    """Take scikit-learn's digits for writers, and for forgeries the images of other digits that are most like one.

    Returns
    -------
    People
    """
    data = load_arrays("digits")
    images = np.concatenate([data.train_images, data.test_images])
    labels = np.concatenate([data.train_labels, data.test_labels])
    learned = labels < DIGITS_LEARNED
    rows, writer, forged = [], [], []
    for digit in range(DIGITS_LEARNED, 10):
        own = np.flatnonzero(labels == digit)
        others = np.flatnonzero(~learned & (labels != digit))
        apart = np.square(images[others] - images[own].mean(axis=0)).sum(axis=(1, 2, 3))
        alike = others[np.argsort(apart, kind="stable")[:DIGITS_FORGED]]
        rows += [own[:DIGITS_SIGNED], alike]
        writer += [digit] * (DIGITS_SIGNED + DIGITS_FORGED)
        forged += [False] * DIGITS_SIGNED + [True] * DIGITS_FORGED
    return People(
        "digits",
        images[np.concatenate(rows)],
        np.array(writer),
        np.array(forged),
        images[learned],
        labels[learned],
        np.zeros(int(learned.sum()), dtype=bool),
        np.ones(int(learned.sum()), dtype=bool),
    )


def held_out(people: People, every: int = 4) -> People:
    """Return people of whom every fourth one to learn from is verified instead: for choices, before anybody else is judged.

    Parameters
    ----------
    people : People
    every : int, default=4

    Returns
    -------
    People
        Nobody is in it who is verified in `people`.
    """
    names = np.unique(people.learned_writer[people.negative])
    kept = np.isin(people.learned_writer, names[::every])
    rest = ~kept
    return replace(
        people,
        name=f"{people.name}-validation",
        pictures=people.learned_pictures[kept],
        writer=people.learned_writer[kept],
        forged=people.learned_forged[kept],
        learned_pictures=people.learned_pictures[rest],
        learned_writer=people.learned_writer[rest],
        learned_forged=people.learned_forged[rest],
        negative=people.negative[rest],
    )


@dataclass(frozen=True, eq=False)
class Features:
    """Features of those who are verified, and of those who were learned from."""

    verified: Array
    learned: Array


def features_of(people: People, kind: str, seed: int = 0) -> dict[str, Array]:
    """Return the features of everybody: a task, of which the store keeps the result.

    Parameters
    ----------
    people : People
    kind : str
        A key of `KINDS`.
    seed : int, default=0
        Of what is drawn: first weights, batches.

    Returns
    -------
    dict of ndarray of shape (n, d), float32
        The attributes of :class:`Features`.
    """
    found = KINDS[kind](people, seed)
    return {"verified": found.verified, "learned": found.learned}


def _pixels(people: People, seed: int) -> Features:
    """Levels in [0, 1], of signatures the means of 5 x 5 pixels."""
    return _each(people, lambda pictures: _shrunk(_middle(pictures)))


def _shrunk(pictures: Array) -> Array:
    levels = pictures.astype(np.float32) / (255 if pictures.dtype == np.uint8 else 1)
    if pictures.shape[2:] == INPUT:
        levels = levels.reshape(len(levels), INPUT[0] // 5, 5, INPUT[1] // 5, 5).mean(axis=(2, 4))
    return levels.reshape(len(levels), -1)


def _gradients(people: People, seed: int) -> Features:
    """Histograms of oriented gradients, with cells of 25 x 22 pixels of a signature."""
    from skimage.feature import hog

    def of(pictures: Array) -> Array:
        middle = _middle(pictures)[:, 0]
        cell = (25, 22) if middle.shape[1:] == INPUT else (4, 4)
        found = [hog(one, orientations=9, pixels_per_cell=cell, cells_per_block=(2, 2)) for one in middle]
        return np.stack(found).astype(np.float32)

    return _each(people, of)


def _untrained(people: People, seed: int) -> Features:
    """A network with first weights, whose normalisation has seen the pictures that others learn from."""
    network = _fresh(people, seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches
    network.train()
    with torch.inference_mode():
        for batch in np.array_split(_middle(people.learned_pictures), max(len(people.learned_pictures) // 100, 1)):
            network(torch.from_numpy(_as_levels(batch)))
    return _of_network(people, network.eval())


def _imagenet(people: People, seed: int) -> Features:
    """EfficientNet-Lite0, which learned from photographs."""
    from stresslib.extraction import Extractor

    extractor = Extractor("efficientnet-lite0", precision="float32")

    def of(pictures: Array) -> Array:
        # The extractor reads files. These are gone when it has.
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, f"{row:05d}.png") for row in range(len(pictures))]
            for path, picture in zip(paths, _middle(pictures)[:, 0], strict=True):
                levels = picture if picture.dtype == np.uint8 else np.rint(255 * picture).astype(np.uint8)
                Image.fromarray(levels).save(path, compress_level=1)
            return np.asarray(extractor(paths), dtype=np.float32)

    return _each(people, of)


def _writers(people: People, seed: int, variant: str = "") -> Features:
    """A network that learned to tell writers apart; of SigNet-F from forgeries, too."""
    if people.pictures.shape[2:] != RESIZED:
        network = _fresh(people, seed, classes=len(np.unique(people.learned_writer)))
        fit(
            network,
            people.learned_pictures,
            np.unique(people.learned_writer, return_inverse=True)[1],
            epochs=DIGITS_EPOCHS,
            batch_size=32,
            optimizer=partial(sgd, lr=0.02),
            seed=seed,
            device="cpu",
            progress=False,
        )
        return _of_network(people, network)
    chosen = np.ones(len(people.learned_writer), dtype=bool) if variant else ~people.learned_forged
    unfinished = cache_dir() / "networks" / f"{people.name}--signet-{WIDTH}--{variant or 'writers'}--{seed}.unfinished"
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    signet, _ = learn_writers(
        people.learned_pictures[chosen],
        people.learned_writer[chosen],
        people.learned_forged[chosen] if variant else None,
        architecture=f"signet:{WIDTH}",
        variant=variant or "L2",
        epochs=EPOCHS,
        learning_rate=LEARNING_RATE,
        seed=seed,
        device="cpu",
        checkpoint=unfinished,
        progress=False,
    )
    found = _of_network(people, signet)
    unfinished.unlink(missing_ok=True)  # what was learned from signatures is not kept
    return found


KINDS: dict[str, Callable[[People, int], Features]] = {
    "pixels": _pixels,
    "oriented-gradients": _gradients,
    "untrained": _untrained,
    "efficientnet-lite0": _imagenet,
    "writers": _writers,
    "writers-and-forgeries": partial(_writers, variant="L2"),
    "writers-and-forgeries-L1": partial(_writers, variant="L1"),
}
"""The kinds of features by their names."""


def _fresh(people: People, seed: int, classes: int = 10) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if people.pictures.shape[2:] == RESIZED:
            return SigNet(width=WIDTH)
        return LeNet5(num_classes=classes, image_size=people.pictures.shape[2])


def _of_network(people: People, network: Any) -> Features:
    network.eval()
    if isinstance(network, SigNet):
        return _each(people, lambda pictures: signature_features(network, pictures))
    return _each(people, lambda pictures: predict(network.features, pictures))


def _each(people: People, of: Callable[[Array], Array]) -> Features:
    return Features(of(people.pictures), of(people.learned_pictures))


def _middle(pictures: Array) -> Array:
    if pictures.shape[2:] != RESIZED:
        return pictures
    top, left = ((have - want) // 2 for have, want in zip(RESIZED, INPUT, strict=True))
    return pictures[:, :, top : top + INPUT[0], left : left + INPUT[1]]


def _as_levels(pictures: Array) -> Array:
    return pictures.astype(np.float32) / (255 if pictures.dtype == np.uint8 else 1)
