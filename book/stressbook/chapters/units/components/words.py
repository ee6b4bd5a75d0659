"""Words: what the page calls each component, its axis of the survey, and the chapter of the book that stresses it.

Between the names of variants and everything that draws or says; nothing here computes, but for which pages there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from stressbook.chapters.units.components.names import ACCURACY, BASE, SEPARATION

FIGURES = Path(__file__).parents[5] / "notebooks" / "figures.yml"


@dataclass(frozen=True)
class Component:
    """What the page says of a variant.

    Attributes
    ----------
    name : str
    axis : str
        Of the survey.
    change : str
        What is changed in the base network.
    page : str
        Of the book, which stresses such a thing: a figure, or prose behind ``../``.
    linked : str
        What the link to it says.
    """

    name: str
    axis: str
    change: str
    page: str
    linked: str


def _of(axis: str, *rows: tuple[str, str, str, str, str]) -> dict[str, Component]:
    return {variant: Component(name, axis, change, page, linked) for variant, name, change, page, linked in rows}


AXES = ("base", "convolution", "pooling", "activation", "loss", "regularisation", "optimisation", "fast computation")
"""The survey's axes, its layer design in two, behind the network that they are axes of."""

COMPONENTS = {
    BASE: Component(
        "base network",
        "base",
        "nothing: plain convolutions, maximum, ReLU, cross entropy",
        "layers",
        "Layer by layer",
    ),
    **_of(
        "convolution",
        (
            "tiled",
            "tiled",
            "four kernels in turn over rows and columns",
            "shared-kernels",
            "One kernel for all",
        ),
        ("dilated", "dilated", "every second convolution skips every second pixel", "context", "Context"),
        (
            "network-in-network",
            "network in network",
            "every second convolution is 1 × 1",
            "shared-kernels",
            "Regulators",
        ),
        ("inception", "inception", "branches of 1 × 1, 3 × 3, 5 × 5 and a pooled one", "direct", "GoogLeNet's own layer"),
    ),
    **_of(
        "pooling",
        ("average", "average", "the mean of 2 × 2 places", "objects", "Size and place"),
        ("lp", "Lp (p = 2)", "the root of their mean square", "objects", "Size and place"),
        ("stochastic", "stochastic", "one place, drawn by its share", "objects", "Size and place"),
        (
            "strided",
            "strides",
            "no pooling: the convolution before takes every second place",
            "objects",
            "Size and place",
        ),
    ),
    **_of(
        "activation",
        ("parametric", "parametric ReLU", "a learned slope below zero, one a channel", "layers", "Before and after ReLU"),
        ("randomised", "randomised ReLU", "a slope below zero drawn in each step", "layers", "Before and after ReLU"),
        ("elu", "ELU", "an exponential below zero", "layers", "Before and after ReLU"),
        ("maxout", "maxout", "the larger of two maps, with twice the kernels", "layers", "Before and after ReLU"),
    ),
    **_of(
        "loss",
        ("hinge", "hinge", "the hinge loss of several classes", "../solver", "The SVM of the paper"),
        (
            "smoothed",
            "label smoothing",
            "a tenth of each label goes to all classes",
            "separation",
            "Separation",
        ),
        ("triplets", "triplets", "a loss that draws a class together is added", "separation", "Separation"),
    ),
    **_of(
        "regularisation",
        ("no-decay", "no weight decay", "none", "feature-flow", "Weight decay"),
        ("more-decay", "weight decay × 10", "ten times as much", "feature-flow", "Weight decay"),
        ("dropout", "dropout", "half of the features are missing", "evolution", "Units that go"),
        (
            "dropconnect",
            "DropConnect",
            "half of the last layer's weights are missing",
            "evolution",
            "Synapses that go",
        ),
    ),
    **_of(
        "optimisation",
        ("no-momentum", "no momentum", "plain stochastic gradient descent", "networks", "Better networks"),
        ("adam", "Adam", "steps scaled for each weight", "networks", "Better networks"),
        ("no-norm", "no batch norm", "a bias instead", "feature-flow", "Normalisation"),
        (
            "no-augmentation",
            "no augmentation",
            "images are neither shifted nor mirrored",
            "amplitude-phase",
            "Altered images",
        ),
        (
            "shortcuts",
            "shortcuts",
            "a stage's second convolution adds its input",
            "shared-kernels",
            "Residual blocks",
        ),
    ),
    **_of(
        "fast computation",
        (
            "separable",
            "separable",
            "a convolution of each channel, then one of 1 × 1",
            "weights-or-features",
            "Bytes of weights",
        ),
        ("low-rank", "low rank", "3 × 1, then 1 × 3, half as wide between", "weights-or-features", "Bytes of weights"),
        ("binary", "binary weights", "a sign a weight, a magnitude a channel", "weights-or-features", "Bytes of weights"),
    ),
}
"""By the names of the variants, in the order of the page."""

MEASURES = {
    ACCURACY: "accuracy",
    SEPARATION: "SI(5)",
    "dimensions": "score kept at 5% of the dimensions",
    "values": "score kept at 2 bits",
}
"""What is compared, by its column, and what the page calls it. All are percent."""

DIMENSIONS, VALUES = "dimensions", "values"


@cache
def pages() -> frozenset[str]:
    """Return the names of the book's pages, of figures and of prose."""
    parts = yaml.safe_load(FIGURES.read_text(encoding="utf-8"))["parts"].values()
    found: set[str] = set()
    for entry in (entry for part in parts for entry in part):
        found |= {entry} if isinstance(entry, str) else {*entry, *(one for below in entry.values() for one in below)}
    return frozenset(found)


def address(component: Component) -> str:
    """Return where the page of a component lies, from the page of this chapter; empty where the book has none.

    Examples
    --------
    >>> from stressbook.chapters.units.components.words import COMPONENTS, address
    >>> address(COMPONENTS["tiled"]), address(COMPONENTS["hinge"])
    ('shared-kernels.html', '../solver.html')
    """
    return f"{component.page}.html" if component.page.removeprefix("../") in pages() else ""
