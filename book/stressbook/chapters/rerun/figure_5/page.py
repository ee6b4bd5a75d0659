"""Figure 5: draw the score kept against the bits of a vector, with principal components and then a dictionary each (FC).

Takes the results table of `measure`. The paper's own figure is VGG-M on VOC 2007, with some of its settings marked.
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
from stresslib.paper.published import agreement as published_agreement
from stresslib.paper.published import with_shares
from stresslib.results import CURVE
from stresslib.stress.spec import bits_per_vector, compression_rate

STRESS = "pca+uniform"

MARKS = {(2, 8): "o", (2, 27): "s", (4, 24): "X"}
"""The settings that the paper marks (place on its grid of dimensions, values of the dictionary), and their markers."""

TICKS = [0.3, 0.5, 1, 2, 5, 10]
"""Ticks of the bits, in percent of the full vector."""

ENOUGH = 99
"""Percent of the full score in the paper's headline: 98.4% of the bits saved for less than 1% of the score."""


def pareto_front(cost: ArrayLike, gain: ArrayLike) -> NDArray[np.bool_]:
    """Find the points that no other beats: none gains more for the same cost or less, or as much for less.

    Parameters
    ----------
    cost, gain : array-like of shape (n,)

    Returns
    -------
    ndarray of bool, shape (n,)
        True for the points of the front; points equal in both are treated alike.

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
    table = tables.published_shares()
    # Figure 5 has no full score of its own; the network's other curves give it before the rest is dropped.
    return table[table["source"] == "figure-5"]


def priced(table: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of a table with the bits that they cost.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns of :func:`stresslib.paper.published.with_shares`.

    Returns
    -------
    pandas.DataFrame
        The rows of the figure's stress, by bits, with the columns `bits` (of a vector), `rate` (percent of the full
        vector's bits in float32 that are saved), `share` (percent that are left) and `front` (whether no other setting of
        the feature set beats it).
    """
    rows = table[table["stress"] == STRESS].reset_index(drop=True)
    settings = list(zip(rows["spec"], rows["n_features"], strict=True))
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
        As `measure` returns it; each feature set has a panel.

    Returns
    -------
    matplotlib.figure.Figure
    """
    sets, paper = _priced_sets(results), priced(reference())
    lowest, highest = pd.concat([paper, *sets.values()])["kept"].agg(["min", "max"])
    figure, axes = style.panels(len(sets), height=4.1)
    for ax, ours in zip(axes, sets.values(), strict=True):
        _draw(
            ax,
            paper,
            f"paper: {words.network_on_data(paper)}",
            linewidth=1.0,
            markersize=3.0,
            markerfacecolor="white",
            alpha=0.6,
        )
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


def _draw(ax: Axes, rows: pd.DataFrame, whose: str, *, linewidth: float, alpha: float = 1, **look: Any) -> None:
    colour, front = style.COLOURS[STRESS], rows[rows["front"]]
    ax.plot(rows["share"], rows["kept"], "o", color=colour, alpha=alpha, label=f"FC, {whose}: all settings", **look)
    ax.plot(front["share"], front["kept"], color=colour, linewidth=linewidth, label=f"FC, {whose}: what no setting beats")


def _draw_marks(ax: Axes, ours: pd.DataFrame, paper: pd.DataFrame) -> None:
    colour = style.COLOURS[STRESS]
    for (step, count), marker in MARKS.items():
        # The two marks lie close together among other points: their scores are written above all points, ours in bold.
        for rows, label, face, weight, height in (
            (paper, None, "white", "normal", 0.91),
            (ours, _setting(step, count), colour, "bold", 0.98),
        ):
            for point in _at(rows, step, count).to_dict("records"):
                share, kept = point["share"], point["kept"]
                ax.plot(share, kept, marker, ms=8.5, mfc=face, mec="black", mew=0.9, zorder=4, label=label)
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


def _setting(step: int, count: int) -> str:
    return f"{words.percent_of_grid(step)} of the dimensions, {count} values"


def _priced_sets(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the priced settings of our feature sets, by their names."""
    return {tables.features_name(rows): priced(rows) for _, rows in tables.feature_sets(with_shares(results))}


def _with_paper(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the priced settings of our feature sets, and the paper's last."""
    paper = reference()
    return {**_priced_sets(results), f"paper: {tables.features_name(paper)}": priced(paper)}


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the settings that the paper marks, ours and the paper's: score kept, bits saved, and bits of a vector.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
    """
    rows = [
        {"setting": _setting(step, count), "features": name, **_columns(point)}
        for step, count in MARKS
        for name, settings in _with_paper(results).items()
        for point in _at(settings, step, count).to_dict("records")
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
    """Return the settings that no other of their feature set beats, ours and the paper's, in the columns of `table`.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
    """
    rows = [
        {"features": name, **_columns(point)}
        for name, settings in _with_paper(results).items()
        for point in settings[settings["front"]].to_dict("records")
    ]
    return pd.DataFrame(rows).set_index(["features", "bits"])


def front_gaps(results: pd.DataFrame) -> pd.DataFrame:
    """Compare our fronts with the paper's at the corners of either, within the range that both cover.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        A row for each corner of either front: `features`, `share` of the bits in percent, the score kept there by `ours`
        and `theirs`, and their `difference` in points. Between corners a front is the line that the figure draws.
    """
    paper = priced(reference()).query("front")
    parts = []
    for name, settings in _priced_sets(results).items():
        front = settings[settings["front"]]
        share = np.union1d(front["share"], paper["share"])
        lowest, highest = max(front["share"].min(), paper["share"].min()), min(front["share"].max(), paper["share"].max())
        share = share[(lowest <= share) & (share <= highest)]
        here, there = (np.interp(np.log(share), np.log(one["share"]), one["kept"]) for one in (front, paper))
        parts.append(
            pd.DataFrame({"features": name, "share": share, "ours": here, "theirs": there, "difference": here - there})
        )
    return pd.concat(parts, ignore_index=True)


def agreement(results: pd.DataFrame) -> pd.DataFrame:
    """Compare our settings with the published ones, as :func:`stresslib.agreement` does, for the metric that is drawn.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
    """
    return published_agreement(tables.first_metric(results), reference())


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
        for row in table(results).reset_index().to_dict("records")
    ]
    return (
        "Scatter plot of the share of the full score that is kept against the bits of a vector, principal components and "
        "then a dictionary for each, with a line through the settings that no other beats, the paper's beside ours. Kept at "
        "the marked settings: " + "; ".join(parts) + "."
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say where our settings agree with the published ones, and how many bits the score of the paper's headline takes.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
        A Markdown list with a part for each feature set.
    """
    paper, gaps, lines = priced(reference()), front_gaps(results), []
    for name, settings in _priced_sets(results).items():
        both = settings.merge(paper, on=["step", "values"], suffixes=("", "_paper"))
        both["off"] = (both["kept"] - both["kept_paper"]).abs()
        lines.append(f"- **{name}**")
        for step, count in MARKS:
            for row in _at(both, step, count).to_dict("records"):
                agrees = "**agrees**" if row["off"] <= words.CLOSE else "**does not agree**"
                lines.append(
                    f"  - {_setting(step, count)}: {row['kept']:.1f}%, the paper {row['kept_paper']:.1f}%: {agrees}."
                )
        if len(both):
            worst = both.sort_values("off").iloc[-1]
            lines.append(
                f"  - {(both['off'] <= words.CLOSE).sum()} of {len(both)} settings lie within {words.CLOSE:.0f} points of "
                f"the paper's. Furthest off is {_setting(worst['step'], worst['values'])}: {worst['kept']:.1f}%, the paper "
                f"{worst['kept_paper']:.1f}%."
            )
        gap = gaps[gaps["features"] == name]
        if len(gap):
            worst = gap.sort_values("difference", key=abs).iloc[-1]
            lines.append(
                f"  - The front lies {_above_or_below(gap['difference'].mean())} the paper's on average; furthest off, "
                f"{_above_or_below(worst['difference'])} it, with {worst['share']:.2f}% of the bits."
            )
        lines.append(
            f"  - {ENOUGH}% of the full score {_cheapest(settings)}; of the paper's settings, it {_cheapest(paper)}."
        )
    return "\n".join(lines)


def _above_or_below(points: float) -> str:
    return f"{abs(points):.1f} points {'above' if points > 0 else 'below'}"


def _cheapest(settings: pd.DataFrame) -> str:
    enough = settings[settings["kept"] >= ENOUGH].sort_values(["bits", "kept"], ascending=[True, False])
    if enough.empty:
        return "takes more bits than any setting has"
    best = enough.iloc[0]
    return f"takes {best['share']:.2f}% of the bits ({_setting(best['step'], best['values'])})"
