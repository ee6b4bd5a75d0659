"""Directions: what was expected of each experiment, written down before the run, and what came out.

The verdicts of the chapter's page; every part of it is judged here, by one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stressbook.chapters.images.objects import effective
from stressbook.chapters.images.objects.bits import kept_of_large_over_small
from stressbook.chapters.images.objects.rows import (
    LARGE,
    SMALL,
    Interval,
    at_own_side,
    interval,
    name_of,
    objects,
    over_objects,
    own_side,
    percent,
    sizes,
)
from stressbook.drawing.outcomes import OPPOSITE, UNDECIDED, outcome

HIGHER, LOWER = 1.25, 0.8
"""A resolution counts as higher, or lower, from this multiple of the network's own on."""

UPRIGHT = 41
"""Degrees up to which an object counts as upright, and from upside down as upside down."""


@dataclass(frozen=True)
class Judged:
    """One direction that was expected, and what was measured.

    Attributes
    ----------
    part : {"size", "place", "rotation", "network", "resolution", "robustness", "bits"}
    expected : str
        What is expected to be higher than what, as a clause.
    found : Interval
        The difference in points, positive where it is as expected.
    units : str
        Over what the interval is.
    """

    part: str
    expected: str
    found: Interval
    units: str

    @property
    def verdict(self) -> str:
        """As expected, where the whole interval is above zero; the other way, where it is below; else undecided."""
        return outcome(1, self.found.low, self.found.high)


def judged(results: pd.DataFrame, *parts: str) -> list[Judged]:
    """Judge the directions of some parts, by default of all, as far as the table has the rows."""
    return [one for part in parts or _EXPERIMENTS for one in _EXPERIMENTS[part](results)]


def _difference(more: pd.DataFrame, less: pd.DataFrame) -> Interval | None:
    """Return by how much the first rows are higher than the second, object by object; None where either lacks."""
    if more.empty or less.empty:
        return None
    return interval((over_objects(more) - over_objects(less)).dropna().to_numpy())


def _judged(part: str, expected: str, more: pd.DataFrame, less: pd.DataFrame) -> Iterator[Judged]:
    found = _difference(more, less)
    if found is not None:
        yield Judged(part, expected, found, f"{more['object'].nunique()} objects")


def _sizes(results: pd.DataFrame) -> Iterator[Judged]:
    for model, rows in at_own_side(sizes(results)).groupby("model", sort=False):
        large, small = rows[rows["area"] >= LARGE], rows[rows["area"] <= SMALL]
        expected = f"{name_of(str(model))}: objects of {percent(LARGE)} and more, over those of {percent(SMALL)} and less"
        yield from _judged("size", expected, large, small)


def _places(results: pd.DataFrame) -> Iterator[Judged]:
    rows = objects(results)
    for model, part in rows[rows["stress"].eq("pasted-place")].groupby("model", sort=False):
        name, off = name_of(str(model)), np.maximum((part["x"] - 0.5).abs(), (part["y"] - 0.5).abs()).round(6)
        centre = part[off == 0]
        yield from _judged("place", f"{name}: the centre, over the outermost places", centre, part[off == off.max()])
        whole = part[(off > 0) & (part["box_inside"] == 1)]
        yield from _judged("place", f"{name}: the centre, over other places where all is visible", centre, whole)


def _rotations(results: pd.DataFrame) -> Iterator[Judged]:
    rows = objects(results)
    for model, part in rows[rows["stress"].eq("pasted-rotation")].groupby("model", sort=False):
        turned = np.minimum(part["rotation"], 360 - part["rotation"])
        upright, down = part[turned <= UPRIGHT], part[turned >= 180 - UPRIGHT]
        expected = f"{name_of(str(model))}: within {UPRIGHT}° of upright, over within {UPRIGHT}° of upside down"
        yield from _judged("rotation", expected, upright, down)


def _networks(results: pd.DataFrame) -> Iterator[Judged]:
    """Compare the smallest and the largest of the EfficientNet-Lites that were measured."""
    rows = sizes(results)
    rows = rows[rows["model"].str.startswith("efficientnet-lite")]
    models = sorted(rows["model"].unique())
    if len(models) < 2:
        return
    first, last = models[0], models[-1]
    side = own_side(first)
    ways = {"each at its own resolution": at_own_side(rows), f"both at {side} pixels": rows[rows["side"].eq(side)]}
    for way, part in ways.items():
        expected = f"{name_of(last)}, over {name_of(first)}, {way}"
        yield from _judged("network", expected, part[part["model"].eq(last)], part[part["model"].eq(first)])


def _resolutions(results: pd.DataFrame) -> Iterator[Judged]:
    rows = sizes(results)
    small = rows[rows["area"] <= SMALL]
    for model, part in small.groupby("model", sort=False):
        own = own_side(str(model))
        sides = part["side"].unique()
        higher, lower = sides[sides >= HIGHER * own], sides[sides <= LOWER * own]
        at_own = part[part["side"].eq(own)]
        name = f"{name_of(str(model))}, objects of {percent(SMALL)} and less"
        if len(higher):
            side = int(higher.min())
            expected = f"{name}: {side} pixels, over its own {own}"
            yield from _judged("resolution", expected, part[part["side"].eq(side)], at_own)
        if len(lower):
            side = int(lower.max())
            expected = f"{name}: its own {own} pixels, over {side}"
            yield from _judged("resolution", expected, at_own, part[part["side"].eq(side)])


def _small(results: pd.DataFrame) -> Iterator[Judged]:
    for expected, differences in effective.pairs(results):
        yield Judged("robustness", expected, interval(differences), f"{len(differences)} pairs of networks")


def _bits(results: pd.DataFrame) -> Iterator[Judged]:
    for model, found, count in kept_of_large_over_small(results):
        expected = f"{name_of(model)}: large objects keep more of their score than small ones"
        yield Judged("bits", expected, found, f"{count} objects")


_EXPERIMENTS: dict[str, Callable[[pd.DataFrame], Iterator[Judged]]] = {
    "size": _sizes,
    "place": _places,
    "rotation": _rotations,
    "network": _networks,
    "resolution": _resolutions,
    "robustness": _small,
    "bits": _bits,
}


def sentences(results: pd.DataFrame, *parts: str) -> str:
    """Say what was expected and what came out, as a Markdown list.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    *parts : str
        As :class:`Judged` has them.

    Returns
    -------
    str
    """
    lines = [
        f"- {one.expected}: {one.verdict}, by {one.found.value:+.1f} points (95% interval {one.found.low:+.1f} to "
        f"{one.found.high:+.1f}, over {one.units})."
        for one in judged(results, *parts)
    ]
    return "\n".join(lines) or "- Not measured in this run."


def not_reproduced(results: pd.DataFrame) -> str:
    """List the directions that came out the other way, or are undecided, as Markdown."""
    lines, every = [], judged(results)
    for verdict in (OPPOSITE, UNDECIDED):
        found = [one for one in every if one.verdict == verdict]
        lines += [
            f"- {one.expected}: {verdict}, {one.found.value:+.1f} points ({one.found.low:+.1f} to {one.found.high:+.1f})."
            for one in found
        ]
    return "\n".join(lines) or "- Nothing: every direction came out as expected."
