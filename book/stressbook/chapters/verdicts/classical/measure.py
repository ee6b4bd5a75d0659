"""Classical: do network features stand more than BossaNova, at the same share, number of dimensions and bits of a vector."""

from __future__ import annotations

from collections.abc import Iterable

from stressbook.chapters.rerun.figure_2 import measure as figure_2_measure
from stressbook.chapters.rerun.figure_4 import measure as figure_4_measure

VALUES = 16
"""Values of the dictionary of each principal component, where vectors of equal bits are compared: 4 bits each."""


def specs(
    n_features: int,
    steps: Iterable[int] = (1, 2, 3, 4, 5, 10, 15, 20),
    values: Iterable[int] = (2, 4, 8, 16),
    numbers: Iterable[int] = (16, 32, 64, 128, 256, 512, 1024),
    bits: Iterable[int] = (64, 128, 256, 512, 1024, 2048, 4096),
    n_train: int | None = None,
) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    n_features : int
    steps : iterable of int
        Places on the paper's grid, in twentieths of the full vector.
    values : iterable of int
        Sizes of the dictionaries of Q-1 and Q-2.
    numbers : iterable of int
        Dimensions, whatever the width of the full vector is.
    bits : iterable of int
        Of a vector, as principal components of 4 bits each.
    n_train : int, optional
        Training rows: principal components beyond that many do not exist, and are left out.

    Returns
    -------
    list of str
        ``"none"`` first.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.classical.measure import specs
    >>> specs(200, [1], [4], [32, 512], [256])
    ['none', 'DR1:10', 'DR1:32', 'DR2:10', 'DR2:32', 'Q1:4', 'Q2:4', 'DR2:64,Q2:16']
    """
    most = n_features if n_train is None else min(n_features, n_train)
    on_grid = [int(spec[4:]) for spec in figure_2_measure.specs(n_features, steps) if spec.startswith("DR1:")]
    sizes = sorted({*on_grid, *(number for number in numbers if number < n_features)})
    components = [count // (VALUES - 1).bit_length() for count in bits]
    return [
        "none",
        *(f"DR1:{size}" for size in sizes),
        *(f"DR2:{size}" for size in sizes if size <= most),
        *figure_4_measure.specs(values)[1:],
        *(f"DR2:{size},Q2:{VALUES}" for size in components if size <= most),
    ]
