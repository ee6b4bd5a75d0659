"""Rounding: weights go to a few equally spaced values, in a copy of the network.

Stress on weights; as Q-2 does with the dimensions of a feature, each output channel has a range of its own.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from stresslib.stress.on_weights.weights import weights_of

MOST_BITS = 16


def round_weights(module: nn.Module, bits: int) -> nn.Module:
    """Round weights to values that lie symmetrically about zero, within each output channel.

    Parameters
    ----------
    module : torch.nn.Module
        Left as it is. Biases and normalisation are left alone in the copy, too.
    bits : int
        From 2 to 16, of one weight: there are 2**bits - 1 values, zero among them, and the outermost is the channel's
        largest magnitude.

    Returns
    -------
    torch.nn.Module
        A copy, whose weights have the type that they had.

    Raises
    ------
    ValueError
        When `bits` is not allowed, or the network has no weights, or none that are finite.

    Notes
    -----
    The usual symmetric quantisation of weights; halves go to the even neighbour.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_weights import round_weights
    >>> layer = torch.nn.Linear(4, 1)
    >>> layer.weight.data = torch.tensor([[0.1, -3.0, 1.6, 2.4]])
    >>> round_weights(layer, bits=3).weight.tolist()
    [[0.0, -3.0, 2.0, 2.0]]
    """
    if bits != int(bits) or not 2 <= bits <= MOST_BITS:
        raise ValueError(f"bits={bits!r}: it is a whole number from 2 to {MOST_BITS}")
    rounded = copy.deepcopy(module)
    outermost = 2 ** (int(bits) - 1) - 1
    for parameter, axis in weights_of(rounded).values():
        exact = parameter.data.double()
        others = [dimension for dimension in range(exact.ndim) if dimension != axis]
        largest = exact.abs().amax(others, keepdim=True)
        step = torch.where(largest > 0, largest, 1) / outermost
        parameter.data.copy_((exact / step).round() * step)
    return rounded
