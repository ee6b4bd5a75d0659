"""Labels: what the page calls layers, and how large their units' images are.

For everything of the chapter that draws or says; nothing that measures takes a word from here.
"""

from __future__ import annotations

import pandas as pd

from stressbook.chapters.units.invariances.names import INDEPENDENT
from stressbook.chapters.units.invariances.scores import KEY

LAYERS = {
    ("bvlc-googlenet", "conv1"): "GoogLeNet, convolution 1",
    ("efficientnet-lite0", "_blocks.1._bn0"): "EffNet-Lite0, block 1",
    ("bvlc-googlenet", "conv2"): "GoogLeNet, convolution 2",
    ("efficientnet-lite0", "_blocks.3._bn0"): "EffNet-Lite0, block 3",
    ("resnet20", "layer1.2"): "ResNet-20, stage 1",
    ("resnet20", "layer2.0"): "ResNet-20, stage 2",
    ("resnet8:8/twice/0", "layer1.0"): "ResNet-8 of digits, stage 1",
}
"""What the page calls the layers, by network and node."""


def layer_name(model: str, node: str) -> str:
    """Return what the page calls a layer."""
    return LAYERS.get((model, node), f"{model}, {node}")


def sides(results: pd.DataFrame) -> dict[tuple[str, str, str], int]:
    """Return the side of the images of each layer's units, in pixels, by `dataset`, `model` and `layer`.

    Digits have one colour, all else has three.
    """
    rows = results[results["stress"].eq(INDEPENDENT)].drop_duplicates(KEY[:3])
    found = {}
    for row in rows.to_dict("records"):
        colours = 1 if row["dataset"] == "digits" else 3
        found[row["dataset"], row["model"], row["layer"]] = round((row["n_features"] / colours) ** 0.5)
    return found


def layers_of(units: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return `dataset`, `model` and `layer` of the layers of :func:`by_unit`, in their order there."""
    return list(dict.fromkeys((str(one[0]), str(one[1]), str(one[2])) for one in units.index))
