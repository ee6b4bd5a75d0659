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

from stressbook.chapters.open_questions.answers import Answer, Finding, say_findings
from stressbook.drawing import style, tables, words
from stresslib.extraction import facts
from stresslib.features import UNTRAINED
from stresslib.paper.published import published, with_shares
from stresslib.results import TOLERANCE
from stresslib.stress.spec import bits_per_vector

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
    """Return the score of each network, and how much of it is kept.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`measure`; or published curves.

    Returns
    -------
    pandas.DataFrame
        One row for each feature set, of the first metric: `dataset`, `model`, `layer`, whether it is `trained`, `top1` on
        ImageNet (empty where unknown), the `full` score, the shares of :data:`MEASURES`, and :data:`BITS` (empty where
        no combination keeps so much).
    """
    rows = []
    for _, table in tables.feature_sets(with_shares(results)):
        first = table.iloc[0]
        row = {name: first[name] for name in ("dataset", "model", "layer")}
        row |= {"trained": not first["model"].endswith(UNTRAINED), "top1": facts.top1(first["model"])}
        scored = table.dropna(subset=["kept"])
        row["full"] = 100 * float((scored["score"] / scored["kept"]).mean())
        for (stress, step), name in MEASURES.items():
            row[name] = float(table.loc[table["stress"].eq(stress) & table["step"].eq(step), "kept"].mean())
        enough = table[table["kept"].ge(NEARLY) & table["values"].notna() & table["stress"].ne("uniform-shared")]
        bits = [bits_per_vector(spec, width) for spec, width in zip(enough["spec"], enough["n_features"], strict=True)]
        row[BITS] = float(min(bits, default=math.nan))
        rows.append(row)
    return pd.DataFrame(rows)


def pairs(results: pd.DataFrame) -> pd.DataFrame:
    """Compare the networks of each data set, two at a time.

    Returns
    -------
    pandas.DataFrame
        `dataset`, `better` (the network with the higher full score), `worse`, whether both are `trained`, how far the
        better is `ahead` in the full score, and `ahead_top1` on ImageNet; for each of :data:`MEASURES`, how much
        more it keeps, in points; and in :data:`BITS`, how many bits fewer it needs.
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


def count_comparisons(found: pd.DataFrame, by: str = "ahead") -> tuple[int, int, int]:
    """Count the comparisons in which the better network of a pair keeps more, and in which it keeps less.

    Parameters
    ----------
    found : pandas.DataFrame
        Of :func:`pairs`.
    by : {"ahead", "ahead_top1"}, default="ahead"
        What makes a network the better one; pairs that differ in it by no more than
        :data:`stresslib.results.TOLERANCE` do not count.

    Returns
    -------
    more, less, total : int
        A share that differs by no more than :data:`stresslib.results.TOLERANCE` is neither more nor less.
    """
    apart = found[found[by].abs() > TOLERANCE]
    differences = apart[list(MEASURES.values())].mul(np.sign(apart[by]), axis=0).to_numpy(dtype=float)
    return int((differences > TOLERANCE).sum()), int((differences < -TOLERANCE).sum()), int(np.isfinite(differences).sum())


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: of two networks, does the better one keep more?"""
    found = pairs(results)
    trained = found[found["trained"]]
    if not count_comparisons(trained)[2]:
        return Answer(
            "No two trained networks differ on the same images: the question is open",
            "There is no difference to report",
            "No pair of networks",
        )
    apart = trained[trained["ahead"] > TOLERANCE]
    largest = max(len({*part["better"], *part["worse"]}) for _, part in trained.groupby("dataset"))
    said, _ = say_findings(results, _find_order)
    return Answer(
        said,
        "What the network with the higher full score keeps more, mean over pairs, in points: "
        + ", ".join(f"{apart[name].mean():+.2f} with {name.replace(',', ' at')}" for name in MEASURES.values()),
        f"At most {largest} trained networks on one data set: even a perfect order of so many comes by chance once in "
        f"{math.factorial(largest)}",
        " ".join(
            [
                f"Networks are compared in pairs, at each of {len(MEASURES)} sizes; differences of {TOLERANCE} points "
                "or less count as neither more nor less.",
                *_other_comparisons(found),
                _published_pair(),
            ]
        ),
    )


def _find_order(results: pd.DataFrame) -> Finding | None:
    """Find in which order pairs of trained networks lie: by their scores on the same images, and by what they keep."""
    found = pairs(results)
    more, less, total = count_comparisons(found[found["trained"]])
    if not total:
        return None
    if not more + less:
        return Finding("neither", f"Neither more nor less: no pair differs by more than {TOLERANCE} points in what it keeps")
    counts = f"the trained network with the higher full score keeps more in {more} of {total} comparisons and less in {less}"
    if more >= 3 * less:
        verdict = "Mostly more" if less else "More"
    elif less >= 3 * more:
        verdict = "Mostly less" if more else "Less"
    else:
        verdict = "In no clear order"
    return Finding(verdict, f"{verdict}: {counts}")


def _other_comparisons(found: pd.DataFrame) -> list[str]:
    """Say which networks keep more when ordered by ImageNet's scores, and when one of a pair was never trained."""
    sentences = []
    more, less, total = count_comparisons(found[found["trained"]], "ahead_top1")
    if total:
        sentences.append(f"Ordered by ImageNet instead, the better one keeps more in {more} of {total} and less in {less}.")
    more, less, total = count_comparisons(found[~found["trained"]])
    if total:
        sentences.append(
            f"A trained network keeps more of its score than one with weights drawn at random in {more} of {total} "
            f"comparisons, and less in {less}."
        )
    return sentences


def _published_pair() -> str:
    """Say what the better of the paper's two networks keeps more."""
    pair = pairs(reference()).iloc[0]
    better, worse = words.NAMES[pair["better"]], words.NAMES[pair["worse"]]
    return (
        f"In the paper {better}, {pair['ahead']:.1f} points ahead of {worse}, keeps {pair['DR-1, 5%']:.1f} points more "
        "of its score with 5% of the dimensions drawn at random."
    )


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return each network's scores and shares, the best first, with the paper's networks below."""
    rows = compressibility(results).assign(whose="here")
    theirs = compressibility(reference()).assign(whose="paper")
    both = pd.concat([rows, theirs]).sort_values(["whose", "dataset", "full"], ascending=[True, True, False], kind="stable")
    both = both.set_index(["whose", "dataset", "model"]).drop(columns=["layer", "trained"])
    shown = both.rename(columns={"top1": "ImageNet top-1"}).round(1).convert_dtypes()  # whole numbers as such
    return shown.astype(object).where(shown.notna(), "")


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
    figure, axes = style.panels(len(parts), height=2.8, columns=2, sharey=False)
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
        ax.set(xlim=(-0.5, len(part) - 0.5), xlabel="full score, ImageNet's top-1", ylabel="score kept\n(% of full score)")
    style.add_titles_and_legend(figure, axes, [name for name, _ in parts], columns=4)
    return figure


def _label(row: dict[Any, Any]) -> str:
    """Return the name of a network and its scores, as its tick on the horizontal axis has them."""
    model = row["model"].removesuffix(UNTRAINED).removeprefix("bvlc-")
    name = words.NAMES.get(model, model).replace("efficientnet-", "")
    top1 = "" if math.isnan(row["top1"]) else f", {row['top1']:.1f}"
    return f"{name}\n{'' if row['trained'] else 'untrained, '}{row['full']:.1f}{top1}"


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    described = []
    for row in compressibility(results).to_dict("records"):
        shares = ", ".join(f"{name} {row[name]:.1f}%" for name in MEASURES.values() if not np.isnan(row[name]))
        described.append(f"{row['dataset']}, {row['model']}, full score {row['full']:.1f}: {shares}")
    return "What is kept of each network's score, against that score, a panel a data set. " + "; ".join(described) + "."
