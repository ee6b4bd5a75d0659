"""Combination: is the paper's FC one dictionary (Q-1) after principal components, or one for each (Q-2)?

Both surfaces, dimensions times values, are measured and compared with the published one: by distance, by how even and odd
dictionaries differ, and by where the front lies. The published settings are single runs: they have no noise that a
distance could be judged by.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import Answer, data_set, format_range
from stressbook.chapters.rerun.figure_5 import page as figure_5_page
from stressbook.drawing import style, tables
from stresslib.paper.published import GRID, with_shares

CANDIDATES = {"Q-1": "pca+uniform-shared", "Q-2": figure_5_page.STRESS}
"""Stresses that FC may have been, by what follows the principal components."""

PAPER = "paper"


def surfaces(results: pd.DataFrame) -> pd.DataFrame:
    """Pair both candidates with the published surface, setting by setting.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        `features`, `step` (of the paper's grid), `values`, and what is kept with `Q-1`, `Q-2` and in the `paper`, in percent
        of its own full score; for the settings that all three have.
    """
    table = with_shares(tables.first_metric(results))
    table = table[table["stress"].isin(CANDIDATES.values())]
    table = table.assign(
        features=table["dataset"] + ", " + table["model"] + ", " + table["layer"],
        candidate=table["stress"].map({stress: name for name, stress in CANDIDATES.items()}),
    )
    wide = table.pivot_table(index=["features", "step", "values"], columns="candidate", values="kept", sort=False)
    paper = figure_5_page.reference().set_index(["step", "values"])["kept"].rename(PAPER)
    return wide.join(paper, on=["step", "values"], how="inner").dropna().reset_index()


def fits(results: pd.DataFrame) -> pd.DataFrame:
    """Measure how each candidate's surface fits the published one.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        One row for each feature set and surface, the paper's too: `distance` (mean over the settings of the absolute
        difference to the paper's, in points), `odd_even` (see :func:`odd_even`), and `front` (how far the front lies above
        the paper's, on average, in points).
    """
    rows = []
    for name, table in surfaces(results).groupby("features", sort=False):
        for surface in (*CANDIDATES, PAPER):
            zigzag = [odd_even(curve.set_index("values")[surface]) for _, curve in table.groupby("step")]
            rows.append(
                {
                    "features": name,
                    "surface": surface,
                    "distance": (table[surface] - table[PAPER]).abs().mean(),
                    "odd_even": float(np.nanmean(zigzag)) if np.isfinite(zigzag).any() else np.nan,
                    "front": _height_above_paper(table, surface),
                }
            )
    return pd.DataFrame(rows)


def odd_even(curve: pd.Series) -> float:
    """Measure how much dictionaries of an even number of values keep above those of an odd one.

    Parameters
    ----------
    curve : pandas.Series
        What is kept, indexed by the number of values.

    Returns
    -------
    float
        What a dictionary keeps above the mean of the next smaller and the next larger one, negative for odd ones, averaged
        over as many even as odd ones: the same bend in both cancels. NaN where no four sizes follow each other.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.open_questions.combination.page import odd_even
    >>> odd_even(pd.Series([86.0, 80.0, 90.0, 84.0], index=[2, 3, 4, 5]))
    8.0
    """
    bends = {
        int(count): curve[count] - (curve[count - 1] + curve[count + 1]) / 2
        for count in curve.index
        if count - 1 in curve.index and count + 1 in curve.index
    }
    pairs = [(bends[count] - bends[count + 1]) / 2 for count in bends if count % 2 == 0 and count + 1 in bends]
    pairs += [(bends[count + 1] - bends[count]) / 2 for count in bends if count % 2 == 1 and count + 1 in bends]
    return float(np.mean(pairs)) if pairs else float("nan")


def _height_above_paper(table: pd.DataFrame, surface: str) -> float:
    """Return how far a surface's front lies above the paper's of the same settings, between corners on a straight line."""
    bits: Any = table["step"].astype(float) * np.ceil(np.log2(table["values"].astype(float)))
    our_places, our_heights = _front(bits, table[surface])
    places_there, heights_there = _front(bits, table[PAPER])
    places = np.union1d(our_places, places_there)
    first, last = max(our_places[0], places_there[0]), min(our_places[-1], places_there[-1])
    places = places[(places >= first) & (places <= last)]
    if not len(places):
        return float("nan")
    above = np.interp(places, our_places, our_heights) - np.interp(places, places_there, heights_there)
    return float(above.mean())


def _front(bits: pd.Series, kept: pd.Series) -> tuple[Any, Any]:
    """Return the logarithms of the bits of a Pareto front, rising, and what is kept there."""
    front = figure_5_page.pareto_front(bits, kept)
    order = np.argsort(bits[front])
    return np.log(bits[front].to_numpy()[order]), kept[front].to_numpy()[order]


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: which of the two lies closer to the published surface?"""
    rows = fits(results)
    distance = rows.pivot_table(index="features", columns="surface", values="distance", sort=False)
    one, two = distance["Q-1"], distance["Q-2"]
    nearer = {"Q-1": int((one < two).sum()), "Q-2": int((two < one).sum())}
    if len(one) in nearer.values():
        winner = max(nearer, key=lambda name: nearer[name])
        said = (
            f"{_SAID[winner]}: on all {len(one)} feature sets its surface lies closer to the published one, by "
            f"{format_range((one - two).abs(), '.2f')} points of the share kept"
        )
    else:
        said = (
            f"Undecided: one for each component (Q-2) lies closer to the published surface on {nearer['Q-2']} of {len(one)} "
            f"feature sets, a shared one (Q-1) on {nearer['Q-1']}"
        )
    each = [
        f"{row['Q-2']:.2f} and {row['Q-1']:.2f} points on {data_set(str(name))}"
        for name, row in distance.to_dict("index").items()
    ]
    more = ""
    for column, criterion in (("odd_even", "how even and odd dictionaries differ"), ("front", "the height of the front")):
        away = _away_from_paper(rows, column)
        if away.notna().to_numpy().all():
            more += (
                f"By {criterion}, Q-2 is nearer on {int((away['Q-2'] < away['Q-1']).sum())} and Q-1 on "
                f"{int((away['Q-1'] < away['Q-2']).sum())} of {len(away)}. "
            )
    return Answer(
        said,
        f"Mean distance from the published surface, with Q-2 and with Q-1: {', '.join(each)}",
        "The published settings are single runs on another network: distances can be compared with each other, not tested",
        more.strip(),
    )


_SAID = {"Q-1": "A shared one (Q-1)", "Q-2": "One for each component (Q-2)"}


def _away_from_paper(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return how far each candidate is from the paper in a column of :func:`fits`, one row for each feature set."""
    fitted = rows.pivot_table(index="features", columns="surface", values=column, dropna=False)
    return fitted[list(CANDIDATES)].sub(fitted[PAPER], axis=0).abs()


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


_LOOKS: dict[str, dict[str, Any]] = {
    "Q-1": {**style.OURS, "color": style.COLOURS["uniform-shared"], "label": "Q-1 after PCA, ours"},
    "Q-2": {**style.OURS, "color": style.COLOURS["uniform-per-dimension"], "label": "Q-2 after PCA, ours"},
    PAPER: {**style.PAPER, "color": "black", "label": "FC, paper: VGG-M on VOC 2007"},
}


def plot(results: pd.DataFrame) -> Figure:
    """Draw what is kept against the values of a dictionary, at the smallest size that was measured.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    parts = list(surfaces(results).groupby("features", sort=False))
    figure, axes = style.panels(len(parts), height=3.0, columns=2)
    for ax, (_, rows) in zip(axes, parts, strict=True):
        at = rows[rows["step"] == rows["step"].min()].sort_values("values")
        for surface, look in _LOOKS.items():
            ax.plot(at["values"].astype(float), at[surface], **look)
        ax.set_xscale("log", base=2)
        ax.minorticks_off()
        ax.set_xticks(_TICKS, [str(tick) for tick in _TICKS])
        ax.set_xlim(1.85, 33)
        ax.set_xlabel(f"values of a dictionary, at {100 * at['step'].iloc[0] // GRID}% of the dimensions")
    style.finish(figure, axes, [str(name) for name, _ in parts], columns=3)
    return figure


_TICKS = [2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 30]


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return how each surface fits the published one, to two decimals."""
    rows = fits(results).set_index(["features", "surface"])
    names = {
        "distance": "distance to the paper's (points)",
        "odd_even": "even above odd (points)",
        "front": "front above the paper's (points)",
    }
    return rows.rename(columns=names).round(2)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    rows = fits(results)
    distances = [
        f"{row['features']}, {row['surface']}: {row['distance']:.1f} points away"
        for row in rows[rows["surface"] != PAPER].to_dict("records")
    ]
    return (
        "What is kept with principal components and then dictionaries of 2 to 30 values, one for all components and one for "
        "each, beside the published curve. Mean distance to the published surface: " + "; ".join(distances) + "."
    )
