"""Lineages: an ancestor and its offspring, generation by generation; trained where they are not at hand, and kept.

A part of `measure`, which scores them. A lineage is known by its name, as a trained network is.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor, nn

from stressbook.chapters.weights.evolution.names import DROPPED, PRUNED, PRUNED_BY_LAYER, SYNTHESIS, UNITS, UNSCALED
from stresslib.files import cache_dir, replacing
from stresslib.networks.registry import build
from stresslib.networks.standardized import Standardized
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_weights import StressedTraining, prune, synthesize
from stresslib.stress.on_weights.synthesis import FORMS, find_layers
from stresslib.training.artefacts import SHIPPED
from stresslib.training.augmentation import ShiftAndFlip
from stresslib.training.data import load_arrays
from stresslib.training.fit import fit, sgd

Array = NDArray[Any]

FACTOR = 0.55
"""Of the environment: the share of its synapses that a network hands on to the next generation."""

UNIT_SHARE = 0.8
"""Where whole units are drawn first: what survives that."""

UNSCALED_GENERATIONS = 3
"""By the formula as it is, a factor of .55 keeps a third or less: this many steps take more than seven rescaled ones."""

LONG = 3
"""How many times as many epochs a lineage has that is trained for long."""

ATTEMPTS = 20
"""How often a synthesis is drawn again that would leave a layer without synapses."""

KNOBS = {
    "none": ("rate", (0.03, 0.05, 0.08)),
    "sample": ("factor", (0.55, 0.75, 0.9)),
    "uniform": ("factor", (0.55, 0.75, 0.9)),
    "decay": ("strength", (2e-3, 1e-2, 5e-2)),
    "multiplicative": ("strength", (0.5, 0.8, 0.95)),
}
"""Of each form of training the number that is tuned, and the values that are tried: three of each."""

UNTUNED = {"none": 0.05, "sample": 0.9, "uniform": 0.9, "decay": 1e-2, "multiplicative": 0.8}
"""What stands where nothing is tuned: the number that did best in a first look at MNIST."""


@dataclass(frozen=True)
class Bench:
    """How networks of a data set are trained and tested.

    Attributes
    ----------
    epochs, batch_size : int
        Of each generation, the ancestor's too.
    rate : float
        Learning rate of all forms of training that tune another number.
    generations : int
        Steps of evolution.
    held_out : int
        Training images that are not trained on, for tuning.
    every : int
        Of the test images, each which is seen.
    """

    epochs: int
    batch_size: int
    rate: float
    generations: int
    held_out: int = 0
    every: int = 1


BENCHES = {
    "mnist": Bench(epochs=2, batch_size=64, rate=0.05, generations=7, held_out=1000, every=4),
    "digits": Bench(epochs=6, batch_size=32, rate=0.05, generations=7),
    "cifar10": Bench(epochs=3, batch_size=128, rate=0.1, generations=3, every=4),
}
"""By the data set, or the one of which a part is taken."""


@dataclass(frozen=True)
class Lineage:
    """What a lineage is of.

    Attributes
    ----------
    data, architecture : str
        As in the name of a trained network.
    removal : str
        What makes an offspring: a word of the column `stress`.
    variant : str
        A form of training and what is changed in it: ``FORM+KNOB=VALUE``, perhaps with ``+fresh`` (offspring start from
        fresh weights) or ``+long`` behind it.
    seed : int
        Of the part of the data, the first weights and all draws.

    Examples
    --------
    >>> from stressbook.chapters.weights.evolution.lineages import Lineage
    >>> lineage = Lineage.parse("digits/lenet5/synthesis/sample/0")
    >>> lineage.variant, lineage.form, lineage.value
    ('sample+factor=0.9', 'sample', 0.9)
    """

    data: str
    architecture: str
    removal: str
    variant: str
    seed: int

    @classmethod
    def parse(cls, name: str) -> Lineage:
        """Take a name apart, ``DATA/ARCHITECTURE/REMOVAL/VARIANT/SEED``; a form without a number gets that of `UNTUNED`.

        Raises
        ------
        ValueError
            When it is not such a name.
        """
        parts = name.split("/")
        if len(parts) != 5 or not parts[4].isdecimal() or parts[2] not in REMOVALS or parts[0].split(":")[0] not in BENCHES:
            raise ValueError(
                f"{name!r} is not DATA/ARCHITECTURE/REMOVAL/VARIANT/SEED, such as digits/lenet5/synthesis/sample/0; data "
                f"are {', '.join(BENCHES)}, removals {', '.join(REMOVALS)}"
            )
        form, *options = parts[3].split("+")
        if form not in FORMS:
            raise ValueError(f"{name!r}: there is no form {form!r}; there are {', '.join(FORMS)}")
        if not any("=" in option for option in options):
            value = BENCHES[parts[0].split(":")[0]].rate if form == "none" else UNTUNED[form]
            options = [f"{KNOBS[form][0]}={value:g}", *options]
        return cls(parts[0], parts[1], parts[2], "+".join([form, *options]), int(parts[4]))

    def __str__(self) -> str:
        """Return the name."""
        return "/".join((self.data, self.architecture, self.removal, self.variant, str(self.seed)))

    @property
    def base(self) -> str:
        """The data set, of which `data` may be a part."""
        return self.data.partition(":")[0]

    @property
    def bench(self) -> Bench:
        """How it is trained and tested."""
        return BENCHES[self.base]

    @property
    def form(self) -> str:
        """Of the training."""
        return self.variant.split("+")[0]

    @property
    def value(self) -> float:
        """What the form's number is."""
        [number] = [option.partition("=")[2] for option in self.variant.split("+") if "=" in option]
        return float(number)

    @property
    def generations(self) -> int:
        """Steps of evolution."""
        return UNSCALED_GENERATIONS if self.removal == UNSCALED else self.bench.generations

    def has(self, option: str) -> bool:
        """Return whether an option without a number is in the variant."""
        return option in self.variant.split("+")

    @property
    def file_name(self) -> str:
        """Name of the file, shipped or kept."""
        parts = (self.data, self.architecture, self.removal, self.variant, str(self.seed))
        return "--".join(part.replace(":", "-") for part in parts) + ".safetensors.xz"

    @property
    def path(self) -> Path:
        """The file: the shipped one, else that in the user's cache, whether it is there or not."""
        shipped = SHIPPED / self.file_name
        return shipped if shipped.is_file() else cache_dir() / "evolution" / self.file_name


@dataclass(frozen=True)
class Split:
    """The images of a lineage: those it is trained on, those for tuning, those for testing."""

    train: tuple[Array, Array]
    held_out: tuple[Array, Array]
    test: tuple[Array, Array]
    channels: int
    size: int
    flip: bool
    statistics: tuple[list[float], list[float]]


@cache
def split(data: str, seed: int) -> Split:
    """Return the images of a lineage.

    Parameters
    ----------
    data : str
        Such as ``mnist:6000``; held out of these are as many as the bench says.
    seed : int

    Returns
    -------
    Split
    """
    arrays, bench = load_arrays(data, seed=seed), BENCHES[data.partition(":")[0]]
    order = np.random.default_rng(seed).permutation(len(arrays.train_labels))
    held, rows = np.sort(order[: bench.held_out]), np.sort(order[bench.held_out :])
    return Split(
        (arrays.train_images[rows], arrays.train_labels[rows]),
        (arrays.train_images[held], arrays.train_labels[held]),
        (arrays.test_images[:: bench.every], arrays.test_labels[:: bench.every]),
        arrays.channels,
        arrays.size,
        arrays.flip,
        arrays.statistics(),
    )


def make_lineages(names: Iterable[str], *, n_jobs: int = -1, progress: bool = True) -> None:
    """Train the lineages that are not at hand, and keep them in the user's cache."""
    missing = [{"name": name} for name in names if not Lineage.parse(name).path.is_file()]
    run_tasks(train_lineage, missing, name="lineages", n_jobs=n_jobs, progress=progress)


def train_lineage(name: str) -> str:
    """Train all generations of a lineage, and keep their weights in one file.

    Parameters
    ----------
    name : str
        As :meth:`Lineage.parse` takes it.

    Returns
    -------
    str
        Name of the file.
    """
    lineage = Lineage.parse(name)
    tensors: dict[str, Tensor] = {}
    module = first_network(lineage)
    for generation in range(lineage.generations + 1):
        if generation:
            module = offspring(lineage, module, generation)
            if lineage.has("fresh"):
                module = with_fresh_weights(lineage, module, generation)
        train_generation(lineage, module, generation)
        # What is kept and handed on is of half the precision, so that a file of a lineage can be shipped.
        module.half()
        tensors |= {f"{generation}.{key}": tensor.clone().contiguous() for key, tensor in module.state_dict().items()}
        module.float()
    lineage.path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(lineage.path) as temporary:
        temporary.write_bytes(lzma.compress(save(tensors)))
    return lineage.file_name


def load_lineage(name: str) -> list[Standardized]:
    """Load the networks of a lineage, as each generation's training left them.

    Parameters
    ----------
    name : str

    Returns
    -------
    list of Standardized
        The ancestor first; in evaluation mode.

    Raises
    ------
    ValueError
        When the file is damaged.
    """
    lineage = Lineage.parse(name)
    networks = []
    try:
        tensors = load(lzma.decompress(lineage.path.read_bytes()))
        for generation in range(lineage.generations + 1):
            module = first_network(lineage)
            beginning = f"{generation}."
            module.load_state_dict(
                {key.removeprefix(beginning): one for key, one in tensors.items() if key.startswith(beginning)}
            )
            networks.append(module.eval())
    except (lzma.LZMAError, EOFError, RuntimeError, ValueError) as error:
        raise ValueError(f"{lineage.path} is damaged, or not of {lineage}: {error}; remove it to train it anew") from error
    return networks


def first_network(lineage: Lineage, generation: int = 0) -> Standardized:
    """Return a network with the first weights of a lineage; of a later generation, other ones."""
    images = split(lineage.data, lineage.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1000 * lineage.seed + generation)
        network = build(lineage.architecture, images.channels, 10, images.size)
    return Standardized(network, *images.statistics)


def train_generation(lineage: Lineage, module: nn.Module, generation: int) -> None:
    """Train a network of a lineage under the stress of the step that comes, in place; what is missing stays away."""
    bench, images = lineage.bench, split(lineage.data, lineage.seed)
    every = -(-len(images.train[0]) // bench.batch_size) if lineage.form == "multiplicative" else None
    knob, rate = KNOBS[lineage.form][0], bench.rate
    options: dict[str, Any] = {}
    if knob == "rate":
        rate = lineage.value
    else:
        options[knob] = lineage.value
    options.setdefault("factor", FACTOR)
    if lineage.removal == UNITS and lineage.form != "none":
        # A milder stress spares as much more of the units.
        options["units"] = max(UNIT_SHARE, options["factor"])
    stressed = StressedTraining(module, lineage.form, every=every, **options)
    fit(
        stressed,
        *images.train,
        epochs=bench.epochs * (LONG if lineage.has("long") else 1),
        batch_size=bench.batch_size,
        optimizer=partial(sgd, lr=rate),
        batch_hook=_augmented if images.flip else None,
        seed=1000 * lineage.seed + generation,
        progress=False,
    )


def offspring(lineage: Lineage, module: Standardized, generation: int, draw: int = 0) -> Standardized:
    """Return an offspring, untrained.

    Parameters
    ----------
    lineage : Lineage
    module : Standardized
        Of the generation before, trained.
    generation : int
        Of the offspring, from 1 on.
    draw : int, default=0
        The first one begins the generation; others tell what chance does. Pruning draws nothing.
    """
    return REMOVALS[lineage.removal](module, generation, 10_000 * lineage.seed + 1000 * generation + ATTEMPTS * draw)


def with_fresh_weights(lineage: Lineage, module: Standardized, generation: int) -> Standardized:
    """Return a network with the synapses of another one, and weights and biases that know nothing."""
    fresh = first_network(lineage, generation)
    with torch.no_grad():
        for new, old in zip(find_layers(fresh).values(), find_layers(module).values(), strict=True):
            new.weight.mul_(old.weight != 0)
            _clear_biases(new)
    return fresh


def _synthesis(module: Standardized, generation: int, random_state: int, **options: Any) -> Standardized:
    for attempt in range(ATTEMPTS):
        try:
            return synthesize(module, FACTOR, random_state + attempt, **options)  # type: ignore[return-value]
        except ValueError as error:
            failed = error
    raise ValueError(f"{ATTEMPTS} draws left a layer without synapses: {failed}")


def _pruned(module: Standardized, generation: int, random_state: int, scope: str) -> Standardized:
    """Keep the strongest synapses: as many in each generation as a synthesis keeps in the mean."""
    share = 1 - FACTOR**generation  # of all weights: those that are gone already are the smallest
    smaller = prune(module, share, scope)
    for layer in find_layers(smaller).values():
        _clear_biases(layer)
    return smaller  # type: ignore[return-value]


def _dropped(module: Standardized, generation: int, random_state: int) -> Standardized:
    """Keep synapses at random, as many as :func:`_pruned`; every layer keeps some."""
    random = np.random.default_rng(random_state)
    weights = {name: layer.weight.detach() for name, layer in find_layers(module).items()}
    flat = torch.cat([weight.flatten() for weight in weights.values()])
    there = np.flatnonzero(flat.numpy())
    count = round(FACTOR**generation * len(flat))
    while True:
        kept = torch.zeros(len(flat), dtype=torch.bool)
        kept[torch.from_numpy(random.permutation(there)[:count])] = True
        parts = kept.split([weight.numel() for weight in weights.values()])
        if all(part.any() for part in parts):
            break
    smaller = deepcopy(module)
    with torch.no_grad():
        for layer, part in zip(find_layers(smaller).values(), parts, strict=True):
            layer.weight.mul_(part.view(layer.weight.shape))
            _clear_biases(layer)
    return smaller


def _clear_biases(layer: nn.Module) -> None:
    """Set the bias of a unit without synapses to 0, as a synthesis does."""
    if layer.bias is not None:
        layer.bias.data.mul_(layer.weight.detach().flatten(1).any(1))  # type: ignore[operator]


def _augmented(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return ShiftAndFlip()(images), labels


REMOVALS: dict[str, Callable[[Standardized, int, int], Standardized]] = {
    SYNTHESIS: _synthesis,
    UNSCALED: partial(_synthesis, rescaled=False),
    UNITS: partial(_synthesis, units=UNIT_SHARE),
    PRUNED: partial(_pruned, scope="global"),
    PRUNED_BY_LAYER: partial(_pruned, scope="layer"),
    DROPPED: _dropped,
}
"""What makes an offspring, by the words of the column `stress`: of a network, the generation and the seed of a draw."""
