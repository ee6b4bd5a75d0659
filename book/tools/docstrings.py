"""Sphinx extension: docstrings as the page of the API shows them, where Sphinx and napoleon see them otherwise.

A docstring calls a neighbour by its short name, as the code does; Sphinx looks for it in the module under which it is shown,
which for public names is the package. A name that is nowhere in stresslib stays a warning.
"""

import pkgutil
import re
from functools import cache
from importlib import import_module
from typing import Any

from docutils import nodes

import stresslib


@cache
def names() -> frozenset[str]:
    """Names of everything that stresslib's modules define and some page may not document.

    Examples
    --------
    >>> {"parse_spec", "Spec", "Spec.stress"} <= names(), "parse_specs" in names()
    (True, False)
    """
    found = set()
    for module in pkgutil.walk_packages(stresslib.__path__, "stresslib."):
        for name, value in vars(import_module(module.name)).items():
            if str(getattr(value, "__module__", module.name)).startswith("stresslib"):
                found |= {name, f"{module.name}.{name}"}
                found |= {f"{name}.{member}" for member in vars(value)} if isinstance(value, type) else set()
    return frozenset(found)


def resolve(app: Any, environment: Any, reference: Any, content: Any) -> Any:
    """Link a name of stresslib's that Sphinx did not find to the one object whose name ends so; else leave it as text."""
    if reference.get("refdomain") != "py":
        return None
    short = reference["reftarget"]
    domain = environment.get_domain("py")
    ends = (f".{short}", f".{short.rpartition('.')[2]}") if short.startswith("stresslib.") else (f".{short}",)
    entries = {(entry.docname, entry.node_id) for name, entry in domain.objects.items() if name.endswith(ends)}
    if len(entries) == 1:
        page, anchor = entries.pop()
        uri = app.builder.get_relative_uri(reference["refdoc"], page)
        return nodes.reference("", "", content, internal=True, refuri=f"{uri}#{anchor}", reftitle=short)
    return content if short in names() else None


_BEFORE: dict[str, list[str]] = {}


def keep(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Note what a property or a constant says of itself: napoleon takes all before its first colon for a type."""
    if what in ("attribute", "data", "property"):
        _BEFORE[name] = list(lines)


def restore(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Put back what :func:`keep` noted, and make text of what Sphinx would turn into something else."""
    lines[:] = [_as_text(line) for line in _BEFORE.pop(name, lines)]


def _as_text(line: str) -> str:
    # Each docstring counts its own footnotes, and all share a page.
    line = re.sub(r"^\.\. \[(\d+)\]", r"-  [\1]", line)
    line = re.sub(r"\[(\d+)\]_", r"[\1]", line)
    # The quotes of a type, in napoleon's form "(*TYPE*)", are those of the code.
    return re.sub(r"\(\*[^*]+\*\)", lambda found: found[0].replace('"', r"\""), line)


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx: one step before napoleon, one after it."""
    app.connect("autodoc-process-docstring", keep, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}
