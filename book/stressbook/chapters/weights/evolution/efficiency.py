"""Efficiency: synapses are a count, multiplications another one, and only a clock tells the speed.

From the table of `measure`, and from the benchmark's under benchmarks/results, to the chapter's figure on speed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.weights.evolution.effects import NONE, dataset_drawn, lineage_rows, wide
from stressbook.chapters.weights.evolution.names import ACCURACY, AT_WORK, MULTIPLICATIONS, SYNAPSES, TUNING, UNITS
from stressbook.drawing import style

BENCHMARK = Path(__file__).parents[5] / "benchmarks" / "results" / "offspring-speed.csv"

BY_UNITS = f"{UNITS}/none"

KINDS = {NONE: "synapses drawn", BY_UNITS: "whole units drawn first"}
"""The two kinds of synthesis that are compared, both without stress."""

COUNTS = {SYNAPSES: "synapses", AT_WORK: "synapses at work", MULTIPLICATIONS: "multiplications"}

LOOKS = {SYNAPSES: ("#6F6F6F", "-"), AT_WORK: ("#C98A00", "-"), MULTIPLICATIONS: ("#0072B2", "-")}

SPEED = "#B3202A"

CLAIMED = {"synapses": 33, "speed": 5.5}
"""What the authors report for YOLOv2: times fewer synapses, and times faster on a Tegra X1."""


def counted(results: pd.DataFrame) -> pd.DataFrame:
    """Return how many times fewer there are than in the ancestor.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Of the data set that is drawn: a row for each `way` of :data:`KINDS` and `level`; a column for each of
        :data:`COUNTS`, and the accuracy in percent. Means over lineages.
    """
    rows = lineage_rows(results)
    rows = rows[rows["dataset"].eq(dataset_drawn(results)) & rows["way"].isin(list(KINDS)) & rows["seed"].ne(TUNING)]
    means = wide(rows, ["way", "seed", "level"]).groupby(["way", "level"], sort=False).mean()
    return (100 / means[list(COUNTS)]).assign(accuracy=means[ACCURACY])


def speed(path: Path = BENCHMARK) -> pd.DataFrame:
    """Read the table of the benchmark of offspring.

    Parameters
    ----------
    path : pathlib.Path
        Columns `way`, `form` (``as it is`` or ``compacted``), `generation`, `batch`, `images/s`, `ratio` (to the ancestor).

    Returns
    -------
    pandas.DataFrame
        Empty where it was not measured.
    """
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()


def plot(results: pd.DataFrame, measured: pd.DataFrame) -> Figure:
    """Draw by how many times the counts are smaller, and the network faster, generation by generation.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    measured : pandas.DataFrame
        As :func:`speed` returns it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = counted(results)
    kinds = [way for way in KINDS if way in table.index.unique("way")]
    figure, axes = style.page_wide(len(kinds), height=3.0)
    for ax, way in zip(axes, kinds, strict=True):
        for count, said in COUNTS.items():
            colour, line = LOOKS[count]
            ax.plot(table.loc[way].index, table.loc[way][count], color=colour, linestyle=line, label=f"fewer {said}")
        rows = _fastest(measured, way)
        if len(rows):
            ax.plot(rows["generation"], rows["ratio"], color=SPEED, label="faster, by the clock", **style.OURS)
        ax.set_yscale("log")
        ticks = [1, 2, 5, 10, 20, 50, 100, 200]
        ax.set_yticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
        ax.tick_params(labelsize=style.SMALL)
    axes[0].set_ylabel("times, against the ancestor", fontsize=style.SMALL)
    figure.supxlabel("generation", fontsize=style.SMALL)
    style.add_titles_and_legend(figure, axes, [KINDS[way] for way in kinds], columns=2)
    return figure


def _fastest(measured: pd.DataFrame, way: str) -> pd.DataFrame:
    """Return the speed of compacted networks of a way, on whole batches."""
    if measured.empty:
        return measured
    rows = measured[measured["way"].eq(way) & measured["form"].eq("compacted")]
    return rows[rows["batch"].eq(rows["batch"].max())]


def headline(results: pd.DataFrame, measured: pd.DataFrame) -> str:
    """Say how many times fewer synapses, multiplications and seconds the last generation has."""
    table, parts = counted(results), []
    for way in (way for way in KINDS if way in table.index.unique("way")):
        row, last = table.loc[way].iloc[-1], table.loc[way].index[-1]
        said = (
            f"{KINDS[way]}, generation {last:.0f} has {row[SYNAPSES]:.0f} times fewer synapses, {row[AT_WORK]:.0f} times "
            f"fewer at work and {row[MULTIPLICATIONS]:.1f} times fewer multiplications"
        )
        rows = _fastest(measured, way)
        if len(rows):
            ratios = rows.set_index("generation")["ratio"]
            said += f", and is **{ratios.iloc[-1]:.1f} times as fast**"
        parts.append(f"{said} ({row['accuracy']:.1f}%)")
    text = f"With {'; with '.join(parts)}."
    if measured.empty:
        return f"{text} The speed was not measured on this machine: `python benchmarks/offspring.py` does."
    return text


def untouched(measured: pd.DataFrame) -> str:
    """Say what zeros alone bring, when nothing is taken out: the ratio of the last generation as it is."""
    if measured.empty:
        return ""
    rows = measured[measured["form"].eq("as it is")]
    last = rows[rows["generation"].eq(rows["generation"].max())]
    return (
        f"Left in their places, zeros are multiplied like other numbers: the last generations are "
        f"{last['ratio'].min():.2f} to {last['ratio'].max():.2f} times as fast as their ancestors."
    )


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        "Offspring without stress: how many times fewer synapses, synapses at work and multiplications they have than their "
        "ancestor, and how many times faster they are on one core, by whole batches, when idle units are taken out."
    )


def alt_text(results: pd.DataFrame, measured: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = headline(results, measured).replace("**", "").replace("`", "")
    return f"Times fewer and times faster than the ancestor against the generation, on a logarithmic axis. {said}"


def table(measured: pd.DataFrame) -> pd.DataFrame:
    """Return what the clock said: how many times as fast as the ancestor, a row for each kind and form."""
    if measured.empty:
        return measured
    named = measured.assign(kind=measured["way"].map(KINDS), batch=[f"batches of {count}" for count in measured["batch"]])
    shown = named.pivot_table(index=["kind", "form", "batch"], columns="generation", values="ratio", sort=False)
    return shown.map(lambda ratio: "–" if np.isnan(ratio) else f"{ratio:.2f}")
