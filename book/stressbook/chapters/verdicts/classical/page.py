"""Classical: do network features stand more than BossaNova, at the same share, number of dimensions and bits of a vector.

The paper compares shares alone, under DR-1 alone, on VOC 2007; its curves are drawn beside ours.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from stressbook.chapters.rerun.figure_2 import page
from stressbook.chapters.verdicts.classical.measure import VALUES
from stressbook.drawing import style, tables
from stressbook.drawing.words import LABELS, NAMES, agreement_verdicts
from stresslib.classical import METHODS, is_method
from stresslib.paper.published import FEATURES, GRID, with_shares
from stresslib.paper.published import agreement as published_agreement
from stresslib.stress.spec import Spec, bits_per_vector

MARGIN = 1.0
"""Points of the kept share by which one has to be ahead: less is within the chance of the test images."""

FULL = 99.0
"""Percent of its full score from which a feature set has lost nothing to speak of."""

WAYS = {"share": "the same share", "number": "the same number of dimensions", "bits": "the same bits a vector"}
"""What is held equal when two feature sets are compared."""

DRAWN = (("share", "random-selection"), ("number", "random-selection"), ("bits", "pca+uniform"))
"""The ways and stresses of the figure's panels; the first is the paper's."""


def is_control(model: str) -> bool:
    """Return whether a model's name is that of a network without training."""
    return model.endswith("-untrained")


def _places(results: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over repeats at each place of each way, one row a feature set, way, stress and place."""
    table = with_shares(tables.first_metric(results))
    key = ["dataset", "model", "layer", "n_features", "metric", "stress", "dimensions", "values", "step"]
    table = table.groupby(key, dropna=False, sort=False)[["score", "kept"]].mean().reset_index()
    table = table[(table["stress"] != "none") & (table["dimensions"].isna() | (table["dimensions"] < table["n_features"]))]
    reduced = table["stress"].isin(page.STRESSES)
    combined = table["stress"].eq("pca+uniform")
    bits = [
        bits_per_vector(Spec("DR2", int(size), "Q2", int(count)), int(width)) if joined else None
        for joined, size, count, width in zip(
            combined, table["dimensions"], table["values"], table["n_features"], strict=True
        )
    ]
    parts = {
        "share": table.assign(place=table["step"].fillna(table["values"]))[~combined & (~reduced | table["step"].notna())],
        "number": table.assign(place=table["dimensions"])[reduced],
        "bits": table.assign(place=pd.array(bits, dtype="Int64"))[combined],
    }
    return pd.concat([part.assign(way=way) for way, part in parts.items()], ignore_index=True)


def compared(results: pd.DataFrame) -> pd.DataFrame:
    """Set each trained network of a results table beside each rival on the same data, place by place.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`specs`, on feature sets of both sorts. Rivals are classical features, and a network without training.

    Returns
    -------
    pandas.DataFrame
        One row a data set, network, rival, way, stress and place that both have: `kept` and `score` of the network,
        `kept_rival` and `score_rival`, and `difference` of the kept shares, in points.

    Raises
    ------
    ValueError
        When no data set has both.
    """
    places = _places(results)
    rival = places["model"].map(is_method) | places["model"].map(is_control)
    on = ["dataset", "metric", "way", "stress", "place"]
    both = places[~rival].merge(places[rival], on=on, suffixes=("", "_rival"))
    if both.empty:
        raise ValueError(f"results hold no data set with a network and one of {', '.join(METHODS)} under the same stress")
    columns = ["model_rival", "layer_rival", "kept", "kept_rival", "score", "score_rival"]
    both = both[["dataset", "model", "layer", "metric", "way", "stress", "place", *columns]]
    return both.assign(difference=both["kept"] - both["kept_rival"])


def verdict(kept: ArrayLike, kept_rival: ArrayLike) -> str:
    """Judge "more robust than its rival" by what both keep at the same places, in percent of each one's full score.

    Returns
    -------
    {"holds", "in part", "does not hold"}
        Places at which both keep 99% or more show nothing. Of the others, the network is ahead by more than a point at all:
        holds; at some: in part; at none: does not hold.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.classical.page import verdict
    >>> verdict([80, 95, 99.5], [70, 90, 99.2]), verdict([80, 90], [70, 95]), verdict([80, 95], [80, 95])
    ('holds', 'in part', 'does not hold')
    """
    network, rival = np.asarray(kept, dtype=float), np.asarray(kept_rival, dtype=float)
    telling = np.minimum(network, rival) < FULL
    ahead = (network - rival > MARGIN)[telling]
    if ahead.all() and len(ahead):
        return "holds"
    return "in part" if ahead.any() else "does not hold"


_PAIR = ["dataset", "model", "layer", "model_rival", "layer_rival"]


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Return the verdict for each pair of feature sets, way and stress.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        The pair, `way`, `stress`, the number of `places`, at how many the network is `ahead` and `behind` by more than a
        point, and the `verdict`.
    """
    rows = []
    for key, curve in compared(results).groupby([*_PAIR, "way", "stress"], sort=False):
        rows.append(
            {
                **dict(zip([*_PAIR, "way", "stress"], key, strict=True)),
                "places": len(curve),
                "ahead": int((curve["difference"] > MARGIN).sum()),
                "behind": int((curve["difference"] < -MARGIN).sum()),
                "verdict": verdict(curve["kept"], curve["kept_rival"]),
            }
        )
    return pd.DataFrame(rows)


def _counts(rows: pd.DataFrame) -> str:
    words = rows["verdict"].value_counts()
    found = [f"{word} for {words[word]}" for word in ("holds", "in part", "does not hold") if word in words]
    return f"**{', '.join(found)}** of {len(rows)}"


def _told(way: str, stress: str) -> str:
    name = LABELS[stress].split()[0]
    of = {"share": " of dimensions" if stress in page.STRESSES else " of bits"}.get(way, "")
    return f"{name} at {WAYS[way]}{of}"


def headline(results: pd.DataFrame) -> str:
    """Say in a sentence for how many pairs of a trained network and classical features the claim holds, in Markdown."""
    rows = judged(results)
    rows = rows[rows["model_rival"].map(is_method)]
    said = [
        f"under {_told(way, stress)} {_counts(part)}"
        for way, stress in DRAWN
        if len(part := rows[rows["way"].eq(way) & rows["stress"].eq(stress)])
    ]
    return f"Deep features stand more than classical ones: {'; '.join(said) or 'not measured here'}."


def verdicts(results: pd.DataFrame, *, control: bool = False) -> str:
    """Say for each way and stress for how many pairs the claim holds, and where they are furthest apart, in Markdown.

    Parameters
    ----------
    results : pandas.DataFrame
    control : bool, default=False
        Whether the rival is the network without training, not classical features.

    Returns
    -------
    str
        A list; empty where there is no such rival.
    """
    both, rows = (table[table["model_rival"].map(is_control) == control] for table in (compared(results), judged(results)))
    lines = []
    for (way, stress), part in rows.groupby(["way", "stress"], sort=False):
        way, stress = str(way), str(stress)
        places = both[both["way"].eq(way) & both["stress"].eq(stress)].sort_values("difference")
        line = f"- {_told(way, stress)}: {_counts(part)}"
        for side, widest in (("ahead of", places.iloc[-1]), ("behind", places.iloc[0])):
            if abs(widest["difference"]) > MARGIN and (widest["difference"] > 0) == (side == "ahead of"):
                line += (
                    f"; furthest {side} {widest['model_rival']}, {widest['layer_rival']}, on {widest['dataset']} "
                    f"{_named(way, widest)}, {widest['kept']:.1f}% against {widest['kept_rival']:.1f}%"
                )
        lines.append(line + ".")
    return "\n".join(lines)


def _named(way: str, row: pd.Series) -> str:
    place = int(row["place"])
    if way == "share" and row["stress"] in page.STRESSES:
        return f"with {100 * place // GRID}%"
    return f"with {place:,} {'values' if way == 'share' else 'dimensions' if way == 'number' else 'bits'}"


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts as a table: one row a pair of feature sets, one column a way and stress.

    A cell has the verdict, and at how many places the network is ahead and behind.
    """
    rows = judged(results)
    rows["cell"] = [f"{row.verdict} (+{row.ahead} −{row.behind} of {row.places})" for row in rows.itertuples()]
    rows["stress"] = [LABELS[stress].split()[0] for stress in rows["stress"]]
    rows["network"] = rows["dataset"] + ", " + rows["model"] + ", " + rows["layer"]
    rows["against"] = rows["model_rival"] + ", " + rows["layer_rival"]
    wide = rows.set_index(["network", "against", "way", "stress"])["cell"].unstack(["way", "stress"], sort=False)  # noqa: PD010
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
        One row a feature set; cells are ``"score (kept%)"``.
    """
    places, rows = _places(results), {}
    wanted = {
        f"DR-1, {100 * step // GRID}% of dimensions": ("share", "random-selection", step),
        f"DR-1, {number} dimensions": ("number", "random-selection", number),
        f"FC, {bits} bits": ("bits", "pca+uniform", bits),
        "Q-2, 4 values": ("share", "uniform-per-dimension", 4),
    }
    for _, whole in tables.feature_sets(results):
        full = whole[whole["stress"] == "none"].iloc[0]
        row = {"dimensions": int(full["n_features"]), "full score": f"{full['score']:.1f}"}
        of = places[(places[["dataset", "model", "layer"]] == full[["dataset", "model", "layer"]]).all(axis=1)]
        for name, (way, stress, place) in wanted.items():
            at = of[of["way"].eq(way) & of["stress"].eq(stress) & of["place"].eq(place)]
            row[name] = f"{at['score'].iloc[0]:.1f} ({at['kept'].iloc[0]:.1f}%)" if len(at) else ""
        rows[tables.features_name(full.to_frame().T)] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("features")


LITERATURE = {
    ("scenes15", "pooled"): "72.2 (200 words) to 74.8 (400)",
    ("scenes15", "pyramid"): "81.1 (200 words) to 81.4 (400)",
    ("caltech101", "pooled"): "41.2 (200 words)",
    ("caltech101", "pyramid"): "64.6 (200 words)",
}
"""Percent that Lazebnik, Schmid and Ponce (2006) report for bags of dense SIFT, by data set: whole image, and pyramid."""


def plausible(results: pd.DataFrame) -> pd.DataFrame:
    """Set the full score of each classical feature set beside that of the nearest bag of words in the literature.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        One row a classical feature set of a data set that :data:`LITERATURE` has.
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

    Returns
    -------
    matplotlib.figure.Figure
    """
    shares = with_shares(tables.first_metric(results))
    data = list(shares.groupby("dataset", sort=False))
    figure, axes = style.panels(len(DRAWN) * len(data), height=2.6, sharey=False)
    titles = []
    for ax, ((dataset, rows), (way, stress)) in zip(axes, itertools.product(data, DRAWN), strict=True):
        if way == "share":
            for model in ("vgg-m", "bossanova"):
                paper = page.reference()
                paper = paper[paper["model"].eq(model) & paper["stress"].eq(stress)]
                style.draw_paper(ax, paper, _colour(model), f"paper: {NAMES[model]} on VOC 2007")
        for _, curve in tables.feature_sets(rows[rows["stress"] == stress]):
            _draw(ax, curve, way)
        ax.set_xlabel({"share": "dimensions kept (%)", "number": "dimensions kept", "bits": "bits of a vector"}[way])
        ax.set_xscale("log", base=2)
        if way == "share":
            ax.set_xticks([5, 10, 20, 50, 100])
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        titles.append(f"{dataset}: {_told(way, stress)}")
    style.finish(figure, axes, titles)
    return figure


def _colour(model: str) -> str:
    colours = {"bossanova": "#3A9BDC", "bag-of-words": "#E69F00", "fisher-vector": "#009E73"}
    return colours.get(model.partition("+")[0], "#111111")


def _draw(ax: Axes, curve: pd.DataFrame, way: str) -> None:
    model, layer = str(curve["model"].iloc[0]), str(curve["layer"].iloc[0])
    if way == "share":
        curve = curve[curve["step"].notna()]
    if way == "number":
        # The points of the paper's grid lie elsewhere for each width; those at powers of two are common.
        curve = curve[[int(size).bit_count() == 1 for size in curve["dimensions"]]]
    x = {
        "share": tables.percent_kept(curve),
        "number": curve["dimensions"].astype(float),
        "bits": curve["dimensions"].astype(float) * (VALUES - 1).bit_length(),
    }[way]
    mean = curve["kept"].groupby(x).mean()
    dashes: Any = (0, (1, 1)) if is_control(model) else (0, (4, 2)) if "+" in model else "-"
    marker = {"bag-of-words": "^", "fisher-vector": "D"}.get(model.partition("+")[0], "o")
    marker = "s" if layer == "pyramid" else marker
    look = {**style.OURS, "linewidth": 1.8, "linestyle": dashes, "marker": marker, "color": _colour(model)}
    ax.plot(mean.index, mean, label=f"{model}, {layer}", **look)


def alt_text(results: pd.DataFrame, step: int = 2, number: int = 64, bits: int = 512) -> str:
    """Describe the figure in words, from its data; places are as for :func:`scores`."""
    places, parts = _places(results), []
    for (way, stress), place in zip(DRAWN, (step, number, bits), strict=True):
        at = places[places["way"].eq(way) & places["stress"].eq(stress) & places["place"].eq(place)]
        for dataset, rows in at.groupby("dataset", sort=False):
            kept = ", ".join(f"{row.model} ({row.layer}) {row.kept:.1f}%" for row in rows.itertuples())
            parts.append(f"{dataset}, {_told(way, stress)}, {_named(way, rows.iloc[0])}: {kept}")
    return (
        "Line plots of the share of the full score that is kept, of networks and classical features: against the share of "
        "dimensions, the number of dimensions and the bits of a vector. " + "; ".join(parts) + "."
    )


def agreement(results: pd.DataFrame) -> pd.DataFrame:
    """Compare the classical curves with the published one of BossaNova, as :func:`stresslib.agreement` does."""
    return published_agreement(results[results["model"].map(is_method)], page.rival("bossanova", "pooled"))


def agreement_in_words(points: pd.DataFrame) -> str:
    """Say where the classical curves agree with the published one, as a Markdown list."""
    return agreement_verdicts(points, "step", lambda step: f"{100 * step // GRID}% of the dimensions")


def explain(paths: Sequence[str | os.PathLike[str]], word: int | None = None, *, codewords: int = 64) -> Figure:
    """Draw how BossaNova sees an image: the patches that share one codeword, and the histogram of their distances.

    Parameters
    ----------
    paths : sequence of path-like
        Photographs that the codebook is learnt from; the first is drawn.
    word : int, optional
        The codeword. Default: the one whose patches in the first photograph are the most.
    codewords : int, default=64

    Returns
    -------
    matplotlib.figure.Figure
    """
    from stresslib.classical import find_method, learn_codebook
    from stresslib.classical.coding import bossanova, soft_assignment
    from stresslib.images.decode import open_image

    method = find_method(f"bossanova+codewords={codewords}")
    described = [method.descriptors(path) for path in paths]
    book = learn_codebook([descriptors for descriptors, _ in described], codewords, method.components)
    descriptors, places = described[0]
    squares = book.squared_distances(descriptors)
    nearest = squares.argmin(axis=1)
    word = int(np.bincount(nearest, minlength=codewords).argmax()) if word is None else word
    words, weights, distances = soft_assignment(squares, book.spread, method.neighbours)
    figure, (above, below) = style.panels(2, height=3.4, sharey=False)
    image = open_image(paths[0]).convert("L")
    image.thumbnail((method.side, method.side))
    above.imshow(image, cmap="gray")
    above.set_axis_off()
    above.grid(visible=False)
    rows, columns = (places[nearest == word] * (image.height, image.width)).T
    above.plot(columns, rows, "o", markersize=3.5, color="#D55E00", markeredgecolor="white", markeredgewidth=0.4)
    above.set_title("centres of the patches that are nearest to one codeword", fontsize="medium", fontweight="bold")
    mine = words == word
    edges = np.linspace(method.alpha_min, method.alpha_max, method.bins + 1)
    below.hist(
        distances[mine],
        [edge / 20 for edge in range(49)],
        weights=weights[mine],
        color="#BBBBBB",
        label="patches that share it, by distance",
    )
    below.set(xlabel="distance to the codeword, in spreads of its cluster", ylabel="weight of patches", xlim=(0, 2.4))
    options = {name: getattr(method, name) for name in ("neighbours", "bins", "alpha_min", "alpha_max", "weight")}
    counts = bossanova(squares, book, places, **options)[0, word] * len(descriptors)
    counted = below.twinx()
    counted.spines["right"].set_visible(True)
    counted.spines["top"].set_visible(False)
    counted.stairs(counts[:-1], edges, color="#0072B2", linewidth=2, label=f"the {method.bins} values that stand for them")
    counted.set_ylabel("weight in a bin")
    counted.set_ylim(bottom=0)
    for edge in edges:
        below.axvline(edge, color="#0072B2", linewidth=0.8, linestyle=(0, (4, 2)))
    below.set_title("how far they are: the histogram that BossaNova keeps", fontsize="medium", fontweight="bold")
    handles = [*below.get_legend_handles_labels()[0], *counted.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", frameon=False, fontsize="small")
    return figure
