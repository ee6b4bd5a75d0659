"""Own data: what of the paper's data can be had, and what the other half of its training images would add.

From the table of the measure to an extrapolation, the scores of each class, and the effect of the preprocessing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.verdicts.own_data.measure import CLASS_SCORE
from stressbook.drawing import style, tables
from stresslib.datasets import DATASETS
from stresslib.results import FEATURES, TOLERANCE, VARIANT
from stresslib.stress.spec import compression_rate, parse_spec

WHOLE = "voc2007"
"""The paper's data set, of whose training images `TRAINING` there are half."""

TRAINING = DATASETS[WHOLE].counts.train if DATASETS[WHOLE].counts else 0

PAPERS = ("voc2007", "googlenet", "inception5b")
"""The published curve to compare with: GoogLeNet is the one network that the paper and this project share."""

COLOURS = ("#0072B2", "#D55E00", "#007A5A", "#AA4499")


def published_score() -> float:
    """Return the published full score of GoogLeNet on VOC 2007, in percent."""
    rows = tables.published_shares()
    rows = rows[rows[FEATURES].eq(pd.Series(PAPERS, FEATURES)).all(axis=1)]
    return float((100 * rows["score"] / rows["kept"]).median())


def _split(results: pd.DataFrame) -> pd.DataFrame:
    """Return the table with `way` (how images were preprocessed, empty for the paper's), `part` and `features`."""
    parts = results[VARIANT].str.rpartition(", ")
    names = results[FEATURES].agg(", ".join, axis=1)
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
    """The least and the most that the forms of a learning curve say."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.1f} to {self.high:.1f}"


def extrapolated(curve: pd.DataFrame, images: int) -> Range:
    """Extrapolate a learning curve to more training images.

    Each draw is fitted by itself, together with all rows that are no draw, by least squares in the logarithm of the number
    of images; in two forms: a line, and a power law of what is missing to 100; and twice: with all sizes, and without the
    smallest where three others remain.

    Parameters
    ----------
    curve : pandas.DataFrame
        Rows of :func:`curves` of one feature set, of at least two sizes.
    images : int

    Returns
    -------
    Range
        Over all fits. It is not a confidence interval: it says how far the forms that fit are apart.
    """
    common = curve[curve["draw"].isna()]
    drawn = curve[curve["draw"].notna()]
    found = []
    for _, draw in drawn.groupby("draw"):
        points = pd.concat([draw, common])
        larger = points[points["images"] > points["images"].min()]
        for fitted in (points, larger) if larger["images"].nunique() >= 3 else (points,):
            sizes, scores = np.log(fitted["images"].to_numpy(float)), fitted["score"].to_numpy()
            found.append(float(np.polyval(np.polyfit(sizes, scores, 1), math.log(images))))
            missing = np.polyfit(sizes, np.log(100 - scores), 1)
            found.append(100 - math.exp(np.polyval(missing, math.log(images))))
    return Range(min(found), max(found)) if found else Range(math.nan, math.nan)


def extrapolations(results: pd.DataFrame) -> pd.DataFrame:
    """Extrapolate every feature set to the paper's number of training images, and check the rule on what is measured.

    Returns
    -------
    pandas.DataFrame
        Indexed by feature set: `images` (all there are), the `score` with them, `expected` (the range with the paper's
        number), `half` (the largest size that is at most half of all) and `foretold` (the range for all from sizes up to
        that; NaN where fewer than two sizes are as small).
    """
    rows = {}
    for name, curve in curves(results).groupby("features", sort=False):
        images = int(curve["images"].max())
        score = float(curve.loc[curve["images"] == images, "score"].mean())
        small = curve[curve["images"] <= images / 2]
        foretold = extrapolated(small, images) if len(set(small["images"])) > 1 else Range(math.nan, math.nan)
        fewer = len(set(curve["images"])) > 1
        expected = extrapolated(curve, TRAINING) if fewer else Range(math.nan, math.nan)
        half = int(small["images"].max()) if len(small) else 0
        rows[name] = {"images": images, "score": score, "expected": expected, "half": half, "foretold": foretold}
    return pd.DataFrame.from_dict(rows, orient="index")


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the scores measured, and those that are extrapolated from them, as they stand on the page."""
    wide = curves(results).pivot_table(index="features", columns="images", values="score", sort=False)
    wide = wide[sorted(wide)].round(1).rename(columns="{:,} images".format)
    found = extrapolations(results)
    wide[f"{TRAINING:,} images (extrapolated)"] = [str(one) for one in found["expected"].reindex(wide.index)]
    return tables.with_dashes(wide.rename_axis(None, axis=1))


def check(results: pd.DataFrame) -> str:
    """Say what the rule would have foretold of the scores that are measured, as a Markdown list."""
    lines = []
    for name, row in extrapolations(results).iterrows():
        low, high = row["foretold"]
        if math.isnan(low):
            continue
        off = max(low - row["score"], row["score"] - high)
        verdict = "inside" if off <= 0 else f"{off:.1f} points outside"
        lines.append(
            f"- {name}: from at most {row['half']:,} images the rule foretells {row['foretold']} for {row['images']:,}; "
            f"measured are {row['score']:.1f}, **{verdict}**."
        )
    return "\n".join(lines) or "Too few sizes were measured to check the rule."


def classes(results: pd.DataFrame) -> pd.DataFrame:
    """Return the average precision of each class without stress and under the abstract's compression.

    Returns
    -------
    pandas.DataFrame
        Indexed by class, of the first feature set that was compressed: `full`, `compressed` and their `difference`;
        ``attrs["features"]`` and ``attrs["spec"]`` say of what. Empty where none was.
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
    wide.attrs = {"features": name, "spec": spec, "width": int(rows["n_features"].iloc[0])}
    return wide


def class_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the average precisions as they stand on the page, with their mean."""
    found = classes(results)
    return pd.concat([found, found.mean().to_frame("mean").T]).round(1) if len(found) else found


def preprocessing(results: pd.DataFrame) -> str:
    """Say what another preprocessing than the paper's does to the score, in Markdown; nothing where none was measured."""
    rows = _split(results)
    rows = rows[rows["metric"].ne(CLASS_SCORE) & rows["repeat"].isna()]
    key = ["features", "spec", "part"]
    paired = rows[rows["way"].ne("")].merge(rows[rows["way"].eq("")], on=key, suffixes=("", "_paper"))
    if paired.empty:
        return ""
    lines = []
    for row in paired.to_dict("records"):
        change = row["score"] - row["score_paper"]
        size = "no more than machines differ by" if abs(change) <= TOLERANCE else "more than machines differ by"
        lines.append(
            f"- {row['features']}, {row['spec']}: {row['score']:.2f} with `{row['way']}`, {row['score_paper']:.2f} without: "
            f"**{change:+.2f} points**, {size} ({TOLERANCE})."
        )
    return "\n".join(lines)


def headline(results: pd.DataFrame) -> str:
    """Return the first paragraph of the page, in Markdown."""
    found = extrapolations(results)
    paper = published_score()
    parts = []
    google = [name for name in found.index if "googlenet" in name]
    for name in google:
        row = found.loc[name]
        said = f"{name}: {row['score']:.1f} with {row['images']:,} training images"
        if not math.isnan(row["expected"].low):
            said += f", {row['expected']} if extrapolated to the paper's {TRAINING:,}"
        parts.append(said)
    first = found.iloc[0]
    text = (
        f"**Of the paper's own data set there are {first['images']:,} images to train with, of {TRAINING:,}.** "
        f"{'; '.join(parts)}. "
        * bool(parts)
        + f"The paper publishes {paper:.1f} for GoogLeNet's map `inception5b`, on the test images, which could not be had."
    )
    pairs = classes(results)
    if len(pairs):
        worst = pairs["difference"].idxmin()
        rate = 100 * compression_rate(parse_spec(pairs.attrs["spec"]), pairs.attrs["width"])
        text += (
            f" Under {rate:.1f}% compression ({pairs.attrs['features']}) the mean over classes changes by "
            f"{pairs['difference'].mean():+.1f} points, and that of the class that loses most, {worst}, by "
            f"{pairs.loc[worst, 'difference']:+.1f}."
        )
    return text


def plot(results: pd.DataFrame) -> Figure:
    """Draw the learning curves with what they are extrapolated to, and below the scores of each class.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    pairs = classes(results)
    titles = ["mAP by the number of training images"]
    options = {"height_ratios": [3.4, 4.6], "height": 4.0} if len(pairs) else {}
    figure, axes = style.panels(1 + bool(len(pairs)), sharey=False, **options)
    _draw_curves(axes[0], results)
    if len(pairs):
        _draw_classes(axes[1], pairs)
        titles.append(f"Average precision of each class\n{pairs.attrs['features']}")
    style.add_titles_and_legend(figure, axes, titles)
    return figure


def _draw_curves(ax: Axes, results: pd.DataFrame) -> None:
    found = extrapolations(results)
    for number, (name, curve) in enumerate(curves(results).groupby("features", sort=False)):
        colour = COLOURS[number % len(COLOURS)]
        scores = curve.groupby("images")["score"]
        mean, deviation = scores.mean(), scores.std(ddof=0).fillna(0)
        draws = curve["draw"].nunique()
        label = f"{name} (± SD of {draws} draws)" if draws > 1 else str(name)
        ax.fill_between(mean.index, mean - deviation, mean + deviation, color=colour, alpha=0.25, linewidth=0)
        ax.plot(mean.index, mean, color=colour, label=label, **style.OURS)
        expected, images = found.loc[name, "expected"], found.loc[name, "images"]
        if not math.isnan(expected.low):
            # Beside each other, lest one range hides another.
            place = TRAINING * 1.035 ** (number - len(found))
            middle = (expected.low + expected.high) / 2
            ax.plot([images, place], [mean.iloc[-1], middle], color=colour, linestyle=":", linewidth=1.4)
            ax.vlines(place, expected.low, expected.high, color=colour, linewidth=4, alpha=0.6)
    ax.plot([TRAINING], [published_score()], color="#000000", label="the paper, GoogLeNet inception5b", **style.PAPER)
    sizes = sorted({500, 1000, *found["images"], TRAINING})
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    ax.set(xlabel="training images (dotted, bars: extrapolated)", ylabel="mAP (%)")


def _draw_classes(ax: Axes, pairs: pd.DataFrame) -> None:
    pairs = pairs.sort_values("full")
    heights = np.arange(len(pairs))
    rate = 100 * compression_rate(parse_spec(pairs.attrs["spec"]), pairs.attrs["width"])
    colour = style.COLOURS["pca+uniform"]
    ax.hlines(heights, pairs["full"], pairs["compressed"], color="#BBBBBB", linewidth=2)
    look = {"linestyle": "", "markersize": 6}
    ax.plot(pairs["full"], heights, marker="o", color="#444444", label="no stress", **look)
    ax.plot(pairs["compressed"], heights, marker="s", color=colour, label=f"{rate:.1f}% compression", **look)
    ax.set_yticks(heights, pairs.index, fontsize="small")
    ax.set_ylim(-0.6, len(pairs) - 0.4)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    ax.set_xlabel("average precision (%)")


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = []
    for name, row in extrapolations(results).iterrows():
        curve = curves(results).query("features == @name")
        fewest = curve["images"].min()
        first = curve.loc[curve["images"] == fewest, "score"].mean()
        said.append(
            f"{name}: mAP {first:.1f} with {fewest:,} training images, {row['score']:.1f} with {row['images']:,}, "
            f"extrapolated to {TRAINING:,}: {row['expected']}"
        )
    text = f"Learning curves on VOC 2007. {'; '.join(said)}. The paper: {published_score():.1f}."
    pairs = classes(results)
    if len(pairs):
        listed = "; ".join(f"{name} {row['full']:.1f}, {row['compressed']:.1f}" for name, row in pairs.iterrows())
        text += f" Average precision of each class without stress and compressed: {listed}."
    return text
