"""Page: an executed notebook as one HTML file, to look at without Jupyter or the book; and as a second run in the book.

`reproduce` calls both when a template has run. Jupyter Book builds the book itself from the executed notebooks.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat

from stresslib.files import write_text

_STYLE = """
body { max-width: 50rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #222; }
img { max-width: 100%; }
table { border-collapse: collapse; font-size: .9rem; display: block; overflow-x: auto; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: right; }
pre { overflow-x: auto; font-size: .85rem; }
code { background: #f4f4f4; }
"""


def write_page(executed: Path) -> Path:
    """Write an executed notebook as one HTML file beside it: text, figures and tables, the code folded.

    Parameters
    ----------
    executed : pathlib.Path
        Pictures that it shows are read from its folder, and put into the page.

    Returns
    -------
    pathlib.Path
        The name of the notebook with the ending .html.
    """
    from docutils.core import publish_string
    from docutils.parsers.rst import directives, roles
    from myst_nb.docutils_ import Parser
    from myst_parser.sphinx_ext.directives import FigureMarkdown

    directives.register_directive("figure-md", FigureMarkdown)

    for role in ("doc", "ref", "numref", "eq", "cite:t", "cite:p", "term"):
        roles.register_local_role(role, _as_text)  # references within the book, which a page by itself cannot follow
    notebook = nbformat.read(executed, 4)
    for cell in notebook.cells:
        if "injected-parameters" not in cell.metadata.get(
            "tags", []
        ):  # those say what was run; all other code is the template's
            cell.metadata.setdefault("tags", []).append("remove-input")
    with TemporaryDirectory() as folder:
        html: str = publish_string(
            nbformat.writes(notebook),
            source_path=str(executed),
            parser=Parser(),
            writer_name="html5",
            settings_overrides={
                "nb_execution_mode": "off",
                "nb_output_folder": folder,  # of pictures in outputs, and of style sheets
                "nb_merge_streams": True,
                "nb_render_markdown_format": "myst",
                "myst_enable_extensions": ["dollarmath", "colon_fence"],
                "myst_all_links_external": True,
                "output_encoding": "unicode",
                "math_output": "MathML",
                "report_level": 4,
                "doctitle_xform": True,
            },
        )
        html = re.sub(r'(<img [^>]*?src=")([^":]+)"', _embedded(executed.parent), html)
    path = executed.with_suffix(".html")
    write_text(path, html.replace("</head>", f"<style>{_STYLE}</style></head>", 1))
    return path


def rename(notebook: Any, files: Iterable[str], key: str) -> None:
    """Make an executed notebook a second run of its template, which the book can hold beside the first.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Changed in place: the key is put behind the title, all labels, and the files that the run made.
    files : iterable of str
        Names of the files that the run made, without endings.
    key : str
        What tells the runs apart.

    Examples
    --------
    >>> cell = nbformat.v4.new_markdown_cell("(curve)=\\n# Curve\\n{ref}`curve` is [here](figure-4.svg).")
    >>> rename(nbformat.v4.new_notebook(cells=[cell]), ["figure-4"], "digits")
    >>> print(cell.source)
    (curve-digits)=
    # Curve: digits
    {ref}`curve-digits` is [here](figure-4-digits.svg).
    """
    texts = [(cell, "source") for cell in notebook.cells if cell.cell_type == "markdown"]
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        texts += [(output["data"], kind) for kind in ("text/markdown", "text/html") if kind in output.get("data", {})]
    labels = {label for holder, kind in texts for found in _LABEL.findall(holder[kind]) for label in found if label}
    labels |= {holder["name"] for cell in notebook.cells for holder in _figure_names(cell)}
    made = re.compile(rf"([(\"])({'|'.join(map(re.escape, files))})(\.\w+)(?=[)\"])")
    for holder, kind in texts:
        text = made.sub(rf"\1\2-{key}\3", holder[kind])
        for label in map(re.escape, labels):
            for before, behind in _PLACES:
                text = re.sub(rf"({before}){label}(?={behind})", rf"\g<0>-{key}", text, flags=re.M)
        holder[kind] = text
    for holder in (holder for cell in notebook.cells for holder in _figure_names(cell)):
        holder["name"] += f"-{key}"
    first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    first.source = re.sub(r"^(# .*)$", rf"\1: {key}", first.source, count=1, flags=re.M)


_LABEL = re.compile(r"^\(([\w-]+)\)=$|^:(?:name|label): *([\w-]+)$|^:::\{figure-md\} *([\w-]+)$|\$\$ *\(([\w-]+)\)$", re.M)
_PLACES = (
    (r"^\(", r"\)=$"),
    (r"^:(?:name|label): *", "$"),
    (r"^:::\{figure-md\} *", "$"),
    (r"\$\$ *\(", r"\)$"),
    (r"\]\(#", r"\)"),
    (r"\{(?:ref|numref|eq)\}`(?:[^`<]*<)?", "[`>]"),
)
"""What comes before and after a label, where it is defined and where it is referred to."""


def _figure_names(cell: Any) -> list[Any]:
    """Return the parts of a cell's metadata that name a figure."""
    parts = cell.metadata.get("mystnb", {})
    return [part for part in (parts.get("figure"), parts.get("image")) if part and "name" in part]


def _as_text(role: str, rawtext: str, text: str, *rest: Any, **options: Any) -> Any:
    from docutils import nodes

    title = re.fullmatch(r"(.+?)\s*<[^<>]+>", text)
    return [nodes.emphasis(rawtext, title[1] if title else text.rpartition("/")[2])], []


def _embedded(folder: Path) -> Callable[[re.Match[str]], str]:
    def data(found: re.Match[str]) -> str:
        picture = folder / found[2]
        if not picture.is_file():
            return found[0]
        kind = mimetypes.guess_type(picture.name)[0]
        return f'{found[1]}data:{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}"'

    return data
