"""Figure 3: how much of the score fewer dimensions keep on different data sets, for one network.

The paper's own figure is DR-1 of VGG-M on VOC 2007, MIT-67 and Food-101; it has DR-2 on VOC 2007 alone.
"""

from __future__ import annotations

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.rerun.figure_2.measure import specs as specs
from stressbook.drawing import style, tables, words
from stresslib.paper.published import GRID, agreement, published, with_shares

PLACES = (1, 2, 5)
"""Steps of the grid at which data sets are ranked: 5, 10 and 25% of the dimensions."""

MARKERS = "osD^vP"

HEIGHTS = {"random-selection": 5, "pca": 3}
"""Panels of the figure and their heights: principal components part data sets so little that theirs needs less."""


def reference() -> pd.DataFrame:
    """Return the published curves that the figure draws: VGG-M on VOC 2007, MIT-67 and Food-101."""
    table = with_shares(published())
    table = table[table["source"].isin(["figure-2", "figure-3"]) & (table["model"] == "vgg-m")]
    return table.sort_values("dataset", ascending=False, kind="stable")


def plot(results: pd.DataFrame) -> Figure:
    """Draw the data sets of a results table over the published ones, in percent of each curve's full score.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`specs`, one feature set a data set. The band is the population standard deviation over repeats, as in
        the paper.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a stress.
    """
    shares, paper = with_shares(results), reference()
    drawn = [stress for stress in HEIGHTS if stress in set(shares["stress"])]
    figure, axes = style.panels(len(drawn), 3.6, sharey=False, height_ratios=[HEIGHTS[stress] for stress in drawn])
    for ax, stress in zip(axes, drawn, strict=True):
        ours, theirs = (table[table["stress"] == stress] for table in (shares, paper))
        lowest, highest = pd.concat([ours["kept"], theirs["kept"]]).agg(["min", "max"])
        room = 0.06 * (highest - lowest)
        # The names of the curves stand in the empty space before the first size.
        ax.set(xlabel="dimensions kept (%)", xlim=(-36, 102), xticks=range(0, 101, 20), ylim=(lowest - room, highest + room))
        _draw(ax, ours, theirs, stress)
    network = ", ".join(results[["model", "layer"]].iloc[0])
    titles = [f"{words.LABELS[stress]}, {network}" for stress in drawn]
    style.finish(figure, axes, [*titles[:1], *(f"{title}, enlarged" for title in titles[1:])])
    return figure


def _draw(ax: Axes, shares: pd.DataFrame, paper: pd.DataFrame, stress: str) -> None:
    colour, short = style.COLOURS[stress], words.LABELS[stress].split()[0]
    ours, theirs = (list(tables.feature_sets(table)) for table in (shares, paper))
    # One hue, since it means the stress: data sets differ by lightness and marker.
    dark = seaborn.dark_palette(colour, 3)[1]
    shades = seaborn.blend_palette([dark, colour, seaborn.light_palette(colour, 5)[3]], len(ours))
    looks = zip(MARKERS, shades, strict=False)
    curves = [
        (words.NAMES[rows["dataset"].iloc[0]], style.draw_paper(ax, rows, colour, f"{short}, paper: VGG-M", marker=marker))
        for (_, rows), marker in zip(theirs, MARKERS, strict=False)
    ]
    curves += [
        (rows["dataset"].iloc[0], style.draw_ours(ax, rows, shade, f"{short}, ours", marker=marker))
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


def order(results: pd.DataFrame) -> pd.DataFrame:
    """Rank data sets by what a random selection keeps of each, ours and the paper's, with their full scores above.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        One row a share of the dimensions, one column ours and one the paper's: ``"a 90.1 > b 85.0 ≈ c 84.9"``, where
        ``≈`` says that two lie no further apart than their deviations over draws together.
    """
    ours, theirs = (_kept(with_shares(results)), _kept(reference()))
    rows = {"full score": [_ranking(kept.groupby("dataset").first(), "full") for kept in (ours, theirs)]}
    for step in _places(ours):
        rows[_share(step)] = [_ranking(_at(kept, step), "kept") for kept in (ours, theirs)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["ours", "paper"])


def _places(kept: pd.DataFrame) -> list[int]:
    return [step for step in PLACES if step in kept.index.get_level_values("step")]


def _at(kept: pd.DataFrame, step: int) -> pd.DataFrame:
    return kept[kept.index.get_level_values("step") == step].droplevel("step")


def _share(step: int) -> str:
    return f"{100 * step // GRID}% of the dimensions"


def _kept(table: pd.DataFrame, stress: str = "random-selection") -> pd.DataFrame:
    """Mean and population deviation of the share that a stress keeps, beside the full score."""
    rows = tables.first_metric(table)
    rows = rows[rows["stress"] == stress].assign(full=100 * rows["score"] / rows["kept"])
    groups = rows.groupby(["dataset", "step"], sort=False)
    deviation = groups["kept"].std(ddof=0)
    if "score_sd" in rows:  # published rows are means already
        deviation = 100 * groups["score_sd"].first() / groups["full"].first()
    return pd.DataFrame({"kept": groups["kept"].mean(), "deviation": deviation, "full": groups["full"].first()})


def _ranking(values: pd.DataFrame, column: str) -> str:
    """Data sets from the best to the worst in a column. A full score has no draws that it could vary over."""
    ranked = values.sort_values(column, ascending=False, kind="stable")
    margin = ranked["deviation"] + ranked["deviation"].shift() if column == "kept" else 0
    signs = (-ranked[column].diff() > margin).map({True: " > ", False: " ≈ "})
    names = [f"{words.NAMES.get(str(name), name)} {value:.1f}" for name, value in ranked[column].items()]
    return names[0] + "".join(sign + name for sign, name in zip(signs[1:], names[1:], strict=True))


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the kept shares at 5, 10, 25 and 50% of the dimensions, ours and the paper's.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        Columns are percent of the dimensions.
    """
    steps = [*PLACES, 10]
    return tables.comparison(with_shares(results), reference(), "step", steps).set_axis(
        [f"{100 * step // GRID}%" for step in steps], axis=1
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
    rows = order(results)
    parts = [f"{share}: ours {row['ours']}; the paper's {row['paper']}" for share, row in rows.drop("full score").iterrows()]
    return (
        "Line plot of the share of the full score that is kept against the share of dimensions kept, a curve for each data "
        "set, the paper's beside ours. Kept under random selection, in percent, with " + "; with ".join(parts) + "."
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say what of the paper's figure came out again, as a Markdown list.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    ours, theirs = _kept(with_shares(results)), _kept(reference())
    lines = []
    for step in _places(ours):
        here, there = (_at(kept, step)["kept"] for kept in (ours, theirs))
        apart, published_apart = here.max() - here.min(), there.max() - there.min()
        lines.append(
            f"- With {_share(step)} our data sets lie {apart:.1f} points apart, the paper's {published_apart:.1f}: here "
            f"they matter **{_compared(apart, published_apart)}**."
        )
    components = _kept(with_shares(results), "pca")
    for step in _places(components)[:1]:
        kept = _at(components, step)["kept"]
        lines.append(f"- With {_share(step)} principal components leave ours {kept.max() - kept.min():.1f} points apart.")
    true = {whose: "true" if _follows(kept) else "not true" for whose, kept in (("ours", ours), ("paper", theirs))}
    lines.append(
        f"- The lower the full score, the less is kept of it: **{true['paper']}** of the paper's data sets at the smallest "
        f"size, **{true['ours']}** of ours."
    )
    points = agreement(tables.first_metric(results), reference())
    for dataset, curve in points[points["stress"] == "random-selection"].groupby("dataset", sort=False):
        distance = curve["difference"].abs().groupby(curve["published_dataset"]).mean()
        nearest = words.NAMES[str(distance.idxmin())]
        lines.append(f"- {dataset} lies closest to the paper's {nearest}, {distance.min():.1f} points away on average.")
    return "\n".join(lines)


def _follows(kept: pd.DataFrame) -> bool:
    """Whether data sets have the same order by full score and by the share that their smallest size keeps."""
    first = kept.groupby("dataset").first()
    return first["full"].rank().equals(first["kept"].rank())


def _compared(ours: float, theirs: float) -> str:
    if abs(ours - theirs) <= words.CLOSE:
        return "as much"
    return "more" if ours > theirs else "less"
