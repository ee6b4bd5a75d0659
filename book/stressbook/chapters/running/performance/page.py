"""Performance: what extraction, solver, codec and training cost beside named peers, and how the solver's time grows.

It reads the tables under benchmarks/results and draws them; nothing is measured here.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.drawing import style

PARTS = ("setting", "grids", "memory", "agreement", "scaling")
"""Tables of the solver's benchmark."""

ALIKE = 0.999
"""The least cosine with the plain loop's vectors at which a way of extraction counts."""

WAYS = {
    "plain PyTorch": "#444444",
    "timm": "#AA4499",
    "ONNX Runtime": "#007A5A",
    "OpenVINO": "#0072B2",
    "stresslib, torch": "#D55E00",
    "stresslib, openvino": "#0072B2",
}
"""Colours of the ways of extraction; OpenVINO has one, by itself and in ours, which is thick."""

GOAL = 2.0
"""How many times as fast as a plain loop training was meant to be."""


def tables(folder: str | Path) -> dict[str, pd.DataFrame]:
    """Read the tables of the solver's benchmark.

    Parameters
    ----------
    folder : path-like
        With ``solver-PART.csv`` for each part.

    Returns
    -------
    dict of str to pandas.DataFrame

    Raises
    ------
    FileNotFoundError
        When a table is missing; the message has the command that makes it.
    """
    found = {}
    for part in PARTS:
        path = Path(folder) / f"solver-{part}.csv"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; 'python benchmarks/solver.py {part}' writes it")
        found[part] = pd.read_csv(path)
    return found


def codec(folder: str | Path) -> pd.DataFrame:
    """Read the table of the codec's benchmark beside faiss.

    Parameters
    ----------
    folder : path-like
        With ``codec-faiss.csv``.

    Returns
    -------
    pandas.DataFrame
        Empty where it was not measured.
    """
    path = Path(folder) / "codec-faiss.csv"
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()


def codec_headline(table: pd.DataFrame) -> str:
    """Say how fast the codec is beside faiss; where :func:`codec` found no table, say which command measures it."""
    if table.empty:
        return "Not measured on this machine: `python benchmarks/codec.py faiss` does."
    slower = table[table["ratio"] < 1]
    names = ", ".join(f"{row['peer']} {row['what']} {row['ratio']:.2f}" for row in slower.to_dict("records"))
    if slower.empty:
        said = f"at least {table['ratio'].min():.1f} times as fast as faiss's scalar quantizer at equal bits"
    elif len(slower) < len(table):
        faster = table.loc[table["ratio"] >= 1, "ratio"]
        said = (
            f"{faster.min():.1f} to {faster.max():.1f} times as fast as faiss's scalar quantizer at equal bits, but not "
            f"everywhere (ours over the peer's: {names})"
        )
    else:
        said = f"slower than faiss's scalar quantizer at equal bits (ours over the peer's: {names})"
    return f"**The codec is {said}.**"


def training(folder: str | Path) -> dict[str, pd.DataFrame]:
    """Read the tables of the benchmark of training.

    Parameters
    ----------
    folder : path-like
        With ``training-speed.csv`` and ``training-shares.csv``.

    Returns
    -------
    dict of str to pandas.DataFrame
        Keys ``speed`` and ``shares``; empty unless both were measured.
    """
    paths = {part: Path(folder) / f"training-{part}.csv" for part in ("speed", "shares")}
    return {part: pd.read_csv(path) for part, path in paths.items()} if all(p.is_file() for p in paths.values()) else {}


def training_headline(measured: dict[str, pd.DataFrame]) -> str:
    """Say how fast training is beside a plain loop, and what keeps it from being faster; or which command measures it.

    Parameters
    ----------
    measured : dict of str to pandas.DataFrame
        As returned by :func:`training`.
    """
    if not measured:
        return "Not measured on this machine: `python benchmarks/training.py` does."
    speed, shares = measured["speed"], measured["shares"]
    ratios = {way: ratio for way, ratio in zip(speed["way"], speed["ratio"], strict=True) if not way.startswith("plain")}
    best, threads = max(ratios, key=lambda way: ratios[way]), speed["threads"].iloc[0]
    share = dict(zip(shares["operation"], shares["share"], strict=True))["convolution"]
    faster = shares["1 thread, s"].sum() / shares["threads, s"].sum()
    goal = "at least twice" if ratios[best] >= GOAL else "**not twice**"
    return (
        f"**Training sees {ratios[best]:.2f} times as many images a second as a plain loop** ({best}), {goal} as many. "
        f"In float32, convolutions, the same as in the plain loop, take {100 * share:.0f} % of our time: were all else "
        f"free, the ratio would be {ratios['fit, memory kept'] / share:.1f}. {threads} threads are {faster:.2f} times as "
        "fast as one."
    )


def extraction(folder: str | Path) -> dict[str, pd.DataFrame]:
    """Read the tables of the benchmark of extraction.

    Parameters
    ----------
    folder : path-like
        With ``extraction-speed.csv`` and ``extraction-shares.csv``.

    Returns
    -------
    dict of str to pandas.DataFrame
        Keys ``speed`` and ``shares``; empty unless both were measured.
    """
    paths = {part: Path(folder) / f"extraction-{part}.csv" for part in ("speed", "shares")}
    return {part: pd.read_csv(path) for part, path in paths.items()} if all(p.is_file() for p in paths.values()) else {}


def extraction_headline(measured: dict[str, pd.DataFrame]) -> str:
    """Say how fast extraction is beside the fastest peer, on which machine; or which command measures it.

    Parameters
    ----------
    measured : dict of str to pandas.DataFrame
        As returned by :func:`extraction`.
    """
    if not measured:
        return "Not measured on this machine: `python benchmarks/extraction.py` does."
    speed = measured["speed"]
    said = []
    for model, rows in speed[speed["least cosine"] >= ALIKE].groupby("model", sort=False):
        files = rows[rows["from"] == "JPEG files"]
        best = files.loc[files.groupby("way")["images/s"].idxmax()].set_index("way")
        peer = best.loc[best.index[~best.index.str.startswith("stresslib")]].sort_values("images/s").iloc[-1]
        speeds = best["images/s"].to_dict()
        ways = " and ".join(
            f'{speeds[way]:.0f} by `engine="{engine}"`'
            for engine in ("openvino", "torch")
            if (way := f"stresslib, {engine}") in speeds
        )
        alone = rows[rows["way"].str.startswith("stresslib")]["share of peak"].max()
        said.append(
            f"**{model}, from JPEG files: {ways} images a second; the fastest peer, {peer.name} in {peer['precision']}, "
            f"{peer['images/s']:.0f}.** Ours alone, without files, does {100 * alone:.0f} % of the operations a second that "
            "a product of two large matrices does here in bfloat16."
        )
    first = speed.iloc[0]
    machine = f"{first['threads']} cores, {'with' if first['AMX'] else 'without'} AMX, {first['peak GFLOP/s']:,.0f} GFLOP/s"
    return "\n\n".join([*said, f"The machine has {machine} in such a product."])


def extraction_plot(speed: pd.DataFrame) -> Figure:
    """Draw images a second against the size of a batch, each way in its faster precision.

    Parameters
    ----------
    speed : pandas.DataFrame
        Of :func:`extraction`; rows whose vectors are not alike are left out.

    Returns
    -------
    matplotlib.figure.Figure
    """
    cases = list(speed.groupby(["from", "model"], sort=False))
    figure, axes = style.panels(len(cases), height=2.4, columns=2, sharey=False)
    handles: dict[str, Any] = {}
    for ax, ((source, model), rows) in zip(axes, cases, strict=True):
        for way, one in rows[rows["least cosine"] >= ALIKE].groupby("way", sort=False):
            best = one.groupby("batch")["images/s"].max()
            look = style.OURS if str(way).startswith("stresslib") else style.PAPER
            (handles[str(way)],) = ax.plot(best.index, best, color=WAYS.get(str(way), style.GREY), label=str(way), **look)
        ax.set(xscale="log", xlabel="images in a batch", ylabel="images a second", ylim=(0, None))
        ax.set_xticks(sorted(rows["batch"].unique()), [f"{batch}" for batch in sorted(rows["batch"].unique())], minor=False)
        ax.minorticks_off()
        ax.grid(visible=True, which="major", color="#E3E3E3", linewidth=0.8)
        title = f"{model}, {'from JPEG files' if source == 'JPEG files' else 'the network alone'}"
        ax.set_title(title, fontsize="small", fontweight="bold", loc="left")
    figure.legend(handles=list(handles.values()), loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure


def extraction_alt_text(speed: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    parts = []
    for (source, model), rows in speed[speed["least cosine"] >= ALIKE].groupby(["from", "model"], sort=False):
        best = rows.groupby("way", sort=False)["images/s"].max()
        parts.append(f"{model}, from {source}: " + ", ".join(f"{way} {value:.0f}" for way, value in best.items()))
    return "Images a second against the images in a batch, a line for each way. At best: " + "; ".join(parts) + "."


def extraction_table(speed: pd.DataFrame) -> pd.DataFrame:
    """Return each way at the batch that is best for it from files, its precision, and how alike its vectors are."""
    rows = []
    for (model, way, precision), one in speed.groupby(["model", "way", "precision"], sort=False):
        files, alone = (one[one["from"] == source] for source in ("JPEG files", "memory"))
        best, network = (part.sort_values("images/s").iloc[-1] for part in (files, alone))
        rows.append(
            {
                "network": model,
                "way": f"{way}, {precision}",
                "from files": best["images/s"],
                "batch": best["batch"],
                "network alone": network["images/s"],
                "its batch": network["batch"],
                "share of peak": network["share of peak"],
                "least cosine": f"{one['least cosine'].min():.5f}",
            }
        )
    return pd.DataFrame(rows)


def extraction_shares(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the milliseconds of one thread for an image, a column for each step."""
    steps = list(shares["step"].unique())
    wide = shares.pivot_table(index=["model", "engine", "precision"], columns="step", values="ms", sort=False)[steps]
    return wide.reset_index().rename_axis(columns=None)


def headline(measured: dict[str, pd.DataFrame]) -> str:
    """Say how many times as long as ours the peer takes for one setting and for whole grids.

    Parameters
    ----------
    measured : dict of str to pandas.DataFrame
        As returned by :func:`tables`.
    """
    ours, peer = ours_and_peer(measured["setting"])
    grids = ", ".join(f"{row['ratio']:.1f} for {row['grid']}" for row in measured["grids"].to_dict("records"))
    return (
        f"**One setting takes {ours['seconds']:.2f} s, {peer['solver']} {peer['seconds']:.2f} s: "
        f"{peer['seconds'] / ours['seconds']:.1f} times as long.** For whole grids the ratio is {grids}."
    )


def problem(memory: pd.DataFrame) -> str:
    """Say how large the problem of one setting is, from the first row of the table of memory."""
    first = memory.iloc[0]
    return (
        f"{first['rows']:,.0f} training vectors of {first['numbers']:,.0f} numbers, and as many classes as VOC 2007: the "
        "sizes of the paper's problem."
    )


def ours_and_peer(setting: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the row of ours at the widest tolerance, and that of the fastest peer that reaches as small a gap."""
    ours = setting.iloc[0]
    peers = setting[setting["solver"].str.startswith("LinearSVC") & (setting["gap"] <= ours["tol"])]
    return ours, peers.loc[peers["seconds"].idxmin()]


def agreement(compared: pd.DataFrame) -> pd.DataFrame:
    """Summarise where the two solvers decide differently.

    Parameters
    ----------
    compared : pandas.DataFrame
        A row for each setting, with columns `features`, `images`, ``images, tol=...`` and ``points, tol=...``.

    Returns
    -------
    pandas.DataFrame
        A row for each data set and tolerance: the numbers of test images and settings, in how many settings (`differ`) an
        image is decided differently, in how many images at most, and by how many points the accuracy moves at most.
    """
    rows = []
    for name, settings in compared.groupby("features", sort=False):
        for column in compared.columns[compared.columns.str.startswith("images, ")]:
            tol = column.removeprefix("images, tol=")
            rows.append(
                {
                    "features": str(name).partition("/")[0],
                    "images": int(settings["images"].iloc[0]),
                    "settings": len(settings),
                    "tol": float(tol),
                    "differ": int((settings[column] > 0).sum()),
                    "most images": int(settings[column].max()),
                    "most points": float(settings[f"points, tol={tol}"].abs().max()),
                }
            )
    return pd.DataFrame(rows)


def plot(scaling: pd.DataFrame) -> Figure:
    """Draw seconds against what grows, on logarithmic axes, with a line of proportional growth.

    Parameters
    ----------
    scaling : pandas.DataFrame
        Columns `what grows`, `size`, `seconds`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    kinds = list(scaling["what grows"].unique())
    figure, axes = style.panels(len(kinds), height=1.2, sharey=False)
    grid = figure.add_gridspec(math.ceil(len(kinds) / 2), 2)
    for place, (ax, kind) in enumerate(zip(axes, kinds, strict=True)):
        ax.set_subplotspec(grid[divmod(place, 2)])
        rows = scaling[scaling["what grows"] == kind]
        size, seconds = rows["size"].to_numpy(float), rows["seconds"].to_numpy(float)
        ax.plot(
            size, seconds[-1] * size / size[-1], color="#888888", linewidth=1, linestyle=(0, (4, 3)), label="proportional"
        )
        ax.plot(size, seconds, color="#0072B2", label="measured", **style.OURS)
        ax.set(xscale="log", yscale="log", xlabel=kind)
        ax.grid(visible=True, which="major", color="#E3E3E3", linewidth=0.8)
        ax.set_title(f"{kind}: grows with the power {growth(rows):.2f}", fontsize="small", fontweight="bold", loc="left")
        if place % 2 == 0:
            ax.set_ylabel("seconds")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return figure


def growth(rows: pd.DataFrame) -> float:
    """Return the slope of seconds against size, in logarithms, over the larger half of the sizes."""
    upper = rows.iloc[len(rows) // 2 - 1 :]
    slope, _ = np.polyfit(np.log(upper["size"]), np.log(upper["seconds"]), 1)
    return round(float(slope), 3) + 0.0  # adding 0.0 makes a zero of a negative zero


def alt_text(scaling: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    parts = [
        f"{kind}, from {rows['size'].iloc[0]:,} to {rows['size'].iloc[-1]:,}: {rows['seconds'].iloc[0]:.2g} to "
        f"{rows['seconds'].iloc[-1]:.2g} seconds, power {growth(rows):.2f}"
        for kind, rows in scaling.groupby("what grows", sort=False)
    ]
    return "Seconds against what grows, a panel each, on logarithmic axes. " + "; ".join(parts) + "."


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of a benchmark rounded for display, with its first column as the index."""
    shown = table.copy()
    for name in shown:
        if name in ("tol", "gap", "their gap", "largest gap", "peer's largest gap"):
            shown[name] = [f"{value:.1g}" if value == value else "" for value in shown[name]]
        elif shown[name].dtype.kind == "f":
            shown[name] = [f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}" for value in shown[name]]
    return shown.set_index(shown.columns[0]).rename_axis(None)
