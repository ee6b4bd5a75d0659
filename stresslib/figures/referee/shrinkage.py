"""Shrinkage: how much of what a random selection loses is lost because its vectors are shorter, at the same C?

A selection of k of D dimensions leaves about k/D of the squared norm. At a fixed C a shorter vector is a more strongly
regularised one: bringing the rows back to unit norm, or choosing C anew, undoes that part of the loss.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stresslib.features import FeatureSet
from stresslib.figures import figure_2, style
from stresslib.figures.referee.frame import Answer, agreeing, curves, span
from stresslib.published import GRID, published, with_shares
from stresslib.results import VARIANT, read_results
from stresslib.spec import make_stress
from stresslib.variants import Variant, renormalised, sweep_variants, tuned

STRESS = "random-selection"
RENORMALISED, TUNED, BOTH = "re-normalised", "C tuned", "re-normalised, C tuned"
NORM = "squared_norm"
"""Column beside those of a results table: mean squared norm of the stressed test rows."""


def measure(features: FeatureSet, steps: Iterable[int], repeats: int, **options: Any) -> pd.DataFrame:
    """Evaluate DR-1 at a fixed C and at one chosen for each setting, both also re-normalised after the stress.

    Parameters
    ----------
    features : FeatureSet
    steps : iterable of int
        Places on the paper's grid of dimensions.
    repeats : int
    **options : Any
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        With the column :data:`NORM`. C is chosen where rows have one label.
    """
    # Where the principal components of the same grid are left out, what is left is DR-1.
    specs = [spec for spec in figure_2.specs(features.X.shape[1], steps) if not spec.startswith("DR2")]
    protocols = [Variant(), Variant(RENORMALISED, renormalised())]
    if features.y.ndim == 1:
        protocols += [Variant(TUNED, tuned()), Variant(BOTH, tuned(classifier=renormalised()))]
    table = sweep_variants(features, specs, protocols, repeats=repeats, **options)
    norms = {
        (int(spec.split(":")[1]), repeat): _squared_norm(features, spec, repeat)
        for spec in specs[1:]
        for repeat in range(repeats)
    }
    whole = _squared_norm(features, "none", 0)
    places = zip(table["dimensions"], table["repeat"], strict=True)
    return table.assign(**{NORM: [whole if pd.isna(size) else norms[size, repeat] for size, repeat in places]})


def _squared_norm(features: FeatureSet, spec: str, seed: int) -> float:
    rows = make_stress(spec, random_state=seed).fit(features.X[:1]).transform(features.X[features.test])
    return float(np.einsum("ij,ij->i", rows, rows, dtype=np.float64).mean())


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of :func:`measure`."""
    return read_results(path, [NORM])


def losses(results: pd.DataFrame) -> pd.DataFrame:
    """Return what is lost at each size under each protocol, in points.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`measure`.

    Returns
    -------
    pandas.DataFrame
        One row a feature set, size and protocol: `features`, `step`, `share` of the dimensions in percent, `variant`,
        `score` (mean over repeats), `full` (the protocol's own full score), their difference `loss`; `undone`, the percent
        of the paper's protocol's loss that this one does not have; `gain`, its score above that protocol's; `norm`, the
        mean squared norm of what is left.
    """
    rows = []
    for name, variant, part in curves(results):
        full = part.loc[part["stress"] == "none", "score"].iloc[0]
        for _, here in part[part["stress"] == STRESS].groupby("step"):
            score = here["score"].mean()
            share = style.percent_kept(here).iloc[0]
            at = {"features": name, "step": int(here["step"].iloc[0]), "share": share, VARIANT: variant}
            rows.append({**at, "score": score, "full": full, "loss": full - score, "norm": here[NORM].mean()})
    table = pd.DataFrame(rows)
    plain = table[table[VARIANT] == ""].set_index(["features", "step"])[["loss", "score"]]
    both = table.join(plain.add_suffix("_plain"), on=["features", "step"])
    return table.assign(undone=100 * (1 - both["loss"] / both["loss_plain"]), gain=both["score"] - both["score_plain"])


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: what part of the loss at the smallest size is regularisation?"""
    rows = losses(results)
    least = rows[rows["step"] == rows["step"].min()]
    wide: Any = least.set_index(["features", VARIANT])[["loss", "undone", "gain", "score"]].unstack(VARIANT)  # noqa: PD010
    percent = f"{100 * int(rows['step'].min()) // GRID}% of the dimensions"
    undone = wide["undone", RENORMALISED]
    said = f"With {percent} the paper's protocol loses {span(wide['loss', ''])} points of its full score. "
    if undone.max() <= MATTERS:
        said += f"Next to none of that is regularisation: re-normalising undoes {span(undone, '.0f', '%')} of the loss."
    elif undone.min() > MATTERS:
        said += f"A part of that is regularisation: re-normalising undoes {span(undone, '.0f', '%')} of the loss"
        said += ", not most of it." if undone.max() < 50 else "."
    else:
        said += f"Whether that is regularisation depends on the features: re-normalising undoes {span(undone, '.0f', '%')}."
    if BOTH in set(rows[VARIANT]):
        said += (
            f" A C chosen for each setting undoes {span(wide['undone', TUNED], '.0f', '%')}, both together "
            f"{span(wide['undone', BOTH], '.0f', '%')}."
        )
    gain = wide["gain", RENORMALISED]
    return Answer(
        "How much of what random selection loses is regularisation, its vectors being shorter at the same C?",
        said,
        f"at {percent}, re-normalised vectors score {span(gain, '+.1f')} points above the paper's protocol",
        agreeing(gain.tolist()),
    )


def details(results: pd.DataFrame) -> str:
    """Say how much of the norm is left, and what was published, as a Markdown list."""
    rows = losses(results)
    norms = rows[rows[VARIANT] == ""]
    ratio = norms["norm"] / (norms["share"] / 100)
    said = f"- The squared norm that is left is {ratio.min():.2f} to {ratio.max():.2f} times the share of the dimensions."
    paper = with_shares(published())
    paper = paper[paper["source"].isin(["figure-2", "figure-3"]) & paper["model"].eq("vgg-m") & paper["stress"].eq(STRESS)]
    theirs = paper.loc[paper["step"] == rows["step"].min(), "kept"]
    return said + f"\n- The paper's curves of VGG-M keep {span(theirs, unit='%')} of the full score there, at its own C."


MATTERS = 10.0
"""Percent of the loss from which on regularisation is a part of it."""


_LOOKS: dict[str, dict[str, Any]] = {
    "": {"color": style.COLOURS[STRESS], "label": "fixed C (the paper's protocol)", "marker": "o"},
    TUNED: {"color": "#8C510A", "label": "C by validation", "marker": "s", "linestyle": "--"},
    RENORMALISED: {"color": "#0072B2", "label": "fixed C, re-normalised", "marker": "o"},
    BOTH: {"color": "#007A5A", "label": "C by validation, re-normalised", "marker": "s", "linestyle": "--"},
}


def plot(results: pd.DataFrame) -> Figure:
    """Draw the loss against the dimensions kept under each protocol, and the norm that is left.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = losses(results)
    names = list(rows["features"].unique())
    figure, axes = style.panels(len(names) + 1, height=2.5, sharey=False)
    for ax, name in zip(axes, names, strict=False):
        for variant, look in _LOOKS.items():
            curve = rows[(rows["features"] == name) & (rows[VARIANT] == variant)]
            if len(curve):
                ax.plot(curve["share"], -curve["loss"], linewidth=1.8, ms=4.5, mec="white", mew=0.5, **look)
        ax.axhline(0, color="#888888", linewidth=0.8, zorder=0)
        ax.set(ylabel="points below full score")
    for name, marker in zip(names, "os^Dv", strict=False):
        left = rows[(rows["features"] == name) & (rows[VARIANT] == "")]
        axes[-1].plot(left["share"], 100 * left["norm"], marker, color="#444444", mfc="white", label=f"squared norm: {name}")
    share = np.array(sorted(rows["share"].unique()))
    axes[-1].plot(share, share, color="#888888", linewidth=1, label="as many percent as of the dimensions", zorder=0)
    axes[-1].set(ylabel="squared norm left (%)", yscale="log")
    for ax in axes:
        ax.set_xscale("log")
        ax.minorticks_off()
        ax.set_xticks(share, [f"{at:.0f}" for at in share])
        ax.set(xlabel="dimensions kept (%)")
    axes[-1].set_yticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
    style.close(figure, axes, [*names, "what random selection leaves of the squared norm"])
    return figure


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return scores, losses and the part of the loss that a protocol undoes, to a decimal."""
    rows = losses(results).rename(columns={"share": "dimensions (%)", VARIANT: "protocol", "undone": "loss undone (%)"})
    rows["protocol"] = rows["protocol"].replace("", "the paper's")
    rows["dimensions (%)"] = rows["dimensions (%)"].round().astype(int)
    columns = ["score", "loss", "loss undone (%)", "gain"]
    return rows.set_index(["features", "dimensions (%)", "protocol"])[columns].round(1)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    rows = losses(results)
    least = rows[rows["step"] == rows["step"].min()]
    said = [
        f"{row['features']}, {_LOOKS[row[VARIANT]]['label']}: {row['loss']:.1f} points" for row in least.to_dict("records")
    ]
    return (
        "What random selection loses against the dimensions kept, at a fixed C and at one chosen by validation, with and "
        "without re-normalising, and the squared norm that is left. Lost at "
        f"{100 * int(rows['step'].min()) // GRID}% of the dimensions: " + "; ".join(said) + "."
    )
