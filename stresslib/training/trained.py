"""Trained: makes the network of an address, and loads it; the weights in safetensors, their origin in its header.

The end of a training. A stop loses at most one epoch: the same call goes on from the last one.
"""

from __future__ import annotations

import difflib
import os
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stresslib.digests import library_versions, module_digest
from stresslib.extraction.graph import best_precision
from stresslib.networks.registry import build, find_architecture
from stresslib.networks.standardized import Standardized
from stresslib.training.artefacts import Address
from stresslib.training.checkpoint import read_tensors, write_tensors
from stresslib.training.data import Arrays, load_arrays
from stresslib.training.fit import find_device, fit, predict, sgd
from stresslib.training.recipes import RECIPES, Recipe


def train(
    name: str,
    *,
    folder: str | os.PathLike[str] | None = None,
    precision: str = "auto",
    device: str | None = None,
    progress: bool = True,
) -> Path:
    """Train the network of an address, unless it is there, and keep it in the user's cache.

    Parameters
    ----------
    name : str
        ``DATA/ARCHITECTURE/RECIPE/SEED``.
    folder : path-like, optional
        Of the data, as :func:`~stresslib.training.data.load_arrays` takes it.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the products; ``auto`` is bfloat16 where it is faster.
    device : str, optional
        Default: a GPU if there is one.
    progress : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    pathlib.Path
        Of the weights.

    Raises
    ------
    ValueError
        When a part of the name is not known, or the file of an unfinished training is of another one.
    OSError
        When the data are not there.

    Examples
    --------
    >>> from stresslib.training.trained import train
    >>> train("digits:20/lenet5/plain/0", precision="float32", progress=False).name
    'digits-20--lenet5--plain--0.safetensors'
    """
    address = Address.parse(name)
    recipe = find_recipe(address.recipe)
    architecture, _ = find_architecture(address.architecture)
    try:
        return address.find()
    except FileNotFoundError:
        data = load_arrays(address.data, folder=folder, seed=address.seed)
    module = _fresh(address, data)
    unfinished = address.kept.with_suffix(".unfinished")
    where = find_device(device)
    chosen = best_precision(where) if precision == "auto" else precision
    history = fit(
        module,
        data.train_images,
        data.train_labels,
        epochs=data.epochs,
        batch_size=data.batch_size,
        optimizer=partial(sgd, lr=architecture.learning_rate),
        batch_hook=recipe.batch_hook(data),
        seed=address.seed,
        precision=chosen,
        device=where,
        checkpoint=unfinished,
        progress=progress,
    )
    guessed = predict(module, data.test_images, device=where.type).argmax(1)
    description = {
        "name": str(address),
        "channels": data.channels,
        "size": data.size,
        "classes": data.classes,
        "provenance": {
            "code": module_digest(__name__),
            "libraries": library_versions(),
            "precision": chosen,
            "device": where.type,
            "threads": torch.get_num_threads(),
            "test_accuracy": float((guessed == data.test_labels).mean()),
            "training_accuracy": history[-1]["accuracy"],
            "loss": history[-1]["loss"],
        },
    }
    write_tensors(address.kept, module.state_dict(), description)
    unfinished.unlink(missing_ok=True)
    return address.kept


def load_trained(name: str) -> nn.Module:
    """Load a trained network: shipped with the package, else from the user's cache.

    Parameters
    ----------
    name : str
        ``DATA/ARCHITECTURE/RECIPE/SEED``.

    Returns
    -------
    torch.nn.Module
        On the CPU and in evaluation mode. It maps images in [0, 1] to logits; its ``features`` are the last vectors before.

    Raises
    ------
    FileNotFoundError
        When there is none; the message has the command that makes it.
    ValueError
        When the name is not one, or the file is damaged.

    Examples
    --------
    >>> from stresslib.training.trained import load_trained, train
    >>> path = train("digits:20/lenet5/plain/0", precision="float32", progress=False)
    >>> load_trained("digits:20/lenet5/plain/0").training
    False
    """
    address = Address.parse(name)
    path = address.find()
    tensors, description = read_tensors(path)
    network = build(address.architecture, description["channels"], len(description["classes"]), description["size"])
    module = Standardized(
        network, [0.0] * description["channels"], [1.0] * description["channels"]
    )  # theirs are in the file
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path} does not hold the weights of {name}: {error}; remove it to train it anew") from error
    return module.eval()


def describe_trained(name: str) -> dict[str, Any]:
    """Return what the header of a trained network says: name, images, classes, and provenance with the test accuracy.

    Raises
    ------
    FileNotFoundError, ValueError
        As for :func:`load_trained`.
    """
    return read_tensors(Address.parse(name).find())[1]


def find_recipe(name: str) -> Recipe:
    """Return a recipe by its name, or raise a ValueError that has the nearest."""
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"the nearest is {near[0]!r}" if near else f"there are {', '.join(RECIPES)}"
        raise ValueError(f"there is no recipe {name!r}; {hint}")
    return RECIPES[name]


def _fresh(address: Address, data: Arrays) -> nn.Module:
    """Return the network of an address with first weights of its seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(address.seed)
        network = build(address.architecture, data.channels, len(data.classes), data.size)
    return Standardized(network, *data.statistics())
