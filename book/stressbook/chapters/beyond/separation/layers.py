"""Layers: the index against depth, in networks with their training and before it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.beyond.separation.panels import grid
from stressbook.chapters.beyond.separation.small_networks import SMOOTHNESS, UNTRAINED
from stressbook.drawing import style
from stresslib.evaluation.separation import INDICES

GROWN = 1.0
"""Points by which an index is to differ between the first layer and the last, to be said to rise or fall."""

_LOOKS = {
    "SI": ("#111111", "o"),
    "SI(5)": ("#7B3FA0", "s"),
    "CSI": ("#C98A00", "^"),
    "SmI": ("#111111", "D"),
    "SmI(5)": ("#7B3FA0", "P"),
    "exponential SmI": ("#1B8A8F", "v"),
}

_NAMES = {
    "efficientnet-lite0": "EfficientNet-Lite0",
    "mlp": "small network",
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
        One row a network's layer and index: `dataset`, `network` (without the mark of an untrained one), `trained`,
        `layer`, `place` (0 is the first layer), `metric`, `score`. Networks with one layer are left out.
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
    """Say of each network and index how it goes from the first layer to the last.

    Returns
    -------
    pandas.DataFrame
        One row a network and index: `first`, `last`, `change` in points, `order` (rank correlation with depth) and `trend`:
        ``"rises"`` or ``"falls"`` where the change is more than a point and the ranks go that way too, ``"stays level"``
        where it is not more, else ``"goes up and down"``.
    """
    rows = []
    for (dataset, network, trained, metric), part in depth(results).groupby(
        ["dataset", "network", "trained", "metric"], sort=False
    ):
        first, last = part["score"].iloc[0], part["score"].iloc[-1]
        order = float(part["score"].corr(part["place"], method="spearman"))
        change = last - first
        trend = "stays level" if abs(change) <= GROWN else "goes up and down"
        if abs(change) > GROWN and change * order > 0:
            trend = "rises" if change > 0 else "falls"
        at = {"dataset": dataset, "network": network, "trained": trained, "metric": metric}
        rows.append({**at, "first": first, "last": last, "change": change, "order": order, "trend": trend})
    return pd.DataFrame(rows)


def called(dataset: str, network: str) -> str:
    name = f"{_NAMES.get(network, network)}, {_NAMES.get(dataset, dataset)}"
    return f"{name} (regression)" if dataset == "diabetes" else name


def in_words(results: pd.DataFrame, smooth: bool = False) -> str:
    """Say where an index rises with depth, trained and untrained, as a Markdown list.

    Parameters
    ----------
    results : pandas.DataFrame
    smooth : bool, default=False
        Whether of the smoothness indices, instead of the separation indices.
    """
    lines = []
    table = trends(results)
    table = table[table["metric"].isin(SMOOTHNESS if smooth else INDICES)]
    for (dataset, network), rows in table.groupby(["dataset", "network"], sort=False):
        parts = []
        for trained, kind in rows.sort_values("trained", ascending=False, kind="stable").groupby("trained", sort=False):
            said = [
                f"{row['metric']} {'**' + row['trend'] + '**' if trained else row['trend']} "
                f"({row['first']:.1f} to {row['last']:.1f})"
                for row in kind.to_dict("records")
            ]
            parts.append(f"{'trained' if trained else 'untrained'}, {', '.join(said)}")
        lines.append(f"- {called(str(dataset), str(network))}: {'; '.join(parts)}.")
    return "\n".join(lines)


def plot(results: pd.DataFrame) -> Figure:
    """Draw the index against depth, a panel a network: filled and thick trained, open and dashed before training.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = depth(results)
    panels = list(table.groupby(["dataset", "network"], sort=False))
    count = -(-len(panels) // 2)
    figure, axes = grid(count, 2, 2.5)
    for ax, ((dataset, network), rows) in zip(axes, panels, strict=False):
        for (trained, metric), curve in rows.groupby(["trained", "metric"], sort=False):
            colour, marker = _LOOKS[str(metric)]
            look = {**style.OURS, "linewidth": 2} if trained else {**style.PAPER, "linestyle": (0, (4, 2))}
            ax.plot(curve["place"], curve["score"], color=colour, **{**look, "marker": marker})
        names = rows.drop_duplicates("place").sort_values("place")["layer"]
        ax.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize="small")
        ax.set_title(called(str(dataset), str(network)), fontsize="small", fontweight="bold")
        ax.set_ylim(0, 103)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax in axes[::2]:
        ax.set_ylabel("index (%)")
    used = [name for name in _LOOKS if name in set(table["metric"])]
    handles: list[Any] = [
        axes[0].plot([], [], color=_LOOKS[name][0], **{**style.OURS, "linewidth": 2, "marker": _LOOKS[name][1]})[0]
        for name in used
    ]
    handles.append(axes[0].plot([], [], color="#555555", **{**style.PAPER, "linestyle": (0, (4, 2))})[0])
    figure.legend(
        handles, [*used, "the same, before training"], loc="outside lower center", ncols=4, frameon=False, fontsize="small"
    )
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of the layers in words, from its data."""
    said = "\n".join([in_words(results), in_words(results, smooth=True)])
    plain = said.strip().replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Indices against depth, one panel a network, trained and untrained; first and last layer in percent. {plain}"
