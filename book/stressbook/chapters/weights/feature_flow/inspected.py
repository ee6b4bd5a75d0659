"""Inspected: one trained network, pruned by rules, trained on, and looked at layer by layer.

A part of `measure`: pure functions of a network's address, whose rows are kept.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stressbook.chapters.open_questions.intrinsic_dimension.estimators import (
    dimensions_for,
    participation_ratio,
    variance_spectrum,
)
from stressbook.chapters.weights.feature_flow.filters import RULES, near_dead, prune_filters, remaining
from stressbook.chapters.weights.feature_flow.names import (
    ANGLE,
    DEAD,
    DIMENSIONS,
    LENGTH,
    PARAMETERS,
    PARTICIPATION,
    PRUNED,
    RELATIVE,
    SECOND,
    SEPARATION,
    TUNED,
    VALIDATION,
    WORK,
)
from stressbook.chapters.weights.feature_flow.trainings import DECAY, full_names, load_part, split
from stresslib.evaluation.separation import separation_index
from stresslib.results import result_rows
from stresslib.stress.on_weights.feature_flow import measure_flow
from stresslib.training.artefacts import Address
from stresslib.training.data import Arrays
from stresslib.training.fit import fit, predict, sgd
from stresslib.training.recipes import RECIPES
from stresslib.training.trained import load_trained

Array = NDArray[Any]
Rows = list[dict[str, Any]]

TUNING_RATE, TUNING_SHARE = 0.01, 50
"""Learning rate of the training after pruning, along a cosine, and the percent of filters that went before."""

LOOKED_AT = 1000
"""Test images whose features are looked at layer by layer, the first ones."""


def validate(name: str, weights: str, count: int, shares: list[int]) -> Rows:
    """Score a network on validation images: whole, and pruned by every rule.

    Parameters
    ----------
    name, weights : str
        Of the network: address, and SHA-256 of the file.
    count : int
        Of validation images.
    shares : list of int
        Percent of filters that go.

    Returns
    -------
    list of dict
        Rows of a results table.
    """
    address, module = Address.parse(name), load_trained(name)
    _, held_out = split(address.data, count, address.seed)
    images, labels = held_out.test_images, held_out.test_labels
    rows = result_rows(origin(name), None, {VALIDATION: accuracy(module, images, labels)}, stress="none")
    for rule in RULES:
        for share in shares:
            scores = {VALIDATION: accuracy(prune_filters(module, share / 100, rule), images, labels)}
            rows += result_rows(origin(name), None, scores, stress=f"{PRUNED}{rule}", level=share)
    return rows


def examine(
    name: str, weights: str, rule: str, shares: list[int], others: list[str], few: list[int], count: int, tuning: int
) -> Rows:
    """Score a network on test images, whole and pruned, and look at its filters and at its features by layer.

    Parameters
    ----------
    name, weights : str
        Of the network: address, and SHA-256 of the file.
    rule : str
        By which filters go.
    shares : list of int
        Percent of filters.
    others : list of str
        Other rules.
    few : list of int
        Percent of filters that go by these.
    count : int
        Of test images, the first ones.
    tuning : int
        Epochs of training after pruning; 0: none.

    Returns
    -------
    list of dict
        Rows of a results table.
    """
    address, module = Address.parse(name), load_trained(name)
    data = load_part(address.data, address.seed)
    images, labels = data.test_images[:count], data.test_labels[:count]
    at = origin(name)
    scores = {"accuracy": accuracy(module, images, labels)}
    scores |= {f"{DEAD}{kind}": share for kind, share in near_dead(module).items()}
    rows = result_rows(at, None, scores, stress="none")
    for one, percents in {rule: shares, **{other: few for other in others if other != rule}}.items():
        for share in percents:
            pruned = prune_filters(module, share / 100, one)
            parameters, work = remaining(pruned, data.size)
            scores = {"accuracy": accuracy(pruned, images, labels), PARAMETERS: parameters, WORK: work}
            rows += result_rows(at, None, scores, stress=f"{PRUNED}{one}", level=share)
    if tuning:
        tuned = _tuned(prune_filters(module, TUNING_SHARE / 100, rule), data, tuning, address.seed)
        scores = {"accuracy": accuracy(tuned, images, labels)}
        rows += result_rows(at, None, scores, stress=f"{PRUNED}{rule}{TUNED}", level=TUNING_SHARE)
    return rows + by_layer(module, name, images[:LOOKED_AT], labels[:LOOKED_AT])


def _tuned(module: nn.Module, data: Arrays, epochs: int, seed: int) -> nn.Module:
    """Train a pruned network on, with nothing added to the loss."""
    fit(
        module,
        data.train_images,
        data.train_labels,
        epochs=epochs,
        batch_size=data.batch_size,
        optimizer=partial(sgd, lr=TUNING_RATE, weight_decay=DECAY),
        batch_hook=RECIPES["plain"].batch_hook(data),
        seed=seed,
        device="cpu",
        progress=False,
    )
    return module


def by_layer(module: nn.Module, name: str, images: Array, labels: Array) -> Rows:
    """Measure the flow of features through a network, and the features of each layer, averaged over places.

    Returns
    -------
    list of dict
        Rows of a results table; `layer` is the place of the layer and its name. A step is that to the layer.
    """
    nodes = full_names(Address.parse(name).architecture)
    pixels = torch.from_numpy(np.ascontiguousarray(images))
    pixels = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float()
    flow = measure_flow(module, nodes, pixels, between="pooled")
    vectors = _averages(module, nodes, pixels)
    rows: Rows = []
    for place, node in enumerate(nodes):
        scores = {}
        if place:
            scores[LENGTH] = flow.length[place - 1]
            scores[RELATIVE] = 2 * flow.length[place - 1] / (flow.size[place - 1] + flow.size[place])
        if 0 < place < len(nodes) - 1:
            scores |= {SECOND: flow.curvature[place - 1], ANGLE: flow.angle[place - 1] / np.pi}
        variances, width = variance_spectrum(vectors[place]), vectors[place].shape[1]
        scores[SEPARATION] = separation_index(vectors[place], labels, 5)
        scores[DIMENSIONS] = dimensions_for(variances, 0.9) / width
        scores[PARTICIPATION] = participation_ratio(variances) / width
        at = {**origin(name), "layer": f"{place + 1} {node.removeprefix('network.')}", "n_features": width}
        rows += result_rows(at, None, scores, stress="none")
    return rows


def _averages(module: nn.Module, nodes: list[str], pixels: Tensor) -> list[Array]:
    """Return the features at each node, averaged over places."""
    made: dict[str, list[Tensor]] = {node: [] for node in nodes}
    handles = [
        module.get_submodule(node).register_forward_hook(lambda _, __, out, node=node: made[node].append(out.mean((2, 3))))
        for node in nodes
    ]
    with torch.inference_mode():
        for batch in pixels.split(500):
            module(batch)
    for handle in handles:
        handle.remove()
    return [torch.cat(parts).numpy().astype(np.float64) for parts in made.values()]


def accuracy(module: nn.Module, images: Array, labels: Array) -> float:
    """Return the share of images whose likeliest class is theirs."""
    return float((predict(module, images).argmax(1) == labels).mean())


def origin(name: str) -> dict[str, Any]:
    """Return the cells of a results table that say which network a row is of."""
    address = Address.parse(name)
    of_network = {"dataset": address.data.partition(":")[0], "model": address.architecture, "layer": "logits"}
    return {**of_network, "variant": address.recipe, "seed": address.seed}
