"""Trainings: networks that share kernels, and those they are compared with, all trained alike; pruned ones of equal size.

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
from torch.nn.utils import prune as masks

from stresslib.digests import library_versions, module_digest
from stresslib.extraction.graph import best_precision
from stresslib.networks.registry import build
from stresslib.networks.standardized import Standardized
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_weights.pruning import prune
from stresslib.stress.on_weights.weights import weights_of
from stresslib.training.artefacts import Address
from stresslib.training.checkpoint import read_tensors, write_tensors
from stresslib.training.data import Arrays, load_arrays
from stresslib.training.fit import fit, predict
from stresslib.training.recipes import RECIPES
from stresslib.training.trained import load_trained

TUNED, HALF, PRUNED = "tuned", "tuned-half", "pruned-to-"
"""Recipes: the whole training; a training of half as many epochs; and as many again, after pruning to the size of the
architecture that the name ends in."""

RATES = (0.003, 0.01, 0.03, 0.1)
"""Learning rates that are tried."""


@dataclass(frozen=True)
class Course:
    """How networks of some data are trained; the same for every form.

    Attributes
    ----------
    epochs, batch_size : int
    tried_on, tried_epochs, judged_on : int
        To choose the learning rate, the first network is trained on so many of its training images, for so many epochs, and
        judged on so many others of them.
    precision : str
        As :func:`stresslib.training.fit.fit` takes it.
    """

    epochs: int
    batch_size: int
    tried_on: int
    tried_epochs: int
    judged_on: int
    precision: str


COURSES = {
    "cifar10": Course(10, 64, tried_on=2000, tried_epochs=3, judged_on=1000, precision="auto"),
    "digits": Course(12, 50, tried_on=800, tried_epochs=6, judged_on=200, precision="float32"),
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
    pruned = [address for address in wanted if address.recipe.startswith(PRUNED)]
    # Each stage needs networks of the one before, which no two processes are to make at once.
    stages = [
        [replace(address, recipe=TUNED, seed=0) for address in wanted],
        [replace(address, recipe=HALF) for address in pruned],
        wanted,
    ]
    for number, stage in enumerate(stages, start=1):
        settings = [{"name": str(address)} for address in dict.fromkeys(stage) if not _is_at_hand(address)]
        run_tasks(_made, settings, name=f"trainings, {number} of {len(stages)}", n_jobs=n_jobs, progress=progress)


def _is_at_hand(address: Address) -> bool:
    try:
        return address.find().is_file()
    except FileNotFoundError:
        return False


def _made(name: str) -> str:
    return str(make_network(name))


def make_network(name: str) -> Address:
    """Train a network and keep it in the user's cache, unless it is at hand.

    Parameters
    ----------
    name : str
        ``DATA/ARCHITECTURE/RECIPE/SEED``; the recipe is one of this module.

    Returns
    -------
    Address
        Of the network, which :func:`stresslib.training.trained.load_trained` loads.
    """
    address = Address.parse(name)
    if _is_at_hand(address):
        return address
    data = load_arrays(address.data, seed=address.seed)
    course = COURSES[address.data.partition(":")[0]]
    rate, tried = _rate(address, course)
    about: dict[str, Any] = {"rate": rate, "tried": tried}
    if address.recipe.startswith(PRUNED):
        half = make_network(str(replace(address, recipe=HALF)))
        module = load_trained(str(half))
        about["removed"] = _mask(module, address, data)
    else:
        module = _fresh(address.architecture, data, address.seed)
    half_only = address.recipe != TUNED
    _fit(module, data, course, rate, course.epochs // 2 if half_only else course.epochs, address)
    for layer in module.modules():
        if hasattr(layer, "weight_mask"):
            masks.remove(layer, "weight")
    _keep(module, address, data, course, about)
    return address


def describe(name: str) -> dict[str, Any]:
    """Return what the header of a network says of its training: ``rate``, and ``tried``, accuracies by rate, of seed 0."""
    about: dict[str, Any] = read_tensors(Address.parse(name).find())[1]["training"]
    return about


def count_weights(architecture: str, num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> int:
    """Return the number of parameters of an architecture, without drawing them.

    Examples
    --------
    >>> from stressbook.chapters.weights.shared_kernels.trainings import count_weights
    >>> count_weights("anchored-vgg:128", 100)
    167396
    """
    with torch.device("meta"):
        module = build(architecture, in_channels, num_classes, image_size)
    return sum(parameter.numel() for parameter in module.parameters())


def _rate(address: Address, course: Course) -> tuple[float, dict[str, float]]:
    """Return the learning rate of a form: that of its first network, which tries them."""
    first = replace(address, recipe=TUNED, seed=0)
    if address != first:
        return describe(str(make_network(str(first))))["rate"], {}
    data = load_arrays(address.data, seed=0)
    sizes = {"train_size": course.tried_on, "test_size": course.judged_on}
    rows, others = train_test_split(np.arange(len(data.train_labels)), stratify=data.train_labels, random_state=0, **sizes)
    part = replace(data, train_images=data.train_images[rows], train_labels=data.train_labels[rows])
    tried = {}
    for rate in RATES:
        module = _fresh(address.architecture, part, 0)
        _fit(module, part, course, rate, course.tried_epochs, None)
        guessed = predict(module, data.train_images[others]).argmax(1)
        tried[f"{rate:g}"] = float((guessed == data.train_labels[others]).mean())
    return max(RATES, key=lambda rate: tried[f"{rate:g}"]), tried


def _fit(module: nn.Module, data: Arrays, course: Course, rate: float, epochs: int, address: Address | None) -> None:
    fit(
        module,
        data.train_images,
        data.train_labels,
        epochs=epochs,
        batch_size=course.batch_size,
        optimizer=partial(torch.optim.AdamW, lr=rate, weight_decay=0.01),
        batch_hook=RECIPES["plain"].batch_hook(data),
        seed=0 if address is None else address.seed,
        precision=course.precision,
        device="cpu",
        checkpoint=None if address is None else address.kept.with_suffix(".unfinished"),
        progress=False,
    )


def _fresh(architecture: str, data: Arrays, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(architecture, data.channels, len(data.classes), data.size)
    return Standardized(network, *data.statistics())


def _mask(module: nn.Module, address: Address, data: Arrays) -> float:
    """Take the smallest weights from a network for good, so that as many are left as another form of the same width has.

    Returns
    -------
    float
        The share of all parameters that is gone.
    """
    width = address.architecture.partition(":")[2]
    of_size = (len(data.classes), data.channels, data.size)
    wanted = count_weights(f"{address.recipe.removeprefix(PRUNED)}:{width}", *of_size)
    whole = count_weights(address.architecture, *of_size)
    prunable = sum(parameter.numel() for parameter, _ in weights_of(module).values())
    zeros = prune(module, (whole - wanted) / prunable)
    for name, (parameter, _) in weights_of(zeros).items():
        masks.custom_from_mask(module.get_submodule(name.removesuffix(".weight")), "weight", parameter != 0)
    return 1 - wanted / whole


def _keep(module: nn.Module, address: Address, data: Arrays, course: Course, about: dict[str, Any]) -> None:
    description = {
        "name": str(address),
        "channels": data.channels,
        "size": data.size,
        "classes": data.classes,
        "training": about,
        "provenance": {
            "code": module_digest(__name__),
            "libraries": library_versions(),
            "precision": best_precision(torch.device("cpu")) if course.precision == "auto" else course.precision,
            "threads": torch.get_num_threads(),
        },
    }
    write_tensors(address.kept, module.state_dict(), description)
    address.kept.with_suffix(".unfinished").unlink(missing_ok=True)
