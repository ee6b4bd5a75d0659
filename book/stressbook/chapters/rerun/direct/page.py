"""The same curve: draw GoogLeNet's published curves on VOC 2007 over ours, each with the band that test images leave.

Takes the results table of `measure`. The rule of the verdicts is here, and was fixed before the curves were run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.drawing import style, tables, words
from stresslib.results import FEATURES, TOLERANCE

THEIRS = ("voc2007", "googlenet", "inception5b")
"""Data set, network and layer of the published curves."""

PLACES = {"random-selection": "percent", "bit-erasure": "removed_bits"}
"""The two stresses that were published for it, and the column that says where on its curve a point lies."""

SCALES = {"kept": "share of the full score", "score": "mAP"}
"""What is compared, by its column: a share takes out that one classifier saw more images than the other."""

TITLES = {"kept": "share", "score": "mAP"}
"""What titles of panels call the two scales."""

TABLE_PLACES = {"random-selection": (5, 10, 25, 50, 100), "bit-erasure": (0, 50, 52, 54, 55, 56, 58, 62)}
"""The places that the table shows."""

OUTSIDE = "#D62728"
"""Colour of a published point outside our band, in the chapter's figure alone."""


def points(results: pd.DataFrame) -> pd.DataFrame:
    """Put each published point beside ours, on both scales.

    Parameters
    ----------
    results : pandas.DataFrame
        As `measure` returns it.

    Returns
    -------
    pandas.DataFrame
        One row for each place that both have and each scale: the columns of a feature set, `stress`, `place`, `scale`,
        `ours`, `low` and `high` (the band), `theirs`, and `beyond`: points by which theirs lies above (or, negative, below)
        the band, 0 within it. By the rule a point is within the band when it is no more than
        :data:`stresslib.results.TOLERANCE` outside, which is what a score may move from one machine to another.
    """
    theirs = _placed(tables.published_shares()).set_index(["stress", "place"])
    paper = theirs[(theirs[FEATURES] == list(THEIRS)).all(axis=1) & theirs["source"].isin(["figure-2", "supplement-bits"])]
    rows = []
    for _, ours in tables.feature_sets(_placed(results)):
        for row in ours.dropna(subset="place").to_dict("records"):
            where = (row["stress"], row["place"])
            if where not in paper.index:
                continue
            for scale in SCALES:
                low, high, published = row[f"{scale}_low"], row[f"{scale}_high"], paper.loc[where, scale]
                beyond = max(published - high, 0) + min(published - low, 0)
                rows.append(
                    {name: row[name] for name in (*FEATURES, "stress", "place")}
                    | {"scale": scale, "ours": row[scale], "low": low, "high": high, "theirs": published}
                    | {"beyond": beyond if abs(beyond) > TOLERANCE else 0.0}
                )
    return pd.DataFrame(rows)


def _placed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with `place`: the percent of the dimensions on the paper's grid, or the number of erased bits."""
    percent = tables.percent_kept(table).round()
    bits = table["removed_bits"].astype(float)
    place = bits.where(table["stress"] == "bit-erasure", percent.where(table["stress"] == "random-selection"))
    return table.assign(place=place)


def is_theirs(rows: pd.DataFrame) -> bool:
    """Return whether rows are of the published curves' own network and layer; any other set is a control."""
    model, layer = rows[["model", "layer"]].iloc[0]
    return layer == THEIRS[2] and THEIRS[1] in model


def curves(results: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Split the points into curves, those that are drawn first: stress, scale and its points."""
    for _, rows in points(results).groupby(FEATURES, sort=False):
        for stress in PLACES:
            for scale in SCALES:
                curve = rows[(rows["stress"] == stress) & (rows["scale"] == scale)]
                if len(curve):
                    yield stress, scale, curve


def drawn(results: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Return the curves of the published layer; where it was not measured, as in a quick run, those of the controls."""
    every = list(curves(results))
    return [curve for curve in every if is_theirs(curve[2])] or every


def plot(results: pd.DataFrame) -> Figure:
    """Draw a panel for each stress and scale: our curve in its band, and the published points.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
        A published point within the band is open, as everywhere; one outside it is a cross.
    """
    panels = drawn(results)
    figure, axes = style.page_wide(len(panels), height=2.3, sharex=False, sharey=False)
    for ax, (stress, scale, curve) in zip(axes, panels, strict=True):
        _draw(ax, stress, curve)
        ax.set_ylabel("score kept (%)" if scale == "kept" else "mAP (%)", fontsize=style.SMALL)
        ax.xaxis.label.set_fontsize(style.SMALL)
    titles = [_title(stress, scale, curve) for stress, scale, curve in panels]
    style.add_titles_and_legend(figure, axes, titles, columns=3)
    return figure


def _title(stress: str, scale: str, curve: pd.DataFrame) -> str:
    name = "" if is_theirs(curve) else f"{curve['layer'].iloc[0]}, "
    within = int((curve["beyond"] == 0).sum())
    return f"{name}{words.paper_name(stress)}, {TITLES[scale]}: {within} of {len(curve)} in our band"


def _draw(ax: Axes, stress: str, curve: pd.DataFrame) -> None:
    colour, where, out = style.COLOURS[stress], _positions(stress, curve["place"]), (curve["beyond"] != 0).to_numpy()
    name = words.paper_name(stress)
    ax.fill_between(where, curve["low"], curve["high"], color=colour, alpha=0.25, linewidth=0)
    ax.plot(where, curve["ours"], color=colour, label=f"{name}, ours, 95% band", **{**style.OURS, "markersize": 3.5})
    look = {**style.PAPER, "markersize": 6.0, "markerfacecolor": "none"}
    ax.plot(where, curve["theirs"], color=colour, label=f"{name}, paper", **look)
    cross: dict[str, Any] = {
        "linestyle": "",
        "marker": "x",
        "markersize": 8,
        "markeredgewidth": 2.0,
        "color": OUTSIDE,
        "zorder": 4,
    }
    if out.any():
        ax.plot(where[out], curve["theirs"][out], label="outside our band", **cross)
    if stress == "bit-erasure":
        # As on the page of erased bits: every place of the grid gets the same room, since the last ones decide.
        ticks = pd.Series([0, 20, 40, *range(50, 65, 2)], dtype=float)
        ax.set_xticks(_positions(stress, ticks), [f"{tick:.0f}" for tick in ticks])
        ax.set(xlabel="bits erased (stretched from 50 on)", ylim=(0, None))
    else:
        ax.set(xlabel="dimensions kept (%)", xlim=(0, 102))


def _positions(stress: str, places: pd.Series) -> pd.Series:
    stretched = (places / 5).where(places <= 50, places - 40)
    return (stretched if stress == "bit-erasure" else places).reset_index(drop=True).set_axis(places.index)


def headline(results: pd.DataFrame) -> str:
    """Say how many published points lie within our band, by stress and scale.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    parts: dict[str, list[str]] = {}
    for stress, scale, curve in drawn(results):
        within = int((curve["beyond"] == 0).sum())
        counted = f"{within} of {len(curve)} by {'mAP' if scale == 'score' else 'the share kept'}"
        parts.setdefault(words.paper_name(stress), []).append(counted)
    layer = "" if is_theirs(drawn(results)[0][2]) else " (a control: another layer of the network)"
    counts = "; ".join(f"{stress} {' and '.join(counted)}" for stress, counted in parts.items())
    return f"**Published points within our band: {counts}{layer}.**"


def verdicts(results: pd.DataFrame) -> str:
    """Judge each curve by the rule: within the band everywhere, or where not and by how much.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
        A Markdown list; controls, which are other layers of the network, come last and are called so.
    """
    lines = []
    for stress, scale, curve in curves(results):
        out = curve[curve["beyond"] != 0]
        about = "" if is_theirs(curve) else f"Control, {curve['layer'].iloc[0]}: "
        line = f"- {about}{words.paper_name(stress)}, {SCALES[scale]}: "
        if out.empty:
            farthest = (curve["theirs"] - curve["ours"]).abs().max()
            line += f"**within the band** at all {len(curve)} places, at most {farthest:.1f} points from our curve."
        else:
            worst = out.iloc[int(out["beyond"].abs().argmax())]
            side = "above" if worst["beyond"] > 0 else "below"
            line += (
                f"**outside the band** at {len(out)} of {len(curve)} places ({_listed(stress, out['place'])}); the "
                f"farthest, {_place(stress, worst['place'])}, is {worst['theirs']:.1f}, {abs(worst['beyond']):.1f} points "
                f"{side} our band of {worst['low']:.1f} to {worst['high']:.1f}."
            )
        lines.append(line)
    return "\n".join(lines)


def _place(stress: str, place: float) -> str:
    return f"{place:.0f}% of the dimensions" if stress == "random-selection" else f"{place:.0f} bits erased"


def _listed(stress: str, places: pd.Series) -> str:
    unit = "%" if stress == "random-selection" else ""
    return ", ".join(f"{place:.0f}{unit}" for place in places) + ("" if unit else " bits")


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the points at some places: ours, the band and theirs, on both scales.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        A row for each layer, stress and place.
    """
    found = points(results)
    found = found[[place in TABLE_PLACES[stress] for stress, place in zip(found["stress"], found["place"], strict=True)]]
    found = found if len(found) else points(results)
    band = [f"{low:.1f} to {high:.1f}" for low, high in zip(found["low"], found["high"], strict=True)]
    small = found.assign(
        stress=[words.paper_name(stress) for stress in found["stress"]],
        place=[_place(*pair) for pair in zip(found["stress"], found["place"], strict=True)],
        scale=[SCALES[scale] for scale in found["scale"]],
        band=band,
    )
    columns = ["ours", "band", "theirs"]
    return small.set_index(["layer", "stress", "place", "scale"])[columns].round(1)


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows, and how its points are told apart.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    title = words.human_name(*drawn(results)[0][2][FEATURES].iloc[0])
    return (
        f"{title}: share of the full score (left) and mAP (right) under random selection (DR-1) and erased bits (Q-B). "
        "Filled and thick: ours, in the band that holds 95% of the resamples of our test images. Open: the published "
        "points; crossed: those of them that lie outside the band."
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
    parts = [_title(stress, scale, curve) for stress, scale, curve in drawn(results)]
    return (
        "Line plots of our curves of GoogLeNet on VOC 2007, each in its 95% band over test images, under the published "
        f"points, a panel for each stress and scale. Published points in the band: {'; '.join(parts)}."
    )
