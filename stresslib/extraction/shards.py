"""Shards: vectors on their way to a feature file, 512 images at a time, so that a kill costs one shard at most.

The extractor yields the batches, the job has them written here, and joins the shards when all are there.
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
from stresslib.datasets.splits import lacking
from stresslib.features import FeatureSet
from stresslib.files import replacing

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

SHARD = 512
"""Images in a shard: the most that a kill can cost."""

Batch = tuple[list[int], list[NDArray[np.float32]], list[str]]
"""Places of the images, their vectors, one array a layer, and what was wrong with each image that was left out."""


@contextmanager
def alone(folder: Path, output: Path) -> Iterator[None]:
    """Refuse to write shards that another process is writing; a process that was killed no longer holds them.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of the shards; it exists.
    output : pathlib.Path
        The file that they are for, to be named in the error.

    Raises
    ------
    OSError
        While another process is in this block.
    """
    with open(folder / "lock", "a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f"{output}: another process is extracting it; wait until that has ended") from error
        except (OSError, AttributeError):
            pass  # a disk without locks, or Windows without fcntl
        yield


def is_whole(shard: Path, paths: list[Path], layers: int, skip: bool) -> bool:
    """Return whether a shard is there, undamaged, and made from these images as they are now.

    Parameters
    ----------
    shard : pathlib.Path
    paths : list of pathlib.Path
        Its images.
    layers : int
        How many layers it should hold.
    skip : bool
        Whether it may lack images that were unreadable.
    """
    # It was written under another name and renamed, and is complete if it exists; this notices a damaged disk.
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
    """Return the name that the vectors of a layer have in a shard."""
    return f"X{number}"


def stamp_of(paths: list[Path]) -> NDArray[Any]:
    """Return size and modification time of each image, -1 for a missing one; a shard is valid for files with its stamp."""
    found = [path.stat() if path.exists() else None for path in paths]
    return np.array([(one.st_size, one.st_mtime_ns) if one else (-1, -1) for one in found], dtype=np.int64)


def write_shard(
    shard: Path, start: int, layers: Sequence[str], paths: list[Path], stamp: NDArray[Any], made: Iterable[Batch], bar: Any
) -> None:
    """Write the batches of some images as one shard.

    Parameters
    ----------
    shard : pathlib.Path
    start : int
        Place of the first of these images in the whole set.
    layers : sequence of str
    paths : list of pathlib.Path
        The images.
    stamp : ndarray
        As :func:`stamp_of` gave it when the images were read.
    made : iterable of Batch
    bar : tqdm.tqdm
        Progress, to be advanced.

    Raises
    ------
    ValueError
        When a vector is not finite; the message names image and layer.
    """
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
    """Join shards, one after the other, into one feature file a layer.

    Parameters
    ----------
    images : ImageSet
    shards : list of pathlib.Path
        In the order of the images.
    layers : sequence of str
    outputs : list of pathlib.Path
        One file a layer.
    provenance : dict
        For the header of each file.

    Raises
    ------
    ValueError
        When no image could be read, or fewer than two classes have training and test images left.
    """
    rows, skipped = np.empty(0, dtype=np.int64), []
    for shard in shards:
        with safe_open(shard, "np") as tensors:
            rows = np.concatenate([rows, tensors.get_tensor("rows")])
            skipped += json.loads(tensors.get_tensor("skipped").tobytes())
    if len(rows) == 0:
        raise ValueError(f"{images.name}: none of {len(images)} images could be read")
    if skipped:
        provenance = {**provenance, "skipped": [problem.replace(f"{images.root}/", "") for problem in skipped]}
    kept, y, classes, why = _usable(images, rows)
    if why:
        provenance = {
            **provenance,
            "classes_left_out": sorted({*provenance.get("classes_left_out", ()), *why}),
            "why_left_out": {**provenance.get("why_left_out", {}), **why},
        }
    if (len(classes) < 2 and images.metric != "mAP") or not classes:
        raise ValueError(
            f"{images.name}: too few images are left ({_listed(why)}), without those skipped: {_listed(skipped)}"
        )
    rows = rows[kept]
    files = [images.files[row] for row in rows]
    for number, (layer, output) in enumerate(zip(layers, outputs, strict=True)):
        description = {**provenance, "layer": layer}
        no_vectors = np.zeros((len(rows), 1), dtype=np.float32)  # those to be saved exceed the memory together
        features = FeatureSet(no_vectors, y, images.train[rows], images.metric, classes, files, description)
        features.save(output, vectors=_vectors(shards, _name(number), kept))


def _usable(
    images: ImageSet, rows: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[Any], tuple[str, ...], dict[str, str]]:
    """Leave out the classes that have lost all training or all test images by skipping.

    Returns
    -------
    kept : ndarray of bool, shape (len(rows),)
    y : ndarray
        Labels of the rows that are kept.
    classes : tuple of str
    why : dict of str
        What each class lacks that is left out.
    """
    y, train = images.y[rows], images.train[rows]
    signs = y if y.ndim == 2 else np.where(y[:, None] == np.arange(len(images.classes)), 1, -1)
    lacks = [lacking(column, train, images=y.ndim == 1) for column in signs.T]
    why = {label: lack for label, lack in zip(images.classes, lacks, strict=True) if lack}
    good = np.array([not lack for lack in lacks])
    classes = tuple(label for label in images.classes if label not in why)
    if y.ndim == 2:
        return np.ones(len(rows), dtype=bool), y[:, good], classes, why
    kept = good[y]
    return kept, np.cumsum(good)[y[kept]] - 1, classes, why


def _listed(said: Iterable[str] | dict[str, str]) -> str:
    parts = [f"{name}: {text}" for name, text in said.items()] if isinstance(said, dict) else list(said)
    return "; ".join([*parts[:5], *([f"and {len(parts) - 5} more"] if len(parts) > 5 else [])])


def _vectors(shards: list[Path], name: str, kept: NDArray[np.bool_]) -> Iterator[NDArray[np.float32]]:
    end = 0
    for shard in shards:
        with safe_open(shard, "np") as tensors:
            if name in tensors.keys():  # noqa: SIM118 - it is not a dict
                X = tensors.get_tensor(name)
                begin, end = end, end + len(X)
                chosen = kept[begin:end]
                if chosen.any():
                    yield X if chosen.all() else X[chosen]
