"""Filters: what stands between a network's features and its last layer, and can be attacked through.

A part of `measure`. A stress of the paper is one, whose quantiser has a gradient as if it were not there.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.pipeline import Pipeline
from torch import Tensor, nn

from stresslib.defence import discriminator, generator
from stresslib.stress.spec import make_stress


class Filtered(nn.Module):
    """A network whose features go through a filter before its own last layer reads them.

    Parameters
    ----------
    network : torch.nn.Module
        A :class:`~stresslib.networks.Standardized`.
    between : torch.nn.Module
        From features to features.
    """

    def __init__(self, network: nn.Module, between: nn.Module) -> None:
        super().__init__()
        self.network, self.between = network, between

    def read(self, features: Tensor) -> Tensor:
        """Return the logits of features."""
        return self.network.network.linear(self.between(features))  # type: ignore[operator,union-attr]

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of images, (N, classes)."""
        return self.read(self.network.features(x))  # type: ignore[operator]


class StressFilter(nn.Module):
    """A stress of the paper as a filter, back in the dimensions that the last layer reads.

    Principal components are turned back, which the projection's own gradient goes through. A quantiser's gradient is zero
    wherever it has one; here it is that of the identity, so that an attack sees through (straight-through estimation).

    Parameters
    ----------
    spec : str
        Such as ``DR2:9,Q2:4``.
    benign : ndarray of shape (n, width)
        Features that it is fitted on.
    """

    basis: Tensor | None

    def __init__(self, spec: str, benign: np.ndarray) -> None:
        super().__init__()
        steps = dict(make_stress(spec).fit(benign).steps)
        reduction = steps.pop("DR2", None)
        self.register_buffer("basis", None if reduction is None else torch.from_numpy(reduction.components_).float())
        self.quantiser = Pipeline(list(steps.items())) if steps else None

    def forward(self, features: Tensor) -> Tensor:
        """Return the stressed features, (N, width)."""
        kept = features if self.basis is None else features @ self.basis.T
        if self.quantiser is not None:
            stressed = torch.from_numpy(self.quantiser.transform(kept.detach().numpy())).to(kept)
            kept = kept + (stressed - kept).detach()
        return kept if self.basis is None else kept @ self.basis


class Views(nn.Module):
    """The salient and the trivial features, side by side."""

    def __init__(self, salient: nn.Module, trivial: nn.Module) -> None:
        super().__init__()
        self.salient, self.trivial = salient, trivial

    def forward(self, features: Tensor) -> Tensor:
        """Return both, (N, 2 * width)."""
        return torch.cat([self.salient(features), self.trivial(features)], 1)


class Alarm(nn.Module):
    """A detector behind what it looks at, from features to the log odds of an attack: no gradient is lost to saturation.

    Parameters
    ----------
    looks_at : torch.nn.Module
        From features to what the detector takes.
    detector : torch.nn.Module
        As :func:`stresslib.defence.fit_detector` returns it.
    """

    def __init__(self, looks_at: nn.Module, detector: nn.Module) -> None:
        super().__init__()
        standardizing, layers = detector.children()
        self.odds = nn.Sequential(looks_at, standardizing, *list(layers.children())[:-1])  # the last one is the sigmoid

    def forward(self, features: Tensor) -> Tensor:
        """Return the log odds, (N,)."""
        return self.odds(features)[:, 0]


class Watched(nn.Module):
    """A filtered network with one class more, "an attack": the likeliest one when the detector's log odds are above a limit.

    After Carlini and Wagner, 2017: who attacks both at once aims at a class that is wrong and is not this one.
    """

    def __init__(self, filtered: Filtered, alarm: nn.Module, limit: float) -> None:
        super().__init__()
        self.filtered, self.alarm, self.limit = filtered, alarm, limit

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, classes + 1)."""
        features = self.filtered.network.features(x)  # type: ignore[operator]
        logits = self.filtered.read(features)
        return torch.cat([logits, (logits.max(1).values + self.alarm(features) - self.limit)[:, None]], 1)


def equal_steps(width: int, steps: int) -> int:
    """Return the steps of a denoiser that cost the multiplications of `steps` steps with a discriminator.

    A step with one: the generator forwards once for the discriminator, which learns twice, then both forwards and back. A
    pass back costs two forwards.

    Parameters
    ----------
    width : int
        Of the features.
    steps : int

    Returns
    -------
    int

    Examples
    --------
    >>> from stressbook.chapters.images.salient_features.filters import equal_steps
    >>> equal_steps(128, 1000)
    2040
    """
    with torch.device("meta"):  # so that no weights are drawn
        networks = generator(width), discriminator(width)
    made, judge = (
        sum(layer.in_features * layer.out_features for layer in module if isinstance(layer, nn.Linear))
        for module in networks
    )
    return round(steps * (4 * made + 9 * judge) / (3 * made))
