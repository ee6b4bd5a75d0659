"""Pruning: the weights nearest zero become zero, in a copy of the network.

Stress on weights, by magnitude; nothing is trained again afterwards.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from stresslib.stress.on_weights.weights import weights_of

SCOPES = ("global", "layer")


def prune(module: nn.Module, share: float, scope: str = "global") -> nn.Module:
    """Set the smallest weights to zero.

    Parameters
    ----------
    module : torch.nn.Module
        Left as it is.
    share : float
        Of the weights that become zero, from 0 to 1, rounded to a whole number of them. Biases and normalisation are left
        alone, and do not count.
    scope : {"global", "layer"}, default="global"
        Whether the smallest are sought among all weights together, or the share is taken of each layer's own.

    Returns
    -------
    torch.nn.Module
        A copy. Of equal magnitudes, the first become zero.

    Raises
    ------
    ValueError
        When the share or scope is not allowed, or the network has no weights, or none that are finite.

    References
    ----------
    Han et al., "Learning both weights and connections for efficient neural networks", NIPS 2015: by magnitude.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_weights import prune
    >>> layer = torch.nn.Linear(4, 1)
    >>> layer.weight.data = torch.tensor([[0.1, -3.0, 0.2, 2.0]])
    >>> prune(layer, 0.5).weight.tolist()
    [[0.0, -3.0, 0.0, 2.0]]
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share={share!r}: it is from 0 to 1")
    if scope not in SCOPES:
        raise ValueError(f"scope={scope!r}: it is 'global' or 'layer'")
    pruned = copy.deepcopy(module)
    weights = [parameter.data for parameter, _ in weights_of(pruned).values()]
    for group in [weights] if scope == "global" else [[one] for one in weights]:
        magnitudes = torch.cat([one.abs().flatten() for one in group])
        kept = torch.ones(len(magnitudes), dtype=torch.bool, device=magnitudes.device)
        kept[magnitudes.argsort(stable=True)[: round(share * len(magnitudes))]] = False
        for one, mask in zip(group, kept.split([one.numel() for one in group]), strict=True):
            one[~mask.view(one.shape)] = 0
    return pruned
