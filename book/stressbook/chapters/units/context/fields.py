"""Fields: which pixels count for a unit of each stage, before the training and after it.

A part of `measure`: a pure function of a network's address.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stressbook.chapters.units.context.names import ENERGY, RADIUS, STAGES
from stresslib.results import result_rows
from stresslib.stress.on_units.receptive_field import effective_receptive_field

Rows = list[dict[str, Any]]

REACH = 9
"""Rows and columns on each side of a unit of the first stage that a map shows: all that it can see at four dilations."""


def measure_fields(module: nn.Module, at: dict[str, Any], images: Tensor) -> tuple[Rows, NDArray[np.float64]]:
    """Measure the effective receptive field of the unit in the middle of each stage's last layer.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode; its `network` has the stages.
    at : dict
        Cells of the rows.
    images : Tensor of shape (N, C, H, W)

    Returns
    -------
    rows : list of dict
        The radius of each stage's field, as a share of the image's side.
    map : ndarray of shape (side, side)
        Of the first stage: the shares of the pixels up to :data:`REACH` from the unit, which is in the middle; where the
        image is smaller, of all pixels.
    """
    rows: Rows = []
    maps = {}
    side = images.shape[-1]
    for stage in STAGES:
        field = effective_receptive_field(module, f"network.{stage}", images)
        maps[stage] = field.map
        rows += result_rows({**at, "layer": stage}, None, {RADIUS: field.radius / side}, stress="none")
    middle = slice(max(0, side // 2 - REACH), side // 2 + REACH + 1)
    return rows, maps[STAGES[0]][middle, middle]


def map_rows(at: dict[str, Any], map_: NDArray[np.float64]) -> Rows:
    """Return a row for each pixel of a map that counts, `x` and `y` from the unit in its middle."""
    middle = len(map_) // 2
    there = {**at, "layer": STAGES[0]}
    return [
        row
        for (y, x), share in np.ndenumerate(map_)
        if share > 0
        for row in result_rows(there, None, {ENERGY: share}, stress="none", x=x - middle, y=y - middle)
    ]


def with_statistics(module: nn.Module, images: Tensor) -> nn.Module:
    """Give a network that was not trained the means and deviations of some images, as the first step of a training would.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place; its normalisations keep nothing from before.
    images : Tensor of shape (N, C, H, W)

    Returns
    -------
    torch.nn.Module
        In evaluation mode.
    """
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 1.0
    with torch.no_grad():
        module.train()(images)
    return module.eval()
