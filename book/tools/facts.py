"""Sphinx extension: one section at the end of each page that a template made, with what a reader may ask of its run.

Parameters, command, time and versions come from results/NAME.json; template and chapter are those that drew the page. The
section is part of the document, so that its contents, the search and links know it.
"""

import json
import os
import subprocess
from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref

from stressbook.digests import chapter
from stressbook.reproduce.catalogue import figures
from stressbook.reproduce.parameters import defaults

ROOT = Path(__file__).parents[2]
PAGES = "book/generated/"
PROVENANCE = f"{PAGES}provenance"
LIBRARIES = {"python": "Python", "numpy": "NumPy", "scikit-learn": "scikit-learn", "torch": "PyTorch"}
"""What a page says the versions of, as the run and as a reader call them."""

PLUMBING = ("results", "store", "reference", "output")
"""Parameters that say where a run reads and writes, and change nothing of what it makes."""


def module(template: Path) -> str:
    """Return the folder of a template's chapter, by its path in the checkout: the first chapter that it imports.

    Examples
    --------
    >>> module(ROOT / "notebooks" / "figure-4.ipynb")
    'book/stressbook/chapters/rerun/figure_4'
    """
    folder = chapter(template)
    if folder is None:
        raise ValueError(f"{template} imports no chapter of stressbook")
    return f"book/{folder}"


def record(name: str, root: Path = ROOT) -> dict[str, Any]:
    """Return what is recorded of a figure's run, its `parameters` with the template's defaults; nothing without a run.

    Parameters
    ----------
    name : str
        As in notebooks/figures.yml.
    root : pathlib.Path
    """
    path = root / "results" / f"{name}.json"
    if not path.is_file():
        return {}
    run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    known = defaults(root / "notebooks" / figures(root)[name]["template"]) | run["parameters"]
    # Names like caltech101/bossanova/pyramid say network and layer too.
    whole = all("/" in dataset for dataset in known.get("dataset", [""]))
    unused = (*PLUMBING, "model", "layer") if whole else PLUMBING
    run["parameters"] = {key: value for key, value in known.items() if key not in unused}
    return run


def shown(value: Any) -> list[str]:
    """Return the parts of a parameter's value as a reader would write them; three and more numbers in a row as a range.

    Examples
    --------
    >>> shown([0, 5, 50, 51, 52, 53])
    ['0', '5', '50 to 53']
    >>> shown("scenes15"), shown([]), shown(True)
    (['scenes15'], ['[]'], ['true'])
    """
    if not value or not isinstance(value, list):
        return [value if value and isinstance(value, str) else json.dumps(value)]
    parts = []
    # Numbers that count up by one keep their distance to their places.
    for _, group in groupby(enumerate(value), lambda item: item[1] - item[0] if type(item[1]) is int else item):
        run = [one for _, one in group]
        ends = [f"{run[0]} to {run[-1]}"] if len(run) > 2 else [part for one in run for part in shown(one)]
        parts += ends
    return parts


@cache
def commit() -> str:
    """Name of the commit that the book is built from; empty without git."""
    try:
        command = ["git", "rev-parse", "--short", "HEAD"]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return found.stdout.strip()


def rows(run: dict[str, Any], template: str) -> dict[str, list[Any]]:
    """Return the rows of a page's table: what each is about, and its paragraphs, each a list of text and nodes."""
    table = {}
    if run:
        table["Parameters"] = [_parameter(key, value) for key, value in run["parameters"].items()] or [["none"]]
    table["Template"] = [_source(f"notebooks/{template}")]
    table["Chapter"] = [_source(module(ROOT / "notebooks" / template))]
    if run:
        finished = datetime.fromisoformat(run["finished"])
        clean = str(run["commit"]).removesuffix("-dirty")
        by = [", at commit ", nodes.literal("", clean)] if run["commit"] else []
        dirty = [" with changes"] if str(run["commit"]).endswith("-dirty") else []
        when = f"{finished.day} {finished:%B %Y}, on {run['cores']} cores"
        table["Run"] = [[when, *by, *dirty]]
        table["Versions"] = [[", ".join(f"{label} {run['versions'][name]}" for name, label in LIBRARIES.items())]]
    return table


def _parameter(name: str, value: Any) -> list[Any]:
    parts = [part for one in shown(value) for part in (", ", nodes.literal("", one))]
    return [nodes.strong("", name), ": ", *parts[1:]]


def _source(path: str) -> list[Any]:
    """A path, linked to what it was in the commit of the book, where the repository is known; else with the commit."""
    repository, text = os.environ.get("GITHUB_REPOSITORY", ""), nodes.literal("", path)
    if repository and commit():
        uri = f"https://github.com/{repository}/blob/{commit()}/{path}"
        return [nodes.reference("", "", text, refuri=uri, internal=False)]
    return [text, f" at {commit()}"] if commit() else [text]


def section(name: str, template: str, page: str, *, provenance: bool) -> Any:
    """Make the section of a page.

    Parameters
    ----------
    name : str
        As in notebooks/figures.yml.
    template : str
        File under notebooks/.
    page : str
        As Sphinx names it.
    provenance : bool
        Whether the book has the page of provenance, which then is linked.

    Returns
    -------
    docutils.nodes.section
    """
    run = record(name)
    title = "About this run" if run else "About this page"
    made = nodes.section("", nodes.title("", title), ids=[nodes.make_id(title)], names=[title.lower()])
    if run:
        command = f"stresslib reproduce {name} --profile full"
        made += _paragraph(
            ["This command computes again what the page shows, and writes it to ", nodes.literal("", "results/"), ":"]
        )
        made += nodes.literal_block(command, command, language="bash")
    made += _table(rows(run, template))
    if run and provenance:
        target = {"reftype": "doc", "refdomain": "std", "reftarget": f"/{PROVENANCE}", "refexplicit": True, "refwarn": True}
        link = pending_xref("", nodes.inline("", "Provenance"), refdoc=page, **target)
        made += _paragraph([link, " has the features of each run, with their hashes, and all versions."])
    return made


def _table(content: dict[str, list[Any]]) -> Any:
    body = nodes.tbody()
    for head, paragraphs in content.items():
        cells = ([[head]], paragraphs)
        body += nodes.row("", *(nodes.entry("", *map(_paragraph, cell)) for cell in cells))
    group = nodes.tgroup("", nodes.colspec(colwidth=20, stub=1), nodes.colspec(colwidth=80), body, cols=2)
    return nodes.table("", group, classes=["facts"])


def _paragraph(parts: list[Any]) -> Any:
    return nodes.paragraph("", "", *(nodes.Text(part) if isinstance(part, str) else part for part in parts))


def add_facts(app: Any, document: Any) -> None:
    """Put the section at the end of the page, if it is a template's."""
    page = app.env.docname
    name = page.removeprefix(PAGES)
    entry = figures(ROOT).get(name) if page.startswith(PAGES) else None
    sections = list(document.findall(nodes.section))
    if entry is None or not sections:
        return
    for file in ("notebooks/figures.yml", f"results/{name}.json"):
        app.env.note_dependency(str(ROOT / file))
    known = PROVENANCE in app.env.found_docs and page != PROVENANCE
    sections[0] += section(name, entry["template"], page, provenance=known)


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx, before the headings of a page are collected."""
    app.connect("doctree-read", add_facts, priority=400)
    return {"parallel_read_safe": True}
