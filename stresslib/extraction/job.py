"""The job: sends a set of images through an extractor, shard by shard, and writes one feature file a layer.

The top of extraction: it takes networks and classical methods alike, and works here or on a cluster.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from stresslib.classical.extractor import ClassicalExtractor, checked_layers, codebook_of
from stresslib.classical.methods import find_method, is_method
from stresslib.datasets.imageset import ImageSet
from stresslib.digests import extraction_digest
from stresslib.extraction.extractor import Extractor
from stresslib.extraction.shards import SHARD, Batch, alone, gather, is_whole, stamp_of, write_shard
from stresslib.features import FeatureSet, features_path
from stresslib.features.library import check_free, is_answered, note_shards, remove_shards
from stresslib.files import check_output, text_sha256
from stresslib.images.decode import Levels, find_levels, raise_limit
from stresslib.running import cluster


def extract(
    images: ImageSet,
    model: str,
    layer: str | Sequence[str] = "pooled",
    *,
    preprocessing: str = "paper",
    precision: str = "auto",
    batch_size: int | None = None,
    engine: str = "torch",
    on_error: str = "raise",
    output: str | os.PathLike[str] | None = None,
    again: bool = False,
    progress: bool = True,
) -> Any:
    """Extract the features of a set of images into one file a layer, resuming where an earlier call was stopped.

    Finished shards of 512 images are kept in a folder beside the file until the file is complete. At most one of them is in
    memory, however wide the layer is. Shards made by other code, from other images or with other options are never
    resumed. A finished file that holds just what is asked for is left as it is; any other is replaced, but not one in the
    cache that was made from other images, or with another preprocessing.

    Parameters
    ----------
    images : ImageSet
    model, layer, preprocessing, precision, batch_size, engine
        As in :class:`Extractor`; or a classical method, such as ``"bossanova"``, with its layers ``"pooled"`` and
        ``"pyramid"``. Its codebook is learnt from the training images first, and its preprocessing is its own.
    on_error : {"raise", "skip"}, default="raise"
        What to do about an unreadable image: raise an error that names it, or leave it out and list it in the provenance.
    output : path-like, optional
        File to write, for a single layer. Default: in the user's cache, where :func:`stresslib.load_features` finds it.
    again : bool, default=False
        Whether to extract anew what is there already, and to replace what would not be replaced.
    progress : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    pathlib.Path
        File of the saved FeatureSet. For a sequence of layers, a list of files, one a layer.

    Raises
    ------
    UnreadableImageError
        With ``on_error="raise"``. Finished shards stay.
    ValueError, OSError
        As :class:`Extractor` does; on features that are not finite; while another process extracts the same features; when
        the file cannot be written; and, where no output is given, when features of that name are shipped, or are in the
        cache and are of other images.

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
    # Validates labels, split and metric, on vectors of zeros, before hours of work.
    FeatureSet(np.zeros((len(images), 1)), images.y, images.train, images.metric, images.classes)
    layers = (layer,) if isinstance(layer, str) else tuple(layer)
    skip = on_error == "skip"
    outputs = _outputs(images, model, layers, output, preprocessing, again)
    raise_limit()
    codebook = None
    if is_method(model):
        if (preprocessing, precision, batch_size, engine) != ("paper", "auto", None, "torch"):
            raise ValueError(f"{model} has no choice of preprocessing, precision, batch size or engine; leave them out")
        # A wrong layer is noticed before a codebook is learnt.
        checked_layers(model, layers)
        codebook = codebook_of(images, find_method(model), skip=skip, progress=progress)
    levels = find_levels([images.root / name for name in images.files])
    recipe = Recipe(model, layers, preprocessing, precision, batch_size, engine, codebook, levels)
    extractor = recipe.extractor()
    if isinstance(extractor, Extractor):
        # The workers of a cluster compute with the precision that "auto" means here.
        recipe = recipe._replace(precision=extractor.precision, batch_size=extractor.batch_size)
    provenance = {
        **images.provenance,
        "dataset": images.name,
        "model": model,
        "code": extraction_digest("classical" if is_method(model) else "extraction"),
        "place_sha256": images.place_sha256(),
        **({"levels": str(recipe.levels)} if any(recipe.levels) else {}),
        **extractor.provenance,
    }
    folder = _shard_folder(outputs[0], images, extractor, provenance)
    content = None
    if not again and all(map(Path.is_file, outputs)):
        content = images.content_sha256()
        answers = [{**provenance, "content_sha256": content, "layer": one} for one in layers]
        if all(is_answered(path, answer, skip) for path, answer in zip(outputs, answers, strict=True)):
            if progress:
                tqdm.write("nothing to do: the features of these images are there, made by this code with these options")
            return outputs[0] if isinstance(layer, str) else outputs
    folder.mkdir(parents=True, exist_ok=True)
    note_shards(folder)
    with alone(folder, outputs[0]):
        shards = _complete_shards(folder, images, extractor, recipe, skip=skip, progress=progress)
        provenance["content_sha256"] = images.content_sha256() if content is None else content
        gather(images, shards, layers, outputs, provenance)
        remove_shards(folder)
    return outputs[0] if isinstance(layer, str) else outputs


def _outputs(
    images: ImageSet,
    model: str,
    layers: Sequence[str],
    output: str | os.PathLike[str] | None,
    preprocessing: str,
    again: bool,
) -> list[Path]:
    """Return the files to write; refuse those that cannot be, and those that are of something else."""
    if output is not None:
        if len(layers) > 1:
            raise ValueError(
                f"{output} is one file, and there are {len(layers)} layers; leave it out, and they go to the cache"
            )
        listed = images.provenance.get("list", "")
        check_output(output, f"{images.name}.safetensors", inputs=[images.root / listed] if listed else ())
        return [Path(output)]
    for one in layers:
        check_free(images.name, model, one, images.place_sha256(), preprocessing, again=again)
    return [features_path(images.name, model, one) for one in layers]


class Recipe(NamedTuple):
    """What an extractor is made from, so that a worker of a cluster makes the same one.

    Attributes
    ----------
    model, layers, preprocessing, precision, batch_size, engine
        As in :func:`extract`.
    codebook : pathlib.Path or None
        File of the codebook of a classical method; None for a network.
    levels : Levels
        What is white in images of more than 8 bits. Classical methods, whose descriptors hardly depend on it, take that of
        each image.
    """

    model: str
    layers: tuple[str, ...]
    preprocessing: str
    precision: str
    batch_size: int | None
    engine: str
    codebook: Path | None
    levels: Levels = Levels()

    def extractor(self) -> Extractor | ClassicalExtractor:
        """Make the extractor."""
        if self.codebook is not None:
            return ClassicalExtractor(self.model, self.layers, self.codebook)
        return Extractor(
            self.model,
            self.layers,
            preprocessing=self.preprocessing,
            precision=self.precision,
            batch_size=self.batch_size,
            levels=self.levels,
            engine=self.engine,
        )


def _shard_folder(
    output: Path, images: ImageSet, extractor: Extractor | ClassicalExtractor, provenance: dict[str, Any]
) -> Path:
    """Return the folder of the shards; its name holds a hash of all that the vectors depend on."""
    preprocessing = repr(extractor.network.preprocessing) if isinstance(extractor, Extractor) else ""
    job = text_sha256(
        json.dumps({**provenance, "layer": extractor.layers}, sort_keys=True),
        preprocessing,
        str(extractor.batch_size),
        str(images.root.resolve()),
        *images.files,
    )
    return output.with_name(f"{output.name}.{job[:12]}.shards")


def _complete_shards(
    folder: Path,
    images: ImageSet,
    extractor: Extractor | ClassicalExtractor,
    recipe: Recipe,
    *,
    skip: bool,
    progress: bool,
) -> list[Path]:
    """Write those shards of a folder that are missing, damaged, or of images that have changed; return all, in order."""
    starts = range(0, len(images), SHARD)
    shards = [folder / f"{start:08d}.safetensors" for start in starts]
    paths = [images.root / name for name in images.files]
    parts = [paths[start : start + SHARD] for start in starts]
    missing = [
        number for number, shard in enumerate(shards) if not is_whole(shard, parts[number], len(extractor.layers), skip)
    ]
    fresh = sum(len(parts[number]) for number in missing)
    begun = time.perf_counter()
    label = f"{images.name}/{recipe.model}/{','.join(extractor.layers)}"
    with (
        tqdm(total=len(images), initial=len(images) - fresh, desc=label, unit="image", disable=not progress) as bar,
        cluster.workers() if missing else nullcontext(False) as remote,
    ):
        wanted = [parts[number] for number in missing]
        finished = _on_cluster(extractor, recipe, wanted, skip) if remote else _here(extractor, wanted, skip)
        for place, stamp, batches in finished:
            number = missing[place]
            write_shard(shards[number], starts[number], extractor.layers, parts[number], stamp, batches, bar)
    if progress and fresh:
        tqdm.write(f"{fresh} images at {fresh / (time.perf_counter() - begun):.1f} images/s ({extractor.machine})")
    return shards


Finished = Iterator[tuple[int, NDArray[Any], Iterable[Batch]]]
"""For each part of the images that is done: its place among the parts, the stamp of its files, and its batches."""


def _here(extractor: Extractor | ClassicalExtractor, parts: list[list[Path]], skip: bool) -> Finished:
    for place, paths in enumerate(parts):
        yield place, stamp_of(paths), extractor.batches(paths, skip=skip)


def _on_cluster(extractor: Extractor | ClassicalExtractor, recipe: Recipe, parts: list[list[Path]], skip: bool) -> Finished:
    """Extract parts on the workers of a cluster, which find images and codebook under the same paths."""
    alike = {**cluster.versions(), "weights or versions": extractor.provenance}
    calls = [joblib.delayed(_on_worker)(place, paths, skip, recipe, alike) for place, paths in enumerate(parts)]
    yield from joblib.Parallel(return_as="generator_unordered")(calls)


def _on_worker(
    place: int, paths: list[Path], skip: bool, recipe: Recipe, alike: dict[str, Any]
) -> tuple[int, NDArray[Any], list[Batch]]:
    extractor = _extractor_of_worker(recipe)
    cluster.check_versions(alike, {"weights or versions": extractor.provenance})
    return place, stamp_of(paths), list(extractor.batches(paths, skip=skip))


@lru_cache(maxsize=1)
def _extractor_of_worker(recipe: Recipe) -> Extractor | ClassicalExtractor:
    """Make an extractor once for all the parts that a worker gets."""
    return recipe.extractor()
