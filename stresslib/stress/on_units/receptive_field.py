"""Receptive field: which pixels a unit can see, found by NaN, and which of them it does see, found by its gradient.

Stress on units begins here: the size of a unit's inputs follows from the network. Layers are named as extraction names them.
"""

from __future__ import annotations

import difflib
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.nn import functional
from torchvision.models.feature_extraction import get_graph_node_names

from stresslib.extraction.graph import cut

LARGEST = 512
"""Side of the largest image in which a receptive field is looked for."""

_RECTIFIERS = (nn.ReLU, nn.ReLU6)
_RECTIFYING = (functional.relu, functional.relu_, functional.relu6, torch.relu, torch.relu_, "relu", "relu_")


@dataclass(frozen=True)
class ReceptiveField:
    """The square of pixels that a unit can see, as it moves with the unit.

    Attributes
    ----------
    size : int
        Side of the square.
    stride : int
        By how many pixels it moves from one unit to the next.
    start : int
        First row, and column, of the first unit's square; negative where that reaches into the padding.
    """

    size: int
    stride: int
    start: int


@dataclass(frozen=True)
class EffectiveReceptiveField:
    """How much each pixel counts for a unit.

    Attributes
    ----------
    map : ndarray of shape (H, W)
        Its sum is 1.
    """

    map: NDArray[np.float64]

    @property
    def radius(self) -> float:
        """Root of the mean squared distance from the centre of mass, in pixels, each pixel counting by the map."""
        rows, columns = np.indices(self.map.shape)
        row, column = (float((self.map * places).sum()) for places in (rows, columns))
        return float(np.sqrt((self.map * ((rows - row) ** 2 + (columns - column) ** 2)).sum()))


def read_at(module: nn.Module, node: str, *more: str) -> fx.GraphModule:
    """Cut a network off at a node, and where that is a rectifier, before it.

    A rectified unit has no gradient where it is not active, so that an ascent could not start there.

    Parameters
    ----------
    module : torch.nn.Module
        As it is in evaluation mode; it is left as it is.
    node : str
        Name of a node of its graph, or of the part of the network that ends there.
    *more : str
        Nodes that are read too, these as they are.

    Returns
    -------
    torch.fx.GraphModule
        It returns the node's output, or for several nodes a tuple.

    Raises
    ------
    ValueError
        When there is no such node, or the network cannot be traced.
    """
    module = deepcopy(module).eval() if module.training else module
    try:
        part = cut(module, node, *more)
    except ValueError:
        names = get_graph_node_names(module, suppress_diff_warning=True)[1]
        for name in (node, *more):
            if not any(f"{one}.".startswith(f"{name}.") for one in names):
                near = difflib.get_close_matches(name, names, n=1, cutoff=0)
                raise ValueError(f"{type(module).__name__} has no node {name!r}; the nearest is {near[0]!r}") from None
        raise
    except fx.proxy.TraceError as error:
        raise ValueError(f"{type(module).__name__} cannot be cut at {node!r}: {error}") from error
    [output] = [step for step in part.graph.nodes if step.op == "output"]
    outputs = output.args[0] if more else output.args
    first = outputs[0]
    while _is_rectifier(part, first):
        first = first.all_input_nodes[0]
    outputs = (first, *outputs[1:])
    output.args = (outputs,) if more else outputs
    part.graph.eliminate_dead_code()
    part.recompile()
    return part


def _is_rectifier(part: fx.GraphModule, step: fx.Node) -> bool:
    if step.op == "call_module":
        return isinstance(part.get_submodule(str(step.target)), _RECTIFIERS)
    return step.op in ("call_function", "call_method") and step.target in _RECTIFYING


def in_channels(part: fx.GraphModule, node: str) -> int:
    """Return the channels of the images that a network takes: those of its first convolution.

    Raises
    ------
    ValueError
        When it has none.
    """
    for step in part.graph.nodes:
        if step.op == "call_module":
            for module in part.get_submodule(str(step.target)).modules():
                if isinstance(module, nn.Conv2d):
                    return module.in_channels
    raise ValueError(f"there is no convolution before {node!r}, so that its images are not known")


def receptive_field(module: nn.Module, node: str) -> ReceptiveField:
    """Find the receptive field of a node's units.

    A pixel that is not a number makes all that depends on it not a number, too. So the edges of what a unit in the middle of
    a large image depends on are found by bisection, whatever the network is made of.

    Parameters
    ----------
    module : torch.nn.Module
        As it is in evaluation mode.
    node : str
        Name of a node of its graph, or of the part of the network that ends there.

    Returns
    -------
    ReceptiveField
        The largest over the node's channels.

    Raises
    ------
    ValueError
        When there is no such node, or its units have no receptive field: they depend on the whole image, or their field is
        not a square, or it is larger than 512 pixels.

    Examples
    --------
    >>> from stresslib.networks import CifarResNet
    >>> from stresslib.stress.on_units import receptive_field
    >>> receptive_field(CifarResNet(8), "layer2.0.conv1")
    ReceptiveField(size=9, stride=2, start=-4)
    """
    # In double precision, torch's convolutions are plain products of matrices: fast ones would spread a NaN over a tile.
    part = read_at(deepcopy(module).cpu().double(), node)
    channels = in_channels(part, node)

    def spoilt(image: Tensor) -> Tensor:
        """Whether each unit depends on a pixel that is NaN, (H', W')."""
        with torch.no_grad():
            out = part(image)
        if out.ndim != 4:
            raise ValueError(whole)
        return out.isnan().any(1)[0]

    whole = f"node {node!r} has no receptive field: it depends on the whole image; say its side, as image_size=32"
    side, before = 16, 0
    while True:
        try:
            ring = torch.full((1, channels, side, side), torch.nan, dtype=torch.float64)
            ring[..., 1:-1, 1:-1] = 0
            seen = spoilt(ring)
        except RuntimeError:  # the image is too small, or a layer is for images of one size
            seen = torch.ones(0, 0, dtype=torch.bool)
        centre = len(seen) // 2
        if len(seen) > 2 and not seen[centre : centre + 2, centre : centre + 2].any():
            break
        if side >= LARGEST or (side >= 256 and 0 < len(seen) == before):  # as many units of a larger image: they pool it
            raise ValueError(whole)
        side, before = 2 * side, len(seen)

    @cache
    def columns(first: int, last: int) -> list[bool]:
        """Whether each unit of the middle row depends on columns `first` to `last` - 1."""
        image = torch.zeros(1, channels, side, side, dtype=torch.float64)
        image[..., first:last] = torch.nan
        return spoilt(image)[centre].tolist()

    def rows(first: int, last: int) -> bool:
        """Whether the unit in the middle depends on rows `first` to `last` - 1."""
        image = torch.zeros(1, channels, side, side, dtype=torch.float64)
        image[..., first:last, :] = torch.nan
        return bool(spoilt(image)[centre, centre])

    def bisected(clean: int, spoils: int, unit: int, left: bool) -> int:
        while abs(clean - spoils) > 1:
            middle = (clean + spoils) // 2
            if (columns(0, middle) if left else columns(middle, side))[unit]:
                spoils = middle
            else:
                clean = middle
        return clean

    first = bisected(0, side, centre, left=True)
    stride = bisected(0, side, centre + 1, left=True) - first
    field = ReceptiveField(bisected(side, 0, centre, left=False) - first, stride, first - centre * stride)
    # So far the columns; what holds for them must hold for the rows.
    last = first + field.size
    beyond, within = ((0, first), (last, side)), ((first, first + 1), (last - 1, last))
    if any(rows(*some) for some in beyond) or not all(rows(*some) for some in within):
        raise ValueError(f"the receptive field of node {node!r} is not a square; say the images' side, as image_size=32")
    return field


def effective_receptive_field(
    module: nn.Module, node: str, images: Tensor, *, random_state: int = 0
) -> EffectiveReceptiveField:
    """Measure how much each pixel counts for the unit in the middle of a layer.

    It is the squared derivative of the unit with respect to the pixel, its mean over images and sum over colours and the
    node's channels, as a share of all pixels'.

    Parameters
    ----------
    module : torch.nn.Module
        As it is in evaluation mode.
    node : str
        Name of a node of its graph, or of the part of the network that ends there. A rectifier is read before it rectifies.
    images : Tensor of shape (N, C, H, W)
        As the module takes them.
    random_state : int, default=0
        Of the signs by which channels are added for one backward pass an image: the squares of the sums are then, in the
        mean over signs, the sums of the squares.

    Returns
    -------
    EffectiveReceptiveField

    Raises
    ------
    ValueError
        When there is no such node, its output has no places, or no pixel counts.

    References
    ----------
    Luo et al., "Understanding the effective receptive field in deep convolutional neural networks", NeurIPS 2016.

    Examples
    --------
    >>> import torch
    >>> from stresslib.networks import CifarResNet
    >>> from stresslib.stress.on_units import effective_receptive_field
    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3, padding=1, bias=False))
    >>> _ = torch.nn.init.ones_(network[0].weight)
    >>> field = effective_receptive_field(network, "0", torch.rand(2, 1, 7, 7))
    >>> print(round(field.radius, 4), field.map[3].round(3))
    1.1547 [0.    0.    0.111 0.111 0.111 0.    0.   ]
    """
    part = read_at(module, node)
    seen = images.detach().clone().requires_grad_()
    out = part(seen)
    if out.ndim != 4:
        raise ValueError(f"node {node!r} has no places: its output is of shape {tuple(out.shape)}; (N, C, H, W) is needed")
    middle = out[..., out.shape[2] // 2, out.shape[3] // 2]
    signs = torch.randint(0, 2, middle.shape, generator=torch.Generator().manual_seed(random_state)).to(middle) * 2 - 1
    [gradient] = torch.autograd.grad((middle * signs).sum(), seen)
    energy = gradient.double().square().sum(1).mean(0).cpu().numpy()
    if not 0 < energy.sum() < np.inf:
        raise ValueError(f"no pixel of these images counts for node {node!r}: the gradient is zero or not finite")
    return EffectiveReceptiveField(energy / energy.sum())
