"""Figure 5: what is left of the score for how many bits, with principal components and then a dictionary each (FC)."""

from __future__ import annotations

from collections.abc import Iterable


def specs(
    n_features: int, tenths: Iterable[int] = range(1, 10), values: Iterable[int] = range(2, 31), n_train: int | None = None
) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    n_features : int
    tenths : iterable of int, default=range(1, 10)
        Sizes, in tenths of the full vector; rounded down, as the paper's are.
    values : iterable of int, default=range(2, 31)
        Sizes of the dictionaries.
    n_train : int, optional
        Training rows: principal components beyond that many do not exist, and are left out.

    Returns
    -------
    list of str
        ``"none"`` first.

    Examples
    --------
    >>> from stressbook.chapters.rerun.figure_5.measure import specs
    >>> specs(4096, [1, 5], [8, 27])
    ['none', 'DR2:409,Q2:8', 'DR2:409,Q2:27', 'DR2:2048,Q2:8', 'DR2:2048,Q2:27']
    """
    sizes = [n_features * tenth // 10 for tenth in tenths]
    values = list(values)
    return ["none", *(f"DR2:{size},Q2:{count}" for size in sizes if n_train is None or size <= n_train for count in values)]
