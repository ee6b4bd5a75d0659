"""Holdout: split rows in two at random, so that each class is in both parts.

Beside the feature set, whose training rows it splits for a choice that no test row decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

TRIES = 1000
"""Splits that are drawn, at most, until one has every class in both parts."""


def held_out(y: Array, share: float = 1 / 3, *, random_state: int = 0) -> tuple[Array, Array]:
    """Draw a share of the rows.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, classes)
        Class numbers, by which the split is stratified; or 1, -1 and 0. These have no strata: the first split that has
        positives and negatives of every class in both parts is taken.
    share : float, default=1/3
    random_state : int, default=0

    Returns
    -------
    rest, drawn : ndarray of int
        Numbers of rows.

    Raises
    ------
    ValueError
        When no split is found; the message has the number of the scarcest class.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.features.holdout import held_out
    >>> y = np.array([[1, -1], [1, -1], [-1, 1], [-1, 1], [0, -1], [-1, 0]])
    >>> [sorted((y[rows] == 1).sum(axis=0).tolist()) for rows in held_out(y, 1 / 2)]
    [[1, 1], [1, 1]]
    """
    from sklearn.model_selection import train_test_split  # takes a second to import, and only this needs it

    rows = np.arange(len(y))
    if y.ndim == 1:
        rest, drawn = train_test_split(rows, test_size=share, random_state=random_state, stratify=y)
        return rest, drawn
    generator = np.random.RandomState(random_state)
    for _ in range(TRIES):
        rest, drawn = train_test_split(rows, test_size=share, random_state=generator)
        if all((y[part] == sign).any(axis=0).all() for part in (rest, drawn) for sign in (1, -1)):
            return rest, drawn
    counts = np.minimum((y == 1).sum(axis=0), (y == -1).sum(axis=0))
    column = int(counts.argmin())
    raise ValueError(
        f"none of {TRIES} splits of {len(y)} rows has positives and negatives of every class in both parts; class number "
        f"{column} has {(y[:, column] == 1).sum()} positives and {(y[:, column] == -1).sum()} negatives"
    )
