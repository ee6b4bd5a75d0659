"""LeNet-5: the network of handwritten digits.

One of the architectures that are trained here.
"""

from __future__ import annotations

from torch import Tensor, nn


class LeNet5(nn.Module):
    """Two convolutions of 5 x 5 with pooling, then three linear layers of 120, 84 and `num_classes`.

    Parameters
    ----------
    in_channels : int, default=1
    num_classes : int, default=10
    image_size : int, default=28
        Side of the images, at least 12.

    Notes
    -----
    After LeCun et al., 1998, with rectifiers and max pooling in place of the sigmoids and averages of the original, and
    every map of the first layer going to every one of the second.

    Examples
    --------
    >>> from stresslib.networks import LeNet5
    >>> sum(weights.numel() for weights in LeNet5().parameters())
    61706
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10, image_size: int = 28) -> None:
        super().__init__()
        side = (image_size // 2 - 4) // 2
        if side < 1:
            raise ValueError(f"image_size={image_size}: it is at least 12")
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * side * side, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
        )
        self.linear = nn.Linear(84, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """Return the last hidden layer, (N, 84)."""
        return self.layers(x)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes)."""
        return self.linear(self.features(x))
