"""ResNet for images of 32 x 32 pixels: the networks of 6n + 2 layers of the paper's own section on CIFAR-10.

One of the architectures that are trained here.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from stresslib.networks.contextual import ContextualConv2d


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
    levels : sequence of int, default=(1, 1, 1)
        Dilations of each stage's convolutions, as :class:`~stresslib.networks.ContextualConv2d` has them; 1 is a plain one.
    late_norm : bool, default=False
        Whether the last block of each stage normalises after the addition of its shortcut instead of before it.

    Raises
    ------
    ValueError
        When the depth is not 6n + 2, the width is not an even number of at least 2, or there is not one level a stage.

    References
    ----------
    He et al., "Deep residual learning for image recognition", CVPR 2016, section 4.2.

    Examples
    --------
    >>> from stresslib.networks import CifarResNet
    >>> sum(weights.numel() for weights in CifarResNet(20).parameters())
    269722
    """

    def __init__(
        self,
        depth: int = 20,
        width: int = 16,
        in_channels: int = 3,
        num_classes: int = 10,
        *,
        levels: Sequence[int] = (1, 1, 1),
        late_norm: bool = False,
    ) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise ValueError(f"depth={depth}: it is 6n + 2, such as 8, 14 or 20")
        if width < 2 or width % 2:
            raise ValueError(f"width={width}: it is an even number, at least 2")
        if len(levels) != 3:
            raise ValueError(f"levels={levels!r}: there are three stages")
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, blocks, 1, levels[0], late_norm)
        self.layer2 = _stage(width, 2 * width, blocks, 2, levels[1], late_norm)
        self.layer3 = _stage(2 * width, 4 * width, blocks, 2, levels[2], late_norm)
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
    def __init__(self, before: int, channels: int, stride: int, levels: int, late_norm: bool) -> None:
        super().__init__()
        self.conv1 = _convolution(before, channels, stride, levels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _convolution(channels, channels, 1, levels)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.added = channels - before
        self.late_norm = late_norm

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2(functional.relu(self.bn1(self.conv1(x))))
        # Every second pixel, as x[:, :, ::2, ::2] has them, but with a gradient that keeps the layout of memory.
        shortcut = x if self.stride == 1 else functional.avg_pool2d(x, 1, self.stride)
        if self.added:  # zeros on both sides of the channels
            shortcut = functional.pad(shortcut, (0, 0, 0, 0, self.added // 2, self.added - self.added // 2))
        return functional.relu(self.bn2(out + shortcut) if self.late_norm else self.bn2(out) + shortcut)


def _convolution(before: int, channels: int, stride: int, levels: int) -> nn.Module:
    if levels == 1:  # by the names that other people's weights have
        return nn.Conv2d(before, channels, 3, stride=stride, padding=1, bias=False)
    return ContextualConv2d(before, channels, levels, stride)


def _stage(before: int, channels: int, blocks: int, stride: int, levels: int, late_norm: bool) -> nn.Sequential:
    return nn.Sequential(
        *(
            _Block(
                channels if place else before, channels, 1 if place else stride, levels, late_norm and place == blocks - 1
            )
            for place in range(blocks)
        )
    )
