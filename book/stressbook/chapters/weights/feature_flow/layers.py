"""Layers: how far features move, how much they turn, how many dimensions they fill and how well they separate, by depth.

From the table of `measure` to the chapter's second figure and what is said of it.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.weights.feature_flow.choice import chosen
from stressbook.chapters.weights.feature_flow.names import (
    ANGLE,
    DIMENSIONS,
    LENGTH,
    PARTICIPATION,
    RELATIVE,
    SECOND,
    SEPARATION,
)
from stressbook.chapters.weights.feature_flow.page import COLOURS, networks_drawn
from stressbook.chapters.weights.feature_flow.scores import COMPARED, METHODS, network_name, networks, order, usual
from stressbook.drawing import style
from stressbook.drawing.outcomes import UNDECIDED, interval, spread

PANELS = {
    RELATIVE: "length of a step / size (%)",
    ANGLE: "turn (degrees)",
    DIMENSIONS: "dimensions for 90% (% of channels)",
    SEPARATION: "separation SI(5) (%)",
}
"""What the panels show, and what they are called."""


def by_depth(results: pd.DataFrame, dataset: str, model: str) -> pd.DataFrame:
    """Return what was measured of each layer of a network.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    dataset, model : str

    Returns
    -------
    pandas.DataFrame
        A row for each `method`, `seed`, `place` and `layer`; a column for each metric. Turns are degrees.
    """
    best = chosen(results)
    best = best[best["dataset"].eq(dataset) & best["model"].eq(model)]
    methods = best[best["epochs"].eq(best["epochs"].min())].set_index("variant")["method"]
    rows = results[results["dataset"].eq(dataset) & results["model"].eq(model) & results["variant"].isin(methods.index)]
    rows = rows[~rows["layer"].isin(["logits", "features"])]
    places = rows["layer"].str.partition(" ")
    rows = rows.assign(method=rows["variant"].map(methods), place=places[0].astype(int), layer=places[2])
    wide = rows.pivot_table(index=["method", "seed", "place", "layer"], columns="metric", values="score")
    return wide.assign(**{ANGLE: 1.8 * wide[ANGLE]})


def plot(results: pd.DataFrame) -> Figure:
    """Draw length, turn, dimensions and separation by depth, of the first network that is drawn.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = by_depth(results, *networks_drawn(results)[0])
    figure, axes = style.page_wide(len(PANELS), height=2.3, sharey=False)
    for ax, metric in zip(axes, PANELS, strict=True):
        for method in order(table.index.unique("method")):
            if method not in COMPARED:
                continue
            wide = table.xs(method, level="method")[metric].groupby(["place", "seed"]).mean().unstack("seed")  # noqa: PD010
            wide = wide.dropna(how="all")
            ax.plot(wide.index, wide, color=COLOURS[method], linewidth=0.8, alpha=0.55)
            ax.plot(wide.index, wide.mean(axis=1), color=COLOURS[method], label=METHODS[method], **style.OURS)
        ax.set_ylim(0, 1.08 * ax.dataLim.y1)
        ax.tick_params(labelsize=style.SMALL)
    for ax in axes[-2:]:
        ax.set_xlabel("layer", fontsize=style.SMALL)
        ax.set_xticks(sorted(table.index.unique("place")))
    style.add_titles_and_legend(figure, axes, list(PANELS.values()), columns=3)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        f"{network_name(*networks_drawn(results)[0])}, layer by layer, on test images. A step is that to the layer; a turn "
        "is between the step to it and the step from it. For dimensions and separation, features are averaged over places. "
        "Thin lines are trainings, thick ones means."
    )


def table(results: pd.DataFrame, dataset: str, model: str) -> pd.DataFrame:
    """Return length, turn and second differences by layer, of weight decay and of feature flow: means, to one decimal."""
    means = by_depth(results, dataset, model).groupby(["method", "place", "layer"]).mean()
    columns = [LENGTH, RELATIVE, SECOND, ANGLE, DIMENSIONS, PARTICIPATION, SEPARATION]
    parts = {
        METHODS[method]: means.xs(method, level="method")[columns].droplevel("place")
        for method in order(means.index.unique("method"))
        if method in ("plain", "flow")
    }
    return (
        pd.concat(parts, names=["trained with"]).rename(columns={ANGLE: "turn (degrees)"}).rename_axis(columns=None).round(1)
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say whether fewer dimensions are filled, and classes better apart, in the mean over layers, as a Markdown list."""
    lines = []
    for dataset, model in networks(usual(results)):
        means = by_depth(results, dataset, model).groupby(["method", "seed"])[[DIMENSIONS, SEPARATION]].mean()
        if "flow" not in means.index.unique("method") or "plain" not in means.index.unique("method"):
            continue
        moved = pd.DataFrame(means.xs("flow", level="method")).sub(means.xs("plain", level="method"))
        said = []
        for metric, words in ((DIMENSIONS, ("fewer", "more")), (SEPARATION, ("worse", "better"))):
            mean, low, high = interval(moved[metric].dropna())
            verdict = f"**{words[0]}**" if high < 0 else f"**{words[1]}**" if low > 0 else UNDECIDED
            what = "dimensions for 90% of the variance" if metric == DIMENSIONS else "separation"
            said.append(f"{what} {spread(mean, low, high)} points, {verdict}")
        lines.append(f"- {network_name(dataset, model)}, feature flow against weight decay: {'; '.join(said)}.")
    return "\n".join(lines) or "- Not measured in this run."


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    dataset, model = networks_drawn(results)[0]
    means = by_depth(results, dataset, model).groupby(["method", "place"]).mean()
    parts = []
    for metric, title in PANELS.items():
        lines = []
        for method in order(means.index.unique("method")):
            if method in COMPARED:
                values = means.xs(method, level="method")[metric].dropna()
                lines.append(f"{METHODS[method]} {', '.join(f'{value:.0f}' for value in values)}")
        parts.append(f"{title}: {'; '.join(lines)}")
    return f"Four panels by layer, {network_name(dataset, model)}. {'. '.join(parts)}."
