"""Components: measure networks that differ in one component, and what their features keep under the paper's stresses.

Takes names of networks, and makes the results table that the page draws. `trainings` makes the networks; nothing here draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stressbook.chapters.units.components.names import ACCURACY, DIVERGED, MORE, RATE, SEPARATION
from stressbook.chapters.units.components.trainings import describe, load_network, make_networks
from stressbook.chapters.units.components.variants import find_variant
from stresslib.evaluation.protocol import evaluate
from stresslib.evaluation.separation import separation_index
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.features.featureset import unit_rows
from stresslib.files import file_sha256
from stresslib.paper.published import grid_dimensions
from stresslib.results import result_rows, results_table, table_rows
from stresslib.running.tasks import run_tasks
from stresslib.training.artefacts import Address
from stresslib.training.data import load_arrays
from stresslib.training.fit import predict
from stresslib.training.vectors import LAYER

Rows = list[dict[str, Any]]


def measure(
    network: str,
    variants: Sequence[str],
    seeds: int,
    *,
    small: str,
    few: Sequence[str],
    tests: int,
    twentieths: Sequence[int],
    values: Sequence[int],
    **options: Any,
) -> pd.DataFrame:
    """Measure everything that the chapter shows.

    Parameters
    ----------
    network : str
        ``DATA/components:WIDTH``; networks that are not at hand are trained.
    variants : sequence of str
        Of :data:`~stressbook.chapters.units.components.variants.VARIANTS`.
    seeds : int
        Number of trainings of each.
    small : str
        As `network`: of one training, small enough to be shipped.
    few : sequence of str
        Variants of it.
    tests : int
        Test images at most, the first ones.
    twentieths : sequence of int
        Of the dimensions of the features that DR-2 keeps, from 1 to 20.
    values : sequence of int
        Of each number of the features under Q-2.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`~stressbook.chapters.units.components.names.MORE`; `variant` is the
        component, `seed` that of the training.

    Raises
    ------
    ValueError
        When there is no such variant or data set, or a number is out of range.
    """
    if seeds < 1 or tests < 1:
        raise ValueError(f"seeds={seeds} and tests={tests}: each is at least 1")
    wrong = [one for one in twentieths if not 1 <= one <= 20]
    if wrong:
        raise ValueError(f"twentieths={list(twentieths)}: {wrong[0]} is not from 1 to 20")
    for name in (*variants, *few):
        find_variant(name)
    names = [f"{network}/{one}/{seed}" for seed in range(seeds) for one in variants] + [f"{small}/{one}/0" for one in few]
    make_networks(names, **{key: value for key, value in options.items() if key != "store"})
    settings = [{"name": name, "weights": file_sha256(Address.parse(name).find())} for name in names]
    found = run_tasks(measure_network, settings, tests, list(twentieths), list(values), name="networks", **options)
    return results_table([row for rows in found for row in rows], MORE)


def measure_network(tests: int, twentieths: list[int], values: list[int], name: str, weights: str) -> Rows:
    """Measure one network: its accuracy, and its features' separation and scores under stresses.

    Parameters
    ----------
    tests : int
        Test images at most.
    twentieths, values : list of int
        As for :func:`measure`.
    name, weights : str
        Of the network: address, and SHA-256 of the file.

    Returns
    -------
    list of dict
        Rows of a results table. Of a training that diverged, only this and its learning rates.
    """
    address, about = Address.parse(name), describe(name)
    origin = {
        "dataset": address.data.partition(":")[0],
        "model": address.architecture,
        "variant": address.recipe,
        "seed": address.seed,
    }
    data = load_arrays(address.data, seed=address.seed)
    logits = {**origin, "layer": "logits", "n_features": len(data.classes)}
    rows: Rows = []
    for rate, accuracy in about["tried"].items():
        scores = {ACCURACY: accuracy} if accuracy is not None else {DIVERGED: 1.0}
        rows += result_rows(logits, None, scores, stress=RATE, level=float(rate))
    if about["diverged"]:
        return [*rows, *result_rows(logits, None, {DIVERGED: 1.0}, stress="none")]
    module = load_network(name)
    images, labels = data.test_images[:tests], data.test_labels[:tests]
    with one_thread():
        accuracy = float((predict(module, images).argmax(1) == labels).mean())
        size = sum(parameter.numel() for parameter in module.parameters())
        rows += result_rows(logits, None, {ACCURACY: accuracy}, stress="none", parameters=size)
        vectors = predict(module.features, np.concatenate([data.train_images, images]))  # type: ignore[arg-type]
        count = len(data.train_images)
        features = FeatureSet(
            unit_rows(vectors), np.concatenate([data.train_labels, labels]), train=np.arange(len(vectors)) < count
        )
        at = {**origin, "layer": LAYER, "n_features": vectors.shape[1]}
        score = separation_index(features.X[count:], labels, 5)
        rows += result_rows(at, None, {SEPARATION: score}, stress="none")
        grid = grid_dimensions(vectors.shape[1])
        specs = ["none", *(f"DR2:{grid[one - 1]}" for one in twentieths), *(f"Q2:{one}" for one in values)]
        for spec in specs:
            rows += [{**row, **at} for row in table_rows(evaluate(features, spec))]
    return rows
