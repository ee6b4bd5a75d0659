"""Scored: the networks of lineages, after their training and right after the step that made them; what is left of them.

A part of `measure`. Everything follows from the trained weights: those of another machine give the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stressbook.chapters.weights.evolution.compaction import compacted, count_multiplications
from stressbook.chapters.weights.evolution.lineages import Lineage, load_lineage, offspring, split
from stressbook.chapters.weights.evolution.names import (
    ACCURACY,
    AT_WORK,
    MULTIPLICATIONS,
    PRUNED,
    PRUNED_BY_LAYER,
    RIGHT_AFTER,
    SYNAPSES,
    TUNING,
    VALIDATION,
)
from stresslib.networks.lenet import LeNet5
from stresslib.networks.standardized import Standardized
from stresslib.results import result_rows
from stresslib.stress.on_weights import count_synapses
from stresslib.training.fit import predict

DRAWS = 5
"""Offspring of a network that are drawn and scored; the first of them begins the next generation."""

SEEN = 1000
"""Test images that these are shown, the first ones."""

STEADY = (PRUNED, PRUNED_BY_LAYER)
"""What makes offspring without a draw."""

Array = NDArray[Any]
Rows = list[dict[str, Any]]


def score_lineage(name: str, weights: str) -> Rows:
    """Score the generations of a lineage.

    Parameters
    ----------
    name : str
        As :meth:`~stressbook.chapters.weights.evolution.lineages.Lineage.parse` takes it.
    weights : str
        SHA-256 of its file.

    Returns
    -------
    list of dict
        Rows of a results table: `stress` is what makes offspring, `variant` the training, `level` the generation.
    """
    lineage = Lineage.parse(name)
    images = split(lineage.data, lineage.seed)
    networks = load_lineage(name)
    shape = (images.channels, images.size, images.size)
    whole = _sizes(networks[0], shape)
    rows: Rows = []
    for generation, network in enumerate(networks):
        shares = {metric: size / whole[metric] for metric, size in _sizes(network, shape).items()}
        scores = {ACCURACY: _accuracy(network, *images.test), **shares}
        if len(images.held_out[1]):
            scores[VALIDATION] = _accuracy(network, *images.held_out)
        at = {**origin(lineage, "logits", 10), "stress": lineage.removal, "level": generation}
        rows += result_rows(at, None, scores)
        draws = 0 if not generation or lineage.seed == TUNING else 1 if lineage.removal in STEADY else DRAWS
        for draw in range(draws):
            born = offspring(lineage, networks[generation - 1], generation, draw)
            right_after = _accuracy(born, *(part[:SEEN] for part in images.test))
            rows += result_rows(at, None, {RIGHT_AFTER: right_after}, repeat=draw)
    return rows


def origin(lineage: Lineage, layer: str, width: int) -> dict[str, Any]:
    """Return what the rows of a lineage have in common."""
    of_network = {"dataset": lineage.base, "model": lineage.architecture, "layer": layer, "n_features": width}
    return {**of_network, "variant": lineage.variant, "seed": lineage.seed}


def _accuracy(network: Standardized, images: Array, labels: Array) -> float:
    return float(np.mean(predict(network.eval(), images).argmax(1) == labels))


def _sizes(network: Standardized, shape: tuple[int, int, int]) -> dict[str, int]:
    """Return the numbers of synapses and multiplications; of LeNet-5 without the units that do nothing, too."""
    if not isinstance(network.network, LeNet5):  # behind a normalisation, a unit without synapses still says something
        return {SYNAPSES: count_synapses(network)}
    smaller = compacted(network)
    return {
        SYNAPSES: count_synapses(network),
        AT_WORK: count_synapses(smaller),
        MULTIPLICATIONS: count_multiplications(smaller, shape),
    }
