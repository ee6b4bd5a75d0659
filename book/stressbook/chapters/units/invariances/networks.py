"""Networks: those whose units are looked at, by name, as functions of standardised images.

Below `measure`. A standardised image has the mean colour at 0, and a mean square of about 1; so that one norm, one weight of
the distance and one picture mean the same for all networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from stresslib.extraction.registry import find_network
from stresslib.files import cache_dir, file_sha256
from stresslib.images.preprocessing import Preprocessing
from stresslib.networks import Standardized, build, load_weights
from stresslib.training.artefacts import Address
from stresslib.training.trained import load_trained

PUBLISHED = "resnet20-12fca82f.th"
"""Weights of ResNet-20 that somebody else trained on CIFAR-10; behind the dash is the beginning of the file's SHA-256."""

SOURCE = "https://github.com/akamaster/pytorch_resnet_cifar10/tree/master/pretrained_models"
"""Where that file is to be had (BSD 2-clause)."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of photographs, red, green and blue in [0, 1]: the usual numbers of ImageNet, by which ResNet-20 standardises, too."""


@dataclass(frozen=True)
class Named:
    """A network, and where its images come from.

    Attributes
    ----------
    dataset : str
        That it was trained on.
    model : str
        What a results table calls it.
    """

    dataset: str
    model: str


def named(name: str) -> Named:
    """Return what a results table calls a network.

    Parameters
    ----------
    name : str
        ``resnet20``, ``DATA/ARCHITECTURE/RECIPE/SEED`` of a network that this package trains, or a name of
        :func:`stresslib.extraction.registry.find_network`.

    Examples
    --------
    >>> from stressbook.chapters.units.invariances.networks import named
    >>> named("digits/resnet8:8/twice/0"), named("efficientnet-lite0").dataset
    (Named(dataset='digits', model='resnet8:8/twice/0'), 'imagenet')
    """
    if name == "resnet20":
        return Named("cifar10", name)
    if "/" in name:
        data, _, rest = name.partition("/")
        return Named(data.partition(":")[0], rest)
    return Named("imagenet", name)


def split_layer(layer: str) -> tuple[str, str]:
    """Split ``NETWORK/NODE`` into the two.

    Raises
    ------
    ValueError
        When there is no slash.

    Examples
    --------
    >>> from stressbook.chapters.units.invariances.networks import split_layer
    >>> split_layer("digits/resnet8:8/twice/0/layer1.0")
    ('digits/resnet8:8/twice/0', 'layer1.0')
    """
    network, _, node = layer.rpartition("/")
    if not network or not node:
        raise ValueError(f"layer {layer!r}: it is NETWORK/NODE, such as resnet20/layer1.2")
    return network, node


def whole(name: str) -> Standardized:
    """Return a small network in evaluation mode, from images in [0, 1] to logits.

    Raises
    ------
    FileNotFoundError
        When it is not at hand; the message says where it is to be had.
    ValueError
        When the file is not the one that its name says.
    """
    if name != "resnet20":
        return cast(Standardized, load_trained(name))
    return cast(Standardized, load_weights(Standardized(build(name, 3, 10, 32), MEAN, STD), _published())).eval()


def is_small(name: str) -> bool:
    """Return whether a network is of small images, which are at hand with their labels."""
    return name == "resnet20" or "/" in name


def load(name: str) -> nn.Module:
    """Return a network in evaluation mode, of standardised images.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As :func:`whole`, and as :meth:`stresslib.extraction.network.Network.load`.
    """
    if is_small(name):
        return whole(name).network
    network = find_network(name)
    return Photographs(network.load()[0], network.preprocessing).eval()


def weights_of(name: str) -> str:
    """Return the SHA-256 of the weights of a network.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As :func:`load`.
    """
    if name == "resnet20":
        return file_sha256(_published())
    if "/" in name:
        return file_sha256(Address.parse(name).find())
    return find_network(name).load()[1]


def colours(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each channel, by which a standardised image becomes one in [0, 1]."""
    if "/" in name:
        module = whole(name)
        return module.mean.numpy(), module.std.numpy()
    return np.array(MEAN, np.float32)[:, None, None], np.array(STD, np.float32)[:, None, None]


def node_of(name: str, node: str) -> str:
    """Return the name of a node in what :func:`load` returns."""
    return node if is_small(name) else f"network.{node}"


class Photographs(nn.Module):
    """A network of photographs behind a layer that makes its own input of a standardised one.

    Parameters
    ----------
    network : torch.nn.Module
    preprocessing : Preprocessing
        What the network expects.

    Examples
    --------
    >>> import torch
    >>> from stresslib.extraction.registry import find_network
    >>> from stressbook.chapters.units.invariances.networks import Photographs
    >>> made = Photographs(torch.nn.Identity(), find_network("bvlc-googlenet").preprocessing)(torch.zeros(1, 3, 1, 1))
    >>> [round(value, 2) for value in made.flatten().tolist()]  # blue, green, red: the mean colour, less Caffe's
    [-0.47, -0.72, 0.68]
    """

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        # As a convolution of one pixel, so that the channels of the image are seen by whoever looks for the first one.
        self.colours = nn.Conv2d(3, 3, 1)
        self.network = network
        order = [0, 1, 2] if preprocessing.channels == "RGB" else [2, 1, 0]
        theirs = torch.tensor(preprocessing.std)
        scale, mean = (255 * torch.tensor(values) for values in (STD, MEAN))
        with torch.no_grad():
            self.colours.weight.copy_((torch.diag(scale)[order] / theirs[:, None])[:, :, None, None])
            self.colours.bias.copy_((mean[order] - torch.tensor(preprocessing.mean)) / theirs)  # type: ignore[union-attr]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the network makes of standardised images."""
        return self.network(self.colours(x))


def _published() -> Path:
    path = cache_dir() / "weights" / PUBLISHED
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; download it from {SOURCE} and put it there")
    if not file_sha256(path).startswith(path.stem.partition("-")[2]):
        raise ValueError(f"{path} is damaged: its SHA-256 does not begin as its name says; download it again from {SOURCE}")
    return path
