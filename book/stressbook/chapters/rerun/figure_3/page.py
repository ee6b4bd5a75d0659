"""Figure 3: draw the score kept with fewer dimensions on different data sets, for one network.

Takes the results table of `measure`. The paper's own figure is DR-1 of VGG-M on VOC 2007, MIT-67 and Food-101; it has DR-2
on VOC 2007 alone.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.drawing import style, tables, words
from stresslib.paper.counterparts import STAND_INS
from stresslib.paper.published import NAMESAKES, with_shares
from stresslib.paper.published import agreement as published_agreement

RANKED_STEPS = (1, 2, 5)
"""Places of the paper's grid of dimensions at which data sets are ranked."""

TABLE_STEPS = [*RANKED_STEPS, 10]
"""Places of the paper's grid that the table shows."""

MARKERS = "osD^vP"
"""Markers of the data sets; ours has the marker and the shade of the paper's that it stands for."""

HEIGHTS = {"random-selection": 4, "pca": 3}
"""Rows of the figure and their relative heights: under principal components data sets differ less."""


def reference() -> pd.DataFrame:
    """Return the published curves that the figure draws: VGG-M on VOC 2007, MIT-67 and Food-101."""
    table = tables.published_shares()
    table = table[table["source"].isin(["figure-2", "figure-3"]) & (table["model"] == "vgg-m")]
    return table.sort_values("dataset", ascending=False, kind="stable")


def stand_ins(results: pd.DataFrame) -> dict[str, str]:
    """Return, for each of the paper's data sets that one of ours is or stands for, that of ours."""
    ours, found = list(dict.fromkeys(results["dataset"])), {}
    for (source, features), names in STAND_INS.items():
        theirs, network = features.split("/", 1)
        if source in ("figure-2", "figure-3") and network == "vgg-m/relu7":
            own = [name for name in ours if NAMESAKES.get(name, name) == theirs]
            candidates = [*own, *(name.split("/")[0] for name in names)]
            measured = [name for name in candidates if name in ours]
            if measured:
                found[theirs] = measured[0]
    return found


def plot(results: pd.DataFrame) -> Figure:
    """Draw the published data sets on the left and those of a results table on the right, in percent of each full score.

    Parameters
    ----------
    results : pandas.DataFrame
        As `measure` returns it, with one feature set for each data set. The band is the population standard deviation
        over repeats, as in the paper.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each stress; its two panels have one scale.
    """
    shares, paper = with_shares(results), reference()
    stresses = [stress for stress in HEIGHTS if stress in set(shares["stress"])]
    heights = [HEIGHTS[stress] for stress in stresses]
    figure, axes = style.page_wide(2 * len(stresses), 2.4, sharey=False, height_ratios=heights)
    looks, titles = _looks(shares), []
    for stress, left, right in zip(stresses, axes[::2], axes[1::2], strict=True):
        right.sharey(left)
        right.tick_params(labelleft=False)
        ours, theirs = (table[table["stress"] == stress] for table in (shares, paper))
        _draw(left, theirs, style.draw_paper, looks, stress)
        _draw(right, ours, style.draw_ours, looks, stress)
        lowest, highest = pd.concat([ours["kept"], theirs["kept"]]).agg(["min", "max"])
        room = 0.06 * (highest - lowest)
        left.set(xlim=(0, 102), xticks=range(0, 101, 20), ylim=(lowest - room, highest + room))
        for whose, table in (("the paper", paper), ("ours", results)):
            titles.append(f"{words.paper_name(stress)}, {words.human_name(whose, *table[['model', 'layer']].iloc[0])}")
    style.finish_page_wide(figure, axes, titles, "dimensions kept (%)")
    return figure


def _looks(shares: pd.DataFrame) -> dict[str, tuple[str, float]]:
    """Return the marker of each data set, and how far it is from the darkest shade to the lightest, from 0 to 1."""
    theirs = list(dict.fromkeys(reference()["dataset"]))
    stands_for = {ours: theirs for theirs, ours in stand_ins(shares).items()}
    alone = [name for name in dict.fromkeys(shares["dataset"]) if name not in stands_for]
    order = [*theirs, *alone]
    looks = {name: (MARKERS[place % len(MARKERS)], place / (len(order) - 1)) for place, name in enumerate(order)}
    return {**looks, **{name: looks[stands_for[name]] for name in stands_for}}


def _draw(ax: Axes, table: pd.DataFrame, draw: Callable[..., pd.Series], looks: dict[str, Any], stress: str) -> None:
    colour = style.COLOURS[stress]
    # The hue is that of the stress; data sets differ by shade and marker.
    shades = seaborn.blend_palette(
        [seaborn.dark_palette(colour, 4)[1], colour, seaborn.light_palette(colour, 5)[3]], as_cmap=True
    )
    curves = []
    for _, rows in tables.feature_sets(table):
        dataset = rows["dataset"].iloc[0]
        marker, shade = looks[dataset]
        kept = draw(ax, rows, shades(shade), "_", marker=marker)
        curves.append((kept.iloc[0], f"{words.DATA_SETS.get(dataset, dataset)}: {kept.iloc[0]:.1f}", ax.get_lines()[-1]))
    if curves:  # named where the panel is empty, in the order in which they lie
        _, labels, lines = zip(*sorted(curves, key=lambda curve: -curve[0]), strict=True)
        title = f"kept with {kept.index[0]:.0f}%"
        legend = ax.legend(lines, labels, loc="lower right", frameon=False, fontsize=style.SMALL, title=title)
        legend.get_title().set_fontsize(style.SMALL)


def order(results: pd.DataFrame) -> pd.DataFrame:
    """Put our data sets beside those of the paper that they are or stand for: what a random selection keeps.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        A row for each pair, in the order of the paper's curves, at the smallest size that both have, in percent.
    """
    ours, theirs = _kept(with_shares(results)), _kept(reference())
    pairs = stand_ins(results)
    rows = [
        {
            "paper": words.DATA_SETS[there],
            "paper keeps": _at(theirs, step)["kept"][there],
            "ours": words.DATA_SETS.get(here, here),
            "ours keeps": _at(ours, step)["kept"][here],
        }
        for step in _ranked_steps(ours)[:1]
        for there, here in pairs.items()
    ]
    columns = ["paper", "paper keeps", "ours", "ours keeps"]
    return pd.DataFrame(rows, columns=columns).sort_values("paper keeps", ascending=False).set_index("paper")


def headline(results: pd.DataFrame) -> str:
    """Say whether our data sets lie in the order of those of the paper that they stand for, where there are two or more.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    beside = order(results)
    if len(beside) < 2:
        return ""
    share = _share(_ranked_steps(_kept(with_shares(results)))[0])
    pairs = list(combinations(beside["ours keeps"], 2))
    same = sum(above > below for above, below in pairs)
    rows = beside.reset_index().to_dict("records")
    there, here = (min(rows, key=lambda row: row[column]) for column in ("paper keeps", "ours keeps"))
    return (
        f"**With {share}, drawn at random, the order of the data sets is the paper's in {same} of {len(pairs)} pairs: "
        f"there {there['paper']} keeps least ({there['paper keeps']:.1f}%), here {here['ours']} "
        f"({here['ours keeps']:.1f}%).**"
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
    names = [f"{words.DATA_SETS.get(str(name), name)} {value:.1f}" for name, value in ranked[column].items()]
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


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows, and how its curves are told apart.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    return (
        "Score kept with fewer dimensions on several data sets, drawn at random (DR-1) or by principal components "
        f"(DR-2), in percent of the full score: {tables.scored_by(results)}. Left: the paper. Right: ours, "
        f"{tables.draws(results)}. Each of ours that stands for a data set of the paper has its marker and its shade. "
        "The two panels of a row have one scale; each legend has its curves in their order, with what they keep at "
        "their first point."
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
        name = words.DATA_SETS.get(str(dataset), str(dataset))
        lines.append(f"- {name} lies closest to the paper's {nearest}, {distance.min():.1f} points away on average.")
    return "\n".join(lines)


def _same_order(kept: pd.DataFrame) -> bool:
    """Return whether data sets have the same order by full score and by the share that their smallest size keeps."""
    first = kept.groupby("dataset").first()
    return first["full"].rank().equals(first["kept"].rank())


def _more_or_less(ours: float, theirs: float) -> str:
    if abs(ours - theirs) <= words.CLOSE:
        return "as much"
    return "more" if ours > theirs else "less"
