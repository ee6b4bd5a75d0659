"""Seeing: search among the crops of photographs when their vectors are under stress, and count the values of dictionaries.

Takes vectors and the feature set on which stresses are fitted; `page`, `neighbours`, `dictionary` and `vector` draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stressbook.chapters.stress.seeing.crops import Vectors
from stresslib.features import FeatureSet
from stresslib.paper.published import grid_dimensions
from stresslib.results import result_rows, results_table
from stresslib.stress.on_features.quantization import UniformQuantizer
from stresslib.stress.spec import make_stress, parse_spec

NEAREST = 5
"""Neighbours of each vector that are looked at."""

SAME_PHOTOGRAPH, SAME_NEIGHBOURS = f"precision@{NEAREST}", f"overlap@{NEAREST}"
"""Metrics: percent of the neighbours that are of the query's photograph, and that were its neighbours before the stress."""

SCOPES = {"shared": "uniform-shared", "per_dimension": "uniform-per-dimension"}
"""Scopes of a dictionary, with the stress that each is in a results table."""

Neighbours = Mapping[tuple[str, int], NDArray[np.intp]]
"""Indices of the nearest vectors, of shape (n, 5), for each stress and draw of it."""


def stressed(features: FeatureSet, vectors: Vectors, spec: str, random_state: int = 0) -> Vectors:
    """Return vectors under a stress that is fitted on the training rows of a feature set."""
    stress = make_stress(spec, random_state=random_state).fit(features.X[features.train])
    transformed: Vectors = stress.transform(vectors)
    return transformed


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
    sizes, few = [2**count for count in bits], max(1, grid_dimensions(n_features)[0])
    dictionaries = [f"{token}:{size}" for token in ("Q2", "Q1") for size in sizes]
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
        Indices, the nearest first, by Euclidean distance; ties go to the first.

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
        Number of draws of a random stress.

    Returns
    -------
    dict of (str, int) to ndarray of shape (n, 5)
        For each stress and draw, the indices that :func:`nearest` returns.
    """
    found = {}
    for spec in specs:
        for repeat in range(repeats if parse_spec(spec).is_random else 1):
            found[spec, repeat] = nearest(stressed(features, vectors, spec, random_state=repeat))
    return found


def score(found: Neighbours, photograph: Sequence[int], origin: Mapping[str, Any]) -> pd.DataFrame:
    """Measure how many neighbours are crops of the query's photograph, and how many were neighbours before the stress.

    Parameters
    ----------
    found : mapping
        Of :func:`search`, with the stress ``"none"``.
    photograph : sequence of int
        The number of each crop's photograph.
    origin : mapping
        `dataset`, `model`, `layer` and `n_features` of the crops' vectors.

    Returns
    -------
    pandas.DataFrame
        A results table with two rows for each stress and draw: means over all crops, in percent.
    """
    source, before = np.asarray(photograph), found["none", 0]
    rows = []
    for (spec, repeat), places in found.items():
        parsed = parse_spec(spec)
        same = source[places] == source[:, None]
        kept = (places[:, :, None] == before[:, None, :]).any(axis=2)
        scores = {SAME_PHOTOGRAPH: same.mean(), SAME_NEIGHBOURS: kept.mean()}
        drawn = repeat if parsed.is_random else None
        rows += result_rows(origin, parsed, scores, repeat=drawn, objective_gap=0.0)  # a search is exact
    # Rounded as in a table on disk, so that a picture redrawn from that is the same.
    return results_table(rows).round({"score": 6})


def chance(photograph: Sequence[int]) -> float:
    """Return the percent of right neighbours among crops drawn at random.

    Parameters
    ----------
    photograph : sequence of int
        The number of each crop's photograph.

    Returns
    -------
    float

    Examples
    --------
    >>> from stressbook.chapters.stress.seeing.measure import chance
    >>> round(chance([0, 0, 1, 1, 1]), 1)  # of four others: one is right for two crops, two for three
    40.0
    """
    counts = np.bincount(photograph)
    return float(100 * (counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1)))


def value_shares(features: FeatureSet, values: int = 4) -> pd.DataFrame:
    """Count how many of all training numbers a dictionary sends to each of its values.

    Parameters
    ----------
    features : FeatureSet
    values : int, default=4
        Size of the dictionary.

    Returns
    -------
    pandas.DataFrame
        Columns `stress`, `value` from 0 on, and `share` in percent of all numbers: first of one dictionary, then of one for
        each dimension.
    """
    X = features.X[features.train]
    rows = []
    for scope, stress in SCOPES.items():
        codes = UniformQuantizer(values, scope=scope).fit(X).encode(X)
        shares = 100 * np.bincount(codes.ravel(), minlength=values) / codes.size
        rows += [{"stress": stress, "value": value, "share": float(share)} for value, share in enumerate(shares)]
    return pd.DataFrame(rows)


def share_of_zeros(features: FeatureSet) -> float:
    """Return the percent of all training numbers that are zero."""
    return 100 * float((features.X[features.train] == 0).mean())
