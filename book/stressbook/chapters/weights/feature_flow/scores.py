"""Scores: what was measured of each trained network, in one row, from the table of `measure`.

Under everything that the page says and draws.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from stressbook.chapters.weights.feature_flow.choice import chosen
from stressbook.chapters.weights.feature_flow.inspected import TUNING_SHARE
from stressbook.chapters.weights.feature_flow.names import (
    ANGLE,
    DEAD,
    DIMENSIONS,
    LENGTH,
    PARAMETERS,
    PRUNED,
    RELATIVE,
    SECOND,
    SEPARATION,
    TUNED,
    WORK,
)
from stressbook.chapters.weights.feature_flow.trainings import Training
from stressbook.drawing.outcomes import ACCEPTED
from stressbook.drawing.words import data_sets

METHODS = {
    "plain": "weight decay",
    "slimming": "slimming",
    "flow": "feature flow",
    "flow-angle": "turning angles",
    "flow-l2": "L2 norm",
    "flow-equal": "equal shapes alone",
    "flow-blocks": "one layer a block",
    "flow-length": "length alone",
    "flow-curvature": "curvature alone",
}
"""What the page calls the ways of training, in its order."""

COMPARED = ("plain", "slimming", "flow")
"""The methods that each got the best of three strengths."""

NETWORKS = {
    ("cifar10", "resnet8:8"): "ResNet-8 on CIFAR-10",
    ("cifar10", "vgg:8"): "VGG-like on CIFAR-10",
    ("digits", "resnet8:8"): "ResNet-8 on digits",
}
"""What the page calls the networks."""

LEVELS = (30, 50, 70, 90)
"""Percent of filters pruned that make the mean of what is left."""

MEASURES = {
    "clean": "clean accuracy",
    "pruned": f"accuracy after pruning (mean over {', '.join(map(str, LEVELS))}% of the filters)",
    **{f"pruned {level}": f"accuracy with {level}% of the filters pruned" for level in LEVELS},
    "tuned": f"accuracy with {TUNING_SHARE}% pruned and two epochs of training on",
    "parameters": f"parameters removed at {ACCEPTED:.0f} point of loss",
    "work": f"multiplications removed at {ACCEPTED:.0f} point of loss",
    "parameters from plain": f"parameters removed at {ACCEPTED:.0f} point below weight decay's accuracy",
    "dead norm": "near-dead filters, by their weights",
    "dead folded": "near-dead filters, with their normalisation",
    "dead weights": "near-zero weights",
    LENGTH: "length of the flow",
    RELATIVE: "length over size",
    SECOND: "second differences",
    ANGLE: "turn at a layer",
    "dimensions": "components for 90% of the last layer's variance",
    "separation": "separation SI(5) of the last layer",
}
"""What is measured of each network: percent, but for lengths, which are hundredths, and turns, which are degrees."""


def by_training(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured of each network that was examined.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `model`, `method`, `epochs` and `seed`; columns of :data:`MEASURES`.
    """
    rows = results[results["layer"].ne("features") & results["seed"].notna()]
    rules = chosen(results).set_index(["dataset", "model", "variant"])["rule"]
    found: dict[tuple[Any, ...], dict[str, float]] = {}
    curves = {}
    for (dataset, model, variant, seed), part in rows.groupby(["dataset", "model", "variant", "seed"], sort=False):
        if (dataset, model, variant) not in rules.index:
            continue  # a strength that was tried, and not chosen
        training, rule = Training.parse(str(variant)), str(rules[dataset, model, variant])  # type: ignore[index]
        key = (dataset, model, training.method, training.epochs, int(str(seed).partition(".")[0]))
        curves[key] = pruning_curve(part, rule)
        found[key] = _of_one(part, rule, curves[key])
    for (dataset, model, method, epochs, seed), curve in curves.items():
        plain = found.get((dataset, model, "plain", epochs, seed))
        if plain is not None:
            removed = removed_at(curve, plain["clean"] - ACCEPTED)
            found[dataset, model, method, epochs, seed]["parameters from plain"] = removed[PARAMETERS]
    table = pd.DataFrame.from_dict(found, orient="index", columns=list(MEASURES))
    table.index = pd.MultiIndex.from_tuples(list(found), names=["dataset", "model", "method", "epochs", "seed"])
    return table


def _of_one(part: pd.DataFrame, rule: str, curve: pd.DataFrame) -> dict[str, float]:
    """Return the measures of one training, but for those that need another one."""
    whole = part[part["stress"].eq("none")]
    of_network = whole[whole["layer"].eq("logits")].set_index("metric")["score"]
    by_layer = whole[whole["layer"].ne("logits")].groupby("metric", sort=False)["score"]
    last = by_layer.last()
    tuned = part.loc[part["stress"].eq(f"{PRUNED}{rule}{TUNED}") & part["metric"].eq("accuracy"), "score"]
    removed = removed_at(curve, of_network["accuracy"] - ACCEPTED)
    there = [level for level in LEVELS if level in curve.index]
    return {
        "clean": of_network["accuracy"],
        "pruned": curve.loc[there, "accuracy"].mean(),
        **{f"pruned {level}": curve.loc[level, "accuracy"] for level in there},
        "tuned": tuned.iloc[0] if len(tuned) else np.nan,
        "parameters": removed[PARAMETERS],
        "work": removed[WORK],
        "dead norm": of_network[f"{DEAD}norm"],
        "dead folded": of_network[f"{DEAD}folded"],
        "dead weights": of_network[f"{DEAD}weights"],
        LENGTH: by_layer.sum()[LENGTH],
        RELATIVE: by_layer.mean()[RELATIVE],
        SECOND: by_layer.sum()[SECOND],
        ANGLE: 1.8 * by_layer.mean()[ANGLE],  # of percent of a half turn
        "dimensions": last[DIMENSIONS],
        "separation": last[SEPARATION],
    }


def pruning_curve(part: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Return accuracy, parameters left and multiplications left of one training, by the percent of filters pruned."""
    rows = part[part["stress"].eq(f"{PRUNED}{rule}") & part["metric"].isin(["accuracy", PARAMETERS, WORK])]
    curve = rows.pivot_table(index="level", columns="metric", values="score")
    whole = part.loc[part["stress"].eq("none") & part["metric"].eq("accuracy"), "score"].iloc[0]
    curve.loc[0.0] = {"accuracy": whole, PARAMETERS: 100.0, WORK: 100.0}
    return curve.sort_index()


def removed_at(curve: pd.DataFrame, floor: float) -> pd.Series:
    """Return the percent of parameters and multiplications that are removed where a curve first falls below an accuracy.

    Parameters
    ----------
    curve : pandas.DataFrame
        Of :func:`pruning_curve`; between its points are straight lines.
    floor : float

    Returns
    -------
    pandas.Series

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.weights.feature_flow.scores import removed_at
    >>> left = {"parameters left": [100.0, 80.0, 40.0], "multiplications left": [100.0, 90.0, 50.0]}
    >>> curve = pd.DataFrame({"accuracy": [90.0, 90.0, 86.0], **left}, index=[0, 10, 20])
    >>> removed_at(curve, 89.0).tolist()
    [30.0, 20.0]
    """
    left = [PARAMETERS, WORK]
    below = np.flatnonzero(curve["accuracy"].to_numpy() < floor)
    if len(below) == 0:
        return 100 - curve[left].iloc[-1]
    place = int(below[0])
    if place == 0:
        return 100 - curve[left].iloc[0]
    (high, low), points = curve["accuracy"].iloc[place - 1 : place + 1], curve[left].iloc[place - 1 : place + 1]
    share = (high - floor) / (high - low)
    return 100 - (points.iloc[0] + share * (points.iloc[1] - points.iloc[0]))


def usual(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`by_training` of trainings of the usual number of epochs, without that level of the index."""
    table = by_training(results).reset_index("epochs")
    fewest = table.groupby(["dataset", "model"])["epochs"].transform("min")
    return table[table["epochs"].eq(fewest)].drop(columns="epochs")


def of_network(table: pd.DataFrame, dataset: str, model: str) -> pd.DataFrame:
    """Return the rows of one network."""
    return table.xs((dataset, model), level=("dataset", "model"))  # type: ignore[return-value]


def order(names: Iterable[str]) -> list[str]:
    """Return methods in the order of the page."""
    found = set(names)
    return [name for name in METHODS if name in found]


def networks(trainings: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the networks of a table in the order of the page."""
    there = list(dict.fromkeys(zip(*(trainings.index.get_level_values(name) for name in ("dataset", "model")), strict=True)))
    return [one for one in NETWORKS if one in there] + [one for one in there if one not in NETWORKS]


def network_name(dataset: str, model: str) -> str:
    """Return what the page calls a network."""
    return NETWORKS.get((dataset, model), f"{model} on {data_sets([dataset])}")
