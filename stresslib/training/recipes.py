"""Recipes: the ways of training that are compared, by their names; what each does to a batch.

Between the data and the fit. All but ``plain`` show the network each image twice in a step, so that they cost the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stresslib.stress.on_images import AmplitudePhasePairs, AmplitudePhaseSingle, RandomOperation
from stresslib.training.augmentation import ShiftAndFlip
from stresslib.training.data import Arrays


@dataclass(frozen=True)
class Recipe:
    """One way of training.

    Attributes
    ----------
    about : str
    single : torch.nn.Module or None
        What is done to each image, by draws of its own for each time that it is shown, before it is shifted and mirrored.
    pairs : torch.nn.Module or None
        What makes the second copy of a batch out of the first.
    views : int
        How often each image is shown in a step: 1 or 2.
    """

    about: str
    single: nn.Module | None = None
    pairs: nn.Module | None = None
    views: int = 2

    def batch_hook(self, data: Arrays) -> BatchHook:
        """Return what :func:`stresslib.training.fit.fit` does to a batch of some data."""
        return BatchHook(self, ShiftAndFlip(data.flip))


@dataclass(frozen=True)
class BatchHook:
    """A recipe at work: from images and labels to those that the network is shown."""

    recipe: Recipe
    augment: nn.Module

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return one or two copies of a batch, altered, and their labels."""
        first = self._altered(images)
        if self.recipe.views == 1:
            return first, labels
        if self.recipe.pairs is not None:
            second = self.recipe.pairs(first)
        else:
            second = first if self.recipe.single is None else self._altered(images)
        both = torch.cat([first, second]).to(memory_format=torch.channels_last)
        return both, torch.cat([labels, labels])

    def _altered(self, images: Tensor) -> Tensor:
        return self.augment(images if self.recipe.single is None else self.recipe.single(images))


RECIPES = {
    "plain": Recipe("each image once a step, shifted and, where that is no other thing, mirrored", views=1),
    "twice": Recipe("the same batch twice, which costs what the others cost"),
    "operations": Recipe("APR-S without recombination: its random operations alone", single=RandomOperation()),
    "apr-p": Recipe("images, and their phases with another image's amplitude", pairs=AmplitudePhasePairs()),
    "apr-s": Recipe("images recombined with altered copies of themselves", single=AmplitudePhaseSingle()),
    "apr-sp": Recipe("APR-P on top of APR-S", single=AmplitudePhaseSingle(), pairs=AmplitudePhasePairs()),
}
"""The recipes by their names."""
