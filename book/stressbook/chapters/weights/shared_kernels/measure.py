"""Shared kernels: measure networks that share kernels and those that do not, pruned, layer by layer, and their features.

Takes names of networks, and makes the results table that the page draws. `trainings` makes the networks; nothing here draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn
from torch.nn import functional

from stressbook.chapters.open_questions.intrinsic_dimension.estimators import (
    dimensions_for,
    effective_rank,
    participation_ratio,
    variance_spectrum,
)
from stressbook.chapters.weights.shared_kernels.names import BATCH_STATISTICS, MORE, PRUNED, RATE, SEPARATION
from stressbook.chapters.weights.shared_kernels.trainings import describe, make_network, make_networks
from stresslib.evaluation.metrics import SCORES
from stresslib.evaluation.separation import separation_index
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet, load_features
from stresslib.files import file_sha256
from stresslib.results import result_rows, results_table, table_rows
from stresslib.running.grid import sweep
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_weights.pruning import prune
from stresslib.stress.on_weights.weights import weights_of
from stresslib.training.artefacts import Address
from stresslib.training.data import load_arrays
from stresslib.training.fit import predict
from stresslib.training.trained import load_trained
from stresslib.training.vectors import LAYER, trained_vectors, vectors_path

Array = NDArray[Any]
Rows = list[dict[str, Any]]

TESTS = {"cifar10": (5000, 1000), "digits": (797, 500)}
"""Test images, the first ones: on which a network is scored; and on which it is pruned, looked at layer by layer, and its
features are scored, whose classifier learns from as many training images."""

PLACES = 4
"""Side to which the map of a block is averaged, before its separation is measured."""


def measure(
    networks: Sequence[str],
    seeds: int,
    *,
    shipped: Sequence[str],
    shares: Sequence[int],
    vectors: Sequence[str],
    sixteenths: Sequence[int],
    repeats: int,
    **options: Any,
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
    shares : sequence of int
        Percent of the weights that are pruned, without any training behind it.
    vectors : sequence of str
        As `networks`: those whose features are put under stress.
    sixteenths : sequence of int
        Of the dimensions of the features that are kept.
    repeats : int
        How often a random selection is drawn.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`~stressbook.chapters.weights.shared_kernels.names.MORE`; `variant` is the
        recipe, `seed` that of the training.
    """
    rows: Rows = []
    rows += _measure_networks([f"{one}/{seed}" for seed in range(seeds) for one in networks], shares, **options)
    rows += _measure_networks([f"{one}/0" for one in shipped], shares, **options)
    for name in (f"{one}/{seed}" for seed in range(seeds) for one in vectors):
        rows += _measure_vectors(name, sixteenths, repeats, **options)
    return results_table(rows, MORE)


def _measure_networks(names: list[str], shares: Sequence[int], **options: Any) -> Rows:
    """Make and measure networks of one data set."""
    if not names:
        return []
    base = _base(names[0])
    jobs = {key: value for key, value in options.items() if key != "store"}  # the networks themselves are what is kept
    make_networks(names, **jobs)
    settings = [{"name": name, "weights": file_sha256(Address.parse(name).find())} for name in names]
    tests = load_arrays(base)
    count = TESTS[base][0]
    shared = (tests.test_images[:count], tests.test_labels[:count], TESTS[base][1], list(shares))
    found = run_tasks(measure_network, settings, *shared, name=f"{base}, networks", **options)
    return [row for rows in found for row in rows]


def measure_network(images: Array, labels: Array, count: int, shares: list[int], name: str, weights: str) -> Rows:
    """Measure one network: its accuracy, size and choice of a learning rate; pruned, and layer by layer.

    Parameters
    ----------
    images : ndarray of shape (n, C, H, W)
    labels : ndarray of shape (n,)
    count : int
        How many of these are used for all but the accuracy, the first ones.
    shares : list of int
        Percent of the weights that are pruned.
    name, weights : str
        Of the network: address, and SHA-256 of the file.

    Returns
    -------
    list of dict
        Rows of a results table.
    """
    address, module = Address.parse(name), load_trained(name)
    at = {**_origin(address), "layer": "logits", "n_features": len(np.unique(labels))}
    few, few_labels = images[:count], labels[:count]
    with one_thread():
        rows = result_rows(at, None, {"accuracy": _accuracy(module, images, labels)}, stress="none", **sizes(module))
        for rate, accuracy in describe(name)["tried"].items():
            rows += result_rows(at, None, {"accuracy": accuracy}, stress=RATE, level=float(rate))
        for share in shares:
            score = _accuracy(prune(module, share / 100), few, few_labels)
            rows += result_rows(at, None, {"accuracy": score}, stress=PRUNED, level=float(share))
        for layer, maps in layers(module, few).items():
            score = separation_index(maps, few_labels, 5)
            there = {**at, "layer": layer, "n_features": maps.shape[1]}
            rows += result_rows(there, None, {SEPARATION: score}, stress="none")
        # Last, since it changes what the network keeps.
        rows += result_rows(at, None, {BATCH_STATISTICS: _accuracy(module.train(), few, few_labels)}, stress="none")
    return rows


def sizes(module: nn.Module) -> dict[str, int]:
    """Return the bytes of the parameters that are not pruned, and of a file with the state dict.

    Parameters
    ----------
    module : torch.nn.Module
        As :func:`stresslib.training.trained.load_trained` returns it.

    Returns
    -------
    dict of str to int
    """
    network: nn.Module = module.network  # type: ignore[assignment]
    gone = sum(int((parameter == 0).sum()) for parameter, _ in weights_of(network).values())
    left = sum(parameter.numel() for parameter in network.parameters()) - gone
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    return {"bytes": 4 * left, "file_bytes": len(save(tensors))}


def layers(module: nn.Module, images: Array) -> dict[str, Array]:
    """Return the images, the maps behind the first layer and behind each block, and the features.

    Parameters
    ----------
    module : torch.nn.Module
        A residual network, as :func:`stresslib.training.trained.load_trained` returns it.
    images : ndarray of shape (n, C, H, W)

    Returns
    -------
    dict of str to ndarray of shape (n, d)
        By layer, in the order of the network; maps averaged to :data:`PLACES` places a side, or as many as there are.
    """
    network: Any = module.network
    blocks = [network.first, *(block for stage in network.stages for block in stage)]
    found: dict[str, list[Array]] = {}

    def note(layer: str, map_: torch.Tensor) -> None:
        small = functional.adaptive_avg_pool2d(map_, min(PLACES, map_.shape[-1]))
        found.setdefault(layer, []).append(small.flatten(1).numpy())

    with torch.inference_mode():
        hooks = [network.register_forward_pre_hook(lambda _, args: note("input", args[0]))]
        for place, block in enumerate(blocks):
            layer = f"block-{place}" if place else "first"
            hooks.append(block.register_forward_hook(lambda _, args, out, layer=layer: note(layer, out)))
        hooks.append(
            network.linear.register_forward_pre_hook(lambda _, args: found.setdefault(LAYER, []).append(args[0].numpy()))
        )
        predict(module, images)
        for hook in hooks:
            hook.remove()
    return {layer: np.concatenate(parts) for layer, parts in found.items()}


def _measure_vectors(name: str, sixteenths: Sequence[int], repeats: int, **options: Any) -> Rows:
    """Measure the features of a network under stresses, and their spectrum."""
    features = vectors(name)
    width = features.X.shape[1]
    specs = ["none", *(f"{token}:{max(1, width * part // 16)}" for token in ("DR1", "DR2") for part in sixteenths)]
    rows = table_rows(sweep(features, specs, repeats=repeats, **options))
    variances = variance_spectrum(features.X[features.train])
    spectrum = {
        "variance_90": dimensions_for(variances, 0.9),
        "participation_ratio": participation_ratio(variances),
        "effective_rank": effective_rank(variances),
    }
    origin = _origin(Address.parse(name))
    return [{**row, **origin, **(spectrum if row["stress"] == "none" else {})} for row in rows]


def vectors(name: str) -> FeatureSet:
    """Return the features of a network, of unit norm, from a byte a number: shipped, in the user's cache, or made now."""
    path = vectors_path(name)
    if path.suffix != ".xz":
        path = path.with_name(f"{path.name}.xz")
        if not path.is_file():
            make_network(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            trained_vectors(name, TESTS[_base(name)][1]).save_compact(path)
    return load_features(path)


def _accuracy(module: nn.Module, images: Array, labels: Array) -> float:
    return float(SCORES["accuracy"](labels, predict(module, images)))


def _base(name: str) -> str:
    return Address.parse(name).data.partition(":")[0]


def _origin(address: Address) -> dict[str, Any]:
    return {"dataset": _base(str(address)), "model": address.architecture, "variant": address.recipe, "seed": address.seed}
