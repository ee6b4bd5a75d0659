"""Figure 3: draw the score kept with fewer dimensions on different data sets, for one network.

Takes the results table of `measure`. The paper's own figure is DR-1 of VGG-M on VOC 2007, MIT-67 and Food-101; it has DR-2
on VOC 2007 alone.
"""

from __future__ import annotations

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.drawing import style, tables, words
from stresslib.paper.published import agreement as published_agreement
from stresslib.paper.published import with_shares

RANKED_STEPS = (1, 2, 5)
"""Places of the paper's grid of dimensions at which data sets are ranked."""

TABLE_STEPS = [*RANKED_STEPS, 10]
"""Places of the paper's grid that the table shows."""

MARKERS = "osD^vP"
"""Markers of the data sets, in their order."""

HEIGHTS = {"random-selection": 5, "pca": 3}
"""Panels of the figure and their relative heights: under principal components data sets differ less."""


def reference() -> pd.DataFrame:
    """Return the published curves that the figure draws: VGG-M on VOC 2007, MIT-67 and Food-101."""
    table = tables.published_shares()
    table = table[table["source"].isin(["figure-2", "figure-3"]) & (table["model"] == "vgg-m")]
    return table.sort_values("dataset", ascending=False, kind="stable")


def plot(results: pd.DataFrame) -> Figure:
    """Draw the data sets of a results table over the published ones, in percent of each curve's full score.

    Parameters
    ----------
    results : pandas.DataFrame
        As `measure` returns it, with one feature set for each data set. The band is the population standard deviation
        over repeats, as in the paper.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each stress.
    """
    shares, paper = with_shares(results), reference()
    stresses = [stress for stress in HEIGHTS if stress in set(shares["stress"])]
    figure, axes = style.panels(len(stresses), 3.6, sharey=False, height_ratios=[HEIGHTS[stress] for stress in stresses])
    for ax, stress in zip(axes, stresses, strict=True):
        ours, theirs = (table[table["stress"] == stress] for table in (shares, paper))
        lowest, highest = pd.concat([ours["kept"], theirs["kept"]]).agg(["min", "max"])
        room = 0.06 * (highest - lowest)
        # The empty space before the first size is for the names of the curves.
        ax.set(xlabel="dimensions kept (%)", xlim=(-36, 102), xticks=range(0, 101, 20), ylim=(lowest - room, highest + room))
        _draw(ax, ours, theirs, stress)
    network = ", ".join(results[["model", "layer"]].iloc[0])
    titles = [f"{words.LABELS[stress]}, {network}" for stress in stresses]
    style.finish(figure, axes, [*titles[:1], *(f"{title}, enlarged" for title in titles[1:])])
    return figure


def _draw(ax: Axes, shares: pd.DataFrame, paper: pd.DataFrame, stress: str) -> None:
    colour, paper_name = style.COLOURS[stress], words.paper_name(stress)
    ours, theirs = (list(tables.feature_sets(table)) for table in (shares, paper))
    # The hue is that of the stress; data sets differ by lightness and marker.
    dark = seaborn.dark_palette(colour, 3)[1]
    shades = seaborn.blend_palette([dark, colour, seaborn.light_palette(colour, 5)[3]], len(ours))
    looks = zip(MARKERS, shades, strict=False)
    curves = [
        (
            words.NAMES[rows["dataset"].iloc[0]],
            style.draw_paper(ax, rows, colour, f"{paper_name}, paper: VGG-M", marker=marker),
        )
        for (_, rows), marker in zip(theirs, MARKERS, strict=False)
    ]
    curves += [
        (rows["dataset"].iloc[0], style.draw_ours(ax, rows, shade, f"{paper_name}, ours", marker=marker))
        for (_, rows), (marker, shade) in zip(ours, looks, strict=True)
    ]
    bottom, top = ax.get_ylim()
    heights = style.spread([kept.iloc[0] for _, kept in curves], gap=0.24 / HEIGHTS[stress] * (top - bottom))
    for place, ((name, kept), height) in enumerate(zip(curves, heights, strict=True)):
        ax.annotate(
            f"{name}  {kept.iloc[0]:.1f}",
            (kept.index[0], kept.iloc[0]),
            (-1, height),
            ha="right",
            va="center",
            color=dark,
            fontsize="small",
            fontweight="normal" if place < len(theirs) else "bold",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 3},
        )


def ranking(results: pd.DataFrame) -> pd.DataFrame:
    """Rank data sets by their full scores, and by the share of them that a random selection keeps, ours and the paper's.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        A row for the full score and for each share of the dimensions, a column for ours and one for the paper's:
        ``"a 90.1 > b 85.0 ≈ c 84.9"``. Two data sets are level (``≈``) when they differ by no more than the sum of their
        standard deviations over draws.
    """
    ours, theirs = (_kept(with_shares(results)), _kept(reference()))
    rows = {"full score": [_ranked(kept.groupby("dataset").first(), "full") for kept in (ours, theirs)]}
    for step in _ranked_steps(ours):
        rows[_share(step)] = [_ranked(_at(kept, step), "kept") for kept in (ours, theirs)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["ours", "paper"])


def _ranked_steps(kept: pd.DataFrame) -> list[int]:
    return [step for step in RANKED_STEPS if step in kept.index.get_level_values("step")]


def _at(kept: pd.DataFrame, step: int) -> pd.DataFrame:
    return kept[kept.index.get_level_values("step") == step].droplevel("step")


def _share(step: int) -> str:
    return f"{words.percent_of_grid(step)} of the dimensions"


def _kept(table: pd.DataFrame, stress: str = "random-selection") -> pd.DataFrame:
    """Return the mean and the population standard deviation of the share that a stress keeps, and the full score."""
    rows = tables.first_metric(table)
    rows = rows[rows["stress"] == stress].assign(full=100 * rows["score"] / rows["kept"])
    groups = rows.groupby(["dataset", "step"], sort=False)
    deviation = groups["kept"].std(ddof=0)
    if "score_sd" in rows:  # published rows are means, with their deviation beside them
        deviation = 100 * groups["score_sd"].first() / groups["full"].first()
    return pd.DataFrame({"kept": groups["kept"].mean(), "deviation": deviation, "full": groups["full"].first()})


def _ranked(values: pd.DataFrame, column: str) -> str:
    """Name the data sets from the highest to the lowest value. A full score has no draws, and so no deviation."""
    ranked = values.sort_values(column, ascending=False, kind="stable")
    margin = ranked["deviation"] + ranked["deviation"].shift() if column == "kept" else 0
    signs = (-ranked[column].diff() > margin).map({True: " > ", False: " ≈ "})
    names = [f"{words.NAMES.get(str(name), name)} {value:.1f}" for name, value in ranked[column].items()]
    return names[0] + "".join(sign + name for sign, name in zip(signs[1:], names[1:], strict=True))


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the kept shares at some shares of the dimensions, ours and the paper's.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        Columns are percent of the dimensions.
    """
    small = tables.comparison(with_shares(results), reference(), "step", TABLE_STEPS)
    return small.set_axis([words.percent_of_grid(step) for step in TABLE_STEPS], axis=1)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    rows = ranking(results)
    parts = [f"{share}: ours {row['ours']}; the paper's {row['paper']}" for share, row in rows.drop("full score").iterrows()]
    return (
        "Line plot of the share of the full score that is kept against the share of dimensions kept, a curve for each data "
        "set, the paper's beside ours. Kept under random selection, in percent, with " + "; with ".join(parts) + "."
    )


def agreement(results: pd.DataFrame) -> pd.DataFrame:
    """Compare our curves with each published one of the same stress, as :func:`stresslib.agreement` does.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        For the metric that is drawn.
    """
    return published_agreement(tables.first_metric(results), reference())


def verdicts(results: pd.DataFrame) -> str:
    """Say which findings of the paper's figure are found here too, as a Markdown list.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    ours, theirs = _kept(with_shares(results)), _kept(reference())
    lines = []
    for step in _ranked_steps(ours):
        here, there = (_at(kept, step)["kept"] for kept in (ours, theirs))
        apart, published_apart = here.max() - here.min(), there.max() - there.min()
        lines.append(
            f"- With {_share(step)} our data sets lie {apart:.1f} points apart, the paper's {published_apart:.1f}: here "
            f"they matter **{_more_or_less(apart, published_apart)}**."
        )
    components = _kept(with_shares(results), "pca")
    for step in _ranked_steps(components)[:1]:
        kept = _at(components, step)["kept"]
        lines.append(f"- With {_share(step)} principal components leave ours {kept.max() - kept.min():.1f} points apart.")
    true_here, true_there = ("true" if _same_order(kept) else "not true" for kept in (ours, theirs))
    lines.append(
        f"- The lower the full score, the less is kept of it: **{true_there}** of the paper's data sets at the smallest "
        f"size, **{true_here}** of ours."
    )
    points = agreement(results)
    for dataset, curve in points[points["stress"] == "random-selection"].groupby("dataset", sort=False):
        distance = curve["difference"].abs().groupby(curve["published_dataset"]).mean()
        nearest = words.NAMES[str(distance.idxmin())]
        lines.append(f"- {dataset} lies closest to the paper's {nearest}, {distance.min():.1f} points away on average.")
    return "\n".join(lines)


def _same_order(kept: pd.DataFrame) -> bool:
    """Return whether data sets have the same order by full score and by the share that their smallest size keeps."""
    first = kept.groupby("dataset").first()
    return first["full"].rank().equals(first["kept"].rank())


def _more_or_less(ours: float, theirs: float) -> str:
    if abs(ours - theirs) <= words.CLOSE:
        return "as much"
    return "more" if ours > theirs else "less"
