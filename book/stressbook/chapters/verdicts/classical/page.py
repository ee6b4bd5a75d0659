"""Classical: whether deep features withstand more stress than classical ones, at the same share, dimensions and bits.

From the results table to the figure, the counts and the tables of the page. The paper compares shares alone, under DR-1
alone, on VOC 2007; its curves are drawn beside ours.
"""

from __future__ import annotations

import itertools
import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.rerun.figure_2.page import reference, rival
from stressbook.chapters.verdicts.classical.comparison import (
    FULL,
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
from stresslib.features import UNTRAINED
from stresslib.paper.published import agreement as published_agreement
from stresslib.paper.published import with_shares
from stresslib.results import FEATURES

WAYS = {"share": "the same share", "number": "the same number of dimensions", "bits": "the same bits a vector"}
"""What is held equal when two feature sets are compared."""

AXES = {"share": "dimensions kept (%)", "number": "dimensions kept", "bits": "bits of a vector"}
"""The horizontal axis for each way."""

DRAWN = (("share", "random-selection"), ("number", "random-selection"), ("bits", "pca+uniform"))
"""The ways and stresses of the figure's panels; the first is the paper's."""

LITERATURE = {
    ("scenes15", "pooled"): "72.2 (200 words) to 74.8 (400)",
    ("scenes15", "pyramid"): "81.1 (200 words) to 81.4 (400)",
    ("caltech101", "pooled"): "41.2 (200 words)",
    ("caltech101", "pyramid"): "64.6 (200 words)",
}
"""Percent that Lazebnik, Schmid and Ponce (2006) report for bags of dense SIFT, by data set: whole image, and pyramid."""


NAMES = {
    "efficientnet-lite0": "EfficientNet-Lite0",
    "bossanova": "BossaNova",
    "bag-of-words": "bag of words",
    "fisher-vector": "Fisher vector",
}
"""What the page calls networks and methods."""

LOOKS = {
    "pyramid": ("#0072B2", "s"),
    "codewords": ("#AA4499", "v"),
    "bossanova": ("#D55E00", "o"),
    "bag-of-words": ("#E69F00", "^"),
    "fisher-vector": ("#009E73", "D"),
    UNTRAINED: ("#777777", "X"),
    "": ("#111111", "o"),
}
"""Colour and mark of a feature set: of the first entry that its name or layer contains."""

COLUMNS = 2
"""Data sets beside each other in the figure."""


def feature_name(model: str, layer: str) -> str:
    """Return what the page calls a feature set; the layer goes without saying where it is pooled.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.classical.page import feature_name
    >>> feature_name("bossanova+codewords=64", "pooled"), feature_name("bossanova", "pyramid")
    ('BossaNova, codewords=64', 'BossaNova, pyramid')
    >>> feature_name("efficientnet-lite0-untrained", "pooled")
    'EfficientNet-Lite0, untrained'
    """
    method, *options = model.removesuffix(UNTRAINED).split("+")
    parts = [NAMES.get(method, method), *options]
    parts += ["untrained"] * is_control(model) + [layer] * (layer != "pooled")
    return ", ".join(parts)


def headline(results: pd.DataFrame) -> str:
    """Say in a sentence in how many pairs of a trained network and classical features the network is ahead, in Markdown."""
    pairs = judged_pairs(results)
    pairs = pairs[pairs["model_rival"].map(is_method)]
    said = [
        f"under {_condition(way, stress)} {_counts(part)}"
        for way, stress in DRAWN
        if len(part := pairs[pairs["way"].eq(way) & pairs["stress"].eq(stress)])
    ]
    return f"The network is ahead {'; '.join(said)}."


def verdicts(results: pd.DataFrame, *, control: bool = False) -> str:
    """Say for each way and stress in how many pairs the network is ahead, and where they are furthest apart.

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
        line = f"- {_condition(way, stress)}: ahead {_counts(part)}"
        ahead, behind = here.iloc[-1], here.iloc[0]
        if ahead["difference"] > MARGIN:
            line += f". Furthest ahead of {_rival_at(ahead)}"
        if behind["difference"] < -MARGIN:
            line += f". Furthest behind {_rival_at(behind)}"
        lines.append(line + ".")
    return "\n".join(lines)


def _counts(pairs: pd.DataFrame) -> str:
    """Return in how many pairs the network is ahead where, such as ``"**everywhere in 2, in places in 1** of 3 pairs"``."""
    counts = pairs["where"].value_counts()
    found = [f"{name} in {counts[name]}" for name in ("everywhere", "in places", "nowhere") if name in counts]
    return f"**{', '.join(found)}** of {len(pairs)} {'pairs' if len(pairs) > 1 else 'pair'}"


def _condition(way: str, stress: str) -> str:
    """Return what two feature sets are compared under, such as ``"DR-1 at the same share of dimensions"``."""
    return f"{words.paper_name(stress)} at {_equal(way, stress)}"


def _equal(way: str, stress: str) -> str:
    """Return what is held equal, such as ``"the same share of dimensions"``."""
    of = {True: " of dimensions", False: " of bits"}[stress in REDUCTIONS] if way == "share" else ""
    return WAYS[way] + of


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
        f"{feature_name(row['model_rival'], row['layer_rival'])} on {words.data_sets([row['dataset']])}, {place}: "
        f"{percent(row['kept'])}% against {percent(row['kept_rival'])}%"
    )


def percent(kept: float) -> str:
    """Return a kept share with one decimal, or as many more as it takes to see on which side of :data:`FULL` it lies.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.classical.page import percent
    >>> percent(85.04), percent(98.998), percent(99.0)
    ('85.0', '98.998', '99.0')
    """
    texts = (f"{kept:.{digits}f}" for digits in range(1, 9))
    return next((text for text in texts if (float(text) >= FULL) == (kept >= FULL)), f"{kept}")


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each pair of feature sets, a column for each way and stress.

    A cell has at how many places the network is ahead (+) and behind (−).
    """
    pairs = judged_pairs(results)
    pairs["cell"] = [f"+{row.ahead} −{row.behind}" for row in pairs.itertuples()]
    pairs["stress"] = pairs["stress"].map(words.paper_name)
    pairs["way"] = "same " + pairs["way"]
    pairs["data set"] = [words.DATA_SETS.get(name, name) for name in pairs["dataset"]]
    networks = pairs["model"] + "/" + pairs["layer"]
    if len(set(networks)) > 1:
        pairs["data set"] += ", " + networks
    pairs["against"] = list(map(feature_name, pairs["model_rival"], pairs["layer_rival"]))
    cells = pairs.set_index(["data set", "against", "way", "stress"])["cell"]
    wide = cells.unstack(["way", "stress"], sort=False)  # noqa: PD010
    return wide.loc[:, [column for way in WAYS for column in wide.columns if column[0] == f"same {way}"]].fillna("")


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
        f"DR-1, {words.percent_of_grid(step)}": ("share", "random-selection", step),
        f"DR-1, {number} numbers": ("number", "random-selection", number),
        f"FC, {bits} bits": ("bits", "pca+uniform", bits),
    }
    for _, part in tables.feature_sets(results):
        full = part[part["stress"] == "none"].iloc[0]
        row = {"width": int(full["n_features"]), "full score": f"{full['score']:.1f}"}
        own = places[(places[FEATURES] == full[FEATURES]).all(axis=1)]
        for name, (way, stress, place) in columns.items():
            at = own[own["way"].eq(way) & own["stress"].eq(stress) & own["place"].eq(place)]
            row[name] = f"{at['score'].iloc[0]:.1f} ({percent(at['kept'].iloc[0])}%)" if len(at) else ""
        rows[words.data_sets([full["dataset"]]), feature_name(full["model"], full["layer"])] = row
    index = pd.MultiIndex.from_tuples(rows, names=["data set", "features"])
    return pd.DataFrame(list(rows.values()), index=index)


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
        f"{words.data_sets([row['dataset']])}, {feature_name(row['model'], row['layer'])}": {
            "metric": row["metric"],
            "full score": f"{row['score']:.1f}",
            "bag of words in 2006": LITERATURE[row["dataset"], row["layer"]],
        }
        for row in full.to_dict("records")
        if is_method(row["model"]) and (row["dataset"], row["layer"]) in LITERATURE
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("features")


def plot(results: pd.DataFrame) -> Figure:
    """Draw the share that each feature set keeps: a column for each data set, a row for each way of comparing.

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
    columns = min(COLUMNS, len(datasets))
    rows = len(DRAWN) * math.ceil(len(datasets) / columns)
    figure, axes = style.panels(len(DRAWN) * len(datasets), height=2.6 * rows / (len(DRAWN) * len(datasets)), sharey=False)
    places = figure.add_gridspec(rows, columns)
    titles = []
    for ax, ((number, (dataset, table)), (row, (way, stress))) in zip(
        axes, itertools.product(enumerate(datasets), enumerate(DRAWN)), strict=True
    ):
        ax.set_subplotspec(places[row + len(DRAWN) * (number // columns), number % columns])
        if way == "share":
            for model in ("vgg-m", "bossanova"):
                paper = reference()
                paper = paper[paper["model"].eq(model) & paper["stress"].eq(stress)]
                colour, marker = _look(model, "")
                label = f"paper: {words.NAMES[model]} on VOC 2007"
                style.draw_paper(ax, paper, colour, label, marker=marker, linestyle=(0, (3, 2)))
        for _, curve in tables.feature_sets(table[table["stress"] == stress]):
            _draw(ax, curve, way)
        ax.set(xlabel=AXES[way])
        ax.set_xscale("log", base=2)
        if way == "share":
            ax.set_xticks([5, 10, 20, 50, 100])
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        titles.append(f"{words.data_sets([str(dataset)])}, {words.paper_name(stress)}\n{_equal(way, stress)}")
    style.finish(figure, axes, titles, columns=2)
    for row in range(len(DRAWN)):
        alike = axes[row :: len(DRAWN)]
        low, high = zip(*(ax.get_ylim() for ax in alike), strict=True)
        for number, ax in enumerate(alike):
            left = number % columns == 0
            ax.set(ylabel="score kept (%)" if left else "", ylim=(min(low), max(high)))
            ax.tick_params(labelleft=left)
    return figure


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
    colour, marker = _look(model, layer)
    wide = not (is_method(model) or is_control(model))
    look = {
        "linewidth": 2.6 if wide else 1.5,
        "markersize": 5.5,
        "marker": marker,
        "color": colour,
        "zorder": 3 if wide else 2,
    }
    ax.plot(mean.index, mean, label=feature_name(model, layer), **{**style.OURS, **look})


def _look(model: str, layer: str) -> tuple[str, str]:
    return next(look for part, look in LOOKS.items() if part in f"{model} {layer}")


def alt_text(results: pd.DataFrame, step: int = 2, number: int = 64, bits: int = 512) -> str:
    """Describe the figure in words, from its data; the places are those of :func:`scores`."""
    places, parts = mean_places(results), []
    for (way, stress), place in zip(DRAWN, (step, number, bits), strict=True):
        at = places[places["way"].eq(way) & places["stress"].eq(stress) & places["place"].eq(place)]
        for dataset, rows in at.groupby("dataset", sort=False):
            kept = ", ".join(
                f"{feature_name(row['model'], row['layer'])} {percent(row['kept'])}%" for row in rows.to_dict("records")
            )
            parts.append(
                f"{words.data_sets([str(dataset)])}, {_condition(way, stress)}, {_place(way, stress, place)}: {kept}"
            )
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


def agreement_table(points: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`stressbook.drawing.tables.agreement_table` without what all its rows share, so that it fits a page."""
    return tables.agreement_table(points).droplevel(["paper", "stress"])
