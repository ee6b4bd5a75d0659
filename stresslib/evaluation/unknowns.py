"""Unknowns of the solver: the weights, or one multiplier for each sample, whichever are fewer.

Under `squared_hinge`. Conjugate gradients and Newton's method see only this interface, and so are written once for both.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

BLOCK = 128
"""Rows that are brought to float64 at once, so that they stay in the processor's cache."""


_RAISES = 40
"""Tenfold raises of a diagonal, from a rounding error on: far more than a finite system needs."""


class Unknowns(Protocol):
    """What conjugate gradients and Newton's method may ask of the unknowns.

    One row for each problem throughout: products of a few long rows with `X` are several times faster than those of as many
    columns.

    Attributes
    ----------
    size : int
        Number of unknowns of one problem.
    """

    size: int

    def weights(self, unknowns: Tensor) -> Tensor:
        """Return the weights that the unknowns stand for."""

    def scores_and_squares(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores and squared norms of weights, or of multipliers where only inner products are known."""

    def start(self, weights: Tensor, multipliers: Tensor) -> Tensor:
        """Return the unknowns of a warm start, given its weights and the multipliers that its slacks imply."""

    def scores(self, unknowns: Tensor) -> Tensor:
        """Return ``weights @ X.T``."""

    def combined(self, multipliers: Tensor) -> Tensor:
        """Return the unknowns whose weights are ``multipliers @ X``."""

    def inner(self, left: Tensor, right: Tensor, scores: Tensor) -> Tensor:
        """Return the inner products of the weights of `left` and `right`, float64; `scores` are those of `right`."""

    def squares(self, unknowns: Tensor) -> Tensor:
        """Return the squared norms of the weights, float64."""

    def ridge(self, inside: Tensor, targets: Tensor, curvature: Tensor) -> Tensor:
        """Solve the ridge regression on the samples `inside` alone; `curvature` is twice their costs."""


class Weights:
    """The weights themselves: for at least as many samples as features."""

    def __init__(self, X: Tensor) -> None:
        self.X = X
        self.size = X.shape[1]

    def weights(self, unknowns: Tensor) -> Tensor:
        return unknowns

    def scores_and_squares(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        return self.scores(weights), self.squares(weights)

    def start(self, weights: Tensor, multipliers: Tensor) -> Tensor:
        return weights

    def scores(self, unknowns: Tensor) -> Tensor:
        return _scores(unknowns, self.X)

    def combined(self, multipliers: Tensor) -> Tensor:
        return _combined(multipliers, self.X)

    def inner(self, left: Tensor, right: Tensor, scores: Tensor) -> Tensor:
        return (left * right).sum(1, dtype=torch.float64)

    def squares(self, unknowns: Tensor) -> Tensor:
        return unknowns.square().sum(1, dtype=torch.float64)

    def ridge(self, inside: Tensor, targets: Tensor, curvature: Tensor) -> Tensor:
        rows = self.X[inside].to(targets.dtype)
        if len(rows) < rows.shape[1]:
            system = rows @ rows.T
            system.diagonal().add_(1 / curvature)
            return torch.cholesky_solve(targets.T, cholesky_factor(system)).T @ rows
        system = (rows.T * curvature) @ rows
        system.diagonal().add_(1)
        return torch.cholesky_solve(rows.T @ (curvature * targets).T, cholesky_factor(system)).T


class Multipliers:
    """One multiplier for each sample, and the samples' inner products: for more features than samples."""

    def __init__(self, X: Tensor | None, gram: Tensor) -> None:
        self.X = X
        self.gram = gram
        self.size = len(gram)

    def weights(self, unknowns: Tensor) -> Tensor:
        return unknowns if self.X is None else _combined(unknowns, self.X)

    def scores_and_squares(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        if self.X is None:
            return self.scores(weights), self.squares(weights)
        return _scores(weights, self.X), weights.square().sum(1, dtype=torch.float64)

    def start(self, weights: Tensor, multipliers: Tensor) -> Tensor:
        return weights if self.X is None else multipliers

    def scores(self, unknowns: Tensor) -> Tensor:
        return unknowns @ self.gram.T

    def combined(self, multipliers: Tensor) -> Tensor:
        return multipliers

    def inner(self, left: Tensor, right: Tensor, scores: Tensor) -> Tensor:
        return (left * scores).sum(1, dtype=torch.float64)

    def squares(self, unknowns: Tensor) -> Tensor:
        return (unknowns * self.scores(unknowns)).sum(1, dtype=torch.float64)

    def ridge(self, inside: Tensor, targets: Tensor, curvature: Tensor) -> Tensor:
        system = self.gram[inside][:, inside]
        system.diagonal().add_(1 / curvature)
        unknowns = self.gram.new_zeros(1, self.size)
        unknowns[:, inside] = torch.cholesky_solve(targets.T, cholesky_factor(system)).T
        return unknowns


def choose_unknowns(X: Tensor, precomputed: bool, dtype: torch.dtype) -> Unknowns:
    """Return the unknowns for the rows of `X`, or for rows whose inner products it holds; computed in `dtype`."""
    if precomputed:
        return Multipliers(None, X.to(dtype))
    # A copy in float32 is half as large as X; one in float64 would be twice as large, and is never made as a whole.
    X = X.to(dtype) if dtype == torch.float32 else X
    if X.shape[0] >= X.shape[1]:
        return Weights(X)
    gram = X.new_empty(len(X), len(X), dtype=dtype)
    for rows, products in zip(X.split(BLOCK), gram.split(BLOCK), strict=True):
        _scores(rows.to(dtype), X, out=products)
    return Multipliers(X, gram)


def _scores(weights: Tensor, X: Tensor, out: Tensor | None = None) -> Tensor:
    """Return ``weights @ X.T`` in the type of the weights, without a copy of `X` in it."""
    if X.dtype == weights.dtype:
        return torch.matmul(weights, X.T, out=out)
    out = weights.new_empty(len(weights), len(X)) if out is None else out
    for rows, products in zip(X.split(BLOCK), out.split(BLOCK, dim=1), strict=True):
        products.copy_(weights @ rows.to(weights.dtype).T)
    return out


def _combined(multipliers: Tensor, X: Tensor) -> Tensor:
    """Return ``multipliers @ X`` in the type of the multipliers, without a copy of `X` in it."""
    if X.dtype == multipliers.dtype:
        return multipliers @ X
    total = multipliers.new_zeros(len(multipliers), X.shape[1])
    for few, rows in zip(multipliers.split(BLOCK, dim=1), X.split(BLOCK), strict=True):
        total += few @ rows.to(multipliers.dtype)
    return total


def cholesky_factor(system: Tensor) -> Tensor:
    """Return the Cholesky factor; where rounding left the system indefinite, of a diagonal raised as little as helps.

    ValueError where a diagonal raised beyond all other numbers does not help either, as where some are not finite.
    """
    factor, failed = torch.linalg.cholesky_ex(system)
    rise = torch.finfo(system.dtype).eps * system.trace()
    for _ in range(_RAISES):
        if not failed:
            return factor
        system = system + rise * torch.eye(len(system), dtype=system.dtype, device=system.device)
        factor, failed = torch.linalg.cholesky_ex(system)
        rise = 10 * rise
    raise ValueError(
        f"a system of {len(system)} equations has no Cholesky factor; {int((~torch.isfinite(system)).sum())} of its numbers "
        f"are not finite: features on a smaller scale, or a smaller C, are easier"
    )
