"""Sortable: a table of HTML that can be sorted and filtered where scripts run; it is a whole table where they do not.

Chapters make its rows. The script lies in the page, so that nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path


def sortable(heads: Iterable[str], rows: Iterable[str], what: str, example: str, label: str) -> str:
    """Return the HTML of a table, with its style and its script.

    Parameters
    ----------
    heads : iterable of str
        Headings, as text.
    rows : iterable of str
        Each a ``<tr>``; a cell of a number says it in ``data-value``, which is empty where there is none.
    what : str
        What the rows are, in the plural, for the label of the field that filters.
    example : str
        What may be typed there.
    label : str
        What the table is, for readers who cannot see it.

    Returns
    -------
    str

    Examples
    --------
    >>> from stressbook.drawing.sortable import sortable
    >>> html = sortable(["stress"], ["<tr><th>DR-1</th></tr>"], "stresses", "DR-1", "All stresses")
    >>> "<tbody>\\n<tr><th>DR-1</th></tr>\\n</tbody>" in html
    True
    """
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    columns = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    lines = "\n".join(rows)
    return (
        f"<style>{_STYLE}</style>\n"
        '<div class="sortable">\n'
        f'<p class="filter" hidden><label>Show {escape(what)} with '
        f'<input type="search" placeholder="{escape(example)}"></label> '
        '<span role="status"></span></p>\n'
        f'<div class="scrolled" role="region" aria-label="{escape(label)}" tabindex="0">\n'
        f'<table class="dataframe">\n<thead><tr>{columns}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>\n'
        f"</div>\n</div>\n<script>\n{script}</script>"
    )


_STYLE = """
.sortable .scrolled { max-height: 32rem; overflow: auto; }
.sortable table.dataframe { display: table; font-size: .8rem; margin: 0; }
.sortable :is(td, th) { text-align: right; vertical-align: top; white-space: nowrap; }
.sortable table.dataframe :is(th, td):nth-child(-n+2) { text-align: left; }
.sortable table.dataframe :is(th, td) { padding: .2rem .35rem; }
.sortable tbody th { background: var(--pst-color-background, #fff); font-weight: 400; left: 0; position: sticky; }
.sortable thead th { white-space: normal; vertical-align: bottom; }
.sortable small { display: block; font-size: .8em; }
.sortable thead th { background: var(--pst-color-background, #fff); position: sticky; top: 0; z-index: 1; }
.sortable thead button { background: none; border: 0; color: inherit; cursor: pointer; font: inherit; padding: 0; }
.sortable thead button { text-align: inherit; }
.sortable thead button::after { content: " ↕"; opacity: .7; }
.sortable th[aria-sort="ascending"] button::after { content: " ↑"; opacity: 1; }
.sortable th[aria-sort="descending"] button::after { content: " ↓"; opacity: 1; }
.sortable input { font: inherit; max-width: 12rem; }
@media print { .sortable .scrolled { max-height: none; } .sortable .filter { display: none; } }
""".strip()
