"""Sortable: the measured table of components, a row each; it can be sorted and filtered where scripts run.

From `effects` and the benchmark of steps to rows of HTML; without scripts it is a table like others, in the survey's order.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from stressbook.chapters.units.components.effects import differences, drawn, order
from stressbook.chapters.units.components.names import BASE
from stressbook.chapters.units.components.words import COMPONENTS, MEASURES, address
from stressbook.drawing.sortable import sortable

BENCHMARK = Path(__file__).parents[5] / "benchmarks" / "results" / "component-steps.csv"

COLUMNS = {
    **dict(zip(MEASURES, ("accuracy", "SI(5)", "kept at 5%", "kept at 2 bits"), strict=True)),
    "parameters": "weights",
    "time": "time a step",
}
"""Columns of numbers and their headings; before them stand the component, with its link, and its axis."""


def steps(path: Path = BENCHMARK) -> pd.Series:
    """Read how long a step of each variant's training takes, against one of the base network; empty where not measured.

    Parameters
    ----------
    path : pathlib.Path
        With columns `variant` and `ratio`, as benchmarks/components.py writes it.
    """
    return pd.read_csv(path).set_index("variant")["ratio"] if path.is_file() else pd.Series(dtype=float)


def rows(results: pd.DataFrame, times: pd.Series) -> pd.DataFrame:
    """Return the numbers of the table.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    times : pandas.Series
        As :func:`steps` returns it.

    Returns
    -------
    pandas.DataFrame
        A row for each variant, in the order of the page; a column for each of :data:`COLUMNS`, means over trainings.
    """
    networks = drawn(results)
    means = networks.groupby("variant")[[*MEASURES, "parameters"]].mean().loc[order(networks)]
    return means.assign(time=times.reindex(means.index))


def fragment(results: pd.DataFrame, times: pd.Series) -> str:
    """Return the HTML of the table, with its style and its script.

    Parameters
    ----------
    results, times
        As :func:`rows` takes them.

    Returns
    -------
    str
    """
    table, networks = rows(results, times), drawn(results)
    moves = {measure: differences(networks, measure) for measure in MEASURES}
    lines = [_row(str(variant), row, moves, networks) for variant, row in table.iterrows()]
    return sortable(("component", "axis", *COLUMNS.values()), lines, "components", "pooling", "Measured components")


def _row(variant: str, row: pd.Series, moves: dict[str, pd.DataFrame], networks: pd.DataFrame) -> str:
    component = COMPONENTS[variant]
    name, axis, change, said = (escape(one) for one in (component.name, component.axis, component.change, component.linked))
    link = f'<a href="{address(component)}">{said}</a>' if address(component) else said
    cells = [f'<th scope="row" title="{change}">{name} <small>{link}</small></th>', f"<td>{axis}</td>"]
    lost = networks.xs(variant, level="variant")["diverged"]
    for column in COLUMNS:
        value = float(row[column])
        text = _number(column, value)
        if column in moves and np.isnan(value) and lost.any():
            text = "diverged"
        elif column in moves and variant != BASE:
            text += _change(*moves[column][["mean", "low", "high"]].loc[variant].to_numpy())
        cells.append(f'<td data-value="{"" if np.isnan(value) else f"{value:.6g}"}">{text}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _number(column: str, value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:,.0f}" if column == "parameters" else f"× {value:.2f}" if column == "time" else f"{value:.1f}"


def _change(mean: float, low: float, high: float) -> str:
    if np.isnan(low):
        return "" if np.isnan(mean) else f"<small>{mean:+.1f}</small>"
    text = f"{low:+.1f} to {high:+.1f}"
    return f"<small>{f'<b>{text}</b>' if low > 0 or high < 0 else text}</small>"


def changes(variants: Iterable[str]) -> pd.DataFrame:
    """Return what each variant changes in the base network, in words."""
    table = {
        COMPONENTS[one].name: {"axis": COMPONENTS[one].axis, "what is changed": COMPONENTS[one].change} for one in variants
    }
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("component")
