"""Resolution: the same pasted objects at other sides of the network's input, a part of the chapter's page.

Draws what `rows` selects; `directions` judges it.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.objects.rows import (
    LARGE,
    SMALL,
    at_own_side,
    interval,
    name_of,
    over_objects,
    own_side,
    percent,
    sizes,
)
from stressbook.drawing import style

_GROUPS = {
    f"up to {percent(SMALL)}": (0.0, SMALL, "#7B3FA0", "o"),
    "of sizes between": (SMALL + 1e-9, LARGE - 1e-9, "#C98A00", "^"),
    f"of {percent(LARGE)} and more": (LARGE, 1.0, "#111111", "s"),
}
"""Sizes of objects: from, to, colour, marker."""


def by_side(results: pd.DataFrame) -> pd.DataFrame:
    """Return the percent right by the side of the input and the size of the object.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Indexed by network and side, those networks alone that were shown several sides; a column for each group of sizes.
    """
    rows = sizes(results)
    several = rows.groupby("model")["side"].transform("nunique") > 2
    rows = rows[several]
    found = {}
    for (model, side), part in rows.groupby(["model", "side"]):
        found[model, side] = {
            name: part.loc[part["area"].between(low, high), "score"].mean() for name, (low, high, *_) in _GROUPS.items()
        }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis(["model", "side"])


def plot(results: pd.DataFrame) -> Figure:
    """Draw the percent right by the side of the input, a curve a group of sizes, a panel a network."""
    shown = by_side(results)
    models = list(shown.index.get_level_values("model").unique())
    figure, axes = style.page_wide(len(models), height=2.7, sharex=False)
    for ax, model in zip(axes, models, strict=True):
        part = shown.loc[model]
        for name, (_, _, colour, marker) in _GROUPS.items():
            ax.plot(part.index, part[name], color=colour, label=f"objects {name}", **{**style.OURS, "marker": marker})
        ax.axvline(own_side(str(model)), color="#888888", linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.set_xticks(list(part.index))
        ax.tick_params(axis="x", labelsize=style.SMALL)
        ax.set_ylim(0, 100)
    style.add_titles_and_legend(figure, axes, [name_of(str(model)) for model in models], columns=3)
    figure.supxlabel("side of the network's input in pixels (dashed: its own)", fontsize=11)
    figure.supylabel("right (%)", fontsize=11)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    parts = []
    for model, part in by_side(results).groupby(level="model", sort=False):
        at = part.droplevel("model")
        for name in at:
            curve = ", ".join(f"{value:.0f}% at {side}" for side, value in at[name].items())
            parts.append(f"{name_of(str(model))}, objects {name}: {curve}")
    return f"Percent named rightly by the side of the input. {'; '.join(parts)}."


def networks(results: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over all sizes of each network, at the common side and at its own, with intervals over objects."""
    rows = sizes(results)
    models = sorted(rows["model"].unique(), key=lambda model: (not model.startswith("efficientnet"), model))
    common = min(own_side(model) for model in models)
    own = at_own_side(rows)
    found = {}
    for model in models:
        parts = {
            f"at {common} pixels": rows[rows["model"].eq(model) & rows["side"].eq(common)],
            "at its own": own[own["model"].eq(model)],
        }
        found[name_of(model)] = {
            **{name: str(interval(over_objects(part).to_numpy())) for name, part in parts.items() if len(part)},
            "its own": own_side(model),
        }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("network")
