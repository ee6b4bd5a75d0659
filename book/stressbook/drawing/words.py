"""Words: what a page calls stresses, data sets and networks, and comparisons as sentences.

Used by every page; nothing here computes a score.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from stresslib.paper.published import curve_order

LABELS = {
    "random-selection": "DR-1 random selection",
    "pca": "DR-2 principal components",
    "uniform-shared": "Q-1 one dictionary",
    "uniform-per-dimension": "Q-2 one dictionary per dimension",
    "bit-erasure": "Q-B erased bits",
    "pca+uniform": "FC principal components, then one dictionary per dimension",
}
"""What a legend calls each stress; its first word is the paper's name."""

NAMES = {
    "voc2007": "VOC 2007",
    "mit67": "MIT-67",
    "food101": "Food-101",
    "vgg-m": "VGG-M",
    "vgg-m-128": "VGG-M-128",
    "googlenet": "GoogLeNet",
    "bossanova": "BossaNova",
}
"""What a legend calls the paper's data sets and networks."""

CLASSICAL = ("bossanova", "bag-of-words", "fisher-vector")
"""What the names of classical feature sets begin with; :data:`stresslib.classical.METHODS` has the same."""


def is_classical(model: str) -> bool:
    """Return whether a model's name is that of classical features, not of a network.

    Examples
    --------
    >>> from stressbook.drawing.words import is_classical
    >>> is_classical("bossanova+codewords=64"), is_classical("vgg-m")
    (True, False)
    """
    return model.partition("+")[0] in CLASSICAL


CLOSE = 2.0
"""Points of the kept share up to which two curves are said to agree."""


def agreement_verdicts(points: pd.DataFrame, place: str, named: Callable[[int], str]) -> str:
    """Say in words where our curves agree with the published ones, and where they do not.

    Parameters
    ----------
    points : pandas.DataFrame
        Of :func:`stresslib.agreement`.
    place : {"step", "values"}
        The column that says where on the curve a row stands.
    named : callable
        Names a place, such as ``"10% of the dimensions"``.

    Returns
    -------
    str
        A Markdown list, a line for each pair of curves.
    """
    lines = []
    key = ["dataset", "model", "layer", "metric", "stress"]
    for (dataset, model, layer, metric, stress), curve in points.groupby(key, sort=False):
        off = curve[curve["difference"].abs() > CLOSE]
        worst = curve.sort_values("difference", key=abs).iloc[-1]
        line = f"- {LABELS[str(stress)].split()[0]} on {dataset}, {model}, {layer} ({metric}): "
        if off.empty:
            line += f"**agrees**, within {abs(worst['difference']):.1f} points everywhere."
        else:
            line += (
                f"**does not agree everywhere**. With {named(worst[place])} it keeps {worst['ours']:.1f}%, the paper "
                f"{worst['theirs']:.1f}%"
            )
            later = curve.loc[curve[place] > off[place].max(), place]
            line += f"; from {named(later.min())} on both are within {CLOSE:.0f} points." if len(later) else "."
        lines.append(line)
    return "\n".join(lines)


def order(points: pd.DataFrame, what: str) -> str:
    """Say in a sentence how far our curves lie in the order of the published ones.

    Parameters
    ----------
    points : pandas.DataFrame
        Of one stress, as :func:`stresslib.curve_order` takes them.
    what : str
        What the curves are, in the plural, such as ``"layers"``.

    Returns
    -------
    str
        Empty where no two curves share a place.
    """
    return "".join(
        f"Of {row.pairs} pairs of {what}, over {row.places} places, **{row.same_order:.0f}%** lie in the paper's order, "
        f"{row.opposite_order:.0f}% in the opposite one."
        for row in curve_order(points).itertuples()
    )
