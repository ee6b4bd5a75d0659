"""Graph: the part of a network that computes some layers, and the precision that it computes them in.

Between the registry of networks and the extractor.
"""

from __future__ import annotations

import difflib
import operator
import re
from copy import deepcopy
from typing import Any

import torch
from torch import fx, nn
from torch.fx.passes.split_module import split_module
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

PRECISIONS = ("auto", "float32", "bfloat16")
"""``auto`` is bfloat16 where the processor multiplies it in hardware, else float32."""


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


def find_node(module: nn.Module, node: str, model: str, layers: Any) -> str:
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
