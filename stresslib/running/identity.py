"""Identity: JSON that says which value was given to a task, down to the source of every class and function inside it.

Under `tasks`, whose kept results are found by it. Libraries count by their versions, a user's own code by its text.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import json
import linecache
import sys
import types
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import numpy as np

from stresslib.digests import module_digest
from stresslib.features import FeatureSet
from stresslib.files import text_sha256
from stresslib.stress.spec import Spec


class UnknownSourceError(Exception):
    """The source of a class or function cannot be read, so that an edit of it would go unseen."""


def identity(value: Any, seen: frozenset[int] = frozenset()) -> Any:
    """Return JSON that no other value has.

    Parameters
    ----------
    value : Any
        JSON values, arrays, feature sets, specs, classes, functions, and objects that consist of these.
    seen : frozenset of int
        What is being described already, by `id`: a value may contain itself.

    Raises
    ------
    UnknownSourceError
        When a class or function is part of it whose source cannot be read, such as one that was typed at a prompt.
    ValueError
        When it cannot be told from other values of its kind.
    """
    if isinstance(value, FeatureSet):
        return {"features": value.name, "sha256": value.digest}
    if isinstance(value, Spec):
        return {"stress": str(value)}
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"array": [value.dtype.str, *value.shape], "sha256": digest}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes | bytearray):
        return {"bytes": hashlib.sha256(value).hexdigest()}
    if id(value) in seen:
        return {"again": type(value).__qualname__}
    inner = functools.partial(identity, seen=seen | {id(value)})
    if isinstance(value, dict):
        return {str(key): inner(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [inner(one) for one in value]
    if isinstance(value, set | frozenset):
        return {"set": sorted(json.dumps(inner(one), sort_keys=True) for one in value)}
    if isinstance(value, type):
        bases = [inner(base) for base in value.__bases__ if base is not object]
        return {"class": f"{value.__module__}.{value.__qualname__}", "code": _code(value, inner), "bases": bases}
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        more = inner([cells, value.__defaults__, value.__kwdefaults__])
        return {"function": f"{value.__module__}.{value.__qualname__}", "code": _code(value, inner), "more": more}
    try:  # what another process would make it of
        parts = value.__reduce_ex__(4)
        return parts if isinstance(parts, str) else {"object": [_reduced(part, inner) for part in parts]}
    except (AttributeError, RecursionError, TypeError) as error:
        raise ValueError(
            f"{value!r} cannot be told from other values of its kind, so that results of it cannot be kept"
        ) from error


def _reduced(part: Any, inner: Callable[[Any], Any]) -> Any:
    return inner(list(part) if isinstance(part, Iterator) else part)


def _code(value: Any, inner: Callable[[Any], Any]) -> Any:
    """Return what stands for the code of a class or function: a digest of its module, a version, or its cell's source."""
    name = value.__module__ or "builtins"
    package = name.partition(".")[0]
    if package == "stresslib":
        return module_digest(name)
    if package in sys.stdlib_module_names and name != "__main__":
        return sys.version.partition(" ")[0]
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return _cells(value, inner)
    if not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts):
        return _installed(package)
    try:
        return module_digest(name)
    except ValueError:  # a script, or a module that was loaded from where it is not searched
        try:
            return text_sha256(Path(file).read_text(encoding="utf-8"))
        except OSError as error:
            raise UnknownSourceError(f"{file}, in which {value.__qualname__} is defined, cannot be read") from error


@functools.cache
def _installed(package: str) -> list[str]:
    return [f"{one} {version(one)}" for one in sorted(set(packages_distributions().get(package, [])))]


def _cells(value: Any, inner: Callable[[Any], Any]) -> Any:
    """Return the source of the notebook cells that define a class or function, and what these take from other cells."""
    functions = list(_functions(value))
    lines = {code.co_filename: linecache.getlines(code.co_filename) for code in (one.__code__ for one in functions)}
    if not any(lines.values()):
        raise UnknownSourceError(
            f"the source of {value.__qualname__} cannot be read; put it into a module or a notebook cell"
        )
    used = {
        name: one.__globals__[name]
        for one in functions
        for code in _inside(one.__code__)
        for name in _globals(code)
        if not isinstance(one.__globals__.get(name), types.ModuleType | types.NoneType)
    }
    try:
        return [["".join(text) for text in lines.values()], inner(used)]
    except ValueError as error:
        raise UnknownSourceError(f"{value.__qualname__} uses what cannot be told from other values: {error}") from error


def _globals(code: types.CodeType) -> set[str]:
    return {one.argval for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}


def _functions(value: Any) -> Iterator[types.FunctionType]:
    for one in [value] if isinstance(value, types.FunctionType) else vars(value).values():
        for part in (one, getattr(one, "__func__", None), *(getattr(one, name, None) for name in ("fget", "fset"))):
            if isinstance(part, types.FunctionType):
                yield part


def _inside(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield the code of a function, and that of the functions inside."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _inside(constant)
