"""Networks: those that prints are made of or put to, by name: trained by this package, or files of somebody's weights.

Below `suspects` and `measure`. Files are never fetched here: an error names them and where they are to be had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from stresslib.files import cache_dir, file_sha256
from stresslib.networks import Standardized, build, load_weights
from stresslib.running.tasks import run_tasks
from stresslib.training.artefacts import Address
from stresslib.training.trained import load_trained, train

SOURCE = "https://github.com/akamaster/pytorch_resnet_cifar10/tree/master/pretrained_models"
"""Where the files of weights are to be had (BSD 2-clause)."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""By which these networks have their images standardised."""


@dataclass(frozen=True)
class File:
    """Weights that somebody else trained on CIFAR-10.

    Attributes
    ----------
    name : str
        Of the file; behind the dash it has the beginning of its SHA-256.
    accuracy : float
        On the test images, in percent, as their author states it.
    """

    name: str
    accuracy: float


FILES = {
    "resnet20": File("resnet20-12fca82f.th", 91.73),
    "resnet32": File("resnet32-d509ac18.th", 92.63),
    "resnet44": File("resnet44-014dd654.th", 93.10),
    "resnet56": File("resnet56-4bfd9763.th", 93.39),
}
"""By the architecture, which is the name of the network, too."""


def data_of(name: str) -> str:
    """Return the data set that a network knows.

    Examples
    --------
    >>> from stressbook.chapters.weights.fingerprints.networks import data_of
    >>> data_of("resnet20"), data_of("digits/lenet5/plain/0")
    ('cifar10', 'digits')
    """
    return "cifar10" if name in FILES else Address.parse(name).data.partition(":")[0]


def make(names: Iterable[str], *, n_jobs: int = -1, progress: bool = True) -> None:
    """Train the networks that this package trains and that are not at hand, and keep them in the user's cache."""
    missing = []
    for name in names:
        if name not in FILES:
            try:
                Address.parse(name).find()
            except FileNotFoundError:
                missing.append({"name": name})
    run_tasks(_train, missing, name="trainings", n_jobs=n_jobs, progress=progress)


def _train(name: str) -> str:
    return train(name, precision="float32", progress=False).name


def find(name: str) -> Path:
    """Return the file of a network.

    Parameters
    ----------
    name : str
        A key of :data:`FILES`, or ``DATA/ARCHITECTURE/RECIPE/SEED``.

    Raises
    ------
    FileNotFoundError
        When it is not there; the message has the file, and where it is to be had.
    ValueError
        When it is not the file that its name says.
    """
    if name not in FILES:
        return Address.parse(name).find()
    path = cache_dir() / "weights" / FILES[name].name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; download it from {SOURCE} and put it there")
    if not file_sha256(path).startswith(path.stem.partition("-")[2]):
        raise ValueError(f"{path} is damaged: its SHA-256 does not begin as its name says; download it again from {SOURCE}")
    return path


def load(name: str) -> nn.Module:
    """Return a network in evaluation mode, from images in [0, 1] to logits.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`find`.
    """
    if name in FILES:
        module = load_weights(Standardized(build(name, 3, 10, 32), MEAN, STD), find(name))
    else:
        module = load_trained(name)
    return module.to(memory_format=torch.channels_last)
