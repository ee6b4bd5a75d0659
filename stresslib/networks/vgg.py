"""VGG in small: convolutions of 3 x 3 and pooling, without shortcuts.

One of the architectures that are trained here.
"""

from __future__ import annotations

from torch import Tensor, nn


class SmallVGG(nn.Module):
    """Six convolutions in three stages, each stage closed by pooling, then an average over places.

    Parameters
    ----------
    width : int, default=32
        Channels of the first stage; the second and third have twice and four times as many.
    in_channels : int, default=3
    num_classes : int, default=10

    Notes
    -----
    After Simonyan and Zisserman, ICLR 2015, with batch normalisation and one linear layer.

    Examples
    --------
    >>> import torch
    >>> from stresslib.networks import SmallVGG
    >>> SmallVGG(width=8).features(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 32])
    """

    def __init__(self, width: int = 32, in_channels: int = 3, num_classes: int = 10) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width={width}: it is at least 1")
        layers: list[nn.Module] = []
        before = in_channels
        for channels in (width, 2 * width, 4 * width):
            for _ in range(2):
                layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
                before = channels
            layers.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers)
        self.linear = nn.Linear(before, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def features(self, x: Tensor) -> Tensor:
        """Return the averages over the last map, (N, 4 * width)."""
        return self.layers(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes)."""
        return self.linear(self.features(x))
