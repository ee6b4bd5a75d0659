"""The store: finished settings of sweeps, each in a file whose name knows features, setting, classifier, code and libraries.

Sweeps write and read it; `stresslib cache` shows it and clears it. Any number of processes may use one folder at once.
"""

from __future__ import annotations

import inspect
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from stresslib.digests import library_versions, setting_digest
from stresslib.features import FeatureSet
from stresslib.files import text_sha256, write_json
from stresslib.stress.spec import Spec, parse_spec

LIMIT = 100_000_000
"""Bytes that the store may take, where the environment variable says nothing else: some 150,000 settings."""

VARIABLE = "STRESSLIB_STORE_BYTES"
"""Environment variable with another limit, in bytes."""

_ABANDONED = 86_400.0
"""Seconds after which a file that was never renamed is taken for one of a process that was killed."""

Rows = list[dict[str, Any]]


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
        """Return the rows that an earlier sweep kept; None where there are none, or the file is damaged."""
        path = self.path(spec, seed)
        entry = _entry(path)
        if entry is None:
            return None
        with suppress(OSError):  # the last use decides what goes first, unless nothing may be written here
            os.utime(path)
        return list(entry["rows"])

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
    """Return the source of a classifier's module: its parameters alone do not say what it computes."""
    if type(classifier).__module__.startswith("stresslib."):
        return ""  # each setting's digest has it
    try:
        return inspect.getsource(inspect.getmodule(type(classifier)) or type(classifier))
    except (OSError, TypeError):  # typed in at a prompt, or compiled
        return ""


def _entry(path: Path) -> dict[str, Any] | None:
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        return entry if isinstance(entry, dict) and isinstance(entry["rows"], list) else None
    except (OSError, ValueError, KeyError):
        return None


def limit() -> int:
    """Return how many bytes the store may take.

    Raises
    ------
    ValueError
        When the environment variable holds no number of bytes.
    """
    text = os.environ.get(VARIABLE, str(LIMIT))
    if not text.isdecimal():
        raise ValueError(f"{VARIABLE}={text!r} is no number of bytes, such as {LIMIT}")
    return int(text)


def trim(folder: str | os.PathLike[str], most: int | None = None) -> int:
    """Remove what was used least recently until the rest fits, and what killed processes left behind.

    Parameters
    ----------
    folder : path-like
        Of a store; it need not exist.
    most : int, optional
        Bytes; default: :func:`limit`.

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
            with suppress(OSError):  # another process was faster, or nothing may be removed here
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
            with suppress(FileNotFoundError):  # removed by another process meanwhile
                if entry.is_file() and ".json" in entry.name:
                    state = entry.stat()
                    yield _File(Path(entry.path), state.st_size, state.st_mtime)


@dataclass
class Content:
    """What a store holds of one feature set.

    Attributes
    ----------
    settings, size, stale : int
        Number of settings, their bytes, and how many of them were made by other code or libraries than these.
    """

    settings: int = 0
    size: int = 0
    stale: int = 0


def contents(folder: str | os.PathLike[str]) -> dict[str, Content]:
    """Return what a store holds, by the feature sets' names; what cannot be read is under ``"(unreadable)"``."""
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
    if not entry or not entry["rows"]:
        return "(unreadable)"
    return "/".join(str(entry["rows"][0].get(key)) for key in ("dataset", "model", "layer"))


def _is_stale(entry: dict[str, Any] | None) -> bool:
    try:
        return (
            entry is None
            or entry["code"] != setting_digest(parse_spec(entry["spec"]))
            or entry["libraries"] != library_versions()
        )
    except (KeyError, ValueError):
        return True


def clear(folder: str | os.PathLike[str], *, stale: bool = False) -> int:
    """Remove the settings of a store.

    Parameters
    ----------
    folder : path-like
    stale : bool, default=False
        Only those that were made by other code or libraries than these, or cannot be read.

    Returns
    -------
    int
        How many.
    """
    removed = 0
    for file in _files(folder):
        if file.is_abandoned or (file.is_setting and (not stale or _is_stale(_entry(file.path)))):
            with suppress(FileNotFoundError):
                file.path.unlink()
                removed += file.is_setting
    return removed
