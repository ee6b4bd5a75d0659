"""Scores: of each unit, how much its images may differ, and what it gives for shifted ones; from the table of `measure`.

Under everything that the page says and draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stressbook.chapters.units.invariances.names import (
    ACTIVATION,
    BEST,
    COUNT,
    DEAD,
    DISTANCE,
    DIVERSE,
    INDEPENDENT,
    LEAST,
    MOST,
    SHARE,
    SHIFTS,
    UNIT,
)
from stressbook.chapters.units.invariances.networks import named, split_layer

KEY = ["dataset", "model", "layer", "channel"]
"""Which unit a row is of."""


def with_channels(rows: pd.DataFrame) -> pd.DataFrame:
    """Return those rows of a table that are of units, with a column `channel`."""
    rows = rows[rows["variant"].str.startswith(UNIT).fillna(False).astype(bool)]
    return rows.assign(channel=rows["variant"].str.removeprefix(UNIT).astype(int))


def by_unit(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured of each unit that is alive.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `model`, `layer` and `channel`, in the order of the table: `size`, the least distance of
        two images of a set that keeps :data:`~stressbook.chapters.units.invariances.names.SHARE` percent of the activation;
        `linear`, that of a linear unit that gives up as much of its most; `alone`, that of the independent images that
        differ most; `first`, that of the first independent ones; `shift` and `shift mean`, the least and mean activation of
        a texture's parts, NaN where there is no texture. All in percent.
    """
    rows = with_channels(results)
    sets = rows[rows["stress"].isin([INDEPENDENT, DIVERSE])]
    shifts: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in rows[rows["stress"].eq(SHIFTS)].to_dict("records"):
        shifts.setdefault(tuple(row[name] for name in KEY), {})[row["metric"]] = row["score"]
    found: dict[tuple[Any, ...], dict[str, float]] = {}
    for key, part in sets.groupby(KEY, sort=False):
        alone = part[part["stress"].eq(INDEPENDENT)].set_index("metric")["score"]
        if alone[DEAD]:
            continue
        shift = shifts.get(key, {})
        found[key] = {
            "size": size_at(frontier(part), SHARE),
            "linear": linear_size(100 * SHARE / alone[MOST]),
            "alone": alone[BEST],
            "first": alone[DISTANCE],
            "shift": shift.get(LEAST, np.nan),
            "shift mean": shift.get(ACTIVATION, np.nan),
        }
    columns = ["size", "linear", "alone", "first", "shift", "shift mean"]
    table = pd.DataFrame.from_dict(found, orient="index", columns=columns)
    table.index = pd.MultiIndex.from_tuples(list(found), names=KEY)
    return table


def of_layer(table: pd.DataFrame, layer: tuple[str, str, str]) -> pd.DataFrame:
    """Return the rows of a table of units that are of one layer, without `dataset`, `model` and `layer` in their index."""
    found = [table.index.get_level_values(name) == value for name, value in zip(KEY[:3], layer, strict=True)]
    return table[np.logical_and.reduce(found)].droplevel(KEY[:3])  # type: ignore[arg-type]


def dead_units(results: pd.DataFrame) -> pd.Series:
    """Return how many units of each layer that were looked at are dead, by `dataset`, `model` and `layer`."""
    rows = with_channels(results)
    rows = rows[rows["metric"].eq(DEAD)]
    return rows["score"].gt(0).groupby([rows[name] for name in KEY[:3]], sort=False).sum()


def frontier(rows: pd.DataFrame) -> pd.DataFrame:
    """Return activation and distance of the sets of one unit by the weight of the distance, from 0 on.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one unit.

    Returns
    -------
    pandas.DataFrame
        Columns `activation` and `distance`, in percent, indexed by the weight. At 0 are the independent images.
    """
    rows = rows[rows["stress"].isin([INDEPENDENT, DIVERSE]) & rows["metric"].isin([ACTIVATION, DISTANCE])]
    return rows.assign(level=rows["level"].fillna(0.0)).pivot_table(index="level", columns="metric", values="score")


def size_at(points: pd.DataFrame, share: float) -> float:
    """Return the greatest distance at which a share of the activation is kept, between points along a straight line.

    Parameters
    ----------
    points : pandas.DataFrame
        Of :func:`frontier`.
    share : float
        Percent.

    Returns
    -------
    float
        0 where no point keeps it.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.units.invariances.scores import size_at
    >>> points = pd.DataFrame({"activation": [100.0, 98.0, 92.0], "distance": [5.0, 30.0, 40.0]}, index=[0, 0.2, 0.4])
    >>> size_at(points, 95.0), size_at(points, 101.0)
    (35.0, 0.0)
    """
    kept, distance = points[ACTIVATION].to_numpy(), points[DISTANCE].to_numpy()
    reached = [0.0, *distance[kept >= share]]
    for place in range(len(points) - 1):
        (low, high), there = sorted(kept[place : place + 2]), distance[place : place + 2]
        if low < share <= high:
            part = (kept[place] - share) / (kept[place] - kept[place + 1])
            reached.append(there[0] + part * (there[1] - there[0]))
    return float(max(reached))


def drawn_level(results: pd.DataFrame, layer: str, channel: int) -> int | None:
    """Return which weight of the distance makes the set of a unit that differs most of those that keep the activation.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    layer : str
        ``NETWORK/NODE``.
    channel : int

    Returns
    -------
    int or None
        Its place among the weights; None where none keeps it.
    """
    name, node = split_layer(layer)
    network = named(name)
    rows = results[results["dataset"].eq(network.dataset) & results["model"].eq(network.model) & results["layer"].eq(node)]
    points = frontier(rows[rows["variant"].eq(f"{UNIT}{channel}")]).drop(index=0.0)
    kept = points[points[ACTIVATION].ge(SHARE)]
    return None if kept.empty else points.index.tolist().index(kept[DISTANCE].idxmax())


def linear_size(share: float = SHARE, count: int = COUNT) -> float:
    """Return the distance that a linear unit's set has at a share of its activation, in percent.

    On a sphere, the activation falls with the cosine of the angle to the weights; images at one such angle differ most when
    they point to the corners of a simplex. The sphere's radius is half of a photograph's contrast.

    Parameters
    ----------
    share : float, default=95
        Percent.
    count : int, default=6
        Images; their pixels are at least as many.

    Returns
    -------
    float

    Examples
    --------
    >>> from stressbook.chapters.units.invariances.scores import linear_size
    >>> round(linear_size(), 1), round(linear_size(0.0), 1)
    (24.2, 77.5)
    """
    return float(50 * np.sqrt(1 - (share / 100) ** 2) * np.sqrt(2 * count / (count - 1)))
