"""Compaction: removes the units of a LeNet-5 that do nothing, so that what is missing is also not multiplied.

Beside `lineages`, whose networks keep their shape however many synapses are gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn

from stresslib.networks import LeNet5, Standardized
from stresslib.stress.on_weights.synthesis import find_layers

Layer = nn.Conv2d | nn.Linear


def compact(network: LeNet5) -> LeNet5:
    """Return a LeNet-5 that computes the same with fewer units.

    Parameters
    ----------
    network : LeNet5
        Units without any synapse have a bias of 0, as :func:`stresslib.stress.on_weights.synthesize` leaves them.

    Returns
    -------
    LeNet5
        A copy. Gone are the units that have no synapse, or none that leads on to another unit that stays; all inputs and
        classes stay. A layer keeps one unit at least.

    Examples
    --------
    >>> import torch
    >>> from stressbook.chapters.weights.evolution.compaction import compact
    >>> from stresslib.networks import LeNet5
    >>> network = LeNet5()
    >>> with torch.no_grad():
    ...     network.layers[0].weight[1:] = network.layers[0].bias[1:] = 0
    >>> compact(network).layers[0], compact(network).layers[3]
    (Conv2d(1, 1, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2)), Conv2d(1, 16, kernel_size=(5, 5), stride=(1, 1)))
    """
    smaller = deepcopy(network)
    layers = _layers(smaller)
    alive = [torch.ones(len(layer.weight), dtype=torch.bool) for layer in layers]
    while True:
        before = [one.clone() for one in alive]
        for place, (layer, following) in enumerate(pairwise(layers)):
            sources = alive[place - 1] if place else torch.ones(layer.weight.shape[1], dtype=torch.bool)
            incoming = _between(layer, len(sources))[:, sources].any(1)
            outgoing = _between(following, len(alive[place]))[alive[place + 1]].any(0)
            alive[place] &= incoming & outgoing
        if all(map(torch.equal, before, alive)):
            break
    with torch.no_grad():
        for (layer, following), kept in zip(pairwise(layers), alive, strict=False):
            _fold(layer, following, ~kept)
            if not kept.any():
                kept[0] = True
            _take_outputs(layer, kept)
            _take_inputs(following, kept)
    return smaller


def count_multiplications(module: nn.Module, shape: Sequence[int]) -> int:
    """Count the multiplications of an image, those by 0 included.

    Parameters
    ----------
    module : torch.nn.Module
    shape : sequence of int
        Of the image: (C, H, W).

    Returns
    -------
    int
        Of convolutions and linear layers.

    Examples
    --------
    >>> from stressbook.chapters.weights.evolution.compaction import count_multiplications
    >>> from stresslib.networks import LeNet5
    >>> count_multiplications(LeNet5(), (1, 28, 28))
    416520
    """
    total = 0

    def add(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        nonlocal total
        total += made.numel() * layer.weight[0].numel()  # type: ignore[index]

    hooks = [layer.register_forward_hook(add) for layer in find_layers(module).values()]
    with torch.inference_mode():
        module.eval()(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return total


def compacted(module: Standardized) -> Standardized:
    """Return a standardised LeNet-5 that computes the same with fewer units."""
    smaller = deepcopy(module)
    smaller.network = compact(smaller.network)  # type: ignore[arg-type]
    return smaller


def _layers(network: LeNet5) -> list[Layer]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def _between(layer: Layer, sources: int) -> Tensor:
    """Return which units have a synapse from which of the units before: behind a map, each of these has several inputs."""
    there = (layer.weight.detach() != 0).flatten(2) if isinstance(layer, nn.Conv2d) else layer.weight.detach() != 0
    return there.reshape(len(layer.weight), sources, -1).any(2)


def _fold(layer: Layer, following: Layer, gone: Tensor) -> None:
    """Add to the biases of a layer what units that do nothing give it, which is the same for every image."""
    by_source = following.weight.view(len(following.weight), len(gone), -1)
    following.bias += by_source[:, gone].sum(2) @ layer.bias[gone].relu()  # type: ignore[operator, index]
    by_source[:, gone] = 0


def _take_outputs(layer: Layer, kept: Tensor) -> None:
    layer.weight = nn.Parameter(layer.weight.detach()[kept])
    layer.bias = nn.Parameter(layer.bias.detach()[kept])  # type: ignore[union-attr]
    _name_sizes(layer)


def _take_inputs(layer: Layer, kept: Tensor) -> None:
    weight = layer.weight.detach()
    by_source = weight.reshape(len(weight), len(kept), -1)[:, kept]
    layer.weight = nn.Parameter(by_source.reshape(len(weight), -1, *weight.shape[2:]).contiguous())
    _name_sizes(layer)


def _name_sizes(layer: Layer) -> None:
    if isinstance(layer, nn.Conv2d):
        layer.out_channels, layer.in_channels = layer.weight.shape[:2]
    else:
        layer.out_features, layer.in_features = layer.weight.shape
