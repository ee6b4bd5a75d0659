"""The store as a folder of files, one for each finished setting: what it holds, its bounds, what is stale in it.

`tasks` writes and reads it; `stresslib cache` shows and clears it. Any number of processes may use one folder at once.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stresslib.digests import library_versions, module_digest

LIMIT = 100_000_000
"""Default limit of the store in bytes: some 150,000 settings."""

VARIABLE = "STRESSLIB_STORE_BYTES"
"""Environment variable with another limit, in bytes."""

_ABANDONED = 86_400.0
"""Seconds after which a temporary file is taken for one that a killed process left behind."""


def recalled(path: Path) -> Any:
    """Return the result of an entry, and note its use; None where it cannot be read."""
    entry = _entry(path)
    if entry is None:
        return None
    with suppress(OSError):  # least recently used entries go first; a read-only folder keeps no record of use
        os.utime(path)
    return entry["result"]


def _entry(path: Path) -> dict[str, Any] | None:
    """Return an entry as a task makes it; None where a file is absent, damaged or of another form."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return entry if isinstance(entry, dict) and {"name", "module", "result"} <= entry.keys() else None


def limit() -> int:
    """Return how many bytes the store may take.

    Raises
    ------
    ValueError
        When the value of the environment variable is not a number of bytes.
    """
    text = os.environ.get(VARIABLE, str(LIMIT))
    if not text.isdecimal():
        raise ValueError(f"{VARIABLE}={text!r} is not a number of bytes, such as {LIMIT}")
    return int(text)


def trim(folder: str | os.PathLike[str], most: int | None = None) -> int:
    """Remove the least recently used settings until the rest fits, and what killed processes left behind.

    Parameters
    ----------
    folder : path-like
        A store, which need not exist.
    most : int, optional
        Limit in bytes; default: :func:`limit`.

    Returns
    -------
    int
        Number of settings that were removed.
    """
    most = limit() if most is None else most
    found = sorted(_files(folder), key=lambda file: file.used)
    total, removed = sum(file.size for file in found), 0
    for file in found:
        if file.is_abandoned or (file.is_setting and total > most):
            with suppress(OSError):  # another process removed it first, or the folder is read-only
                file.path.unlink()
                total -= file.size
                removed += file.is_setting
    return removed


@dataclass(frozen=True)
class _File:
    path: Path
    size: int
    used: float

    @property
    def is_setting(self) -> bool:
        return not self.path.name.startswith(".")

    @property
    def is_abandoned(self) -> bool:
        return not self.is_setting and time.time() - self.used > _ABANDONED


def _files(folder: str | os.PathLike[str]) -> Iterator[_File]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another process has removed it meanwhile
                if entry.is_file() and ".json" in entry.name:
                    state = entry.stat()
                    yield _File(Path(entry.path), state.st_size, state.st_mtime)


@dataclass
class Content:
    """What a store holds for one feature set, or one task.

    Attributes
    ----------
    settings, size, stale : int
        Number of settings, their size in bytes, and how many of them other code or libraries made.
    """

    settings: int = 0
    size: int = 0
    stale: int = 0


def contents(folder: str | os.PathLike[str]) -> dict[str, Content]:
    """Return what a store holds by the names of feature sets and tasks; ``"(unreadable)"`` counts what cannot be read."""
    found: dict[str, Content] = {}
    for file in filter(lambda file: file.is_setting, _files(folder)):
        entry = _entry(file.path)
        name = str(entry["name"]) if entry else "(unreadable)"
        one = found.setdefault(name, Content())
        one.settings += 1
        one.size += file.size
        one.stale += _is_stale(entry)
    return dict(sorted(found.items()))


def _is_stale(entry: dict[str, Any] | None) -> bool:
    """Return whether other code or libraries made an entry, or code that described its settings in another way."""
    try:
        if entry is None or entry["libraries"] != library_versions(*entry["further"]):
            return True
        tokens = None if entry["tokens"] is None else frozenset(entry["tokens"])
        return bool(entry["code"] != module_digest(entry["module"], tokens))
    except (ImportError, KeyError, TypeError, ValueError):
        return True


def clear(folder: str | os.PathLike[str], *, stale: bool = False) -> int:
    """Remove the settings of a store.

    Parameters
    ----------
    folder : path-like
    stale : bool, default=False
        Remove only those that other code or libraries made, or that cannot be read.

    Returns
    -------
    int
        Number of settings that were removed.
    """
    removed = 0
    for file in _files(folder):
        if file.is_abandoned or (file.is_setting and (not stale or _is_stale(_entry(file.path)))):
            with suppress(FileNotFoundError):
                file.path.unlink()
                removed += file.is_setting
    return removed
