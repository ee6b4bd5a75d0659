"""Thinned: networks that lose their smallest weights without any training behind it, shared kernels and unshared ones.

From the table of `measure` to the chapter's figure of pruning.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.amplitude_phase.effects import name
from stressbook.chapters.weights.shared_kernels.depth import PANELS
from stressbook.chapters.weights.shared_kernels.effects import FORMS, means_of, order, with_forms
from stressbook.chapters.weights.shared_kernels.names import PRUNED
from stressbook.chapters.weights.shared_kernels.page import COLOURS, dataset_drawn
from stressbook.drawing import style


def lost(results: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy that is lost, in points.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Of the data set that is drawn: a row for each `form` and `seed`, a column for each percent of the weights.
    """
    rows = with_forms(results)
    rows = rows[rows["stress"].eq(PRUNED) & rows["dataset"].eq(dataset_drawn(results)) & rows["form"].isin(list(COLOURS))]
    wide = rows.pivot_table(index=["form", "seed"], columns="level", values="score")
    return wide.rsub(wide[0.0], axis=0)


def plot(results: pd.DataFrame) -> Figure:
    """Draw the accuracy lost against the share of the weights that is pruned."""
    table = lost(results)
    figure, axes = style.page_wide(2, height=2.8)
    for ax, forms in zip(axes, PANELS.values(), strict=True):
        for form in order(set(forms) & set(table.index.unique("form"))):
            rows, colour = table.loc[form], COLOURS[form]
            for _, one in rows.iterrows():
                ax.plot(table.columns, one, color=colour, linewidth=0.8, alpha=0.5)
            look = {"linestyle": "--" if "none" in form else "-"}
            ax.plot(table.columns, rows.mean(), color=colour, label=FORMS[form], **{**style.OURS, **look})
        ax.tick_params(labelsize=style.SMALL)
    axes[0].set_ylabel("accuracy lost (points)", fontsize=style.SMALL)
    figure.supxlabel("weights pruned (%)", fontsize=style.SMALL)
    style.add_titles_and_legend(figure, axes, list(PANELS), columns=2)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        f"{name(dataset_drawn(results))}: accuracy lost when the smallest weights of a trained network become zero, by "
        "their share, without training after. Thin lines are trainings; dashed networks share nothing."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = "; ".join(
        f"{FORMS[form]} {', '.join(f'{points:.1f} at {float(share):.0f}%' for share, points in row.items() if float(share))}"
        for form, row in means_of(lost(results)).items()
    )
    return f"Points of accuracy lost by the share of the weights pruned on {name(dataset_drawn(results))}. {said}."
