"""Tasks: a pure function over many settings, on all cores or a cluster, with progress, resumed where they were stopped.

Beside the sweep, for everything else that takes long: bootstraps, peers, trainings. Each finished result goes to the store
at once, as JSON, so that a kill loses the settings in progress and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from tqdm import tqdm

from stresslib.digests import library_versions, module_digest
from stresslib.features import FeatureSet
from stresslib.files import text_sha256, write_text
from stresslib.running import cluster
from stresslib.running.broadcast import received, sent
from stresslib.running.store import recalled, trim


def run_tasks(
    function: Callable[..., Any],
    settings: Iterable[dict[str, Any]],
    *shared: Any,
    name: str,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> list[Any]:
    """Return ``function(*shared, **setting)`` for every setting, from the store where it has the result.

    Parameters
    ----------
    function : callable
        A pure function of a module. It returns JSON values, arrays, or lists and dictionaries of these.
    settings : iterable of dict
        Keyword arguments. A value is a JSON value, an array, a feature set, an object with attributes of these kinds, or a
        list or dictionary of them.
    *shared : Any
        What all settings have in common: the first arguments, of the same kinds.
    name : str
        For the progress bar and the list of what the store holds, such as the name of a feature set.
    n_jobs : int, default=-1
        Processes, as in joblib; -1 means one for each core. A cluster that is connected takes their place: feature sets
        then go through the folder that all machines read, and anything else through the scheduler.
    store : path-like, optional
        Folder in which results are kept for a later call with the same function, setting, shared arguments, code and
        library versions. If it cannot be written to, there is a warning, and the run goes on.
    progress : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    list
        In the order of the settings. What was a tuple is a list, and a NumPy number a number, whether kept or new.

    Raises
    ------
    ValueError
        When settings failed with a ValueError; the message names the first. The others have run, and are kept.
    RuntimeError
        Likewise, when the first failed with another error.

    Examples
    --------
    >>> from stresslib.paper.published import grid_dimensions
    >>> run_tasks(grid_dimensions, [{"n_features": 40}, {"n_features": 60}], name="grids", n_jobs=1, progress=False)[1][:3]
    [3, 6, 9]
    """
    tasks = list(settings)
    kept = None if store is None else _Kept(Path(store), function, shared, name)
    paths = [kept.path(setting) for setting in tasks] if kept else []
    done = {number: recalled(path, "result") for number, path in enumerate(paths)}
    done = {number: result for number, result in done.items() if result is not None}
    left = {number: setting for number, setting in enumerate(tasks) if number not in done}
    failures: list[_Failure] = []
    bar = tqdm(desc=name, total=len(tasks), initial=len(done), unit="setting", disable=not progress)
    with bar, cluster.workers() if left else nullcontext(False) as remote, ExitStack() as stack:
        versions = {}
        if remote:
            versions = {**cluster.versions(), "function": module_digest(function.__module__)}
            shared = tuple(_to_send(value, stack) for value in shared)
            left = {number: {key: _to_send(one, stack) for key, one in left[number].items()} for number in left}
        calls = (joblib.delayed(_run)(function, shared, number, setting, versions) for number, setting in left.items())
        processes = n_jobs if len(left) > 1 or remote else 1
        for number, outcome in joblib.Parallel(processes, return_as="generator_unordered")(calls):
            bar.update()
            if isinstance(outcome, _Failure):
                failures.append(outcome)
                tqdm.write(f"{name}: {outcome.setting} failed: {outcome.message}", file=sys.stderr)
                continue
            done[number] = json.loads(outcome)
            kept = kept and kept.write(paths[number], tasks[number], done[number])
    if kept and left:
        trim(kept.folder)
    if failures:
        first = failures[0]
        count = f"{len(failures)} of {len(tasks)} settings"
        message = f"{name}: {count} failed, the first with {first.setting}: {first.message}"
        raise (ValueError if first.is_value else RuntimeError)(message) from RuntimeError(first.trace)
    return [_unpacked(done[number]) for number in range(len(tasks))]


@dataclass(frozen=True)
class _Failure:
    """An error as text: not every exception passes from one process to another."""

    setting: str
    message: str
    is_value: bool
    trace: str


def _run(
    function: Callable[..., Any], shared: tuple[Any, ...], number: int, setting: dict[str, Any], versions: dict[str, Any]
) -> tuple[int, str | _Failure]:
    """Return the number of a setting with its result as JSON, or with what went wrong."""
    try:
        if versions:
            cluster.check_versions(versions, {"function": module_digest(function.__module__)})
        arguments = {key: _received(value) for key, value in setting.items()}
        return number, json.dumps(_packed(function(*map(_received, shared), **arguments)))
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        return number, _Failure(f"{setting!s:.200}", message, isinstance(error, ValueError), traceback.format_exc())


@dataclass(frozen=True)
class _Sent:
    """The place where workers of a cluster find a feature set."""

    base: str


def _to_send(value: Any, stack: ExitStack) -> Any:
    return _Sent(stack.enter_context(sent(value))) if isinstance(value, FeatureSet) else value


def _received(value: Any) -> Any:
    return received(value.base)[0] if isinstance(value, _Sent) else value


class _Kept:
    """The results of one function, with what its settings share, in a store."""

    def __init__(self, folder: Path, function: Callable[..., Any], shared: tuple[Any, ...], name: str) -> None:
        if "<" in function.__qualname__:
            raise ValueError(f"{function.__qualname__} is not a function of a module, so its results cannot be kept")
        self.folder = folder
        self._base = json.dumps([function.__qualname__, *map(_identity, shared)], sort_keys=True)
        self._entry: dict[str, Any] = {
            "name": name,
            "module": function.__module__,
            "function": function.__qualname__,
            "code": module_digest(function.__module__),
            "libraries": library_versions(),
        }

    def path(self, setting: dict[str, Any]) -> Path:
        identity = json.dumps(_identity(setting), sort_keys=True)
        depends_on = (self._entry["module"], self._entry["code"], *self._entry["libraries"], self._base, identity)
        return self.folder / f"{text_sha256(*depends_on)}.json"

    def write(self, path: Path, setting: dict[str, Any], result: Any) -> _Kept | None:
        """Keep a result; warn and return None where that cannot be done."""
        try:
            # With keys in the order that the function gave them: a kept result is to be as a new one.
            write_text(path, json.dumps({**self._entry, "setting": _identity(setting), "result": result}, indent=1) + "\n")
        except OSError as error:
            warnings.warn(f"what is finished from here on is not kept for a later run: {error}", stacklevel=3)
            return None
        return self


def _identity(value: Any) -> Any:
    """Return JSON that no other value has: of an object its class, with the digest of its code, and its attributes."""
    if isinstance(value, FeatureSet):
        return {"features": value.name, "sha256": value.digest}
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"array": [value.dtype.str, *value.shape], "sha256": digest}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): _identity(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_identity(one) for one in value]
    if value is None or isinstance(value, str | int | float):
        return value
    if hasattr(value, "__dict__") and not callable(value):
        module = type(value).__module__
        return {"class": f"{module}.{type(value).__qualname__}", "code": module_digest(module), **_identity(vars(value))}
    raise ValueError(f"{value!r} cannot be told from other values of its kind, so that results of it cannot be kept")


def _packed(value: Any) -> Any:
    """Return a result as JSON values; an array as its bytes in base 64."""
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"dtype": value.dtype.str, "shape": value.shape, "base64": data}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _packed(one) for key, one in value.items()}
    return [_packed(one) for one in value] if isinstance(value, list | tuple) else value


def _unpacked(value: Any) -> Any:
    """Return a result as :func:`_packed` got it."""
    if isinstance(value, dict) and value.keys() == {"dtype", "shape", "base64"}:
        return np.frombuffer(base64.b64decode(value["base64"]), value["dtype"]).reshape(value["shape"]).copy()
    if isinstance(value, dict):
        return {key: _unpacked(one) for key, one in value.items()}
    return [_unpacked(one) for one in value] if isinstance(value, list) else value
