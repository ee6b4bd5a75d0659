"""Cards: a short one for each named data set, network and classical method.

What the registries know comes from them, shapes from a pass without numbers; what only a source can say stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from stresslib.classical import LAYERS, METHODS
from stresslib.datasets import DATASETS
from stresslib.datasets.registry import Counts
from stresslib.extraction import NETWORKS
from stresslib.extraction.graph import cut
from stresslib.extraction.network import Network
from stresslib.features import EMBEDDED, list_features, load_features


@dataclass(frozen=True)
class Notes:
    """What the registry does not say of a data set.

    Attributes
    ----------
    cite : str
        Keys of the bibliography, joined by commas; empty where it has none.
    licence : str
        Of the images, as their source states it.
    odd : str
        What somebody should know who has not worked with it.
    """

    cite: str
    licence: str
    odd: str


DATASET_NOTES = {
    "voc2007": Notes(
        "everingham2010",
        "photographs from Flickr, to be used under Flickr's terms, says its page",
        "An image may show several classes. An object that is marked as difficult is neither right nor wrong. Among equal "
        "scores the order of the images decides.",
    ),
    "mit67": Notes(
        "quattoni2009",
        "for research purposes only, says its page",
        "The archive has 15,620 images; the authors' two lists name 6,700 of them, and the others are left out.",
    ),
    "food101": Notes(
        "bossard2014",
        "images from Foodspotting; what goes beyond scientific fair use is to be settled with their owners, say its authors",
        "It is not the paper's, whose published scores fit the set of the same name from UPMC. Its training images were "
        "left uncleaned on purpose.",
    ),
    "upmc-food101": Notes(
        "wang2015",
        "none known; the images come from a web search",
        "They were found by the name of each dish, so some show something else. Copies differ in their numbers, and how the "
        "authors drew the training images is unknown.",
    ),
    "caltech101": Notes(
        "feifei2004",
        "CC BY 4.0",
        "The class of clutter is left out. Most objects stand in the middle, alone. Many of its classes are ImageNet's too.",
    ),
    "scenes15": Notes(
        "lazebnik2006",
        "none stated",
        "The copy at hand is grey, was squashed to 200 × 200 pixels and encoded anew as WebP; exact doubles between "
        "training and test part were removed. Some of the images are from {cite:t}`oliva2001` and {cite:t}`feifei2005`.",
    ),
    "coco": Notes(
        "",
        "annotations CC BY 4.0; photographs from Flickr, each under a licence of its own",
        "A sample of COCO with the labels of VOC 2007, to try several labels an image. It is far too small to quote.",
    ),
    "digits": Notes(
        "alpaydin1998,pedregosa2011",
        "UCI's is CC BY 4.0; scikit-learn, which brings them, names none",
        "The 8 × 8 levels of grey are enlarged to the size of a photograph: nothing in ImageNet looks like them.",
    ),
}
"""By the names of :data:`stresslib.datasets.DATASETS`."""


@dataclass(frozen=True)
class Form:
    """What the registry does not say of a network.

    Attributes
    ----------
    cite : str
        As in :class:`Notes`.
    form : str
        Its architecture in a sentence.
    top1 : float or None
        Percent of ImageNet's validation images, from one crop of the centre.
    stated : str
        Who states that number.
    """

    cite: str
    form: str
    top1: float | None
    stated: str = ""


_LITE = "EfficientNet without squeeze-and-excitation, and with ReLU6 for swish: no number of its last map is negative."
_TPU = "of the original weights, by the page of TensorFlow's EfficientNet-Lite; these were converted from them"
_DEVIL = "Five convolutions, the first two with local response normalisation, and three fully connected layers"
_INCEPTION = "Nine inception modules, without batch normalisation, and an average over the last map."
_MATCONVNET, _TORCHVISION = "by MatConvNet's page of pre-trained models", "by torchvision's documentation"

NETWORK_NOTES = {
    "efficientnet-lite0": Form("tan2019", _LITE, 75.1, _TPU),
    "efficientnet-lite0-untrained": Form("tan2019", "The same, as a control: what is left when nothing was learnt.", None),
    "efficientnet-lite1": Form("tan2019", _LITE, 76.7, _TPU),
    "efficientnet-lite2": Form("tan2019", _LITE, 77.6, _TPU),
    "vgg-m": Form("chatfield2014", f"{_DEVIL}, of 4,096, 4,096 and 1,000 numbers.", 62.7, _MATCONVNET),
    "vgg-m-128": Form("chatfield2014", f"{_DEVIL}, of 4,096, 128 and 1,000 numbers.", 59.2, _MATCONVNET),
    "googlenet": Form("szegedy2015", _INCEPTION, 65.8, _MATCONVNET),
    "bvlc-googlenet": Form("szegedy2015,jia2014", _INCEPTION, 68.7, "by the readme of Caffe's model zoo"),
    "alexnet": Form("paszke2019", "Five convolutions and three fully connected layers.", 56.522, _TORCHVISION),
    "vgg16": Form("paszke2019", "Thirteen convolutions of 3 × 3 and three fully connected layers.", 71.592, _TORCHVISION),
    "torchvision-googlenet": Form(
        "paszke2019",
        "Nine inception modules with batch normalisation: another network than the paper's of the same name.",
        69.778,
        _TORCHVISION,
    ),
    "resnet50": Form("paszke2019", "Sixteen residual blocks of three convolutions each.", 76.13, _TORCHVISION),
}
"""By the names of :data:`stresslib.extraction.NETWORKS`."""


def shipped() -> list[str]:
    """Return the names of the feature sets that come with the package."""
    return [name for name, path in list_features() if path.parent == EMBEDDED]


def datasets() -> str:
    """Return the cards of the data sets, as Markdown.

    Returns
    -------
    str
        In the order of the registry; numbers of images are those of the registry, else those of a shipped feature set.
    """
    return "\n\n".join(_dataset(name) for name in DATASETS)


def _dataset(name: str) -> str:
    dataset, notes = DATASETS[name], DATASET_NOTES[name]
    here = [features for features in shipped() if features.startswith(f"{name}/")]
    facts = {"From": dataset.source, "Images": str(dataset.counts) if dataset.counts else ""}
    if here:
        features = load_features(here[0], normalize=False)
        rows = np.bincount(features.y[features.test])
        counts = Counts(int(features.train.sum()), int(features.test.sum()), len(rows))
        facts["Images"] = f"{counts}; {rows.min()} to {rows.max()} test images a class"
    if dataset.size is not None:
        facts["Download"] = f"{dataset.size / 1e6:,.0f} MB"
    facts |= {"Licence": notes.licence, "Mind": notes.odd, "Shipped": _joined(here)}
    return _card(name, dataset.about, notes.cite, facts)


def networks() -> str:
    """Return the cards of the networks, as Markdown.

    Returns
    -------
    str
        In the order of the registry.
    """
    return "\n\n".join(_network(name) for name in NETWORKS)


def _network(name: str) -> str:
    network, notes = NETWORKS[name], NETWORK_NOTES[name]
    here = [features for features in shipped() if features.split("/")[1] == name]
    used = sorted({features.split("/")[0] for features in here})
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in network.architecture().parameters())
    top1 = "none: it was never trained" if network.weights is None else f"{notes.top1:.1f}%, {notes.stated}"
    facts = {
        "Form": notes.form,
        "Weights": f"{network.source}; {count / 1e6:.1f} million parameters",
        "Input": _input(network),
        "Layers": "; ".join(f"{_joined(layer.names)} {_shape(layer)}" for layer in layers(network)),
        "Top-1 on ImageNet": top1,
        "Shipped": f"features of {', '.join(used)}" if used else "",
    }
    return _card(name, network.about, notes.cite, facts)


def _input(network: Network) -> str:
    given = network.preprocessing
    side = f"{given.size} × {given.size} pixels, {given.channels}"
    if set(given.mean) == {0.0} and set(given.std) == {1.0}:
        return f"{side}, 0 to 255; the average image that comes with the weights is subtracted"
    mean, std = (
        f"{values[0]:g}" if len(set(values)) == 1 else f"({', '.join(f'{value:g}' for value in values)})"
        for values in (given.mean, given.std)
    )
    return f"{side}, " + (f"v − {mean}" if std == "1" else f"(v − {mean}) / {std}") + " of each value v from 0 to 255"


class Layer(NamedTuple):
    """What an image's output is, at a node of a network that has one name or more."""

    names: list[str]
    shape: tuple[int, ...]
    width: int


def layers(network: Network) -> list[Layer]:
    """Return the named layers of a network, found without its weights and without computing a number.

    Parameters
    ----------
    network : Network

    Returns
    -------
    list of Layer
        Names that are one node together, in the order of the registry.

    Examples
    --------
    >>> from stresslib.extraction import NETWORKS
    >>> layers(NETWORKS["bvlc-googlenet"])[0]
    Layer(names=['inception5b', 'icp9_out'], shape=(1024, 7, 7), width=50176)
    """
    names: dict[str, list[str]] = {}
    for name, node in network.layers.items():
        names.setdefault(node, []).append(name)
    with torch.device("meta"), torch.inference_mode():
        part = cut(network.architecture().eval(), *names)
        outputs = part(torch.empty(1, 3, network.preprocessing.size, network.preprocessing.size))
    return [Layer(alike, tuple(out.shape[1:]), out.numel()) for alike, out in zip(names.values(), outputs, strict=True)]


def _shape(layer: Layer) -> str:
    return f"{layer.width:,}" + (f" ({' × '.join(map(str, layer.shape))})" if len(layer.shape) > 1 else "")


def widths() -> pd.DataFrame:
    """Return how many numbers each named layer of each network and method gives an image.

    Returns
    -------
    pandas.DataFrame
        Columns `model`, `layer`, `width`; one row a name.
    """
    rows = [(model, name, one.width) for model in NETWORKS for one in layers(NETWORKS[model]) for name in one.names]
    rows += [(model, layer, METHODS[model].width(layer)) for model in METHODS for layer in LAYERS]
    return pd.DataFrame(rows, columns=["model", "layer", "width"])


def methods() -> str:
    """Return the cards of the classical methods, as Markdown."""
    cites = {"bossanova": "avila2013", "bag-of-words": "", "fisher-vector": "sanchez2013"}
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
        cards.append(_card(name, method.about, cites[name], facts))
    return "\n\n".join(cards)


def _card(name: str, about: str, cite: str, facts: dict[str, str]) -> str:
    sentence = f"{about}." + (f" {{cite}}`{cite}`" if cite else "")
    lines = [f"### {name}", "", sentence, "", *(f"- *{label}*: {fact}" for label, fact in facts.items() if fact)]
    return re.sub(r"https?://[^\s,;]+", r"<\g<0>>", "\n".join(lines))


def _joined(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
