"""Depth: how far classes are apart, layer by layer, in networks that share a kernel and in networks that do not.

From the table of `measure` to the chapter's figure of SI(5) by layer.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.amplitude_phase.effects import name
from stressbook.chapters.weights.shared_kernels.effects import FORMS, means_of, order, with_forms
from stressbook.chapters.weights.shared_kernels.names import SEPARATION
from stressbook.chapters.weights.shared_kernels.page import COLOURS, dataset_drawn
from stressbook.drawing import style
from stresslib.training.vectors import LAYER

PANELS = {"of one width": ("plain", "regulated", "none"), "widening": ("mixed", "mixed-regulated", "mixed-none")}
"""Forms that are compared: each with the network of its widths that shares nothing."""


def by_layer(results: pd.DataFrame) -> pd.DataFrame:
    """Return SI(5) of the data set that is drawn, in percent.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `form` and `seed`, a column for each layer, from the input to the features.
    """
    rows = with_forms(results)
    rows = rows[rows["metric"].eq(SEPARATION) & rows["dataset"].eq(dataset_drawn(results))]
    wide = rows.pivot_table(index=["form", "seed"], columns="layer", values="score", sort=False)
    return wide[list(dict.fromkeys(rows["layer"]))]


def plot(results: pd.DataFrame) -> Figure:
    """Draw SI(5) along the layers: means over trainings, and a thin line for each."""
    table = by_layer(results)
    figure, axes = style.page_wide(2, height=3.0)
    layers = list(table.columns)
    for ax, forms in zip(axes, PANELS.values(), strict=True):
        for form in order(set(forms) & set(table.index.unique("form"))):
            rows, colour = table.loc[form], COLOURS[form]
            for _, one in rows.iterrows():
                ax.plot(range(len(layers)), one, color=colour, linewidth=0.8, alpha=0.5)
            look = {"linestyle": "--" if "none" in form else "-"}
            ax.plot(range(len(layers)), rows.mean(), color=colour, label=FORMS[form], **{**style.OURS, **look})
        ax.set_xticks(range(len(layers)), [_short(layer) for layer in layers], fontsize=style.SMALL)
        ax.tick_params(labelsize=style.SMALL)
    axes[0].set_ylabel("SI(5), %", fontsize=style.SMALL)
    figure.supxlabel("layer", fontsize=style.SMALL)
    style.add_titles_and_legend(figure, axes, list(PANELS), columns=2)
    return figure


def _short(layer: str) -> str:
    return {"input": "in", "first": "1st", LAYER: "out"}.get(layer, layer.removeprefix("block-"))


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        f"{name(dataset_drawn(results))}: the share of test images whose five nearest neighbours all show the same class, "
        "by layer: the images (in), the first layer, the eight blocks, and the features (out). Thin lines are trainings."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    means = means_of(by_layer(results))
    said = "; ".join(
        f"{FORMS[form]} {row['first']:.1f}% behind the first layer, at most {max(row.values()):.1f}%, {row[LAYER]:.1f}% in "
        "the features"
        for form, row in means.items()
        if form in COLOURS
    )
    return f"SI(5) by layer on {name(dataset_drawn(results))}. {said}."


def verdicts(results: pd.DataFrame) -> str:
    """Say at which layer each form is best, as a Markdown list."""
    lines = []
    for form, row in means_of(by_layer(results)).items():
        best = max((layer for layer in row if layer != "input"), key=lambda layer: row[layer])
        place = {"first": "behind the first layer", LAYER: "in the features"}.get(
            best, f"behind block {best.removeprefix('block-')} of 8"
        )
        said = FORMS[form]
        lines.append(f"- {said[0].upper()}{said[1:]}: highest {place}, {row[best]:.1f}%; features {row[LAYER]:.1f}%.")
    return "\n".join(lines)
