"""Paper data: what it takes to run the figures on the paper's own networks and data, and what to compare the outcome with.

Made of the registries and the published table; what a machine needs for it is measured there, with untrained weights.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from stresslib.paper.published import FEATURES, NAMESAKES, published, with_shares

DATA_SETS = ("voc2007", "mit67", "upmc-food101")
NETWORKS = {"vgg-m": "relu7", "vgg-m-128": "relu7", "googlenet": "inception5b"}
"""The paper's networks, each with the layer that its figures read."""


def data_sets() -> pd.DataFrame:
    """Return the paper's data sets: images, size of the download, and where it is.

    Returns
    -------
    pandas.DataFrame
        One row a data set.
    """
    from stresslib.datasets import DATASETS

    rows = {}
    for name in DATA_SETS:
        dataset = DATASETS[name]
        rows[name] = {
            "what it is": dataset.about,
            "download (MB)": "unknown" if dataset.size is None else f"{dataset.size / 1e6:,.0f}",
            "from": dataset.source,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def networks() -> pd.DataFrame:
    """Return the paper's networks: parameters, layer, numbers an image, and the file of weights.

    Returns
    -------
    pandas.DataFrame
        One row a network.
    """
    from stresslib.extraction import NETWORKS as REGISTRY

    rows = {}
    for name, layer in NETWORKS.items():
        network = REGISTRY[name]
        with torch.device("meta"):
            count = sum(parameter.numel() for parameter in network.architecture().parameters())
        rows[name] = {
            "layer": layer,
            "numbers an image": _widths()[name],
            "parameters (million)": round(count / 1e6, 1),
            "weights (MB)": round(network.size / 1e6),
            "from": network.source,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _widths() -> dict[str, int]:
    table = published()
    return {name: int(table.loc[table["model"].eq(name), "n_features"].mode()[0]) for name in NETWORKS}


def speeds(photographs: Sequence[str | Path], *, repeats: int = 4) -> pd.Series:
    """Measure how many images each network reads in a second, on this machine and with weights that are not trained.

    Parameters
    ----------
    photographs : sequence of path-like
    repeats : int, default=4
        Passes over the photographs.

    Returns
    -------
    pandas.Series
        Images per second, decoding and resizing included; by the names of the networks.
    """
    from stresslib.extraction import NETWORKS as REGISTRY
    from stresslib.extraction.graph import best_precision, cut, in_bfloat16
    from stresslib.images.preprocessing import read_input

    device = torch.device("cpu")
    found = {}
    for name, layer in NETWORKS.items():
        network = REGISTRY[name]
        part = cut(network.architecture().eval(), network.layers[layer])
        fast = best_precision(device) == "bfloat16"
        module = in_bfloat16(part, network.float32_before, device.type) if fast else part
        module = module.to(memory_format=torch.channels_last)
        seconds = []
        for _ in range(repeats + 1):
            begun = time.perf_counter()
            images = np.stack([read_input(Path(path), network.preprocessing, "paper") for path in photographs])
            with torch.inference_mode():
                module(torch.from_numpy(images).to(memory_format=torch.channels_last))
            seconds.append(time.perf_counter() - begun)
        # The first pass also sets memory up.
        found[name] = len(photographs) * repeats / sum(seconds[1:])
    return pd.Series(found, name="images per second")


def costs(speed: pd.Series) -> pd.DataFrame:
    """Return the hours and the space that each feature set of the paper takes.

    Parameters
    ----------
    speed : pandas.Series
        Of :func:`speeds`.

    Returns
    -------
    pandas.DataFrame
        One row a feature set of the published table that this project extracts: images, numbers an image, the file's GB,
        and the minutes at that speed.
    """
    rows = {}
    for name, images in _feature_sets():
        _, model, layer = name.split("/")
        width = _widths()[model] if layer == NETWORKS[model] else None
        if width is None:
            continue
        rows[name] = {
            "images": f"{images:,}",
            "numbers an image": f"{width:,}",
            "file (GB)": round(4 * images * width / 1e9, 2),
            "minutes to extract": round(images / speed[model] / 60, 1),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


IMAGES = {"voc2007": 9_963, "mit67": 6_700, "food101": 90_598}
"""Images of both parts of each data set as the paper has it (protocol 1.3)."""


def _feature_sets() -> list[tuple[str, int]]:
    table = published()
    names = table[FEATURES].drop_duplicates().itertuples(index=False)
    ours = {theirs: name for name, theirs in NAMESAKES.items()}
    return [
        (f"{ours.get(dataset, dataset)}/{model}/{layer}", IMAGES[dataset])
        for dataset, model, layer in names
        if model in NETWORKS
    ]


def expected() -> pd.DataFrame:
    """Return the published full scores, the first numbers to compare with.

    Returns
    -------
    pandas.DataFrame
        One row a feature set: metric, full score in percent, and how many published numbers it would be compared with.
    """
    table = with_shares(published())
    table["full"] = 100 * table["score"] / table["kept"]
    ours = {theirs: name for name, theirs in NAMESAKES.items()}
    table["features"] = table["dataset"].replace(ours) + "/" + table["model"] + "/" + table["layer"]
    groups = table.groupby("features", sort=False)
    return pd.DataFrame(
        {
            "metric": groups["metric"].first(),
            # pool5 has no published full score; what stands for one is its finest dictionary.
            "full score (%)": groups["full"].median().round(3),
            "published numbers": groups.size(),
        }
    ).rename_axis(None)
