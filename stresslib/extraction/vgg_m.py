"""VGG-M, the network of most of the paper's figures, and VGG-M-128.

CNN-M and CNN-M-128 of Chatfield et al. (2014), as MatConvNet computes them. Submodules have the names of the layers.
"""

from __future__ import annotations

import torch
from torch import nn


class VGGM(nn.Module):
    """VGG-M for images of 224 pixels: RGB, 0 to 255.

    The paper's supplement numbers its 21 layers as MatConvNet does. After the convolutions they are:

    ===== ======= ======
    index layer   values
    ===== ======= ======
    15    pool5   18,432
    16    fc6      4,096
    17    relu6    4,096
    18    fc7      4,096
    19    relu7    4,096
    20    fc8      1,000
    21    prob     1,000
    ===== ======= ======

    VGG-M-128 differs only in its ``fc7`` of 128 values. There is no dropout, since the file of weights is for prediction.

    Parameters
    ----------
    widths : tuple of 8 int
        Channels of the five convolutions and values of the three fully connected layers.

    References
    ----------
    K. Chatfield, K. Simonyan, A. Vedaldi, A. Zisserman. Return of the Devil in the Details: Delving Deep into
    Convolutional Nets. BMVC 2014, arXiv:1405.3531.
    """

    def __init__(self, widths: tuple[int, ...] = (96, 256, 512, 512, 512, 4096, 4096, 1000)) -> None:
        super().__init__()
        one, two, three, four, five, six, seven, classes = widths
        # The average image of the training set, which is one of the weights.
        self.average: torch.Tensor
        self.register_buffer("average", torch.zeros(3, 224, 224))
        self.conv1 = nn.Conv2d(3, one, 7, stride=2)
        self.relu1 = nn.ReLU()
        self.norm1 = _norm()
        self.pool1 = _pool()
        self.conv2 = nn.Conv2d(one, two, 5, stride=2, padding=1)
        self.relu2 = nn.ReLU()
        self.norm2 = _norm()
        self.pool2 = _pool()
        self.conv3 = nn.Conv2d(two, three, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(three, four, 3, padding=1)
        self.relu4 = nn.ReLU()
        self.conv5 = nn.Conv2d(four, five, 3, padding=1)
        self.relu5 = nn.ReLU()
        self.pool5 = _pool()
        self.fc6 = nn.Linear(five * 6 * 6, six)
        self.relu6 = nn.ReLU()
        self.fc7 = nn.Linear(six, seven)
        self.relu7 = nn.ReLU()
        self.fc8 = nn.Linear(seven, classes)
        self.prob = nn.Softmax(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of ImageNet's classes."""
        x = self.pool1(self.norm1(self.relu1(self.conv1(x - self.average))))
        x = self.pool2(self.norm2(self.relu2(self.conv2(x))))
        x = self.relu4(self.conv4(self.relu3(self.conv3(x))))
        x = self.pool5(self.relu5(self.conv5(x)))
        x = self.relu7(self.fc7(self.relu6(self.fc6(x.flatten(1)))))
        return self.prob(self.fc8(x))


def _norm() -> nn.Module:
    # MatConvNet's parameters are [5 2 1e-4 0.75]; it does not divide alpha by the size, torch does.
    return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)


def _pool() -> nn.Module:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)
