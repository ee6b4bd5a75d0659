"""Trainings: ResNet-8 with a plain or a contextual convolution, normalised before or after the addition, all trained alike.

A part of `measure`. Every form has its own learning rate, which a small part of the training images chooses; the header of
the network of seed 0 keeps what the others scored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn

from stresslib.digests import library_versions, module_digest
from stresslib.networks.registry import build
from stresslib.networks.standardized import Standardized
from stresslib.running.tasks import run_tasks
from stresslib.training.artefacts import Address
from stresslib.training.checkpoint import read_tensors, write_tensors
from stresslib.training.data import Arrays, load_arrays
from stresslib.training.fit import fit, predict, sgd
from stresslib.training.recipes import RECIPES

TUNED = "tuned-sgd"
"""The recipe: gradient descent with momentum, at the learning rate that is best for the form."""

RATES = (0.03, 0.1, 0.3, 1.0)
"""Learning rates that are tried; the authors' is 0.1."""


@dataclass(frozen=True)
class Course:
    """How networks of some data are trained; the same for every form.

    Attributes
    ----------
    epochs, batch_size : int
    tried_on, tried_epochs, judged_on : int
        To choose the learning rate, the first network is trained on so many of its training images, for so many epochs, and
        judged on so many others of them.
    """

    epochs: int
    batch_size: int
    tried_on: int
    tried_epochs: int
    judged_on: int


COURSES = {
    "cifar10": Course(10, 64, tried_on=2000, tried_epochs=3, judged_on=1000),
    "digits": Course(12, 50, tried_on=500, tried_epochs=4, judged_on=200),
}
"""By data set."""


def make_networks(names: Iterable[str], *, n_jobs: int = -1, progress: bool = True) -> None:
    """Train the networks that are not at hand, several at a time, and keep them in the user's cache.

    Parameters
    ----------
    names : iterable of str
        As :func:`make_network` takes them.
    n_jobs, progress
        For :func:`stresslib.running.tasks.run_tasks`.
    """
    wanted = [Address.parse(name) for name in names]
    # The first networks choose the rates of the others, and no two processes are to make one at once.
    for number, stage in enumerate(([replace(address, seed=0) for address in wanted], wanted), start=1):
        settings = [{"name": str(address)} for address in dict.fromkeys(stage) if not is_at_hand(address)]
        run_tasks(make_network, settings, name=f"trainings, {number} of 2", n_jobs=n_jobs, progress=progress)


def is_at_hand(address: Address) -> bool:
    """Return whether a network is shipped, or in the user's cache."""
    try:
        return address.find().is_file()
    except FileNotFoundError:
        return False


def make_network(name: str) -> str:
    """Train a network and keep it in the user's cache, unless it is at hand.

    Parameters
    ----------
    name : str
        ``DATA/ARCHITECTURE/tuned-sgd/SEED``, with data of :data:`COURSES`.

    Returns
    -------
    str
        The name, under which :func:`stresslib.training.trained.load_trained` loads the network.

    Raises
    ------
    ValueError
        When the recipe or the data is another one.
    """
    address = Address.parse(name)
    base = address.data.partition(":")[0]
    if address.recipe != TUNED or base not in COURSES:
        raise ValueError(f"{name!r}: the recipe is {TUNED}, and the data are {' or '.join(COURSES)}")
    if is_at_hand(address):
        return name
    data, course = load_arrays(address.data, seed=address.seed), COURSES[base]
    rate, tried = _rate(address, course)
    module = first_weights(address, data)
    unfinished = address.kept.with_suffix(".unfinished")
    _fit(module, data, course, rate, epochs=course.epochs, seed=address.seed, checkpoint=unfinished)
    description = {
        "name": name,
        "channels": data.channels,
        "size": data.size,
        "classes": data.classes,
        "training": {"rate": rate, "tried": tried},
        "provenance": {
            "code": module_digest(__name__),
            "libraries": library_versions(),
            "precision": "float32",
            "threads": torch.get_num_threads(),
        },
    }
    write_tensors(address.kept, module.state_dict(), description)
    unfinished.unlink(missing_ok=True)
    return name


def describe(name: str) -> dict[str, Any]:
    """Return what the header of a network says of its training: ``rate``, and ``tried``, accuracies by rate, of seed 0."""
    about: dict[str, Any] = read_tensors(Address.parse(name).find())[1]["training"]
    return about


def first_weights(address: Address, data: Arrays) -> Standardized:
    """Return the network of an address before its training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(address.seed)
        network = build(address.architecture, data.channels, len(data.classes), data.size)
    return Standardized(network, *data.statistics())


def _rate(address: Address, course: Course) -> tuple[float, dict[str, float]]:
    """Return the learning rate of a form: that of its first network, which tries them."""
    first = replace(address, seed=0)
    if address != first:
        return describe(make_network(str(first)))["rate"], {}
    data = load_arrays(address.data, seed=0)
    sizes = {"train_size": course.tried_on, "test_size": course.judged_on}
    rows, others = train_test_split(np.arange(len(data.train_labels)), stratify=data.train_labels, random_state=0, **sizes)
    part = replace(data, train_images=data.train_images[rows], train_labels=data.train_labels[rows])
    tried = {}
    for rate in RATES:
        module = first_weights(address, part)
        _fit(module, part, course, rate, epochs=course.tried_epochs, seed=0)
        guessed = predict(module, data.train_images[others]).argmax(1)
        tried[f"{rate:g}"] = float((guessed == data.train_labels[others]).mean())
    return max(RATES, key=lambda rate: tried[f"{rate:g}"]), tried


def _fit(module: nn.Module, data: Arrays, course: Course, rate: float, **options: Any) -> None:
    fit(
        module,
        data.train_images,
        data.train_labels,
        batch_size=course.batch_size,
        optimizer=partial(sgd, lr=rate),
        batch_hook=RECIPES["plain"].batch_hook(data),
        device="cpu",
        progress=False,
        **options,
    )
