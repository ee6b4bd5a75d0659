"""Cluster: the tasks of sweeps and extractions on Dask workers instead of this machine's cores.

Tasks are pure functions of setting, seed and features, so a worker that dies costs time and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import joblib

from stresslib.digests import STRESSLIB, extraction_digest, library_versions

ADDRESS = "STRESSLIB_SCHEDULER"
"""Environment variable with the scheduler's address, to which sweeps and extractions of this process and its children go."""


@contextmanager
def connected(backend: str, scheduler: str | None) -> Iterator[None]:
    """Send what is computed inside the block to a Dask cluster, by this process and those that it starts.

    Parameters
    ----------
    backend : {"local", "dask"}
        ``local`` changes nothing.
    scheduler : str or None
        Address of a running scheduler, such as ``tcp://HOST:8786``. None starts workers on this machine, one for each core.

    Raises
    ------
    ValueError
        When a scheduler is given to the local backend, Dask is not installed, or the place that all machines read is of an
        unknown kind.
    OSError
        When no scheduler answers, or that place cannot be written.
    """
    if backend == "local":
        if scheduler is not None:
            raise ValueError(f"--scheduler {scheduler} is for --backend dask")
        if os.environ.get(ADDRESS):
            _check_shared_folder()
            _reach_scheduler()
        yield
        return
    if scheduler == "":
        raise ValueError("--scheduler is empty; give an address, such as tcp://HOST:8786, or leave it out")
    _check_shared_folder()
    distributed = _distributed()
    with ExitStack() as stack:
        if scheduler is None:
            own = stack.enter_context(distributed.LocalCluster(threads_per_worker=1, dashboard_address=None))
            scheduler = own.scheduler_address
        os.environ[ADDRESS] = scheduler
        stack.callback(os.environ.pop, ADDRESS)
        _reach_scheduler()
        yield


def _check_shared_folder() -> None:
    from stresslib.running.broadcast import shared_folder  # scikit-learn comes with it, and takes a while

    shared_folder()


def _reach_scheduler() -> None:
    """Notice a wrong address before anything is computed."""
    with workers():
        pass


@contextmanager
def workers() -> Iterator[bool]:
    """Make joblib use the cluster whose address is in the environment; yield whether there is one.

    Raises
    ------
    ValueError
        When it is not an address.
    OSError
        When no scheduler answers there.
    """
    address = os.environ.get(ADDRESS)
    if not address:
        yield False
        return
    if ":" not in address:  # Dask would look for a host of that name, and end in a traceback
        raise ValueError(f"{address!r} is not the address of a Dask scheduler; give one such as tcp://HOST:8786")
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OSError(f"no Dask scheduler answers at {address}: {error}") from error
    # joblib sends tasks to Dask one by one: they take seconds, and a batch would be lost as a whole.
    with client, joblib.parallel_config("dask", client=client, wait_for_workers_timeout=60):
        yield True


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise ValueError("Dask is not installed; pip install stresslib[dask]") from error
    return distributed


def versions() -> dict[str, Any]:
    """Return what must be the same on all machines, so that no result depends on where it was computed."""
    return {
        "code": [STRESSLIB.digest_used("stresslib/running/grid.py"), extraction_digest(), extraction_digest("classical")],
        "libraries": library_versions(),
    }


def check_versions(expected: dict[str, Any], more: dict[str, Any] | None = None) -> None:
    """Refuse, on a worker, to compute for a machine with other code or libraries.

    Parameters
    ----------
    expected : dict
        What :func:`versions` returned there, and the values that `more` is compared with.
    more : dict, optional
        What else has to be the same, as this worker has it.

    Raises
    ------
    ValueError
        The message names what differs.
    """
    for name, value in {**versions(), **(more or {})}.items():
        if value != expected[name]:
            raise ValueError(f"a worker has other {name} than this machine: {value}, not {expected[name]}; install the same")
