"""Objects: the chapter's first figure, accuracy by size, its headline and tables; and a picture of what is pasted.

Draws what `rows` selects; `directions` judges it, and the other parts of the page are modules of their own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFilter

from stressbook.chapters.images.objects.rows import (
    COLOURS,
    LARGE,
    RESAMPLES,
    SMALL,
    Interval,
    at_own_side,
    interval,
    name_of,
    objects,
    over_objects,
    percent,
    size_axis,
    sizes,
)
from stressbook.drawing import style
from stresslib.files import replacing
from stresslib.stress.on_images import paste


def headline(results: pd.DataFrame) -> str:
    """Say what networks get right of small, middling and large objects, as the page's first paragraph."""
    rows = at_own_side(sizes(results))
    least, best = rows["area"].min(), float(_by_area(rows).idxmax())  # type: ignore[arg-type]
    at = {area: _over_networks(rows[rows["area"].eq(area)]) for area in (least, best)}
    models = list(dict.fromkeys(rows["model"]))
    who = name_of(models[0]) if len(models) == 1 else f"{len(models)} networks"
    parts = [
        f"**Of objects that cover {percent(least)} of a picture, {who} name{'s' if len(models) == 1 else ''} "
        f"{at[least].value:.0f}% rightly, of those that cover {percent(best)} {at[best].value:.0f}%.**",
    ]
    centre = _centre_and_border(results)
    if centre is not None:
        parts.append(f"In the centre {centre[0].value:.0f}% are right, at the border of the picture {centre[1].value:.0f}%.")
    count = rows["object"].nunique()
    parts.append(f"With other objects than these {count} the first two could be {_span(at[least])} and {_span(at[best])}.")
    return " ".join(parts)


def _span(found: Interval) -> str:
    return f"{found.low:.0f} to {found.high:.0f}%"


def _by_area(rows: pd.DataFrame) -> pd.Series:
    means: pd.Series = rows.groupby("area")["score"].mean()
    return means


def _over_networks(rows: pd.DataFrame) -> Interval:
    """Return the mean over networks and backgrounds, with its interval over objects."""
    return interval(over_objects(rows).to_numpy())


def _centre_and_border(results: pd.DataFrame) -> tuple[Interval, Interval] | None:
    rows = objects(results)
    rows = rows[rows["stress"].eq("pasted-place")]
    if rows.empty:
        return None
    off = np.maximum((rows["x"] - 0.5).abs(), (rows["y"] - 0.5).abs()).round(6)
    return _over_networks(rows[off == 0]), _over_networks(rows[off == off.max()])


def plot(results: pd.DataFrame) -> Figure:
    """Draw the percent right by the area of the object, a panel a network: the mean in its interval, and each object.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = at_own_side(sizes(results))
    parts = list(rows.groupby("model", sort=False))
    figure, axes = style.page_wide(len(parts), height=2.3)
    for ax, (model, part) in zip(axes, parts, strict=True):
        _draw_sizes(ax, part, COLOURS.get(str(model), "#1B8A8F"))
        ax.set_title(f"{name_of(str(model))}, {part['side'].iloc[0]} pixels", fontsize=style.SMALL, fontweight="bold")
        ax.set_ylim(-2, 102)
    figure.supxlabel("area of the object's box, share of the picture", fontsize=11)
    figure.supylabel("right, of 1,000 classes (%)", fontsize=11)
    return figure


def _draw_sizes(ax: Axes, rows: pd.DataFrame, colour: str) -> None:
    for _, one in rows.groupby("object", sort=False):
        curve = one.sort_values("area")
        ax.plot(curve["area"], curve["score"], color="#BBBBBB", linewidth=0.9, zorder=1)
    means = rows.groupby("area")[["object", "score"]]
    found = {float(area): _over_networks(part) for area, part in means}  # type: ignore[arg-type]
    areas = sorted(found)
    values, lows, highs = ([getattr(found[area], name) for area in areas] for name in ("value", "low", "high"))
    ax.fill_between(areas, lows, highs, color=colour, alpha=0.25, linewidth=0, zorder=2)
    ax.plot(areas, values, color=colour, zorder=3, **style.OURS)
    size_axis(ax)


def caption(results: pd.DataFrame) -> str:
    """Return the caption of the figure."""
    rows = at_own_side(sizes(results))
    return (
        f"Objects in the centre, each network at the resolution that it was trained with. Grey: each of the "
        f"{rows['object'].nunique()} objects, over all backgrounds. Thick: their mean, with the interval that holds 95% of "
        f"{RESAMPLES:,} resamples of the objects."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    rows = at_own_side(sizes(results))
    parts = []
    for model, part in rows.groupby("model", sort=False):
        means = _by_area(part)
        best = float(means.idxmax())  # type: ignore[arg-type]
        parts.append(
            f"{name_of(str(model))} rises from {means.iloc[0]:.0f}% at {percent(means.index[0])} to {means[best]:.0f}% at "
            f"{percent(best)}, and has {means.iloc[-1]:.0f}% at {percent(means.index[-1])}"
        )
    return f"Percent of objects named rightly against their area. {'; '.join(parts)}."


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each network by size, with the true area of the objects and the least share inside, in percent."""
    rows = at_own_side(sizes(results))
    shown = rows.pivot_table(index="area", columns="model", values="score", sort=False).sort_index()
    shown.columns = [name_of(str(model)) for model in shown.columns]
    measured = rows.dropna(subset=["alpha_area"]).groupby("area")
    if len(measured):
        extent = 100 * measured["alpha_area"].agg(["min", "max"])
        shown.insert(0, "opaque area", [f"{low:.2g} to {high:.2g}" for low, high in extent.to_numpy()])
        shown["least inside, box"] = (100 * measured["box_inside"].min()).round(0)
        shown["least inside, opaque"] = (100 * measured["alpha_inside"].min()).round(0)
    return shown.set_axis([percent(area) for area in shown.index]).rename_axis("area").round(0)


def by_object(results: pd.DataFrame) -> pd.DataFrame:
    """Return for each object how much of its box it fills, and what is right of it when small and when large, in percent."""
    rows = at_own_side(sizes(results))
    small, large = (over_objects(rows[part]).round(0) for part in (rows["area"] <= SMALL, rows["area"] >= LARGE))
    filled = 100 * (rows["alpha_area"] / rows["area"]).groupby(rows["object"], sort=False).mean()
    names = {f"right, up to {percent(SMALL)}": small, f"right, from {percent(LARGE)}": large}
    return pd.DataFrame({"fills of its box": filled.round(0), **names}).sort_values(list(names)[-1]).rename_axis("object")


def confounded(results: pd.DataFrame) -> str:
    """Say whether objects that fill more of their box are named rightly more often: size and class are mixed."""
    found = by_object(results).dropna()
    if len(found) < 4:
        return ""
    share, small = found.iloc[:, 0], found.iloc[:, 1]
    correlation = share.corr(small, method="spearman")
    return (
        f"Objects fill {share.min():.0f}% ({share.idxmin()}) to {share.max():.0f}% ({share.idxmax()}) of their box. Over "
        f"the {len(found)} objects, the ranks of this share and of what is right when they are small correlate by "
        f"{correlation:.2f}."
    )


def save_examples(folder: str | os.PathLike[str], name: str) -> None:
    """Write the picture of :func:`examples` as PNG."""
    with replacing(Path(folder) / f"{name}.png") as temporary:
        examples().savefig(temporary, format="png", dpi=110, metadata={"Software": None})


def examples() -> Figure:
    """Draw what is pasted: a cat's head, cut out by an ellipse of ours, at sizes, places and angles on a photograph.

    Both photographs come with libraries, of scikit-image and scikit-learn; the objects of the experiment are not shown.
    """
    from skimage.data import chelsea
    from sklearn.datasets import load_sample_image

    photograph = Image.fromarray(chelsea()).crop((75, 0, 375, 300))
    mask = Image.new("L", photograph.size)
    ImageDraw.Draw(mask).ellipse((25, 15, 275, 285), fill=255)
    photograph.putalpha(mask.filter(ImageFilter.GaussianBlur(2)))
    scene = Image.fromarray(load_sample_image("china.jpg")).crop((0, 0, 427, 427))
    settings: list[tuple[str, dict[str, Any]]] = [
        ("2% of the picture", {"area": 0.02}),
        ("20%", {"area": 0.2}),
        ("100%", {"area": 1.0}),
        ("20%, in a corner", {"area": 0.2, "centre": (0.1, 0.1)}),
        ("20%, to the right", {"area": 0.2, "centre": (0.7, 0.5)}),
        ("20%, turned by 141°", {"area": 0.2, "rotation": 141}),
    ]
    figure = Figure(figsize=(7.0, 4.9), layout="constrained")
    for ax, (title, options) in zip(figure.subplots(2, 3).ravel(), settings, strict=True):
        ax.imshow(np.asarray(paste(photograph, scene, **options).image))
        ax.set_title(title, fontsize=style.SMALL)
        ax.set_axis_off()
    return figure


EXAMPLES = "A cat's head on a photograph of a palace: at 2, 20 and 100% of the picture, in a corner, to the right, turned."
"""What :func:`examples` draws, in words."""
