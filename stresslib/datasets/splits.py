"""Splits: the words by which people call the parts of a split, in the names of folders and in the cells of a CSV.

Below the image sets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TRAIN, VALIDATION, TEST = "train", "val", "test"

WORDS = {
    TRAIN: ("train", "training", "trn", "trainset", "train_set", "training_set"),
    VALIDATION: ("val", "valid", "validation", "dev", "valset", "val_set", "validation_set"),
    TEST: ("test", "testing", "tst", "testset", "test_set"),
}
"""What each part of a split is called, but for upper and lower case."""


def part_of(word: str) -> str | None:
    """Return which part of a split a word means; None where it means none.

    Examples
    --------
    >>> part_of("Training"), part_of("valid"), part_of("cat")
    ('train', 'val', None)
    """
    plain = word.strip().casefold().replace("-", "_").replace(" ", "_")
    return next((part for part, words in WORDS.items() if plain in words), None)


def generator(seed: int) -> np.random.RandomState:
    """Return what draws a split.

    Raises
    ------
    ValueError
        When it is not a seed.

    Examples
    --------
    >>> generator(-1)
    Traceback (most recent call last):
        ...
    ValueError: seed -1: seeds are from 0 to 4294967295
    """
    try:
        return np.random.RandomState(seed)
    except ValueError as error:
        raise ValueError(f"seed {seed}: seeds are from 0 to {2**32 - 1}") from error


def lacking(signs: NDArray[Any], train: NDArray[np.bool_], *, images: bool = False) -> str:
    """Say which rows a class lacks in a part of the split; nothing where it has positive and negative ones in both.

    Parameters
    ----------
    signs : ndarray of shape (n,)
        1, -1, or 0 for difficult.
    train : ndarray of bool, shape (n,)
    images : bool, default=False
        Whether the class needs positive rows only, which are then called images.

    Returns
    -------
    str

    Examples
    --------
    >>> lacking(np.array([1, -1, -1, -1]), np.array([True, True, False, False]))
    'no test positive'
    """
    for part, rows in (("training", train), ("test", ~train)):
        for name, sign in (("image", 1),) if images else (("positive", 1), ("negative", -1)):
            if not (signs[rows] == sign).any():
                return f"no {part} {name}"
    return ""
