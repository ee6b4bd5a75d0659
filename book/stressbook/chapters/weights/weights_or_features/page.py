"""Page: the picture of the front, the answer, and the tables of the page on weights or features.

Draws and says what `choices` computes.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from stressbook.chapters.weights.fingerprints.rows import name_of
from stressbook.chapters.weights.weights_or_features.choices import (
    BOTH,
    EXPECTED,
    FEATURES,
    IMAGES,
    KINDS,
    NOTHING,
    WEIGHTS,
    WITHIN,
    cheapest,
    crossing,
    excess,
    front,
    groups,
    totals,
)
from stressbook.drawing import style
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE

COLOURS = {FEATURES: "#C98A00", WEIGHTS: "#7B3FA0", BOTH: "#1B8A8F", NOTHING: "#111111"}


def plot(results: pd.DataFrame, *, others: bool = False) -> Figure:
    """Draw score against all bytes, a panel for each number of images, with the front of each kind of stress.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    others : bool, default=False
        Of the other groups, instead of the first: :func:`has_others` says whether there are any.

    Returns
    -------
    matplotlib.figure.Figure
    """
    found = _drawn(results, others)
    figure, axes = style.panels(len(found) * len(IMAGES), height=2.3, sharex=False, sharey=False)
    titles = []
    for number, (group, _, rows) in enumerate(found):
        for ax, images in zip(axes[number * len(IMAGES) :], IMAGES, strict=False):
            _draw(ax, rows, images)
            titles.append(f"{images:,} images{f', {group}' if others else ''}")
    axes[-1].set_xlabel("megabytes of network and vectors", fontsize=style.SMALL)
    style.add_titles_and_legend(figure, axes, titles, columns=2)
    return figure


def has_others(results: pd.DataFrame) -> bool:
    """Return whether there are networks of another training or other data than those of the first figure."""
    return bool(_drawn(results, others=True))


def _drawn(results: pd.DataFrame, others: bool) -> list[tuple[str, str, pd.DataFrame]]:
    found = list(groups(results))
    return found[1:] if others else found[:1]


def _draw(ax: Axes, rows: pd.DataFrame, images: int) -> None:
    whole = rows.loc[rows["kind"].eq(NOTHING), "score"].max()
    ax.axhspan(whole - WITHIN, whole, color="#EEEEEE", linewidth=0, zorder=0)
    for kind in (BOTH, *KINDS[:2], NOTHING):
        mine = rows[rows["kind"].eq(kind)]
        look: dict[str, Any] = {"color": COLOURS[kind], "linestyle": "none", "markeredgewidth": 0}
        marker = "*" if kind == NOTHING else "o"
        label = kind if kind == NOTHING else ""
        size = 9 if kind == NOTHING else 2.6
        ax.plot(totals(mine, images) / 1e6, mine["score"], marker, label=label, markersize=size, alpha=0.9, zorder=2, **look)
    for kind in KINDS:
        best = front(rows[rows["kind"].isin([kind, NOTHING])] if kind != BOTH else rows, images)
        ax.plot(
            best["total"] / 1e6,
            best["score"],
            color=COLOURS[kind],
            linewidth=2,
            label=kind,
            drawstyle="steps-post",
            zorder=3,
        )
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(max(0, whole - 25), whole + 1.5)
    ax.set_ylabel("accuracy (%)", fontsize=style.SMALL)
    ax.tick_params(labelsize=style.SMALL)


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    group, _, rows = next(groups(results))
    return (
        f"{group[0].upper()}{group[1:]}: accuracy against the bytes of one network and of the vectors of {IMAGES[0]:,} to "
        f"{IMAGES[-1]:,} images, over {len(rows)} pairs of stresses: points. Lines: the best for the bytes, chosen on other "
        f"test images, so that a line can fall. Grey: within {WITHIN:.0f} point of the unstressed network."
    )


def size(count: float) -> str:
    """Return bytes as a sentence has them.

    Examples
    --------
    >>> from stressbook.chapters.weights.weights_or_features.page import size
    >>> size(1_234_567), size(98_765), size(256_000_000)
    ('1.23 MB', '98.8 kB', '256 MB')
    """
    scale, unit = (1e6, "MB") if count >= 1e6 else (1e3, "kB")
    return f"{count / scale:.3g} {unit}"


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    _, base, rows = next(groups(results))
    few, many = cheapest(rows, base, IMAGES[0]), cheapest(rows, base, IMAGES[-1])
    cheaper = {images: _cheaper(table) for images, table in ((IMAGES[0], few), (IMAGES[-1], many))}
    if cheaper[IMAGES[0]] == cheaper[IMAGES[-1]]:
        answer = f"The {cheaper[IMAGES[0]].removesuffix(' alone')}, from {IMAGES[0]:,} to {IMAGES[-1]:,} images"
    else:
        at = crossing(rows, base)
        answer = f"With few images the {cheaper[IMAGES[0]].removesuffix(' alone')}, from {at:,.0f} on the " + cheaper[
            IMAGES[-1]
        ].removesuffix(" alone")
    parts = []
    for images, table in ((IMAGES[0], few), (IMAGES[-1], many)):
        total = table["total"]
        parts.append(
            f"with the vectors of {images:,} images, {name_of(base)} takes {size(total[NOTHING])}, {size(total[WEIGHTS])} "
            f"with its weights under stress, {size(total[FEATURES])} with the features, and {size(total[BOTH])} with both"
        )
    lost = pd.concat([few, many])["lost"]
    return (
        f"**{answer}.** To lose at most {WITHIN:.0f} point by the images that choose: {'; '.join(parts)}. On other images "
        f"these lose {lost.min():.1f} to {lost.max():.1f} points."
    )


def _cheaper(table: pd.DataFrame) -> str:
    return min((WEIGHTS, FEATURES), key=lambda kind: float(table["total"][kind]))


def verdicts(results: pd.DataFrame) -> str:
    """Return what was expected and what came of it, and whether the losses of both add up, as Markdown."""
    lines = []
    for group, base, rows in groups(results):
        for images, expected in EXPECTED.items():
            found = _cheaper(cheapest(rows, base, images))
            outcome = AS_EXPECTED if found == expected else OPPOSITE
            lines.append(
                f"- {group}, {images:,} images: the {expected.removesuffix(' alone')} were to save more than the other: "
                f"{outcome}."
            )
        more = excess(rows)
        mean = more.mean()
        said = (
            "more than both alone"
            if mean > WITHIN
            else "less than both alone"
            if mean < -WITHIN
            else "as both alone, summed"
        )
        lines.append(
            f"- {group}: together, a stress of the weights and one of the features lose **{said}**, by {mean:+.1f} points "
            f"on average over {len(more)} pairs; for the middle half of them {more.quantile(0.25):+.1f} to "
            f"{more.quantile(0.75):+.1f}."
        )
    return "\n".join(lines)


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the cheapest setting of each kind, for each number of images."""
    parts = []
    for _, base, rows in groups(results):
        for images in IMAGES:
            for kind, row in cheapest(rows, base, images).iterrows():
                parts.append(
                    {
                        "network": name_of(base),
                        "images": f"{images:,}",
                        "under stress": kind,
                        "weights": row["weights"],
                        "features": _spec(row),
                        "size": size(row["total"]),
                        "accuracy": f"{row['score']:.1f}",
                        "lost": f"{row['lost']:.1f}",
                    }
                )
    return pd.DataFrame(parts).set_index(["network", "images", "under stress"])


def _spec(row: pd.Series) -> str:
    kept = f"DR2:{row['dimensions']:.0f}" if row["dimensions"] else ""
    values = f"Q2:{row['values']:.0f}" if row["values"] else ""
    return ",".join(part for part in (kept, values) if part) or "none"


def smaller(results: pd.DataFrame) -> str:
    """Say which networks stand on the front of all, as Markdown: is a smaller network the better stress?"""
    lines = []
    for group, base, rows in groups(results):
        if set(rows["model"]) == {base}:
            continue
        for images in IMAGES:
            best = front(rows, images)
            names = [name_of(str(one)) for one in dict.fromkeys(best["model"])]
            lines.append(
                f"- {group}, {images:,} images: of {rows['model'].nunique()} networks, the front has {', '.join(names)}, "
                f"from the fewest bytes on; {name_of(base)} has {best['model'].eq(base).sum()} of its {len(best)} points."
            )
    return "\n".join(lines)


def alt_text(results: pd.DataFrame, *, others: bool = False) -> str:
    """Describe a figure in words, from its data, as :func:`plot` draws it."""
    parts = []
    for group, base, rows in _drawn(results, others):
        for images in IMAGES:
            found = cheapest(rows, base, images)["total"]
            parts.append(
                f"{group}, {images:,} images: {', '.join(f'{kind} {size(value)}' for kind, value in found.items())}"
            )
    return (
        f"Accuracy against bytes. Fewest bytes within {WITHIN:.0f} point, by what is put under stress. {'; '.join(parts)}."
    )
