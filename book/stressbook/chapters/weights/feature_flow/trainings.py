"""Trainings: networks that differ in one thing, what is added to the loss, made once and kept as artefacts.

Below `measure`. A training is a short text, which is also the recipe in the address of its network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stresslib.digests import library_versions, module_digest
from stresslib.networks.registry import build, find_architecture
from stresslib.networks.standardized import Standardized
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_weights.feature_flow import FeatureFlow
from stresslib.training.artefacts import Address
from stresslib.training.checkpoint import write_tensors
from stresslib.training.data import Arrays, load_arrays
from stresslib.training.fit import fit, sgd
from stresslib.training.recipes import RECIPES

NODES = {
    "resnet8": ("bn1", "layer1.0.bn1", "layer1.0", "layer2.0.bn1", "layer2.0", "layer3.0.bn1", "layer3.0"),
    "vgg": ("layers.2", "layers.5", "layers.9", "layers.12", "layers.16", "layers.19"),
}
"""Hidden layers of each architecture, one a convolution: after its ReLU where that is a module, else before it."""

BLOCKS = {
    "resnet8": ("bn1", "layer1.0", "layer2.0", "layer3.0"),
    "vgg": ("layers.5", "layers.12", "layers.19"),
}
"""One hidden layer a residual block, or a stage."""

DECAY = 5e-4
"""Weight decay of every training to whose loss something is added, and of every one after pruning."""

FLOWS: dict[str, dict[str, Any]] = {
    "flow": {},
    "flow-angle": {"kind": "angle"},
    "flow-l2": {"norm": 2},
    "flow-equal": {"between": "equal"},
    "flow-blocks": {"nodes": BLOCKS},
    "flow-length": {"terms": (1, 0)},
    "flow-curvature": {"terms": (0, 1)},
}
"""Our reading of feature flow regularisation, and each choice in it the other way."""

METHODS = ("plain", "slimming", *FLOWS)
"""Ways of training: nothing added but weight decay; network slimming; feature flow."""


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes
    ----------
    method : str
        Of :data:`METHODS`.
    strength : float
        Of ``plain`` the weight decay; of ``slimming`` the weight of the absolute scales of normalisation; of the others that
        of length and curvature.
    epochs : int

    Examples
    --------
    >>> from stressbook.chapters.weights.feature_flow.trainings import Training
    >>> str(Training("flow", 0.1, 10)), Training.parse("plain+0.001+epochs=10")
    ('flow+0.1+epochs=10', Training(method='plain', strength=0.001, epochs=10))
    """

    method: str
    strength: float
    epochs: int

    @classmethod
    def parse(cls, text: str) -> Training:
        """Take the text of a training apart.

        Raises
        ------
        ValueError
            When it is none.
        """
        found = re.fullmatch(r"([a-z0-9-]+)\+([0-9.]+)\+epochs=(\d+)", text)
        if not found or found[1] not in METHODS:
            raise ValueError(f"{text!r} is not METHOD+STRENGTH+epochs=NUMBER with a method of {', '.join(METHODS)}")
        return cls(found[1], float(found[2]), int(found[3]))

    def __str__(self) -> str:
        """Return the text."""
        return f"{self.method}+{self.strength:g}+epochs={self.epochs}"

    def regularizer(self, module: nn.Module, architecture: str) -> FeatureFlow | ScaleNorm | None:
        """Return what is added to the loss of a network."""
        if self.method == "slimming":
            return ScaleNorm(self.strength)
        if self.method not in FLOWS:
            return None
        options = dict(FLOWS[self.method])
        length, curvature = options.pop("terms", (1, 1))
        nodes = full_names(architecture, options.pop("nodes", NODES))
        weights = {"length": length * self.strength, "curvature": curvature * self.strength}
        return FeatureFlow(module, nodes, **{"between": "pooled", **weights, **options})


@dataclass(frozen=True)
class ScaleNorm:
    """The sum of the absolute scales of batch normalisation, of Liu et al., ICCV 2017 (network slimming)."""

    strength: float

    def __call__(self, module: nn.Module) -> Tensor:
        """Return what is added to the loss."""
        scales = [one.weight.abs().sum() for one in module.modules() if isinstance(one, nn.BatchNorm2d)]
        return self.strength * torch.stack(scales).sum()


def full_names(architecture: str, nodes: dict[str, tuple[str, ...]] = NODES) -> list[str]:
    """Return the nodes of an architecture as they are called in a network behind its standardisation."""
    return [f"network.{node}" for node in nodes[architecture.partition(":")[0]]]


@cache
def load_whole(base: str) -> Arrays:
    """Load a data set, once for all networks that a process looks at."""
    return load_arrays(base)


def load_part(data: str, seed: int) -> Arrays:
    """Return the part of a data set that a network is trained on, such as ``cifar10:5000``, with all test images."""
    base, _, size = data.partition(":")
    return load_whole(base).subset(int(size), seed)


def split(data: str, count: int, seed: int) -> tuple[Arrays, Arrays]:
    """Load the part of a data set that trains, and one of images that neither train nor test.

    Parameters
    ----------
    data : str
        With the number of training images, such as ``cifar10:5000``.
    count : int
        Of images to validate on, equally many of each class.
    seed : int
        Of both parts.

    Returns
    -------
    training, validation : Arrays
        The second one has its images as test images.
    """
    base, _, size = data.partition(":")
    whole = load_whole(base)
    classes = len(whole.classes)
    # As `Arrays.subset` draws: it takes the first of each class, these are the next.
    order = np.random.default_rng(seed).permutation(len(whole.train_labels))
    first = int(size) // classes
    of_class = (order[whole.train_labels[order] == label][first : first + count // classes] for label in range(classes))
    rows = np.sort(np.concatenate(list(of_class)))
    held_out = replace(whole, test_images=whole.train_images[rows], test_labels=whole.train_labels[rows])
    return load_part(data, seed), held_out


def make_networks(names: Iterable[str], *, n_jobs: int = -1, progress: bool = True) -> None:
    """Train the networks that are not at hand, several at a time, and keep them in the user's cache.

    Parameters
    ----------
    names : iterable of str
        ``DATA/ARCHITECTURE/TRAINING/SEED``.
    n_jobs, progress
        As for :func:`stresslib.running.tasks.run_tasks`.
    """
    missing = [{"name": name} for name in names if not is_there(name)]
    run_tasks(train, missing, name="trainings", n_jobs=n_jobs, progress=progress)


def is_there(name: str) -> bool:
    """Return whether a network is shipped, or in the user's cache."""
    try:
        return Address.parse(name).find().is_file()
    except FileNotFoundError:
        return False


def train(name: str) -> str:
    """Train the network of an address in float32 on the CPU, and keep it; a stop loses at most one epoch."""
    address = Address.parse(name)
    training = Training.parse(address.recipe)
    data = load_part(address.data, address.seed)
    architecture, _ = find_architecture(address.architecture)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(address.seed)
        network = build(address.architecture, data.channels, len(data.classes), data.size)
    module = Standardized(network, *data.statistics())
    regularizer = training.regularizer(module, address.architecture)
    decay = training.strength if training.method == "plain" else DECAY
    unfinished = address.kept.with_suffix(".unfinished")
    history = fit(
        module,
        data.train_images,
        data.train_labels,
        epochs=training.epochs,
        batch_size=data.batch_size,
        optimizer=partial(sgd, lr=architecture.learning_rate, weight_decay=decay),
        batch_hook=RECIPES["plain"].batch_hook(data),
        regularizer=regularizer,
        seed=address.seed,
        device="cpu",
        checkpoint=unfinished,
        progress=False,
    )
    description = {
        "name": str(address),
        "channels": data.channels,
        "size": data.size,
        "classes": data.classes,
        "provenance": {
            "code": module_digest(__name__),
            "libraries": library_versions(),
            "precision": "float32",
            "device": "cpu",
            "threads": torch.get_num_threads(),
            "training_accuracy": history[-1]["accuracy"],
            "loss": history[-1]["loss"],
        },
    }
    write_tensors(address.kept, module.state_dict(), description)
    unfinished.unlink(missing_ok=True)
    return address.kept.name
