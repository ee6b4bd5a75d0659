"""Registry: the architectures by their names, such as ``resnet8:16``, each built for images of some size.

The one place that training and the command line look at.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from stresslib.networks.anchored import AnchoredResNet, AnchoredVGG
from stresslib.networks.lenet import LeNet5
from stresslib.networks.resnet import CifarResNet
from stresslib.networks.signet import SigNet
from stresslib.networks.vgg import SmallVGG


@dataclass(frozen=True)
class Architecture:
    """What a name stands for.

    Attributes
    ----------
    about : str
    make : callable
        ``make(in_channels, num_classes, image_size, width)``, with fresh weights.
    width : int or None
        That of the plain name; None where there is one size only.
    learning_rate : float
        Of stochastic gradient descent with momentum 0.9.
    """

    about: str
    make: Callable[[int, int, int, int], nn.Module]
    width: int | None
    learning_rate: float


CONTEXT = (4, 3, 2)
"""Dilations in the three stages of a contextual network here: as in the first three of CoResNet."""


def _changed_resnet8(about: str, **changes: Any) -> Architecture:
    return Architecture(
        f"resnet8 {about}",
        lambda channels, classes, size, width: CifarResNet(8, width, channels, classes, **changes),
        width=16,
        learning_rate=0.1,
    )


def _anchored_vgg(sharing: str, *, shared_norm: bool = False) -> Architecture:
    return Architecture(
        f"VGG of 14 layers as an anchored network, sharing {sharing}{', norms included' if shared_norm else ''}",
        lambda channels, classes, size, width: AnchoredVGG(
            width, sharing, classes, in_channels=channels, image_size=size, shared_norm=shared_norm
        ),
        width=32,
        learning_rate=0.1,
    )


def _anchored_resnet18(sharing: str, *, shared_norm: bool = False) -> Architecture:
    return Architecture(
        f"ResNet of 18 layers as an anchored network, sharing {sharing}{', norms included' if shared_norm else ''}",
        lambda channels, classes, size, width: AnchoredResNet(
            (2, 2, 2, 2), width, sharing, classes, in_channels=channels, shared_norm=shared_norm
        ),
        width=32,
        learning_rate=0.1,
    )


ARCHITECTURES = {
    "lenet5": Architecture(
        "LeNet-5 with rectifiers, 62 thousand weights on MNIST",
        lambda channels, classes, size, width: LeNet5(channels, classes, size),
        width=None,
        learning_rate=0.02,
    ),
    "resnet8": Architecture(
        "the CIFAR ResNet of 8 layers, 75 thousand weights at width 16",
        lambda channels, classes, size, width: CifarResNet(8, width, channels, classes),
        width=16,
        learning_rate=0.1,
    ),
    "resnet20": Architecture(
        "the CIFAR ResNet of 20 layers, 270 thousand weights at width 16",
        lambda channels, classes, size, width: CifarResNet(20, width, channels, classes),
        width=16,
        learning_rate=0.1,
    ),
    "resnet32": Architecture(
        "the CIFAR ResNet of 32 layers, 464 thousand weights at width 16",
        lambda channels, classes, size, width: CifarResNet(32, width, channels, classes),
        width=16,
        learning_rate=0.1,
    ),
    "resnet44": Architecture(
        "the CIFAR ResNet of 44 layers, 659 thousand weights at width 16",
        lambda channels, classes, size, width: CifarResNet(44, width, channels, classes),
        width=16,
        learning_rate=0.1,
    ),
    "resnet56": Architecture(
        "the CIFAR ResNet of 56 layers, 853 thousand weights at width 16",
        lambda channels, classes, size, width: CifarResNet(56, width, channels, classes),
        width=16,
        learning_rate=0.1,
    ),
    "resnet8-contextual": _changed_resnet8("with contextual convolutions, of 4, 3 and 2 dilations", levels=CONTEXT),
    "resnet8-late-norm": _changed_resnet8("that normalises after the last addition of each stage", late_norm=True),
    "resnet8-contextual-late-norm": _changed_resnet8("with both, as CoResNet has them", levels=CONTEXT, late_norm=True),
    "vgg": Architecture(
        "six convolutions as in VGG, 289 thousand weights at width 32",
        lambda channels, classes, size, width: SmallVGG(width, channels, classes),
        width=32,
        learning_rate=0.1,
    ),
    "anchored-vgg": _anchored_vgg("plain"),
    "anchored-vgg-shared-norm": _anchored_vgg("plain", shared_norm=True),
    "anchored-vgg-regulated": _anchored_vgg("regulated"),
    "anchored-vgg-mixed": _anchored_vgg("mixed"),
    "anchored-vgg-mixed-regulated": _anchored_vgg("mixed-regulated"),
    "anchored-vgg-none": _anchored_vgg("none"),
    "anchored-vgg-mixed-none": _anchored_vgg("mixed-none"),
    "anchored-resnet18": _anchored_resnet18("plain"),
    "anchored-resnet18-shared-norm": _anchored_resnet18("plain", shared_norm=True),
    "anchored-resnet18-regulated": _anchored_resnet18("regulated"),
    "anchored-resnet18-mixed": _anchored_resnet18("mixed"),
    "anchored-resnet18-mixed-regulated": _anchored_resnet18("mixed-regulated"),
    "anchored-resnet18-none": _anchored_resnet18("none"),
    "anchored-resnet18-mixed-none": _anchored_resnet18("mixed-none"),
    "signet": Architecture(
        "SigNet, for signatures of 150 x 220 pixels, 15.8 million weights at width 96, 6.4 million at width 24",
        lambda channels, classes, size, width: _signet(channels, classes, size, width),
        width=96,
        learning_rate=0.001,
    ),
}
"""The architectures by their names; ``NAME:WIDTH`` has another number of channels in its first stage."""


def find_architecture(name: str) -> tuple[Architecture, int]:
    """Return an architecture and its width.

    Parameters
    ----------
    name : str
        A key of `ARCHITECTURES`, with ``:WIDTH`` behind it or not.

    Returns
    -------
    Architecture
    int
        0 where there is one size only.

    Raises
    ------
    ValueError
        When there is none of that name, or it has one width only.
    """
    base, colon, width = name.partition(":")
    if base not in ARCHITECTURES:
        near = difflib.get_close_matches(base, ARCHITECTURES, n=1)
        hint = f"the nearest is {near[0]!r}" if near else f"there are {', '.join(ARCHITECTURES)}"
        raise ValueError(f"there is no architecture {base!r}; {hint}")
    found = ARCHITECTURES[base]
    if colon and found.width is None:
        raise ValueError(f"architecture {name!r}: {base} has one width only")
    if colon and not (width.isdecimal() and width == str(int(width)) and int(width)):
        raise ValueError(f"architecture {name!r}: behind the colon is its width, a whole number, as in {base}:{found.width}")
    return found, int(width) if colon else (found.width or 0)


def build(name: str, in_channels: int, num_classes: int, image_size: int) -> nn.Module:
    """Build an architecture with fresh weights, which torch's generator draws.

    Parameters
    ----------
    name : str
        As :func:`find_architecture` takes it.
    in_channels, num_classes, image_size : int

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ValueError
        When there is none of that name, or not for such images.

    Examples
    --------
    >>> from stresslib.networks import build
    >>> build("resnet8:8", in_channels=3, num_classes=10, image_size=32).linear
    Linear(in_features=32, out_features=10, bias=True)
    """
    architecture, width = find_architecture(name)
    return architecture.make(in_channels, num_classes, image_size, width)


def _signet(channels: int, classes: int, size: int, width: int) -> SigNet:
    if (channels, size) != (1, 150):
        raise ValueError(f"signet takes one channel of 150 x 220 pixels, and not {channels} of {size} rows")
    return SigNet(classes, width)
