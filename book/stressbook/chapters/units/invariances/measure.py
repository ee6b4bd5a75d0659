"""Invariances: find what units of early layers answer alike, and put what was found to networks under stress.

Takes names of layers, and makes the results table that the page draws, and images of some units. `sets` finds, `stressed`
puts to the test; nothing here draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stressbook.chapters.units.invariances import networks
from stressbook.chapters.units.invariances.names import COUNT, DIVERSE, INDEPENDENT, MORE, QUANTIZED, ROUNDED
from stressbook.chapters.units.invariances.scores import by_unit, drawn_level, of_layer
from stressbook.chapters.units.invariances.sets import channels_of, find
from stressbook.chapters.units.invariances.stressed import accuracy, survival, variance
from stresslib.results import results_table
from stresslib.running.tasks import run_tasks

Array = NDArray[Any]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Measured:
    """What a run makes.

    Attributes
    ----------
    table : pandas.DataFrame
        A results table with the columns of :data:`~stressbook.chapters.units.invariances.names.MORE`.
    images : dict of str to ndarray of shape (n + 1, H, W, C), uint8
        Of the units that are shown, by ``LAYER/CHANNEL``: the image that is answered most, and the set that differs most of
        those that keep the activation.
    """

    table: pd.DataFrame
    images: dict[str, Array]


def measure(
    layers: Sequence[str],
    units: int,
    *,
    alone: int,
    diversities: Sequence[float],
    steps: Sequence[int],
    shifted: Sequence[str],
    shifted_units: int,
    shift_steps: int,
    tied: Sequence[str],
    bits: Sequence[int],
    tests: int,
    dimensions: Sequence[int],
    shown: int,
    seed: int,
    **options: Any,
) -> Measured:
    """Measure everything that the chapter shows.

    Parameters
    ----------
    layers : sequence of str
        ``NETWORK/NODE``, as :func:`~stressbook.chapters.units.invariances.networks.named` has networks.
    units : int
        Of each layer, drawn at random; all where there are fewer.
    alone, diversities, shift_steps, seed
        As for :func:`~stressbook.chapters.units.invariances.sets.find`; the seed draws the units, too.
    steps : sequence of int
        Of each ascent, for each of the layers.
    shifted : sequence of str
        Layers whose units get a texture.
    shifted_units : int
        Of each of these, the first ones that were drawn.
    tied : sequence of str
        Layers of small networks whose sets are put to the network under stress.
    bits : sequence of int
        Of a weight, and of a number between two layers.
    tests : int
        Test images for the accuracy, at most.
    dimensions : sequence of int
        Numbers of principal components.
    shown : int
        Units of each layer whose images are returned: with the largest sets, the smallest, and between.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    Measured

    Raises
    ------
    ValueError
        When a layer is none, a number is out of range, or all units are dead.
    """
    _check(alone, diversities, tied, layers)
    diversities = sorted(diversities)
    weights = {name: networks.weights_of(name) for name in dict.fromkeys(networks.split_layer(one)[0] for one in layers)}
    settings: list[dict[str, Any]] = [
        {
            "layer": layer,
            "weights": weights[networks.split_layer(layer)[0]],
            "channel": channel,
            "alone": alone,
            "diversities": diversities,
            "steps": length,
            "shift_steps": shift_steps if layer in shifted and place < shifted_units else 0,
            "seed": seed,
        }
        for layer, length in zip(layers, steps, strict=True)
        for place, channel in enumerate(channels_of(layer, units, seed))
    ]
    found = run_tasks(find, settings, name="units", **options)
    rows = [row for one in found for row in one["rows"]]
    units_found = {
        layer: [(setting["channel"], one) for setting, one in zip(settings, found, strict=True) if setting["layer"] == layer]
        for layer in layers
    }
    if not any(DIVERSE in one for one in found):
        raise ValueError(f"no unit of {', '.join(layers)} that was looked at is alive; name other layers, or more units")
    table = results_table(rows, MORE)
    rows += _stressed({one: units_found[one] for one in tied}, weights, table, bits, tests, dimensions, seed, options)
    return Measured(results_table(rows, MORE), _pictures(units_found, table, shown))


def _check(alone: int, diversities: Sequence[float], tied: Iterable[str], layers: Sequence[str]) -> None:
    if alone < COUNT:
        raise ValueError(f"alone={alone}: a set has {COUNT} images, and as many at least are found independently")
    if not all(one > 0 for one in diversities):
        raise ValueError(f"diversities={list(diversities)}: they are above 0, which independent images have")
    for layer in tied:
        if layer not in layers or not networks.is_small(networks.split_layer(layer)[0]):
            raise ValueError(f"tied={layer!r}: it is one of the layers, of a network of small images: {', '.join(layers)}")


def _stressed(
    found: dict[str, list[tuple[int, dict[str, Any]]]],
    weights: dict[str, str],
    table: pd.DataFrame,
    bits: Sequence[int],
    tests: int,
    dimensions: Sequence[int],
    seed: int,
    options: dict[str, Any],
) -> Rows:
    """Put sets, accuracies and variances under stress."""
    stresses = [(stress, level) for stress in (ROUNDED, QUANTIZED) for level in bits]
    of_networks = dict.fromkeys(networks.split_layer(layer)[0] for layer in found)
    scored = [
        {"name": name, "weights": weights[name], "stress": stress, "bits": level, "tests": tests}
        for name in of_networks
        for stress, level in [("none", 0), *stresses]
    ]
    put: list[dict[str, Any]] = []
    spread: list[dict[str, Any]] = []
    for layer, units in found.items():
        alive = [(channel, one) for channel, one in units if DIVERSE in one]
        if not alive:
            continue
        at = {
            "layer": layer,
            "weights": weights[networks.split_layer(layer)[0]],
            "channels": [channel for channel, _ in alive],
        }
        places = [drawn_level(table, layer, channel) for channel, _ in alive]
        sets = {
            DIVERSE: np.stack([_at_level(one, place) for place, (_, one) in zip(places, alive, strict=True)]),
            INDEPENDENT: np.stack([one[INDEPENDENT] for _, one in alive]),
        }
        put += [{**at, "sets": sets, "stress": stress, "bits": level, "seed": seed} for stress, level in stresses]
        spread.append({**at, "dimensions": list(dimensions)})
    parts = [
        *run_tasks(accuracy, scored, name="accuracy under stress", **options),
        *run_tasks(survival, put, name="sets under stress", **options),
        *run_tasks(variance, spread, name="variance of units", **options),
    ]
    return [row for part in parts for row in part]


def _at_level(found: dict[str, Any], place: int | None) -> Array:
    """Return the set at a place among the weights of the distance, or the independent images where none keeps enough."""
    images: Array = found[INDEPENDENT] if place is None else found[DIVERSE][place]
    return images


def _pictures(found: dict[str, list[tuple[int, dict[str, Any]]]], table: pd.DataFrame, shown: int) -> dict[str, Array]:
    """Return the images of the units with the largest sets of each layer, the smallest, and between."""
    scored, made = by_unit(table), {}
    for layer, units in found.items():
        name, node = networks.split_layer(layer)
        mean, std = networks.colours(name)
        network = networks.named(name)
        sizes = of_layer(scored, (network.dataset, network.model, node))["size"]
        order = sizes.sort_values(ascending=False, kind="stable").index.tolist()
        places = np.linspace(0, len(order) - 1, min(shown, len(order))).round().astype(int)
        by_channel = dict(units)
        for place in places:
            channel = order[place]
            one = by_channel[channel]
            images = np.concatenate([one["single"], _at_level(one, drawn_level(table, layer, channel))])
            levels = (255 * (images * std + mean)).clip(0, 255).round().astype(np.uint8)
            made[f"{layer}/{channel}"] = levels.transpose(0, 2, 3, 1)
    return made
