"""Victims: the networks that are attacked, with the images, the radius and the pairs of each data set.

A part of `measure`; `defended` trains the defences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stresslib.files import cache_dir, file_sha256
from stresslib.networks import CifarResNet, Standardized, load_weights
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_images import pgd
from stresslib.training.data import load_arrays
from stresslib.training.fit import predict
from stresslib.training.trained import load_trained, train

Array = NDArray[Any]

WEIGHTS = "resnet20-12fca82f.th"
"""ResNet-20 of CIFAR-10, as github.com/akamaster/pytorch_resnet_cifar10 (BSD-2) publishes it."""


@dataclass(frozen=True)
class Bench:
    """How a data set is used.

    Attributes
    ----------
    network : str
        ``DATA/ARCHITECTURE/RECIPE``, trained here, a network for each seed; or the file of somebody's weights, one for all.
    eps : float
        Radius of the attacks, a share of the range.
    pairs, held_out, tests : int
        Training images that are attacked for the extractor; more of them, by which settings are chosen; and test images.
    steps : int
        Of each training of an extractor.
    attack_steps : int
        Of the attacks on test images.
    rates : dict
        Learning rates of the extractor, the denoiser, and the detectors of salient and trivial features and of raw ones,
        where they are not chosen anew.
    specs : tuple of str
        Likewise, the stresses of the paper that stand in as filters: a quantiser, a reduction, and both.
    """

    network: str
    eps: float
    pairs: int
    held_out: int
    tests: int
    steps: int
    attack_steps: int
    rates: dict[str, float]
    specs: tuple[str, ...]


_USUAL = {"salient": 1e-3, "denoiser": 1e-3, "both": 0.1, "raw": 0.3}

BENCHES = {
    "digits": Bench(
        "digits/lenet5/plain",
        0.15,
        480,
        200,
        200,
        80,
        10,
        {"salient": 3e-3, "denoiser": 1e-3, "both": 0.1, "raw": 0.1},
        ("Q2:3", "DR2:9", "DR2:9,Q2:8"),
    ),
    "mnist": Bench("mnist:10000/lenet5/plain", 0.2, 2000, 500, 500, 400, 20, _USUAL, ("Q2:4", "DR2:9", "DR2:9,Q2:4")),
    "cifar10": Bench(WEIGHTS, 8 / 255, 2000, 500, 200, 400, 20, _USUAL, ("Q2:4", "DR2:9", "DR2:9,Q2:4")),
}
"""By the name of the data set."""

PAIR_STEPS = 10
"""Steps of the attacks on training images."""


@dataclass(frozen=True)
class Victim:
    """A network and what it is attacked with.

    Attributes
    ----------
    data : str
        A key of :data:`BENCHES`.
    seed : int
        Of its training and of the images whose pairs are made; 0 for somebody's weights.
    """

    data: str
    seed: int

    @classmethod
    def of(cls, data: str, seed: int) -> Victim:
        """Return the network that a seed of the experiment has: its own, or the only one."""
        return cls(data, 0 if BENCHES[data].network == WEIGHTS else seed)

    @property
    def bench(self) -> Bench:
        return BENCHES[self.data]

    @property
    def model(self) -> str:
        return "resnet20" if self.bench.network == WEIGHTS else self.bench.network.split("/")[1]

    def file_digest(self) -> str:
        """Return the SHA-256 of its weights; train it first where it is not at hand.

        Raises
        ------
        FileNotFoundError
            When somebody's weights are not there; the message says whose, and where they belong.
        """
        if self.bench.network != WEIGHTS:
            return file_sha256(train(f"{self.bench.network}/{self.seed}", precision="float32", progress=False))
        path = cache_dir() / "weights" / WEIGHTS
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is not there: ResNet-20's weights of CIFAR-10; download pretrained_models/{WEIGHTS} of "
                f"https://github.com/akamaster/pytorch_resnet_cifar10 to {path.parent}"
            )
        return file_sha256(path)

    def load(self) -> nn.Module:
        """Return the network, from images in [0, 1] to logits."""
        if self.bench.network != WEIGHTS:
            return load_trained(f"{self.bench.network}/{self.seed}")
        # The statistics with which its authors trained it: those of ImageNet.
        module = Standardized(CifarResNet(20), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        return load_weights(module, cache_dir() / "weights" / WEIGHTS)

    def tests(self) -> tuple[Tensor, Tensor]:
        """Return the first test images, in [0, 1], and their labels."""
        arrays = load_arrays(self.data)
        count = self.bench.tests
        return in_range(arrays.test_images[:count]), torch.from_numpy(arrays.test_labels[:count])


def in_range(images: Array) -> Tensor:
    """Return images as a float tensor in [0, 1]."""
    pixels = torch.from_numpy(np.array(images))
    return pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels


def attacked_pairs(data: str, seed: int, weights: str) -> dict[str, Array]:
    """Attack training images, and return the features before and after.

    Parameters
    ----------
    data, seed
        As :class:`Victim` has them.
    weights : str
        SHA-256 of the network's file.

    Returns
    -------
    dict
        `benign` and `attacked` (n, width) and `labels` (n,), in a random order: the pairs for training, then those held out.
    """
    victim = Victim(data, seed)
    bench, module = victim.bench, victim.load()
    count = bench.pairs + bench.held_out
    # Parts of one seed are nested: the network was trained on these images, as the authors' was.
    part = load_arrays(f"{data}:{count}", seed=seed)
    order = np.random.default_rng(seed).permutation(count)
    images, labels = in_range(part.train_images[order]), torch.from_numpy(part.train_labels[order])
    made = attack(module, images, labels, bench.eps, PAIR_STEPS, seed)
    features = [predict(module.features, one.numpy()) for one in (images, made)]  # type: ignore[arg-type]
    return {"benign": features[0], "attacked": features[1], "labels": labels.numpy()}


def attack(module: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int, seed: int, *, targeted: bool = False) -> Tensor:
    """Attack images by projected gradient descent, some at a time."""
    parts = [
        pgd(module, one, labels, eps, steps, random_state=seed + place, targeted=targeted)
        for place, (one, labels) in enumerate(zip(x.split(100), y.split(100), strict=True))
    ]
    return torch.cat(parts)


def make_pairs(data: str, seeds: int, **options: Any) -> list[dict[str, Any]]:
    """Return what the tasks of each seed take: `data`, `seed`, `weights` and the pairs of its network.

    Parameters
    ----------
    data : str
    seeds : int
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`.

    Returns
    -------
    list of dict
    """
    victims = [Victim.of(data, seed) for seed in range(seeds)]
    distinct = {
        victim: {"data": data, "seed": victim.seed, "weights": victim.file_digest()} for victim in dict.fromkeys(victims)
    }
    made = run_tasks(attacked_pairs, distinct.values(), name=f"{data}, pairs", **options)
    pairs = dict(zip(distinct, made, strict=True))
    return [
        {"data": data, "seed": seed, "weights": distinct[victim]["weights"], **pairs[victim]}
        for seed, victim in enumerate(victims)
    ]
