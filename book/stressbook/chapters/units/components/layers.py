"""Layers: the components of a network that the survey names and that PyTorch does not have as they are needed here.

Below `network`, which puts them together. Convolutions keep the side of a map and have no bias; pooling halves it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class TiledConv2d(nn.Module):
    """A convolution of 3 x 3 whose weights are shared by every second row and column alone: four kernels in turn.

    Parameters
    ----------
    in_channels, out_channels : int

    References
    ----------
    Ngiam et al., "Tiled convolutional neural networks", NIPS 2010.

    Examples
    --------
    >>> import torch
    >>> from stressbook.chapters.units.components.layers import TiledConv2d
    >>> TiledConv2d(3, 8)(torch.rand(2, 3, 6, 6)).shape
    torch.Size([2, 8, 6, 6])
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.tiles = nn.ModuleList(nn.Conv2d(in_channels, out_channels, 3, stride=2, bias=False) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same side, which is even."""
        padded = functional.pad(x, (1, 1, 1, 1))
        parts = [tile(padded[:, :, place // 2 :, place % 2 :]) for place, tile in enumerate(self.tiles)]
        return functional.pixel_shuffle(torch.stack(parts, 2).flatten(1, 2), 2)


class InceptionConv2d(nn.Module):
    """Four branches of a quarter of the channels each: 1 x 1, 3 x 3, 5 x 5, and 1 x 1 of a pooled map.

    Parameters
    ----------
    in_channels, out_channels : int
        Four divides the latter. It has as many weights as one convolution of 3 x 3.

    References
    ----------
    Szegedy et al., "Going deeper with convolutions", CVPR 2015, the naive version of figure 2a.

    Examples
    --------
    >>> from stressbook.chapters.units.components.layers import InceptionConv2d
    >>> sum(weights.numel() for weights in InceptionConv2d(8, 16).parameters()) == 8 * 16 * 9
    True
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        if out_channels % 4:
            raise ValueError(f"out_channels={out_channels}: four branches share them, so 4 divides it")
        each = out_channels // 4
        self.branches = nn.ModuleList(
            nn.Conv2d(in_channels, each, side, padding=side // 2, bias=False) for side in (1, 3, 5, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the branches' maps, one behind the other."""
        inputs = (x, x, x, functional.max_pool2d(x, 3, 1, 1))
        return torch.cat([branch(one) for branch, one in zip(self.branches, inputs, strict=True)], 1)


class BinaryConv2d(nn.Conv2d):
    """A convolution whose weights are, in each output channel, one magnitude with a sign each.

    The gradient goes to the real weights behind the signs as if they had been used.

    References
    ----------
    Rastegari et al., "XNOR-Net", ECCV 2016, binary weights.

    Examples
    --------
    >>> import torch
    >>> from stressbook.chapters.units.components.layers import BinaryConv2d
    >>> BinaryConv2d(1, 1, 3, bias=False)(torch.rand(1, 1, 3, 3)).shape
    torch.Size([1, 1, 1, 1])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the maps that the signs make."""
        binary = self.weight.sign() * self.weight.abs().mean((1, 2, 3), keepdim=True)
        return self._conv_forward(input, self.weight + (binary - self.weight).detach(), self.bias)


class LpPool(nn.Module):
    """The root of the mean square of 2 x 2 places: between their average and their maximum."""

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of half the side."""
        # The gradient of a root is infinite at zero, where rectified maps often are.
        return (functional.avg_pool2d(x.square(), 2) + 1e-6).sqrt()


class StochasticPool(nn.Module):
    """One of 2 x 2 places, drawn by its share of their sum; in evaluation mode the mean over such draws.

    Of maps that are nowhere negative. It draws from torch's generator.

    References
    ----------
    Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks", ICLR 2013.

    Examples
    --------
    >>> import torch
    >>> from stressbook.chapters.units.components.layers import StochasticPool
    >>> float(StochasticPool().eval()(torch.tensor([[[[1.0, 3.0], [0.0, 0.0]]]])))
    2.5
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of half the side."""
        count, channels, height, width = x.shape
        places = x.reshape(count, channels, height // 2, 2, width // 2, 2).transpose(3, 4).flatten(4)
        total = places.sum(-1, keepdim=True)
        shares = torch.where(total > 0, places / total.clamp_min(1e-12), 0.25).detach()
        if not self.training:
            return (shares * places).sum(-1)
        drawn = torch.rand_like(total) >= shares.cumsum(-1)[..., :-1]
        return places.gather(-1, drawn.sum(-1, keepdim=True)).squeeze(-1)


class Maxout(nn.Module):
    """The larger of two maps: the first half of the channels against the second.

    References
    ----------
    Goodfellow et al., "Maxout networks", ICML 2013.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return half as many maps."""
        one, other = x.chunk(2, 1)
        return torch.maximum(one, other)


class ChannelBias(nn.Module):
    """A number for each channel that is added: what is left of a normalisation that does not normalise."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same shape."""
        return x + self.bias[:, None, None]


class DropConnect(nn.Linear):
    """A linear layer of whose weights each step of a training misses half; the others are doubled.

    References
    ----------
    Wan et al., "Regularization of neural networks using DropConnect", ICML 2013; there each image has a draw of its own.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return logits."""
        return functional.linear(input, functional.dropout(self.weight, 0.5, self.training), self.bias)
