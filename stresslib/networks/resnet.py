"""ResNet for images of 32 x 32 pixels: the networks of 6n + 2 layers of the paper's own section on CIFAR-10.

One of the architectures that are trained here.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class CifarResNet(nn.Module):
    """A residual network of three stages, whose shortcuts have no weights.

    Parameters
    ----------
    depth : int, default=20
        Layers with weights on the longest way: 6n + 2, such as 8 or 20.
    width : int, default=16
        Channels of the first stage; the second and third have twice and four times as many.
    in_channels : int, default=3
    num_classes : int, default=10

    Raises
    ------
    ValueError
        When the depth is not 6n + 2, or the width is not an even number of at least 2.

    References
    ----------
    He et al., "Deep residual learning for image recognition", CVPR 2016, section 4.2.

    Examples
    --------
    >>> from stresslib.networks import CifarResNet
    >>> sum(weights.numel() for weights in CifarResNet(20).parameters())
    269722
    """

    def __init__(self, depth: int = 20, width: int = 16, in_channels: int = 3, num_classes: int = 10) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise ValueError(f"depth={depth}: it is 6n + 2, such as 8, 14 or 20")
        if width < 2 or width % 2:
            raise ValueError(f"width={width}: it is an even number, at least 2")
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, blocks, stride=1)
        self.layer2 = _stage(width, 2 * width, blocks, stride=2)
        self.layer3 = _stage(2 * width, 4 * width, blocks, stride=2)
        self.linear = nn.Linear(4 * width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def features(self, x: Tensor) -> Tensor:
        """Return the averages over the last map, (N, 4 * width)."""
        out = functional.relu(self.bn1(self.conv1(x)))
        return functional.adaptive_avg_pool2d(self.layer3(self.layer2(self.layer1(out))), 1).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes)."""
        return self.linear(self.features(x))


class _Block(nn.Module):
    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.added = channels - before

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x)))
        # Every second pixel, as x[:, :, ::2, ::2] has them, but with a gradient that keeps the layout of memory.
        shortcut = x if self.stride == 1 else functional.avg_pool2d(x, 1, self.stride)
        if self.added:  # zeros on both sides of the channels
            shortcut = functional.pad(shortcut, (0, 0, 0, 0, self.added // 2, self.added - self.added // 2))
        return functional.relu(self.bn2(self.conv2(out)) + shortcut)


def _stage(before: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    first = _Block(before, channels, stride)
    return nn.Sequential(first, *(_Block(channels, channels, 1) for _ in range(blocks - 1)))
