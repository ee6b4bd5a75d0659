"""Trainings: the networks of all variants, trained alike but for one component, made once and kept as artefacts.

Below `measure`. Every variant has its own learning rate, which a part of the training images chooses; the header of the
network of seed 0 keeps what the others scored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from torch import nn

from stressbook.chapters.units.components.variants import Variant, find_variant, fresh
from stresslib.digests import library_versions, module_digest
from stresslib.running.tasks import run_tasks
from stresslib.training.artefacts import Address
from stresslib.training.checkpoint import read_tensors, write_tensors
from stresslib.training.data import Arrays, load_arrays
from stresslib.training.fit import fit, predict
from stresslib.training.recipes import RECIPES

SMOOTHING = 0.1
"""Share of a label that label smoothing gives to all classes alike."""


@dataclass(frozen=True)
class Course:
    """How networks of some data are trained; the same for every variant.

    Attributes
    ----------
    epochs, batch_size : int
    tried_on, tried_epochs, judged_on : int
        To choose the learning rate, a network of seed 0 is trained on so many of its training images, for so many epochs,
        and judged on so many others of them.
    """

    epochs: int
    batch_size: int
    tried_on: int
    tried_epochs: int
    judged_on: int


COURSES = {
    "cifar10": Course(10, 50, tried_on=1000, tried_epochs=5, judged_on=800),
    "digits": Course(10, 50, tried_on=500, tried_epochs=5, judged_on=500),
}
"""By data set."""


class DivergedError(Exception):
    """A training ended in a loss that is not finite."""


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
    # The networks of seed 0 come first: the others take their rates, which no two processes are to choose at once.
    for what, stage in (("rates", [replace(address, seed=0) for address in wanted]), ("trainings", wanted)):
        missing = [{"name": str(address)} for address in dict.fromkeys(stage) if not is_at_hand(address)]
        run_tasks(make_network, missing, name=what, n_jobs=n_jobs, progress=progress)


def is_at_hand(address: Address) -> bool:
    """Return whether a network is shipped, or in the user's cache."""
    try:
        return address.find().is_file()
    except FileNotFoundError:
        return False


def make_network(name: str) -> str:
    """Train a network in float32 on the CPU and keep it, unless it is at hand; a stop loses at most one epoch.

    Parameters
    ----------
    name : str
        ``DATA/components:WIDTH/VARIANT/SEED``.

    Returns
    -------
    str
        The name of the file.

    Raises
    ------
    ValueError
        When there is no such variant, or no course for such data; the message has those that there are.
    """
    address = Address.parse(name)
    if is_at_hand(address):
        return address.file_name
    base = address.data.partition(":")[0]
    if base not in COURSES:
        raise ValueError(f"{name}: there is no course for the data set {base!r}; there are {', '.join(COURSES)}")
    variant, course = find_variant(address.recipe), COURSES[base]
    data = load_arrays(address.data, seed=address.seed)
    rate, tried = _rate(address, variant, course)
    module = fresh(address.recipe, address.architecture, data.statistics(), len(data.classes), address.seed)
    diverged = ""
    try:
        _fit(module, data, variant, course, rate, course.epochs, address)
    except DivergedError as error:
        diverged = str(error)
    description = {
        "name": str(address),
        "channels": data.channels,
        "size": data.size,
        "classes": data.classes,
        "training": {"rate": rate, "tried": tried, "diverged": diverged},
        "provenance": {"code": module_digest(__name__), "libraries": library_versions(), "precision": "float32"},
    }
    write_tensors(address.kept, module.state_dict(), description)
    address.kept.with_suffix(".unfinished").unlink(missing_ok=True)
    return address.file_name


def describe(name: str) -> dict[str, Any]:
    """Return what the header of a network says of its training.

    Returns
    -------
    dict
        ``rate``; ``tried``, of seed 0: the accuracy by rate, None where the training diverged; ``diverged``: how, or empty.
    """
    about: dict[str, Any] = read_tensors(Address.parse(name).find())[1]["training"]
    return about


def load_network(name: str) -> nn.Module:
    """Load a network that :func:`make_network` kept, in evaluation mode.

    Raises
    ------
    FileNotFoundError
        When it is not at hand.
    """
    address = Address.parse(name)
    tensors, description = read_tensors(address.find())
    nothing = [0.0] * description["channels"], [1.0] * description["channels"]  # theirs are in the file
    module = fresh(address.recipe, address.architecture, nothing, len(description["classes"]))
    module.load_state_dict(tensors)
    return module.eval()


def _rate(address: Address, variant: Variant, course: Course) -> tuple[float, dict[str, float | None]]:
    """Return the learning rate of a variant: that of its network of seed 0, which tries them."""
    if address.seed:
        return describe(_first(address))["rate"], {}
    data = load_arrays(address.data, seed=0)
    sizes = {"train_size": course.tried_on, "test_size": course.judged_on}
    rows, others = train_test_split(np.arange(len(data.train_labels)), stratify=data.train_labels, random_state=0, **sizes)
    part = replace(data, train_images=data.train_images[rows], train_labels=data.train_labels[rows])
    tried: dict[str, float | None] = {}
    for rate in variant.rates:
        module = fresh(address.recipe, address.architecture, part.statistics(), len(part.classes))
        try:
            _fit(module, part, variant, course, rate, course.tried_epochs, None)
            guessed = predict(module, data.train_images[others]).argmax(1)
            tried[f"{rate:g}"] = float((guessed == data.train_labels[others]).mean())
        except DivergedError:
            tried[f"{rate:g}"] = None
    return max(variant.rates, key=lambda rate: tried[f"{rate:g}"] or 0.0), tried


def _first(address: Address) -> str:
    name = str(replace(address, seed=0))
    make_network(name)
    return name


def _fit(
    module: nn.Module, data: Arrays, variant: Variant, course: Course, rate: float, epochs: int, address: Address | None
) -> None:
    """Train a network; raise a DivergedError where its loss is not finite."""
    try:
        fit(
            module,
            data.train_images,
            data.train_labels,
            epochs=epochs,
            batch_size=course.batch_size,
            optimizer=variant.descent(rate),
            label_smoothing=SMOOTHING if variant.loss == "smoothed" else 0.0,
            criterion=variant.criterion(module),
            batch_hook=RECIPES["plain"].batch_hook(data) if variant.augmented else None,
            seed=0 if address is None else address.seed,
            device="cpu",
            checkpoint=None if address is None else address.kept.with_suffix(".unfinished"),
            progress=False,
        )
    except ValueError as error:
        if "not finite" not in str(error):
            raise
        raise DivergedError(str(error).partition(";")[0]) from error
