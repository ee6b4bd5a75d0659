"""Figure 2: what is left of the score with fewer dimensions, drawn at random (DR-1) or by principal components (DR-2)."""

from __future__ import annotations

from collections.abc import Iterable

from stresslib.paper.published import GRID, grid_dimensions


def specs(n_features: int, steps: Iterable[int] = range(1, GRID + 1), n_train: int | None = None) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    n_features : int
    steps : iterable of int, default=range(1, 21)
        Places on the paper's grid, in twentieths of the full vector.
    n_train : int, optional
        Training rows: principal components beyond that many do not exist, and are left out.

    Returns
    -------
    list of str
        ``"none"`` first.

    Examples
    --------
    >>> from stressbook.chapters.rerun.figure_2.measure import specs
    >>> specs(4096, [1, 2])
    ['none', 'DR1:204', 'DR1:409', 'DR2:204', 'DR2:409']
    """
    sizes = [grid_dimensions(n_features)[step - 1] for step in steps]
    components = [size for size in sizes if n_train is None or size <= n_train]
    if len(components) < min(2, len(sizes)):
        components = []  # One point is no curve, and the fit at such a width is the longest of all.
    return ["none", *(f"DR1:{size}" for size in sizes), *(f"DR2:{size}" for size in components)]
