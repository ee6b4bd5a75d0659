"""Networks: those that learn to tell writers apart, trained where they are not at hand, and those that learned nothing.

Between people and the features that stand for a signature. What was trained on signatures stays in the user's cache; one
network of digits is shipped.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from stressbook.chapters.people.signatures.names import FORGERIES
from stressbook.chapters.people.signatures.people import Array, People
from stresslib.datasets.signatures import INPUT, RESIZED
from stresslib.digests import module_digest
from stresslib.files import cache_dir, text_sha256
from stresslib.networks import LeNet5, SigNet
from stresslib.running.identity import identity
from stresslib.training.artefacts import SHIPPED
from stresslib.training.checkpoint import read_tensors, write_tensors
from stresslib.training.fit import fit, sgd
from stresslib.training.signatures import learn_writers

DIGITS_NETWORK = SHIPPED / "people-digits--lenet5.safetensors"
"""A LeNet-5 that tells six digits apart, of seed 0."""

DIGITS_EPOCHS = 8
"""Of its training."""


def trained(people: People, kind: str, *, rate: float, epochs: int, width: int, seed: int) -> tuple[nn.Module, float]:
    """Return a network that learned from those who are not verified, from the user's cache where it is there.

    Parameters
    ----------
    people : People
    kind : {"writers", "writers-and-forgeries"}
        What it learns to tell: whose a signature is; or that, and which ones are forged (SigNet-F, its loss L2).
    rate : float
        Learning rate.
    epochs : int
    width : int
        Channels of the first convolution; SigNet has 96.
    seed : int
        Of the first weights, the order of the pictures and the crops.

    Returns
    -------
    network : torch.nn.Module
        In evaluation mode.
    accuracy : float
        Percent of genuine signatures whose writer is right, in the last epoch of the training.
    """
    if not people.are_signatures:
        return digits_network(people, seed)
    learned = ~people.verified & (~people.forged | (kind == FORGERIES))
    pictures, writer, forged = people.pictures[learned], people.writer[learned], people.forged[learned]
    settings = {"kind": kind, "rate": rate, "epochs": epochs, "width": width, "seed": seed}
    path = _kept(settings, pictures, writer, forged)
    if path.is_file():
        tensors, described = read_tensors(path)
        network = SigNet(num_classes=len(tensors["linear.weight"]), width=width)
        network.load_state_dict(tensors)
        return network.eval(), float(described["accuracy"])
    unfinished = path.with_suffix(".unfinished")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    network, history = learn_writers(
        pictures,
        writer,
        forged if kind == FORGERIES else None,
        architecture=f"signet:{width}",
        epochs=epochs,
        learning_rate=rate,
        seed=seed,
        device="cpu",
        checkpoint=unfinished,
        progress=False,
    )
    accuracy = 100 * history[-1]["accuracy"]
    write_tensors(path, network.state_dict(), {**settings, "accuracy": accuracy})
    unfinished.unlink()
    return network, accuracy


def _kept(settings: dict[str, Any], *arrays: Array) -> Path:
    described = json.dumps([settings, [identity(one) for one in arrays]], sort_keys=True)
    key = text_sha256(described, module_digest("stresslib.training.signatures"), torch.__version__)[:16]
    return cache_dir() / "networks" / "signatures" / f"{settings['kind']}-{settings['seed']}-{key}.safetensors"


def untrained(people: People, *, width: int, seed: int) -> nn.Module:
    """Return a network with first weights, whose normalisation has seen the pictures that others learn from.

    Parameters
    ----------
    people : People
    width, seed
        As for :func:`trained`.

    Returns
    -------
    torch.nn.Module
        In evaluation mode.
    """
    network = _fresh(people, width, seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches
    network.train()
    pictures = middle(people.pictures[~people.verified])
    with torch.inference_mode():
        for batch in np.array_split(pictures, max(len(pictures) // 100, 1)):
            levels = torch.from_numpy(batch)
            network(levels.float() / 255 if levels.dtype == torch.uint8 else levels)
    return network.eval()


def digits_network(people: People, seed: int) -> tuple[LeNet5, float]:
    """Return a LeNet-5 that tells the digits to learn from apart: the shipped one, or of another seed one that is trained.

    Parameters
    ----------
    people : People
        Digits.
    seed : int

    Returns
    -------
    network : LeNet5
        In evaluation mode.
    accuracy : float
        Percent that are right in the last epoch.
    """
    if seed == 0 and DIGITS_NETWORK.is_file():
        tensors, described = read_tensors(DIGITS_NETWORK)
        network = LeNet5(num_classes=len(tensors["linear.weight"]), image_size=people.pictures.shape[2])
        network.load_state_dict(tensors)
        return network.eval(), float(described["accuracy"])
    learned = ~people.verified
    labels = np.unique(people.writer[learned], return_inverse=True)[1]
    network = _fresh(people, 0, seed)
    history = fit(
        network,
        people.pictures[learned],
        labels,
        epochs=DIGITS_EPOCHS,
        batch_size=32,
        optimizer=partial(sgd, lr=0.02),
        seed=seed,
        device="cpu",
        progress=False,
    )
    return network, 100 * history[-1]["accuracy"]


def _fresh(people: People, width: int, seed: int) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if people.are_signatures:
            return SigNet(width=width)
        classes = len(np.unique(people.writer[~people.verified]))
        return LeNet5(num_classes=classes, image_size=people.pictures.shape[2])


def middle(pictures: Array) -> Array:
    """Return of signatures the 150 x 220 pixels that the network takes, and other pictures as they are."""
    if pictures.shape[2:] != RESIZED:
        return pictures
    top, left = ((have - want) // 2 for have, want in zip(RESIZED, INPUT, strict=True))
    return pictures[:, :, top : top + INPUT[0], left : left + INPUT[1]]
