"""Branches: a layer without the channels of one dilation, against one without as many random channels.

A part of `measure`: pure functions of a network. The layer is the first convolution of each stage's first block, behind its
normalisation and rectifier: no shortcut carries its channels on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from stressbook.chapters.units.context.names import (
    DROPPED,
    DROPPED_AT_RANDOM,
    KEPT,
    KEPT_AT_RANDOM,
    SEPARATION,
    STAGES,
)
from stresslib.evaluation.separation import separation_index
from stresslib.networks.contextual import ContextualConv2d
from stresslib.networks.registry import CONTEXT
from stresslib.results import result_rows

Array = NDArray[Any]
Rows = list[dict[str, Any]]

PLACES = 4
"""Side to which a map is averaged, before its separation is measured."""


def groups(channels: int, levels: int) -> list[Array]:
    """Return the channels of each dilation of a contextual convolution.

    Parameters
    ----------
    channels, levels : int

    Returns
    -------
    list of ndarray
        By dilation, from 1 on.

    Examples
    --------
    >>> from stressbook.chapters.units.context.branches import groups
    >>> [one.tolist() for one in groups(8, 3)]
    [[0, 1, 2, 3], [4, 5], [6, 7]]
    """
    with torch.device("meta"):
        widths = [int(branch.weight.shape[0]) for branch in ContextualConv2d(1, channels, levels).branches]  # type: ignore[index]
    return np.split(np.arange(channels), np.cumsum(widths)[:-1])


def measure_branches(module: nn.Module, at: dict[str, Any], images: Tensor, labels: Array, draws: int, seed: int) -> Rows:
    """Score a network whose layers lose one dilation, or random channels, and measure the separation of what is lost.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode. Where its convolutions are plain, the same channels go as in a contextual network.
    at : dict
        Cells of the rows.
    images : Tensor of shape (N, C, H, W)
    labels : ndarray of shape (N,)
    draws : int
        How often the layer is shared out at random, into groups of the same sizes.
    seed : int
        Of these draws.

    Returns
    -------
    list of dict
        Rows of a results table; `dimensions` are the channels that are left.
    """
    network: Any = module.network
    rows: Rows = []
    inputs = _stage_inputs(module, images)
    for place, (stage, levels) in enumerate(zip(STAGES, CONTEXT, strict=True)):
        norm = getattr(network, stage)[0].bn1
        channels = norm.num_features
        there = {**at, "layer": stage, "n_features": channels}
        parts = groups(channels, levels)
        chosen: list[tuple[Array, dict[str, int]]] = [(part, {"level": level}) for level, part in enumerate(parts, start=1)]
        for draw in range(draws):
            order = np.random.default_rng([seed, place, draw]).permutation(channels)
            chosen += [(order[part], {"level": level, "repeat": draw}) for level, part in enumerate(parts, start=1)]
        hidden, whole = _layer(network, place, inputs[place])
        rows += result_rows(there, None, {"accuracy": _right(whole, labels)}, stress=DROPPED, level=0, dimensions=channels)
        rows += result_rows(there, None, {SEPARATION: _separation(hidden, labels)}, stress="none")
        for some, cells in chosen:
            is_branch = "repeat" not in cells
            logits = _layer(network, place, inputs[place], some)[1]
            dropped = {"stress": DROPPED if is_branch else DROPPED_AT_RANDOM, "dimensions": channels - len(some)}
            rows += result_rows(there, None, {"accuracy": _right(logits, labels)}, **dropped, **cells)
            kept = {"stress": KEPT if is_branch else KEPT_AT_RANDOM, "dimensions": len(some)}
            rows += result_rows(there, None, {SEPARATION: _separation(hidden[:, some], labels)}, **kept, **cells)
    return rows


def _stage_inputs(module: nn.Module, images: Tensor) -> list[Tensor]:
    """Return what each stage takes, so that not every drop begins at the images."""
    network: Any = module.network
    taken: list[Tensor] = []
    hooks = [
        getattr(network, stage).register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0])) for stage in STAGES
    ]
    with torch.inference_mode():
        module(images)
    for hook in hooks:
        hook.remove()
    return taken


def _layer(network: Any, place: int, x: Tensor, dropped: Array | None = None) -> tuple[Tensor, Tensor]:
    """Go from a stage's input to the logits, perhaps without some channels of its first layer.

    Returns
    -------
    hidden : Tensor of shape (N, channels, H', W')
        The layer behind its rectifier.
    logits : Tensor of shape (N, classes)
    """
    seen: list[Tensor] = []

    def hook(_: nn.Module, __: Any, out: Tensor) -> Tensor:
        mask = torch.ones(out.shape[1])
        if dropped is not None:
            mask[torch.from_numpy(dropped)] = 0
        seen.append(out * mask[:, None, None])
        return seen[0]

    stages = [getattr(network, stage) for stage in STAGES[place:]]
    handle = stages[0][0].bn1.register_forward_hook(hook)
    with torch.inference_mode():
        for stage in stages:
            x = stage(x)
        logits = network.linear(functional.adaptive_avg_pool2d(x, 1).flatten(1))
    handle.remove()
    return functional.relu(seen[0]), logits


def _right(logits: Tensor, labels: Array) -> float:
    return float((logits.argmax(1).numpy() == labels).mean())


def _separation(maps: Tensor, labels: Array) -> float:
    small = functional.adaptive_avg_pool2d(maps, min(PLACES, maps.shape[-1])).flatten(1)
    return float(separation_index(small.numpy(), labels, 5))
