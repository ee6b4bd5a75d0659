"""Filters: which ones a network can spare, the network without them, and what is then left of its weights and work.

A part of `measure`. A filter is one output channel of a convolution with the batch normalisation behind it. Without it, its
channel is zero; nothing is trained.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Layers = dict[str, tuple[nn.Conv2d, str]]

NEAR_DEAD = 0.01
"""Share of the largest of its layer below which a filter, or a weight, counts as near dead."""


def _norm(convolution: nn.Conv2d, scale: nn.BatchNorm2d) -> Tensor:
    return convolution.weight.abs().mean((1, 2, 3))


def _scale(convolution: nn.Conv2d, scale: nn.BatchNorm2d) -> Tensor:
    return scale.weight.abs()


def _folded(convolution: nn.Conv2d, scale: nn.BatchNorm2d) -> Tensor:
    assert scale.running_var is not None
    return _norm(convolution, scale) * scale.weight.abs() / (scale.running_var + scale.eps).sqrt()


SCORES: dict[str, Callable[[nn.Conv2d, nn.BatchNorm2d], Tensor]] = {"norm": _norm, "scale": _scale, "folded": _folded}
"""By what filters are ranked: the mean absolute weight (Li et al., 2017), the absolute scale of normalisation (Liu et al.,
2017), or the mean absolute weight as it acts, with normalisation multiplied into it."""

SCOPES = ("layer", "global")
"""Whether the share is of each layer's filters, or of all, of which each layer keeps at least one."""

RULES = tuple(f"{score}-{scope}" for score in SCORES for scope in SCOPES)
"""Ways to choose filters among those whose channels no shortcut carries on; with ``-all`` behind it, among all."""


class PrunedNorm(nn.BatchNorm2d):
    """Batch normalisation some of whose channels are zero, also in a training.

    Parameters
    ----------
    norm : torch.nn.BatchNorm2d
        Whose weights and statistics it has.
    kept : Tensor of shape (channels,)
        1 for channels that stay, 0 for others.
    """

    kept: Tensor

    def __init__(self, norm: nn.BatchNorm2d, kept: Tensor) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.load_state_dict(norm.state_dict())
        self.register_buffer("kept", kept.float()[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Normalise, and set channels to zero."""
        return super().forward(x) * self.kept


def layers(module: nn.Module) -> Layers:
    """Return the convolutions of a network by their names, each with the name of the normalisation that follows it."""
    found, last = {}, ""
    modules = dict(module.named_modules())
    for name, one in modules.items():
        if isinstance(one, nn.Conv2d):
            last = name
        elif isinstance(one, nn.BatchNorm2d):
            convolution = modules[last]
            assert isinstance(convolution, nn.Conv2d)
            found[last] = (convolution, name)
    return found


def inner(module: nn.Module) -> Layers:
    """Return those of :func:`layers` whose channels no shortcut carries on: in a residual block, the first ones."""
    found = layers(module)
    blocks = {name.removesuffix("conv2") for name in found if name.endswith(".conv2")}
    return {name: one for name, one in found.items() if not blocks or name.removesuffix("conv1") in blocks}


def ranked(module: nn.Module, score: str, among: Callable[[nn.Module], Layers] = layers) -> list[Tensor]:
    """Return the score of each filter, layer by layer."""
    return [
        SCORES[score](convolution, module.get_submodule(norm)).detach()  # type: ignore[arg-type]
        for convolution, norm in among(module).values()
    ]


def prune_filters(module: nn.Module, share: float, rule: str) -> nn.Module:
    """Return a copy of a network whose least filters make nothing but zeros.

    Parameters
    ----------
    module : torch.nn.Module
        Left as it is. Each of its convolutions is followed by batch normalisation.
    share : float
        Of the filters among which is chosen, from 0 to 1, rounded to whole ones. Each layer keeps at least one.
    rule : str
        Of :data:`RULES`, or one with ``-all`` behind it.

    Returns
    -------
    torch.nn.Module
        In evaluation mode.

    Examples
    --------
    >>> from stresslib.networks import SmallVGG
    >>> from stressbook.chapters.weights.feature_flow.filters import prune_filters, remaining
    >>> parameters, work = remaining(prune_filters(SmallVGG(4, 3), 0.5, "norm-layer"), 32)
    >>> round(parameters, 2), round(work, 2)
    (0.27, 0.29)
    """
    score, scope, *everywhere = rule.split("-")
    among = layers if everywhere else inner
    scores = ranked(module, score, among)
    counts = [len(one) for one in scores]
    protected = [one.argmax() for one in scores]
    if scope == "global":
        everything = torch.cat([one.index_fill(0, best, torch.inf) for one, best in zip(scores, protected, strict=True)])
        order = everything.argsort(stable=True)
        gone = torch.zeros(len(everything), dtype=torch.bool)
        gone[order[: min(round(share * len(everything)), len(everything) - len(scores))]] = True
        masks = [~one for one in gone.split(counts)]
    else:
        masks = []
        for one in scores:
            mask = torch.ones(len(one), dtype=torch.bool)
            mask[one.argsort(stable=True)[: min(round(share * len(one)), len(one) - 1)]] = False
            masks.append(mask)
    pruned = copy.deepcopy(module)
    for (_, name), mask in zip(among(pruned).values(), masks, strict=True):
        parent, _, own = name.rpartition(".")
        norm = pruned.get_submodule(name)
        assert isinstance(norm, nn.BatchNorm2d)
        setattr(pruned.get_submodule(parent), own, PrunedNorm(norm, mask))
    return pruned.eval()


def remaining(module: nn.Module, size: int) -> tuple[float, float]:
    """Return which shares of parameters, and of multiplications for an image, are left when all that makes zeros is removed.

    Parameters
    ----------
    module : torch.nn.Module
        Of :func:`prune_filters`.
    size : int
        Side of an image.

    Returns
    -------
    parameters, multiplications : float
        Of convolutions, their normalisation and linear layers. With a filter go the inputs that it alone fed.
    """
    left, whole = np.zeros(2), np.zeros(2)
    for live, made, inputs, outputs, kernel, places, extra in _counted(module, size):
        left += [live * made * kernel + extra * made, live * made * kernel * places]
        whole += [inputs * outputs * kernel + extra * outputs, inputs * outputs * kernel * places]
    parameters, multiplications = left / whole
    return float(parameters), float(multiplications)


def _counted(module: nn.Module, size: int) -> list[tuple[int, ...]]:
    """Return for each layer: live inputs, kept outputs, all of both, size of the kernel, places, parameters an output."""
    # Ones in the place of weights: what comes out is above 0 wherever anything can arrive, whatever the architecture.
    ones = copy.deepcopy(module).double()
    counts: list[tuple[int, ...]] = []
    following = {convolution: ones.get_submodule(name) for convolution, name in layers(ones).values()}
    for one in ones.modules():
        if isinstance(one, nn.Conv2d | nn.Linear):
            nn.init.ones_(one.weight)
        if isinstance(one, nn.BatchNorm2d):
            one.reset_parameters()

    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        live = int((inputs[0].flatten(2).amax((0, 2)) if inputs[0].ndim == 4 else inputs[0].amax(0)).gt(0).sum())
        if isinstance(layer, nn.Conv2d):
            norm = following[layer]
            made = int(norm.kept.sum()) if isinstance(norm, PrunedNorm) else layer.out_channels
            kernel, places = layer.kernel_size[0] * layer.kernel_size[1], output.shape[2] * output.shape[3]
            counts.append((live, made, layer.in_channels, layer.out_channels, kernel, places, 2))
        elif isinstance(layer, nn.Linear):
            counts.append((live, layer.out_features, layer.in_features, layer.out_features, 1, 1, 1))

    handles = [one.register_forward_hook(hook) for one in ones.modules()]
    channels = next(one.in_channels for one in ones.modules() if isinstance(one, nn.Conv2d))
    network = ones.network if hasattr(ones, "network") else ones  # behind the standardisation, whose mean may be above 1
    with torch.no_grad():
        network(torch.ones(1, channels, size, size, dtype=torch.float64))  # type: ignore[operator]
    for handle in handles:
        handle.remove()
    return counts


def near_dead(module: nn.Module) -> dict[str, float]:
    """Return the shares of filters, by each score, and of single weights as they act, that are near dead.

    Returns
    -------
    dict of str to float
        By score; and ``weights``.
    """
    shares = {}
    for score in SCORES:
        below = [one < NEAR_DEAD * one.max() for one in ranked(module, score)]
        shares[score] = float(torch.cat(below).float().mean())
    small = []
    for convolution, name in layers(module).values():
        norm: Any = module.get_submodule(name)
        acting = (norm.weight.abs() / (norm.running_var + norm.eps).sqrt()).detach()
        weights = convolution.weight.detach().abs() * acting[:, None, None, None]
        small.append((weights < NEAR_DEAD * weights.max()).flatten())
    shares["weights"] = float(torch.cat(small).float().mean())
    return shares
