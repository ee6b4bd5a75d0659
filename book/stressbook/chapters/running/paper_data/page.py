"""Paper data: what it takes to run the figures on the paper's own networks and data, and what to compare the outcome with.

From the registries, the published table and the measured speed to the tables of the page.
"""

from __future__ import annotations

import pandas as pd
import torch

from stressbook.chapters.running.paper_data.measure import LAYERS
from stressbook.drawing import tables
from stresslib.datasets import DATASETS
from stresslib.extraction import NETWORKS
from stresslib.paper.published import NAMESAKES, published
from stresslib.results import FEATURES

DATA_SETS = ("voc2007", "mit67", "upmc-food101")
"""The paper's data sets, by their names here."""

IMAGES = {"voc2007": 9_963, "mit67": 6_700, "food101": 90_598}
"""Images of both parts of each data set as the paper has it (protocol 1.3)."""


def data_sets() -> pd.DataFrame:
    """Return the paper's data sets: images, size of the download, and where it is.

    Returns
    -------
    pandas.DataFrame
        A row for each data set.
    """
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
    """Return the paper's networks: parameters, layer, numbers per image, and the file of weights.

    Returns
    -------
    pandas.DataFrame
        A row for each network.
    """
    rows = {}
    for name, layer in LAYERS.items():
        network = NETWORKS[name]
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
    """Return how many numbers an image has in the layer of each network that the figures read."""
    table = published()
    return {name: int(table.loc[table["model"].eq(name), "n_features"].mode()[0]) for name in LAYERS}


def costs(speed: pd.Series) -> pd.DataFrame:
    """Return the time and the space that each feature set of the paper takes.

    Parameters
    ----------
    speed : pandas.Series
        As returned by :func:`~stressbook.chapters.running.paper_data.measure.measure`.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set of the published table that this project extracts: images, numbers per image, the size of
        the file in GB, and the minutes at that speed.
    """
    rows, widths = {}, _widths()
    for name, images in _feature_sets():
        _, model, layer = name.split("/")
        if layer != LAYERS[model]:
            continue
        width = widths[model]
        rows[name] = {
            "images": f"{images:,}",
            "numbers an image": f"{width:,}",
            "file (GB)": round(4 * images * width / 1e9, 2),
            "minutes to extract": round(images / speed[model] / 60, 1),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _feature_sets() -> list[tuple[str, int]]:
    """Return the feature sets of the published table by our names, each with its number of images."""
    table = published()
    names = table[FEATURES].drop_duplicates().itertuples(index=False)
    ours = {theirs: name for name, theirs in NAMESAKES.items()}
    return [
        (f"{ours.get(dataset, dataset)}/{model}/{layer}", IMAGES[dataset])
        for dataset, model, layer in names
        if model in LAYERS
    ]


def expected() -> pd.DataFrame:
    """Return the published full scores, the first numbers to compare with.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set: metric, full score in percent, and how many published numbers it is compared with.
    """
    table = tables.published_shares()
    table["full"] = 100 * table["score"] / table["kept"]
    ours = {theirs: name for name, theirs in NAMESAKES.items()}
    table["features"] = table["dataset"].replace(ours) + "/" + table["model"] + "/" + table["layer"]
    groups = table.groupby("features", sort=False)
    return pd.DataFrame(
        {
            "metric": groups["metric"].first(),
            # pool5 has no published full score; that of its finest dictionary stands in for it.
            "full score (%)": groups["full"].median().round(3),
            "published numbers": groups.size(),
        }
    ).rename_axis(None)
