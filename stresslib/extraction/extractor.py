"""The extractor: layers of one network, as a function from image files to vectors, batch by batch.

Joins the preprocessing of images with the part of the network that is needed; the job above it writes the files.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn
from torch.nn.functional import adaptive_avg_pool2d

from stresslib.classical.methods import is_method
from stresslib.extraction.engine import OpenVINO, check_engine
from stresslib.extraction.graph import PRECISIONS, best_precision, check_node, cut, in_bfloat16, split_layer
from stresslib.extraction.registry import find_network
from stresslib.extraction.shards import Batch
from stresslib.images.decode import Levels, UnreadableImageError
from stresslib.images.preprocessing import WAYS, read_input


class Extractor:
    """Layers of one network, as a function from image files to vectors.

    Parameters
    ----------
    model : str
        Name in the registry of networks.
    layer : str or sequence of str, default="pooled"
        Alias or name of a node; its output is flattened, in the order channel, row, column. With ``@s`` after the name, as
        in ``stage4@2``, a map is first averaged over a grid of s x s, since early maps are wide. Several layers are read in
        one pass.
    preprocessing : {"paper", "native", "matlab"}, default="paper"
        The paper's square resize, or what the network was trained with.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the network's products; vectors are always float32.
    batch_size : int, optional
        Default: 32 on a GPU, 4 on a CPU, where larger batches spend half of their time on fresh memory.
    levels : Levels, optional
        What is white in images of more than 8 bits, as for :func:`stresslib.images.open_image`.
    engine : {"torch", "openvino"}, default="torch"
        What computes the network. OpenVINO is faster on a CPU; the extra ``stresslib[fast]`` brings it. Its vectors differ
        from PyTorch's by rounding.

    Attributes
    ----------
    layers : tuple of str
    weights_sha256 : str
        SHA-256 of the file of weights.

    Raises
    ------
    ValueError
        On an unknown network, layer, preprocessing, precision or engine, and where the engine is not installed; the message
        lists what there is, or says how to install it.
    OSError
        When the weights cannot be fetched or read.

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
        levels: Levels | None = None,
        engine: str = "torch",
    ) -> None:
        for name, value, allowed in (("preprocessing", preprocessing, WAYS), ("precision", precision, PRECISIONS)):
            if value not in allowed:
                raise ValueError(f"{name}={value!r} is unknown; allowed are {', '.join(allowed)}")
        check_engine(engine)
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size={batch_size}; at least 1 image")
        if is_method(model):
            raise ValueError(f"{model!r} is not a network: its codebook is learnt from a data set; use stresslib.extract")
        self.network = find_network(model)
        self.layers = (layer,) if isinstance(layer, str) else tuple(layer)
        if not self.layers or len(set(self.layers)) < len(self.layers):
            raise ValueError(f"layers {', '.join(self.layers) or '(none)'}: at least one is needed, and each once")
        self._single = isinstance(layer, str)
        self.preprocessing = preprocessing
        self.levels = levels
        self.engine = engine
        self.device = torch.device("cuda" if engine == "torch" and torch.cuda.is_available() else "cpu")
        self.batch_size = batch_size or (32 if self.device.type == "cuda" else 4)
        self.precision = best_precision(self.device) if precision == "auto" else precision
        names, self._sides = zip(*map(split_layer, self.layers), strict=True)
        module, self.weights_sha256 = self.network.load()
        nodes = [self.network.layers.get(name, name) for name in names]
        for node in nodes:
            check_node(module, node, model, self.network.layers)
        part = cut(module, *nodes)
        self._compute: Callable[[torch.Tensor], Any] = part
        if engine == "openvino":
            self._compute = self._in_openvino(part)
        else:
            chosen: nn.Module = part
            if self.precision == "bfloat16":
                chosen = in_bfloat16(part, self.network.float32_before, self.device.type)
            self._compute = chosen.to(self.device).to(memory_format=torch.channels_last)

    def _in_openvino(self, part: fx.GraphModule) -> OpenVINO:
        """Compile a part of the network, after one batch through the part itself: it must give vectors of images."""
        side = self.network.preprocessing.size
        blank = torch.zeros(self.batch_size, 3, side, side)
        self._forward(blank)
        return OpenVINO(part, self.network.float32_before, blank, self.precision, torch.get_num_threads())

    @property
    def provenance(self) -> dict[str, Any]:
        """What a feature set says of the network that made it."""
        libraries = dict.fromkeys(("stresslib", "torch", "torchvision", "pillow", "numpy", self.engine))
        return {
            "preprocessing": self.preprocessing,
            "precision": self.precision,
            "engine": self.engine,
            "weights_sha256": self.weights_sha256,
            "versions": {name: version(name) for name in libraries},
        }

    @property
    def machine(self) -> str:
        """Engine, precision and processor, for a report of speed."""
        return f"{self.engine}, {self.precision} on {self.device}"

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
        """Extract batch by batch, while the images of the next batches are being decoded.

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
            What was wrong with each image that was left out.
        """
        parts = [range(start, min(start + self.batch_size, len(paths))) for start in range(0, len(paths), self.batch_size)]
        threads = torch.get_num_threads()
        # One thread a batch, several batches at once: threads that share a batch wait for each other, and for long where
        # other work holds a core. It also makes the vectors independent of the number of cores.
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
                inputs.append(read_input(paths[row], self.network.preprocessing, self.preprocessing, self.levels))
                rows.append(row)
            except UnreadableImageError as error:
                if not skip:
                    raise
                skipped.append(str(error))
        return rows, self._forward(torch.from_numpy(np.stack(inputs))) if inputs else [], skipped

    def _forward(self, batch: torch.Tensor) -> list[NDArray[np.float32]]:
        if self.engine == "torch":
            batch = batch.to(self.device, memory_format=torch.channels_last)
        with torch.inference_mode():
            outputs = self._compute(batch)
        if len(self.layers) == 1:
            outputs = (outputs,)
        return [self._vectors(*one) for one in zip(outputs, self.layers, self._sides, strict=True)]

    def _vectors(self, output: Any, layer: str, side: int | None) -> NDArray[np.float32]:
        if not isinstance(output, torch.Tensor):
            raise ValueError(
                f"layer {layer!r} of {self.network.name} is a {type(output).__name__}, not an output of an image"
            )
        output = output.float()
        if side is not None:
            if output.ndim != 4 or side > min(output.shape[2:]):
                raise ValueError(
                    f"layer {layer!r} of {self.network.name}: an image's output is of shape {tuple(output.shape[1:])}; "
                    f"@{side} needs a map of at least {side} x {side}"
                )
            output = adaptive_avg_pool2d(output, side)
        return output.contiguous().flatten(1).cpu().numpy()
