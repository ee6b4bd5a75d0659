"""Shift test: one texture all of whose parts a unit shall answer, wherever it is cut.

Stress on units: a unit that ignores shifts, as of a phase, answers the worst cut nearly as it answers its best image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stresslib.stress.on_units.diverse import History, _check, ascend
from stresslib.stress.on_units.unit import Unit


@dataclass(frozen=True)
class ShiftTest:
    """A texture, and what a unit gives for its parts.

    Attributes
    ----------
    texture : Tensor of shape (C, 2 s - 1, 2 s - 1)
        For a unit that sees s pixels.
    activations : Tensor of shape (s - 1, s - 1)
        Of the part that begins at each row and column, under the mask, before the unit's rectifier.
    history : list of dict
        Of each step, before it: ``loss``, mean ``activation`` and the ``minimum`` over parts.
    """

    texture: Tensor
    activations: Tensor
    history: History

    @property
    def minimum(self) -> float:
        """Least activation of a part. A share of the unit's highest for a single image, it says how well it takes shifts."""
        return float(self.activations.min())


def shift_test(
    module: nn.Module,
    node: str,
    channel: int,
    minimum_weight: float = 0.0,
    *,
    norm: float | None = None,
    steps: int = 700,
    patience: int = 100,
    learning_rate: float = 0.1,
    random_state: int = 0,
    progress: bool = False,
) -> ShiftTest:
    """Find a texture that a unit answers wherever it is cut out, under a soft round mask.

    Parameters
    ----------
    module, node, channel
        As for :func:`diverse_inputs`; the unit has a receptive field, of s pixels, at least 2.
    minimum_weight : float, default=0.0
        What is maximised is this share of the least activation over parts, and the rest of their mean.
    norm : float, optional
        Root mean square length of the parts under the mask. Default: as for :func:`diverse_inputs`.
    steps, patience, learning_rate, random_state, progress
        As for :func:`diverse_inputs`.

    Returns
    -------
    ShiftTest

    Raises
    ------
    ValueError
        As for :func:`diverse_inputs`.

    Notes
    -----
    The parts are those at offsets 0 to s - 2, as in the authors' code: of s offsets each way, the last is left out.

    References
    ----------
    Cadena et al., ECCV 2018; github.com/sacadena/diverse_feature_vis.

    Examples
    --------
    >>> from stresslib.networks import CifarResNet
    >>> from stresslib.stress.on_units import shift_test
    >>> found = shift_test(CifarResNet(8), "layer1.0.conv1", 3, steps=5)
    >>> found.texture.shape, found.activations.shape
    (torch.Size([3, 9, 9]), torch.Size([4, 4]))
    """
    if not 0 <= minimum_weight <= 1:
        raise ValueError(f"minimum_weight={minimum_weight!r}: it is from 0 to 1")
    _check(norm, steps, patience, learning_rate)
    unit = Unit(module, node, channel)
    colours, size, _ = unit.shape
    if size < 2:
        raise ValueError(f"node {node!r} sees one pixel; there is nothing to shift")
    length = 0.5 * math.sqrt(math.prod(unit.shape)) if norm is None else norm
    raw = torch.randn(1, colours, *2 * (2 * size - 1,), generator=torch.Generator().manual_seed(random_state))
    raw = raw.to(unit.device)
    history = ascend(
        raw,
        lambda free: masked_parts(free, length),
        lambda images: shift_objective(unit, images, minimum_weight),
        steps=steps,
        patience=patience,
        learning_rate=learning_rate,
        progress=progress,
    )
    with torch.no_grad():
        activations = unit(masked_parts(raw, length)).reshape(size - 1, size - 1)
    return ShiftTest(_scale(raw, length) * raw[0], activations, history)


def shift_objective(unit: Unit, images: Tensor, minimum_weight: float) -> tuple[Tensor, dict[str, float]]:
    """Return the loss of a texture's parts, and what it is made of."""
    activations = unit(images)
    mean, least = activations.mean(), activations.amin()
    loss = -(1 - minimum_weight) * mean - minimum_weight * least
    return loss, {"loss": loss.item(), "activation": mean.item(), "minimum": least.item()}


def shift_mask(size: int) -> Tensor:
    """Return the mask over a part: exp(-(r / sigma)^4) at distance r from the middle, sigma = size / 2.4.

    Parameters
    ----------
    size : int
        Side, in pixels.

    Returns
    -------
    Tensor of shape (size, size), float32

    Examples
    --------
    >>> from stresslib.stress.on_units import shift_mask
    >>> shift_mask(3).round(decimals=2)
    tensor([[0.1900, 0.6600, 0.1900],
            [0.6600, 1.0000, 0.6600],
            [0.1900, 0.6600, 0.1900]])
    """
    places = torch.arange(size) - (size - 1) / 2
    return torch.exp(-(((places[:, None] ** 2 + places**2).sqrt() * 2.4 / size) ** 4))


def masked_parts(raw: Tensor, length: float) -> Tensor:
    """Return the parts of a texture (1, C, 2 s - 1, 2 s - 1) under the mask, ((s - 1)^2, C, s, s), row by row."""
    return _scale(raw, length) * _parts(raw)


def _scale(raw: Tensor, length: float) -> Tensor:
    """Return what makes the parts' root mean square length what it shall be."""
    return length / _parts(raw).square().sum((1, 2, 3)).mean().sqrt()


def _parts(raw: Tensor) -> Tensor:
    size = (raw.shape[-1] + 1) // 2
    cut = raw[0].unfold(1, size, 1).unfold(2, size, 1)[:, :-1, :-1]  # (C, s - 1, s - 1, s, s)
    return cut.permute(1, 2, 0, 3, 4).reshape(-1, raw.shape[1], size, size) * shift_mask(size).to(raw)
