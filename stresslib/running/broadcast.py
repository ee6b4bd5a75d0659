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


@contextmanager
def sent(value: FeatureSet | NDArray[Any]) -> Iterator[str]:
    """Put what many tasks need where every worker finds it, and remove it at the end.

    Yields
    ------
    str
        Its path or address, for :func:`received`.
    """
    folder = os.environ.get(SHARED) or str(cache_dir() / "shared")
    ending = _FEATURES if isinstance(value, FeatureSet) else _ARRAY
    address = f"{folder.rstrip('/')}/{uuid.uuid4().hex}{ending}"
    with TemporaryDirectory() as here:
        file = Path(here) / ending
        if isinstance(value, FeatureSet):
            value.save(file)
        else:
            save_file({"array": np.ascontiguousarray(value)}, file)
        store, place = url_to_fs(address)
        store.makedirs(folder, exist_ok=True)
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
