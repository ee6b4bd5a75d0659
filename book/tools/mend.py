"""Sphinx extension: mends what the theme and the writers get wrong in every page, once the pages are written.

Each mend is a text in the HTML and what stands there instead. `check_browser.py` finds the same faults, with scripts
running, so a mend that no longer fits after an upgrade shows there.
"""

import re
from pathlib import Path
from typing import Any

SEARCH_BUTTON = '<button class="btn search-button-field search-button__button pst-js-only" title="Search"'
MENDS = {
    # MyST-NB's name for a folded cell hides the words in it from whoever speaks to the browser.
    '<summary aria-label="Toggle hidden content">': "<summary>",
    # A table's empty corner, as pandas writes it, is no heading of anything.
    "<th></th>": "<td></td>",
    # The role of an entry in a bibliography is deprecated; the entries lie in a list.
    'role="doc-biblioentry"': 'role="listitem"',
    # The theme's own names for its buttons leave out words that stand on them.
    f'{SEARCH_BUTTON} aria-label="Search"': SEARCH_BUTTON,
    ' data-mode="light" title="Light"': ' data-mode="light"',
    ' data-mode="dark"  title="Dark"': ' data-mode="dark"',
    ' data-mode="auto"  title="System Settings"': ' data-mode="auto"',
    # The sidebar's title and search field lie in no landmark.
    '<div id="pst-primary-sidebar" class': '<div id="pst-primary-sidebar" role="region" aria-label="Sidebar" class',
    # The arrow that folds the pages below another has no name.
    '<summary><span class="toctree-toggle"': '<summary aria-label="Pages below"><span class="toctree-toggle"',
    # The theme reports the empty default of Jupyter Book as an error, on the console of each page.
    'data-default-mode=""': 'data-default-mode="auto"',
    'localStorage.getItem("mode") || ""': 'localStorage.getItem("mode") || "auto"',
}
MATHJAX = re.compile(r'\s*<script>window\.MathJax =[^\n]*</script>|\s*<script [^>]*src="[^"]*/mathjax/[^"]*"></script>')


# A figure leads to itself alone, where it can be enlarged and its marks say their values; one that leads elsewhere, or was
# mended by an earlier build, stays so.
FIGURE = re.compile(r'(?<!html">)(?<!svg">)<img alt="[^"]*" src="([^"]*_images/[^"]*\.svg)" />')


def mended(page: str) -> str:
    """Return the HTML of a page with every mend made.

    Examples
    --------
    >>> mended("<tr><th></th><th>score</th></tr>")
    '<tr><td></td><th>score</th></tr>'
    >>> mended('<p><img alt="Curves." src="../_images/figure-2.svg" /></p>')
    '<p><a href="../_images/figure-2.svg"><img alt="Curves." src="../_images/figure-2.svg" /></a></p>'
    >>> mended(_) == _  # a page that a second build did not write again
    True
    """
    for wrong, right in MENDS.items():
        page = page.replace(wrong, right)
    page = FIGURE.sub(r'<a href="\1">\g<0></a>', page)
    # Sphinx takes the formulas of all pages for the front page's own: two megabytes that nothing there needs.
    return page if 'class="math ' in page else MATHJAX.sub("", page)


def mend(app: Any, exception: Exception | None) -> None:
    """Mend the pages of an HTML build."""
    if exception is None and app.builder.format == "html":
        for path in Path(app.outdir).rglob("*.html"):
            before = path.read_text(encoding="utf-8")
            if (after := mended(before)) != before:
                path.write_text(after, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_js_file("mend.js")
    app.connect("build-finished", mend)
    return {"parallel_read_safe": True}
