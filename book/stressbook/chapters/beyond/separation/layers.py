"""Layers: the indices against depth, in networks after their training and before it.

The second figure of the chapter's page; reads the rows of `measure` that have no stress.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.beyond.separation.small_networks import SMOOTHNESS
from stressbook.drawing import style
from stresslib.features import UNTRAINED
from stresslib.running.separation_sweep import INDICES

GROWN = 1.0
"""Points by which an index has to change from the first layer to the last to be said to rise or fall."""

_LOOKS = {
    "SI": ("#111111", "o"),
    "SI(5)": ("#7B3FA0", "s"),
    "CSI": ("#C98A00", "^"),
    "SmI": ("#111111", "D"),
    "SmI(5)": ("#7B3FA0", "P"),
    "exponential SmI": ("#1B8A8F", "v"),
}
"""Colour and marker of each index."""

_TRAINED = {**style.OURS, "linewidth": 2}
_UNTRAINED = {**style.PAPER, "linestyle": (0, (4, 2))}

_DISPLAY_NAMES = {
    "efficientnet-lite0": "EfficientNet-Lite0",
    "mlp": "small network",
    "voc2007-val": "VOC 2007",
    "caltech101": "Caltech-101",
    "scenes15": "15-Scenes",
}


def depth(results: pd.DataFrame) -> pd.DataFrame:
    """Return the index of each layer, before any stress, as a mean over repeats.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each layer and index of a network: `dataset`, `network` (without the ending of an untrained one),
        `trained`, `layer`, `place` (0 is the first layer), `metric`, `score`. Networks with one layer are left out.
    """
    rows = results[results["stress"].eq("none") & results["metric"].isin(_LOOKS)]
    key = ["dataset", "model", "layer", "metric"]
    table = rows.groupby(key, sort=False)["score"].mean().reset_index()
    table["network"] = table["model"].str.removesuffix(UNTRAINED)
    table["trained"] = ~table["model"].str.endswith(UNTRAINED)
    table["place"] = table.groupby(["dataset", "model", "metric"], sort=False).cumcount()
    several = table.groupby(["dataset", "model", "metric"])["layer"].transform("size") > 1
    return table[several].reset_index(drop=True)


def trends(results: pd.DataFrame) -> pd.DataFrame:
    """Classify how each index of a network changes from the first layer to the last.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each network and index: `first`, `last`, `change` in points, `order` (rank correlation with depth) and
        `trend`: ``"stays level"`` if the change is at most a point; ``"rises"`` or ``"falls"`` if it is more and the rank
        correlation has its sign; otherwise ``"goes up and down"``.
    """
    rows = []
    for (dataset, network, trained, metric), part in depth(results).groupby(
        ["dataset", "network", "trained", "metric"], sort=False
    ):
        first, last = part["score"].iloc[0], part["score"].iloc[-1]
        order = float(part["score"].corr(part["place"], method="spearman"))
        change = last - first
        if abs(change) <= GROWN:
            trend = "stays level"
        elif change * order > 0:
            trend = "rises" if change > 0 else "falls"
        else:
            trend = "goes up and down"
        curve = {"dataset": dataset, "network": network, "trained": trained, "metric": metric}
        rows.append({**curve, "first": first, "last": last, "change": change, "order": order, "trend": trend})
    return pd.DataFrame(rows)


def network_name(dataset: str, network: str) -> str:
    """Return the name of a network and its data in titles and sentences.

    Examples
    --------
    >>> from stressbook.chapters.beyond.separation.layers import network_name
    >>> network_name("caltech101", "efficientnet-lite0")
    'EfficientNet-Lite0, Caltech-101'
    """
    name = f"{_DISPLAY_NAMES.get(network, network)}, {_DISPLAY_NAMES.get(dataset, dataset)}"
    return f"{name} (regression)" if dataset == "diabetes" else name


def verdicts(results: pd.DataFrame, smoothness: bool = False) -> str:
    """Say where an index rises with depth, in trained and untrained networks, as a Markdown list.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    smoothness : bool, default=False
        Whether of the smoothness indices, instead of the separation indices.

    Returns
    -------
    str
    """
    lines = []
    table = trends(results)
    table = table[table["metric"].isin(SMOOTHNESS if smoothness else INDICES)]
    for (dataset, network), rows in table.groupby(["dataset", "network"], sort=False):
        parts = []
        for trained, kind in rows.sort_values("trained", ascending=False, kind="stable").groupby("trained", sort=False):
            said = [
                f"{row['metric']} {'**' + row['trend'] + '**' if trained else row['trend']} "
                f"({row['first']:.1f} to {row['last']:.1f})"
                for row in kind.to_dict("records")
            ]
            parts.append(f"{'trained' if trained else 'untrained'}, {', '.join(said)}")
        lines.append(f"- {network_name(str(dataset), str(network))}: {'; '.join(parts)}.")
    return "\n".join(lines)


def panel_grid(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """Make panels in rows and columns, in the look of the book.

    Parameters
    ----------
    rows, columns : int
    height : float
        Of a row, in inches.
    **options : Any
        As :func:`stressbook.drawing.style.panels` takes them.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : list of matplotlib.axes.Axes
        Row by row.
    """
    figure, axes = style.panels(rows * columns, height=height / columns, **options)
    grid = figure.add_gridspec(rows, columns)
    for place, ax in enumerate(axes):
        ax.set_subplotspec(grid[divmod(place, columns)])
        if options.get("sharey", True) and place % columns:
            ax.tick_params(labelleft=False)
    return figure, axes


def plot(results: pd.DataFrame) -> Figure:
    """Draw the indices against depth, a panel a network: filled and thick after training, open and dashed before it.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = depth(results)
    panels = list(table.groupby(["dataset", "network"], sort=False))
    figure, axes = panel_grid(math.ceil(len(panels) / 2), 2, 2.5)
    for ax, ((dataset, network), rows) in zip(axes, panels, strict=False):
        for (trained, metric), curve in rows.groupby(["trained", "metric"], sort=False):
            colour, marker = _LOOKS[str(metric)]
            look = _TRAINED if trained else _UNTRAINED
            ax.plot(curve["place"], curve["score"], color=colour, **{**look, "marker": marker})
        names = rows.drop_duplicates("place").sort_values("place")["layer"]
        ax.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize="small")
        ax.set_title(network_name(str(dataset), str(network)), fontsize="small", fontweight="bold")
        ax.set_ylim(0, 103)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax in axes[::2]:
        ax.set_ylabel("index (%)")
    used = [name for name in _LOOKS if name in set(table["metric"])]
    handles: list[Any] = [
        axes[0].plot([], [], color=_LOOKS[name][0], **{**_TRAINED, "marker": _LOOKS[name][1]})[0] for name in used
    ]
    handles.append(axes[0].plot([], [], color="#555555", **_UNTRAINED)[0])
    figure.legend(
        handles, [*used, "the same, before training"], loc="outside lower center", ncols=4, frameon=False, fontsize="small"
    )
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of the layers in words, from its data."""
    said = "\n".join([verdicts(results), verdicts(results, smoothness=True)])
    plain = said.strip().replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Indices against depth, one panel a network, trained and untrained; first and last layer in percent. {plain}"
