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
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import fx, nn
from torch.fx.passes.split_module import split_module
from torch.nn.functional import adaptive_avg_pool2d
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names
from tqdm import tqdm

from stresslib.datasets.imageset import ImageSet
from stresslib.extraction.networks import find_network
from stresslib.extraction.preprocessing import WAYS, UnreadableImageError, read_input
from stresslib.features import FeatureSet, features_path
from stresslib.files import replacing, text_sha256

PRECISIONS = ("auto", "float32", "bfloat16")
"""``auto`` is bfloat16 where the processor multiplies it in hardware, else float32."""

SHARD = 512
"""Images in a shard: what a kill can cost at most."""


class Extractor:
    """One layer of one network, as a function from image files to vectors.

    Parameters
    ----------
    model : str
        Name in the registry of networks.
    layer : str, default="pooled"
        Alias or node name; the output is flattened, in the order channel, row, column. With ``@s`` behind the name, as
        in ``stage4@2``, the map is averaged over a grid of s x s before that: early maps are wide.
    preprocessing : {"paper", "native"}, default="paper"
        The paper's square resize, or what the network was trained with.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the network's products; vectors are float32 always.
    batch_size : int, optional
        Default: 32 on a GPU, 4 on a CPU, where larger ones spend half of their time on fresh memory.

    Attributes
    ----------
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
    >>> from stresslib import Extractor
    >>> extractor = Extractor("efficientnet-lite0")           # doctest: +SKIP
    >>> extractor(["cat.jpg", "dog.jpg"]).shape               # doctest: +SKIP
    (2, 1280)
    """

    def __init__(
        self,
        model: str,
        layer: str = "pooled",
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
        self.network = find_network(model)
        self.layer = layer
        self.preprocessing = preprocessing
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.batch_size = batch_size or (32 if self.device.type == "cuda" else 4)
        self.precision = _best_precision(self.device) if precision == "auto" else precision
        name, self._side = split_layer(layer)
        module, self.weights_sha256 = self.network.load()
        node = _find_node(module, self.network.layers.get(name, name), model, self.network.layers)
        part = cut(module, node)
        chosen: nn.Module = part
        if self.precision == "bfloat16":
            chosen = in_bfloat16(part, self.network.float32_before, self.device.type)
        self._module = chosen.to(self.device).to(memory_format=torch.channels_last)

    def __call__(self, paths: Sequence[str | os.PathLike[str]]) -> NDArray[np.float32]:
        """Extract the vectors of image files.

        Parameters
        ----------
        paths : sequence of path-like

        Returns
        -------
        ndarray of shape (n, d), float32

        Raises
        ------
        UnreadableImageError
            On the first file that cannot be decoded.
        """
        if not paths:
            raise ValueError("there are no images to extract from")
        return np.concatenate([vectors for _, vectors, _ in self.batches([Path(path) for path in paths])])

    def batches(
        self, paths: Sequence[Path], *, skip: bool = False
    ) -> Iterator[tuple[list[int], NDArray[np.float32], list[str]]]:
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
        vectors : ndarray of shape (len(rows), d), float32
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
                ahead: deque[Future[tuple[list[int], NDArray[np.float32], list[str]]]] = deque()
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

    def _batch(self, paths: Sequence[Path], part: range, skip: bool) -> tuple[list[int], NDArray[np.float32], list[str]]:
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

    def _forward(self, inputs: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        if not inputs:
            return np.empty((0, 0), dtype=np.float32)
        batch = torch.from_numpy(np.stack(inputs)).to(self.device, memory_format=torch.channels_last)
        with torch.inference_mode():
            output = self._module(batch)
        if not isinstance(output, torch.Tensor):
            raise ValueError(
                f"layer {self.layer!r} of {self.network.name} is a {type(output).__name__}, no output of an image"
            )
        vectors = output.float()
        if self._side is not None:
            if vectors.ndim != 4 or self._side > min(vectors.shape[2:]):
                raise ValueError(
                    f"layer {self.layer!r} of {self.network.name}: an image's output is of shape "
                    f"{tuple(vectors.shape[1:])}; @{self._side} needs a map of at least {self._side} x {self._side}"
                )
            vectors = adaptive_avg_pool2d(vectors, self._side)
        return vectors.contiguous().flatten(1).cpu().numpy()


def _best_precision(device: torch.device) -> str:
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


def cut(module: nn.Module, node: str) -> fx.GraphModule:
    """Return the part of a network that computes one node, its output as it was when computed.

    An operation in place after that node (a ReLU, an addition) would overwrite it; those are made ordinary ones, on a
    copy.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    node : str
        Name of a node of its graph.

    Returns
    -------
    torch.fx.GraphModule
        Returns the node's output alone.
    """
    part = create_feature_extractor(deepcopy(module), {node: "output"}, suppress_diff_warning=True)
    for child in part.modules():
        if getattr(child, "inplace", False):
            child.inplace = False
    for step in part.graph.nodes:
        if step.kwargs.get("inplace"):
            step.kwargs = {**step.kwargs, "inplace": False}
        if step.target in _ORDINARY:
            step.target = _ORDINARY[step.target]
        if step.op == "output":
            if step.args[0]["output"].op == "get_attr":
                raise ValueError(f"node {node!r} is a weight, no output of an image")
            step.args = (step.args[0]["output"],)
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
    layer: str = "pooled",
    *,
    preprocessing: str = "paper",
    precision: str = "auto",
    batch_size: int | None = None,
    on_error: str = "raise",
    output: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Path:
    """Extract the features of a set of images into a file, going on where an earlier call was stopped.

    Finished shards of 512 images lie in a folder beside the file until it is whole.

    Parameters
    ----------
    images : ImageSet
    model, layer, preprocessing, precision, batch_size
        As in :class:`Extractor`.
    on_error : {"raise", "skip"}, default="raise"
        What to do about an unreadable image: stop with its name, or leave it out, and list it in the provenance.
    output : path-like, optional
        Default: the user's cache, where :func:`stresslib.load_features` finds it.
    progress : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    pathlib.Path
        Of the saved FeatureSet.

    Raises
    ------
    UnreadableImageError
        With ``on_error="raise"``. Finished shards stay.
    ValueError, OSError
        As :class:`Extractor` does, and on features that are not finite.
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error={on_error!r} is unknown; allowed are raise, skip")
    # Labels, split and metric are checked before hours of work, on vectors that stand for those to come.
    FeatureSet(np.zeros((len(images), 1)), images.y, images.train, images.metric, images.classes)
    extractor = Extractor(model, layer, preprocessing=preprocessing, precision=precision, batch_size=batch_size)
    provenance = {
        **images.provenance,
        "dataset": images.name,
        "model": model,
        "layer": layer,
        "preprocessing": preprocessing,
        "precision": extractor.precision,
        "weights_sha256": extractor.weights_sha256,
        "versions": {name: version(name) for name in ("stresslib", "torch", "torchvision", "pillow", "numpy")},
    }
    path = Path(output) if output is not None else features_path(images.name, model, layer)
    job = text_sha256(
        json.dumps(provenance, sort_keys=True), str(extractor.batch_size), str(images.root.resolve()), *images.files
    )
    shards = path.with_name(f"{path.name}.{job[:12]}.shards")
    shards.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(images), SHARD)
    paths = [images.root / name for name in images.files]
    skip = on_error == "skip"
    missing = [
        start for start in starts if not _is_whole(shards / f"{start:08d}.safetensors", paths[start : start + SHARD], skip)
    ]
    fresh = sum(len(paths[start : start + SHARD]) for start in missing)
    begun = time.perf_counter()
    label = f"{images.name}/{model}/{layer}"
    with tqdm(total=len(images), initial=len(images) - fresh, desc=label, unit="image", disable=not progress) as bar:
        for start in missing:
            shard, part = shards / f"{start:08d}.safetensors", paths[start : start + SHARD]
            _write_shard(shard, start, extractor, part, skip, bar)
    if progress and fresh:
        tqdm.write(
            f"{fresh} images at {fresh / (time.perf_counter() - begun):.1f} images/s "
            f"({extractor.precision} on {extractor.device})"
        )
    features = _gather(images, [shards / f"{start:08d}.safetensors" for start in starts], provenance)
    features.save(path)
    shutil.rmtree(shards, ignore_errors=True)
    return path


def _is_whole(shard: Path, paths: list[Path], skip: bool) -> bool:
    # Written under another name and renamed, so that it is whole if it is there; a damaged disk is still noticed.
    try:
        tensors = load_file(shard) if shard.is_file() else {}
    except (SafetensorError, OSError):
        return False
    return (
        "rows" in tensors
        and np.array_equal(tensors.get("stamp", ()), _stamp(paths))
        and (skip or len(tensors["rows"]) == len(paths))
    )


def _stamp(paths: list[Path]) -> NDArray[Any]:
    """Return size and time of each image: a shard is good for the files that it was made from."""
    found = [path.stat() if path.exists() else None for path in paths]
    return np.array([(one.st_size, one.st_mtime_ns) if one else (-1, -1) for one in found], dtype=np.int64)


def _write_shard(shard: Path, start: int, extractor: Extractor, paths: list[Path], skip: bool, bar: Any) -> None:
    stamp = _stamp(paths)
    rows: list[int] = []
    vectors: list[NDArray[np.float32]] = []
    skipped: list[str] = []
    for places, batch, problems in extractor.batches(paths, skip=skip):
        rows += [start + place for place in places]
        vectors += [batch] if len(batch) else []
        skipped += problems
        for problem in problems:
            tqdm.write(f"skipped: {problem}")
        bar.update(len(places) + len(problems))
    tensors: dict[str, NDArray[Any]] = {
        "stamp": stamp,
        "rows": np.array(rows, dtype=np.int64),
        "skipped": np.frombuffer(json.dumps(skipped).encode(), dtype=np.uint8),
    }
    if vectors:
        tensors["X"] = np.concatenate(vectors)
    with replacing(shard) as temporary:
        save_file(tensors, temporary)


def _gather(images: ImageSet, shards: list[Path], provenance: dict[str, Any]) -> FeatureSet:
    parts = [load_file(shard) for shard in shards]
    rows = np.concatenate([part["rows"] for part in parts])
    skipped = [problem.replace(f"{images.root}/", "") for part in parts for problem in json.loads(part["skipped"].tobytes())]
    if len(rows) == 0:
        raise ValueError(f"{images.name}: none of {len(images)} images could be read")
    X = np.concatenate([part["X"] for part in parts if "X" in part])
    files = [images.files[row] for row in rows]
    if skipped:
        provenance = {**provenance, "skipped": skipped}
    return FeatureSet(X, images.y[rows], images.train[rows], images.metric, images.classes, files, provenance)
