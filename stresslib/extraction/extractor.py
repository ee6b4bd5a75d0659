"""The extractor: images through a network, batch by batch, into shards that a kill does not lose.

Joins networks and preprocessing, and hands a FeatureSet to the rest of the chain.
"""

from __future__ import annotations

import difflib
import json
import operator
import os
import re
import shutil
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file
from torch import fx, nn
from torch.fx.passes.split_module import split_module
from torch.nn.functional import adaptive_avg_pool2d
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names
from tqdm import tqdm

from stresslib import cluster
from stresslib.datasets.imageset import ImageSet
from stresslib.extraction.networks import find_network
from stresslib.extraction.preprocessing import WAYS, UnreadableImageError, read_input
from stresslib.features import FeatureSet, features_path
from stresslib.files import replacing, text_sha256
from stresslib.sources import extraction_digest

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

PRECISIONS = ("auto", "float32", "bfloat16")
"""``auto`` is bfloat16 where the processor multiplies it in hardware, else float32."""

SHARD = 512
"""Images in a shard: what a kill can cost at most."""

Batch = tuple[list[int], list[NDArray[np.float32]], list[str]]
"""Places of images, their vectors of each layer, and what was wrong with the images left out."""


class Extractor:
    """Layers of one network, as a function from image files to vectors.

    Parameters
    ----------
    model : str
        Name in the registry of networks.
    layer : str or sequence of str, default="pooled"
        Alias or node name; the output is flattened, in the order channel, row, column. With ``@s`` behind the name, as
        in ``stage4@2``, the map is averaged over a grid of s x s before that: early maps are wide. Several layers are
        read in one pass.
    preprocessing : {"paper", "native"}, default="paper"
        The paper's square resize, or what the network was trained with.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the network's products; vectors are float32 always.
    batch_size : int, optional
        Default: 32 on a GPU, 4 on a CPU, where larger ones spend half of their time on fresh memory.

    Attributes
    ----------
    layers : tuple of str
    weights_sha256 : str
        Hash of the file of weights.

    Raises
    ------
    ValueError
        On an unknown network, layer, preprocessing or precision; the message lists what there is.
    OSError
        When the weights cannot be had.

    Examples
    --------
    >>> from sklearn.datasets import load_sample_images  # two photographs come with scikit-learn
    >>> from stresslib import Extractor
    >>> Extractor("efficientnet-lite0")(load_sample_images().filenames).shape
    (2, 1280)
    """

    def __init__(
        self,
        model: str,
        layer: str | Sequence[str] = "pooled",
        *,
        preprocessing: str = "paper",
        precision: str = "auto",
        batch_size: int | None = None,
    ) -> None:
        for name, value, allowed in (("preprocessing", preprocessing, WAYS), ("precision", precision, PRECISIONS)):
            if value not in allowed:
                raise ValueError(f"{name}={value!r} is unknown; allowed are {', '.join(allowed)}")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size={batch_size}; at least 1 image")
        from stresslib.classical import is_method

        if is_method(model):
            raise ValueError(f"{model!r} is no network: its codebook is learnt from a data set; use stresslib.extract")
        self.network = find_network(model)
        self.layers = (layer,) if isinstance(layer, str) else tuple(layer)
        if not self.layers or len(set(self.layers)) < len(self.layers):
            raise ValueError(f"layers {', '.join(self.layers) or '(none)'}: at least one is needed, and each once")
        self._single = isinstance(layer, str)
        self.preprocessing = preprocessing
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.batch_size = batch_size or (32 if self.device.type == "cuda" else 4)
        self.precision = best_precision(self.device) if precision == "auto" else precision
        names, self._sides = zip(*map(split_layer, self.layers), strict=True)
        module, self.weights_sha256 = self.network.load()
        nodes = [_find_node(module, self.network.layers.get(name, name), model, self.network.layers) for name in names]
        part = cut(module, *nodes)
        chosen: nn.Module = part
        if self.precision == "bfloat16":
            chosen = in_bfloat16(part, self.network.float32_before, self.device.type)
        self._module = chosen.to(self.device).to(memory_format=torch.channels_last)

    @property
    def provenance(self) -> dict[str, Any]:
        """What a feature set says of the network that made it."""
        return {
            "preprocessing": self.preprocessing,
            "precision": self.precision,
            "weights_sha256": self.weights_sha256,
            "versions": {name: version(name) for name in ("stresslib", "torch", "torchvision", "pillow", "numpy")},
        }

    @property
    def machine(self) -> str:
        """What a report of speed says of precision and processor."""
        return f"{self.precision} on {self.device}"

    def __call__(self, paths: Sequence[str | os.PathLike[str]]) -> Any:
        """Extract the vectors of image files.

        Parameters
        ----------
        paths : sequence of path-like

        Returns
        -------
        ndarray of shape (n, d), float32
            For a sequence of layers, a list of these, one a layer.

        Raises
        ------
        UnreadableImageError
            On the first file that cannot be decoded.
        """
        if not paths:
            raise ValueError("there are no images to extract from")
        batches = [vectors for _, vectors, _ in self.batches([Path(path) for path in paths])]
        joined = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
        return joined[0] if self._single else joined

    def batches(self, paths: Sequence[Path], *, skip: bool = False) -> Iterator[Batch]:
        """Extract batch by batch, images of coming batches being decoded meanwhile.

        Parameters
        ----------
        paths : sequence of pathlib.Path
        skip : bool, default=False
            Whether unreadable images are left out.

        Yields
        ------
        rows : list of int
            Places in `paths` of the images in the batch.
        vectors : list of ndarray of shape (len(rows), d), float32
            One a layer; empty where no image was readable.
        skipped : list of str
            What was wrong with those left out.
        """
        parts = [range(start, min(start + self.batch_size, len(paths))) for start in range(0, len(paths), self.batch_size)]
        threads = torch.get_num_threads()
        # One thread a batch, several batches at once: threads that share a batch wait for each other, and long where
        # other work holds a core. The vectors do not depend on the number of cores, then.
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(threads) as pool:
                ahead: deque[Future[Batch]] = deque()
                try:
                    for part in parts:
                        ahead.append(pool.submit(self._batch, paths, part, skip))
                        if len(ahead) > 2 * threads:
                            yield ahead.popleft().result()
                    while ahead:
                        yield ahead.popleft().result()
                finally:
                    for future in ahead:
                        future.cancel()
        finally:
            torch.set_num_threads(threads)

    def _batch(self, paths: Sequence[Path], part: range, skip: bool) -> Batch:
        rows, inputs, skipped = [], [], []
        for row in part:
            try:
                inputs.append(read_input(paths[row], self.network.preprocessing, self.preprocessing))
                rows.append(row)
            except UnreadableImageError as error:
                if not skip:
                    raise
                skipped.append(str(error))
        return rows, self._forward(inputs), skipped

    def _forward(self, inputs: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        if not inputs:
            return []
        batch = torch.from_numpy(np.stack(inputs)).to(self.device, memory_format=torch.channels_last)
        with torch.inference_mode():
            outputs = self._module(batch)
        if len(self.layers) == 1:
            outputs = (outputs,)
        return [self._vectors(*one) for one in zip(outputs, self.layers, self._sides, strict=True)]

    def _vectors(self, output: Any, layer: str, side: int | None) -> NDArray[np.float32]:
        if not isinstance(output, torch.Tensor):
            raise ValueError(f"layer {layer!r} of {self.network.name} is a {type(output).__name__}, no output of an image")
        output = output.float()
        if side is not None:
            if output.ndim != 4 or side > min(output.shape[2:]):
                raise ValueError(
                    f"layer {layer!r} of {self.network.name}: an image's output is of shape {tuple(output.shape[1:])}; "
                    f"@{side} needs a map of at least {side} x {side}"
                )
            output = adaptive_avg_pool2d(output, side)
        return output.contiguous().flatten(1).cpu().numpy()


def best_precision(device: torch.device) -> str:
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = any(getattr(torch.cpu, f"_is_{feature}_supported", bool)() for feature in ("avx512_bf16", "amx_tile"))
    return "bfloat16" if fast else "float32"


def split_layer(layer: str) -> tuple[str, int | None]:
    """Split a layer's name into the node's and the side of the grid that its map is averaged over.

    Parameters
    ----------
    layer : str
        ``NAME`` or ``NAME@SIDE``.

    Returns
    -------
    name : str
    side : int or None

    Raises
    ------
    ValueError
        When the side is no whole number from 1 on.

    Examples
    --------
    >>> split_layer("stage4@2"), split_layer("pooled")
    (('stage4', 2), ('pooled', None))
    """
    name, at, side = layer.partition("@")
    # Without leading zeros: one layer has one name.
    if at and not re.fullmatch("[1-9][0-9]*", side):
        raise ValueError(f"layer {layer!r}: behind @ comes the side of a grid, a whole number from 1 on, as in stage4@2")
    return name, int(side) if at else None


def _find_node(module: nn.Module, node: str, model: str, layers: Any) -> str:
    nodes = get_graph_node_names(module, suppress_diff_warning=True)[1]
    if node not in nodes:
        near = difflib.get_close_matches(node, [*layers, *nodes], n=3)
        raise ValueError(
            f"{model} has no layer {node!r}; it has {', '.join(layers)}, or any of {len(nodes)} nodes"
            + (f", such as {', '.join(near)}" if near else "")
        )
    return node


def cut(module: nn.Module, *nodes: str) -> fx.GraphModule:
    """Return the part of a network that computes some nodes, their outputs as they were when computed.

    An operation in place after a node (a ReLU, an addition) would overwrite it; those are made ordinary ones, on a copy.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    *nodes : str
        Names of nodes of its graph.

    Returns
    -------
    torch.fx.GraphModule
        Returns the output of the node, or a tuple of those of several.
    """
    part = create_feature_extractor(deepcopy(module), list(nodes), suppress_diff_warning=True)
    for child in part.modules():
        if getattr(child, "inplace", False):
            child.inplace = False
    for step in part.graph.nodes:
        if step.kwargs.get("inplace"):
            step.kwargs = {**step.kwargs, "inplace": False}
        if step.target in _ORDINARY:
            step.target = _ORDINARY[step.target]
        if step.op == "output":
            outputs = tuple(step.args[0][node] for node in nodes)
            for node, output in zip(nodes, outputs, strict=True):
                if output.op == "get_attr":
                    raise ValueError(f"node {node!r} is a weight, no output of an image")
            step.args = outputs if len(outputs) == 1 else (outputs,)
    part.graph.eliminate_dead_code()
    part.recompile()
    return part.eval()


_ORDINARY = {operator.iadd: operator.add, operator.imul: operator.mul}


class _Autocast(nn.Module):
    def __init__(self, module: nn.Module, device_type: str) -> None:
        super().__init__()
        self.module = module
        self.device_type = device_type

    def forward(self, *inputs: Any) -> Any:
        with torch.autocast(self.device_type, torch.bfloat16):
            return self.module(*inputs)


def in_bfloat16(part: fx.GraphModule, first: str | None, device_type: str) -> nn.Module:
    """Make a network multiply in bfloat16, from one node on.

    Parameters
    ----------
    part : torch.fx.GraphModule
    first : str or None
        Prefix of the first node's name; None means the whole network.
    device_type : {"cpu", "cuda"}

    Returns
    -------
    torch.nn.Module
    """
    if first is None:
        return _Autocast(part, device_type)
    halves: dict[fx.Node, int] = {}
    begun = 0
    for step in part.graph.nodes:
        begun = begun or int(str(step.target).startswith(first))
        halves[step] = begun
    split = split_module(part, part, halves.__getitem__)
    if hasattr(split, "submod_1"):
        split.submod_1 = _Autocast(split.get_submodule("submod_1"), device_type)
    return split


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
    with _alone(folder, outputs[0]):
        starts = range(0, len(images), SHARD)
        shards = [folder / f"{start:08d}.safetensors" for start in starts]
        paths = [images.root / name for name in images.files]
        parts = [paths[start : start + SHARD] for start in starts]
        missing = [
            number for number, shard in enumerate(shards) if not _is_whole(shard, parts[number], len(extractor.layers), skip)
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
                _write_shard(shards[number], starts[number], extractor.layers, parts[number], stamp, batches, bar)
        if progress and fresh:
            tqdm.write(f"{fresh} images at {fresh / (time.perf_counter() - begun):.1f} images/s ({extractor.machine})")
        _gather(images, shards, extractor.layers, outputs, provenance)
        shutil.rmtree(folder, ignore_errors=True)
    return outputs[0] if isinstance(layer, str) else outputs


@contextmanager
def _alone(folder: Path, output: Path) -> Iterator[None]:
    """Refuse to write shards that another process is writing; a killed one holds nothing."""
    with open(folder / "lock", "a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f"{output}: another process is extracting it; wait until that has ended") from error
        except (OSError, AttributeError):
            pass  # a disk without locks, or Windows without fcntl
        yield


def _is_whole(shard: Path, paths: list[Path], layers: int, skip: bool) -> bool:
    # Written under another name and renamed, so that it is whole if it is there; a damaged disk is still noticed.
    try:
        tensors = load_file(shard) if shard.is_file() else {}
    except (SafetensorError, OSError):
        return False
    return (
        "rows" in tensors
        and np.array_equal(tensors.get("stamp", ()), _stamp(paths))
        and (skip or len(tensors["rows"]) == len(paths))
        and all(_name(number) in tensors for number in range(layers) if len(tensors["rows"]))
    )


def _name(number: int) -> str:
    """Name, in a shard, of the vectors of a layer."""
    return f"X{number}"


def _stamp(paths: list[Path]) -> NDArray[Any]:
    """Return size and time of each image: a shard is good for the files that it was made from."""
    found = [path.stat() if path.exists() else None for path in paths]
    return np.array([(one.st_size, one.st_mtime_ns) if one else (-1, -1) for one in found], dtype=np.int64)


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
        yield place, _stamp(paths), extractor.batches(paths, skip=skip)


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
    return place, _stamp(paths), list(extractor.batches(paths, skip=skip))


def _write_shard(
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


def _gather(
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
