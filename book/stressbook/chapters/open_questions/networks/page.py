"""Networks: on the same images, is a better network more or less compressible?

The networks at hand, and those of the paper's Figure 2, in pairs: does the better one keep more?
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import LEVEL, Answer
from stressbook.drawing import style, tables, words
from stresslib.paper.published import published, with_shares
from stresslib.stress.spec import bits_per_vector

TOP1 = {
    "efficientnet-lite0": 75.1,
    "efficientnet-lite1": 76.7,
    "efficientnet-lite2": 77.6,
    "bvlc-googlenet": 68.7,
    "googlenet": 65.8,
    "vgg-m": 62.7,
    "vgg-m-128": 59.2,
}
"""Percent of ImageNet's validation images that a network's first guess has right, as those who trained it state.

EfficientNet-Lite: github.com/tensorflow/tpu, models/official/efficientnet/lite/README.md, float32. BVLC GoogLeNet:
github.com/BVLC/caffe, models/bvlc_googlenet/readme.md, one crop. VGG-M, VGG-M-128 and Princeton's GoogLeNet:
MatConvNet's page of pre-trained models, 100 less the error.
"""

UNTRAINED = "-untrained"
"""How the name of a network ends whose weights are drawn at random."""

NEARLY = 99.0
"""Percent of the full score for which bits are counted."""

MEASURES = {
    ("random-selection", 1): "DR-1, 5%",
    ("random-selection", 2): "DR-1, 10%",
    ("pca", 1): "DR-2, 5%",
    ("pca", 2): "DR-2, 10%",
}
"""What is compared: the share that is kept with a twentieth and a tenth of the dimensions."""

BITS = "bits for 99%"
"""The fewest stored bits that keep 99%; fewer are better."""


def compressibility(results: pd.DataFrame) -> pd.DataFrame:
    """Return how well each network is, and how much of its score is kept.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`measure`; or published curves.

    Returns
    -------
    pandas.DataFrame
        One row a feature set, of the first metric: `dataset`, `model`, `layer`, whether it is `trained`, `top1` on
        ImageNet (empty where unknown), the `full` score, the shares of :data:`MEASURES`, and :data:`BITS` (empty where
        no combination keeps so much).
    """
    rows = []
    for _, table in tables.feature_sets(with_shares(results)):
        first = table.iloc[0]
        row = {name: first[name] for name in ("dataset", "model", "layer")}
        row |= {"trained": not first["model"].endswith(UNTRAINED), "top1": TOP1.get(first["model"], math.nan)}
        scored = table.dropna(subset=["kept"])
        row["full"] = 100 * float((scored["score"] / scored["kept"]).mean())
        for (stress, step), name in MEASURES.items():
            row[name] = float(table.loc[table["stress"].eq(stress) & table["step"].eq(step), "kept"].mean())
        enough = table[table["kept"].ge(NEARLY) & table["values"].notna() & table["stress"].ne("uniform-shared")]
        row[BITS] = min((_bits(one) for one in enough.to_dict("records")), default=math.nan)
        rows.append(row)
    return pd.DataFrame(rows)


def _bits(row: dict[Any, Any]) -> float:
    reduction = "" if pd.isna(row["dimensions"]) else f"DR2:{row['dimensions']},"
    return float(bits_per_vector(f"{reduction}Q2:{row['values']}", int(row["n_features"])))


def pairs(results: pd.DataFrame) -> pd.DataFrame:
    """Set the networks of each data set against each other, two at a time.

    Returns
    -------
    pandas.DataFrame
        `dataset`, `better` (the network with the higher full score), `worse`, whether both are `trained`, how far the
        better is `ahead` in the full score, and `ahead_top1` on ImageNet; for each of :data:`MEASURES` what it keeps more,
        in points; and in :data:`BITS` how many it needs less.
    """
    rows = []
    for dataset, table in compressibility(results).groupby("dataset", sort=False):
        for one, other in itertools.combinations(table.to_dict("records"), 2):
            better, worse = (one, other) if one["full"] >= other["full"] else (other, one)
            rows.append(
                {
                    "dataset": dataset,
                    "better": better["model"],
                    "worse": worse["model"],
                    "trained": better["trained"] and worse["trained"],
                    "ahead": better["full"] - worse["full"],
                    "ahead_top1": better["top1"] - worse["top1"],
                    **{name: better[name] - worse[name] for name in MEASURES.values()},
                    BITS: worse[BITS] - better[BITS],
                }
            )
    columns = ["dataset", "better", "worse", "trained", "ahead", "ahead_top1", *MEASURES.values(), BITS]
    return pd.DataFrame(rows, columns=columns).astype({"trained": bool})


def reference() -> pd.DataFrame:
    """Return the published curves of the two networks that the paper compares on VOC 2007."""
    table = published()
    return table[table["source"].eq("figure-2") & table["model"].isin(("vgg-m", "googlenet"))]


def counted(found: pd.DataFrame, by: str = "ahead") -> tuple[int, int, int]:
    """Count the comparisons in which the better network of a pair keeps more, and in which it keeps less.

    Parameters
    ----------
    found : pandas.DataFrame
        Of :func:`pairs`.
    by : {"ahead", "ahead_top1"}, default="ahead"
        What makes a network the better one; pairs that differ in it by no more than 0.25 points do not count.

    Returns
    -------
    more, less, total : int
        A share that differs by no more than 0.25 points is neither.
    """
    apart = found[found[by].abs() > LEVEL]
    differences = apart[list(MEASURES.values())].mul(np.sign(apart[by]), axis=0).to_numpy(dtype=float)
    return int((differences > LEVEL).sum()), int((differences < -LEVEL).sum()), int(np.isfinite(differences).sum())


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: of two networks, does the better one keep more?"""
    question = "Is a better network more compressible, or less?"
    found = pairs(results)
    trained = found[found["trained"]]
    more, less, total = counted(trained)
    if not total:
        said = "No two trained networks differ on the same images: the question is open."
        return Answer(question, said, "not known", "no pair of networks")
    counts = (
        f"of two trained networks on the same images the one with the higher full score keeps more in {more} of {total} "
        f"comparisons and less in {less}, by more than {LEVEL} points"
    )
    if not more + less:
        said = f"Neither: no pair differs by more than {LEVEL} points in what it keeps."
    elif not less:
        said = f"More: {counts}."
    elif not more:
        said = f"Less: {counts}."
    elif max(more, less) >= 3 * min(more, less):
        said = f"Mostly {'more' if more > less else 'less'}: {counts}."
    else:
        said = f"These show no order: {counts}."
    more_top1, less_top1, total_top1 = counted(trained, "ahead_top1")
    if total_top1:
        said += (
            f" By their scores on ImageNet the better one keeps more in {more_top1} of {total_top1}, less in {less_top1}."
        )
    more_drawn, less_drawn, total_drawn = counted(found[~found["trained"]])
    if total_drawn:
        said += (
            f" A trained network keeps more than one with weights drawn at random in {more_drawn} of {total_drawn} "
            f"comparisons, less in {less_drawn}."
        )
    theirs = pairs(reference()).iloc[0]
    here, there = (words.NAMES[theirs[name]] for name in ("better", "worse"))
    said += (
        f" In the paper {here}, {theirs['ahead']:.1f} points ahead of {there}, keeps {theirs['DR-1, 5%']:.1f} points more "
        "of its score with 5% of the dimensions drawn at random."
    )
    sizes = [len({*part["better"], *part["worse"]}) for _, part in trained.groupby("dataset")]
    counted_apart = trained[trained["ahead"] > LEVEL]
    return Answer(
        question,
        said,
        "what the network with the higher full score keeps more, mean over pairs, in points: "
        + ", ".join(f"{name} {counted_apart[name].mean():+.2f}" for name in MEASURES.values()),
        f"{max(sizes)} trained networks on one data set at most; even a perfect order of so many comes by chance once in "
        f"{math.factorial(max(sizes))}",
    )


def plot(results: pd.DataFrame) -> Figure:
    """Draw what each network keeps, from the lowest full score to the highest, a panel a data set.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = compressibility(results)
    theirs = compressibility(reference())
    parts = [(str(name), part) for name, part in rows.groupby("dataset", sort=False)]
    parts.append(("VOC 2007, the paper", theirs))
    figure, axes = style.panels(len(parts), height=2.8, sharey=False)
    for ax, (_, part) in zip(axes, parts, strict=True):
        part = part.sort_values("full", kind="stable", ignore_index=True)
        for (stress, step), name in MEASURES.items():
            colour = style.COLOURS[stress]
            look: dict[str, Any] = {"color": colour, "linestyle": "-" if step == 2 else "--", "linewidth": 1.4}
            look["markerfacecolor"] = colour if step == 2 else "white"
            for trained, marker in ((True, "o"), (False, "X")):
                curve = part[part["trained"].eq(trained) & part[name].notna()]
                if len(curve):
                    label = name if trained else None
                    ax.plot(curve.index, curve[name], marker=marker, markersize=6, label=label, **look)
        ax.set_xticks(part.index, [_label(row) for row in part.to_dict("records")], fontsize="small")
        ax.set(xlim=(-0.5, len(part) - 0.5), ylabel="score kept\n(% of full score)")
    style.add_titles_and_legend(figure, axes, [name for name, _ in parts], columns=4)
    return figure


def _label(row: dict[Any, Any]) -> str:
    name = words.NAMES.get(row["model"], row["model"]).replace("efficientnet-", "").replace("bvlc-", "BVLC ")
    top1 = "untrained" if not row["trained"] else "" if math.isnan(row["top1"]) else f"ImageNet {row['top1']:.1f}"
    return f"{name.removesuffix(UNTRAINED)}\nfull score {row['full']:.1f}\n{top1}"


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return each network's scores and shares, the best first, with the paper's networks below."""
    rows = compressibility(results).assign(whose="here")
    theirs = compressibility(reference()).assign(whose="paper")
    both = pd.concat([rows, theirs]).sort_values(["whose", "dataset", "full"], ascending=[True, True, False], kind="stable")
    both = both.set_index(["whose", "dataset", "model"]).drop(columns=["layer", "trained"])
    shown = both.rename(columns={"top1": "ImageNet top-1"}).round(1).convert_dtypes()  # whole numbers as such
    return shown.astype(object).where(shown.notna(), "")


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = []
    for row in compressibility(results).to_dict("records"):
        shares = ", ".join(f"{name} {row[name]:.1f}%" for name in MEASURES.values() if not np.isnan(row[name]))
        said.append(f"{row['dataset']}, {row['model']}, full score {row['full']:.1f}: {shares}")
    return "What is kept of each network's score, against that score, a panel a data set. " + "; ".join(said) + "."
