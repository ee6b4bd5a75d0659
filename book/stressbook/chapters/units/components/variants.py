"""Variants: the base network, and what each variant changes in it, in its loss or in its training: one component each.

Between `network` and `trainings`. What the page calls them is in `effects`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from stressbook.chapters.units.components.names import BASE
from stressbook.chapters.units.components.network import ComponentNetwork
from stressbook.chapters.units.components.triplets import CrossEntropyAndTriplets
from stresslib.networks import Standardized

DECAY = 5e-4
"""Weight decay of the base network."""

RATES = (0.03, 0.1, 0.3)
"""Learning rates that are tried with momentum; see :data:`OPTIMIZERS`."""

OPTIMIZERS: dict[str, tuple[float, Callable[..., torch.optim.Optimizer]]] = {
    "momentum": (1.0, partial(torch.optim.SGD, momentum=0.9, nesterov=True)),
    "plain": (10.0, torch.optim.SGD),
    "adam": (0.1, torch.optim.Adam),
}
"""By what :data:`RATES` are multiplied, and what makes the optimiser: steps without momentum are a tenth as long, at equal
rate, and those of Adam are as long as the rate."""


@dataclass(frozen=True)
class Variant:
    """A network and its training.

    Attributes
    ----------
    network : mapping
        Parameters of :class:`~stressbook.chapters.units.components.network.ComponentNetwork`.
    loss : {"cross-entropy", "smoothed", "hinge", "triplets"}
    optimizer : str
        Of :data:`OPTIMIZERS`.
    decay : float
        Of the weights.
    augmented : bool
        Whether images are shifted, and mirrored where the mirror image is such a thing, too.
    """

    network: Mapping[str, Any] = field(default_factory=dict)
    loss: str = "cross-entropy"
    optimizer: str = "momentum"
    decay: float = DECAY
    augmented: bool = True

    @property
    def rates(self) -> tuple[float, ...]:
        """Learning rates that are tried."""
        return tuple(float(f"{rate * OPTIMIZERS[self.optimizer][0]:g}") for rate in RATES)

    def descent(self, rate: float) -> Callable[..., torch.optim.Optimizer]:
        """Return what makes the optimiser of a training."""
        return partial(OPTIMIZERS[self.optimizer][1], lr=rate, weight_decay=self.decay)

    def criterion(self, module: nn.Module) -> Callable[[Tensor, Tensor], Tensor] | None:
        """Return the loss of a step, from logits and labels; None is the cross entropy."""
        if self.loss == "hinge":
            return nn.MultiMarginLoss()
        return CrossEntropyAndTriplets(module.network.linear) if self.loss == "triplets" else None  # type: ignore[arg-type,union-attr]


VARIANTS = {
    BASE: Variant(),
    # layer design: convolution
    "tiled": Variant({"convolution": "tiled"}),
    "dilated": Variant({"convolution": "dilated"}),
    "network-in-network": Variant({"convolution": "network-in-network"}),
    "inception": Variant({"convolution": "inception"}),
    # layer design: pooling
    "average": Variant({"pooling": "average"}),
    "lp": Variant({"pooling": "lp"}),
    "stochastic": Variant({"pooling": "stochastic"}),
    "strided": Variant({"pooling": "strided"}),
    # activation
    "parametric": Variant({"activation": "parametric"}),
    "randomised": Variant({"activation": "randomised"}),
    "elu": Variant({"activation": "elu"}),
    "maxout": Variant({"activation": "maxout"}),
    # loss
    "hinge": Variant(loss="hinge"),
    "smoothed": Variant(loss="smoothed"),
    "triplets": Variant(loss="triplets"),
    # regularisation
    "no-decay": Variant(decay=0.0),
    "more-decay": Variant(decay=10 * DECAY),
    "dropout": Variant({"dropout": 0.5}),
    "dropconnect": Variant({"dropconnect": True}),
    # optimisation
    "no-momentum": Variant(optimizer="plain"),
    "adam": Variant(optimizer="adam"),
    "no-norm": Variant({"norm": False}),
    "no-augmentation": Variant(augmented=False),
    "shortcuts": Variant({"shortcuts": True}),
    # fast computation
    "separable": Variant({"convolution": "separable"}),
    "low-rank": Variant({"convolution": "low-rank"}),
    "binary": Variant({"convolution": "binary"}),
}
"""The variants by their names, in the order of the survey's axes."""


def find_variant(name: str) -> Variant:
    """Return a variant by its name.

    Raises
    ------
    ValueError
        When there is none; the message has the nearest.

    Examples
    --------
    >>> from stressbook.chapters.units.components.variants import find_variant
    >>> find_variant("no-momentum").rates
    (0.3, 1.0, 3.0)
    """
    if name not in VARIANTS:
        near = difflib.get_close_matches(name, VARIANTS, n=1)
        hint = f"the nearest is {near[0]!r}" if near else f"there are {', '.join(VARIANTS)}"
        raise ValueError(f"there is no component {name!r}; {hint}")
    return VARIANTS[name]


def fresh(
    name: str, architecture: str, statistics: tuple[list[float], list[float]], classes: int, seed: int = 0
) -> Standardized:
    """Build the network of a variant with first weights of a seed, behind the standardisation of its images.

    Parameters
    ----------
    name : str
        Of a variant.
    architecture : str
        ``components:WIDTH``.
    statistics : tuple of list of float
        Mean and standard deviation of each channel.
    classes : int
    seed : int, default=0

    Returns
    -------
    Standardized

    Raises
    ------
    ValueError
        When there is no such variant, or the architecture is another one.
    """
    kind, _, width = architecture.partition(":")
    if kind != "components" or not width.isdecimal():
        raise ValueError(f"{architecture!r} is not components:WIDTH, such as components:8")
    variant = find_variant(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ComponentNetwork(int(width), len(statistics[0]), classes, **variant.network)
    return Standardized(network, *statistics)
