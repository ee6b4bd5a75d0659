"""Sizes: parameters of contextual and plain networks for ImageNet, counted, beside the authors' accuracies.

For the page; nothing is measured, and no network is trained.
"""

from __future__ import annotations

import pandas as pd
import torch
from torch import nn
from torchvision import models

from stresslib.networks.contextual import contextual_resnet

PUBLISHED = {50: (76.12, 77.27), 101: (78.00, 78.71), 152: (78.45, 79.03)}
"""Top-1 accuracy on ImageNet in percent, of ResNet and of CoResNet, by layers: the authors' README."""


def table() -> pd.DataFrame:
    """Return parameters and the authors' accuracies, a row for each number of layers.

    Returns
    -------
    pandas.DataFrame
    """
    rows = {}
    for depth, (plain, contextual) in PUBLISHED.items():
        with torch.device("meta"):  # shapes without numbers
            ours, theirs = contextual_resnet(depth), getattr(models, f"resnet{depth}")()
        rows[f"{depth} layers"] = {
            "weights, contextual": f"{count(ours):,}",
            "weights, torchvision's ResNet": f"{count(theirs):,}",
            "authors' top-1, plain": f"{plain:.2f}",
            "contextual": f"{contextual:.2f}",
            "gain": f"{contextual - plain:+.2f}",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def count(module: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())
