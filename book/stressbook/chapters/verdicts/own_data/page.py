"""Own data: what of the paper's data can be had, and what the other half of its training images would add.

From the table of the measure to an extrapolation and its check, the scores of each class, and what preprocessing does.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.verdicts.own_data.facts import COUNTS
from stressbook.chapters.verdicts.own_data.measure import CLASS_SCORE
from stressbook.drawing import style, tables, words
from stresslib.results import FEATURES, TOLERANCE, VARIANT
from stresslib.stress.spec import compression_rate, parse_spec

TRAINING = COUNTS.train
"""Training images of the paper's data set, of which there are half."""

PAPERS = ("voc2007", "googlenet", "inception5b")
"""The published curve to compare with: GoogLeNet is the one network that the paper and this project share."""

LOOKS = (("#0072B2", "o"), ("#D55E00", "s"), ("#007A5A", "D"), ("#AA4499", "^"))
"""Colour and marker of each feature set, in the order of the table."""


def published_score() -> float:
    """Return the published full score of GoogLeNet on VOC 2007, in percent."""
    rows = tables.published_shares()
    rows = rows[rows[FEATURES].eq(pd.Series(PAPERS, FEATURES)).all(axis=1)]
    return float((100 * rows["score"] / rows["kept"]).median())


def _split(results: pd.DataFrame) -> pd.DataFrame:
    """Return the table with `way` (how images were preprocessed, empty for the paper's), `part` and `features`.

    Feature sets of one data set are named by network and layer alone.
    """
    parts = results[VARIANT].str.rpartition(", ")
    names = results[FEATURES if len(set(results["dataset"])) > 1 else FEATURES[1:]].agg(", ".join, axis=1)
    return results.assign(way=parts[0].str.removeprefix("preprocessing="), part=parts[2], features=names)


def curves(results: pd.DataFrame) -> pd.DataFrame:
    """Return the full score by the number of training images.

    Returns
    -------
    pandas.DataFrame
        `features`, `images`, `draw` and `score`, one row for each draw, and one for all images of a feature set.
    """
    rows = _split(results)
    rows = rows[rows["way"].eq("") & rows["metric"].ne(CLASS_SCORE) & rows["stress"].eq("none")]
    return pd.DataFrame(
        {
            "features": rows["features"],
            "images": rows["part"].astype(int),
            "draw": rows["repeat"],
            "score": rows["score"],
        }
    ).reset_index(drop=True)


class Range(NamedTuple):
    """The least and the most that the forms of a learning curve say; NaN where there is nothing to fit."""

    low: float
    high: float

    def __str__(self) -> str:
        return "–" if math.isnan(self.low) else f"{self.low:.1f} to {self.high:.1f}"


def extrapolated(curve: pd.DataFrame, images: int) -> Range:
    """Extrapolate a learning curve to more training images.

    Each draw is fitted by itself, together with all rows that are no draw, by least squares in the logarithm of the number
    of images; in two forms: a line, and a power law of what is missing to 100; and twice: with all sizes, and without the
    smallest where three others remain.

    Parameters
    ----------
    curve : pandas.DataFrame
        Rows of :func:`curves` of one feature set.
    images : int

    Returns
    -------
    Range
        Over all fits; NaN where there are fewer than two sizes. It is not a confidence interval: it says how far the forms
        that fit are apart.
    """
    common = curve[curve["draw"].isna()]
    drawn = curve[curve["draw"].notna()]
    found = []
    for _, draw in drawn.groupby("draw"):
        points = pd.concat([draw, common])
        if points["images"].nunique() < 2:
            continue
        larger = points[points["images"] > points["images"].min()]
        for fitted in (points, larger) if larger["images"].nunique() >= 3 else (points,):
            sizes, scores = np.log(fitted["images"].to_numpy(float)), fitted["score"].to_numpy()
            found.append(float(np.polyval(np.polyfit(sizes, scores, 1), math.log(images))))
            missing = np.polyfit(sizes, np.log(100 - scores), 1)
            found.append(100 - math.exp(np.polyval(missing, math.log(images))))
    return Range(min(found), max(found)) if found else Range(math.nan, math.nan)


class Extrapolation(NamedTuple):
    """What one feature set scores, what it would score with the paper's number of images, and a check of that rule.

    Attributes
    ----------
    images, score : int, float
        All training images that there are, and the score with them.
    expected : Range
        The score with the paper's number of training images.
    half : int
        The largest size that is at most half of all; 0 without one.
    predicted : Range
        The score with all images, from sizes up to `half`.
    """

    images: int
    score: float
    expected: Range
    half: int
    predicted: Range

    @property
    def overshoot(self) -> float:
        """Points by which the middle of `predicted` lies above the score; NaN where nothing was predicted."""
        return sum(self.predicted) / 2 - self.score

    @property
    def inside(self) -> bool:
        """Whether the score lies in the predicted range."""
        return self.predicted.low <= self.score <= self.predicted.high


def extrapolations(results: pd.DataFrame) -> dict[str, Extrapolation]:
    """Extrapolate every feature set to the paper's number of training images, and check the rule on what is measured."""
    found = {}
    for name, curve in curves(results).groupby("features", sort=False):
        images = int(curve["images"].max())
        small = curve[curve["images"] <= images / 2]
        found[str(name)] = Extrapolation(
            images,
            float(curve.loc[curve["images"] == images, "score"].mean()),
            extrapolated(curve, TRAINING),
            int(small["images"].max()) if len(small) else 0,
            extrapolated(small, images),
        )
    return found


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the scores measured, and those that are extrapolated from them, as they stand on the page."""
    wide = curves(results).pivot_table(index="features", columns="images", values="score", sort=False)
    columns = sorted(map(int, wide.columns))
    wide = wide[columns].round(1).set_axis([f"{images:,}" for images in columns], axis=1)
    found = extrapolations(results)
    wide[f"{TRAINING:,} (extrapolated)"] = [str(found[str(name)].expected) for name in wide.index]
    return tables.with_dashes(wide.rename_axis(None))


def check(results: pd.DataFrame) -> str:
    """Say what the rule would have predicted of the scores that are measured, as a Markdown list."""
    lines = [
        f"- {name}: from at most {one.half:,} images the rule predicts {one.predicted} for {one.images:,}. Measured: "
        f"{one.score:.1f}, {'inside' if one.inside else 'outside'} that range, whose middle is "
        f"**{abs(one.overshoot):.1f} points too {'high' if one.overshoot > 0 else 'low'}**."
        for name, one in extrapolations(results).items()
        if not math.isnan(one.overshoot)
    ]
    return "\n".join(lines) or "Too few sizes were measured to check the rule."


def check_in_short(results: pd.DataFrame) -> str:
    """Say in a sentence whether the rule overshoots where it can be checked; empty where it cannot."""
    checked = [one for one in extrapolations(results).values() if not math.isnan(one.overshoot)]
    if not checked:
        return ""
    sides = {"high": [one.overshoot for one in checked if one.overshoot > 0]}
    sides["low"] = [-one.overshoot for one in checked if one.overshoot <= 0]
    said = " and ".join(
        f"too {side} for {len(values)} of {len(checked)} feature sets, by {_spread(values)} points"
        for side, values in sides.items()
        if values
    )
    return (
        f"Where the same rule can be checked, from at most half of the images to all, the middle of its range is {said}; "
        f"the measured score lies inside the range for {sum(one.inside for one in checked)}."
    )


def _spread(values: list[float]) -> str:
    """Return the least and the largest value as words; one where they are the same."""
    return " to ".join(dict.fromkeys(f"{value:.1f}" for value in (min(values), max(values))))


def classes(results: pd.DataFrame) -> pd.DataFrame:
    """Return the average precision of each class without stress and under the abstract's compression.

    Returns
    -------
    pandas.DataFrame
        Indexed by class, of the first feature set that was compressed: `full`, `compressed` and their `difference`;
        ``attrs["features"]`` says of what, ``attrs["rate"]`` how many percent of the bits are saved. Empty where none was.
    """
    rows = _split(results)
    rows = rows[rows["way"].eq("") & rows["metric"].eq(CLASS_SCORE)]
    compressed = rows[rows["stress"] != "none"]
    if compressed.empty:
        return pd.DataFrame(columns=["full", "compressed", "difference"])
    name, spec = compressed[["features", "spec"]].iloc[0]
    rows = rows[rows["features"] == name]
    wide = rows.pivot_table(index="part", columns="spec", values="score", sort=False)[["none", spec]]
    wide = wide.set_axis(["full", "compressed"], axis=1).rename_axis("class")
    wide = wide.assign(difference=wide["compressed"] - wide["full"])
    wide.attrs = {"features": name, "rate": 100 * compression_rate(parse_spec(spec), int(rows["n_features"].iloc[0]))}
    return wide


def class_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the average precisions as they stand on the page, with their mean."""
    found = classes(results)
    return pd.concat([found, found.mean().to_frame("mean").T]).round(1) if len(found) else found


def class_sentence(results: pd.DataFrame) -> str:
    """Say what the compression costs on average and where it costs most; empty where nothing was compressed."""
    pairs = classes(results)
    if pairs.empty:
        return ""
    worst = pairs.sort_values("difference").iloc[0]
    return (
        f"With {pairs.attrs['rate']:.1f}% of the bits saved ({pairs.attrs['features']}), the mean over classes changes by "
        f"**{pairs['difference'].mean():+.1f} points**. The class that loses most is {worst.name}, with "
        f"{worst['difference']:+.1f}; {(pairs['difference'] > 0).sum()} of {len(pairs)} classes gain."
    )


def preprocessing(results: pd.DataFrame) -> str:
    """Say what another preprocessing than the paper's does to the score, in Markdown; nothing where none was measured."""
    rows = _split(results)
    rows = rows[rows["metric"].ne(CLASS_SCORE) & rows["repeat"].isna()]
    key = ["features", "spec", "part"]
    paired = rows[rows["way"].ne("")].merge(rows[rows["way"].eq("")], on=key, suffixes=("", "_paper"))
    lines = []
    for row in paired.to_dict("records"):
        change = row["score"] - row["score_paper"]
        size = "no more" if abs(change) <= TOLERANCE else "more"
        lines.append(
            f"- {row['features']}, {row['spec']}: {row['score']:.2f} with `{row['way']}`, {row['score_paper']:.2f} without: "
            f"**{change:+.2f} points**, {size} than the {TOLERANCE} by which two machines may differ."
        )
    return "\n".join(lines)


def headline(results: pd.DataFrame) -> str:
    """Return the first paragraph of the page, in Markdown."""
    found = extrapolations(results)
    name, one = next(((name, one) for name, one in found.items() if "googlenet" in name), next(iter(found.items())))
    text = (
        f"**{one.score:.1f} mAP with the {one.images:,} training images that can be had ({name}); the paper publishes "
        f"{published_score():.1f} with {TRAINING:,}**, for GoogLeNet's map `inception5b` and on other test images."
    )
    if not math.isnan(one.expected.low):
        text += f" Extrapolated to {TRAINING:,} images, the curve reaches {one.expected}. {check_in_short(results)}"
    return text.strip()


def plot(results: pd.DataFrame) -> Figure:
    """Draw the learning curves, with what they are extrapolated to.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, [ax] = style.panels(1, height=2.7 + 0.15 * len(extrapolations(results)))
    _draw_curves(ax, results)
    style.add_titles_and_legend(figure, [ax], ["Full score by the number of training images"])
    return figure


def _draw_curves(ax: Axes, results: pd.DataFrame) -> None:
    found = extrapolations(results)
    for number, (name, curve) in enumerate(curves(results).groupby("features", sort=False)):
        colour, marker = LOOKS[number % len(LOOKS)]
        scores = curve.groupby("images")["score"]
        mean, deviation = scores.mean(), scores.std(ddof=0).fillna(0)
        draws = curve["draw"].nunique()
        label = f"{name} (± SD of {draws} draws)" if draws > 1 else str(name)
        ax.fill_between(mean.index, mean - deviation, mean + deviation, color=colour, alpha=0.25, linewidth=0)
        ax.plot(mean.index, mean, color=colour, label=label, **{**style.OURS, "marker": marker})
        expected, images = found[str(name)].expected, found[str(name)].images
        if not math.isnan(expected.low):
            # Beside each other, lest one range hides another.
            place = TRAINING * 1.035 ** (number - len(found))
            middle = (expected.low + expected.high) / 2
            ax.plot([images, place], [float(mean.iloc[-1]), middle], color=colour, linestyle=":", linewidth=1.4)
            ax.vlines(place, expected.low, expected.high, color=colour, linewidth=4, alpha=0.6)
    ax.plot([TRAINING], [published_score()], color="#000000", label="the paper, GoogLeNet inception5b", **style.PAPER)
    sizes = sorted({500, 1000, *(one.images for one in found.values()), TRAINING})
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    ax.set(xlabel="training images (dotted, bars: extrapolated)", ylabel="mAP (%)")


def plot_classes(results: pd.DataFrame) -> Figure:
    """Draw the average precision of each class, without and with the compression; the table must have :func:`classes`."""
    pairs = classes(results)
    figure, [ax] = style.panels(1, height=0.19 * len(pairs) + 0.5)
    pairs = pairs.sort_values("full")
    heights = np.arange(len(pairs))
    ax.hlines(heights, pairs["full"], pairs["compressed"], color="#BBBBBB", linewidth=2)
    look: dict[str, Any] = {"linestyle": "", "markersize": 6}
    ax.plot(pairs["full"], heights, marker="o", color="#444444", label="no stress", **look)
    colour, label = style.COLOURS["pca+uniform"], f"{pairs.attrs['rate']:.1f}% compression"
    ax.plot(pairs["compressed"], heights, marker="s", color=colour, label=label, **look)
    ax.set_yticks(heights, pairs.index.tolist(), fontsize="small")
    ax.set_ylim(-0.6, len(pairs) - 0.4)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    ax.set_xlabel("average precision (%)")
    style.add_titles_and_legend(figure, [ax], [f"Average precision of each class: {pairs.attrs['features']}"], columns=2)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the learning curves in words, from their data."""
    said = []
    for name, one in extrapolations(results).items():
        curve = curves(results).query("features == @name")
        fewest = curve["images"].min()
        first = curve.loc[curve["images"] == fewest, "score"].mean()
        said.append(
            f"{name}: mAP {first:.1f} with {fewest:,} training images, {one.score:.1f} with {one.images:,}, "
            f"extrapolated to {TRAINING:,}: {one.expected}"
        )
    data = words.data_sets(results["dataset"].unique())
    return f"Learning curves on {data}. {'; '.join(said)}. The paper: {published_score():.1f}."


def classes_alt_text(results: pd.DataFrame) -> str:
    """Describe the scores of the classes in words, from their data."""
    listed = "; ".join(f"{name} {row['full']:.1f}, {row['compressed']:.1f}" for name, row in classes(results).iterrows())
    return f"Average precision of each class without stress and compressed: {listed}."
