"""Context: measure networks whose convolutions are plain or contextual: scores, what they see, their branches and features.

Takes names of networks, and makes the results table that the page draws. `trainings` makes the networks; nothing here draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from stressbook.chapters.units.context.branches import groups, measure_branches
from stressbook.chapters.units.context.fields import map_rows, measure_fields, with_statistics
from stressbook.chapters.units.context.names import FIRST, FORMS, KEPT, MORE, RATE
from stressbook.chapters.units.context.trainings import describe, first_weights, make_networks
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.files import file_sha256
from stresslib.networks.registry import CONTEXT
from stresslib.results import result_rows, results_table, table_rows
from stresslib.running.grid import sweep
from stresslib.running.tasks import run_tasks
from stresslib.training.artefacts import Address
from stresslib.training.data import Arrays, load_arrays
from stresslib.training.fit import predict
from stresslib.training.trained import load_trained
from stresslib.training.vectors import LAYER, trained_vectors

Array = NDArray[Any]
Rows = list[dict[str, Any]]

DROPS = {"cifar10": 1000, "digits": 200}
"""Test images, the first ones, on which layers lose channels. All test images score a network."""

VECTORS = {"cifar10": 2000, "digits": 400}
"""Training images, and test images, whose features are put under stress."""

MAPPED = ("plain", "context")
"""Forms of which the table has maps, too."""

SEEN = 200
"""Test images, the first ones, over which a receptive field is averaged."""


def measure(
    networks: Sequence[str], seeds: int, *, shipped: Sequence[str], draws: int, repeats: int, **options: Any
) -> pd.DataFrame:
    """Measure everything that the chapter shows.

    Parameters
    ----------
    networks : sequence of str
        ``DATA/ARCHITECTURE/RECIPE`` of networks; those that are not at hand are trained.
    seeds : int
        Number of trainings of each.
    shipped : sequence of str
        As `networks`: small ones that are trained once and shipped, so that the chapter can be run in seconds.
    draws : int
        How often a layer is shared out at random, into groups as large as those of the dilations.
    repeats : int
        How often random dimensions of the features are drawn.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`~stressbook.chapters.units.context.names.MORE`; `variant` is the recipe,
        `seed` that of the training.

    Raises
    ------
    ValueError
        When a network is none of :data:`~stressbook.chapters.units.context.names.FORMS`, or there are less than one draw, or
        repeat.
    """
    if draws < 1 or repeats < 1:
        raise ValueError(f"draws={draws} and repeats={repeats}: each is at least 1")
    for one in (*networks, *shipped):
        if _form(Address.parse(f"{one}/0").architecture) is None:
            raise ValueError(f"{one!r}: the architecture is one of {', '.join(FORMS)}, perhaps with :WIDTH behind it")
    rows: Rows = []
    for several, count in ((networks, seeds), (shipped, 1)):
        names = [f"{one}/{seed}" for seed in range(count) for one in several]
        make_networks(names, **{key: value for key, value in options.items() if key != "store"})
        settings = [{"name": name, "weights": file_sha256(Address.parse(name).find())} for name in names]
        found = run_tasks(measure_network, settings, draws, name="networks", **options)
        rows += [row for one in found for row in one["rows"]]
        rows += _mean_maps(names, found)
        of_features = run_tasks(measure_features, settings, repeats, name="features", **options)
        rows += [row for some in of_features for row in some]
    return results_table(rows, MORE)


def measure_network(draws: int, name: str, weights: str) -> dict[str, Any]:
    """Measure one network: its accuracy, its choice of a learning rate, what its units see, and its branches.

    Parameters
    ----------
    draws : int
        Of groups of channels at random.
    name, weights : str
        Of the network: address, and SHA-256 of the file.

    Returns
    -------
    dict
        ``rows`` of a results table; ``maps`` of the first stage's receptive field by variant.
    """
    address, module = Address.parse(name), load_trained(name)
    data = load_arrays(address.data, seed=address.seed)
    at = {**_origin(address), "layer": "logits", "n_features": len(data.classes)}
    count = DROPS[str(at["dataset"])]
    maps = {}
    with one_thread():
        guessed = predict(module, data.test_images).argmax(1)
        rows = result_rows(at, None, {"accuracy": float((guessed == data.test_labels).mean())}, stress="none")
        for rate, accuracy in describe(name)["tried"].items():
            rows += result_rows(at, None, {"accuracy": accuracy}, stress=RATE, level=float(rate))
        few = _pixels(data, SEEN)
        for variant, one in ((FIRST, with_statistics(first_weights(address, data), few)), (address.recipe, module)):
            radii, maps[variant] = measure_fields(one, {**_origin(address), "variant": variant}, few)
            rows += radii
        rows += measure_branches(
            module, _origin(address), _pixels(data, count), data.test_labels[:count], draws, address.seed
        )
    return {"rows": rows, "maps": maps}


def measure_features(repeats: int, name: str, weights: str) -> Rows:
    """Score the features of a network: whole, under the paper's stresses, and one dilation's alone.

    Parameters
    ----------
    repeats : int
        Draws of a random selection.
    name, weights : str
        Of the network: address, and SHA-256 of the file.

    Returns
    -------
    list of dict
        Rows of a results table. Half of the features, those of a dilation of the last stage, are what is kept.
    """
    address = Address.parse(name)
    features = trained_vectors(name, VECTORS[address.data.partition(":")[0]]).normalized()
    parts = groups(features.X.shape[1], CONTEXT[-1])
    half = len(parts[0])
    rows = _swept(features, ["none", f"DR1:{half}", f"DR2:{half}"], repeats)
    for dilation, part in enumerate(parts, start=1):
        [row] = _swept(features.replace(X=features.X[:, part]), ["none"], 1)
        cells = {"stress": KEPT, "level": dilation, "dimensions": len(part), "n_features": features.X.shape[1]}
        rows.append({**row, **cells})
    return [{**row, **_origin(address), "layer": LAYER} for row in rows]


def _swept(features: FeatureSet, specs: list[str], repeats: int) -> Rows:
    return table_rows(sweep(features, specs, repeats=repeats, n_jobs=1, progress=False))


def _mean_maps(names: list[str], found: list[dict[str, Any]]) -> Rows:
    """Return the maps of the first stage's receptive field, means over trainings, as rows."""
    several: dict[tuple[str, str, str], list[Array]] = {}
    for name, one in zip(names, found, strict=True):
        origin = _origin(Address.parse(name))
        if _form(origin["model"]) in MAPPED:
            for variant, map_ in one["maps"].items():
                several.setdefault((origin["dataset"], origin["model"], variant), []).append(map_)
    rows: Rows = []
    for (dataset, model, variant), maps in several.items():
        rows += map_rows({"dataset": dataset, "model": model, "variant": variant}, np.mean(maps, axis=0))
    return rows


def _pixels(data: Arrays, count: int) -> torch.Tensor:
    pixels = torch.from_numpy(np.ascontiguousarray(data.test_images[:count]))
    return pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float()


def _form(architecture: str) -> str | None:
    return FORMS.get(architecture.partition(":")[0])


def _origin(address: Address) -> dict[str, Any]:
    dataset = address.data.partition(":")[0]
    return {"dataset": dataset, "model": address.architecture, "variant": address.recipe, "seed": address.seed}
