"""Figure 2: what is left of the score with fewer dimensions, drawn at random (DR-1) or by principal components (DR-2).

The paper's own Figure 2 has DR-1 on VGG-M, GoogLeNet and BossaNova, and DR-2 on VGG-M; its VGG-M curves are drawn here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stresslib.figures import style
from stresslib.published import GRID, grid_dimensions, published, with_shares

STRESSES = ("random-selection", "pca")


def specs(n_features: int, steps: Iterable[int] = range(1, GRID + 1), n_train: int | None = None) -> list[str]:
    """Return the stresses of the figure.

    Parameters
    ----------
    n_features : int
    steps : iterable of int, default=range(1, 21)
        Places on the paper's grid, in twentieths of the full vector.
    n_train : int, optional
        Training rows: principal components beyond that many do not exist, and are left out.

    Returns
    -------
    list of str
        ``"none"`` first.
    """
    sizes = [grid_dimensions(n_features)[step - 1] for step in steps]
    components = [size for size in sizes if n_train is None or size <= n_train]
    return ["none", *(f"DR1:{size}" for size in sizes), *(f"DR2:{size}" for size in components)]


def reference() -> pd.DataFrame:
    """Return the published curves that the figure draws: VGG-M on VOC 2007."""
    table = with_shares(published())
    return table[(table["source"] == "figure-2") & (table["model"] == "vgg-m")]


def plot(results: pd.DataFrame) -> Figure:
    """Draw a results table over the published curves, in percent of each curve's full score.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`specs`, one feature set or several: a panel each. The band is the population standard deviation over
        repeats, as in the paper.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shares, paper = with_shares(results), reference()
    drawn = list(style.sets(shares))
    figure, axes = style.panels(len(drawn))
    for ax, (_, rows) in zip(axes, drawn, strict=True):
        for stress in STRESSES:
            theirs = paper[paper["stress"] == stress]
            ax.plot(
                100 * theirs["dimensions"] / theirs["n_features"],
                theirs["kept"],
                color=style.COLOURS[stress],
                label=f"{style.LABELS[stress].split()[0]}, paper: VGG-M on VOC 2007",
                **style.PAPER,
            )
            _draw_ours(ax, rows[rows["stress"] == stress], stress)
        width = int(rows["n_features"].iloc[0])
        ax.set(xlabel="dimensions kept (%)", xlim=(0, 102))
        ax.set_ylim(top=max(103, ax.get_ylim()[1]))
        top = ax.secondary_xaxis("top", functions=(partial(np.multiply, width / 100), partial(np.multiply, 100 / width)))
        top.set_xlabel(f"dimensions kept, of {width}", fontsize="small")
        top.tick_params(labelsize="small")
    style.finish(figure, axes, [title for title, _ in drawn])
    return figure


def _draw_ours(ax: Axes, rows: pd.DataFrame, stress: str) -> None:
    shares = 100 * rows["dimensions"].astype(float) / rows["n_features"].astype(float)
    kept = rows.groupby(shares)["kept"]
    mean, deviation = kept.mean(), kept.std(ddof=0).fillna(0)
    label = f"{style.LABELS[stress]}, ours"
    if kept.size().max() > 1:
        label += f" (± SD of {kept.size().max()} draws)"
        ax.fill_between(mean.index, mean - deviation, mean + deviation, color=style.COLOURS[stress], alpha=0.25, linewidth=0)
    ax.plot(mean.index, mean, color=style.COLOURS[stress], label=label, **style.OURS)
    tenth = mean[mean.index <= 10].tail(1)
    for share, height in zip(tenth.index, tenth, strict=True):
        style.mark(ax, share, height, stress, (7, -11) if stress == STRESSES[0] else (-6, 8))


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the kept shares at 5, 10, 25 and 50% of the dimensions, ours and the paper's.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        Columns are percent of the dimensions.
    """
    steps = [1, 2, 5, 10]
    small = style.comparison(with_shares(results), reference(), "step", steps)
    return small.set_axis([f"{100 * step // GRID}% of dimensions" for step in steps], axis=1)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    str
    """
    at = "10% of dimensions"
    kept = table(results)[at].dropna()
    parts = [f"{features}: {stress} {share:.1f}%" for (stress, features), share in zip(kept.index, kept, strict=True)]
    return (
        "Line plot of the share of the full score that is kept against the share of dimensions kept, random selection and "
        f"principal components, the paper's curves beside ours. At {at} the score kept is " + "; ".join(parts) + "."
    )


def verdicts(agreement: pd.DataFrame) -> str:
    """Say where our curves agree with the published ones, as a Markdown list; `agreement` is the points' table."""
    return style.verdicts(agreement, "step", lambda step: f"{100 * step // GRID}% of the dimensions")
