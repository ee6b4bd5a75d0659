"""Network: seven convolutions and a linear layer, each of whose components can be another one.

Between the layers and the variants, which say what is changed.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from stressbook.chapters.units.components.layers import (
    BinaryConv2d,
    ChannelBias,
    DropConnect,
    InceptionConv2d,
    LpPool,
    Maxout,
    StochasticPool,
    TiledConv2d,
)


def _plain(before: int, channels: int, side: int = 3, stride: int = 1, dilation: int = 1) -> nn.Module:
    padding = dilation * (side // 2)
    return nn.Conv2d(before, channels, side, stride=stride, padding=padding, dilation=dilation, bias=False)


def _separable(before: int, channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, before, 3, padding=1, groups=before, bias=False), nn.Conv2d(before, channels, 1, bias=False)
    )


def _low_rank(before: int, channels: int) -> nn.Module:
    half = channels // 2
    return nn.Sequential(
        nn.Conv2d(before, half, (3, 1), padding=(1, 0), bias=False),
        nn.Conv2d(half, channels, (1, 3), padding=(0, 1), bias=False),
    )


CONVOLUTIONS: dict[str, Callable[[int, int, bool], nn.Module]] = {
    "plain": lambda before, channels, second: _plain(before, channels),
    "tiled": lambda before, channels, second: TiledConv2d(before, channels),
    "dilated": lambda before, channels, second: _plain(before, channels, dilation=2 if second else 1),
    "network-in-network": lambda before, channels, second: _plain(before, channels, side=1 if second else 3),
    "inception": lambda before, channels, second: InceptionConv2d(before, channels),
    "separable": lambda before, channels, second: _separable(before, channels),
    "low-rank": lambda before, channels, second: _low_rank(before, channels),
    "binary": lambda before, channels, second: BinaryConv2d(before, channels, 3, padding=1, bias=False),
}
"""What makes the convolutions behind the first one, from their channels, and whether it is a stage's second one."""

POOLINGS: dict[str, Callable[[], nn.Module]] = {
    "max": lambda: nn.MaxPool2d(2),
    "average": lambda: nn.AvgPool2d(2),
    "lp": LpPool,
    "stochastic": StochasticPool,
    "strided": nn.Identity,
}
"""What closes a stage; where it is strided, the stage's last convolution takes steps of two."""

ACTIVATIONS: dict[str, Callable[[int], nn.Module]] = {
    "relu": lambda channels: nn.ReLU(),
    "parametric": lambda channels: nn.PReLU(channels),
    "randomised": lambda channels: nn.RReLU(),
    "elu": lambda channels: nn.ELU(),
    "maxout": lambda channels: Maxout(),
}
"""What follows each normalisation, from its channels."""


class ComponentNetwork(nn.Module):
    """One convolution, then three stages of two, with twice the channels each, and an average over places.

    Parameters
    ----------
    width : int, default=8
        Channels of the first convolution, a multiple of four; there are eight times as many features.
    in_channels : int, default=3
    num_classes : int, default=10
    convolution : str, default="plain"
        Of :data:`CONVOLUTIONS`; the first one is always plain.
    pooling : str, default="max"
        Of :data:`POOLINGS`.
    activation : str, default="relu"
        Of :data:`ACTIVATIONS`; maxout has twice the kernels.
    norm : bool, default=True
        Whether each convolution is followed by batch normalisation, or by a bias.
    shortcuts : bool, default=False
        Whether the input of each stage's second convolution is added before its activation.
    dropout : float, default=0.0
        Share of the features that a step of a training misses.
    dropconnect : bool, default=False
        Whether the last layer misses half of its weights in a step.

    Examples
    --------
    >>> import torch
    >>> from stressbook.chapters.units.components.network import ComponentNetwork
    >>> ComponentNetwork(8, pooling="lp").features(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 64])
    """

    def __init__(
        self,
        width: int = 8,
        in_channels: int = 3,
        num_classes: int = 10,
        *,
        convolution: str = "plain",
        pooling: str = "max",
        activation: str = "relu",
        norm: bool = True,
        shortcuts: bool = False,
        dropout: float = 0.0,
        dropconnect: bool = False,
    ) -> None:
        super().__init__()
        if width < 4 or width % 4:
            raise ValueError(f"width={width}: it is a multiple of 4")
        pieces = 2 if activation == "maxout" else 1
        strided = pooling == "strided"

        def layer(kernel: nn.Module, channels: int, shortcut: bool = False) -> nn.Module:
            after = nn.BatchNorm2d(pieces * channels) if norm else ChannelBias(pieces * channels)
            return _Layer(kernel, after, ACTIVATIONS[activation](channels), shortcut)

        make = CONVOLUTIONS[convolution]
        layers = [layer(_plain(in_channels, pieces * width, stride=2 if strided else 1), width), POOLINGS[pooling]()]
        before = width
        for place in (1, 2, 3):
            channels, closed = width * 2**place, place < 3
            layers.append(layer(make(before, pieces * channels, False), channels))
            second = make(channels, pieces * channels, True)
            if strided and closed:
                second = _plain(channels, channels, stride=2)
            layers.append(layer(second, channels, shortcuts))
            if closed:
                layers.append(POOLINGS[pooling]())
            before = channels
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.linear = (DropConnect if dropconnect else nn.Linear)(before, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def features(self, x: Tensor) -> Tensor:
        """Return the averages over the last map, (N, 8 * width)."""
        return self.layers(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes)."""
        return self.linear(self.dropout(self.features(x)))


class _Layer(nn.Module):
    def __init__(self, kernel: nn.Module, norm: nn.Module, activation: nn.Module, shortcut: bool) -> None:
        super().__init__()
        self.kernel, self.norm, self.activation, self.shortcut = kernel, norm, activation, shortcut

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm(self.kernel(x))
        return self.activation(out + x if self.shortcut else out)
