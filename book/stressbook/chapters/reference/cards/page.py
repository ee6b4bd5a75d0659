"""Cards: a short description of each data set, network and classical method that the project knows by name.

Nothing is measured: facts come from the registries, shapes from a forward pass that computes no numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from stresslib.classical import LAYERS, METHODS
from stresslib.datasets import DATASETS
from stresslib.datasets.dataset import Counts
from stresslib.extraction import NETWORKS
from stresslib.extraction.graph import cut
from stresslib.extraction.network import Network
from stresslib.features import EMBEDDED, list_features, load_features


def shipped() -> list[str]:
    """Return the names of the feature sets that come with the package."""
    return [name for name, path in list_features() if path.parent == EMBEDDED]


def datasets() -> str:
    """Return the cards of the data sets, as Markdown.

    Returns
    -------
    str
        In the order of the registry; numbers of images are those of a shipped feature set, else those of the registry.
    """
    return "\n\n".join(_dataset(name) for name in DATASETS)


def _dataset(name: str) -> str:
    dataset = DATASETS[name]
    here = [features for features in shipped() if features.startswith(f"{name}/")]
    facts = {"From": dataset.source, "Images": str(dataset.counts) if dataset.counts else ""}
    if here:
        features = load_features(here[0], normalize=False)
        labels = features.y[features.test]
        rows = np.bincount(labels) if labels.ndim == 1 else (labels == 1).sum(axis=0)
        counts = Counts(int(features.train.sum()), int(features.test.sum()), len(rows))
        facts["Images"] = f"{counts}; {rows.min()} to {rows.max()} test images a class"
        if missing := features.provenance.get("missing"):
            facts["Missing"] = f"{missing}, which the copy lacks"
    if dataset.size is not None:
        facts["Download"] = f"{dataset.size / 1e6:,.0f} MB"
    facts |= {"Licence": dataset.licence, "Mind": dataset.note, "Shipped": _joined(here)}
    return _card(name, dataset.about, dataset.cite, facts)


def networks() -> str:
    """Return the cards of the networks, as Markdown.

    Returns
    -------
    str
        In the order of the registry.
    """
    return "\n\n".join(_network(name) for name in NETWORKS)


def _network(name: str) -> str:
    network = NETWORKS[name]
    here = [features for features in shipped() if features.split("/")[1] == name]
    used = sorted({features.split("/")[0] for features in here})
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in network.architecture().parameters())
    top1 = "none: it was never trained"
    if network.weights is not None:
        top1 = f"{network.facts.top1:.1f}%, {network.facts.stated}"
    facts = {
        "Form": network.facts.form,
        "Weights": f"{network.source}; {count / 1e6:.1f} million parameters",
        "Input": _input(network),
        "Layers": "; ".join(f"{_joined(layer.names)} {_shape(layer)}" for layer in layers(name)),
        "Top-1 on ImageNet": top1,
        "Shipped": f"features of {', '.join(used)}" if used else "",
    }
    return _card(name, network.about, network.facts.cite, facts)


def _input(network: Network) -> str:
    given = network.preprocessing
    side = f"{given.size} × {given.size} pixels, {given.channels}"
    if set(given.mean) == {0.0} and set(given.std) == {1.0}:
        return f"{side}, 0 to 255; the average image that comes with the weights is subtracted"
    mean, std = _per_channel(given.mean), _per_channel(given.std)
    formula = f"v − {mean}" if std == "1" else f"(v − {mean}) / {std}"
    return f"{side}, {formula} of each value v from 0 to 255"


def _per_channel(values: tuple[float, ...]) -> str:
    """Write three values in brackets, or one where they are equal."""
    if len(set(values)) == 1:
        return f"{values[0]:g}"
    return f"({', '.join(f'{value:g}' for value in values)})"


class Layer(NamedTuple):
    """The output for one image of a node that has one name or more."""

    names: list[str]
    shape: tuple[int, ...]
    width: int


@cache  # the cards and the table of widths both ask for every network
def layers(model: str) -> list[Layer]:
    """Return the layers of a network that have names, found without its weights and without computing a number.

    Parameters
    ----------
    model : str
        Of :data:`stresslib.extraction.NETWORKS`.

    Returns
    -------
    list of Layer
        In the order of the registry; names of the same node come together.

    Examples
    --------
    >>> layers("bvlc-googlenet")[0]
    Layer(names=['inception5b', 'icp9_out'], shape=(1024, 7, 7), width=50176)
    """
    network, names = NETWORKS[model], dict[str, list[str]]()
    for name, node in network.layers.items():
        names.setdefault(node, []).append(name)
    with torch.device("meta"), torch.inference_mode():
        part = cut(network.architecture().eval(), *names)
        outputs = part(torch.empty(1, 3, network.preprocessing.size, network.preprocessing.size))
    return [Layer(alike, tuple(out.shape[1:]), out.numel()) for alike, out in zip(names.values(), outputs, strict=True)]


def _shape(layer: Layer) -> str:
    return f"{layer.width:,}" + (f" ({' × '.join(map(str, layer.shape))})" if len(layer.shape) > 1 else "")


def widths() -> pd.DataFrame:
    """Return how many numbers an image has in each layer with a name, of each network and method.

    Returns
    -------
    pandas.DataFrame
        Columns `model`, `layer`, `width`; one row for each name.
    """
    rows = [(model, name, one.width) for model in NETWORKS for one in layers(model) for name in one.names]
    rows += [(model, layer, METHODS[model].width(layer)) for model in METHODS for layer in LAYERS]
    return pd.DataFrame(rows, columns=["model", "layer", "width"])


def methods() -> str:
    """Return the cards of the classical methods, as Markdown."""
    cards = []
    for name, method in METHODS.items():
        here = [features for features in shipped() if features.split("/")[1].partition("+")[0] == name]
        facts = {
            "Mixture" if method.mixture else "Codebook": "learnt from the training images of the data set that is described",
            "Input": f"grey levels, the longer side at most {method.side} pixels; a descriptor every {method.step} pixels, "
            f"reduced to {method.components} principal components",
            "Layers": "; ".join(f"{_joined([layer])} {method.width(layer):,}" for layer in LAYERS),
            "Shipped": _joined(here),
        }
        cards.append(_card(name, method.about, method.cite, facts))
    return "\n\n".join(cards)


def _card(name: str, about: str, cite: str, facts: dict[str, str]) -> str:
    sentence = f"{about}." + (f" {{cite}}`{cite}`" if cite else "")
    lines = [f"### {name}", "", sentence, "", *(f"- *{label}*: {fact}" for label, fact in facts.items() if fact)]
    return re.sub(r"https?://[^\s,;]+", r"<\g<0>>", "\n".join(lines))


def _joined(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
