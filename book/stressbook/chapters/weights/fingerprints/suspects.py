"""Suspects: networks that prints are put to: copies of one, under stress and perhaps trained again, and other networks.

A part of `measure`: makes them, and measures how many test images they are right about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stressbook.chapters.weights.fingerprints import networks
from stressbook.chapters.weights.fingerprints.names import ON_ALL, PRUNED, ROUNDED, TUNED
from stresslib.files import file_sha256
from stresslib.results import result_rows
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_weights import prune, round_weights
from stresslib.stress.on_weights.weights import weights_of
from stresslib.training.augmentation import ShiftAndFlip
from stresslib.training.data import load_arrays
from stresslib.training.fit import fit, predict, sgd

Array = NDArray[Any]
Rows = list[dict[str, Any]]

RATE = 0.01
"""Learning rate at which a copy is trained again: a tenth of that of a training from the start."""


@dataclass(frozen=True)
class Bench:
    """What a data set is used for.

    Attributes
    ----------
    shown : int
        Test images that every network is shown, the first ones.
    tuning : str
        Training images on which a copy is trained again, once over, as :func:`load_arrays` takes them.
    """

    shown: int
    tuning: str


BENCHES = {"cifar10": Bench(2000, "cifar10:5000"), "digits": Bench(797, "digits")}


@dataclass(frozen=True)
class Suspect:
    """A network, or a copy of it.

    Attributes
    ----------
    name : str
        As :mod:`networks` takes it.
    stress : {"none", "weights-pruned", "weights-rounded"}
    level : float
        The share of the weights that become zero, or the bits of a weight; 0: none.
    tuned : bool
        Whether the copy is trained again.
    """

    name: str
    stress: str = "none"
    level: float = 0.0
    tuned: bool = False

    @property
    def at(self) -> dict[str, Any]:
        """Cells of a results table."""
        cells: dict[str, Any] = {"dataset": networks.data_of(self.name), "model": self.name, "layer": "logits"}
        level = None if self.stress == "none" and not self.tuned else self.level
        return {**cells, "stress": self.stress, "level": level, "variant": TUNED if self.tuned else ""}

    def stressed(self) -> nn.Module:
        """Return the network with the stress on its weights, before it is trained again."""
        module = networks.load(self.name)
        if self.stress == PRUNED:
            return prune(module, self.level)
        return round_weights(module, int(self.level)) if self.stress == ROUNDED else module


def copies(name: str, shares: Iterable[float], bits: Iterable[int], tuned: Iterable[float]) -> list[Suspect]:
    """Return a network and its copies: pruned, rounded, and pruned and trained again, at a share of 0 trained again only."""
    found = [Suspect(name)]
    found += [Suspect(name, PRUNED, share) for share in shares]
    found += [Suspect(name, ROUNDED, one) for one in bits]
    return found + [Suspect(name, PRUNED, share, tuned=True) for share in tuned]


class Suspects:
    """Networks in memory, each made when it is first asked for.

    Parameters
    ----------
    weights : dict
        By :class:`Suspect`, the state dict of those that were trained again, as arrays.
    """

    def __init__(self, weights: dict[Suspect, dict[str, Array]]) -> None:
        self.weights = weights
        self.made: dict[Suspect, nn.Module] = {}

    def __getitem__(self, suspect: Suspect) -> nn.Module:
        """Return a network in evaluation mode."""
        if suspect not in self.made:
            module = suspect.stressed()
            if suspect.tuned:
                module.load_state_dict({name: torch.from_numpy(one) for name, one in self.weights[suspect].items()})
            self.made[suspect] = module
        return self.made[suspect]


def tune(suspects: Iterable[Suspect], **options: Any) -> Suspects:
    """Train those copies again that are to be.

    Parameters
    ----------
    suspects : iterable of Suspect
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`.
    """
    wanted = [suspect for suspect in suspects if suspect.tuned]
    settings = [{"suspect": asdict(suspect), "weights": file_sha256(networks.find(suspect.name))} for suspect in wanted]
    found = run_tasks(tuned_weights, settings, name="fine-tuned copies", **options)
    return Suspects(dict(zip(wanted, found, strict=True)))


def tuned_weights(suspect: dict[str, Any], weights: str) -> dict[str, Array]:
    """Train a copy again, once over some training images; weights that are zero stay so.

    Parameters
    ----------
    suspect : dict
        The fields of a :class:`Suspect`.
    weights : str
        SHA-256 of its network's file.

    Returns
    -------
    dict of str to ndarray
        The state dict.
    """
    chosen = Suspect(**suspect)
    module, bench = chosen.stressed(), BENCHES[networks.data_of(chosen.name)]
    data = load_arrays(bench.tuning)
    fit(
        module,
        data.train_images,
        data.train_labels,
        epochs=1,
        batch_size=data.batch_size,
        optimizer=_Held(module),
        batch_hook=_Augmented(ShiftAndFlip(data.flip)),
        device="cpu",
        progress=False,
    )
    return {name: tensor.contiguous().numpy() for name, tensor in module.state_dict().items()}


class _Held:
    """Descent after each step of which the weights that were zero are zero again."""

    def __init__(self, module: nn.Module) -> None:
        self.parts = [(parameter, parameter.detach() == 0) for parameter, _ in weights_of(module).values()]

    def __call__(self, parameters: Any) -> torch.optim.Optimizer:
        descent: torch.optim.Optimizer = sgd(parameters, lr=RATE)
        descent.register_step_post_hook(self._hold)
        return descent

    def _hold(self, *_: Any) -> None:
        with torch.no_grad():
            for parameter, zero in self.parts:
                parameter.masked_fill_(zero, 0)


@dataclass(frozen=True)
class _Augmented:
    augment: nn.Module

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self.augment(images), labels


def accuracies(suspects: Iterable[Suspect], made: Suspects, whole: Iterable[str] = (), **options: Any) -> Rows:
    """Measure how many test images networks are right about.

    Parameters
    ----------
    suspects : iterable of Suspect
    made : Suspects
    whole : iterable of str
        Names of networks that are shown all test images, too.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`.

    Returns
    -------
    list of dict
        Rows of a results table.
    """
    rows: Rows = []
    by_data: dict[str, list[Suspect]] = {}
    for suspect in suspects:
        by_data.setdefault(networks.data_of(suspect.name), []).append(suspect)
    for data, chosen in by_data.items():
        arrays, shown = load_arrays(data), BENCHES[data].shown
        settings = [
            {
                "suspect": asdict(suspect),
                "weights": file_sha256(networks.find(suspect.name)),
                "shown": len(arrays.test_images) if suspect == Suspect(suspect.name) and suspect.name in whole else shown,
            }
            for suspect in chosen
        ]
        shared = (arrays.test_images, arrays.test_labels)
        found = run_tasks(right, settings, *shared, name=f"{data}, accuracy", prepare=lambda _: (made,), **options)
        for suspect, hits in zip(chosen, found, strict=True):
            at = {**suspect.at, "n_features": len(arrays.classes)}
            rows += result_rows(at, None, {"accuracy": float(np.mean(hits[:shown]))})
            if len(hits) > shown:
                rows += result_rows(at, None, {ON_ALL: float(np.mean(hits))})
    return rows


def right(images: Array, labels: Array, made: Suspects, suspect: dict[str, Any], weights: str, shown: int) -> Array:
    """Return which of the first test images a network is right about, (shown,), uint8."""
    logits = predict(made[Suspect(**suspect)], images[:shown], batch_size=250)
    return (logits.argmax(1) == labels[:shown]).astype(np.uint8)
