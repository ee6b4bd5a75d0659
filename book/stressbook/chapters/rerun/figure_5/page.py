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

HEADLINE = (2, 27)
"""The setting of the paper's headline: 98.4% of the bits saved for less than 1% of the score."""

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
    figure, axes = style.page_wide(len(sets), height=2.25)
    for ax, (_, ours) in zip(axes, sets, strict=True):
        ax.set_xscale("log")
        ax.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
        ax.minorticks_off()
        _draw_marks(ax, ours, paper)
        _draw(ax, ours, "ours", linewidth=2.4, markersize=3.0, markeredgewidth=0)
        _draw(ax, paper, "paper", linewidth=1.0, markersize=2.6, markerfacecolor="none", markeredgewidth=0.5, alpha=0.6)
        if ax in style.first_row(axes):
            _draw_rates(ax)
    # All panels share one scale, and above all their points stand the scores of the marks.
    lowest, highest = pd.concat([paper, *(ours for _, ours in sets)])["kept"].agg(["min", "max"])
    room = highest - lowest
    axes[0].set_ylim(lowest - 0.04 * room, highest + 0.3 * room)
    titles = [title for title, _ in tables.feature_sets(results)]
    style.finish_page_wide(figure, axes, titles, "bits per vector (% of the full vector in float32)", columns=3)
    return figure


def _draw(ax: Axes, rows: pd.DataFrame, whose: str, *, linewidth: float, alpha: float = 1, **look: Any) -> None:
    colour, front = style.COLOURS[STRESS], rows[rows["front"]]
    ax.plot(rows["share"], rows["kept"], "o", color=colour, alpha=alpha, label=f"{whose}, all settings", **look)
    # In steps, for only the settings that were measured exist: more bits than one costs buy nothing before the next.
    steps: dict[str, Any] = {"drawstyle": "steps-post", "linewidth": linewidth}
    ax.plot(front["share"], front["kept"], color=colour, label=f"{whose}, front", **steps)


def _draw_rates(ax: Axes) -> None:
    top = ax.secondary_xaxis("top")
    top.set_xticks(TICKS, [f"{100 - tick:g}" for tick in TICKS])
    top.minorticks_off()
    top.set_xlabel("compression rate (% of the bits saved)", fontsize=style.SMALL)
    top.tick_params(labelsize=style.SMALL)


def _draw_marks(ax: Axes, ours: pd.DataFrame, paper: pd.DataFrame) -> None:
    colour = style.COLOURS[STRESS]
    for (step, count), marker in MARKS.items():
        label = f"{words.percent_of_grid(step)}, {count} values"
        # The two marks lie close together, so that the paper's is a frame around ours. Their scores are written above all
        # points, ours in bold.
        for rows, name, look, weight, height in (
            (ours, label, {"ms": 6.5, "mfc": colour, "mew": 0.7}, "bold", 0.98),
            (paper, None, {"ms": 11, "mfc": "none", "mew": 1.1}, "normal", 0.86),
        ):
            for point in _at(rows, step, count).to_dict("records"):
                share, kept = point["share"], point["kept"]
                ax.plot(share, kept, marker, mec="black", zorder=4, label=name, **look)
                ax.annotate(
                    f"{kept:.1f}",
                    (share, kept),
                    (share, height),
                    textcoords=ax.get_xaxis_transform(),
                    ha="center",
                    va="top",
                    color=colour,
                    fontsize=style.SMALL,
                    fontweight=weight,
                )


def _at(rows: pd.DataFrame, step: int, count: int) -> pd.DataFrame:
    return rows[rows["step"].eq(step) & rows["values"].eq(count)]


def _setting(step: int, count: int) -> str:
    return f"{words.percent_of_grid(step)} of the dimensions, {count} values"


def _priced_sets(results: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the priced settings of our feature sets, each with its name."""
    return [(title, priced(rows)) for title, rows in tables.feature_sets(with_shares(results))]


def _with_paper(results: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the priced settings of our feature sets, and the paper's last."""
    paper = reference()
    return [*_priced_sets(results), (f"paper: {words.network_on_data(paper)}", priced(paper))]


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
        for name, settings in _with_paper(results)
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
        for name, settings in _with_paper(results)
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
        and `theirs`, and their `difference` in points. Between corners a front is flat, as the figure draws it.
    """
    paper = priced(reference()).query("front")
    parts = []
    for name, settings in _priced_sets(results):
        front = settings[settings["front"]]
        share = np.union1d(front["share"], paper["share"])
        lowest, highest = max(front["share"].min(), paper["share"].min()), min(front["share"].max(), paper["share"].max())
        share = share[(lowest <= share) & (share <= highest)]
        here, there = (
            one["kept"].to_numpy()[np.searchsorted(one["share"], share, side="right") - 1] for one in (front, paper)
        )
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


def headline(results: pd.DataFrame) -> str:
    """Say what the first feature set keeps at the setting of the paper's headline, beside the paper's.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    paper, (title, settings) = reference(), _priced_sets(results)[0]
    ours, theirs = (_at(rows, *HEADLINE) for rows in (settings, priced(paper)))
    if ours.empty:
        return ""
    return (
        f"**With {_setting(*HEADLINE)} each, which saves {ours['rate'].iloc[0]:.1f}% of the bits, {title} keeps "
        f"{ours['kept'].iloc[0]:.1f}% of its score; the paper's {words.network_on_data(paper)} keeps "
        f"{theirs['kept'].iloc[0]:.1f}% at this setting, its headline.**"
    )


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows, and how its points are told apart.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    return (
        "Score kept against the bits of a vector, with principal components and then a dictionary for each of them (FC), in "
        f"percent of the full score: {tables.scored_by(results)}. Filled: ours. Open: the paper's "
        f"{words.network_on_data(reference())}. A point is a setting, a stepped line a front: the most that is kept with so "
        "many bits or fewer. Marked are the settings that the paper marks, by the share of the dimensions and the number of "
        "values; above them stands what they keep, ours in bold."
    )


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
        "then a dictionary for each, with a stepped line over the settings that no other beats, the paper's beside ours. "
        "Kept at the marked settings: " + "; ".join(parts) + "."
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say how far our settings are from the published ones, and how many bits the score of the paper's headline takes.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
        A Markdown list with a part for each feature set.
    """
    paper, gaps, lines = priced(reference()), front_gaps(results), []
    for name, settings in _priced_sets(results):
        both = settings.merge(paper, on=["step", "values"], suffixes=("", "_paper"))
        both["off"] = (both["kept"] - both["kept_paper"]).abs()
        lines.append(f"- **{name}**")
        for step, count in MARKS:
            for row in _at(both, step, count).to_dict("records"):
                ours, theirs = (f"{row[name]:.1f}%" for name in ("kept", "kept_paper"))
                lines.append(f"  - {_setting(step, count)}: **{ours}**, the paper {theirs}.")
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
