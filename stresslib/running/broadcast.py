"""Broadcast: what all tasks of a run need, put where the workers of a cluster find it.

Under the tasks. It goes through a folder or an object store that all machines can read; nothing large goes through the
scheduler.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec
import numpy as np
from fsspec.core import url_to_fs
from numpy.typing import NDArray
from safetensors.numpy import load, save_file

from stresslib.features import FeatureSet, load_features
from stresslib.files import cache_dir

SHARED = "STRESSLIB_SHARED"
"""Environment variable with a folder, or the address of one in an object store, that all machines can read."""

_FEATURES, _ARRAY = ".features.safetensors", ".array.safetensors"
"""Endings of the two kinds of files."""


def shared_folder() -> tuple[Any, str]:
    """Return the file system of the folder that all machines can read, and its path or address; make it where it is absent.

    Raises
    ------
    ValueError
        When fsspec does not know file systems of that kind.
    OSError
        When it is a file or cannot be made.
    """
    folder = os.environ.get(SHARED) or str(cache_dir() / "shared")
    try:
        store, place = url_to_fs(folder)
        store.makedirs(place, exist_ok=True)
    except (ImportError, ValueError) as error:
        raise ValueError(f"{SHARED}={folder}: {error}") from error
    except OSError as error:
        raise OSError(f"{SHARED}={folder}: {error.strerror or error}; give a folder that can be written") from error
    return store, folder


@contextmanager
def sent(value: FeatureSet | NDArray[Any]) -> Iterator[str]:
    """Put what many tasks need where every worker finds it, and remove it at the end.

    Yields
    ------
    str
        Its path or address, for :func:`received`.
    """
    store, folder = shared_folder()
    ending = _FEATURES if isinstance(value, FeatureSet) else _ARRAY
    address = f"{folder.rstrip('/')}/{uuid.uuid4().hex}{ending}"
    with TemporaryDirectory() as here:
        file = Path(here) / ending
        if isinstance(value, FeatureSet):
            value.save(file)
        else:
            save_file({"array": np.ascontiguousarray(value)}, file)
        place = url_to_fs(address)[1]
        try:
            store.put_file(str(file), place)
            yield address
        finally:
            with suppress(OSError):
                store.rm_file(place)


@lru_cache(maxsize=2)
def received(address: str) -> FeatureSet | NDArray[Any]:
    """Read what :func:`sent` put there; a worker's process keeps the last feature set and array in memory."""
    if address.endswith(_FEATURES):
        return load_features(address, normalize=False)
    with fsspec.open(address, "rb") as stream:
        return load(stream.read())["array"]
