"""Neighbours: what a search among the crops of photographs finds when vectors are under stress."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stressbook.chapters.stress.seeing.crops import Crop, open_photograph
from stressbook.chapters.stress.seeing.measure import NEAREST, SAME_NEIGHBOURS, SAME_PHOTOGRAPH, Neighbours
from stressbook.chapters.stress.seeing.panels import BEFORE, NONE, WIDTH, WRONG, bare
from stressbook.drawing import style
from stressbook.drawing.words import CLOSE, LABELS
from stresslib.stress.spec import bits_per_vector, parse_spec


def means(results: pd.DataFrame, metric: str = SAME_PHOTOGRAPH) -> pd.Series:
    """Return the scores of a metric by stress string, of a random stress the mean over its draws."""
    rows = results[results["metric"] == metric]
    return rows["score"].groupby(rows.apply(_spec, axis=1), sort=False).mean()


def _spec(row: pd.Series) -> str:
    token = {"none": "none", "random-selection": "DR1", "pca": "DR2", "uniform-shared": "Q1", "uniform-per-dimension": "Q2"}
    number = row["dimensions"] if not pd.isna(row["dimensions"]) else row["values"]
    return token[row["stress"]] + ("" if pd.isna(number) else f":{number}")


def typical(found: Neighbours, cut: Sequence[Crop], specs: Sequence[str]) -> int:
    """Return the crop whose counts of right neighbours, stress by stress, are nearest to the means over all crops.

    Parameters
    ----------
    found : mapping
        Of :func:`search`.
    cut : sequence of Crop
    specs : sequence of str
        Stresses to look at.

    Returns
    -------
    int
        Its place among the crops. It is one of the larger ones, in which there is more to see; of equally near ones the
        first.
    """
    source = np.array([crop.photograph for crop in cut])
    counts = np.array([(source[found[spec, 0]] == source[:, None]).sum(axis=1) for spec in specs])
    off = np.abs(counts - counts.mean(axis=1, keepdims=True)).sum(axis=0).round(9)
    widths = np.array([crop.image.width for crop in cut])
    large = widths == pd.Series(widths).groupby(source).transform("max")
    return int(np.where(large, off, np.inf).argmin())


def rows_shown(found: Neighbours, results: pd.DataFrame) -> list[str]:
    """Return the stresses whose neighbours are shown: those of the table, of the dictionaries one per dimension."""
    measured = means(results).index
    return [spec for spec, repeat in found if repeat == 0 and spec in measured and not spec.startswith("Q1")]


def named(spec: str) -> str:
    """Say in a few words what is left of a vector.

    Examples
    --------
    >>> from stressbook.chapters.stress.seeing.neighbours import named
    >>> named("none"), named("Q2:2"), named("DR1:64")
    ('32 bits a number', '1 bit a number', '64 numbers at random')
    """
    parsed = parse_spec(spec)
    if parsed.reduction:
        return f"{parsed.dimensions} {'numbers at random' if parsed.is_random else 'components'}"
    bits = bits_per_vector(spec, 1)
    return f"{bits} bit{'s' * (bits > 1)} a number"


def _short(spec: str) -> str:
    stress = parse_spec(spec).stress
    return f"{named(spec)} ({LABELS[stress].split()[0]})" if stress != "none" else f"{named(spec)}, no stress"


def plot_rows(query: int, found: Neighbours, cut: Sequence[Crop], results: pd.DataFrame, path: Path) -> Figure:
    """Draw a crop and, row by row, its nearest neighbours under each stress; those of another photograph are marked.

    Parameters
    ----------
    query : int
        Place of the crop.
    found : mapping
        Of :func:`search`.
    cut : sequence of Crop
    results : pandas.DataFrame
        Of :func:`score`: over all crops.
    path : pathlib.Path
        The photograph of the crop.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown, share = rows_shown(found, results), means(results)
    gap, title, top = 0.06, 0.29, 1.75
    side = (WIDTH + gap) / NEAREST - gap
    height = title + top + len(shown) * (title + side + 0.05)
    figure = Figure(figsize=(WIDTH, height))

    def axes(left: float, down: float, width: float, tall: float) -> Axes:
        # All in inches, from the upper left: squares fill their places, and nothing is left to a layout.
        return figure.add_axes((left / WIDTH, 1 - (down + tall) / height, width / WIDTH, tall / height), anchor="NW")

    image, box = open_photograph(path), cut[query].box
    small = image.copy()
    small.thumbnail((480, 480))
    wide = min(top * image.width / image.height, WIDTH - top - 0.3)
    whole, crop = axes(0, title, wide, top), axes(WIDTH - top, title, top, top)
    whole.imshow(small, interpolation="none", extent=(0, image.width, image.height, 0))
    for colour, thick in (("white", 4.0), (NONE, 1.6)):
        frame = Rectangle(box[:2], box[2] - box[0], box[3] - box[1], fill=False, edgecolor=colour, linewidth=thick)
        whole.add_patch(frame)
    crop.imshow(cut[query].image.resize((360, 360)), interpolation="none")
    bare(whole, "a photograph")
    bare(crop, f"the query{', mirrored' * cut[query].mirrored}")
    for row, spec in enumerate(shown):
        down = title + top + row * (title + side + 0.05) + title
        colour = style.COLOURS.get(parse_spec(spec).stress, NONE)
        words = {"fontsize": 10.5, "color": colour, "va": "bottom"}
        line = 1 - (down - 0.05) / height
        figure.text(0, line, _short(spec), fontweight="bold", **words)
        figure.text(1, line, f"all crops: {share[spec]:.1f}% right", ha="right", **words)
        for column, place in enumerate(found[spec, 0][query]):
            ax = axes(column * (side + gap), down, side, side)
            ax.imshow(cut[place].image.resize((180, 180)), interpolation="none")
            bare(ax)
            if cut[place].photograph != cut[query].photograph:
                _cross(ax)
    return figure


def _cross(ax: Axes) -> None:
    ax.spines[:].set(visible=True, color=WRONG, linewidth=4)
    ax.text(
        0.5, 0.5, "×", transform=ax.transAxes, ha="center", va="center", fontsize=26, fontweight="bold", color="white",
        bbox={"boxstyle": "circle,pad=0.08", "facecolor": WRONG, "edgecolor": "white"},
    )  # fmt: skip


def alt_rows(query: int, found: Neighbours, cut: Sequence[Crop], results: pd.DataFrame, path: Path) -> str:
    """Describe the figure of neighbours in words, from its data; takes what :func:`plot_rows` takes."""
    share = means(results)
    parts = []
    for spec in rows_shown(found, results):
        right = sum(cut[place].photograph == cut[query].photograph for place in found[spec, 0][query])
        parts.append(f"{_short(spec)} {right} of {NEAREST} here and {share[spec]:.1f}% over all crops")
    return (
        f"The photograph {path.name} with a square drawn on it, that crop enlarged, and rows of its {NEAREST} nearest "
        f"neighbours, a cross on those of another photograph. From the same photograph are: {'; '.join(parts)}."
    )


def chance(photograph: Sequence[int]) -> float:
    """Return the percent of right neighbours that drawing them at random would give.

    Examples
    --------
    >>> from stressbook.chapters.stress.seeing.neighbours import chance
    >>> round(chance([0, 0, 1, 1, 1]), 1)  # of four others: one for two crops, two for three
    40.0
    """
    counts = np.bincount(photograph)
    return float(100 * (counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1)))


def plot(results: pd.DataFrame, by_chance: float) -> Figure:
    """Draw the percent of right neighbours under each stress, over all crops.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`score`.
    by_chance : float
        Of :func:`chance`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    share = means(results)
    rows = list(dict.fromkeys(named(spec) for spec in share.index))
    figure, [ax] = style.panels(1, height=1.0)
    figure.set_size_inches(WIDTH, 0.34 * len(rows) + 1.2)
    for place, row in enumerate(rows):
        # At most two: one dictionary, and one per dimension.
        ends = sorted((spec for spec in share.index if named(spec) == row), key=lambda spec: share[spec])
        ax.plot(share[[ends[0], ends[-1]]], [place, place], color=BEFORE, linewidth=3, zorder=1)
        for spec in ends:
            stress, left = parse_spec(spec).stress, len(ends) == 2 and spec == ends[0]
            colour = style.COLOURS.get(stress, NONE)
            dot = {"color": colour, "markersize": 7, "markeredgecolor": "white", "markeredgewidth": 0.7}
            ax.plot(share[spec], place, "o", label=_DICTIONARIES.get(stress), **dot)
            number = {"color": colour, "fontsize": "medium", "fontweight": "bold", "va": "center_baseline"}
            shift, side = ((-8, 0), "right") if left else ((8, 0), "left")
            at = (share[spec], place)
            ax.annotate(f"{share[spec]:.1f}", at, shift, textcoords="offset points", ha=side, **number)
    ax.axvline(by_chance, color="#888888", linewidth=1, linestyle=(0, (4, 3)), label=f"by chance ({by_chance:.1f}%)")
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(axis="y", length=0)
    ax.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 118), xlabel="% right neighbours", xticks=range(0, 101, 20))
    handles = {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    near = {"handlelength": 1.2, "handletextpad": 0.4, "columnspacing": 1.2}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False, **near)
    return figure


_DICTIONARIES = {"uniform-per-dimension": "Q-2, a dictionary each", "uniform-shared": "Q-1, one for all"}


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of all crops in words, from its data."""
    parts = [f"{_short(str(spec))} {value:.1f}%" for spec, value in means(results).items()]
    return (
        f"Dots for the percent of the {NEAREST} nearest that are of the same photograph, over all crops: {'; '.join(parts)}."
    )


def headline(results: pd.DataFrame, count: int, by_chance: float) -> str:
    """Say in a few sentences how many bits, and how few numbers, a search needs.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`score`.
    count : int
        Of crops.
    by_chance : float
        Of :func:`chance`.

    Returns
    -------
    str
    """
    share = means(results)
    least = min((spec for spec in share.index if spec.startswith("Q")), key=_bits, default=None)
    rest = [(named(spec), f"{share[spec]:.1f}%") for spec in share.index if spec.startswith("DR")]
    if least is not None:
        both = [f"{share[least.replace(least[:2], scope)]:.1f}%" for scope in ("Q2", "Q1")]
        rest.insert(0, (named(least), " and ".join(both)))
    few, found = rest[0]
    others = "".join(f"with {less} {score}, " for less, score in rest[1:])
    return (
        f"**With a dictionary for each dimension, {_enough(share, 'Q2')}; with one for all, {_enough(share, 'Q1')}.** Of "
        f"the {NEAREST} nearest neighbours of {count} crops, {share['none']:.1f}% are of the same photograph before any "
        f"stress; enough is {CLOSE:.0f} points less. With {few} it is {found}, {others}by chance {by_chance:.1f}%."
    )


def _bits(spec: str) -> int:
    return bits_per_vector(spec, 1)


def _fewest(share: pd.Series, scope: str) -> str | None:
    """Return the dictionary of the fewest bits with which a search finds nearly as much as before the stress."""
    near = [spec for spec in share.index if spec.startswith(scope) and share["none"] - share[spec] <= CLOSE]
    return min(near, key=_bits, default=None)


def _enough(share: pd.Series, scope: str) -> str:
    fewest = _fewest(share, scope)
    if fewest is None:
        return "no number of bits that was tried is enough"
    return f"{named(fewest)} {'is' if _bits(fewest) == 1 else 'are'} enough"


def changed(results: pd.DataFrame) -> str:
    """Say how many of the neighbours are the ones that a crop had before the stress."""
    share, kept = means(results), means(results, SAME_NEIGHBOURS).drop("none")
    example = _fewest(share, "Q2") or kept.index[0]
    return (
        f"**The right photograph need not be the same crop of it.** Under {_short(example)}, {share[example]:.1f}% of the "
        f"neighbours are right, and {kept[example]:.1f}% of those before the stress remain. Over all stresses it is from "
        f"{kept.min():.1f}%, {_short(str(kept.idxmin()))}, to {kept.max():.1f}%, {_short(str(kept.idxmax()))}."
    )
