"""The store: finished settings, one file each, named by all that their result depends on, code and libraries too.

Sweeps and tasks write and read it; `stresslib cache` shows and clears it. Any number of processes may use one folder at
once.
"""

from __future__ import annotations

import inspect
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import joblib

from stresslib.digests import STRESSLIB, library_versions, module_digest
from stresslib.features import FeatureSet
from stresslib.files import text_sha256, write_json
from stresslib.stress.spec import Spec, parse_spec

LIMIT = 100_000_000
"""Default limit of the store in bytes: some 150,000 settings."""

VARIABLE = "STRESSLIB_STORE_BYTES"
"""Environment variable with another limit, in bytes."""

_ABANDONED = 86_400.0
"""Seconds after which a temporary file is taken for one that a killed process left behind."""

Rows = list[dict[str, Any]]


@cache
def setting_digest(spec: Spec) -> str:
    """Return the SHA-256 over just those modules that one setting depends on.

    Parameters
    ----------
    spec : Spec

    Returns
    -------
    str
        An edit of a quantizer changes it for settings that quantise, and for no others.

    Examples
    --------
    >>> from stresslib.running.store import setting_digest
    >>> from stresslib.stress.spec import parse_spec
    >>> setting_digest(parse_spec("DR1:64")) == setting_digest(parse_spec("DR1:8"))
    True
    >>> setting_digest(parse_spec("DR1:64")) == setting_digest(parse_spec("DR1:64,Q1:4"))
    False
    """
    # The sweep chooses the warm starts. Of the registry only the entries of this setting's tokens count.
    return STRESSLIB.digest_used(
        "stresslib/running/grid.py",
        within=("stresslib/evaluation/", "stresslib/stress/"),
        tokens=frozenset(stress.token for stress, _ in spec.tokens),
    )


class Store:
    """Finished settings of one feature set and classifier.

    Parameters
    ----------
    folder : path-like
        Made when the first setting is finished.
    features : FeatureSet
    classifier : scikit-learn classifier

    Examples
    --------
    >>> import stresslib as sl
    >>> from stresslib.stress.spec import parse_spec
    >>> store = Store("no-such-folder", sl.load_features("scenes15", "efficientnet-lite0"), sl.LinearSVM())
    >>> print(store.read(parse_spec("DR1:64"), seed=0))
    None
    """

    def __init__(self, folder: str | os.PathLike[str], features: FeatureSet, classifier: Any) -> None:
        self.folder = Path(folder)
        self._base = text_sha256(
            features.digest, features.name, joblib.hash(classifier), _source(classifier), *library_versions()
        )

    def path(self, spec: Spec, seed: int) -> Path:
        """Return the file of a setting; a seed matters to random ones only."""
        drawn = str(seed) if spec.is_random else ""
        return self.folder / f"{text_sha256(self._base, str(spec), drawn, setting_digest(spec))}.json"

    def read(self, spec: Spec, seed: int) -> Rows | None:
        """Return the rows that an earlier sweep kept; None where there are none, or where the file cannot be read."""
        rows: Rows | None = recalled(self.path(spec, seed), "rows")
        return rows

    def write(self, spec: Spec, seed: int, rows: Rows) -> None:
        """Keep the rows of a finished setting.

        Raises
        ------
        OSError
            When the file cannot be written; the message names it.
        """
        entry = {"spec": str(spec), "code": setting_digest(spec), "libraries": library_versions(), "rows": rows}
        write_json(self.path(spec, seed), entry)


def _source(classifier: Any) -> str:
    """Return the source of the module that defines a classifier: its parameters alone do not say what it computes."""
    if type(classifier).__module__.startswith("stresslib."):
        return ""  # the digest of each setting covers it
    try:
        return inspect.getsource(inspect.getmodule(type(classifier)) or type(classifier))
    except (OSError, TypeError):  # defined at a prompt, or compiled
        return ""


def recalled(path: Path, field: str) -> Any:
    """Return what an entry has in a field, and note its use; None where it has no such field or cannot be read."""
    entry = _entry(path)
    if entry is None or field not in entry:
        return None
    with suppress(OSError):  # least recently used entries go first; a read-only folder keeps no record of use
        os.utime(path)
    return entry[field]


def _entry(path: Path) -> dict[str, Any] | None:
    """Return an entry as a sweep or a task makes it; None where a file is absent, damaged or of another form."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(entry, dict):
        return None
    if isinstance(entry.get("module"), str):
        return entry if "result" in entry else None
    rows = entry.get("rows")
    return entry if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else None


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
        name = _name(entry)
        one = found.setdefault(name, Content())
        one.settings += 1
        one.size += file.size
        one.stale += _is_stale(entry)
    return dict(sorted(found.items()))


def _name(entry: dict[str, Any] | None) -> str:
    if entry and "module" in entry:
        return str(entry.get("name"))
    if not entry or not entry["rows"]:
        return "(unreadable)"
    return "/".join(str(entry["rows"][0].get(key)) for key in ("dataset", "model", "layer"))


def _is_stale(entry: dict[str, Any] | None) -> bool:
    """Return whether other code or libraries made an entry, or code that described its settings in another way."""
    try:
        if entry is None or entry["libraries"] != library_versions():
            return True
        if "module" in entry:
            return bool(entry["code"] != module_digest(entry["module"]))
        return bool(entry["code"] != setting_digest(parse_spec(entry["spec"])))
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
