"""Bias: is "quantised beats the original" the bin centres acting as the bias that the classifier lacks?

With a bias, whose weight is regularised as the others are (LIBLINEAR's), and without, as in the paper.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import LEVEL, Answer, agreeing, curves, zero
from stressbook.chapters.open_questions.bias.measure import BIAS
from stressbook.drawing import style, words
from stresslib.paper.published import published, with_shares
from stresslib.results import VARIANT


def gains(results: pd.DataFrame) -> pd.DataFrame:
    """Return what the best dictionary gains over the full vectors, for each feature set, stress and protocol.

    Returns
    -------
    pandas.DataFrame
        `features`, `stress`, `variant`, the best number of `values`, its `gain` in points, and the `full` score.
    """
    rows = []
    for name, variant, part in curves(results):
        full = part.loc[part["stress"] == "none", "score"].iloc[0]
        for stress, curve in part[part["stress"] != "none"].groupby("stress", sort=False):
            best = curve.iloc[curve["score"].argmax()]
            rows.append(
                {
                    "features": name,
                    "stress": stress,
                    VARIANT: variant,
                    "values": int(best["values"]),
                    "gain": best["score"] - full,
                    "full": full,
                }
            )
    return pd.DataFrame(rows)


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the gains to look at, without a bias and with one beside each other, to two decimals."""
    rows = gains(results)
    rows = rows.assign(
        stress=rows["stress"].map(lambda stress: words.LABELS[stress].split()[0]),
        protocol=rows[VARIANT].replace({"": "the paper's", BIAS: "with a bias"}),
    ).rename(columns={"values": "best at values", "full": "full score"})
    shown = rows.set_index(["features", "stress", "protocol"])[["gain", "best at values", "full score"]].round(2)
    return pd.DataFrame(shown.unstack("protocol", sort=False))  # noqa: PD010


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: is there a gain, and does a bias take it away?"""
    rows = gains(results)
    wide = rows.set_index(["features", "stress", VARIANT])[["gain", "full"]].unstack(VARIANT)  # noqa: PD010
    without, with_bias = wide["gain", ""], wide["gain", BIAS]
    worth = wide["full", BIAS] - wide["full", ""]
    gained = without > LEVEL
    if not gained.any():
        said = (
            f"Quantised features do not beat the original here by more than {LEVEL} points, with or without a bias: there "
            "is no gain that a bias could explain."
        )
    else:
        left = int((with_bias[gained] > LEVEL).sum())
        said = (
            f"Without a bias, quantised beats the original by more than {LEVEL} points in {int(gained.sum())} of "
            f"{len(without)} curves; of these, {left or 'none'} still {'does' if left < 2 else 'do'} so with one."
        )
    said += f" A bias alone changes the full score by {worth.min():+.2f} to {worth.max():+.2f} points."
    theirs = with_shares(published())
    theirs = theirs[(theirs["source"] == "figure-4") & (theirs["model"] == "vgg-m")]
    most = theirs.iloc[theirs["kept"].argmax()]
    return Answer(
        "Is “quantised beats the original” the bin centres acting as the bias that the classifier lacks?",
        said,
        f"best gain over the full vectors {without.max():+.2f} points without a bias, {with_bias.max():+.2f} with one; the "
        f"paper's, without, {most['score'] - 100 * most['score'] / most['kept']:+.2f}",
        agreeing((with_bias - without).groupby("features").mean().tolist()),
    )


def plot(results: pd.DataFrame) -> Figure:
    """Draw what quantised vectors gain over the full ones under both protocols.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    parts = list(curves(results))
    names = list(dict.fromkeys(name for name, *_ in parts))
    figure, axes = style.panels(len(names), height=2.9, sharey=False)
    for ax, name in zip(axes, names, strict=True):
        for here, variant, rows in parts:
            if here != name:
                continue
            full = rows.loc[rows["stress"] == "none", "score"].iloc[0]
            for key, curve in rows[rows["stress"] != "none"].groupby("stress", sort=False):
                stress, label = str(key), f"{'with' if variant else 'without'} a bias"
                colour = style.COLOURS[stress]
                ax.plot(
                    curve["values"],
                    curve["score"] - full,
                    linewidth=1.6,
                    linestyle="--" if variant else "-",
                    color=colour,
                    marker="o",
                    markersize=4,
                    markerfacecolor="white" if variant else colour,
                    label=f"{words.LABELS[stress].split()[0]}, {label}",
                )
        zero(ax, "gain over the full vectors (points)")
        ax.set(xlabel="values in a dictionary", ylim=(-3, 1.5))
    style.add_titles_and_legend(figure, axes, names)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    rows = gains(results)
    said = [
        f"{row['features']}, {words.LABELS[row['stress']].split()[0]}, {'with' if row[VARIANT] else 'without'} a bias: at "
        f"best {row['gain']:+.2f} points, with {row['values']} values"
        for row in rows.to_dict("records")
    ]
    return "What quantised vectors score above the full ones, with a bias and without. " + "; ".join(said) + "."
