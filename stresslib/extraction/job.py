"""The job: a set of images through an extractor, shard by shard, into one feature file a layer.

The top of this room: it takes networks and classical methods alike, here or on a cluster.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from stresslib.datasets.imageset import ImageSet
from stresslib.digests import extraction_digest
from stresslib.extraction.extractor import Extractor
from stresslib.extraction.shards import SHARD, Batch, alone, gather, is_whole, stamp_of, write_shard
from stresslib.features import FeatureSet, features_path
from stresslib.files import text_sha256
from stresslib.running import cluster


def extract(
    images: ImageSet,
    model: str,
    layer: str | Sequence[str] = "pooled",
    *,
    preprocessing: str = "paper",
    precision: str = "auto",
    batch_size: int | None = None,
    on_error: str = "raise",
    output: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Any:
    """Extract the features of a set of images into a file a layer, going on where an earlier call was stopped.

    Finished shards of 512 images lie in a folder beside the file until it is whole. No more than one of them is in memory,
    however wide the layer is. Shards of other code, images or options are never gone on from; a finished file is replaced.

    Parameters
    ----------
    images : ImageSet
    model, layer, preprocessing, precision, batch_size
        As in :class:`Extractor`; or a classical method, such as ``"bossanova"``, and of its layers ``"pooled"`` and
        ``"pyramid"``. It learns a codebook of the training images first, and has its own preprocessing.
    on_error : {"raise", "skip"}, default="raise"
        What to do about an unreadable image: stop with its name, or leave it out, and list it in the provenance.
    output : path-like, optional
        File for a single layer. Default: the user's cache, where :func:`stresslib.load_features` finds it.
    progress : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    pathlib.Path
        Of the saved FeatureSet. For a sequence of layers, a list of these, one a layer.

    Raises
    ------
    UnreadableImageError
        With ``on_error="raise"``. Finished shards stay.
    ValueError, OSError
        As :class:`Extractor` does, on features that are not finite, and while another process extracts the same.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> import stresslib as sl
    >>> with TemporaryDirectory() as folder:
    ...     for number, colour in enumerate(["red", "red", "blue", "blue"]):
    ...         path = Path(folder, "colours", colour, f"{number}.png")
    ...         path.parent.mkdir(parents=True, exist_ok=True)
    ...         Image.new("RGB", (64, 64), colour).save(path)
    ...     images = sl.load_images(f"{folder}/colours")
    ...     path = sl.extract(images, "efficientnet-lite0", output=f"{folder}/colours.safetensors", progress=False)
    ...     sl.load_features(path)
    FeatureSet(colours/efficientnet-lite0/pooled: 4 x 1280, 2 classes, 2 training and 2 test rows, accuracy)
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error={on_error!r} is unknown; allowed are raise, skip")
    # Labels, split and metric are checked before hours of work, on vectors that stand for those to come.
    FeatureSet(np.zeros((len(images), 1)), images.y, images.train, images.metric, images.classes)
    layers = [layer] if isinstance(layer, str) else list(layer)
    skip = on_error == "skip"
    # It imports the preprocessing of this package.
    from stresslib.classical import codebook_of, find_method, is_method
    from stresslib.classical.extractor import checked_layers

    codebook = None
    if is_method(model):
        if (preprocessing, precision, batch_size) != ("paper", "auto", None):
            raise ValueError(f"{model} has no choice of preprocessing, precision or batch size; leave them out")
        # A wrong layer is noticed before a codebook is learnt.
        checked_layers(model, layers)
        codebook = codebook_of(images, find_method(model), skip=skip, progress=progress)
    extractor = _extractor(model, tuple(layers), preprocessing, precision, batch_size, codebook)
    if codebook is None:
        precision, batch_size = extractor.precision, extractor.batch_size
    recipe = (model, tuple(layers), preprocessing, precision, batch_size, codebook)
    if output is not None and len(extractor.layers) > 1:
        raise ValueError(f"{output} is one file, and there are {len(extractor.layers)} layers; they go to the cache")
    provenance = {
        **images.provenance,
        "dataset": images.name,
        "model": model,
        "code": extraction_digest("classical" if is_method(model) else "extraction"),
        **extractor.provenance,
    }
    outputs = [Path(output) if output is not None else features_path(images.name, model, one) for one in extractor.layers]
    job = text_sha256(
        json.dumps({**provenance, "layer": extractor.layers}, sort_keys=True),
        "" if is_method(model) else repr(extractor.network.preprocessing),
        str(extractor.batch_size),
        str(images.root.resolve()),
        *images.files,
    )
    folder = outputs[0].with_name(f"{outputs[0].name}.{job[:12]}.shards")
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder, outputs[0]):
        starts = range(0, len(images), SHARD)
        shards = [folder / f"{start:08d}.safetensors" for start in starts]
        paths = [images.root / name for name in images.files]
        parts = [paths[start : start + SHARD] for start in starts]
        missing = [
            number for number, shard in enumerate(shards) if not is_whole(shard, parts[number], len(extractor.layers), skip)
        ]
        fresh = sum(len(parts[number]) for number in missing)
        begun = time.perf_counter()
        label = f"{images.name}/{model}/{','.join(extractor.layers)}"
        with (
            tqdm(total=len(images), initial=len(images) - fresh, desc=label, unit="image", disable=not progress) as bar,
            cluster.workers() if missing else nullcontext(False) as remote,
        ):
            wanted = [parts[number] for number in missing]
            for place, stamp, batches in (_on_cluster if remote else _here)(extractor, recipe, wanted, skip):
                number = missing[place]
                write_shard(shards[number], starts[number], extractor.layers, parts[number], stamp, batches, bar)
        if progress and fresh:
            tqdm.write(f"{fresh} images at {fresh / (time.perf_counter() - begun):.1f} images/s ({extractor.machine})")
        gather(images, shards, extractor.layers, outputs, provenance)
        shutil.rmtree(folder, ignore_errors=True)
    return outputs[0] if isinstance(layer, str) else outputs


Recipe = tuple[str, tuple[str, ...], str, str, int | None, Path | None]
"""Model, layers, preprocessing, precision, batch size, and the codebook of a method: what an extractor is made from."""


def _extractor(
    model: str, layers: tuple[str, ...], preprocessing: str, precision: str, batch_size: int | None, codebook: Path | None
) -> Any:
    """Make the extractor of a network, or of a method where there is a codebook."""
    from stresslib.classical import ClassicalExtractor

    if codebook is not None:
        return ClassicalExtractor(model, layers, codebook)
    return Extractor(model, layers, preprocessing=preprocessing, precision=precision, batch_size=batch_size)


_kept_extractor = lru_cache(maxsize=1)(_extractor)
"""The same, for a worker, which gets one shard after the other."""

Finished = Iterator[tuple[int, NDArray[Any], Iterable[Batch]]]
"""Which part of the images it is, their stamp, and its batches."""


def _here(extractor: Any, recipe: Recipe, parts: list[list[Path]], skip: bool) -> Finished:
    for place, paths in enumerate(parts):
        yield place, stamp_of(paths), extractor.batches(paths, skip=skip)


def _on_cluster(extractor: Any, recipe: Recipe, parts: list[list[Path]], skip: bool) -> Finished:
    """Extract shards on the workers of a cluster, which find images and codebook under the same paths."""
    alike = {**cluster.made_by(), "weights or versions": extractor.provenance}
    calls = [joblib.delayed(_shard_there)(place, paths, skip, recipe, alike) for place, paths in enumerate(parts)]
    yield from joblib.Parallel(return_as="generator_unordered")(calls)


def _shard_there(
    place: int, paths: list[Path], skip: bool, recipe: Recipe, alike: dict[str, Any]
) -> tuple[int, NDArray[Any], list[Batch]]:
    extractor = _kept_extractor(*recipe)
    cluster.check_alike(alike, {"weights or versions": extractor.provenance})
    return place, stamp_of(paths), list(extractor.batches(paths, skip=skip))
