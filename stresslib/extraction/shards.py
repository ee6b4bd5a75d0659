"""Shards: vectors on their way to a feature file, 512 images at a time, so that a kill costs no more than one.

Written and joined by the job of an extraction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file
from tqdm import tqdm

from stresslib.datasets.imageset import ImageSet
from stresslib.features import FeatureSet
from stresslib.files import replacing

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

SHARD = 512
"""Images in a shard: what a kill can cost at most."""

Batch = tuple[list[int], list[NDArray[np.float32]], list[str]]
"""Places of images, their vectors of each layer, and what was wrong with the images left out."""


@contextmanager
def alone(folder: Path, output: Path) -> Iterator[None]:
    """Refuse to write shards that another process is writing; a killed one holds nothing."""
    with open(folder / "lock", "a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f"{output}: another process is extracting it; wait until that has ended") from error
        except (OSError, AttributeError):
            pass  # a disk without locks, or Windows without fcntl
        yield


def is_whole(shard: Path, paths: list[Path], layers: int, skip: bool) -> bool:
    # Written under another name and renamed, so that it is whole if it is there; a damaged disk is still noticed.
    try:
        tensors = load_file(shard) if shard.is_file() else {}
    except (SafetensorError, OSError):
        return False
    return (
        "rows" in tensors
        and np.array_equal(tensors.get("stamp", ()), stamp_of(paths))
        and (skip or len(tensors["rows"]) == len(paths))
        and all(_name(number) in tensors for number in range(layers) if len(tensors["rows"]))
    )


def _name(number: int) -> str:
    """Name, in a shard, of the vectors of a layer."""
    return f"X{number}"


def stamp_of(paths: list[Path]) -> NDArray[Any]:
    """Return size and time of each image: a shard is good for the files that it was made from."""
    found = [path.stat() if path.exists() else None for path in paths]
    return np.array([(one.st_size, one.st_mtime_ns) if one else (-1, -1) for one in found], dtype=np.int64)


def write_shard(
    shard: Path, start: int, layers: Sequence[str], paths: list[Path], stamp: NDArray[Any], made: Iterable[Batch], bar: Any
) -> None:
    rows: list[int] = []
    batches: list[list[NDArray[np.float32]]] = []
    skipped: list[str] = []
    for places, vectors, problems in made:
        rows += [start + place for place in places]
        batches += [vectors] if vectors else []
        skipped += problems
        for problem in problems:
            tqdm.write(f"skipped: {problem}")
        bar.update(len(places) + len(problems))
    tensors: dict[str, NDArray[Any]] = {
        "stamp": stamp,
        "rows": np.array(rows, dtype=np.int64),
        "skipped": np.frombuffer(json.dumps(skipped).encode(), dtype=np.uint8),
    }
    for number, parts in enumerate(zip(*batches, strict=True)):
        X = tensors[_name(number)] = np.concatenate(parts)
        for row in np.flatnonzero(~np.isfinite(X).all(axis=1)):
            raise ValueError(f"{paths[rows[row] - start]}: its features of layer {layers[number]} are not finite")
    with replacing(shard) as temporary:
        save_file(tensors, temporary)


def gather(
    images: ImageSet, shards: list[Path], layers: Sequence[str], outputs: list[Path], provenance: dict[str, Any]
) -> None:
    """Join the shards, one after the other, to a file a layer."""
    rows, skipped = np.empty(0, dtype=np.int64), []
    for shard in shards:
        with safe_open(shard, "np") as tensors:
            rows = np.concatenate([rows, tensors.get_tensor("rows")])
            skipped += json.loads(tensors.get_tensor("skipped").tobytes())
    if len(rows) == 0:
        raise ValueError(f"{images.name}: none of {len(images)} images could be read")
    if skipped:
        provenance = {**provenance, "skipped": [problem.replace(f"{images.root}/", "") for problem in skipped]}
    files = [images.files[row] for row in rows]
    for number, (layer, output) in enumerate(zip(layers, outputs, strict=True)):
        own = {**provenance, "layer": layer}
        without = np.zeros((len(rows), 1), dtype=np.float32)
        features = FeatureSet(without, images.y[rows], images.train[rows], images.metric, images.classes, files, own)
        features.save(output, vectors=_vectors(shards, _name(number)))


def _vectors(shards: list[Path], name: str) -> Iterator[NDArray[np.float32]]:
    for shard in shards:
        with safe_open(shard, "np") as tensors:
            if name in tensors.keys():  # noqa: SIM118 - it is no dict
                yield tensors.get_tensor(name)
