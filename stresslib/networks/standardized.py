"""Standardized: a network that takes images in [0, 1] and subtracts their data set's mean itself.

So an attack, a corruption or a swap of amplitudes acts on the image that one sees, whatever the network wants.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Standardized(nn.Module):
    """A network behind the standardisation of its channels.

    Parameters
    ----------
    network : torch.nn.Module
        With ``features``, as the networks of this package have it.
    mean, std : sequence of float
        Of each channel, of images in [0, 1].

    Examples
    --------
    >>> import torch
    >>> from stresslib.networks import LeNet5, Standardized
    >>> Standardized(LeNet5(), [0.13], [0.31])(torch.rand(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(list(mean))[:, None, None])
        self.register_buffer("std", torch.tensor(list(std))[:, None, None])

    def features(self, x: Tensor) -> Tensor:
        """Return the vectors that the network's last layer classifies, (N, d)."""
        return self.network.features((x - self.mean) / self.std)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, classes)."""
        return self.network((x - self.mean) / self.std)
