"""Dropped: are units that ignore much those of which the leading principal components keep little?

From the table of `measure` to the sentences of the chapter's tie to the paper.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from stressbook.chapters.units.invariances.labels import layer_name, layers_of
from stressbook.chapters.units.invariances.names import VARIANCE
from stressbook.chapters.units.invariances.scores import KEY, by_unit, of_layer, with_channels


def by_layer(results: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Give what components keep of the units of each layer, beside how much these ignore.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Yields
    ------
    layer : tuple of str
        `dataset`, `model` and `layer`.
    units : pandas.DataFrame
        A row for each channel: `size`, the distance of its set, and `kept`, the percent of its variance that is kept, a mean
        over numbers of components. Layers with fewer than three units are left out.
    """
    rows = with_channels(results)
    kept = rows[rows["metric"].eq(VARIANCE)].groupby(KEY, sort=False)["score"].mean()
    units = by_unit(results).join(kept.rename("kept"), how="inner")[["size", "kept"]]
    for layer in layers_of(units):
        part = of_layer(units, layer)
        if len(part) >= 3:
            yield layer, part


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what components keep of the third of units with the smallest sets, and of that with the largest.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each layer; percent of the variance, means over units.
    """
    cells = {}
    for layer, part in by_layer(results):
        order, third = part.sort_values("size", kind="stable"), max(len(part) // 3, 1)
        cells[layer_name(*layer[1:])] = {
            "units": len(part),
            "smallest sets": order["kept"].iloc[:third].mean(),
            "largest sets": order["kept"].iloc[-third:].mean(),
        }
    return pd.DataFrame.from_dict(cells, orient="index").rename_axis("layer").round(1)
