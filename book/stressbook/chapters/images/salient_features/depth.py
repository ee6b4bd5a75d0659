"""Depth: how far an attack undoes the separation of classes, layer by layer.

The third figure of the chapter's page.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.salient_features.effects import name, separation
from stressbook.chapters.images.salient_features.names import BENIGN, STATIC
from stressbook.drawing import style

LOOKS = {BENIGN: ("#6F6F6F", "no attack"), STATIC: ("#D0342C", "PGD")}
"""Colour and name of each curve."""


def plot(results: pd.DataFrame) -> Figure:
    """Draw the separation index by layer, without and with an attack, a panel for each data set.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    found = separation(results)
    datasets = list(found.index.unique("dataset"))
    figure, axes = style.panels(len(datasets), height=1.5, sharex=False)
    for ax, dataset in zip(axes, datasets, strict=True):
        part = found.loc[dataset]
        for attack, (colour, words) in LOOKS.items():
            ax.plot(range(len(part)), part[attack], color=colour, label=words, **style.OURS)
        ax.set_xticks(range(len(part)), [str(layer) for layer in part.index], fontsize=style.SMALL)
        ax.tick_params(labelsize=style.SMALL)
        ax.set_ylim(-3, 103)
    figure.supylabel("separation index (%)", fontsize=11)
    for ax, dataset in zip(axes, datasets, strict=True):
        ax.set_title(name(str(dataset)), fontsize=style.SMALL, fontweight="bold", loc="left")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=style.SMALL)
    return figure


CAPTION = (
    "Share of test images whose nearest neighbour in a layer is of their class, from the pixels to the last vectors. The "
    "attack is the one on the network without a defence."
)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    parts = []
    for dataset, part in separation(results).groupby(level="dataset", sort=False):
        rows = part.droplevel("dataset")
        said = ", ".join(f"{layer} {row[BENIGN]:.0f} and {row[STATIC]:.0f}%" for layer, row in rows.iterrows())
        parts.append(f"{name(str(dataset))}: {said}")
    return f"Separation index by layer, without an attack and under PGD. {'. '.join(parts)}."


def verdict(results: pd.DataFrame) -> str:
    """Say where the attack shows most, as a Markdown list."""
    lines = []
    for dataset, part in separation(results).groupby(level="dataset", sort=False):
        lost = (part[BENIGN] - part[STATIC]).droplevel("dataset")
        first, last = lost.index[0], lost.index[-1]
        rising = "more in each layer than in the one before" if lost.is_monotonic_increasing else f"most in {lost.idxmax()}"
        lines.append(
            f"- {name(str(dataset))}: the attack takes {lost[first]:.1f} points of the index in the pixels and "
            f"{lost[last]:.1f} in the last vectors, {rising}."
        )
    return "\n".join(lines)
