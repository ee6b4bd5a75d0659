"""Sets: what one unit answers: images found one by one, found together with more and more distance, and a texture's parts.

A part of `measure`: a pure function of a unit, whose rows and images are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stressbook.chapters.units.invariances import networks
from stressbook.chapters.units.invariances.names import (
    ACTIVATION,
    BEST,
    COUNT,
    DEAD,
    DISTANCE,
    DIVERSE,
    INDEPENDENT,
    LEAST,
    MOST,
    SHARE,
    SHIFTS,
    UNIT,
)
from stresslib.results import result_rows
from stresslib.stress.on_units import DiverseInputs, Unit, search, shift_test

Array = NDArray[Any]
Rows = list[dict[str, Any]]


def channels_of(layer: str, count: int, seed: int) -> list[int]:
    """Draw channels of a layer; those of a smaller count are the first of those of a larger one.

    Parameters
    ----------
    layer : str
        ``NETWORK/NODE``.
    count : int
        Channels at most.
    seed : int

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        When the network has no such node, or its units have no receptive field; the nearest node is named.
    """
    name, node = networks.split_layer(layer)
    unit = Unit(networks.load(name), networks.node_of(name, node), 0)
    return [int(one) for one in np.random.default_rng(seed).permutation(unit.channels)[:count]]


def find(
    layer: str,
    weights: str,
    channel: int,
    alone: int,
    diversities: list[float],
    steps: int,
    shift_steps: int,
    seed: int,
) -> dict[str, Any]:
    """Find what a unit answers.

    Parameters
    ----------
    layer : str
        ``NETWORK/NODE``.
    weights : str
        SHA-256 of the network's weights.
    channel : int
        From 0.
    alone : int
        Images that are found independently.
    diversities : list of float
        Weights of the distance, as shares of the mean activation of independent images.
    steps, shift_steps : int
        Of each ascent, and of the texture's; 0: no texture.
    seed : int
        Of the noise.

    Returns
    -------
    dict
        ``rows`` of a results table; for a unit that is alive also images (n, C, H, W), float32: ``independent``, those of
        these that differ most, ``single``, the one with the highest activation, and by its weight each set.
    """
    name, node = networks.split_layer(layer)
    module, node = networks.load(name), networks.node_of(name, node)
    unit = Unit(module, node, channel)
    at = origin(layer, channel, seed, int(np.prod(unit.shape)))
    options: dict[str, Any] = {"steps": steps, "patience": steps, "random_state": seed}
    found = search(unit, alone, 0.0, **options)
    usual, most = float(found.activations.mean()), float(found.activations.max())
    dead = found.dead or usual <= 0
    rows = result_rows(at, None, {DEAD: float(dead)}, stress=INDEPENDENT)
    if dead:
        return {"rows": rows}
    best = most_different(found, COUNT, SHARE / 100 * usual)
    scores = {
        ACTIVATION: 1.0,
        LEAST: float(found.activations.min()) / usual,
        MOST: most / usual,
        DISTANCE: _least(found.distances[:COUNT, :COUNT]),
        BEST: _least(found.distances[best][:, best]),
    }
    rows += result_rows(at, None, scores, stress=INDEPENDENT)
    sets, images = [], {INDEPENDENT: found.images[best], "single": found.images[int(found.activations.argmax())][None]}
    for diversity in diversities:
        one = search(unit, COUNT, diversity * usual, **options)
        scores = {
            ACTIVATION: float(one.activations.mean()) / usual,
            LEAST: float(one.activations.min()) / usual,
            DISTANCE: one.min_distance,
        }
        rows += result_rows(at, None, scores, stress=DIVERSE, level=diversity)
        sets.append(one.images)
    if shift_steps:
        texture = shift_test(
            module, node, channel, 0.5, steps=shift_steps, patience=shift_steps, random_state=seed
        ).activations
        shares = {ACTIVATION: float(texture.mean()) / most, LEAST: float(texture.min()) / most}
        rows += result_rows(at, None, shares, stress=SHIFTS)
    return {"rows": rows, DIVERSE: torch.stack(sets).numpy(), **{key: one.numpy() for key, one in images.items()}}


def most_different(found: DiverseInputs, count: int, least: float) -> list[int]:
    """Choose those images of many that differ most and whose mean activation is not below some value.

    Parameters
    ----------
    found : DiverseInputs
    count : int
        To choose.
    least : float
        Of their mean activation; where no choice has it, the images with the highest activations are returned.

    Returns
    -------
    list of int
        By the least distance of two: the best of those choices that begin with some image and add the farthest one, among
        the images above some activation.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_units import DiverseInputs
    >>> from stressbook.chapters.units.invariances.sets import most_different
    >>> places = torch.tensor([0.0, 1.0, 2.0, 9.0])
    >>> found = DiverseInputs(places, torch.tensor([1.0, 1, 1, 0]), (places[:, None] - places).abs(), [], False)
    >>> most_different(found, 2, 1.0), most_different(found, 2, 0.5)
    ([0, 2], [0, 3])
    """
    order = found.activations.argsort(descending=True, stable=True)
    chosen, widest = sorted(order[:count].tolist()), -1.0
    for size in range(count, len(order) + 1):
        among = order[:size]
        between = found.distances[among][:, among]
        for start in range(size):
            places = [start]
            for _ in range(count - 1):
                nearest = between[places].amin(0)
                nearest[places] = -1.0
                places.append(int(nearest.argmax()))
            distance = _least(between[places][:, places])
            if distance > widest and float(found.activations[among[places]].mean()) >= least:
                chosen, widest = sorted(among[places].tolist()), distance
    return chosen


def _least(distances: torch.Tensor) -> float:
    """Return the least distance of two different images."""
    count = len(distances)
    return float(distances[*torch.triu_indices(count, count, offset=1)].min())


def origin(layer: str, channel: int, seed: int, size: int) -> dict[str, Any]:
    """Return the cells of a results table that say which unit a row is of, and of how many numbers its images are."""
    name, node = networks.split_layer(layer)
    network = networks.named(name)
    return {
        "dataset": network.dataset,
        "model": network.model,
        "layer": node,
        "n_features": size,
        "variant": f"{UNIT}{channel}",
        "seed": seed,
    }
