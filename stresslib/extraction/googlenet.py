"""GoogLeNet of 2014, without batch normalisation: for Caffe's weights, and for Princeton's, which the paper used.

The two differ only in their weights and their input. Submodules have the names of the tensors in the safetensors file of
Caffe's weights. torchvision's GoogLeNet is a different network.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, max_pool2d, relu

INCEPTIONS: Mapping[str, tuple[int, int, int, int, int, int]] = MappingProxyType(
    {
        "i3a": (64, 96, 128, 16, 32, 32),
        "i3b": (128, 128, 192, 32, 96, 64),
        "i4a": (192, 96, 208, 16, 48, 64),
        "i4b": (160, 112, 224, 24, 64, 64),
        "i4c": (128, 128, 256, 24, 64, 64),
        "i4d": (112, 144, 288, 32, 64, 64),
        "i4e": (256, 160, 320, 32, 128, 128),
        "i5a": (256, 160, 320, 32, 128, 128),
        "i5b": (384, 192, 384, 48, 128, 128),
    }
)
"""Channels of the inception modules, in the order of :class:`Inception`'s parameters; the modules from input to output."""


class Inception(nn.Module):
    """Convolutions of 1, 3 and 5 pixels and a pooling side by side, the larger ones on fewer channels.

    Parameters
    ----------
    inputs : int
        Channels that come in.
    b1, b3r, b3, b5r, b5, pp : int
        Channels of the branches, in Caffe's order; ``r`` is the reduction before a larger convolution, ``pp`` the
        projection after the pooling.
    """

    def __init__(self, inputs: int, b1: int, b3r: int, b3: int, b5r: int, b5: int, pp: int) -> None:
        super().__init__()
        self.b1 = nn.Conv2d(inputs, b1, 1)
        self.b3r = nn.Conv2d(inputs, b3r, 1)
        self.b3 = nn.Conv2d(b3r, b3, 3, padding=1)
        self.b5r = nn.Conv2d(inputs, b5r, 1)
        self.b5 = nn.Conv2d(b5r, b5, 5, padding=2)
        self.pp = nn.Conv2d(inputs, pp, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the rectified branches, concatenated along the channels."""
        three = self.b3(relu(self.b3r(x)))
        five = self.b5(relu(self.b5r(x)))
        pooled = self.pp(max_pool2d(x, 3, stride=1, padding=1))
        return relu(torch.cat((self.b1(x), three, five, pooled), dim=1))


class GoogLeNet(nn.Module):
    """The network for images of 224 pixels, 0 to 255.

    Parameters
    ----------
    average : bool, default=False
        Whether the network subtracts an average image, which is one of its weights. Without it, the averages are already
        subtracted from the input.
    stem : tuple of 3 int
        Channels of the convolutions before the first inception module.
    inceptions : mapping of str to tuple of 6 int
        Channels of the inception modules, under the names of :data:`INCEPTIONS`.
    classes : int, default=1000
    """

    def __init__(
        self,
        average: bool = False,
        *,
        stem: tuple[int, int, int] = (64, 64, 192),
        inceptions: Mapping[str, tuple[int, int, int, int, int, int]] = INCEPTIONS,
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.average: torch.Tensor | None
        self.register_buffer("average", torch.zeros(3, 224, 224) if average else None)
        self.conv1 = nn.Conv2d(3, stem[0], 7, stride=2, padding=3)
        # Caffe and torch both divide alpha by the size.
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        self.conv2r = nn.Conv2d(stem[0], stem[1], 1)
        self.conv2 = nn.Conv2d(stem[1], stem[2], 3, padding=1)
        channels = stem[2]
        for name in INCEPTIONS:
            b1, b3r, b3, b5r, b5, pp = inceptions[name]
            self.add_module(name, Inception(channels, b1, b3r, b3, b5r, b5, pp))
            channels = b1 + b3 + b5 + pp
        self.fc = nn.Linear(channels, classes)
        self.prob = nn.Softmax(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of ImageNet's classes."""
        if self.average is not None:
            x = x - self.average
        x = self.norm(_pool(relu(self.conv1(x))))
        x = relu(self.conv2(relu(self.conv2r(x))))
        x = _pool(self.norm(x))
        for name in INCEPTIONS:
            if name in ("i4a", "i5a"):
                x = _pool(x)
            x = self.get_submodule(name)(x)
        return self.prob(self.fc(avg_pool2d(x, 7).flatten(1)))


def _pool(x: torch.Tensor) -> torch.Tensor:
    # Caffe rounds sizes up, so that a last window may extend over the border; MatConvNet pads by one pixel to the same end.
    return max_pool2d(x, 3, stride=2, ceil_mode=True)
