"""Triplets: the cross entropy, and beside it a loss that draws the features of a class together.

A criterion of `variants`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class CrossEntropyAndTriplets:
    """The sum of the cross entropy and of the mean over triplets of a batch.

    Parameters
    ----------
    last : torch.nn.Linear
        The last layer, whose inputs are the features of the step.
    margin : float, default=0.5
        By which the squared distance to a feature of another class is to exceed that to one of the same, of unit norm.

    References
    ----------
    Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015; here over all triplets of a batch.

    Examples
    --------
    >>> import torch
    >>> from stressbook.chapters.units.components.triplets import triplet_loss
    >>> apart = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    >>> float(triplet_loss(apart, torch.tensor([0, 0, 1]), 0.5))
    0.0
    """

    def __init__(self, last: nn.Linear, margin: float = 0.5) -> None:
        self.margin = margin
        self._features = torch.empty(0)
        last.register_forward_pre_hook(self._note)

    def _note(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._features = inputs[0]

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a step."""
        return functional.cross_entropy(logits, labels) + triplet_loss(self._features, labels, self.margin)

    def __repr__(self) -> str:
        """Tell it from other criteria."""
        return f"CrossEntropyAndTriplets(margin={self.margin})"


def triplet_loss(features: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Return the mean hinge over all pairs of a class with a third feature of another.

    Parameters
    ----------
    features : torch.Tensor of shape (n, d)
    labels : torch.Tensor of shape (n,)
    margin : float

    Returns
    -------
    torch.Tensor
        A number; 0 where there are no triplets.
    """
    unit = functional.normalize(features)
    distance = 2 - 2 * unit @ unit.T
    same = labels[:, None] == labels
    pairs = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    triplets = pairs[:, :, None] & ~same[:, None, :]
    hinge = functional.relu(distance[:, :, None] - distance[:, None, :] + margin)
    return (hinge * triplets).sum() / triplets.sum().clamp_min(1)
