"""Words: the names of stresses, data sets and networks on a page, and comparisons with the paper as sentences.

Every page takes its labels from here; nothing here computes a score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from stresslib.features import FeatureSet
from stresslib.paper.published import GRID, curve_order
from stresslib.results import TOLERANCE

LABELS = {
    "random-selection": "DR-1 random selection",
    "pca": "DR-2 principal components",
    "uniform-shared": "Q-1 one dictionary",
    "uniform-per-dimension": "Q-2 one dictionary per dimension",
    "bit-erasure": "Q-B erased bits",
    "pca+uniform": "FC principal components, then one dictionary per dimension",
}
"""The label of each stress in a legend; :func:`paper_name` is its first word."""

NAMES = {
    "voc2007": "VOC 2007",
    "mit67": "MIT-67",
    "food101": "Food-101",
    "vgg-m": "VGG-M",
    "vgg-m-128": "VGG-M-128",
    "googlenet": "GoogLeNet",
    "bossanova": "BossaNova",
}
"""The labels of the paper's data sets and networks in a legend."""

DATA_SETS = {
    **{name: NAMES[name] for name in ("voc2007", "mit67", "food101")},
    "voc2007-val": "VOC 2007",
    "caltech101": "Caltech-101",
    "scenes15": "15-Scenes",
    "food101-10": "ten classes of Food-101",
    "upmc-food101": "Food-101",
    "cifar10": "CIFAR-10",
    "mnist": "MNIST",
}
"""What sentences call the data sets that have a name of their own."""

NETWORKS = {
    **{name: NAMES[name] for name in ("vgg-m", "vgg-m-128", "googlenet", "bossanova")},
    "efficientnet-lite0": "EffNet-Lite0",
    "efficientnet-lite2": "EffNet-Lite2",
    "efficientnet-lite0-untrained": "EffNet-Lite0, untrained",
    "bvlc-googlenet": "GoogLeNet",
    "bag-of-words": "bag of words",
    "fisher-vector": "Fisher vector",
}
"""What titles call networks and classical features."""

CLOSE = 2.0
"""Points of the kept share up to which two curves are said to agree."""


def paper_name(stress: str) -> str:
    """Return the paper's name of a stress.

    Parameters
    ----------
    stress : str
        In the words of a results table.

    Returns
    -------
    str

    Examples
    --------
    >>> from stressbook.drawing.words import paper_name
    >>> paper_name("random-selection"), paper_name("pca+uniform")
    ('DR-1', 'FC')
    """
    return LABELS[stress].split()[0]


def data_sets(names: Iterable[str]) -> str:
    """Return the names of data sets as a sentence has them.

    Examples
    --------
    >>> from stressbook.drawing.words import data_sets
    >>> data_sets(["voc2007-val"]), data_sets(["caltech101", "scenes15", "digits"])
    ('VOC 2007', 'Caltech-101, 15-Scenes and digits')
    """
    *first, last = [DATA_SETS.get(name, name) for name in names]
    return f"{', '.join(first)} and {last}" if first else last


def human_name(dataset: str, model: str, layer: str) -> str:
    """Return what a title calls a feature set: data set, network, and the layer where it is not the usual one.

    Names that have no other words stay what they are.

    Examples
    --------
    >>> from stressbook.drawing.words import human_name
    >>> human_name("voc2007-val", "efficientnet-lite0", "pooled")
    'VOC 2007 · EffNet-Lite0'
    >>> human_name("caltech101", "bvlc-googlenet", "inception5b"), human_name("mine", "own", "own")
    ('Caltech-101 · GoogLeNet, inception 5b', 'mine')
    """
    data = DATA_SETS[dataset][0].upper() + DATA_SETS[dataset][1:] if dataset in DATA_SETS else dataset
    if model == "own":
        return data
    base, *options = model.split("+")
    usual = layer in ("pooled", "relu7", base)  # the paper's vectors are of relu7, its BossaNova has one layer
    layers = [] if usual else [layer.replace("inception", "inception ")]
    return f"{data} · {', '.join([NETWORKS.get(base, base), *options, *layers])}"


def percent_of_grid(step: int) -> str:
    """Return the share of the dimensions at a place of the paper's grid.

    Examples
    --------
    >>> from stressbook.drawing.words import percent_of_grid
    >>> percent_of_grid(1), percent_of_grid(20)
    ('5%', '100%')
    """
    return f"{100 * step // GRID}%"


def small_tests(feature_sets: Iterable[FeatureSet]) -> str:
    """Say how much one test image is of the score, for sets in which it is half a point or more.

    Parameters
    ----------
    feature_sets : iterable of FeatureSet

    Returns
    -------
    str
        A sentence for each such set; empty where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib import FeatureSet
    >>> from stressbook.drawing.words import small_tests
    >>> small_tests([FeatureSet(np.eye(40), [0, 1] * 20, np.arange(40) < 20)]).split(". ")[0]
    'own/own/own has 20 test images: one of them is 5.0 points of the accuracy'
    """
    sentences = []
    for features in dict.fromkeys(feature_sets):
        tests = int(features.test.sum())
        # In a mean over classes, mAP too, an image of the smallest class weighs most.
        classes = features.y[features.test]
        counts = (classes == 1).sum(axis=0) if classes.ndim == 2 else np.bincount(classes)
        largest = 100 / tests if features.metric == "accuracy" else 100 / (len(counts) * counts.min())
        if largest >= 0.5:
            about = "" if features.metric == "accuracy" else "up to "
            sentences.append(
                f"{features.name} has {tests:,} test images: one of them is {about}{largest:.1f} points of the "
                f"{features.metric}. Differences of a few images, and kept shares above 100% with them, may be chance."
            )
    return "\n\n".join(sentences)


def network_on_data(rows: pd.DataFrame) -> str:
    """Return the label of published rows of one network and data set, such as ``"VGG-M on VOC 2007"``."""
    return f"{NAMES[rows['model'].iloc[0]]} on {NAMES[rows['dataset'].iloc[0]]}"


def agreement_verdicts(points: pd.DataFrame, place: str, place_name: Callable[[int], str]) -> str:
    """Say how far our curves are from the published ones, and from where on they are close.

    Parameters
    ----------
    points : pandas.DataFrame
        As returned by :func:`stresslib.agreement`.
    place : {"step", "values", "removed_bits"}
        The column that holds the place of a row on its curve.
    place_name : callable
        Returns the name of a place, such as ``"10% of the dimensions"``.

    Returns
    -------
    str
        A Markdown list with a line for each pair of curves.
    """
    lines = []
    key = ["dataset", "model", "layer", "metric", "stress"]
    for (dataset, model, layer, _, stress), curve in points.groupby(key, sort=False):
        off = curve[curve["difference"].abs() > CLOSE]
        worst = curve.sort_values("difference", key=abs).iloc[-1]
        line = f"- {paper_name(str(stress))} on {human_name(str(dataset), str(model), str(layer))}: "
        if off.empty:
            line += f"**within {abs(worst['difference']):.1f} points** everywhere."
        else:
            line += (
                f"**up to {abs(worst['difference']):.1f} points apart**. With {place_name(worst[place])} it keeps "
                f"{worst['ours']:.1f}%, the paper {worst['theirs']:.1f}%"
            )
            later = curve.loc[curve[place] > off[place].max(), place]
            line += f"; from {place_name(later.min())} on both are within {CLOSE:.0f} points." if len(later) else "."
        lines.append(line)
    return "\n".join(lines)


def order_sentence(points: pd.DataFrame, curves: str) -> str:
    """Say in a sentence how often pairs of our curves lie in the order of the published ones.

    Parameters
    ----------
    points : pandas.DataFrame
        Of one stress, in the columns that :func:`stresslib.curve_order` needs.
    curves : str
        What the curves are, in the plural, such as ``"layers"``.

    Returns
    -------
    str
        Empty when no two curves share a place.
    """
    return "".join(
        f"Of {row.pairs} pairs of {curves}, over {row.places} places, **{row.same_order:.0f}%** lie in the paper's order, "
        f"{row.opposite_order:.0f}% in the opposite one; two that lie within {TOLERANCE} points of each other are level."
        for row in curve_order(points).itertuples()
    )
