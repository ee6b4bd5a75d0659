"""Effective: robustness beyond accuracy, of small networks by the number of training images and by width.

A part of the chapter's page; reads the rows of `robustness`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from stressbook.chapters.images.objects.robustness import CLEAN, SHIFTS, SHRUNK
from stressbook.chapters.images.objects.rows import interval
from stressbook.drawing import style

Array = NDArray[Any]

KINDS = {"corrupted": "corrupted images", "shrunken": "shrunken images"}
"""What is shifted in which way, as sentences have it."""

CAPTION = (
    "Each point is a network: the darker, the more training images; circles, squares and diamonds are narrow, middling and "
    "wide. The line is fitted to all."
)
"""Of the figure."""

_SHADES = ("#C9B3DB", "#9C6FC0", "#5A2385")
_MARKERS = ("o", "s", "D", "^", "v")


def networks(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each small network gets right.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each network: training images (`count`), `width`, `seed`, and in percent `clean`, `corrupted` (the mean
        over the corruptions) and `shrunken`.
    """
    rows = results[results["dataset"].eq("cifar10")]
    rows = rows.assign(
        count=rows["variant"].str.removeprefix("training=").astype(int),
        width=rows["model"].str.rpartition(":")[2].astype(int),
        kind=rows["stress"].map({CLEAN: "clean", SHRUNK: "shrunken", **dict.fromkeys(SHIFTS, "corrupted")}),
    )
    table = rows.pivot_table(index=["count", "width", "repeat"], columns="kind", values="score")
    return table.rename_axis(index={"repeat": "seed"}).rename_axis(columns=None).reset_index()


def logit(percent: Any) -> Array:
    """Return the logit of percent: log(p / (1 - p))."""
    share = np.asarray(percent, dtype=float) / 100
    return np.log(share / (1 - share))


def line(table: pd.DataFrame, kind: str) -> tuple[float, float]:
    """Return slope and level of the least-squares line from the logit of clean to that of shifted accuracy."""
    slope, level = np.polyfit(logit(table["clean"]), logit(table[kind]), 1)
    return float(slope), float(level)


def on_line(clean: Any, slope: float, level: float) -> Array:
    """Return the shifted accuracy, in percent, that a line has at some clean accuracies."""
    found: Array = 100 / (1 + np.exp(-(slope * logit(clean) + level)))
    return found


def with_residuals(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`networks` with a column for each kind of shift: points above the line, ``NAME beyond``."""
    table = networks(results)
    for kind in KINDS:
        table[f"{kind} beyond"] = table[kind] - on_line(table["clean"], *line(table, kind))
    return table


def pairs(results: pd.DataFrame) -> Iterator[tuple[str, Array]]:
    """Yield what is expected of more data and of larger networks, with the differences in points, pair by pair.

    A pair are two networks that are alike but for the number of training images, the most and the fewest, or for the
    width. The first four are of what is got right, the others of what is above the line.
    """
    if not results["dataset"].eq("cifar10").any():
        return
    table = with_residuals(results)
    for suffix, ending in (("", ""), (" beyond", ", beyond what clean accuracy explains")):
        for kind, said in KINDS.items():
            for factor, other in (("count", "width"), ("width", "count")):
                wide = table.pivot_table(index=[other, "seed"], columns=factor, values=f"{kind}{suffix}")
                most, fewest = wide.columns.max(), wide.columns.min()
                if most == fewest:
                    continue
                compared = (
                    f"{most:,} training images, over {fewest:,}" if factor == "count" else f"width {most}, over {fewest}"
                )
                yield f"{said}: {compared}{ending}", (wide[most] - wide[fewest]).dropna().to_numpy()


def plot(results: pd.DataFrame) -> Figure:
    """Draw shifted against clean accuracy on logit axes, a panel a kind of shift, with the line through all networks."""
    table = with_residuals(results)
    figure, axes = style.page_wide(2, height=3.0, sharex=True, sharey=False)
    widths, counts = sorted(table["width"].unique()), sorted(table["count"].unique())
    for ax, (kind, said) in zip(axes, KINDS.items(), strict=True):
        ends = np.linspace(table["clean"].min() - 1, table["clean"].max() + 1, 50)
        ax.plot(ends / 100, on_line(ends, *line(table, kind)) / 100, color="#888888", linewidth=1, zorder=0)
        for (count, width), part in table.groupby(["count", "width"]):
            colour = _SHADES[min(counts.index(count), len(_SHADES) - 1)]
            look: dict[str, Any] = {
                "color": colour,
                "markersize": 7,
                "markeredgecolor": "#333333",
                "label": f"{count:,} images, width {width}",
            }
            ax.plot(part["clean"] / 100, part[kind] / 100, _MARKERS[widths.index(width) % len(_MARKERS)], **look)
        for axis, numbers in (("x", table["clean"]), ("y", table[kind])):
            _logit_axis(ax, axis, float(numbers.min()), float(numbers.max()))
        ax.set_title(said, fontsize=style.SMALL, fontweight="bold")
    figure.supxlabel("right of clean images", fontsize=11)
    figure.supylabel("right of shifted images", fontsize=11)
    return figure


def _logit_axis(ax: Axes, name: str, low: float, high: float) -> None:
    """Give an axis of shares the scale of their logits, and ticks at multiples of 10%."""
    getattr(ax, f"set_{name}scale")("logit")
    ticks = range(10 * math.ceil(low / 10), 10 * math.floor(high / 10) + 1, 10)
    axis = getattr(ax, f"{name}axis")
    axis.set_ticks([tick / 100 for tick in ticks], [f"{tick}%" for tick in ticks])
    axis.set_ticks([], minor=True)


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return means over seeds by training images and width, to one decimal, under the headings of the page."""
    means = with_residuals(results).drop(columns="seed").groupby(["count", "width"]).mean()
    return means.rename_axis(["training images", "width"]).round(1)


def verdict(results: pd.DataFrame) -> str:
    """Say how closely shifted accuracy follows clean accuracy."""
    found = with_residuals(results)
    lines = []
    for kind, said in KINDS.items():
        correlation = float(np.corrcoef(logit(found["clean"]), logit(found[kind]))[0, 1])
        scatter = interval(found[f"{kind} beyond"].abs().to_numpy()).value
        lines.append(
            f"- {said}: on logit axes, accuracy correlates with that on clean ones by **{correlation:.2f}** over "
            f"{len(found)} networks; around the line it scatters by {scatter:.1f} points on average."
        )
    return "\n".join(lines)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = verdict(results).replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Accuracy on shifted against clean images, on logit axes, a point a network, with the line through all. {said}"
