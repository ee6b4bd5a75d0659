"""Data size: does the stress that features withstand depend on the number of training images?

Each class trains with a few of its images, drawn several times, and with all of them, as in the paper.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import (
    Answer,
    Finding,
    data_set,
    format_range,
    on_each_data_set,
    say_findings,
    sign_agreement,
)
from stressbook.drawing import style, tables, words
from stresslib.paper.published import GRID, with_shares
from stresslib.results import FEATURES, TOLERANCE, VARIANT

ALL = "all"
"""How tables and the figure write the training set of the paper's protocol."""


def kept(results: pd.DataFrame) -> pd.DataFrame:
    """Return what is kept of the full score of the same training images.

    Returns
    -------
    pandas.DataFrame
        One row for each feature set, stress and number of images of each class, of the first metric: `features`,
        `setting`, `stress`, `images` (infinity for all), the mean `kept` over the draws and its deviation `sd`, and `full`
        (the mean full score).
    """
    rows = tables.first_metric(results)
    rows = rows.assign(**{VARIANT: rows[VARIANT].fillna("")})
    # Each draw is compared with its own full score.
    shares = pd.concat([with_shares(draw) for _, draw in rows.groupby([VARIANT, "repeat"], dropna=False, sort=False)])
    shares["features"] = shares[FEATURES].agg(", ".join, axis=1)
    shares["images"] = pd.to_numeric(shares[VARIANT].replace("", "inf")).astype(float)
    full = shares[shares["stress"] == "none"].groupby(["features", "images"])["score"].mean().rename("full").reset_index()
    shares = shares[shares["stress"] != "none"]
    shares["setting"] = [_setting(row) for row in shares.to_dict("records")]
    key = ["features", "setting", "stress", "images"]
    means = shares.groupby(key, sort=False)["kept"].agg(kept="mean", sd=lambda values: values.std(ddof=0)).reset_index()
    return means.merge(full, on=["features", "images"]).sort_values("images", kind="stable", ignore_index=True)


def _setting(row: dict[Any, Any]) -> str:
    """Return the label of a stress, such as ``"FC 5% of dimensions, 8 values"``."""
    levels = []
    if not pd.isna(row["dimensions"]):
        levels.append(f"{100 * row['step'] / GRID:.0f}% of dimensions")
    if not pd.isna(row["values"]):
        levels.append(f"{row['values']} values")
    return f"{words.paper_name(row['stress'])} {', '.join(levels)}"


def changes(results: pd.DataFrame) -> pd.DataFrame:
    """Return how the kept share changes from the fewest training images to all, setting by setting.

    Returns
    -------
    pandas.DataFrame
        `features`, `setting`, `stress`, `fewest` (images of each class), `kept_fewest`, `kept_all` and the `difference`,
        all minus fewest, in points. Settings that the fewest images do not allow are left out.
    """
    rows = kept(results)
    fewest = rows[rows["images"] == rows.groupby("features")["images"].transform("min")]
    everything = rows[np.isinf(rows["images"])]
    both = fewest.merge(everything, on=["features", "setting", "stress"], suffixes=("_fewest", "_all"))
    both = both[np.isfinite(both["images_fewest"])]
    both = both.assign(fewest=both["images_fewest"].astype(int), difference=both["kept_all"] - both["kept_fewest"])
    return both[["features", "setting", "stress", "fewest", "kept_fewest", "kept_all", "difference"]].reset_index(drop=True)


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: does the kept share change with the number of training images?"""
    rows = changes(results)
    if rows.empty:
        return Answer("Nothing was measured with fewer images than all", "There is no change to report", "No feature set")
    means = rows.groupby("features", sort=False)["difference"].mean()
    by_stress = rows.groupby("stress", sort=False)["difference"].mean()
    largest = rows.iloc[rows["difference"].abs().argmax()]
    full = kept(results).drop_duplicates(["features", "images"]).groupby("features", sort=False)["full"]
    found, _ = say_findings(results, _find)
    return Answer(
        found,
        f"Mean change of the share kept, from the fewest images to all, in points: {on_each_data_set(means, '+.2f')}",
        sign_agreement("The mean change", means),
        f"Differences of {TOLERANCE} points or less count as none. By stress, the mean change is "
        + ", ".join(f"{change:+.2f} for {words.paper_name(str(stress))}" for stress, change in by_stress.items())
        + f". The largest single change is that of {largest['setting']} on {data_set(largest['features'])}: "
        f"{largest['kept_fewest']:.1f}% is kept with {largest['fewest']} images a class, {largest['kept_all']:.1f}% "
        f"with all. The full scores themselves change by {on_each_data_set(full.last() - full.first())}.",
        points=float(means.abs().max()),
    )


def _find(results: pd.DataFrame) -> Finding | None:
    rows = changes(results)
    if rows.empty:
        return None
    up, down = int((rows["difference"] > TOLERANCE).sum()), int((rows["difference"] < -TOLERANCE).sum())
    fewest = format_range(rows["fewest"], "d")
    if up and down:
        said = f"with all images more is kept than with {fewest} a class in {up} of {len(rows)} settings, and less in {down}"
        return Finding("either", f"Yes, in both directions: {said}")
    if up or down:
        verdict = "more" if up else "less"
        said = f"with all images {verdict} is kept than with {fewest} a class, in {up or down} of {len(rows)} settings"
        return Finding(verdict, f"Yes: {said}")
    said = f"Hardly: no share kept with all images is more than {TOLERANCE} points from that with {fewest} a class"
    return Finding("level", said)


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the kept shares: a row for each feature set and setting, a column for each number of images of a class."""
    rows = kept(results)
    rows["images"] = [_number_of_images(count) for count in rows["images"]]
    order = list(dict.fromkeys(rows["images"]))
    full = rows.drop_duplicates(["features", "images"]).assign(setting="full score", kept=lambda part: part["full"])
    wide = pd.concat([full, rows]).pivot_table(index=["features", "setting"], columns="images", values="kept", sort=False)
    return wide[order].rename_axis("images a class", axis=1).round(1).astype(object).fillna("")


def _number_of_images(count: float) -> str:
    return ALL if np.isinf(count) else f"{count:.0f}"


def plot(results: pd.DataFrame) -> Figure:
    """Draw what each stress keeps against the number of training images a class.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = kept(results)
    names = list(rows["features"].unique())
    figure, axes = style.panels(len(names), height=2.9, columns=2, sharey=False)
    # All images allow every setting, in the order of the sweep.
    settings = list(rows.loc[np.isinf(rows["images"]), "setting"].unique())
    for ax, name in zip(axes, names, strict=True):
        here = rows[rows["features"] == name]
        sizes = sorted(here["images"].unique())
        for number, setting in enumerate(settings):
            curve = here[here["setting"] == setting]
            if curve.empty:
                continue
            stress = curve["stress"].iloc[0]
            place = [sizes.index(size) for size in curve["images"]]
            same = [other for other in settings if other.split()[0] == setting.split()[0]]
            shades = seaborn.light_palette(style.COLOURS[stress], len(same) + 4)[4:]
            ax.errorbar(
                place,
                curve["kept"],
                curve["sd"],
                color=shades[same.index(setting)],
                marker="os^Dv"[same.index(setting) % 5],
                linestyle=("-", "--", ":", "-.")[same.index(setting) % 4],
                markersize=5,
                linewidth=1.6,
                capsize=2,
                label=setting,
                zorder=2 + number / 100,
            )
        ax.axhline(100, color="#888888", linewidth=0.8, zorder=0)
        ax.set_xticks(range(len(sizes)), [_number_of_images(count) for count in sizes])
        ax.set(xlabel="training images a class", ylabel="score kept (% of full score)")
    style.add_titles_and_legend(figure, axes, names, columns=2)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    changed = [
        f"{row['features']}, {row['setting']}: {row['kept_fewest']:.1f}% with {row['fewest']} images a class, "
        f"{row['kept_all']:.1f}% with all"
        for row in changes(results).to_dict("records")
    ]
    return "What is kept of the full score, against the number of training images a class. " + "; ".join(changed) + "."
