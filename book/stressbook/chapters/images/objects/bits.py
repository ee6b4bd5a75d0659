"""Bits: object size crossed with the bits of a vector's numbers: does compression hurt small objects first?

The tie to the paper, a part of the chapter's page; reads the rows of `compressed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.images.objects.compressed import bits_of
from stressbook.chapters.images.objects.rows import (
    LARGE,
    SMALL,
    Interval,
    interval,
    name_of,
    objects,
    percent,
    size_axis,
    sizes,
)
from stressbook.drawing import style
from stressbook.drawing.words import paper_name

COARSE = 2.0
"""Bits of a number up to which Q-2 counts as coarse; the verdict is on the mean over these dictionaries."""

MOST_BITS = 8.0
"""Bits of a number up to which the figure goes."""

_DRAWN = (1, 2, 3, 4)
"""Bits of a number of the curves of Q-2."""

_SHADES = ("#A5DBC8", "#57B594", "#007A5A", "#00402F")
"""Of these: shades of Q-2's green, from few bits to many."""

_LOOKS: dict[str, dict[str, Any]] = {
    "small": {"linestyle": (0, (3, 1.5)), "marker": "o"},
    "large": {"linestyle": "-", "marker": "s"},
}


def scores(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of stressed vectors with the `bits` of a number; 32 without a stress.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
    """
    rows = objects(results)
    rows = rows[rows["layer"].eq("pooled")]
    bits = {spec: bits_of(spec) for spec in rows["spec"].unique()}
    return rows.assign(bits=rows["spec"].map(bits))


def _by_object(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each object, small and large, without a stress and under some."""
    size = np.select([rows["area"] <= SMALL, rows["area"] >= LARGE], ["small", "large"], "between")
    plain = np.where(rows["spec"].eq("none"), "full", "stressed")
    means: pd.DataFrame = rows.assign(size=size, plain=plain).pivot_table(
        index="object", columns=["size", "plain"], values="score", sort=False
    )
    return means


def kept_of_large_over_small(results: pd.DataFrame) -> Iterator[tuple[str, Interval, int]]:
    """Yield for each network by how many points large objects keep more than small ones under a coarse Q-2.

    What is kept is the percent of the score without a stress, both over all objects; the objects are resampled.
    """
    rows = scores(results)
    coarse = rows["spec"].eq("none") | (rows["stress"].eq("uniform-per-dimension") & rows["bits"].le(COARSE))
    for model, part in rows[coarse].groupby("model", sort=False):
        if part["spec"].nunique() < 2:
            continue
        table = _by_object(part)
        columns = [("large", "stressed"), ("large", "full"), ("small", "stressed"), ("small", "full")]
        if not set(columns) <= set(table.columns):
            continue
        found = interval(table[columns].to_numpy(), lambda m: 100 * (m[..., 0] / m[..., 1] - m[..., 2] / m[..., 3]))
        yield str(model), found, len(table)


def kept(results: pd.DataFrame) -> pd.DataFrame:
    """Return the percent of its full score that each network keeps, on small and on large objects, by stress.

    Returns
    -------
    pandas.DataFrame
        Columns `model`, `stress`, `spec`, `bits`, `small`, `large`.
    """
    rows, found = scores(results), []
    for model, part in rows.groupby("model", sort=False):
        full = part[part["spec"].eq("none")]
        for spec, stressed in part[part["spec"].ne("none")].groupby("spec", sort=False):
            line = {"model": model, "stress": stressed["stress"].iloc[0], "spec": spec, "bits": stressed["bits"].iloc[0]}
            for size, (low, high) in {"small": (0, SMALL), "large": (LARGE, 1)}.items():
                means = [one.loc[one["area"].between(low, high), "score"].mean() for one in (stressed, full)]
                line[size] = 100 * means[0] / means[1] if means[1] else np.nan
            found.append(line)
    return pd.DataFrame(found)


def plot(results: pd.DataFrame) -> Figure:
    """Draw for each network the accuracy by size under Q-2, and beside it what small and large objects keep by bits."""
    rows, shares = scores(results), kept(results)
    models = list(dict.fromkeys(rows["model"]))
    figure, axes = style.panels(2 * len(models), height=2.6, columns=2, sharey=False)
    for number, model in enumerate(models):
        left, right = axes[2 * number : 2 * number + 2]
        _draw_sizes(left, rows[rows["model"].eq(model)])
        _draw_kept(right, shares[shares["model"].eq(model)])
        for ax in (left, right):
            ax.set_title(name_of(model), loc="left", fontsize=style.SMALL, fontweight="bold")
        right.set_ylim(0, 112)
    legend: dict[str, Any] = {"frameon": False, "fontsize": 8.5, "handlelength": 1.6, "labelspacing": 0.3}
    axes[0].legend(loc="upper left", **legend)
    axes[1].legend(loc="lower right", **legend | {"handlelength": 2.8})
    for ax in axes[-2:] if len(models) > 1 else axes:
        ax.set_xlabel("area of the object's box" if ax in axes[::2] else "bits of a number")
    return figure


def _draw_sizes(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the accuracy by area without a stress, and under some dictionaries of Q-2."""
    shades = dict(zip(_DRAWN, _SHADES, strict=True))
    full = rows[rows["spec"].eq("none")]
    curves = {bits: rows[rows["stress"].eq("uniform-per-dimension") & rows["bits"].eq(bits)] for bits in _DRAWN}
    for bits, part in [*curves.items(), (None, full)]:
        if len(part):
            mean = part.groupby("area")["score"].mean()
            label = "no stress" if bits is None else f"Q-2, {bits} bit{'s' if bits > 1 else ''}"
            colour = "#111111" if bits is None else shades[bits]
            ax.plot(mean.index, mean, color=colour, label=label, marker="o", markersize=3.5, linewidth=1.8)
    size_axis(ax)
    ax.set_ylim(0, 105)
    ax.set_ylabel("right (%)")


def _draw_kept(ax: Axes, shares: pd.DataFrame) -> None:
    """Draw what small and large objects keep by the bits of a number, under each stress."""
    for stress, part in shares[shares["bits"] <= MOST_BITS].groupby("stress", sort=False):
        for size, look in _LOOKS.items():
            curve = part.sort_values("bits")
            label = f"{paper_name(str(stress))}, {size} objects"
            ax.plot(curve["bits"], curve[size], color=style.COLOURS[str(stress)], label=label, markersize=4, **look)
    style.draw_full_score(ax)
    ax.set_ylabel("kept (%)")


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what is kept on small and on large objects, to one decimal, under the headings of the page."""
    found = kept(results)
    shown = found.assign(
        network=[name_of(model) for model in found["model"]],
        stress=[paper_name(stress) for stress in found["stress"]],
        bits=found["bits"].round(1),
    )
    names = {"small": f"kept, up to {percent(SMALL)} (%)", "large": f"kept, from {percent(LARGE)} (%)"}
    return shown.set_index(["network", "stress", "bits"])[list(_LOOKS)].rename(columns=names).round(1)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    parts = []
    for model, found, _ in kept_of_large_over_small(results):
        parts.append(f"{name_of(model)}: large objects keep {found.value:.1f} points more than small ones under coarse Q-2")
    return f"Accuracy by object size under Q-2, and what small and large objects keep by bits. {'; '.join(parts)}."


def agreement(results: pd.DataFrame) -> str:
    """Say how far the shipped vectors, of a byte a number, agree with the network that was shown the images."""
    rows = scores(results)
    shown = sizes(results)
    both = rows[rows["spec"].eq("none")].merge(shown, on=["model", "side", "object", "area"], suffixes=("", "_shown"))
    both = both[both["stress_shown"].eq("pasted-size")]
    lines = []
    for model, part in both.groupby("model", sort=False):
        off = (part["score"] - part["score_shown"]).abs()
        lines.append(
            f"- {name_of(str(model))}: {int((off == 0).sum())} of {len(part)} scores are the same as those of the images; "
            f"the mean over all differs by {abs(part['score'].mean() - part['score_shown'].mean()):.2f} points."
        )
    return "\n".join(lines)
