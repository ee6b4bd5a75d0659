"""Small networks: train one on scikit-learn's digits and one on its diabetes data, and measure the indices in their layers.

A part of `measure`: they are trained during the run, so that every layer is at hand before and after training, for rows that
the network never saw.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

from stresslib.evaluation.separation import separation_index
from stresslib.evaluation.smoothness import smoothness_index
from stresslib.evaluation.threads import one_thread
from stresslib.features import UNTRAINED
from stresslib.results import result_rows, results_table
from stresslib.running.separation_sweep import INDICES
from stresslib.running.tasks import run_tasks
from stresslib.stress.spec import Spec, make_stress, parse_spec

Array = NDArray[Any]

SMOOTHNESS: dict[str, dict[str, Any]] = {
    "SmI": {},
    "SmI(5)": {"order": 5},
    "exponential SmI": {"kind": "exponential"},
}
"""Smoothness indices: their names in the column `metric`, and the arguments of :func:`stresslib.smoothness_index`."""

LAYERS = ("input", "hidden-1", "hidden-2", "hidden-3", "output")

STRESSED = "hidden-3"
"""Layer that is put under stress; the layers behind it stay as they were."""

WIDTH, WEIGHT_DECAY = 32, 0.01
STEPS = {"digits": 200, "diabetes": 100}
LEARNING_RATE = {"digits": 0.01, "diabetes": 0.003}


@dataclass(frozen=True)
class HalvedData:
    """A data set in two halves, with their targets: one half trains a network, in the other the index is measured."""

    X_train: Array
    y_train: Array
    X_unseen: Array
    y_unseen: Array


def _halve(X: Array, y: Array, stratify: Array | None = None) -> HalvedData:
    X_train, X_unseen, y_train, y_unseen = train_test_split(X, y, test_size=0.5, random_state=0, stratify=stratify)
    return HalvedData(X_train, y_train, X_unseen, y_unseen)


def digits(seeds: int, **options: Any) -> pd.DataFrame:
    """Measure the separation of unseen digits in each layer of a small network, before and after its training.

    Parameters
    ----------
    seeds : int
        Number of networks, each with other initial weights.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`.

    Returns
    -------
    pandas.DataFrame
        A results table; `repeat` is the seed. The accuracy of the trained network is a row of its output.
    """
    networks = run_tasks(_of_digits, [{"seed": seed} for seed in range(seeds)], name="networks of digits", **options)
    return results_table(row for rows in networks for row in rows)


def _of_digits(seed: int) -> list[dict[str, Any]]:
    X, y = load_digits(return_X_y=True)
    data = _halve(X / 16, y, stratify=y)
    rows = []
    network = SmallNetwork(data.X_train.shape[1], 10, seed)
    for model in (f"mlp{UNTRAINED}", "mlp"):
        if model == "mlp":
            network.train(data, nn.functional.cross_entropy, STEPS["digits"], LEARNING_RATE["digits"])
        layers = network.layers(data.X_unseen)
        for layer, vectors in zip(LAYERS, layers, strict=True):
            at = {"dataset": "digits", "model": model, "layer": layer, "n_features": vectors.shape[1]}
            scores = {name: separation_index(vectors, data.y_unseen, *form) for name, form in INDICES.items()}
            rows += result_rows(at, Spec(), scores, repeat=seed)
    accuracy = (layers[-1].argmax(axis=1) == data.y_unseen).mean()
    return rows + result_rows(at, Spec(), {"accuracy": accuracy}, repeat=seed)


def diabetes(seeds: int, values: list[int], **options: Any) -> pd.DataFrame:
    """Measure the smoothness of unseen patients in each layer of a small network, and in one layer under stress.

    Parameters
    ----------
    seeds : int
        Number of networks, each with other initial weights.
    values : list of int
        Sizes of the dictionaries, one for each dimension of the layer, fitted on the half that trained.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`.

    Returns
    -------
    pandas.DataFrame
        As :func:`digits` returns it; beside the indices of the stressed layer, R² of the network's output behind it, in
        percent.
    """
    settings = [{"seed": seed, "values": values} for seed in range(seeds)]
    networks = run_tasks(_of_diabetes, settings, name="networks of diabetes", **options)
    return results_table(row for rows in networks for row in rows)


def _of_diabetes(seed: int, values: list[int]) -> list[dict[str, Any]]:
    X, y = load_diabetes(return_X_y=True)
    data = _standardized(_halve(X, y))
    rows = []
    network = SmallNetwork(data.X_train.shape[1], 1, seed)
    for model in (f"mlp{UNTRAINED}", "mlp"):
        if model == "mlp":
            network.train(data, nn.functional.mse_loss, STEPS["diabetes"], LEARNING_RATE["diabetes"])
        for layer, vectors in zip(LAYERS, network.layers(data.X_unseen), strict=True):
            at = {"dataset": "diabetes", "model": model, "layer": layer, "n_features": vectors.shape[1]}
            rows += result_rows(at, Spec(), _smoothness(vectors, data.y_unseen), repeat=seed)
    known, unseen = (network.layers(half)[LAYERS.index(STRESSED)] for half in (data.X_train, data.X_unseen))
    at |= {"layer": STRESSED, "n_features": unseen.shape[1]}
    rows += result_rows(at, Spec(), _explained(network, unseen, data.y_unseen), repeat=seed)
    for spec in map(parse_spec, (f"Q2:{count}" for count in values)):
        stressed = make_stress(spec).fit(known).transform(unseen)
        scores = _smoothness(stressed, data.y_unseen) | _explained(network, stressed, data.y_unseen)
        rows += result_rows(at, spec, scores, repeat=seed)
    return rows


def _standardized(data: HalvedData) -> HalvedData:
    """Shift and scale inputs and targets by the mean and deviation of the half that trains."""
    scaler, mean, deviation = StandardScaler().fit(data.X_train), data.y_train.mean(), data.y_train.std()
    return HalvedData(
        scaler.transform(data.X_train),
        (data.y_train - mean) / deviation,
        scaler.transform(data.X_unseen),
        (data.y_unseen - mean) / deviation,
    )


def _smoothness(vectors: Array, targets: Array) -> dict[str, float]:
    return {name: smoothness_index(vectors, targets, **options) for name, options in SMOOTHNESS.items()}


def _explained(network: SmallNetwork, vectors: Array, targets: Array) -> dict[str, float]:
    return {"R2": r2_score(targets, network.output(vectors))}


class SmallNetwork:
    """Three hidden layers of 32 hyperbolic tangents and a linear output layer, in float64.

    Parameters
    ----------
    n_inputs, n_outputs : int
    seed : int
        Of the initial weights.
    """

    def __init__(self, n_inputs: int, n_outputs: int, seed: int) -> None:
        sizes = [n_inputs, WIDTH, WIDTH, WIDTH, n_outputs]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            linear = [nn.Linear(*pair, dtype=torch.float64) for pair in itertools.pairwise(sizes)]
        hidden = [nn.Sequential(layer, nn.Tanh()) for layer in linear[:-1]]
        self.module = nn.Sequential(*hidden, linear[-1])

    def train(self, data: HalvedData, loss: Any, steps: int, learning_rate: float) -> None:
        """Descend the loss of all training rows at once: small, smooth steps, which rounding does not turn aside."""
        X, y = torch.from_numpy(np.ascontiguousarray(data.X_train)), torch.from_numpy(data.y_train)
        optimizer = torch.optim.AdamW(self.module.parameters(), lr=learning_rate, weight_decay=WEIGHT_DECAY)
        with one_thread():
            for _ in range(steps):
                optimizer.zero_grad()
                loss(self.module(X).squeeze(1), y).backward()
                optimizer.step()

    def layers(self, X: Array) -> list[Array]:
        """Return the vectors of :data:`LAYERS`."""
        found = [torch.from_numpy(np.ascontiguousarray(X))]
        with torch.inference_mode(), one_thread():
            for part in self.module:
                found.append(part(found[-1]))
        return [vectors.numpy() for vectors in found]

    def output(self, vectors: Array) -> Array:
        """Return the output of the network for vectors of its last hidden layer."""
        with torch.inference_mode(), one_thread():
            result: Array = self.module[-1](torch.from_numpy(np.ascontiguousarray(vectors))).squeeze(1).numpy()
        return result
