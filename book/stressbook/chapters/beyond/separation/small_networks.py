"""Small networks for the chapter on separation: one that learns scikit-learn's digits, one its diabetes data.

They are trained within the run, so that the index can be read from layers before and after training, on rows never seen.
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

from stresslib.evaluation.separation import INDICES, separation_index, smoothness_index
from stresslib.evaluation.threads import one_thread
from stresslib.results import results_table
from stresslib.stress.spec import make_stress, parse_spec

Array = NDArray[Any]

UNTRAINED = "-untrained"
"""What a network's name ends with before its training; as in the registry of networks."""

SMOOTHNESS: dict[str, dict[str, Any]] = {
    "SmI": {},
    "SmI(5)": {"order": 5},
    "exponential SmI": {"kind": "exponential"},
}
"""Smoothness indices: their names in the column `metric`, and arguments."""

LAYERS = ("input", "hidden-1", "hidden-2", "hidden-3", "output")

STRESSED = "hidden-3"
"""Layer that is put under stress, the rest of the network being as it was."""

WIDTH, STEPS, DECAY = 32, {"digits": 200, "diabetes": 100}, 0.01
RATE = {"digits": 0.01, "diabetes": 0.003}


@dataclass(frozen=True)
class _Halves:
    """A data set of which one half trains, and the other is looked at."""

    X: Array
    target: Array
    X_unseen: Array
    unseen: Array


def digits(seeds: int) -> pd.DataFrame:
    """Measure the separation of unseen digits in each layer of a small network, before and after its training.

    Parameters
    ----------
    seeds : int
        Networks, each with other first weights.

    Returns
    -------
    pandas.DataFrame
        In the schema of results tables; `repeat` is the seed. The accuracy of the trained network is a row of its output.
    """
    X, y = load_digits(return_X_y=True)
    data = _Halves(*_split(X / 16, y, stratify=y))
    rows = []
    for seed in range(seeds):
        for model, layers in _through(data, 10, nn.functional.cross_entropy, "digits", seed):
            for layer, vectors in zip(LAYERS, layers, strict=True):
                at = {"dataset": "digits", "model": model, "layer": layer, "repeat": seed, "n_features": vectors.shape[1]}
                for name, (order, mode) in INDICES.items():
                    score = separation_index(vectors, data.unseen, order, mode)
                    rows.append({**at, "stress": "none", "metric": name, "score": 100 * score})
            if not model.endswith(UNTRAINED):
                accuracy = (layers[-1].argmax(axis=1) == data.unseen).mean()
                rows.append({**at, "stress": "none", "metric": "accuracy", "score": 100 * accuracy})
    return results_table(rows)


def diabetes(seeds: int, values: list[int]) -> pd.DataFrame:
    """Measure the smoothness of unseen patients in each layer of a small network, and in a layer under stress.

    Parameters
    ----------
    seeds : int
        Networks, each with other first weights.
    values : list of int
        Sizes of the dictionaries, one for each of the layer's dimensions, fitted on the half that trained.

    Returns
    -------
    pandas.DataFrame
        As of :func:`digits`; beside the indices of the layer, R² of what the rest of the network makes of it, in percent.
    """
    X, t = load_diabetes(return_X_y=True)
    data = _Halves(*_split(X, t))
    scaler, middle, scale = StandardScaler().fit(data.X), data.target.mean(), data.target.std()
    data = _Halves(
        scaler.transform(data.X),
        (data.target - middle) / scale,
        scaler.transform(data.X_unseen),
        (data.unseen - middle) / scale,
    )
    rows = []
    for seed in range(seeds):
        network = _Network(data.X.shape[1], 1, seed)
        for model in (f"mlp{UNTRAINED}", "mlp"):
            if model == "mlp":
                network.train(data.X, data.target, nn.functional.mse_loss, STEPS["diabetes"], RATE["diabetes"])
            layers = network.layers(data.X_unseen)
            for layer, vectors in zip(LAYERS, layers, strict=True):
                at = {"dataset": "diabetes", "model": model, "layer": layer, "repeat": seed, "n_features": vectors.shape[1]}
                rows += [{**at, "stress": "none", **one} for one in _smoothness(vectors, data.unseen)]
        seen, unseen = (dict(zip(LAYERS, network.layers(half), strict=True))[STRESSED] for half in (data.X, data.X_unseen))
        at |= {"layer": STRESSED, "n_features": unseen.shape[1]}
        rows.append({**at, "stress": "none", **_explained(network, unseen, data.unseen)})
        for spec in map(parse_spec, (f"Q2:{count}" for count in values)):
            stressed = make_stress(spec).fit(seen).transform(unseen)
            under = {**at, "stress": spec.stress, "values": spec.dictionary_size}
            scores = [*_smoothness(stressed, data.unseen), _explained(network, stressed, data.unseen)]
            rows += [{**under, **one} for one in scores]
    return results_table(rows)


def _smoothness(vectors: Array, target: Array) -> list[dict[str, Any]]:
    return [
        {"metric": name, "score": 100 * smoothness_index(vectors, target, **options)} for name, options in SMOOTHNESS.items()
    ]


def _explained(network: _Network, vectors: Array, target: Array) -> dict[str, Any]:
    return {"metric": "R2", "score": 100 * r2_score(target, network.rest(vectors))}


def _split(X: Array, target: Array, **options: Any) -> tuple[Array, Array, Array, Array]:
    seen, unseen, known, held = train_test_split(X, target, test_size=0.5, random_state=0, **options)
    return seen, known, unseen, held


def _through(data: _Halves, outputs: int, loss: Any, name: str, seed: int) -> list[tuple[str, list[Array]]]:
    """Return a network's names and its layers' vectors of the unseen half, before and after training."""
    network = _Network(data.X.shape[1], outputs, seed)
    before = network.layers(data.X_unseen)
    network.train(data.X, data.target, loss, STEPS[name], RATE[name])
    return [(f"mlp{UNTRAINED}", before), ("mlp", network.layers(data.X_unseen))]


class _Network:
    """Three hidden layers of 32 hyperbolic tangents, and a linear one behind them, in float64."""

    def __init__(self, inputs: int, outputs: int, seed: int) -> None:
        sizes = [inputs, WIDTH, WIDTH, WIDTH, outputs]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            linear = [nn.Linear(*pair, dtype=torch.float64) for pair in itertools.pairwise(sizes)]
        hidden = [nn.Sequential(layer, nn.Tanh()) for layer in linear[:-1]]
        self.module = nn.Sequential(*hidden, linear[-1])

    def train(self, X: Array, target: Array, loss: Any, steps: int, rate: float) -> None:
        """Take steps down the loss of all rows at once: small and smooth ones, which rounding does not turn aside."""
        rows, wanted = torch.from_numpy(np.ascontiguousarray(X)), torch.from_numpy(target)
        optimizer = torch.optim.AdamW(self.module.parameters(), lr=rate, weight_decay=DECAY)
        with one_thread():
            for _ in range(steps):
                optimizer.zero_grad()
                loss(self.module(rows).squeeze(1), wanted).backward()
                optimizer.step()

    def layers(self, X: Array) -> list[Array]:
        """Return the vectors of :data:`LAYERS`."""
        found = [torch.from_numpy(np.ascontiguousarray(X))]
        with torch.inference_mode(), one_thread():
            for part in self.module:
                found.append(part(found[-1]))
        return [vectors.numpy() for vectors in found]

    def rest(self, vectors: Array) -> Array:
        """Return what the last layer makes of vectors of the one before."""
        with torch.inference_mode(), one_thread():
            result: Array = self.module[-1](torch.from_numpy(np.ascontiguousarray(vectors))).squeeze(1).numpy()
        return result
