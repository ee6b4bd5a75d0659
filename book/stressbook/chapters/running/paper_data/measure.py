"""Paper data: measure how fast the paper's networks read photographs on this machine.

From photographs to images a second, with untrained weights; the page turns that into hours for the paper's data sets.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from stresslib.extraction import NETWORKS
from stresslib.extraction.graph import best_precision, cut, in_bfloat16
from stresslib.images.preprocessing import read_input

LAYERS = {"vgg-m": "relu7", "vgg-m-128": "relu7", "googlenet": "inception5b"}
"""The paper's networks, each with the layer that its figures read."""


def measure(photographs: Sequence[str | Path], *, repeats: int = 4) -> pd.Series:
    """Measure how many images a second each network takes, on this machine and with untrained weights.

    Parameters
    ----------
    photographs : sequence of path-like
    repeats : int, default=4
        Passes over the photographs.

    Returns
    -------
    pandas.Series
        Images per second, decoding and resizing included; indexed by the names of the networks.
    """
    device = torch.device("cpu")
    found = {}
    for name, layer in LAYERS.items():
        network = NETWORKS[name]
        part = cut(network.architecture().eval(), network.layers[layer])
        module: torch.nn.Module = part
        if best_precision(device) == "bfloat16":
            module = in_bfloat16(part, network.float32_before, device.type)
        module = module.to(memory_format=torch.channels_last)
        seconds = []
        for _ in range(repeats + 1):
            begun = time.perf_counter()
            images = np.stack([read_input(Path(path), network.preprocessing, "paper") for path in photographs])
            with torch.inference_mode():
                module(torch.from_numpy(images).to(memory_format=torch.channels_last))
            seconds.append(time.perf_counter() - begun)
        # The first pass does not count: it also allocates memory.
        found[name] = len(photographs) * repeats / sum(seconds[1:])
    return pd.Series(found, name="images per second")
