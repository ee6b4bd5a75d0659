"""Digests of the modules that a result depends on, so that nothing made by other code passes for this code's own.

Sweeps, extraction, the manifest of results/ and its check compare them; this module depends on none of those. What a module
uses is read from its syntax tree, and nothing is imported for it. Comments, docstrings and layout do not count.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from stresslib.files import text_sha256

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch")

_REGISTRY = "stresslib/stress/registry.py"
"""The module of which only the entries of some tokens count."""

_BY_SPEC = ("stresslib/stress/spec.py", _REGISTRY)
"""Modules that are told by a string which stress to apply, and those of the library that import them."""


class Code:
    """The modules of some packages as they are on disk, and what each of them uses.

    Parameters
    ----------
    *packages : pathlib.Path
        Their folders.

    Attributes
    ----------
    texts : dict
        The text of each module, by its path from the folder that the package lies in, such as ``"stresslib/files.py"``.

    Examples
    --------
    >>> from stresslib.digests import STRESSLIB
    >>> STRESSLIB.modules_used("stresslib/evaluation/bootstrap.py", within=("stresslib/evaluation/",))
    ('stresslib/evaluation/bootstrap.py', 'stresslib/evaluation/metrics.py')
    """

    def __init__(self, *packages: Path) -> None:
        self.texts = {
            path.relative_to(package.parent).as_posix(): path.read_text(encoding="utf-8")
            for package in packages
            for path in sorted(package.rglob("*.py"))
        }

    def modules_used(
        self, *names: str, within: tuple[str, ...] = ("",), tokens: frozenset[str] | None = None
    ) -> tuple[str, ...]:
        """Return modules and what they import, directly or by way of others.

        Parameters
        ----------
        *names : str
            Paths of modules, as in `texts`.
        within : tuple of str, default=("",)
            Beginnings of the paths that are followed. Default: all.
        tokens : frozenset of str, optional
            Feature stresses that are applied. The others' entries in the registry, and the modules of their transformers,
            are left out. Default: all.

        Returns
        -------
        tuple of str
            Sorted paths. A name that a package hands on, at once or when it is first used, is found in the module that
            defines it. Imports inside functions count, those for type checkers alone do not.
        """
        # What applies any stress that a string names needs the transformers of the tokens, and these come by the registry.
        registered = set() if tokens is None else self.found_in(self.texts[_REGISTRY], _REGISTRY)
        transformers = {module for module in registered if module.startswith("stresslib/stress/on_features/")}
        seen: set[str] = set()
        left = list(names)
        while left:
            name = left.pop()
            if name in seen:
                continue
            seen.add(name)
            found = self.found_in(self.texts[name], name, tokens=tokens if name == _REGISTRY else None)
            if name != _REGISTRY and name.startswith("stresslib/") and not found.isdisjoint(_BY_SPEC):
                found -= transformers
            left += [module for module in found if module.startswith(within)]
        return tuple(sorted(seen))

    def found_in(
        self, text: str, name: str = "", *, definition: str | None = None, tokens: frozenset[str] | None = None
    ) -> set[str]:
        """Return the modules whose names a text imports.

        Parameters
        ----------
        text : str
            Python source; it need not be of a module in `texts`.
        name : str, default=""
            Its path, from which relative imports start.
        definition : str, optional
            The function to which the use is confined.
        tokens : frozenset of str, optional
            For the registry: the entries that count.

        Returns
        -------
        set of str
        """
        found = (self.defining(dotted) for dotted in _references(text, name, definition, tokens))
        return {module for module in found if module is not None}

    def defining(self, dotted: str) -> str | None:
        """Return the module that a dotted name leads to; None for a package as such, and for other people's packages.

        Examples
        --------
        >>> from stresslib.digests import STRESSLIB
        >>> STRESSLIB.defining("stresslib.sweep"), STRESSLIB.defining("stresslib.codec.compress")
        ('stresslib/running/grid.py', 'stresslib/codec/writing.py')
        """
        folder, *parts = dotted.split(".")
        while (initial := f"{folder}/__init__.py") in self.texts and parts:
            part, *rest = parts
            origin = _handed_on(self.texts[initial], initial).get(part)
            # `from stresslib.codec.accounting import accounting` leads to the module of that name, as it does without it.
            if origin is not None and not f"{origin}.".startswith(f"{folder}/{part}.".replace("/", ".")):
                return self.defining(".".join([origin, *rest]))
            if f"{folder}/{part}.py" in self.texts:
                return f"{folder}/{part}.py"
            if f"{folder}/{part}/__init__.py" not in self.texts:
                return initial
            folder, parts = f"{folder}/{part}", rest
        return None

    def digest(self, *names: str, tokens: frozenset[str] | None = None) -> str:
        """Return the SHA-256 over what some modules say to the interpreter.

        Parameters
        ----------
        *names : str
            Paths of modules, as in `texts`.
        tokens : frozenset of str, optional
            As :meth:`modules_used` takes them.

        Returns
        -------
        str
            Hexadecimal; the same for every version of Python.
        """
        kept = ((name, tokens if name == _REGISTRY else None) for name in names)
        return text_sha256(*(part for name, some in kept for part in (name, _tree_sha256(self.texts[name], some))))

    def digest_used(self, *names: str, within: tuple[str, ...] = ("",), tokens: frozenset[str] | None = None) -> str:
        """Return the SHA-256 over modules and what they import, as :meth:`modules_used` finds it."""
        return self.digest(*self.modules_used(*names, within=within, tokens=tokens), tokens=tokens)


STRESSLIB = Code(Path(__file__).parent)  # now, while the sources are those that are imported
"""The modules of this package."""


@cache
def module_digest(module: str, tokens: frozenset[str] | None = None) -> str:
    """Return the SHA-256 over a module, of this package or another one, and what it imports from both.

    Parameters
    ----------
    module : str
        As it is imported.
    tokens : frozenset of str, optional
        Feature stresses that are applied, as :meth:`Code.modules_used` takes them.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        When the module's code is in no file, as at a prompt.

    Examples
    --------
    >>> from stresslib.digests import STRESSLIB, module_digest
    >>> module_digest("stresslib.files") == STRESSLIB.digest("stresslib/files.py")
    True
    """
    path = f"{module.replace('.', '/')}.py"
    if path in STRESSLIB.texts:
        return STRESSLIB.digest_used(path, tokens=tokens)
    try:
        package, own = find_spec(module.partition(".")[0]), find_spec(module)
    except (ModuleNotFoundError, ValueError):  # no such module, or one that no file made
        package = own = None
    if package is not None and package.submodule_search_locations:
        code = Code(*map(Path, package.submodule_search_locations))
        code.texts |= STRESSLIB.texts
        if path in code.texts:
            return code.digest_used(path, tokens=tokens)
    if own is None or own.origin is None or not Path(own.origin).is_file():
        raise ValueError(f"the code of {module} is in no file by which its results could be known; put it into a module")
    text = Path(own.origin).read_text(encoding="utf-8")
    return text_sha256(
        _tree_sha256(text, None), STRESSLIB.digest_used(*sorted(STRESSLIB.found_in(text, path)), tokens=tokens)
    )


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
    rooms = (f"stresslib/{package}/", "stresslib/images/")
    return STRESSLIB.digest(*(name for name in STRESSLIB.texts if name.startswith(rooms)))


@cache
def _references(text: str, name: str, definition: str | None, tokens: frozenset[str] | None) -> tuple[str, ...]:
    """Return the dotted names that a text imports, and those that it reaches by attributes of them, as ``sl.sweep``."""
    tree = _tree(text, tokens)
    scope = next(one for one in tree.body if getattr(one, "name", None) == definition) if definition else tree
    bound = dict(_imported(tree, name))
    used = {node.id for node in ast.walk(scope) if isinstance(node, ast.Name)} if definition else set(bound)
    reached = (_dotted(node) for node in ast.walk(scope) if isinstance(node, ast.Attribute))
    chains = (chain.partition(".") for chain in reached if chain)
    return (
        *(origin for _, origin in _imported(scope, name)),
        *(bound[local] for local in used if local in bound),
        *(f"{bound[local]}.{rest}" for local, _, rest in chains if local in bound),
    )


@cache
def _handed_on(text: str, name: str) -> dict[str, str]:
    """Return where the names that a package imports come from, those among them that it imports when they are first used.

    For these a package says the same to type checkers, in plain imports.
    """
    return dict(_imported(ast.parse(text), name))


def _imported(tree: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    """Yield local and dotted name of what stands in import statements, of a module at a path."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, alias.name
                if not alias.asname:  # `import a.b` binds a
                    yield (alias.name.partition(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            above = name.split("/")[: -node.level] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield alias.asname or alias.name, f"{origin}.{alias.name}"


def _dotted(node: ast.expr) -> str:
    """Return an attribute of a name, of any depth, as it is written; empty for an attribute of anything else."""
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


@cache
def _tree_sha256(text: str, tokens: frozenset[str] | None) -> str:
    return text_sha256(_plain(_tree(text, tokens)))


def _plain(node: object) -> str:
    """Write a syntax tree without places and empty fields: newer versions of Python have more of the latter."""
    if isinstance(node, ast.AST):
        fields = ((field, getattr(node, field, None)) for field in node._fields)
        inner = [f"{field}={_plain(value)}" for field, value in fields if value is not None and value != []]
        return f"{type(node).__name__}({','.join(inner)})"
    return f"[{','.join(map(_plain, node))}]" if isinstance(node, list) else repr(node)


@cache
def _tree(text: str, tokens: frozenset[str] | None) -> ast.Module:
    """Return the syntax tree of a module without docstrings and what is for type checkers; of the registry, some entries."""
    tree: ast.Module = _Bare(tokens).visit(ast.parse(text))
    return tree if tokens is None else _without_unused(tree)


class _Bare(ast.NodeTransformer):
    """Takes strings that stand alone, imports for type checkers, and entries of other stresses out of a syntax tree."""

    def __init__(self, tokens: Collection[str] | None) -> None:
        self.tokens = tokens

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        alone = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if alone else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if _dotted(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING") else node

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        if self.tokens is not None:
            node.elts = [one for one in node.elts if _token(one) is None or _token(one) in self.tokens]
        return self.generic_visit(node)


def _token(node: ast.expr) -> object:
    """Return the token of an entry of the registry; None for anything else."""
    keywords = node.keywords if isinstance(node, ast.Call) and _dotted(node.func) == "FeatureStress" else []
    values = (keyword.value for keyword in keywords if keyword.arg == "token")
    return next((value.value for value in values if isinstance(value, ast.Constant)), None)


def _without_unused(tree: ast.Module) -> ast.Module:
    """Take imports and private functions that nothing else needs out of a module, and then what only they needed."""
    while True:
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        kept: list[ast.stmt] = []
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom):
                names = [alias for alias in statement.names if (alias.asname or alias.name) in used]
                statement = ast.ImportFrom(statement.module, names, statement.level)
            name = statement.name if isinstance(statement, ast.FunctionDef) else ""
            if getattr(statement, "names", True) and not (name.startswith("_") and name not in used):
                kept.append(statement)
        if len(kept) == len(tree.body):
            return ast.Module(kept, [])
        tree = ast.Module(kept, [])


def library_versions(*more: str) -> list[str]:
    """Return names and versions of the libraries that a score depends on, and of more; a missing one is listed as such."""
    return [f"{name} {_version(name)}" for name in (*_LIBRARIES, *more)]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"
