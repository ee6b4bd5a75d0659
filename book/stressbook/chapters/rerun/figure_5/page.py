"""Figure 5: what is left of the score for how many bits, with principal components and then a dictionary each (FC).

The paper's own figure is VGG-M on VOC 2007: 9 sizes times 29 dictionaries, three of them marked.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from stressbook.drawing import style, tables, words
from stresslib.paper.published import GRID, published, with_shares
from stresslib.results import CURVE
from stresslib.stress.spec import Spec, bits_per_vector, compression_rate

STRESS = "pca+uniform"

MARKS = {(2, 8): "o", (2, 27): "s", (4, 24): "X"}
"""The settings that the paper marks: step of its grid and values of the dictionary, and the marker."""


def pareto_front(cost: ArrayLike, gain: ArrayLike) -> NDArray[np.bool_]:
    """Find what no other point beats: none costs as little and gains more, or costs less and gains as much.

    Parameters
    ----------
    cost, gain : array-like of shape (n,)

    Returns
    -------
    ndarray of bool, shape (n,)
        Points that are equal in both stand or fall together.

    Examples
    --------
    >>> from stressbook.chapters.rerun.figure_5.page import pareto_front
    >>> pareto_front([1, 2, 2, 3], [50, 70, 60, 70]).tolist()
    [True, True, False, False]
    """
    cost, gain = np.asarray(cost), np.asarray(gain)
    no_worse = (cost[:, None] <= cost) & (gain[:, None] >= gain)
    beaten = no_worse & ((cost[:, None] < cost) | (gain[:, None] > gain))
    return np.logical_not(beaten.any(axis=0))


def reference() -> pd.DataFrame:
    """Return the published settings that the figure draws: VGG-M on VOC 2007."""
    table = with_shares(published())
    # Figure 5 has no full score of its own; the network's other curves give it before the rest is dropped.
    return table[table["source"] == "figure-5"]


def priced(table: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of a table with what they cost.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns of :func:`stresslib.paper.published.with_shares`.

    Returns
    -------
    pandas.DataFrame
        The rows of the figure's stress; added are `bits` of a vector, `rate` (percent of the bits of the full vector in
        float32 that are saved), `share` (those that are left) and `front` (whether none of the feature set beats it).
    """
    rows = table[table["stress"] == STRESS].reset_index(drop=True)
    settings = [
        (Spec("DR2", int(size), "Q2", int(count)), int(width))
        for size, count, width in zip(rows["dimensions"], rows["values"], rows["n_features"], strict=True)
    ]
    rows["bits"] = [bits_per_vector(spec, width) for spec, width in settings]
    rows["rate"] = [100 * compression_rate(spec, width) for spec, width in settings]
    rows["share"] = 100 - rows["rate"]
    rows["front"] = False
    for _, curve in rows.groupby(CURVE, sort=False):
        rows.loc[curve.index, "front"] = pareto_front(curve["bits"], curve["kept"])
    return rows.sort_values("bits", kind="stable")


def plot(results: pd.DataFrame) -> Figure:
    """Draw the settings of a results table over the published ones, in percent of each feature set's full score.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`specs`, one feature set or several: a panel each.

    Returns
    -------
    matplotlib.figure.Figure
    """
    *drawn, (_, paper) = _tables(results).items()
    lowest, highest = pd.concat([paper, *(rows for _, rows in drawn)])["kept"].agg(["min", "max"])
    figure, axes = style.panels(len(drawn), height=4.1)
    for ax, (_, ours) in zip(axes, drawn, strict=True):
        _draw(ax, paper, "paper: VGG-M on VOC 2007", linewidth=1.0, markersize=3.0, markerfacecolor="white", alpha=0.6)
        _draw(ax, ours, "ours", linewidth=2.4, markersize=3.4, markeredgewidth=0)
        _draw_marks(ax, ours, paper)
        ax.set_xscale("log")
        ax.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
        ax.minorticks_off()
        ax.set(xlabel="bits per vector (% of the full vector in float32)")
        ax.set_ylim(top=max(highest + 0.25 * (highest - lowest), ax.get_ylim()[1]))
        top = ax.secondary_xaxis("top")
        top.set_xticks(TICKS, [f"{100 - tick:g}" for tick in TICKS])
        top.minorticks_off()
        top.set_xlabel("compression rate (% of the bits saved)", fontsize="small")
        top.tick_params(labelsize="small")
    style.finish(figure, axes, [title for title, _ in tables.feature_sets(results)])
    return figure


TICKS = [0.3, 0.5, 1, 2, 5, 10]


def _draw(ax: Axes, rows: pd.DataFrame, whose: str, *, linewidth: float, alpha: float = 1, **look: Any) -> None:
    colour, front = style.COLOURS[STRESS], rows[rows["front"]]
    ax.plot(rows["share"], rows["kept"], "o", color=colour, alpha=alpha, label=f"FC, {whose}: all settings", **look)
    ax.plot(front["share"], front["kept"], color=colour, linewidth=linewidth, label=f"FC, {whose}: what no setting beats")


def _draw_marks(ax: Axes, ours: pd.DataFrame, paper: pd.DataFrame) -> None:
    colour = style.COLOURS[STRESS]
    for (step, count), marker in MARKS.items():
        # The two lie close to each other among other points: what they keep is written above them all, ours in bold.
        for rows, face, weight, height in ((paper, "white", "normal", 0.91), (ours, colour, "bold", 0.98)):
            for point in _at(rows, step, count).to_dict("records"):
                share, kept = point["share"], point["kept"]
                name = _named(step, count) if rows is ours else None
                ax.plot(share, kept, marker, ms=8.5, mfc=face, mec="black", mew=0.9, zorder=4, label=name)
                ax.annotate(
                    f"{kept:.1f}",
                    (share, kept),
                    (share, height),
                    textcoords=ax.get_xaxis_transform(),
                    ha="center",
                    va="top",
                    color=colour,
                    fontsize="small",
                    fontweight=weight,
                )


def _at(rows: pd.DataFrame, step: int, count: int) -> pd.DataFrame:
    return rows[rows["step"].eq(step) & rows["values"].eq(count)]


def _named(step: int, count: int) -> str:
    return f"{100 * step // GRID}% of the dimensions, {count} values"


def _tables(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Priced settings by the names of their feature sets, ours first and the paper's last."""
    ours = {tables.features_name(rows): priced(rows) for _, rows in tables.feature_sets(with_shares(results))}
    paper = reference()
    return ours | {f"paper: {tables.features_name(paper)}": priced(paper)}


def marks(results: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's three settings, ours and the paper's: bits of a vector, bits saved and score kept, in percent.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
    """
    rows = [
        {"setting": _named(step, count), "features": name, **_columns(point)}
        for step, count in MARKS
        for name, table in _tables(results).items()
        for point in _at(table, step, count).to_dict("records")
    ]
    return pd.DataFrame(rows).set_index(["setting", "features"])


def _columns(row: dict[Hashable, Any]) -> dict[str, Any]:
    return {
        "score kept (%)": round(row["kept"], 2),
        "bits saved (%)": round(row["rate"], 2),
        "bits": row["bits"],
        "dimensions": row["dimensions"],
        "values": row["values"],
    }


def fronts(results: pd.DataFrame) -> pd.DataFrame:
    """Return the settings that no other of their feature set beats, ours and the paper's, in the columns of `marks`.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
    """
    rows = [
        {"features": name, **_columns(point)}
        for name, table in _tables(results).items()
        for point in table[table["front"]].to_dict("records")
    ]
    return pd.DataFrame(rows).set_index(["features", "bits"])


def front_gaps(results: pd.DataFrame) -> pd.DataFrame:
    """Measure how far our fronts lie above the paper's, where they have a corner and both are drawn.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        One row a corner of either front: `features`, `share` of the bits in percent, what `ours` and `theirs` keep
        there, and the `difference`, in points. Between corners a front is the line that the figure draws.
    """
    *ours, (_, paper) = ((name, table[table["front"]]) for name, table in _tables(results).items())
    parts = []
    for name, front in ours:
        share = np.union1d(front["share"], paper["share"])
        lowest, highest = max(front["share"].min(), paper["share"].min()), min(front["share"].max(), paper["share"].max())
        share = share[(lowest <= share) & (share <= highest)]
        here, there = (np.interp(np.log(share), np.log(one["share"]), one["kept"]) for one in (front, paper))
        parts.append(
            pd.DataFrame({"features": name, "share": share, "ours": here, "theirs": there, "difference": here - there})
        )
    return pd.concat(parts, ignore_index=True)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    parts = [
        f"{row['features']}: {row['score kept (%)']:.1f}% with {row['setting']}, {row['bits saved (%)']:.1f}% of bits saved"
        for row in marks(results).reset_index().to_dict("records")
    ]
    return (
        "Scatter plot of the share of the full score that is kept against the bits of a vector, principal components and "
        "then a dictionary for each, with a line through the settings that no other beats, the paper's beside ours. Kept at "
        "the marked settings: " + "; ".join(parts) + "."
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say where our settings agree with the published ones, and which of them reach the paper's headline.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
        A Markdown list, a part for each feature set.
    """
    *ours, (_, paper) = _tables(results).items()
    gaps, lines = front_gaps(results), []
    for name, table in ours:
        both = table.merge(paper, on=["step", "values"], suffixes=("", "_paper"))
        both["off"] = (both["kept"] - both["kept_paper"]).abs()
        lines.append(f"- **{name}**")
        for step, count in MARKS:
            for row in _at(both, step, count).to_dict("records"):
                agrees = "**agrees**" if row["off"] <= words.CLOSE else "**does not agree**"
                lines.append(f"  - {_named(step, count)}: {row['kept']:.1f}%, the paper {row['kept_paper']:.1f}%: {agrees}.")
        if len(both):
            worst = both.sort_values("off").iloc[-1]
            lines.append(
                f"  - {(both['off'] <= words.CLOSE).sum()} of {len(both)} settings lie within {words.CLOSE:.0f} points of "
                f"the paper's. Furthest off is {_named(worst['step'], worst['values'])}: {worst['kept']:.1f}%, the paper "
                f"{worst['kept_paper']:.1f}%."
            )
        gap = gaps[gaps["features"] == name]
        if len(gap):
            worst = gap.sort_values("difference", key=abs).iloc[-1]
            lines.append(
                f"  - The front lies {_beside(gap['difference'].mean())} the paper's on average; furthest off, "
                f"{_beside(worst['difference'])} it, with {worst['share']:.2f}% of the bits."
            )
        lines.append(f"  - {ENOUGH}% of the full score {_cheapest(table)}; of the paper's settings, it {_cheapest(paper)}.")
    return "\n".join(lines)


ENOUGH = 99
"""Percent of the full score that the paper's headline keeps: 98.4% of the bits saved for less than 1% of the score."""


def _beside(points: float) -> str:
    return f"{abs(points):.1f} points {'above' if points > 0 else 'below'}"


def _cheapest(table: pd.DataFrame) -> str:
    enough = table[table["kept"] >= ENOUGH].sort_values(["bits", "kept"], ascending=[True, False])
    if enough.empty:
        return "takes more bits than any setting has"
    best = enough.iloc[0]
    return f"takes {best['share']:.2f}% of the bits ({_named(best['step'], best['values'])})"
