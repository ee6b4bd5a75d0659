"""Classical, the comparison: each trained network beside its rivals, place by place, and where it is ahead by one rule.

From the results table to the pairs that `page` counts, tabulates and draws.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from stressbook.drawing.tables import first_metric
from stresslib.classical import METHODS, is_method
from stresslib.features import UNTRAINED
from stresslib.paper.published import with_shares
from stresslib.results import FEATURES
from stresslib.stress.spec import bits_per_vector

REDUCTIONS = ("random-selection", "pca")
"""The stresses that only drop dimensions."""

MARGIN = 1.0
"""Points of the kept share by which one has to be ahead: less is within the chance of the test images."""

FULL = 99.0
"""Percent of its full score from which a feature set has lost nothing worth mentioning."""

PAIR = [*FEATURES, "model_rival", "layer_rival"]
"""Columns that name a network and its rival."""


def is_control(model: str) -> bool:
    """Return whether a model's name is that of a network without training."""
    return model.endswith(UNTRAINED)


def mean_places(results: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over repeats at each place of each way of comparing.

    Parameters
    ----------
    results : pandas.DataFrame
        As returned by :func:`~stressbook.chapters.verdicts.classical.measure.measure`, for one feature set or several.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set, `way`, stress and `place`, with its `score` and the share `kept`. The place is, for the
        way "share", a step of the paper's grid or the number of values; for "number" the dimensions; for "bits" the bits of
        a vector.
    """
    table = with_shares(first_metric(results))
    key = [*FEATURES, "n_features", "metric", "stress", "spec", "dimensions", "values", "step"]
    table = table.groupby(key, dropna=False, sort=False)[["score", "kept"]].mean().reset_index()
    whole = table["dimensions"].eq(table["n_features"]).fillna(False)
    table = table[table["stress"].ne("none") & ~whole]
    reduced, combined = table["stress"].isin(REDUCTIONS), table["stress"].eq("pca+uniform")
    share = table[~combined & (~reduced | table["step"].notna())]
    number = table[reduced]
    bits = table[combined]
    vector_bits = [bits_per_vector(spec, width) for spec, width in zip(bits["spec"], bits["n_features"], strict=True)]
    parts = {
        "share": share.assign(place=share["step"].fillna(share["values"])),
        "number": number.assign(place=number["dimensions"]),
        "bits": bits.assign(place=pd.array(vector_bits, dtype="Int64")),
    }
    return pd.concat([part.assign(way=way) for way, part in parts.items()], ignore_index=True)


def compared(results: pd.DataFrame) -> pd.DataFrame:
    """Set each trained network beside each rival on the same data, place by place.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`mean_places`, with feature sets of both sorts. Rivals are classical features, and a network without
        training.

    Returns
    -------
    pandas.DataFrame
        A row for each data set, network, rival, way, stress and place that both have: `kept` and `score` of the network,
        `kept_rival` and `score_rival`, and the `difference` of the kept shares, in points.

    Raises
    ------
    ValueError
        When no data set has both.
    """
    places = mean_places(results)
    rival = places["model"].map(is_method) | places["model"].map(is_control)
    on = ["dataset", "metric", "way", "stress", "place"]
    both = places[~rival].merge(places[rival], on=on, suffixes=("", "_rival"))
    if both.empty:
        raise ValueError(f"results hold no data set with a network and one of {', '.join(METHODS)} under the same stress")
    columns = ["metric", "way", "stress", "place", "kept", "kept_rival", "score", "score_rival"]
    return both[[*PAIR, *columns]].assign(difference=both["kept"] - both["kept_rival"])


def ahead(kept: ArrayLike, kept_rival: ArrayLike) -> str:
    """Say where a network is ahead of its rival, by what both keep at the same places, in percent of each one's full score.

    Returns
    -------
    {"everywhere", "in places", "nowhere"}
        Places at which both keep 99% or more do not count. Of the others, those at which the network is ahead by more than
        a point: all, some, or none.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.classical.comparison import ahead
    >>> ahead([80, 95, 99.5], [70, 90, 99.2]), ahead([80, 90], [70, 95]), ahead([80, 95], [80, 95])
    ('everywhere', 'in places', 'nowhere')
    """
    network, rival = np.asarray(kept, dtype=float), np.asarray(kept_rival, dtype=float)
    counts = np.minimum(network, rival) < FULL
    found = (network - rival > MARGIN)[counts]
    if found.all() and len(found):
        return "everywhere"
    return "in places" if found.any() else "nowhere"


def judged_pairs(results: pd.DataFrame) -> pd.DataFrame:
    """Judge each pair of a network and a rival, by way and stress.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`compared`.

    Returns
    -------
    pandas.DataFrame
        The pair, `way`, `stress`, the number of `places`, at how many of them the network is `ahead` and `behind` by more
        than a point, and `where` it is ahead.
    """
    rows = []
    key = [*PAIR, "way", "stress"]
    for names, curve in compared(results).groupby(key, sort=False):
        rows.append(
            {
                **dict(zip(key, names, strict=True)),
                "places": len(curve),
                "ahead": int((curve["difference"] > MARGIN).sum()),
                "behind": int((curve["difference"] < -MARGIN).sum()),
                "where": ahead(curve["kept"], curve["kept_rival"]),
            }
        )
    return pd.DataFrame(rows)
