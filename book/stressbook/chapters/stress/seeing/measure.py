"""Neighbours: what a search among the crops of photographs finds when vectors are under stress: what is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stressbook.chapters.stress.seeing.panels import Vectors, stressed
from stresslib.features import FeatureSet
from stresslib.paper.published import grid_dimensions
from stresslib.results import results_table
from stresslib.stress.spec import parse_spec

NEAREST = 5
"""Neighbours that are looked at."""

SAME_PHOTOGRAPH, SAME_NEIGHBOURS = f"precision@{NEAREST}", f"overlap@{NEAREST}"
"""Percent of the neighbours that are crops of the query's photograph; and that are its neighbours under no stress too."""

Neighbours = Mapping[tuple[str, int], NDArray[np.intp]]
"""Places of the nearest vectors, (n, 5), for a stress and the draw of it."""


def specs(n_features: int, bits: Iterable[int] = (8, 4, 2, 1)) -> list[str]:
    """Return the stresses under which neighbours are searched.

    Parameters
    ----------
    n_features : int
    bits : iterable of int, default=(8, 4, 2, 1)
        Bits of a number, for one dictionary and for one per dimension.

    Returns
    -------
    list of str
        ``"none"`` first, a twentieth of the dimensions last.

    Raises
    ------
    ValueError
        On bits that are not from 1 to 12.

    Examples
    --------
    >>> from stressbook.chapters.stress.seeing.measure import specs
    >>> specs(1280, [8, 1])
    ['none', 'Q2:256', 'Q2:2', 'Q1:256', 'Q1:2', 'DR2:64', 'DR1:64']
    """
    bits = list(bits)
    if not all(1 <= count <= 12 for count in bits):
        raise ValueError(f"bits={bits}; a dictionary has 1 to 12 bits a number here")
    counts, few = [2**count for count in bits], max(1, grid_dimensions(n_features)[0])
    dictionaries = [f"{scope}:{count}" for scope in ("Q2", "Q1") for count in counts]
    return ["none", *dictionaries, f"DR2:{few}", f"DR1:{few}"]


def nearest(vectors: Vectors, count: int = NEAREST) -> NDArray[np.intp]:
    """Find the nearest other vectors of each vector.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
    count : int, default=5

    Returns
    -------
    ndarray of shape (n, count), integer
        Places, the nearest first, by Euclidean distance; of equally near ones the first.

    Examples
    --------
    >>> import numpy as np
    >>> from stressbook.chapters.stress.seeing.measure import nearest
    >>> nearest(np.array([[0.0], [1.0], [3.0], [3.5]]), 2)
    array([[1, 2],
           [0, 2],
           [3, 1],
           [2, 1]])
    """
    rows = vectors.astype(np.float64)
    squares = (rows**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * rows @ rows.T
    np.fill_diagonal(distances, np.inf)
    # Few values make many equal distances; sums of float64 differ in the last digits, and would decide among them.
    return np.argsort(np.round(distances, 9), axis=1, kind="stable")[:, :count]


def search(
    features: FeatureSet, vectors: Vectors, specs: Iterable[str], repeats: int = 1
) -> dict[tuple[str, int], NDArray[np.intp]]:
    """Find the nearest neighbours of each vector under each stress.

    Parameters
    ----------
    features : FeatureSet
        Stresses are fitted on its training rows.
    vectors : ndarray of shape (n, d)
    specs : iterable of str
    repeats : int, default=1
        Draws of a random stress.

    Returns
    -------
    dict of (str, int) to ndarray of shape (n, 5)
        For a stress and its draw, the places of the nearest, as of :func:`nearest`.
    """
    return {
        (spec, repeat): nearest(stressed(features, vectors, spec, random_state=repeat))
        for spec in specs
        for repeat in range(repeats if parse_spec(spec).is_random else 1)
    }


def score(found: Neighbours, photograph: Sequence[int], origin: Mapping[str, Any]) -> pd.DataFrame:
    """Count how many neighbours are crops of the query's photograph, and how many were neighbours before the stress.

    Parameters
    ----------
    found : mapping
        Of :func:`search`, with the stress ``"none"``.
    photograph : sequence of int
        Of each crop, the number of its photograph.
    origin : mapping
        `dataset`, `model`, `layer` and `n_features` of the crops' vectors.

    Returns
    -------
    pandas.DataFrame
        In the schema of results tables: two rows a stress and draw, means over all crops, in percent.
    """
    source, before = np.asarray(photograph), found["none", 0]
    rows = []
    for (spec, repeat), places in found.items():
        parsed = parse_spec(spec)
        setting = {
            **origin,
            "stress": parsed.stress,
            "dimensions": parsed.dimensions,
            "values": parsed.dictionary_size,
            "repeat": repeat if parsed.is_random else None,
            "objective_gap": 0.0,  # a search is exact
        }
        same = source[places] == source[:, None]
        kept = (places[:, :, None] == before[:, None, :]).any(axis=2)
        # Rounded as a table on disk is, so that the picture drawn of that is the same.
        rows += [
            {**setting, "metric": metric, "score": round(100 * float(hits.mean()), 6)}
            for metric, hits in ((SAME_PHOTOGRAPH, same), (SAME_NEIGHBOURS, kept))
        ]
    return results_table(rows)
