"""Graph: cuts a network down to the part that computes the layers asked for, and sets its precision.

Between the network, which it takes as a torch module, and the extractor.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import torch
from torch import fx, nn
from torch.fx.passes.split_module import split_module
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

PRECISIONS = ("auto", "float32", "bfloat16")
"""``auto`` is bfloat16 where the processor has instructions for it, else float32."""


def best_precision(device: torch.device) -> str:
    """Return the precision that ``auto`` means on a device: bfloat16 where its products are computed in hardware."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = any(getattr(torch.cpu, f"_is_{feature}_supported", bool)() for feature in ("avx512_bf16", "amx_tile"))
    return "bfloat16" if fast else "float32"


def split_layer(layer: str) -> tuple[str, int | None]:
    """Split a layer's name into the name itself and the side of the grid over which its map is averaged.

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
        When the side is not a whole number of at least 1.

    Examples
    --------
    >>> split_layer("stage4@2"), split_layer("pooled")
    (('stage4', 2), ('pooled', None))
    """
    name, at, side = layer.partition("@")
    # No leading zeros, so that one layer has one name.
    if at and not re.fullmatch("[1-9][0-9]*", side):
        raise ValueError(f"layer {layer!r}: after @ comes the side of a grid, a whole number of at least 1, as in stage4@2")
    return name, int(side) if at else None


def check_node(module: nn.Module, node: str, model: str, layers: Iterable[str]) -> None:
    """Raise a ValueError, which lists what there is, unless a network has a node.

    Parameters
    ----------
    module : torch.nn.Module
    node : str
    model : str
        The network's name, for the message.
    layers : iterable of str
        The names that people use for its layers, for the message.
    """
    nodes = get_graph_node_names(module, suppress_diff_warning=True)[1]
    if node not in nodes:
        layers = list(layers)
        near = difflib.get_close_matches(node, [*layers, *nodes], n=3)
        raise ValueError(
            f"{model} has no layer {node!r}; it has {', '.join(layers)}, or any of {len(nodes)} nodes"
            + (f", such as {', '.join(near)}" if near else "")
        )


def cut(module: nn.Module, *nodes: str) -> fx.GraphModule:
    """Return the part of a network that computes the outputs of some nodes, each as the node itself computed it.

    A later in-place operation (a ReLU, an addition) would overwrite such an output; on a copy of the network, all in-place
    operations are replaced by ordinary ones.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    *nodes : str
        Names of nodes in its graph.

    Returns
    -------
    torch.fx.GraphModule
        It returns the output of the node, or for several nodes a tuple.

    Raises
    ------
    ValueError
        When a node is a weight, which does not depend on the image.
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
                    raise ValueError(f"node {node!r} is a weight, not an output of an image")
            step.args = outputs if len(outputs) == 1 else (outputs,)
    part.graph.eliminate_dead_code()
    part.recompile()
    return part.eval()


_ORDINARY = {operator.iadd: operator.add, operator.imul: operator.mul}
"""What replaces the operators that work in place."""


class _Autocast(nn.Module):
    """A module whose products are computed in bfloat16."""

    def __init__(self, module: nn.Module, device_type: str) -> None:
        super().__init__()
        self.module = module
        self.device_type = device_type

    def forward(self, *inputs: Any) -> Any:
        with torch.autocast(self.device_type, torch.bfloat16):
            return self.module(*inputs)


def in_bfloat16(part: fx.GraphModule, first: str | None, device_type: str) -> nn.Module:
    """Make a network compute its products in bfloat16, from one node on.

    Parameters
    ----------
    part : torch.fx.GraphModule
    first : str or None
        Prefix of the name of the first node in bfloat16. None: the whole network.
    device_type : {"cpu", "cuda"}

    Returns
    -------
    torch.nn.Module
    """
    if first is None:
        return _Autocast(part, device_type)
    half_of: dict[fx.Node, int] = {}  # 0 before the first node, 1 from it on
    half = 0
    for step in part.graph.nodes:
        if str(step.target).startswith(first):
            half = 1
        half_of[step] = half
    split = split_module(part, part, half_of.__getitem__)
    if half:
        split.submod_1 = _Autocast(split.get_submodule("submod_1"), device_type)
    return split
