"""Stressed: do images that a unit answered alike stay so with rounded weights, or rounded activations? And the accuracy?

A part of `measure`: pure functions of a network and a stress, whose rows are kept.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stressbook.chapters.units.invariances import networks
from stressbook.chapters.units.invariances.names import KEPT, ROUNDED, SPREAD, VARIANCE, set_metric
from stressbook.chapters.units.invariances.sets import origin
from stresslib.results import result_rows
from stresslib.stress.on_features.reduction import PrincipalComponents
from stresslib.stress.on_units import Unit
from stresslib.stress.on_weights import round_weights
from stresslib.stress.spec import parse_spec
from stresslib.training.data import Arrays, load_arrays
from stresslib.training.fit import predict

Array = NDArray[Any]
Rows = list[dict[str, Any]]

CALIBRATION = 200
"""Training images, the first ones, in which the range of activations is found."""

VECTORS = 2000
"""Training images at most, the first ones, of whose vectors the principal components are."""


@dataclass
class Levels:
    """What rounds the input of a layer to equally spaced numbers, the least and the greatest of the training among them.

    It is registered as a hook before the layer; a number beyond the range goes to its end.

    Attributes
    ----------
    low, high : float
    bits : int
        There are 2**bits numbers; 0: none are rounded, and the range widens to what comes in.
    """

    low: float = 0.0
    high: float = 0.0
    bits: int = 0

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Round the input, or take note of its range."""
        [x] = inputs
        if not self.bits:
            self.low, self.high = min(self.low, float(x.min())), max(self.high, float(x.max()))
            return inputs
        step = (self.high - self.low) / (2**self.bits - 1)
        return ((((x - self.low) / step).round() * step + self.low).clamp(self.low, self.high),)


def quantize_activations(module: nn.Module, images: Array, bits: int) -> nn.Module:
    """Return a copy of a network in which every layer but the first takes numbers of a few bits.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode, of images in [0, 1]; left as it is.
    images : ndarray of shape (n, C, H, W)
        By which the range of the numbers before each layer is found; 0 is in it.
    bits : int
        At least 1.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ValueError
        When there are no bits.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from stressbook.chapters.units.invariances.stressed import quantize_activations
    >>> network = torch.nn.Sequential(*(torch.nn.Conv2d(1, 1, 1, bias=False) for _ in range(2))).eval()
    >>> for layer in network:
    ...     _ = torch.nn.init.ones_(layer.weight)
    >>> rounded = quantize_activations(network, np.array([[[[0.0, 0.3, 1.0]]]]), 1)
    >>> rounded(torch.tensor([[[[0.4, 0.6, 2.0]]]])).flatten().tolist()
    [0.0, 1.0, 1.0]
    """
    if bits < 1:
        raise ValueError(f"bits={bits}: a number has at least 1")
    copied = deepcopy(module)
    layers = [one for one in copied.modules() if isinstance(one, nn.Conv2d | nn.Linear)][1:]
    hooks = [Levels() for _ in layers]
    for layer, hook in zip(layers, hooks, strict=True):
        layer.register_forward_pre_hook(hook)
    predict(copied, images)
    for hook in hooks:
        hook.bits = bits
    return copied


def stressed(name: str, stress: str, bits: int) -> nn.Module:
    """Return a small network under a stress of :data:`ROUNDED` or :data:`QUANTIZED`."""
    module = networks.whole(name)
    if stress == ROUNDED:
        return round_weights(module, bits)
    return quantize_activations(module, _data(name).train_images[:CALIBRATION], bits)


def _data(name: str) -> Arrays:
    return load_arrays(networks.named(name).dataset)


def accuracy(name: str, weights: str, stress: str, bits: int, tests: int) -> Rows:
    """Score a network on its first test images, under a stress or under none.

    Parameters
    ----------
    name, weights : str
        Of the network, and SHA-256 of its file.
    stress : str
        Of :data:`ROUNDED`, :data:`QUANTIZED`, or ``none``.
    bits : int
        Of these; 0 for none.
    tests : int
        Images.

    Returns
    -------
    list of dict
        Rows of a results table.
    """
    network, data = networks.named(name), _data(name)
    module = networks.whole(name) if stress == "none" else stressed(name, stress, bits)
    right = predict(module, data.test_images[:tests]).argmax(1) == data.test_labels[:tests]
    at = {"dataset": network.dataset, "model": network.model, "layer": "logits"}
    level = {} if stress == "none" else {"level": bits}
    return result_rows(at, None, {"accuracy": float(right.mean())}, stress=stress, **level)


def survival(
    layer: str, weights: str, channels: list[int], sets: dict[str, Array], stress: str, bits: int, seed: int
) -> Rows:
    """Put the images that units answered to the units of the same network under a stress.

    Parameters
    ----------
    layer, weights : str
        ``NETWORK/NODE``, and SHA-256 of the network's weights.
    channels : list of int
    sets : dict of str to ndarray of shape (units, n, C, H, W)
        Images by kind.
    stress : str
    bits : int
    seed : int
        From which the images were found.

    Returns
    -------
    list of dict
        Rows of a results table: of each unit and kind, the mean activation kept, and its spread over the images.
    """
    name, node = networks.split_layer(layer)
    before = Unit(networks.load(name), node, channels[0])
    after = Unit(stressed(name, stress, bits).get_submodule("network"), node, channels[0])
    rows: Rows = []
    for place, channel in enumerate(channels):
        scores = {}
        for kind, images in sets.items():
            seen = torch.from_numpy(images[place])
            with torch.no_grad():
                then, now = (one.beside(channel)(seen).double().numpy() for one in (before, after))
            scores[set_metric(KEPT, kind)] = now.mean() / then.mean()
            scores[set_metric(SPREAD, kind)] = now.std() / abs(now.mean())
        at = origin(layer, channel, seed, int(np.prod(before.shape)))
        rows += result_rows(at, None, scores, stress=stress, level=bits)
    return rows


def variance(layer: str, weights: str, channels: list[int], dimensions: list[int]) -> Rows:
    """Measure how much of the variance of each unit is in the leading principal components of its layer.

    Parameters
    ----------
    layer, weights : str
    channels : list of int
    dimensions : list of int
        Numbers of components; those above the number of channels are left out.

    Returns
    -------
    list of dict
        Rows of a results table; vectors are averages over places, after the rectifier, of training images.
    """
    name, node = networks.split_layer(layer)
    vectors = averages(networks.whole(name), f"network.{node}", _data(name).train_images[:VECTORS])
    centred = vectors - vectors.mean(0)
    whole = centred.var(0)
    rows: Rows = []
    for count in dimensions:
        if count >= vectors.shape[1]:
            continue
        axes = PrincipalComponents(count).fit(vectors).components_
        left = (centred @ axes.T @ axes - centred).var(0)
        for channel in channels:
            if whole[channel] == 0:
                continue  # a unit that is never active has nothing to lose
            share = {VARIANCE: 1 - left[channel] / whole[channel]}
            at = {**origin(layer, channel, 0, vectors.shape[1]), "seed": None}
            rows += result_rows(at, parse_spec(f"DR2:{count}"), share)
    return rows


def averages(module: nn.Module, node: str, images: Array) -> Array:
    """Return the output of a part of a network, averaged over places, (n, C), float64."""
    made: list[Tensor] = []
    handle = module.get_submodule(node).register_forward_hook(lambda _, __, out: made.append(out.mean((2, 3))))
    predict(module, images)
    handle.remove()
    return torch.cat(made).double().numpy()
