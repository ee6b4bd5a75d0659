"""Digests of the modules that a result depends on, so that nothing made by other code passes for this code's own.

Sweeps, extraction, the manifest of results/ and its check compare them; this module depends on none of those.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from stresslib.files import text_sha256

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch")


def _sources() -> dict[str, str]:
    """Return the text of every module of the package, by its path from the package's folder."""
    folder = Path(__file__).parent
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))}


_TEXTS = _sources()  # now, while the sources are those that are imported


@cache
def code_digest() -> str:
    """Return the SHA-256 over the modules that a score of any feature stress depends on, so that no edit goes unnoticed."""
    return digest(*modules_used("evaluation/protocol.py", "evaluation/bootstrap.py", within=("evaluation/", "stress/")))


@cache
def modules_used(*names: str, within: tuple[str, ...]) -> tuple[str, ...]:
    """Return modules and what they import, directly or by way of others.

    Parameters
    ----------
    *names : str
        Paths from the package's folder.
    within : tuple of str
        Beginnings of the paths that are followed; what lies elsewhere counts as carrying data and files only.

    Returns
    -------
    tuple of str
        Sorted paths. A name that a package hands on is found in the module that defines it.

    Examples
    --------
    >>> from stresslib.digests import modules_used
    >>> modules_used("evaluation/bootstrap.py", within=("evaluation/",))
    ('evaluation/bootstrap.py', 'evaluation/metrics.py')
    """
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [module for module in _imports(name) if module.startswith(within)]
    return tuple(sorted(found))


def _imports(name: str) -> list[str]:
    """Return the modules of the package whose names a module imports, anywhere in its code."""
    return [_definer(module, imported) for module, imported in _imported_names(_TEXTS[name])]


def _imported_names(text: str) -> list[tuple[str, str]]:
    """Return what stands in the statements ``from stresslib.MODULE import NAME``, module (as a path) and name."""
    return [
        (statement.module.removeprefix("stresslib").lstrip(".").replace(".", "/"), alias.name)
        for statement in ast.walk(ast.parse(text))
        if isinstance(statement, ast.ImportFrom) and statement.module and statement.module.split(".")[0] == "stresslib"
        for alias in statement.names
    ]


def _definer(module: str, name: str) -> str:
    """Return the path of the module that defines a name: a module of its own, a module's, or one that a package hands on."""
    package = f"{module}/" if module else ""
    for path in (f"{package}{name}.py", f"{package}{name}/__init__.py", f"{module}.py"):
        if path in _TEXTS:
            return path
    initial = f"{package}__init__.py"
    handed_on = [origin for origin, other in _imported_names(_TEXTS[initial]) if other == name and origin != module]
    return _definer(handed_on[0], name) if handed_on else initial


def digest(*names: str) -> str:
    """Return the SHA-256 over the text of some modules.

    Parameters
    ----------
    *names : str
        Paths from the package's folder.

    Returns
    -------
    str
        Hexadecimal.

    Examples
    --------
    >>> from stresslib.digests import digest
    >>> digest("stress/spec.py") == digest("stress/spec.py", "files.py")
    False
    """
    return text_sha256(*(part for name in names for part in (name, _TEXTS[name])))


@cache
def module_digest(module: str) -> str:
    """Return the SHA-256 over a module, of this package or another one, and what it imports from both.

    Parameters
    ----------
    module : str
        As it is imported.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        When the module's code is in no file, as at a prompt.

    Examples
    --------
    >>> from stresslib.digests import digest, module_digest
    >>> module_digest("stresslib.evaluation.bootstrap") == digest("evaluation/bootstrap.py", "evaluation/metrics.py")
    True
    """
    name = module.removeprefix("stresslib.").replace(".", "/") + ".py"
    if module.startswith("stresslib.") and name in _TEXTS:
        return digest(*modules_used(name, within=("",)))
    texts: dict[str, str] = {}
    used: set[str] = set()
    left = [module]
    while left:
        one = left.pop()
        if one in texts or (text := _text(one)) is None:
            continue
        texts[one] = text
        used |= {_definer(*imported) for imported in _imported_names(text)}
        for statement in ast.walk(ast.parse(text)):
            if isinstance(statement, ast.Import) and any(name.name.split(".")[0] == "stresslib" for name in statement.names):
                used |= set(_TEXTS)  # it does not say which names it uses
            elif isinstance(statement, ast.ImportFrom) and (statement.module or "").split(".")[0] == module.split(".")[0]:
                left += [str(statement.module), *(f"{statement.module}.{name.name}" for name in statement.names)]
    if module not in texts:
        raise ValueError(f"the code of {module} is in no file by which its results could be known; put it into a module")
    return text_sha256(*(texts[one] for one in sorted(texts)), digest(*modules_used(*sorted(used), within=("",))))


def _text(module: str) -> str | None:
    """Return the source of a module; None where there is no such module, or no file of it."""
    try:
        spec = find_spec(module)
    except (ModuleNotFoundError, ValueError):  # a name in a module; a module that no file made
        return None
    return Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin and Path(spec.origin).is_file() else None


@cache
def extraction_digest(package: str = "extraction") -> str:
    """Return the SHA-256 over the modules that extracted vectors depend on.

    Parameters
    ----------
    package : {"extraction", "classical"}, default="extraction"
        Networks, or methods without one; both read their images through :mod:`stresslib.images`.

    Returns
    -------
    str
    """
    return digest(*(name for name in _TEXTS if name.startswith((f"{package}/", "images/"))))


def library_versions() -> list[str]:
    """Return names and versions of the libraries that a score depends on; one that is missing is listed as such."""
    return [f"{name} {_version(name)}" for name in _LIBRARIES]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"
