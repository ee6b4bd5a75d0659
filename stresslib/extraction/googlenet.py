"""BVLC GoogLeNet: Caffe's original of 2014. The paper has the same architecture, with Princeton's weights.

Without batch normalisation, unlike torchvision's; its modules bear the names of the tensors in its file of weights.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, max_pool2d, relu


class Inception(nn.Module):
    """Convolutions of 1, 3 and 5 pixels and a pooling side by side, the larger ones on fewer channels.

    Parameters
    ----------
    inputs : int
        Channels that come in.
    b1, b3r, b3, b5r, b5, pp : int
        Channels of the branches, in Caffe's order; ``r`` is the reduction before a larger convolution, ``pp`` the
        projection behind the pooling.
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
        """Return the rectified branches, one after the other along the channels."""
        three = self.b3(relu(self.b3r(x)))
        five = self.b5(relu(self.b5r(x)))
        pooled = self.pp(max_pool2d(x, 3, stride=1, padding=1))
        return relu(torch.cat((self.b1(x), three, five, pooled), dim=1))


class GoogLeNet(nn.Module):
    """The network for images of 224 pixels: BGR, 0 to 255, less their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        # Caffe and torch both divide alpha by the size.
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        self.conv2r = nn.Conv2d(64, 64, 1)
        self.conv2 = nn.Conv2d(64, 192, 3, padding=1)
        self.i3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.i3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.i4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.i4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.i4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.i4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.i4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.i5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.i5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of ImageNet's classes."""
        x = self.norm(_pool(relu(self.conv1(x))))
        x = relu(self.conv2(relu(self.conv2r(x))))
        x = _pool(self.norm(x))
        x = _pool(self.i3b(self.i3a(x)))
        x = self.i4e(self.i4d(self.i4c(self.i4b(self.i4a(x)))))
        x = self.i5b(self.i5a(_pool(x)))
        return self.fc(avg_pool2d(x, 7).flatten(1))


def _pool(x: torch.Tensor) -> torch.Tensor:
    # Caffe rounds sizes up: a last window that hangs over the border counts.
    return max_pool2d(x, 3, stride=2, ceil_mode=True)
