"""Compressed: the features of networks that were trained with and without stress, under the paper's stresses.

A part of `measure`: stress on synapses while a network learns, crossed with stress on features afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stressbook.chapters.weights.evolution.lineages import Lineage, load_lineage, split
from stresslib.features import FeatureSet
from stresslib.results import table_rows
from stresslib.running.grid import sweep
from stresslib.training.fit import predict

LAYER = "features"
"""What the layer before the last one is called in a results table."""

COUNT = 2000
"""Training images, and test images, whose features are taken: as many of either, or all there are."""


def measure_features(
    names: Sequence[str], generations: Sequence[int], specs: Sequence[str], *, repeats: int, **options: Any
) -> list[dict[str, Any]]:
    """Score a linear classifier on the features of lineages under stresses.

    Parameters
    ----------
    names : sequence of str
        Of lineages at hand.
    generations : sequence of int
        Whose features are taken.
    specs : sequence of str
        Stresses; ``none`` is among them.
    repeats : int
        How often a random selection is drawn.
    **options : Any
        For :func:`stresslib.sweep`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    list of dict
        Rows of a results table; `stress` is that of the features, `variant` the training, `level` the generation.
    """
    rows = []
    for name in names:
        lineage = Lineage.parse(name)
        for generation in generations:
            table = sweep(features(name, generation), specs, repeats=repeats, **options)
            at = {"dataset": lineage.base, "model": lineage.architecture, "layer": LAYER, "variant": lineage.variant}
            rows += [{**row, **at, "seed": lineage.seed, "level": generation} for row in table_rows(table)]
    return rows


def features(name: str, generation: int) -> FeatureSet:
    """Return what a network of a lineage makes of images before its last layer, of unit norm.

    Parameters
    ----------
    name : str
        Of the lineage.
    generation : int

    Returns
    -------
    FeatureSet
        Trained on are images that the network was trained on; tested are test images.
    """
    lineage = Lineage.parse(name)
    images = split(lineage.data, lineage.seed)
    network = load_lineage(name)[generation]
    parts = [(seen[:COUNT], labels[:COUNT]) for seen, labels in (images.train, images.test)]
    vectors = [predict(network.features, seen) for seen, _ in parts]
    return FeatureSet(
        np.concatenate(vectors),
        np.concatenate([labels for _, labels in parts]),
        train=np.arange(sum(map(len, vectors))) < len(vectors[0]),
    ).normalized()
