"""Reads Caffe's files of weights: GoogLeNet from the model zoo's ``.caffemodel``.

Called by :class:`Network` when it loads. The file is a protocol buffer; the few messages that matter are described here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from torch import nn

from stresslib.extraction.googlenet import INCEPTIONS

LARGEST = 1 << 28
"""The largest file that is read, in bytes: five times GoogLeNet with its two auxiliary classifiers."""

_Field = descriptor_pb2.FieldDescriptorProto
# Names, numbers and types are those of Caffe's own src/caffe/proto/caffe.proto; unknown fields are ignored.
_MESSAGES: dict[str, dict[str, tuple[int, Any, bool]]] = {
    "BlobShape": {"dim": (1, _Field.TYPE_INT64, True)},
    "BlobProto": {
        "num": (1, _Field.TYPE_INT32, False),
        "channels": (2, _Field.TYPE_INT32, False),
        "height": (3, _Field.TYPE_INT32, False),
        "width": (4, _Field.TYPE_INT32, False),
        "data": (5, _Field.TYPE_FLOAT, True),
        "shape": (7, "BlobShape", False),
    },
    "V1LayerParameter": {
        "bottom": (2, _Field.TYPE_STRING, True),
        "top": (3, _Field.TYPE_STRING, True),
        "name": (4, _Field.TYPE_STRING, False),
        "type": (5, _Field.TYPE_INT32, False),
        "blobs": (6, "BlobProto", True),
    },
    "LayerParameter": {
        "name": (1, _Field.TYPE_STRING, False),
        "type": (2, _Field.TYPE_STRING, False),
        "blobs": (7, "BlobProto", True),
    },
    "NetParameter": {
        "name": (1, _Field.TYPE_STRING, False),
        "layers": (2, "V1LayerParameter", True),
        "layer": (100, "LayerParameter", True),
    },
}


@cache
def message_classes() -> dict[str, Any]:
    """Return the classes of Caffe's messages, by name."""
    file = descriptor_pb2.FileDescriptorProto(name="stresslib/caffe.proto", package="stresslib.caffe", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type, added.type_name = _Field.TYPE_MESSAGE, f".stresslib.caffe.{kind}"
            else:
                added.type = kind
                added.options.packed = repeated and kind in (_Field.TYPE_FLOAT, _Field.TYPE_INT64)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"stresslib.caffe.{name}")) for name in _MESSAGES
    }


_BRANCHES = {
    "b1": "1x1",
    "b3r": "3x3_reduce",
    "b3": "3x3",
    "b5r": "5x5_reduce",
    "b5": "5x5",
    "pp": "pool_proj",
}
LAYERS = {
    "conv1": "conv1/7x7_s2",
    "conv2r": "conv2/3x3_reduce",
    "conv2": "conv2/3x3",
    **{
        f"{module}.{branch}": f"inception_{module[1:]}/{theirs}"
        for module in INCEPTIONS
        for branch, theirs in _BRANCHES.items()
    },
    "fc": "loss3/classifier",
}
"""Caffe's names of GoogLeNet's layers, of models/bvlc_googlenet/deploy.prototxt, by ours."""


def read_caffemodel(path: Path, module: nn.Module) -> dict[str, torch.Tensor]:
    """Read GoogLeNet's weights, from either of Caffe's two layouts of layers.

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
        When the file is damaged, too large, or belongs to another network; the message names file and layer.
    """
    if path.stat().st_size > LARGEST:
        size = path.stat().st_size
        raise ValueError(f"{path} has {size} bytes, more than {LARGEST}: these are not the weights of GoogLeNet")
    net = message_classes()["NetParameter"]()
    try:
        net.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(f"{path} is damaged, or not a .caffemodel ({error}); remove it, and try again") from error
    blobs = {layer.name: layer.blobs for layer in (*net.layers, *net.layer) if layer.blobs}
    state = {}
    for name, tensor in module.state_dict().items():
        ours, part = name.rsplit(".", 1)
        layer = LAYERS[ours]
        place = 0 if part == "weight" else 1  # among the blobs of the layer
        if len(blobs.get(layer, ())) <= place:
            raise ValueError(f"{path} has no {part} of layer {layer}: it is cut short, or of another network")
        state[name] = _tensor(f"{path}: the {part} of {layer}", blobs[layer][place], tuple(tensor.shape))
    return state


def _tensor(what: str, blob: Any, shape: tuple[int, ...]) -> torch.Tensor:
    """Return a blob of the expected shape as a tensor."""
    # The older form of a shape always has four sizes; for a bias or a matrix the first ones are 1.
    found = tuple(blob.shape.dim) if blob.HasField("shape") else (blob.num, blob.channels, blob.height, blob.width)
    if (1,) * (len(found) - len(shape)) + shape != found:
        raise ValueError(f"{what} is of shape {found}, not {shape}: it is of another network")
    if len(blob.data) != np.prod(shape):
        raise ValueError(f"{what} has {len(blob.data)} values for its shape {found}: the file is damaged")
    return torch.from_numpy(np.array(blob.data, dtype=np.float32).reshape(shape))
