"""Reads MatConvNet's files of weights: VGG-M from a SimpleNN file, GoogLeNet from a DagNN file.

Called by :class:`Network` when it loads. Such a file also describes the geometry of its network, which must be that of the
module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.io import loadmat
from torch import nn

from stresslib.extraction.googlenet import INCEPTIONS, GoogLeNet
from stresslib.extraction.vgg_m import VGGM

# What follows is from MatConvNet's own sources: the fields from vl_simplenn.m, vl_simplenn_tidy.m and DagNN's saveobj.m;
# normalisation without a division of alpha from vl_nnnormalize.m; sizes and paddings (top, bottom, left, right) from
# vl_nnpool.m and vl_nnconv.m; the layers of both networks from its importers of Caffe's models.


def read_simplenn(path: Path, module: VGGM) -> dict[str, torch.Tensor]:
    """Read VGG-M's weights and average image.

    Up to MatConvNet 1.0-beta16, layers had ``filters`` and ``biases`` or ``weights``, and the average image was in
    ``normalization``; since beta17 they have ``weights``, and it is in ``meta.normalization``. Both are read.

    Parameters
    ----------
    path : pathlib.Path
    module : VGGM
        The module that the weights must fit; it is not changed.

    Returns
    -------
    dict of str to torch.Tensor
        The module's state dict, float32.

    Raises
    ------
    ValueError
        When the file is damaged, or its layers are not the module's; the message names file and layer.
    """
    net = _load(path)
    layers = [layer for layer in _list(net["layers"]) if layer.get("type") != "dropout"]
    state = {"average": _average(path, net, module.average)}
    side = module.average.shape[-1]
    for number, (name, part) in enumerate(module.named_children(), 1):
        if number > len(layers):
            raise ValueError(f"{path} ends after {len(layers)} layers; {name} is missing: it is of another network")
        layer = layers[number - 1]
        weights = _list(layer["weights"]) if "weights" in layer else [layer.get("filters"), layer.get("biases")]
        shape = _shape(part, side)
        filters = _filters(weights[0], shape) if shape else None
        found, after = _describe(path, layer.get("type", "nothing"), layer, filters, side)
        expected, _ = _expected(part, shape, side)
        if found != expected:
            raise ValueError(
                f"{path}: layer {number}, {layer.get('name', 'nameless')}, is {found}; {name} is {expected}: "
                "the file is of another network"
            )
        if filters is not None:
            state |= _parameters(path, name, filters, weights[1] if len(weights) > 1 else None, part)
        side = after
    if len(layers) != (count := len(list(module.children()))):
        raise ValueError(f"{path} has {len(layers)} layers, {count} are expected: it is of another network")
    _check_classes(path, net, module.fc8.out_features)
    return state


def read_dag(path: Path, module: GoogLeNet) -> dict[str, torch.Tensor]:
    """Read GoogLeNet's weights and average image.

    The two auxiliary classifiers, which only serve its training, are not read.

    Parameters
    ----------
    path : pathlib.Path
    module : GoogLeNet
        The module that the weights must fit; it is not changed.

    Returns
    -------
    dict of str to torch.Tensor
        The module's state dict, float32.

    Raises
    ------
    ValueError
        When the file is damaged, or its graph is not the module's; the message names file and layer.
    """
    net = _load(path)
    if "params" not in net:
        raise ValueError(f"{path} has no params: it is not a DagNN file")
    assert module.average is not None
    state = {"average": _average(path, net, module.average)}
    values = {param["name"]: param["value"] for param in _list(net["params"])}
    graph = _Graph(path, _list(net["layers"]), module.average.shape[-1])
    for name, (ops, sources) in _googlenet(module).items():
        theirs = _PRINCETON[name]
        layer = graph.convolutions.get(theirs)
        if layer is None:
            raise ValueError(f"{path} has no layer {theirs}: the file is of another network")
        (source,) = _names(layer["inputs"])
        expected = (ops, tuple(_PRINCETON[source] for source in sources))
        before = graph.before(source)
        if before != expected:
            raise ValueError(
                f"{path}: before {theirs} come {_listed(before)}; in GoogLeNet {_listed(expected)}: "
                "the file is of another network"
            )
        side, part = graph.side(source), module.get_submodule(name)
        shape = _shape(part, side)
        assert shape is not None
        weights = [values.get(param) for param in _names(layer["params"])] or [None]
        filters = _filters(weights[0], shape)
        found, _ = _describe(path, "conv", layer["block"], filters, side)
        wanted, _ = _expected(part, shape, side)
        if found != wanted:
            raise ValueError(f"{path}: {theirs} is {found}; it should be {wanted}: the file is of another network")
        state |= _parameters(path, name, filters, weights[1] if len(weights) > 1 else None, part)
    _check_classes(path, net, module.fc.out_features)
    return state


# --- the file -----------------------------------------------------------------------------------------------------


def _load(path: Path) -> dict[str, Any]:
    try:
        net = loadmat(path, simplify_cells=True)
    except NotImplementedError as error:
        raise ValueError(
            f"{path} is a MATLAB 7.3 file, which is not read; save it in MATLAB with save(..., '-v7'), or take "
            "MatConvNet's own"
        ) from error
    except Exception as error:  # damaged bytes make the decoder raise anything
        raise ValueError(f"{path} is damaged, or not a MATLAB file ({error}); remove it, and try again") from error
    net = net["net"] if "layers" not in net and isinstance(net.get("net"), dict) else net
    if not all(isinstance(layer, dict) for layer in _list(net.get("layers", [None]))):
        raise ValueError(f"{path} has no layers: it is not a network of MatConvNet")
    return net


def _list(value: Any) -> list[Any]:
    """Return the elements of a cell array; scipy returns a single element without its array."""
    if isinstance(value, np.ndarray) and (value.dtype.kind not in "OU" or value.ndim == 0):
        return [value]
    return list(value) if isinstance(value, (list, np.ndarray)) else [value]


def _names(value: Any) -> list[str]:
    return [str(name) for name in _list(value)]


def _numbers(path: Path, layer: Mapping[str, Any], field: str, count: int, default: float) -> tuple[int, ...]:
    values = np.ravel(layer.get(field, default))
    if values.size not in (1, count) or values.dtype.kind not in "iuf":
        raise ValueError(f"{path}: a layer has {field} {values.tolist()}, which is neither one number nor {count}")
    return tuple(int(number) for number in np.broadcast_to(values, count))


def _average(path: Path, net: Mapping[str, Any], into: torch.Tensor) -> torch.Tensor:
    """Return the average image, channels first; three values are repeated over the whole image."""
    meta = net["meta"] if isinstance(net.get("meta"), dict) else net
    normalization = meta.get("normalization")
    image = np.asarray(normalization.get("averageImage", ())) if isinstance(normalization, dict) else np.empty(0)
    if image.dtype.kind not in "iuf" or image.shape not in ((3,), (*into.shape[1:], 3)):
        raise ValueError(
            f"{path}: its average image is of shape {image.shape}; {(*into.shape[1:], 3)} or 3 values are expected"
        )
    image = np.broadcast_to(image.astype(np.float32), (*into.shape[1:], 3))
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _check_classes(path: Path, net: Mapping[str, Any], count: int) -> None:
    meta = net["meta"] if isinstance(net.get("meta"), dict) else net
    classes = meta.get("classes")
    found = len(_list(classes["description"])) if isinstance(classes, dict) and "description" in classes else count
    if found != count:
        raise ValueError(f"{path} describes {found} classes, not {count}: it is of another network")


# --- layers in words: what a file holds and what a module is are compared as text, and an error shows both --------------


def _describe(path: Path, kind: str, layer: Mapping[str, Any], filters: NDArray[Any] | None, side: int) -> tuple[str, int]:
    """Describe a layer of a file, and return the side of the map that it outputs."""
    pad = _numbers(path, layer, "pad", 4, 0)
    stride = _numbers(path, layer, "stride", 2, 1)
    if kind == "conv" and filters is not None:
        dilate = _numbers(path, layer, "dilate", 2, 1)
        text = _convolution(filters.shape, stride, pad) + (f", dilated by {dilate}" if set(dilate) != {1} else "")
        return text, (side + pad[0] + pad[1] - filters.shape[0]) // max(stride[0], 1) + 1
    if kind == "pool":
        size = _numbers(path, layer, "poolSize" if "poolSize" in layer else "pool", 2, 0)
        after = tuple((side + pad[2 * axis] + pad[2 * axis + 1] - size[axis]) // max(stride[axis], 1) + 1 for axis in (0, 1))
        return _pooling(layer.get("method", "max"), size, stride, (pad[0], pad[2]), side, after), after[0]
    if kind in ("normalize", "lrn"):
        return _normalisation(np.ravel(layer.get("param", ())).tolist()), side
    if kind == "relu":
        leak = float(layer.get("leak", 0))
        return "ReLU" + (f" with a leak of {leak:g}" if leak else ""), side
    return kind, side


def _expected(part: nn.Module, shape: tuple[int, ...] | None, side: int) -> tuple[str, int]:
    """Describe a layer of a module in the same words, and return the side of the map that it outputs."""
    if isinstance(part, nn.Conv2d):
        pad, stride = int(part.padding[0]), part.stride[0]
        return _convolution(shape or (), (stride, stride), (pad,) * 4), (side + 2 * pad - part.kernel_size[0]) // stride + 1
    if isinstance(part, nn.Linear):
        return _convolution(shape or (), (1, 1), (0, 0, 0, 0)), 1
    if isinstance(part, nn.MaxPool2d) and isinstance(part.kernel_size, int) and isinstance(part.stride, int):
        return _max_pooling(part.kernel_size, part.stride, 0, side)
    if isinstance(part, nn.LocalResponseNorm):
        return _normalisation([part.size, part.k, part.alpha / part.size, part.beta]), side
    return "ReLU" if isinstance(part, nn.ReLU) else type(part).__name__.lower(), side


def _convolution(shape: tuple[int, ...], stride: tuple[int, ...], pad: tuple[int, ...]) -> str:
    rows, columns, inputs, outputs = (*shape, 1, 1, 1, 1)[:4]
    return f"convolution of {rows} x {columns}, stride {stride}, pad {pad}, {inputs} to {outputs} channels"


def _pooling(
    method: str, size: tuple[int, ...], stride: tuple[int, ...], first: tuple[int, ...], side: int, after: tuple[int, ...]
) -> str:
    # The size of the output stands for the padding at the end, which has no effect where it adds no window.
    return (
        f"{method} pooling of {size[0]} x {size[1]}, stride {stride}, first pad {first}, from {side} pixels to "
        f"{after[0]} x {after[1]}"
    )


def _max_pooling(size: int, stride: int, pad: int, side: int) -> tuple[str, int]:
    """Describe a max pooling that rounds sizes up, and return the side of the map that it outputs."""
    after = math.ceil((side + 2 * pad - size) / stride) + 1
    return _pooling("max", (size,) * 2, (stride,) * 2, (pad,) * 2, side, (after, after)), after


def _normalisation(param: list[float]) -> str:
    # Six digits, since 1e-4 / 5 in single precision differs from the double.
    return f"local response normalisation [{' '.join(f'{value:g}' for value in param)}]"


# --- weights --------------------------------------------------------------------------------------------------------


def _shape(part: nn.Module, side: int) -> tuple[int, int, int, int] | None:
    """Return the shape of a layer's filters in MatConvNet: rows, columns, inputs, outputs."""
    if isinstance(part, nn.Conv2d):
        return (part.kernel_size[0], part.kernel_size[1], part.in_channels, part.out_channels)
    if isinstance(part, nn.Linear):
        return (side, side, part.in_features // side**2, part.out_features)
    return None


def _filters(value: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Restore the dimensions of size 1 that MATLAB and scipy drop, if the filters then have the expected shape."""
    filters = np.asarray(value if value is not None else 0)
    if [size for size in filters.shape if size != 1] == [size for size in shape if size != 1]:
        return filters.reshape(shape)
    # Others are described as what they are likely to be: a matrix as filters of one pixel.
    if filters.ndim == 2:
        return filters.reshape(1, 1, *filters.shape)
    return filters.reshape((*filters.shape, 1, 1, 1, 1)[:4] if filters.ndim < 5 else (-1, 1, 1, 1))


def _parameters(path: Path, name: str, filters: NDArray[Any], biases: Any, part: nn.Module) -> dict[str, torch.Tensor]:
    """Lay weights out as torch does: outputs, inputs, rows, columns; in a fully connected layer flattened to a matrix."""
    bias = np.ravel(biases if biases is not None else ())
    if bias.size != filters.shape[3] or filters.dtype.kind != "f" or bias.dtype.kind != "f":
        raise ValueError(
            f"{path}: {name} has {bias.size} biases ({bias.dtype}) and {filters.shape[3]} filters ({filters.dtype}); "
            "as many of each are expected, in floating point"
        )
    weight = np.ascontiguousarray(filters.transpose(3, 2, 0, 1), dtype=np.float32)
    if isinstance(part, nn.Linear):
        weight = weight.reshape(len(weight), -1)
    return {
        f"{name}.weight": torch.from_numpy(weight),
        f"{name}.bias": torch.from_numpy(bias.astype(np.float32)),
    }


# --- GoogLeNet's graph --------------------------------------------------------------------------------------------------

# Princeton's names: the inception modules are icp1 to icp9, their branches out0 to out3, the reductions reduction1 and 2.
_BRANCHES = {"b1": "out0", "b3r": "reduction1", "b3": "out1", "b5r": "reduction2", "b5": "out2", "pp": "out3"}
_PRINCETON = {
    "conv1": "conv1",
    "conv2r": "reduction2",
    "conv2": "conv2",
    **{
        f"{module}.{branch}": f"icp{number}_{theirs}"
        for number, module in enumerate(INCEPTIONS, 1)
        for branch, theirs in _BRANCHES.items()
    },
    "fc": "cls3_fc",
}


def _googlenet(module: GoogLeNet) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return, for each convolution, the operations before it, the nearest first, and the convolutions before those."""
    norm, _ = _expected(module.norm, None, 0)
    halved = {side: _max_pooling(3, 2, 0, side)[0] for side in (112, 56, 28, 14)}
    plan: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "conv1": ((), ()),
        "conv2r": ((norm, halved[112], "ReLU"), ("conv1",)),
        "conv2": (("ReLU",), ("conv2r",)),
    }
    ops: tuple[str, ...] = (halved[56], norm, "ReLU")
    sources: tuple[str, ...] = ("conv2",)
    side = 28
    for name in INCEPTIONS:
        if name in ("i4a", "i5a"):
            ops, side = (halved[side], *ops), side // 2
        plan |= {f"{name}.{branch}": (ops, sources) for branch in ("b1", "b3r", "b5r")}
        plan[f"{name}.pp"] = ((_max_pooling(3, 1, 1, side)[0], *ops), sources)
        plan |= {f"{name}.{branch}": (("ReLU",), (f"{name}.{branch}r",)) for branch in ("b3", "b5")}
        ops, sources = ("concatenation",), tuple(f"{name}.{branch}" for branch in ("b1", "b3", "b5", "pp"))
    plan["fc"] = ((_pooling("avg", (7, 7), (1, 1), (0, 0), side, (1, 1)), *ops), sources)
    return plan


def _listed(before: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    ops, sources = before
    return ", ".join((*ops, *(sources or ("the image",))))


class _Graph:
    """The graph of a DagNN file, followed from a variable back to the convolutions that produce it."""

    def __init__(self, path: Path, layers: list[dict[str, Any]], side: int) -> None:
        self.path = path
        self.convolutions = {layer["name"]: layer for layer in layers if layer["type"] == "dagnn.Conv"}
        self._producers = {output: layer for layer in layers for output in _names(layer["outputs"])}
        self._sides: dict[str, int] = {}
        self._input = side

    def before(self, variable: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the operations that lead to a variable, the nearest first, and the convolutions before them."""
        ops: list[str] = []
        while layer := self._producers.get(variable):
            inputs = _names(layer["inputs"])
            if layer["type"] == "dagnn.Conv":
                return tuple(ops), (layer["name"],)
            if layer["type"] == "dagnn.Concat":
                return (*ops, "concatenation"), tuple(self._rectified(name) for name in inputs)
            side = self.side(inputs[0])  # which raises on a cycle
            if layer["type"] != "dagnn.DropOut":
                ops.append(self._describe(layer, side)[0])
            variable = inputs[0]
        return tuple(ops), ()

    def side(self, variable: str) -> int:
        """Return the side of a variable's map."""
        layer = self._producers.get(variable)
        if layer is None:
            return self._input
        if variable not in self._sides:
            self._sides[variable] = 0
            self._sides[variable] = self._describe(layer, self.side(_names(layer["inputs"])[0]))[1]
        if self._sides[variable] < 1:
            raise ValueError(f"{self.path}: at {variable} the graph has a cycle, or nothing of a map is left")
        return self._sides[variable]

    def _rectified(self, variable: str) -> str:
        """Return the name of the convolution whose ReLU outputs a variable."""
        layer = self._producers.get(variable, {})
        before = self._producers.get(_names(layer["inputs"])[0], {}) if layer.get("type") == "dagnn.ReLU" else {}
        return before["name"] if before.get("type") == "dagnn.Conv" else f"{variable}, which is not a rectified convolution"

    def _describe(self, layer: dict[str, Any], side: int) -> tuple[str, int]:
        kind = {"dagnn.Conv": "conv", "dagnn.Pooling": "pool", "dagnn.LRN": "lrn", "dagnn.ReLU": "relu"}.get(layer["type"])
        block = layer["block"] if isinstance(layer["block"], dict) else {}
        # The filters give a convolution's channels; the size of its map depends on rows and columns alone.
        size = _numbers(self.path, {"size": np.ravel(block.get("size", 1))[:2]}, "size", 2, 1)
        filters = np.broadcast_to(np.float32(0), (*size, 1, 1)) if kind == "conv" else None
        return _describe(self.path, kind or layer["type"], block, filters, side)
