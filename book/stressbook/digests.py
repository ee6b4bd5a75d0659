"""Digests of results: for each table under results/, of the code that its measure uses, and of no other.

Below everything of this package. It reads sources, templates and tables, and imports no chapter: the manifest and its check
enter and compare what it returns, the page on provenance shows it.
"""

from __future__ import annotations

import ast
import copy
import csv
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import stresslib
from stresslib.digests import Code, _without_unused
from stresslib.stress.spec import tokens_named

CODE = Code(Path(stresslib.__file__).parent, Path(__file__).parent)  # now, while the sources are those that are imported
"""The modules of both packages."""

REGISTRIES = {
    "stresslib/networks/registry.py": "ARCHITECTURES",
    "stresslib/training/recipes.py": "RECIPES",
    "stresslib/training/data.py": "LOADERS",
}
"""Modules with a dictionary of what a trained network can be, and its name; the keys are words of a table."""

_NOTEBOOK = "stressbook/notebook.py"

_NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def template_of(name: str) -> Path:
    """Return the template of a figure in the checkout that this package lies in.

    Parameters
    ----------
    name : str
        As in notebooks/figures.yml.

    Returns
    -------
    pathlib.Path
    """
    return _NOTEBOOKS / str(_figures()[name]["template"])


@cache
def _figures() -> dict[str, Any]:
    return dict(yaml.safe_load((_NOTEBOOKS / "figures.yml").read_text(encoding="utf-8")))


def chapter(template: Path) -> str | None:
    """Return the folder of a template's chapter: the first chapter that it imports; None where it imports none.

    Parameters
    ----------
    template : pathlib.Path

    Returns
    -------
    str or None
        From the folder that the package lies in.

    Examples
    --------
    >>> chapter(template_of("figure-4"))
    'stressbook/chapters/rerun/figure_4'
    """
    for line in ast.parse(_cells(template)).body:
        if isinstance(line, ast.ImportFrom) and (line.module or "").startswith("stressbook.chapters."):
            return str(line.module).replace(".", "/")
    return None


def _cells(template: Path) -> str:
    """Return the code of a template."""
    cells = json.loads(template.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def result_digest(template: Path, table: Path, code: Code = CODE) -> str:
    """Return the SHA-256 over the code that a result depends on.

    It is that of the chapter's measure, of what the template itself takes from stresslib, and of all that these import. Of
    the feature stresses, and of the architectures, recipes and data sets of trained networks, only those count that the
    table names, so that a new one changes nothing.

    Parameters
    ----------
    template : pathlib.Path
        Of the figure.
    table : pathlib.Path
        What its run made: a results table, or a file of another kind.
    code : Code, default=CODE
        The modules to look at.

    Returns
    -------
    str
    """
    text = _cells(template)
    taken = code.found_in(text)
    if _NOTEBOOK in taken:  # most templates leave it to a function there to load their vectors; what else it does is to draw
        taken |= code.found_in(code.texts[_NOTEBOOK], _NOTEBOOK, definition="measured")
    starts = {name for name in taken if name.startswith("stresslib/")}
    starts |= {f"{chapter(template)}/measure.py"} & set(code.texts)
    tokens = _tokens(table)
    return _without_others(code, tokens).digest_used(*starts, tokens=tokens)


def _without_others(code: Code, tokens: frozenset[str]) -> Code:
    """Return the modules with those entries alone of the dictionaries in `REGISTRIES` that tokens name."""
    fewer = copy.copy(code)
    fewer.texts = {**code.texts, **{path: _fewer(code.texts[path], name, tokens) for path, name in REGISTRIES.items()}}
    return fewer


@cache
def _fewer(text: str, name: str, tokens: frozenset[str]) -> str:
    tree = ast.parse(text)
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(value := getattr(node, "value", None), ast.Dict) and name in [
            getattr(one, "id", "") for one in targets
        ]:
            pairs = zip(value.keys, value.values, strict=True)
            kept = [pair for pair in pairs if not isinstance(pair[0], ast.Constant) or pair[0].value in tokens]
            value.keys, value.values = [key for key, _ in kept], [entry for _, entry in kept]
    return ast.unparse(_without_unused(tree))


def _tokens(table: Path) -> frozenset[str]:
    """Return the tokens of all that a results table names; none for a file of another kind.

    They are those of its stresses, and the names of its data sets, networks and variants, up to a colon or a plus in each
    part of ``DATA/ARCHITECTURE/RECIPE/SEED``.
    """
    if table.suffix != ".csv":
        return frozenset()
    with open(table, encoding="utf-8", newline="") as stream:  # a table that was edited is read too, and reported elsewhere
        rows = list(csv.DictReader(stream))
    stresses = {row.get("stress") or "" for row in rows}
    named = {row.get(column) or "" for row in rows for column in ("dataset", "model", "variant")}
    parts = {part for name in named for part in name.split("/")}
    return frozenset(
        {token for stress in stresses for token in tokens_named(stress)} | {re.split("[:+]", part)[0] for part in parts}
    )
