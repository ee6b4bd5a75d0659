"""Broadcast: what all tasks of a sweep need, put where the workers of a cluster find it.

Beside the sweep. It goes through a folder or an object store that all machines can read; nothing large goes through the
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

_FEATURES, _SHARED = ".safetensors", ".shared.safetensors"
"""Endings of the two files: the feature set, and what its settings share."""


@contextmanager
def sent(features: FeatureSet, projected: NDArray[Any] | None = None) -> Iterator[str]:
    """Put what all tasks of a sweep need where every worker finds it, and remove it at the end.

    Yields
    ------
    str
        Its path or address, for :func:`received`.
    """
    folder = os.environ.get(SHARED) or str(cache_dir() / "shared")
    base = f"{folder.rstrip('/')}/{uuid.uuid4().hex}"
    arrays = {} if projected is None else {"projected": projected}
    with TemporaryDirectory() as here:
        files = {ending: Path(here) / ending for ending in (_FEATURES, _SHARED)}
        features.save(files[_FEATURES])
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, files[_SHARED])
        store, place = url_to_fs(base)
        store.makedirs(folder, exist_ok=True)
        try:
            for ending, file in files.items():
                store.put_file(str(file), place + ending)
            yield base
        finally:
            for ending in files:
                with suppress(OSError):
                    store.rm_file(place + ending)


@lru_cache(maxsize=1)
def received(base: str) -> tuple[FeatureSet, NDArray[Any] | None]:
    """Read what :func:`sent` put there; a worker's process keeps the last one in memory."""
    with fsspec.open(base + _SHARED, "rb") as stream:
        arrays = load(stream.read())
    return load_features(base + _FEATURES, normalize=False), arrays.get("projected")
