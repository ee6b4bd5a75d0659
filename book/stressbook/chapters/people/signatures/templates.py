"""Templates: what a person is enrolled by, in fewer bytes, in one file, and held against another database.

A part of `measure`: the sizes that are tried, what the codec writes, and how often two databases are joined.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.metrics import pairwise_distances

from stressbook.chapters.people.signatures.names import COMBINED_VALUES, HEADLINE_VALUES
from stressbook.chapters.people.signatures.people import Array
from stresslib.codec import Codec, compress
from stresslib.features import FeatureSet
from stresslib.stress.spec import Spec, make_stress

PAIRS = 50
"""How often two genuine signatures of each person are drawn, one for each of two databases."""


def specs(n_features: int, n_learned: int, sizes: Iterable[int]) -> list[str]:
    """Return the stresses that make a signature's vector of some sizes, each kind where it can.

    Parameters
    ----------
    n_features : int
    n_learned : int
        Signatures that a stress is fitted on: there are no more principal components.
    sizes : iterable of int
        Bytes.

    Returns
    -------
    list of str
        The paper's headline, a tenth of the dimensions with 27 values each; then DR-1 and DR-2 of single precision, Q-1 and
        Q-2 of whole vectors, and FC of 16 values.

    Examples
    --------
    >>> from stressbook.chapters.people.signatures.templates import specs
    >>> specs(2048, 800, [8, 512])
    ['DR2:205,Q2:27', 'DR1:2', 'DR2:2', 'DR2:16,Q2:16', 'DR1:128', 'DR2:128', 'Q1:4', 'Q2:4']
    """
    most = min(n_features, n_learned)
    found = [headline(n_features, n_learned)]
    for size in sizes:
        numbers, bits = size // 4, 8 * size // n_features
        if 1 <= numbers < n_features:
            found += [f"DR1:{numbers}"] + ([f"DR2:{numbers}"] if numbers <= most else [])
        if 1 <= bits <= 8 and 8 * size == bits * n_features:
            found += [f"{kind}:{2**bits}" for kind in ("Q1", "Q2")]
        if 1 <= 2 * size <= most:
            found.append(combined(size))
    return list(dict.fromkeys(found))


def headline(n_features: int, n_learned: int) -> str:
    """Return the stress of the paper's headline, 98.4 % of compression."""
    return f"DR2:{min(round(n_features / 10), n_features, n_learned)},Q2:{HEADLINE_VALUES}"


def combined(size: int) -> str:
    """Return FC of some bytes, each of which holds two numbers of 16 values."""
    return f"DR2:{2 * size},Q2:{COMBINED_VALUES}"


def linked(roles: dict[str, Array], features: Array, spec: Spec) -> Array:
    """Return how often each person's template finds the same person in another database: a task.

    Parameters
    ----------
    roles, features, spec
        As for :func:`~stressbook.chapters.people.signatures.machines.judge`. Each database has one genuine signature of
        everybody, and both have the same axes and dictionaries.

    Returns
    -------
    ndarray of shape (people,)
        Percent of :data:`PAIRS` draws of both in which the nearest template in the other database is the person's own.
    """
    verified = roles["verified"]
    vectors = make_stress(spec, random_state=0).fit(features[~verified]).transform(features[verified])
    writer, forged = roles["writer"][verified], roles["forged"][verified]
    own = [np.flatnonzero((writer == one) & ~forged) for one in np.unique(writer)]
    generator = np.random.default_rng(0)
    found = np.zeros(len(own))
    for _ in range(PAIRS):
        first, second = np.transpose([generator.choice(rows, 2, replace=False) for rows in own])
        nearest = pairwise_distances(vectors[first], vectors[second]).argmin(axis=1)
        found += nearest == np.arange(len(own))
    return 100 * found / PAIRS


def file_sizes(roles: dict[str, Array], features: Array, spec: Spec, references: int) -> tuple[int, int]:
    """Return the bytes of the file that the codec writes of one person's references, and what all people share of it.

    Parameters
    ----------
    roles, features, spec, references
        As for :func:`~stressbook.chapters.people.signatures.machines.judge`.

    Returns
    -------
    whole, side : int
        The second are the axes and the dictionary, which a system has once.
    """
    verified = roles["verified"]
    codec = Codec.fit(features[~verified], spec)
    user = np.unique(roles["writer"][verified])[0]
    rows = np.flatnonzero(verified & (roles["writer"] == user) & ~roles["forged"])[:references]
    turns = np.arange(len(rows)) % 2  # a feature set has two classes; here they say nothing
    one = FeatureSet(features[rows], turns, train=np.arange(len(rows)) < 2)
    with tempfile.TemporaryDirectory() as folder:
        return compress(one, codec, Path(folder, "one.stress")).stat().st_size, codec.side_bytes
