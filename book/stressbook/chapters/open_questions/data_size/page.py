"""Data size: does it depend on the number of training images how much stress the features stand?

Each class trains with 5, 10, 20 or 30 of its images, drawn several times, and with all of them, as in the paper.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import LEVEL, Answer, agreeing
from stressbook.chapters.open_questions.data_size.measure import ALL, kept
from stressbook.drawing import style, words


def changes(results: pd.DataFrame) -> pd.DataFrame:
    """Return how the kept share changes from the fewest training images to all, setting by setting.

    Returns
    -------
    pandas.DataFrame
        `features`, `setting`, `stress`, `fewest` (images a class), `kept_fewest`, `kept_all` and the `difference`, all
        minus fewest, in points. Settings that the fewest images do not allow are left out.
    """
    rows = kept(results)
    fewest = rows[rows["images"] == rows.groupby("features")["images"].transform("min")]
    everything = rows[np.isinf(rows["images"])]
    both = fewest.merge(everything, on=["features", "setting", "stress"], suffixes=("_fewest", "_all"))
    both = both[np.isfinite(both["images_fewest"])]
    both = both.assign(fewest=both["images_fewest"].astype(int), difference=both["kept_all"] - both["kept_fewest"])
    return both[["features", "setting", "stress", "fewest", "kept_fewest", "kept_all", "difference"]].reset_index(drop=True)


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: does the kept share change with the number of training images?"""
    question = "Does compressibility depend on how many images the classifier trains with?"
    rows = changes(results)
    if rows.empty:
        return Answer(question, "Nothing was measured with fewer images than all.", "none", "none")
    up, down = int((rows["difference"] > LEVEL).sum()), int((rows["difference"] < -LEVEL).sum())
    counts = f"in {up} of {len(rows)} settings more is kept with all images, in {down} less, by more than {LEVEL} points"
    if up and down:
        by_set = rows.groupby("features", sort=False)["difference"].mean()
        each = "; ".join(f"{name} {change:+.2f}" for name, change in by_set.items())
        said = f"Not one way: {counts} (on average {each})."
    elif up or down:
        said = f"Yes: features trained with fewer images stand {'less' if up else 'more'} stress; {counts}."
    else:
        said = (
            f"Hardly: from {rows['fewest'].min()} images a class to all, no kept share changes by more than {LEVEL} points."
        )
    largest = rows.iloc[rows["difference"].abs().argmax()]
    said += (
        f" The largest change is {largest['setting']} on {largest['features']}: {largest['kept_fewest']:.1f}% kept with "
        f"{largest['fewest']} images a class, {largest['kept_all']:.1f}% with all."
    )
    full = kept(results).drop_duplicates(["features", "images"]).groupby("features")["full"]
    said += f" The full scores themselves change by {(full.last() - full.first()).abs().max():.1f} points at most."
    means = rows.groupby("stress", sort=False)["difference"].mean()
    effect = ", ".join(f"{words.LABELS[str(stress)].split()[0]} {change:+.2f}" for stress, change in means.items())
    return Answer(
        question,
        said,
        f"change of the kept share from the fewest images to all, mean over settings, in points: {effect}",
        agreeing(rows.groupby("features")["difference"].mean().tolist()),
    )


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
    figure, axes = style.panels(len(names), height=2.9, sharey=False)
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
        ax.set_xticks(range(len(sizes)), [ALL if np.isinf(size) else f"{size:.0f}" for size in sizes])
        ax.set(xlabel="training images a class", ylabel="score kept (% of the full score\nof the same images)")
    style.add_titles_and_legend(figure, axes, names, columns=2)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = [
        f"{row['features']}, {row['setting']}: {row['kept_fewest']:.1f}% with {row['fewest']} images a class, "
        f"{row['kept_all']:.1f}% with all"
        for row in changes(results).to_dict("records")
    ]
    return "What is kept of the full score, against the number of training images a class. " + "; ".join(said) + "."
