"""Contextual convolution: one convolution of 3 x 3 shared out among several dilations, and the residual networks made of it.

One of the architectures here. What it sees is wider, what it weighs is the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

SHARES = {1: (1.0,), 2: (0.5, 0.5), 3: (0.5, 0.25, 0.25), 4: (0.25,) * 4, 5: (0.25,) * 3 + (0.125,) * 2}
"""Shares of the output channels by the number of levels, from dilation 1 on."""

DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks of each stage by the number of layers."""


class ContextualConv2d(nn.Module):
    """Convolutions of 3 x 3 with dilations 1, 2, ... of the same input, their outputs put one behind the other.

    It stands where a plain convolution of 3 x 3 without bias stood, with as many weights and the same shapes.

    Parameters
    ----------
    in_channels, out_channels : int
    levels : int, default=4
        Largest dilation, from 1, which is a plain convolution, to 5.
    stride : int, default=1
    groups : int, default=1

    Attributes
    ----------
    branches : torch.nn.ModuleList
        Of one ``Conv2d`` for each dilation, in order.

    Raises
    ------
    ValueError
        When the levels are not 1 to 5, the groups do not divide the channels, or a level would have no channel.

    Notes
    -----
    Of the output channels, 2 levels have 1/2 and 1/2; 3 have 1/2, 1/4, 1/4; 4 have 1/4 each; 5 have 1/4, 1/4, 1/4, 1/8, 1/8.
    The authors' code takes widths only that these shares divide. For others there is a rule of ours: each share is rounded
    down, and the channels that are left go one each to the levels from dilation 1 on. Groups are shared out whole.

    References
    ----------
    Duta, Georgescu and Ionescu, "Contextual convolutional neural networks", ICCV Workshops 2021; github.com/iduta/coconv.

    Examples
    --------
    >>> from stresslib.networks import ContextualConv2d
    >>> for branch in ContextualConv2d(64, 64, levels=3).branches:
    ...     print(branch.out_channels, branch.dilation)
    32 (1, 1)
    16 (2, 2)
    16 (3, 3)
    """

    def __init__(self, in_channels: int, out_channels: int, levels: int = 4, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        if levels not in SHARES:
            raise ValueError(f"levels={levels!r}: it is from 1 to {max(SHARES)}")
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"groups={groups}: it divides in_channels={in_channels} and out_channels={out_channels}")
        units = out_channels // groups
        widths = [int(units * share) for share in SHARES[levels]]
        if min(widths) < 1:
            least = round(groups / min(SHARES[levels]))
            raise ValueError(f"out_channels={out_channels}: {levels} levels need {least} at least, so that each has one")
        for place in range(units - sum(widths)):
            widths[place] += 1
        self.branches = nn.ModuleList(
            nn.Conv2d(in_channels, groups * width, 3, stride, dilation, dilation, groups, bias=False)
            for dilation, width in enumerate(widths, start=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the branches' outputs, (N, out_channels, H', W')."""
        return torch.cat([branch(x) for branch in self.branches], 1)


class Bottleneck(nn.Module):
    """A residual block of 1 x 1, contextual 3 x 3 and 1 x 1 convolutions, the last four times as wide.

    Parameters
    ----------
    in_channels, width : int
    levels : int, default=4
        Of the contextual convolution.
    stride : int, default=1
    late_norm : bool, default=False
        Whether the last normalisation comes after the addition of the shortcut instead of before it.
    """

    def __init__(self, in_channels: int, width: int, levels: int = 4, stride: int = 1, *, late_norm: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = ContextualConv2d(width, width, levels, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = nn.Sequential()
        if stride > 1 or in_channels != 4 * width:
            self.downsample.extend([nn.Conv2d(in_channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)])
        self.late_norm = late_norm

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, (N, 4 * width, H', W')."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = self.conv3(functional.relu(self.bn2(self.conv2(out))))
        shortcut = self.downsample(x)
        return functional.relu(self.bn3(out + shortcut) if self.late_norm else self.bn3(out) + shortcut)


class ContextualResNet(nn.Module):
    """A residual network for ImageNet whose 3 x 3 convolutions are contextual.

    Parameters
    ----------
    blocks : sequence of int
        Bottlenecks in each of the four stages.
    num_classes : int, default=1000
    late_norm : bool, default=True
        Whether the last block of each stage normalises after the addition, as the authors' networks do; those that they
        compare with do not.
    levels : sequence of int, default=(4, 3, 2, 1)
        Of each stage's convolutions; (1, 1, 1, 1) is the plain ResNet.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        num_classes: int = 1000,
        late_norm: bool = True,
        *,
        levels: Sequence[int] = (4, 3, 2, 1),
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        stages, before = [], 64
        for place, (count, level) in enumerate(zip(blocks, levels, strict=True)):
            width = 64 * 2**place
            stage = nn.Sequential()
            for block in range(count):
                stride = 2 if place and not block else 1
                late = late_norm and block == count - 1
                stage.append(Bottleneck(before, width, level, stride, late_norm=late))
                before = 4 * width
            stages.append(stage)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(before, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: Tensor) -> Tensor:
        """Return the averages over the last map, (N, 2048)."""
        out = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return functional.adaptive_avg_pool2d(self.layer4(self.layer3(self.layer2(self.layer1(out)))), 1).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), of standardised images (N, 3, H, W)."""
        return self.fc(self.features(x))


def contextual_resnet(depth: int, num_classes: int = 1000, late_norm: bool = True) -> ContextualResNet:
    """Build CoResNet: a ResNet of 50, 101 or 152 layers whose convolutions are contextual, of 4, 3, 2 and 1 levels.

    Parameters
    ----------
    depth : {50, 101, 152}
    num_classes : int, default=1000
    late_norm : bool, default=True
        Whether the last block of each stage normalises after the addition of its shortcut, as in the authors' code. Their
        plain ResNet does not, so that what they compare differs in two things.

    Returns
    -------
    ContextualResNet
        With fresh weights, as many as the plain ResNet has; they take standardised images.

    Raises
    ------
    ValueError
        When there is none of that depth.

    References
    ----------
    Duta, Georgescu and Ionescu, "Contextual convolutional neural networks", ICCV Workshops 2021; github.com/iduta/coconv.

    Examples
    --------
    >>> import torch
    >>> from stresslib.networks import contextual_resnet
    >>> with torch.device("meta"):  # shapes without numbers
    ...     network = contextual_resnet(50)
    >>> sum(weights.numel() for weights in network.parameters())
    25557032
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth={depth!r}: it is one of {', '.join(map(str, DEPTHS))}")
    return ContextualResNet(DEPTHS[depth], num_classes, late_norm)
