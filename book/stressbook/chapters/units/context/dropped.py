"""Dropped: layers without the channels of one dilation, against layers without as many random channels.

From the table of `measure` to the figure and sentences of the chapter's tie to the paper.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.amplitude_phase.effects import name
from stressbook.chapters.units.context.effects import CALLED, dataset_drawn, features, losses, with_forms
from stressbook.chapters.units.context.names import KEPT, KEPT_AT_RANDOM, SEPARATION, STAGES
from stressbook.chapters.units.context.page import COLOURS
from stressbook.chapters.units.context.seen import CONVOLUTIONS
from stressbook.drawing import style
from stressbook.drawing.outcomes import UNDECIDED, interval, spread


def lost(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`losses` on the data that are drawn, indexed by `form`, `seed`, `layer` and `level`."""
    table = losses(results)
    return table[table.index.get_level_values(0) == dataset_drawn(results)].droplevel(0)


def plot(results: pd.DataFrame) -> Figure:
    """Draw the accuracy lost by the dilation that goes, a panel for each stage."""
    table = lost(results)
    figure, axes = style.page_wide(len(STAGES), height=2.4, sharex=False)
    for ax, stage in zip(axes, STAGES, strict=True):
        for shift, form in ((-0.12, "plain"), (0.12, "context")):
            if form not in table.index.unique("form"):
                continue
            rows, colour = table.xs((form, stage), level=("form", "layer")), COLOURS[form]
            means, places = rows.groupby("level").mean(), rows.index.get_level_values("level") + shift
            ax.plot(places, rows["branch"], "o", color=colour, markersize=3.5, alpha=0.4, mew=0)
            look = {**style.OURS, "linestyle": "none", "markersize": 8}
            ax.plot(
                means.index + shift, means["branch"], color=colour, label=f"{CONVOLUTIONS[form]}: these channels", **look
            )
            ax.plot(
                means.index + shift,
                means["random"],
                "_",
                color=colour,
                markersize=16,
                mew=2.4,
                label=f"{CONVOLUTIONS[form]}: as many random ones",
            )
        style.draw_zero_line(ax)
        levels = sorted(table.xs(stage, level="layer").index.unique("level"))
        ax.set_xticks(levels, [f"{level:.0f}" for level in levels])
        ax.set_xlim(0.5, levels[-1] + 0.5)
        ax.tick_params(labelsize=style.SMALL)
    figure.supxlabel("dilation whose channels are zero", fontsize=style.SMALL)
    figure.supylabel("accuracy lost (points)", fontsize=style.SMALL)
    style.add_titles_and_legend(figure, axes, [f"stage {stage.removeprefix('layer')}" for stage in STAGES], columns=2)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        f"{name(dataset_drawn(results))}: accuracy lost when the channels of one dilation are zero (circles), or as many "
        "random channels of the layer (dashes). Small circles are trainings. A plain convolution loses the same channels."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    means = lost(results).groupby(["form", "layer", "level"]).mean()
    parts = []
    for form in CONVOLUTIONS:
        if form not in means.index.unique("form"):
            continue
        rows = means.loc[form].reset_index().to_dict("records")
        said = ", ".join(
            f"stage {row['layer'].removeprefix('layer')} dilation {row['level']:.0f} {row['branch']:.1f} against "
            f"{row['random']:.1f}"
            for row in rows
        )
        parts.append(f"{CALLED[form]}: {said}")
    return f"Points of accuracy lost without a dilation's channels, against random ones. {'. '.join(parts)}."


def by_stage(results: pd.DataFrame) -> str:
    """Say for each stage whether a branch is worth more than random channels, as a Markdown list."""
    table, lines = lost(results), []
    for stage in STAGES:
        said = []
        for form in CONVOLUTIONS:
            if form not in table.index.unique("form"):
                continue
            beyond = table.xs((form, stage), level=("form", "layer"))["beyond"].groupby("seed").mean()
            mean, low, high = interval(beyond)
            verdict = "**more**" if low > 0 else "**less**" if high < 0 else UNDECIDED
            said.append(f"{CALLED[form]} {spread(mean, low, high)} points, {verdict}")
        lines.append(f"- Stage {stage.removeprefix('layer')}: {'; '.join(said)}.")
    return "\n".join(lines)


def separations(results: pd.DataFrame) -> pd.DataFrame:
    """Return SI(5) of the contextual layers, whole, by dilation, and of as many random channels: means, to one decimal.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Of the data that are drawn, with the norm before the addition: a row for each stage and dilation.
    """
    rows = with_forms(results[results["metric"].eq(SEPARATION) & results["dataset"].eq(dataset_drawn(results))])
    rows = rows[rows["form"].eq("context")]
    whole = rows[rows["stress"].eq("none")].groupby("layer")["score"].mean()
    at_random = rows[rows["stress"].eq(KEPT_AT_RANDOM)].groupby(["layer", "level"])["score"].mean()
    branches = rows[rows["stress"].eq(KEPT)].groupby(["layer", "level"])[["dimensions", "score"]].mean()
    found = {
        (f"stage {str(row['layer']).removeprefix('layer')}", f"dilation {row['level']:.0f}"): {
            "channels": f"{row['dimensions']:.0f}",
            "alone": f"{row['score']:.1f}",
            "as many random ones": f"{at_random[row['layer'], row['level']]:.1f}",
            "all channels": f"{whole[row['layer']]:.1f}",
        }
        for row in branches.reset_index().to_dict("records")
    }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis(["layer", "branch"])


def features_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what an SVM scores on the features, whole and halved, means over trainings to one decimal."""
    means = features(results).groupby(["dataset", "form"]).mean()
    rows = [
        (dataset, form) for dataset in means.index.unique("dataset") for form in CALLED if (dataset, form) in means.index
    ]
    named = pd.MultiIndex.from_tuples(
        [(name(str(dataset)), CALLED[form]) for dataset, form in rows], names=["data", "network"]
    )
    columns = {
        "all": "all features",
        "dilation 1": "first half, dilation 1",
        "dilation 2": "second half, dilation 2",
        "random": "a random half",
        "pca": "as many principal components",
    }
    return means.loc[rows].set_axis(named)[list(columns)].rename(columns=columns).rename_axis(columns=None).round(1)
