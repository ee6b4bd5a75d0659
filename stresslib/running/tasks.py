"""Tasks: a pure function over many settings, on all cores or a cluster, with progress, resumed where they were stopped.

Under the sweep and everything else that takes long: bootstraps, peers, trainings. Each finished result goes to the store
at once, as JSON, so that a kill loses the settings in progress and nothing else.
"""

from __future__ import annotations

import base64
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
from stresslib.running.identity import UnknownSourceError, identity
from stresslib.running.store import limit, recalled, trim
from stresslib.stress.spec import Spec


def run_tasks(
    function: Callable[..., Any],
    settings: Iterable[dict[str, Any]],
    *shared: Any,
    name: str,
    prepare: Callable[[list[dict[str, Any]]], tuple[Any, ...]] | None = None,
    libraries: Iterable[str] = (),
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
        Keyword arguments: JSON values, arrays, feature sets, stresses, and classes, functions and objects that can be sent
        to another process. Of the feature stresses, a setting with a :class:`~stresslib.stress.spec.Spec` depends on those
        of its tokens only.
    *shared : Any
        What all settings have in common: the first arguments, of the same kinds.
    name : str
        For the progress bar and the list of what the store holds, such as the name of a feature set.
    prepare : callable, optional
        Takes the settings that are left to be computed, and returns further arguments for all of them, after the shared
        ones; these follow from the others, so that no result depends on them.
    libraries : iterable of str, default=()
        Distributions on which the results depend beside those of every score.
    n_jobs : int, default=-1
        Processes, as in joblib; -1 means one for each core. A cluster that is connected takes their place: shared feature
        sets and arrays then go through the folder that all machines read, and anything else through the scheduler.
    store : path-like, optional
        Folder in which results are kept for a later call with the same function, setting, shared arguments, code and
        library versions. If it cannot be written to, or the source of a class or function cannot be read, there is a
        warning, and the run goes on.
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
    module_digest.cache_clear()  # a module may have been edited and imported again since the last run
    kept, paths = None, []
    if store is not None:
        try:
            kept = _Kept(Path(store), function, shared, name, list(libraries))
            paths = [kept.path(setting) for setting in tasks]
        except UnknownSourceError as error:
            kept = None
            warnings.warn(f"{name}: results are not kept for a later run: {error}", stacklevel=2)
    done = {number: recalled(path) for number, path in enumerate(paths)}
    done = {number: result for number, result in done.items() if result is not None}
    left = {number: setting for number, setting in enumerate(tasks) if number not in done}
    shared += prepare(list(left.values())) if prepare and left else ()
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
        shown = {key: str(value) if isinstance(value, Spec) else value for key, value in setting.items()}
        return number, _Failure(f"{shown!s:.200}", message, isinstance(error, ValueError), traceback.format_exc())


@dataclass(frozen=True)
class _Sent:
    """The address at which workers of a cluster find a feature set or an array."""

    address: str


def _to_send(value: Any, stack: ExitStack) -> Any:
    return _Sent(stack.enter_context(sent(value))) if isinstance(value, FeatureSet | np.ndarray) else value


def _received(value: Any) -> Any:
    return received(value.address) if isinstance(value, _Sent) else value


class _Kept:
    """The results of one function, with what its settings share, in a store."""

    def __init__(
        self, folder: Path, function: Callable[..., Any], shared: tuple[Any, ...], name: str, libraries: list[str]
    ) -> None:
        if "<" in function.__qualname__:
            raise ValueError(f"{function.__qualname__} is not a function of a module, so its results cannot be kept")
        limit()  # a wrong one is noticed before the work, not when the store is trimmed
        self.folder = folder
        self._base = json.dumps([function.__qualname__, *map(identity, shared)], sort_keys=True)
        self._entry: dict[str, Any] = {
            "name": name,
            "module": function.__module__,
            "function": function.__qualname__,
            "further": libraries,
            "libraries": library_versions(*libraries),
        }

    def path(self, setting: dict[str, Any]) -> Path:
        described = json.dumps(identity(setting), sort_keys=True)
        module, libraries = self._entry["module"], self._entry["libraries"]
        depends_on = (module, module_digest(module, _tokens(setting)), *libraries, self._base, described)
        return self.folder / f"{text_sha256(*depends_on)}.json"

    def write(self, path: Path, setting: dict[str, Any], result: Any) -> _Kept | None:
        """Keep a result; warn and return None where that cannot be done."""
        try:
            # With keys in the order that the function gave them: a kept result is to be as a new one.
            tokens = _tokens(setting)
            code = {
                "tokens": None if tokens is None else sorted(tokens),
                "code": module_digest(self._entry["module"], tokens),
            }
            entry = {**self._entry, **code, "setting": identity(setting), "result": result}
            write_text(path, json.dumps(entry, indent=1) + "\n")
        except OSError as error:
            warnings.warn(f"what is finished from here on is not kept for a later run: {error}", stacklevel=3)
            return None
        return self


def _tokens(setting: dict[str, Any]) -> frozenset[str] | None:
    """Return the tokens of a setting's stresses; None where it has none, and may depend on all."""
    specs = [value for value in setting.values() if isinstance(value, Spec)]
    return frozenset(stress.token for spec in specs for stress, _ in spec.tokens) if specs else None


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
