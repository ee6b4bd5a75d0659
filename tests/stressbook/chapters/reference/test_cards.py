"""The cards: one for each name of the registries, with the shapes of the real features and the scores of their sources."""

from __future__ import annotations

import re

import numpy as np
import pytest
from torchvision import models

from stressbook.chapters.reference.cards import page
from stresslib.classical import METHODS, find_method
from stresslib.datasets import DATASETS
from stresslib.extraction import NETWORKS
from stresslib.extraction.facts import FACTS
from stresslib.features import FeatureSet, load_features


@pytest.fixture(scope="module")
def networks() -> str:
    return page.networks()


def test_every_name_has_a_card(networks: str) -> None:
    """And every network its facts, which all entries of the registry refer to."""
    assert list(FACTS) == list(NETWORKS)
    for text, names in ((page.datasets(), DATASETS), (networks, NETWORKS), (page.methods(), METHODS)):
        assert re.findall(r"^### (\S+)$", text, re.M) == list(names)


@pytest.mark.parametrize(
    "name",
    ["digits/efficientnet-lite0/pooled", "scenes15/bossanova+codewords=64/pooled", "caltech101/bvlc-googlenet/pooled"],
)
def test_widths_are_those_of_the_shipped_features(name: str) -> None:
    """The shapes come from a pass without numbers, and the features from the real one."""
    assert name in page.shipped()
    _, model, layer = name.split("/")
    width = load_features(name, normalize=False).X.shape[1]
    if model in NETWORKS:
        assert width == next(one.width for one in page.layers(model) if layer in one.names)
    else:
        assert width == find_method(model).width(layer)


def test_images_are_counted_in_the_shipped_features() -> None:
    assert "3,030 training and 5,647 test images of 101 classes; 1 to 770 test images a class" in page.datasets()


def test_of_several_labels_an_image_each_class_counts_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: the first class is on one test image, the second on three; a difficult one does not count."""
    labels = np.array([[1, -1], [-1, 1], [1, 1], [-1, 1], [-1, -1], [0, 1]])
    origin = {"dataset": "voc2007-val", "missing": "000001, 000002"}
    drawn = FeatureSet(np.ones((6, 2)), labels, np.arange(6) < 2, provenance=origin)
    monkeypatch.setattr(page, "load_features", lambda *arguments, **options: drawn)
    card = page._dataset("voc2007-val")
    assert "2 training and 4 test images of 2 classes; 1 to 3 test images a class" in card
    assert "- *Missing*: 000001, 000002, which the copy lacks" in card


def test_missing_images_are_named_where_there_are_any() -> None:
    cards = dict(re.findall(r"^### (\S+)$(.*?)(?=^### |\Z)", page.datasets(), re.M | re.S))
    assert "2,500 training and 2,508 test images of 20 classes" in cards["voc2007-val"]
    assert [name for name, text in cards.items() if "*Missing*" in text] == ["voc2007-val"]
    assert "*Missing*: 005042, 007284, 009623, " in cards["voc2007-val"]


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "torchvision-googlenet", "resnet50"])
def test_top_1_is_what_torchvision_states(networks: str, name: str) -> None:
    weights = models.get_weight(re.search(r"torchvision's (\S+),", NETWORKS[name].about)[1])  # type: ignore[index]
    assert NETWORKS[name].facts.top1 == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert f"{NETWORKS[name].facts.top1:.1f}%" in networks
