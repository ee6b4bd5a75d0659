"""Feature flow: how far features move from layer to layer, and how much their way bends; a regulariser of training (FFR).

Stress on weights by way of the layers: a network whose features flow short and straight is said to need fewer weights.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

CURVATURES = ("differences", "angle")
"""Second differences, which grow with the features, and turning angles, which do not."""

BETWEEN = ("equal", "pooled")
"""What is compared: neighbours of equal shape, or all of them, pooled where their shapes differ."""


class FeatureFlow:
    """A regulariser: the length and the curvature of the way that features take through a network's layers.

    It is added to the loss, :func:`stresslib.training.fit.fit` or any other, after each forward pass. It hooks into the
    network when it is made, and is off after ``remove()``, or at the end of a ``with`` block.

    Parameters
    ----------
    module : torch.nn.Module
        The network; a training may have it within another module.
    nodes : sequence of str
        Names of modules in it, as ``named_modules`` has them, whose outputs are compared in the order in which a forward
        pass makes them. One that is called several times in a pass stands for as many points.
    length : float, default=0.0
        Weight of the length, at least 0: the sum over neighbouring layers of the norm of their difference.
    curvature : float, default=0.0
        Weight of the curvature, at least 0.
    norm : {1, 2}, default=1
        Of length and of second differences: the mean absolute value, or the root of the mean square of each image. Both are
        means over a feature's numbers, so that a large map counts as much as a small one, and then over images.
    kind : {"differences", "angle"}, default="differences"
        The curvature: the norms of second differences, x[l + 1] - 2 x[l] + x[l - 1], or the total absolute curvature, the
        angles in radians by which the way turns at each layer, which know no scale.
    between : {"equal", "pooled"}, default="equal"
        Of neighbours whose shapes differ, ``equal`` compares nothing: a change of shape begins a new way. ``pooled``
        averages the larger map over a grid of the smaller one's size, and all of them over their channels where the
        numbers of these differ.

    Raises
    ------
    ValueError
        When a node does not exist, or a number is out of range; when it is called without a forward pass in training
        mode that made two points, no two neighbours can be compared, or a later layer has overwritten a node's output.

    Notes
    -----
    There is no public code, and the papers' text could not be had. The abstract of the preprint names the gradient and the
    curvature of the feature flow, that of the article the length and the total absolute curvature of trajectories. The norm,
    the division by size, and what to do between shapes are choices of ours.

    References
    ----------
    Wu et al., "Feature flow regularization: Improving structured sparsity in deep neural networks", Neural Networks 161,
    2023; arXiv 2106.02914.

    Examples
    --------
    >>> from stresslib.networks import CifarResNet
    >>> from stresslib.stress.on_weights import FeatureFlow
    >>> from stresslib.training.data import load_arrays
    >>> from stresslib.training.fit import fit
    >>> digits = load_arrays("digits:100")
    >>> module = CifarResNet(8, width=4, in_channels=1)
    >>> with FeatureFlow(module, ["bn1", "layer1.0"], length=0.1) as flow:
    ...     history = fit(module, digits.train_images, digits.train_labels, epochs=1, regularizer=flow, progress=False)
    """

    def __init__(
        self,
        module: nn.Module,
        nodes: Sequence[str],
        length: float = 0.0,
        curvature: float = 0.0,
        *,
        norm: int = 1,
        kind: str = "differences",
        between: str = "equal",
    ) -> None:
        for name, weight in (("length", length), ("curvature", curvature)):
            if not 0 <= weight < math.inf:
                raise ValueError(f"{name}={weight}: it is at least 0")
        if kind not in CURVATURES:
            raise ValueError(f"kind={kind!r}: it is one of {', '.join(CURVATURES)}")
        _check(norm, between)
        self.nodes, self.length, self.curvature = tuple(nodes), length, curvature
        self.norm, self.kind, self.between = norm, kind, between
        self._way = _Way(module, self.nodes, wanted=lambda: module.training and torch.is_grad_enabled())

    def __call__(self, module: nn.Module) -> Tensor:
        """Return what is added to the loss, of the last forward pass in training mode.

        Parameters
        ----------
        module : torch.nn.Module
            Not looked at: the network is known.

        Returns
        -------
        Tensor of shape ()
        """
        features = self._way.take()
        lengths = [size for size in _lengths(features, self.norm, self.between) if size is not None]
        if not lengths:
            raise ValueError(
                f"no two neighbours of {', '.join(self.nodes)} have one shape; between='pooled' compares others"
            )
        total = self.length * torch.stack(lengths).sum()
        if self.curvature:
            bends = [bend for bend in _bends(features, self.norm, self.kind, self.between) if bend is not None]
            if not bends:
                raise ValueError(
                    f"no three neighbours of {', '.join(self.nodes)} have one shape, so nothing has a curvature"
                )
            total = total + self.curvature * torch.stack(bends).sum()
        return total

    def remove(self) -> None:
        """Leave the network."""
        self._way.remove()

    def __enter__(self) -> FeatureFlow:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the network."""
        self.remove()

    def __repr__(self) -> str:
        """Return all that decides what is added to a loss."""
        return (
            f"FeatureFlow(nodes={self.nodes}, length={self.length}, curvature={self.curvature}, norm={self.norm}, "
            f"kind={self.kind!r}, between={self.between!r})"
        )


@dataclass(frozen=True)
class Flow:
    """The way of the features through a network, layer by layer.

    Attributes
    ----------
    length : ndarray of shape (points - 1,)
        From each point to the next; NaN where they are not compared.
    curvature : ndarray of shape (points - 2,)
        Second differences at each point but the first and the last.
    angle : ndarray of shape (points - 2,)
        By which the way turns there, in radians, from 0 to pi.
    size : ndarray of shape (points,)
        Norm of the features at each point: a length means little without.
    """

    length: NDArray[np.float64]
    curvature: NDArray[np.float64]
    angle: NDArray[np.float64]
    size: NDArray[np.float64]


def measure_flow(
    module: nn.Module,
    nodes: Sequence[str],
    images: Tensor,
    *,
    norm: int = 1,
    between: str = "equal",
    batch_size: int = 500,
) -> Flow:
    """Measure length and curvature of the feature flow by layer, in the mean over images.

    Parameters
    ----------
    module : torch.nn.Module
        In the mode in which it shall be measured, usually that of evaluation.
    nodes, norm, between
        As for :class:`FeatureFlow`.
    images : Tensor of shape (N, C, H, W)
        As the network takes them, on its device.
    batch_size : int, default=500

    Returns
    -------
    Flow

    Raises
    ------
    ValueError
        As for :class:`FeatureFlow`, and when there is no image.

    Examples
    --------
    >>> import torch
    >>> from stresslib.networks import CifarResNet
    >>> from stresslib.stress.on_weights import measure_flow
    >>> module, nodes = CifarResNet(20, width=4).eval(), ["layer1.0", "layer1.1", "layer2.0"]
    >>> measure_flow(module, nodes, torch.rand(2, 3, 32, 32)).length.shape
    (2,)
    """
    _check(norm, between)
    if len(images) == 0:
        raise ValueError("there is no image to measure the flow of")
    way = _Way(module, tuple(nodes), wanted=lambda: True)
    sums: list[NDArray[np.float64]] = []
    try:
        with torch.no_grad():
            for batch in images.split(batch_size):
                module(batch)
                features = way.take()
                parts: list[Sequence[Any]] = [
                    _lengths(features, norm, between),
                    _bends(features, norm, "differences", between),
                    _bends(features, norm, "angle", between),
                    [_norm(feature, norm) for feature in features],
                ]
                means = np.array([math.nan if one is None else float(one) for part in parts for one in part])
                sums.append(len(batch) * means)
    finally:
        way.remove()
    means = np.sum(sums, axis=0) / len(images)
    points = (len(means) + 5) // 4
    return Flow(*np.split(means, np.cumsum([points - 1, points - 2, points - 2])))


@dataclass(eq=False)
class _Way:
    """The outputs of some modules of a network in its last forward pass."""

    module: nn.Module
    nodes: tuple[str, ...]
    wanted: Callable[[], bool]
    points: list[tuple[str, Tensor, int]] = field(default_factory=list)
    handles: list[RemovableHandle] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.nodes or len(set(self.nodes)) < len(self.nodes):
            raise ValueError(f"nodes={list(self.nodes)}: there is at least one, and each is named once")
        modules = dict(self.module.named_modules())
        for node in self.nodes:
            if not node or node not in modules:
                near = difflib.get_close_matches(node, [name for name in modules if name], n=3)
                hint = (
                    f"near are {', '.join(near)}"
                    if near
                    else f"it has {', '.join(name for name, _ in self.module.named_children())}"
                )
                raise ValueError(f"{type(self.module).__name__} has no module {node!r}; {hint}")
        self.handles.append(self.module.register_forward_pre_hook(self._begin))
        self.handles += [modules[node].register_forward_hook(partial(self._keep, node)) for node in self.nodes]

    def _begin(self, module: nn.Module, inputs: Any) -> None:
        self.points.clear()

    def _keep(self, node: str, module: nn.Module, inputs: Any, output: Any) -> None:
        if self.wanted():
            if not isinstance(output, Tensor):
                raise ValueError(f"node {node!r} returns no tensor, but {type(output).__name__}")
            self.points.append((node, output, output._version))

    def take(self) -> list[Tensor]:
        """Return the outputs, and forget them."""
        taken, self.points = self.points, []
        if len(taken) < 2:
            raise ValueError(
                f"a flow has at least two points; the last forward pass in training mode made {len(taken)} "
                f"of {', '.join(self.nodes)}"
            )
        for node, output, version in taken:
            if output._version != version:
                raise ValueError(f"the output of node {node!r} was overwritten by a later layer in place; take that layer's")
        # Differences of bfloat16 would be coarse.
        return [output.float() if output.element_size() < 4 else output for _, output, _ in taken]

    def remove(self) -> None:
        """Take the hooks off."""
        for handle in self.handles:
            handle.remove()
        self.points.clear()


def _lengths(features: list[Tensor], norm: int, between: str) -> list[Tensor | None]:
    """Return the norm of each step, or None where two features are not compared."""
    lengths: list[Tensor | None] = []
    for pair in pairwise(features):
        alike = _alike(pair, between)
        lengths.append(None if alike is None else _norm(alike[1] - alike[0], norm))
    return lengths


def _bends(features: list[Tensor], norm: int, kind: str, between: str) -> list[Tensor | None]:
    """Return the curvature at each feature that has two neighbours, or None where they are not compared."""
    bends: list[Tensor | None] = []
    for three in zip(features, features[1:], features[2:], strict=False):
        alike = _alike(three, between)
        if alike is None:
            bends.append(None)
        elif kind == "angle":
            bends.append(_angle(alike[1] - alike[0], alike[2] - alike[1]))
        else:
            bends.append(_norm(alike[2] - 2 * alike[1] + alike[0], norm))
    return bends


def _norm(difference: Tensor, norm: int) -> Tensor:
    """Return the mean absolute value, or the root mean square, of each image's numbers, in the mean over images."""
    flat = difference.flatten(1)
    # vector_norm has the gradient 0 where all is 0, at which that of a root is infinite.
    return flat.abs().mean() if norm == 1 else torch.linalg.vector_norm(flat, dim=1).mean() / math.sqrt(flat.shape[1])


def _angle(before: Tensor, after: Tensor) -> Tensor:
    """Return the angle between two steps, in the mean over images; 0 where one of them has no length."""
    a, b = before.flatten(1), after.flatten(1)
    # Made as long as each other, half their angle has the tangent |a - b| / |a + b|: exact near 0, where a cosine is flat.
    a, b = a * torch.linalg.vector_norm(b, dim=1, keepdim=True), b * torch.linalg.vector_norm(a, dim=1, keepdim=True)
    across, along = torch.linalg.vector_norm(a - b, dim=1), torch.linalg.vector_norm(a + b, dim=1)
    still = (across == 0) & (along == 0)  # where atan2 has no gradient
    return 2 * torch.atan2(across, along + still).mean()


def _alike(features: Sequence[Tensor], between: str) -> list[Tensor] | None:
    """Return features in one shape, or None where they are not compared."""
    shapes = {feature.shape[1:] for feature in features}
    if len(shapes) == 1:
        return list(features)
    if between == "equal":
        return None
    if len({len(shape) for shape in shapes}) > 1:
        raise ValueError(
            f"maps and vectors, {' and '.join(str(tuple(shape)) for shape in shapes)}, cannot be pooled to one shape"
        )
    if len({shape[0] for shape in shapes}) > 1:
        features = [feature.mean(1, keepdim=True) for feature in features]
    if features[0].ndim == 4:
        height, width = (min(feature.shape[axis] for feature in features) for axis in (2, 3))
        features = [functional.adaptive_avg_pool2d(feature, (height, width)) for feature in features]
    return list(features)


def _check(norm: int, between: str) -> None:
    if norm not in (1, 2):
        raise ValueError(f"norm={norm}: it is 1 or 2")
    if between not in BETWEEN:
        raise ValueError(f"between={between!r}: it is one of {', '.join(BETWEEN)}")
