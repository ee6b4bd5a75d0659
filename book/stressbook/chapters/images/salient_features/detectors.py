"""Detectors: how well attacked images are told from others, by what is looked at.

The second figure of the chapter's page.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.salient_features.effects import ATTACKS, LOOKED_AT, means, name
from stressbook.chapters.images.salient_features.names import AUC, BOTH, CONFIDENCE, MISSED, STATIC, STEP, WIDER
from stressbook.chapters.images.salient_features.page import COLOURS
from stressbook.drawing import style

SHOWN = (STATIC, STEP, WIDER, BOTH)
"""Attacks of the figure, in its order."""


def plot(results: pd.DataFrame) -> Figure:
    """Draw the area under the ROC curve of each detector by attack, a panel for each data set.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    found = means(results, AUC)
    datasets = list(found.index.unique("dataset"))
    figure, axes = style.panels(len(datasets), height=1.6)
    for ax, dataset in zip(axes, datasets, strict=True):
        for shift, (looks_at, words) in zip((-0.2, 0.0, 0.2), LOOKED_AT.items(), strict=True):
            values = [found.loc[(dataset, looks_at), attack] for attack in SHOWN]
            places = [place + shift for place in range(len(SHOWN))]
            ax.plot(values, places, "o", color=COLOURS[looks_at], markersize=6, label=words)
        ax.axvline(50, color="#888888", linewidth=0.8, zorder=0)
        ax.set_yticks(range(len(SHOWN)), [ATTACKS[one] for one in SHOWN], fontsize=style.SMALL)
        ax.set_ylim(len(SHOWN) - 0.5, -0.5)
        ax.set_xlim(-3, 103)
        ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
        ax.grid(visible=False, axis="y")
        ax.tick_params(labelsize=style.SMALL)
        ax.set_title(name(str(dataset)), fontsize=style.SMALL, fontweight="bold", loc="left")
    axes[-1].set_xlabel("area under the ROC curve (%); 50 is a guess", fontsize=style.SMALL)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=1, frameon=False, fontsize=style.SMALL)
    return figure


CAPTION = (
    "How well a detector tells attacked images from others, by what it looks at. To the right is better. The last attack of "
    "each panel goes through the filter and past the detector."
)


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    found = means(results, AUC)
    parts = []
    for dataset in found.index.unique("dataset"):
        said = "; ".join(
            f"{ATTACKS[attack]}: "
            + ", ".join(f"{words} {found.loc[(dataset, looks_at), attack]:.0f}" for looks_at, words in LOOKED_AT.items())
            for attack in SHOWN
        )
        parts.append(f"{name(str(dataset))}: {said}")
    return f"Area under the ROC curve of three detectors, in percent. {'. '.join(parts)}."


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return AUC and missed images by data set and detector, a column for each attack: means over trainings."""
    parts = {}
    for metric, words in ((AUC, "AUC"), (MISSED, "missed")):
        parts[words] = means(results, metric)[list(SHOWN)].rename(columns=ATTACKS)
    both = pd.concat(parts, names=["measure"]).reorder_levels(["dataset", "measure", "filter"])
    order = [(data, words, one) for data in dict.fromkeys(results["dataset"]) for words in parts for one in LOOKED_AT]
    both = both.reindex(pd.MultiIndex.from_tuples(order, names=both.index.names))
    return (
        both.rename(index=name, level="dataset").rename(index=LOOKED_AT, level="filter").rename_axis(columns=None).round(1)
    )


def turned(results: pd.DataFrame) -> str:
    """Say where the attack makes the network surer than it is of benign images, so that its confidence misleads."""
    found = means(results, AUC)[STATIC]
    parts = [
        f"{name(str(dataset))} {100 - found[dataset, CONFIDENCE]:.0f}%"
        for dataset in found.index.unique("dataset")
        if found[dataset, CONFIDENCE] < 50
    ]
    if not parts:
        return ""
    return (
        "An area below 50% says that attacked images look more benign than benign ones: PGD makes the network surer. Turned "
        f"round, the largest probability would find this attack with an area of {', '.join(parts)}, and miss others."
    )
