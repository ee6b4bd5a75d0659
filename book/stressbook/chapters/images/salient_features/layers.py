"""Layers: how far classes stay apart from layer to layer, of images before and after an attack.

A part of `measure`: the separation index of the maps and vectors of one network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stressbook.chapters.images.salient_features.defended import Rows, origin
from stressbook.chapters.images.salient_features.names import BENIGN, RAW, SEPARATION, STATIC
from stressbook.chapters.images.salient_features.victims import Victim, attack
from stresslib.evaluation.separation import separation_index
from stresslib.results import result_rows

INPUT, LAST = "input", "features"

LAYERS = {
    "lenet5": {"layers.2": "pool 1", "layers.5": "pool 2", "layers.8": "dense 120", "layers.10": LAST},
    "resnet20": {"layer1": "stage 1", "layer2": "stage 2", "layer3": "stage 3"},
}
"""Modules of each architecture whose outputs are looked at, and what they are called. Stage 3, averaged, is the features."""


def separate(data: str, seed: int, weights: str) -> Rows:
    """Measure the separation index of test images by layer, before and after the attack on the network without a defence.

    Parameters
    ----------
    data, seed, weights
        As :func:`~stressbook.chapters.images.salient_features.defended.defend` takes them.

    Returns
    -------
    list of dict
        Rows of a results table, in the order of the layers.
    """
    victim = Victim.of(data, seed)
    network = victim.load()
    x, y = victim.tests()
    made = attack(network, x, y, victim.bench.eps, victim.bench.attack_steps, seed)
    rows: Rows = []
    for kind, images in ((BENIGN, x), (STATIC, made)):
        for layer, vectors in outputs(network, images, LAYERS[victim.model]).items():
            at = {**origin(victim, seed, vectors.shape[1]), "layer": layer, "variant": kind}
            found = float(separation_index(vectors.numpy(), y.numpy()))
            level = victim.bench.eps if kind == STATIC else 0.0
            rows += result_rows(at, None, {SEPARATION: found}, stress=RAW, level=level, images=len(y))
    return rows


def outputs(network: nn.Module, images: Tensor, layers: dict[str, str]) -> dict[str, Tensor]:
    """Return what layers make of images, a row for each image, from the images themselves to the last vectors.

    Parameters
    ----------
    network : torch.nn.Module
        A :class:`~stresslib.networks.Standardized`.
    images : Tensor of shape (N, C, H, W)
    layers : dict
        What to call the outputs of the network's modules, by the names of these.
    """
    found = {INPUT: images.flatten(1)}
    inner = network.network
    hooks = [
        inner.get_submodule(name).register_forward_hook(  # type: ignore[union-attr]
            lambda module, inputs, out, called=called: found.update({called: out.flatten(1)})
        )
        for name, called in layers.items()
    ]
    with torch.no_grad():
        found[LAST] = network.features(images)  # type: ignore[operator]
    for hook in hooks:
        hook.remove()
    found[LAST] = found.pop(LAST)  # at the end
    return found
