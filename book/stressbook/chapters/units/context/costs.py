"""Costs: what a contextual convolution takes in time and memory, beside the plain one, by the clock.

From the table of benchmarks/contextual.py, under benchmarks/results, to the sentences and the table of the page.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

BENCHMARK = Path(__file__).parents[5] / "benchmarks" / "results" / "contextual-cost.csv"


def cost(path: Path = BENCHMARK) -> pd.DataFrame:
    """Read the table of the benchmark of contextual convolutions.

    Parameters
    ----------
    path : pathlib.Path
        Columns `what`, `channels`, `side`, `levels`, `batch`, `pass` (``forward`` or ``step``), `ratio` of the times, and
        `memory`, that of the memory of a step.

    Returns
    -------
    pandas.DataFrame
        Empty where it was not measured.
    """
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()


def headline(measured: pd.DataFrame) -> str:
    """Say how many times the time and the memory of a plain network a contextual one takes."""
    if measured.empty:
        return "Time and memory were not measured on this machine: `python benchmarks/contextual.py` does."
    rows = measured[measured["levels"].isna()]
    said = []
    for what, part in rows.groupby("what", sort=False):
        row = {str(one["pass"]): one for one in part.to_dict("records")}
        said.append(
            f"{what} takes **{row['step']['ratio']:.1f} times** as long for a step of training, "
            f"{row['forward']['ratio']:.1f} times for a forward pass, and {row['step']['memory']:.2f} times the "
            "memory"
        )
    return f"Equal weights and equal multiplications are not equal time: {'; '.join(said)}, on one core."


def table(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the ratios of single layers, a row for each, under the headings of the page."""
    if measured.empty:
        return measured
    layers = measured[measured["levels"].notna()]
    named = layers.assign(
        layer=[
            f"{row['channels']:.0f} channels of {row['side']:.0f} × {row['side']:.0f}, {row['levels']:.0f} dilations"
            for row in layers.to_dict("records")
        ]
    )
    wide = named.pivot_table(index=["what", "layer"], columns="pass", values="ratio", sort=False)
    memory = named[named["pass"].eq("step")].set_index(["what", "layer"])["memory"]
    shown = wide.assign(memory=memory).rename(columns={"forward": "time, forward", "step": "time, step"})
    return shown.rename_axis(columns=None).map("{:.2f}".format)
