"""Sortable: the measured table of components, a row each; it can be sorted and filtered where scripts run.

From `effects` and the benchmark of steps to HTML. The script lies in it, so that nothing is loaded; without scripts it is a
table like others, in the order of the survey.
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

BENCHMARK = Path(__file__).parents[5] / "benchmarks" / "results" / "component-steps.csv"

COLUMNS = {
    **dict(zip(MEASURES, ("accuracy", "SI(5)", "kept at 5%", "kept at 2 bits"), strict=True)),
    "parameters": "weights",
    "time": "time a step",
}
"""Columns of numbers and their headings; between them stand the component, its axis, and the link."""


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
    lines = "\n".join(_row(str(variant), row, moves, networks) for variant, row in table.iterrows())
    heads = "".join(f'<th scope="col">{escape(one)}</th>' for one in ("component", "axis", *COLUMNS.values(), "see"))
    script = (Path(__file__).parent / "sortable.js").read_text(encoding="utf-8")
    return (
        f"<style>{_STYLE}</style>\n"
        '<div class="components">\n'
        '<p class="filter" hidden><label>Show components with <input type="search" placeholder="pooling"></label> '
        '<span role="status"></span></p>\n'
        '<div class="scrolled" role="region" aria-label="Measured components" tabindex="0">\n'
        f'<table class="dataframe words">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>\n'
        f"</div>\n</div>\n<script>\n{script}</script>"
    )


def _row(variant: str, row: pd.Series, moves: dict[str, pd.DataFrame], networks: pd.DataFrame) -> str:
    component = COMPONENTS[variant]
    cells = [
        f'<th scope="row" title="{escape(component.change)}">{escape(component.name)}</th>',
        f"<td>{escape(component.axis)}</td>",
    ]
    lost = networks.xs(variant, level="variant")["diverged"]
    for column in COLUMNS:
        value = float(row[column])
        text = _number(column, value)
        if column in moves and np.isnan(value) and lost.any():
            text = "diverged"
        elif column in moves and variant != BASE:
            text += _change(moves[column].loc[variant])
        cells.append(f'<td class="number" data-value="{"" if np.isnan(value) else f"{value:.6g}"}">{text}</td>')
    link, said = address(component), escape(component.linked)
    cells.append(f'<td><a href="{link}">{said}</a></td>' if link else f"<td>{said}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _number(column: str, value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:,.0f}" if column == "parameters" else f"× {value:.2f}" if column == "time" else f"{value:.1f}"


def _change(row: pd.Series) -> str:
    if np.isnan(row["low"]):
        return "" if np.isnan(row["mean"]) else f"<small>{row['mean']:+.1f}</small>"
    told = row["low"] > 0 or row["high"] < 0
    text = f"{row['low']:+.1f} to {row['high']:+.1f}"
    return f"<small>{f'<b>{text}</b>' if told else text}</small>"


def changes(variants: Iterable[str]) -> pd.DataFrame:
    """Return what each variant changes in the base network, in words."""
    table = {
        COMPONENTS[one].name: {"axis": COMPONENTS[one].axis, "what is changed": COMPONENTS[one].change} for one in variants
    }
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("component")


_STYLE = """
.components .scrolled { max-height: 32rem; overflow: auto; }
.components table { margin: 0; }
.components td.number { text-align: right; white-space: nowrap; }
.components td small { display: block; font-size: .75em; }
.components th { text-align: left; vertical-align: bottom; }
.components thead th { background: var(--pst-color-background, #fff); position: sticky; top: 0; }
.components thead button { background: none; border: 0; color: inherit; cursor: pointer; font: inherit; padding: 0; }
.components thead button { text-align: left; }
.components thead button::after { content: " ↕"; opacity: .5; }
.components th[aria-sort="ascending"] button::after { content: " ↑"; opacity: 1; }
.components th[aria-sort="descending"] button::after { content: " ↓"; opacity: 1; }
.components input { font: inherit; max-width: 12rem; }
@media print { .components .scrolled { max-height: none; } .components .filter { display: none; } }
""".strip()
