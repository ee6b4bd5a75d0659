"""Cluster: the tasks of sweeps and extractions on Dask workers instead of this machine's cores.

Tasks are pure functions of setting, seed and features, so a worker that dies costs time and nothing else. Features go
through a folder, or an object store, that all machines see; nothing large goes through the scheduler.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec
import joblib
import numpy as np
from fsspec.core import url_to_fs
from safetensors.numpy import load, save_file

from stresslib.evaluation.protocol import Shared
from stresslib.features import FeatureSet, load_features
from stresslib.files import cache_dir
from stresslib.reduction import PrincipalComponents
from stresslib.sources import code_digest, extraction_digest, library_versions
from stresslib.spec import Spec, parse_spec

ADDRESS = "STRESSLIB_SCHEDULER"
"""Environment variable with the scheduler's address; sweeps and extractions of this process and its kernels go there."""

SHARED = "STRESSLIB_SHARED"
"""Environment variable with a folder, or the address of one in an object store, that all machines see."""


@contextmanager
def connected(backend: str, scheduler: str | None) -> Iterator[None]:
    """Send what is computed inside the block to a Dask cluster, in this process and in those that it starts.

    Parameters
    ----------
    backend : {"local", "dask"}
        With ``local`` nothing changes.
    scheduler : str or None
        Address of a running scheduler, such as ``tcp://HOST:8786``. None starts workers on this machine, one a core.

    Raises
    ------
    ValueError
        When a scheduler is given to the local backend, or Dask is not installed.
    """
    if backend == "local":
        if scheduler is not None:
            raise ValueError(f"--scheduler {scheduler} is for --backend dask")
        yield
        return
    distributed = _distributed()
    with ExitStack() as stack:
        if scheduler is None:
            own = stack.enter_context(distributed.LocalCluster(threads_per_worker=1, dashboard_address=None))
            scheduler = own.scheduler_address
        os.environ[ADDRESS] = scheduler
        stack.callback(os.environ.pop, ADDRESS)
        yield


@contextmanager
def workers() -> Iterator[bool]:
    """Make joblib use the cluster whose address the environment has; yield whether there is one.

    Raises
    ------
    OSError
        When no scheduler answers at that address.
    """
    address = os.environ.get(ADDRESS)
    if not address:
        yield False
        return
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OSError(f"no Dask scheduler answers at {address}: {error}") from error
    # Whatever the number of tasks, one at a time: they take seconds, and a batch would be lost as a whole.
    with client, joblib.parallel_config("dask", client=client, wait_for_workers_timeout=60):
        yield True


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise ValueError("Dask is not installed; pip install stresslib[dask]") from error
    return distributed


def made_by() -> dict[str, Any]:
    """Return what must be alike on all machines, so that no result depends on where it was computed."""
    return {
        "code": [code_digest(), extraction_digest(), extraction_digest("classical")],
        "libraries": library_versions(),
    }


def check_alike(expected: dict[str, Any], more: dict[str, Any] | None = None) -> None:
    """Refuse, on a worker, to compute for a machine of other code or libraries.

    Parameters
    ----------
    expected : dict
        What :func:`made_by` said there, and perhaps more.
    more : dict, optional
        What is to be compared beside it.

    Raises
    ------
    ValueError
        The message names what differs.
    """
    for name, value in {**made_by(), **(more or {})}.items():
        if value != expected[name]:
            raise ValueError(f"a worker has other {name} than this machine: {value}, not {expected[name]}; install the same")


Starts = dict[Spec | None, tuple[Any, Any]]


@contextmanager
def sent(features: FeatureSet, shared: Shared, starts: Starts) -> Iterator[str]:
    """Put what all tasks of a sweep need where every worker finds it, and take it away at the end.

    Yields
    ------
    str
        Its path or address, for :func:`received`.
    """
    folder = os.environ.get(SHARED) or str(cache_dir() / "shared")
    base = f"{folder.rstrip('/')}/{uuid.uuid4().hex}"
    arrays = {}
    if shared.components is not None and shared.projected is not None:
        arrays = {"components": shared.components.components_, "projected": shared.projected}
    for spec, (weights, bias) in starts.items():
        arrays |= {f"weights {spec}": weights, f"bias {spec}": bias}
    with TemporaryDirectory() as here:
        files = {base + ending: Path(here) / ending for ending in _ENDINGS}
        features.save(files[base + _ENDINGS[0]])
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, files[base + _ENDINGS[1]])
        store, _ = url_to_fs(base)
        store.makedirs(folder, exist_ok=True)
        try:
            for url, file in files.items():
                store.put_file(str(file), store._strip_protocol(url))
            yield base
        finally:
            for url in files:
                with suppress(OSError):
                    store.rm_file(store._strip_protocol(url))


_ENDINGS = (".safetensors", ".shared.safetensors")


@lru_cache(maxsize=1)
def received(base: str) -> tuple[FeatureSet, Shared, Starts]:
    """Read what :func:`sent` put there; a worker's process keeps the last."""
    features, shared = load_features(base + _ENDINGS[0], normalize=False), Shared()
    with fsspec.open(base + _ENDINGS[1], "rb") as stream:
        arrays = load(stream.read())
    if "components" in arrays:
        components = PrincipalComponents(len(arrays["components"]))
        components.components_ = arrays["components"]
        components.n_features_in_, components._n_features_out = features.X.shape[1], components.n_components
        shared = Shared(components, arrays["projected"])
    specs = [name.removeprefix("weights ") for name in arrays if name.startswith("weights ")]
    starts: Starts = {parse_spec(spec): (arrays[f"weights {spec}"], arrays[f"bias {spec}"]) for spec in specs}
    return features, shared, starts
