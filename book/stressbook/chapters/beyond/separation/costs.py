"""Costs: what benchmarks/separation.py measured, in words.

The part of the chapter's page about time and memory; it reads the tables of the benchmark, not that of the chapter.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd


def time_to_choose(folder: str | os.PathLike[str]) -> str:
    """Say how long both ways of choosing took where they were measured, as a Markdown paragraph.

    Parameters
    ----------
    folder : path-like
        With ``separation-choice.csv`` of the benchmark.
    """
    path = Path(folder) / "separation-choice.csv"
    if not path.is_file():
        return "How long both take was not measured on this machine: `python benchmarks/separation.py choice` does."
    table = pd.read_csv(path)
    parts = [
        f"{row['features']} {row['index_seconds']:.1f} s by the index, {row['validation_seconds']:.1f} s by validation"
        for row in table.to_dict("records")
    ]
    ratio = table["validation_seconds"] / table["index_seconds"]
    if ratio.min() > 1:
        said = f"The index is the faster way, {ratio.min():.1f} to {ratio.max():.1f} times"
    elif ratio.max() < 1:
        said = f"**The index is not the faster way**: validation takes {ratio.min():.2f} to {ratio.max():.2f} times as long"
    else:
        said = "Neither way is the faster one everywhere: validation takes "
        said += f"{ratio.min():.2f} to {ratio.max():.2f} times as long"
    settings = ", ".join(map(str, sorted(set(table["settings"]))))
    return f"{said}. Measured for {settings} settings, principal components included: {'; '.join(parts)}."


def verdicts(folder: str | os.PathLike[str]) -> str:
    """Say what one index costs, compared with other ways to find neighbours, as a Markdown list.

    Parameters
    ----------
    folder : path-like
        With ``separation-speed.csv`` and ``separation-memory.csv`` of the benchmark.
    """
    lines = []
    path = Path(folder) / "separation-speed.csv"
    if path.is_file():
        for order, rows in pd.read_csv(path).groupby("order"):
            seconds = rows.set_index("way")["seconds"]
            peers = ", ".join(f"{way} {seconds[way]:.1f} s" for way in seconds.drop("ours").index)
            line = f"- {rows['rows'].iloc[0]:,} vectors of {rows['width'].iloc[0]:,} numbers, order {order}: "
            lines.append(f"{line}**{seconds['ours']:.1f} s**; {peers}.")
    path = Path(folder) / "separation-memory.csv"
    if path.is_file():
        table = pd.read_csv(path)
        rows = table[table["way"] == "ours"].sort_values("rows")
        first, last = rows.iloc[0], rows.iloc[-1]
        grown, squared = last["MB"] / first["MB"], (last["rows"] / first["rows"]) ** 2
        growth = "no square" if grown < squared / 4 else "**nearly the square**"
        lines.append(
            f"- From {first['rows']:,} to {last['rows']:,} vectors of {last['width']} numbers, memory grows {grown:.1f} "
            f"times, {growth} (that would be {squared:.0f} times): {first['MB']:.0f} to {last['MB']:.0f} MB, beside "
            f"{8e-6 * last['rows'] ** 2:,.0f} MB for all distances. The last takes {last['seconds']:.0f} s."
        )
    return "\n".join(lines) or "Not measured on this machine: `python benchmarks/separation.py` does."
