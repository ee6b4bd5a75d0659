"""Classical: whether deep features withstand more than classical ones, at the same share, number of dimensions and bits.

From the results table to the figure, the verdicts and the tables of the page. The paper compares shares alone, under DR-1
alone, on VOC 2007; its curves are drawn beside ours.
"""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.rerun.figure_2.page import reference, rival
from stressbook.chapters.verdicts.classical.comparison import (
    MARGIN,
    REDUCTIONS,
    compared,
    is_control,
    judged_pairs,
    mean_places,
)
from stressbook.chapters.verdicts.classical.measure import BITS
from stressbook.drawing import style, tables, words
from stresslib.classical import find_method, is_method
from stresslib.paper.published import agreement as published_agreement
from stresslib.paper.published import with_shares
from stresslib.results import FEATURES

WAYS = {"share": "the same share", "number": "the same number of dimensions", "bits": "the same bits a vector"}
"""What is held equal when two feature sets are compared."""

DRAWN = (("share", "random-selection"), ("number", "random-selection"), ("bits", "pca+uniform"))
"""The ways and stresses of the figure's panels; the first is the paper's."""

LITERATURE = {
    ("scenes15", "pooled"): "72.2 (200 words) to 74.8 (400)",
    ("scenes15", "pyramid"): "81.1 (200 words) to 81.4 (400)",
    ("caltech101", "pooled"): "41.2 (200 words)",
    ("caltech101", "pyramid"): "64.6 (200 words)",
}
"""Percent that Lazebnik, Schmid and Ponce (2006) report for bags of dense SIFT, by data set: whole image, and pyramid."""


def headline(results: pd.DataFrame) -> str:
    """Say in a sentence for how many pairs of a trained network and classical features the claim holds, in Markdown."""
    pairs = judged_pairs(results)
    pairs = pairs[pairs["model_rival"].map(is_method)]
    said = [
        f"under {_condition(way, stress)} {_verdict_counts(part)}"
        for way, stress in DRAWN
        if len(part := pairs[pairs["way"].eq(way) & pairs["stress"].eq(stress)])
    ]
    return f"Deep features withstand more than classical ones: {'; '.join(said) or 'not measured here'}."


def verdicts(results: pd.DataFrame, *, control: bool = False) -> str:
    """Say for each way and stress for how many pairs the claim holds, and where they are furthest apart.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`~stressbook.chapters.verdicts.classical.comparison.compared`.
    control : bool, default=False
        Whether the rival is the network without training instead of classical features.

    Returns
    -------
    str
        A Markdown list; empty when there is no such rival.
    """
    places, pairs = compared(results), judged_pairs(results)
    places = places[places["model_rival"].map(is_control) == control]
    pairs = pairs[pairs["model_rival"].map(is_control) == control]
    lines = []
    for (way, stress), part in pairs.groupby(["way", "stress"], sort=False):
        way, stress = str(way), str(stress)
        here = places[places["way"].eq(way) & places["stress"].eq(stress)].sort_values("difference")
        line = f"- {_condition(way, stress)}: {_verdict_counts(part)}"
        ahead, behind = here.iloc[-1], here.iloc[0]
        if ahead["difference"] > MARGIN:
            line += f"; furthest ahead of {_rival_at(ahead)}"
        if behind["difference"] < -MARGIN:
            line += f"; furthest behind {_rival_at(behind)}"
        lines.append(line + ".")
    return "\n".join(lines)


def _verdict_counts(pairs: pd.DataFrame) -> str:
    """Return for how many pairs there is each verdict, such as ``"**holds for 2, in part for 1** of 3"``."""
    counts = pairs["verdict"].value_counts()
    found = [f"{name} for {counts[name]}" for name in ("holds", "in part", "does not hold") if name in counts]
    return f"**{', '.join(found)}** of {len(pairs)}"


def _condition(way: str, stress: str) -> str:
    """Return what two feature sets are compared under, such as ``"DR-1 at the same share of dimensions"``."""
    said = f"{words.paper_name(stress)} at {WAYS[way]}"
    if way == "share":
        said += " of dimensions" if stress in REDUCTIONS else " of bits"
    return said


def _place(way: str, stress: str, place: int) -> str:
    """Return the name of a place on a curve, such as ``"with 64 dimensions"``."""
    if way == "number":
        return f"with {place:,} dimensions"
    if way == "bits":
        return f"with {place:,} bits"
    return f"with {words.percent_of_grid(place)}" if stress in REDUCTIONS else f"with {place:,} values"


def _rival_at(row: pd.Series) -> str:
    """Return the rival, data set and place of a row of `compared`, and what both keep there."""
    place = _place(row["way"], row["stress"], int(row["place"]))
    return (
        f"{row['model_rival']}, {row['layer_rival']}, on {row['dataset']} {place}, "
        f"{row['kept']:.1f}% against {row['kept_rival']:.1f}%"
    )


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts as a table: a row for each pair of feature sets, a column for each way and stress.

    A cell has the verdict, and at how many places the network is ahead and behind.
    """
    pairs = judged_pairs(results)
    pairs["cell"] = [f"{row.verdict} (+{row.ahead} −{row.behind} of {row.places})" for row in pairs.itertuples()]
    pairs["stress"] = pairs["stress"].map(words.paper_name)
    pairs["network"] = pairs["dataset"] + ", " + pairs["model"] + ", " + pairs["layer"]
    pairs["against"] = pairs["model_rival"] + ", " + pairs["layer_rival"]
    cells = pairs.set_index(["network", "against", "way", "stress"])["cell"]
    wide = cells.unstack(["way", "stress"], sort=False)  # noqa: PD010
    return wide.loc[:, [column for way in WAYS for column in wide.columns if column[0] == way]].fillna("")


def scores(results: pd.DataFrame, step: int = 2, number: int = 64, bits: int = 512) -> pd.DataFrame:
    """Return what each feature set scores before any stress, and at one place of each way, beside the share that it keeps.

    Parameters
    ----------
    results : pandas.DataFrame
    step, number, bits : int
        The places: twentieths of the dimensions, dimensions, bits of a vector.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set; cells are ``"score (kept%)"``.
    """
    places, rows = mean_places(results), {}
    columns = {
        f"DR-1, {words.percent_of_grid(step)} of dimensions": ("share", "random-selection", step),
        f"DR-1, {number} dimensions": ("number", "random-selection", number),
        f"FC, {bits} bits": ("bits", "pca+uniform", bits),
        "Q-2, 4 values": ("share", "uniform-per-dimension", 4),
    }
    for _, part in tables.feature_sets(results):
        full = part[part["stress"] == "none"].iloc[0]
        row = {"dimensions": int(full["n_features"]), "full score": f"{full['score']:.1f}"}
        own = places[(places[FEATURES] == full[FEATURES]).all(axis=1)]
        for name, (way, stress, place) in columns.items():
            at = own[own["way"].eq(way) & own["stress"].eq(stress) & own["place"].eq(place)]
            row[name] = f"{at['score'].iloc[0]:.1f} ({at['kept'].iloc[0]:.1f}%)" if len(at) else ""
        rows[tables.features_name(part)] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("features")


def plausible(results: pd.DataFrame) -> pd.DataFrame:
    """Set the full score of each classical feature set beside that of the nearest bag of words in the literature.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        A row for each classical feature set on a data set that :data:`LITERATURE` has.
    """
    full = tables.first_metric(results).query("stress == 'none'")
    rows = {
        ", ".join(row[name] for name in FEATURES): {
            "metric": row["metric"],
            "full score": f"{row['score']:.1f}",
            "bag of words in 2006": LITERATURE[row["dataset"], row["layer"]],
        }
        for row in full.to_dict("records")
        if is_method(row["model"]) and (row["dataset"], row["layer"]) in LITERATURE
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("features")


def plot(results: pd.DataFrame) -> Figure:
    """Draw the kept share of all feature sets of each data set: against share, number and bits, a panel each.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`~stressbook.chapters.verdicts.classical.comparison.mean_places`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shares = with_shares(tables.first_metric(results))
    datasets = list(shares.groupby("dataset", sort=False))
    figure, axes = style.panels(len(DRAWN) * len(datasets), height=2.6, sharey=False)
    axis_labels = {"share": "dimensions kept (%)", "number": "dimensions kept", "bits": "bits of a vector"}
    titles = []
    for ax, ((dataset, rows), (way, stress)) in zip(axes, itertools.product(datasets, DRAWN), strict=True):
        if way == "share":
            for model in ("vgg-m", "bossanova"):
                paper = reference()
                paper = paper[paper["model"].eq(model) & paper["stress"].eq(stress)]
                style.draw_paper(ax, paper, _colour(model), f"paper: {words.NAMES[model]} on VOC 2007")
        for _, curve in tables.feature_sets(rows[rows["stress"] == stress]):
            _draw(ax, curve, way)
        ax.set_xlabel(axis_labels[way])
        ax.set_xscale("log", base=2)
        if way == "share":
            ax.set_xticks([5, 10, 20, 50, 100])
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        titles.append(f"{dataset}: {_condition(way, stress)}")
    style.finish(figure, axes, titles)
    return figure


def _colour(model: str) -> str:
    colours = {"bossanova": "#3A9BDC", "bag-of-words": "#E69F00", "fisher-vector": "#009E73"}
    return colours.get(model.partition("+")[0], "#111111")


def _draw(ax: Axes, curve: pd.DataFrame, way: str) -> None:
    """Draw the share that one feature set keeps, against what the way holds equal."""
    model, layer = str(curve["model"].iloc[0]), str(curve["layer"].iloc[0])
    if way == "share":
        curve = curve[curve["step"].notna()]
        x = tables.percent_kept(curve)
    elif way == "number":
        # The points of the paper's grid lie elsewhere for each width; those at powers of two are common.
        curve = curve[[int(size).bit_count() == 1 for size in curve["dimensions"]]]
        x = curve["dimensions"].astype(float)
    else:
        x = curve["dimensions"].astype(float) * BITS
    mean = curve["kept"].groupby(x).mean()
    ax.plot(mean.index, mean, label=f"{model}, {layer}", **_look(model, layer))


def _look(model: str, layer: str) -> dict[str, Any]:
    """Return how a curve is drawn: dotted without training, dashed with options such as few codewords."""
    method, options = model.partition("+")[::2]
    dashes: Any = "-"
    if is_control(model):
        dashes = (0, (1, 1))
    elif options:
        dashes = (0, (4, 2))
    marker = {"bag-of-words": "^", "fisher-vector": "D"}.get(method, "o")
    if layer == "pyramid":
        marker = "s"
    return {**style.OURS, "linewidth": 1.8, "linestyle": dashes, "marker": marker, "color": _colour(model)}


def alt_text(results: pd.DataFrame, step: int = 2, number: int = 64, bits: int = 512) -> str:
    """Describe the figure in words, from its data; the places are those of :func:`scores`."""
    places, parts = mean_places(results), []
    for (way, stress), place in zip(DRAWN, (step, number, bits), strict=True):
        at = places[places["way"].eq(way) & places["stress"].eq(stress) & places["place"].eq(place)]
        for dataset, rows in at.groupby("dataset", sort=False):
            kept = ", ".join(f"{row.model} ({row.layer}) {row.kept:.1f}%" for row in rows.itertuples())
            parts.append(f"{dataset}, {_condition(way, stress)}, {_place(way, stress, place)}: {kept}")
    return (
        "Line plots of the share of the full score that is kept, of networks and classical features: against the share of "
        "dimensions, the number of dimensions and the bits of a vector. " + "; ".join(parts) + "."
    )


def published_curve() -> str:
    """Say how wide the vectors of the paper's BossaNova are, and what they score in full."""
    curve = rival("bossanova", "pooled")
    full = curve[curve["dimensions"] == curve["n_features"]].iloc[0]
    return (
        f"The only classical curve of the paper is random selection on {words.NAMES[full['dataset']]}: "
        f"{full['n_features']:,} dimensions, {full['score']:.1f}% {full['metric']} in full."
    )


def default_bossanova() -> str:
    """Say how many codewords and bins BossaNova has here unless told otherwise, and how wide its vectors are."""
    method = find_method("bossanova")
    return (
        f"The default here is {method.codewords:,} codewords and {method.bins} bins: {method.width('pooled'):,} values of "
        f"the whole image, {method.width('pyramid'):,} with the pyramid."
    )


def agreement(results: pd.DataFrame) -> pd.DataFrame:
    """Compare the classical curves with the published one of BossaNova, as :func:`stresslib.agreement` does."""
    return published_agreement(results[results["model"].map(is_method)], rival("bossanova", "pooled"))


def agreement_verdicts(points: pd.DataFrame) -> str:
    """Say where the classical curves agree with the published one, as a Markdown list.

    Parameters
    ----------
    points : pandas.DataFrame
        As returned by :func:`agreement`.
    """
    return words.agreement_verdicts(points, "step", lambda step: f"{words.percent_of_grid(step)} of the dimensions")
