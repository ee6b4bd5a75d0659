"""The solver: linear support vector machines with the squared hinge loss, all classes at once, in torch.

Under the classifier. Each column is a problem of its own: minimise ``|w|^2 / 2 + sum(cost * max(0, 1 - y w.x)^2)``.

Were every row inside its margin, that would be ridge regression, which one factorisation solves for all columns. Rows
beyond the margin drop out of the sum, few of them, so that ridge regression is a good preconditioner: conjugate gradients
then take some twenty steps, each a few matrix products. What they leave over goes to Newton's method, column by column.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

_STEPS = 200
_FINEST = {torch.float32: 5e-6, torch.float64: 1e-12}
"""Relative gaps below which rounding hides what conjugate gradients gain."""

_STEEPEST = 1e6
"""Condition number of the ridge regression up to which float32 is enough to precondition with."""

_BLOCK = 1024


def solve(X: Tensor, signs: Tensor, cost: Tensor, tol: float) -> tuple[Tensor, Tensor, Tensor]:
    """Solve one problem per column.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)
        float32 or float64.
    signs : Tensor of shape (n_samples, n_problems), float64
        1, -1, or 0 where a row is no part of a problem.
    cost : Tensor of shape (n_samples, 1) or (n_samples, n_problems), float64
        Weight of each loss; 0 where the sign is.
    tol : float
        Relative duality gap at which a problem counts as solved.

    Returns
    -------
    weights : Tensor of shape (n_features, n_problems), float64
    objective, gap : Tensor of shape (n_problems,), float64
        The objective reached, and ``(primal - dual) / primal``, at most which share of it could still be gained.
    """
    largest = float(X.abs().max())
    if largest == 0:
        objective = (cost * signs.abs()).sum(0)
        return X.new_zeros(X.shape[1], signs.shape[1], dtype=torch.float64), objective, torch.zeros_like(objective)
    # A power of two brings the features near 1: rows s x with weights w / s and costs s^2 cost are the same problem.
    scale = 1.0 if 2**-12 < largest < 2**12 else 2.0 ** math.frexp(largest)[1]
    X = X if scale == 1 else X.double() / scale
    squares = torch.linalg.vector_norm(X, dim=1, dtype=torch.float64).square()
    total = (cost * signs.abs()).sum(0)
    reach = 2 * scale * (scale * total.max()) * squares.max()
    if reach < _FINEST[torch.float64]:
        # No weights can move a score by more than that: each loss is its tangent at 0.
        weights = 2 * scale * (X.double().T @ (cost * signs))
        return weights, total, torch.full_like(total, float(reach))
    cost = (cost * scale) * scale
    if not float(cost.max()) < 1e100:
        raise ValueError(f"features reach {largest:.0e} at costs up to {float(cost.max()) / scale / scale:.0e}; divide them")
    side: _Side
    unknowns = None
    steepness = 2 * float(cost.max()) * float(squares.sum())
    for dtype in (torch.float32, torch.float64):
        if dtype == torch.float32 and steepness > _STEEPEST:
            continue
        side = (_Weights if X.shape[0] >= X.shape[1] else _Multipliers)(X.to(dtype))
        start = side.gram.new_zeros(side.gram.shape[0], signs.shape[1]) if unknowns is None else unknowns.to(dtype)
        unknowns = _descend(side, start, signs.to(dtype), cost.to(dtype), max(0.9 * tol, _FINEST[dtype]))
        weights = side.weights(unknowns).double()
        objective, gap = certificate(X, weights, signs, cost)
        if (gap <= tol).all():
            break
    for column in torch.nonzero(gap > tol).flatten().tolist():
        better = _newton(X.double(), signs[:, column], cost[:, column if cost.shape[1] > 1 else 0], weights[:, column])
        weights[:, column] = better
    objective, gap = certificate(X, weights, signs, cost)
    return weights / scale, objective / scale / scale, gap


def certificate(X: Tensor, weights: Tensor, signs: Tensor, cost: Tensor) -> tuple[Tensor, Tensor]:
    """Return each problem's objective and relative duality gap, summed in float64, block by block.

    Parameters
    ----------
    X, weights, signs, cost : Tensor
        As in :func:`solve`.

    Returns
    -------
    objective, gap : Tensor of shape (n_problems,), float64
    """
    losses, linear, quadratic = (torch.zeros_like(weights[0]) for _ in range(3))
    combined = torch.zeros_like(weights)
    for start in range(0, len(X), _BLOCK):
        rows, here = X[start : start + _BLOCK].double(), slice(start, start + _BLOCK)
        slack = (1 - signs[here] * (rows @ weights)).clamp_(min=0) * signs[here].abs()
        losses += (cost[here] * slack.square()).sum(0)
        linear += 2 * (cost[here] * slack).sum(0)
        combined += rows.T @ (2 * cost[here] * slack * signs[here])
    # The slacks imply multipliers 2 cost slack, a feasible point of the dual; the best on its ray is at `share`.
    quadratic = combined.square().sum(0) + 2 * losses
    share = torch.where(quadratic > 0, linear / quadratic, 1.0)
    primal = weights.square().sum(0) / 2 + losses
    dual = share * linear - share.square() * quadratic / 2
    return primal, torch.where(primal > 0, (primal - dual) / primal, 0.0).clamp(0, 1)


class _Side(Protocol):
    """What the unknowns are: the weights, or as many multipliers as there are rows; whichever is less."""

    gram: Tensor

    def weights(self, unknowns: Tensor) -> Tensor:
        """Return the weights that the unknowns stand for."""

    def scores(self, unknowns: Tensor) -> Tensor:
        """Return ``X @ weights``."""

    def combined(self, multipliers: Tensor) -> Tensor:
        """Return the unknowns whose weights are ``X.T @ multipliers``."""

    def inner(self, left: Tensor, right: Tensor, scores: Tensor) -> Tensor:
        """Return the inner products of the weights of both; `scores` are those of `right`."""

    def squares(self, unknowns: Tensor) -> Tensor:
        """Return the squared norms of the weights."""


class _Weights:
    def __init__(self, X: Tensor) -> None:
        self.X = X
        self.gram = X.T @ X

    def weights(self, unknowns: Tensor) -> Tensor:
        return unknowns

    def scores(self, unknowns: Tensor) -> Tensor:
        return self.X @ unknowns

    def combined(self, multipliers: Tensor) -> Tensor:
        return self.X.T @ multipliers

    def inner(self, left: Tensor, right: Tensor, scores: Tensor) -> Tensor:
        return (left * right).sum(0)

    def squares(self, unknowns: Tensor) -> Tensor:
        return unknowns.square().sum(0)


class _Multipliers:
    def __init__(self, X: Tensor) -> None:
        self.X = X
        self.gram = X @ X.T

    def weights(self, unknowns: Tensor) -> Tensor:
        return self.X.T @ unknowns

    def scores(self, unknowns: Tensor) -> Tensor:
        return self.gram @ unknowns

    def combined(self, multipliers: Tensor) -> Tensor:
        return multipliers

    def inner(self, left: Tensor, right: Tensor, scores: Tensor) -> Tensor:
        return (left * scores).sum(0)

    def squares(self, unknowns: Tensor) -> Tensor:
        return (unknowns * self.scores(unknowns)).sum(0)


def _descend(side: _Side, unknowns: Tensor, signs: Tensor, cost: Tensor, tol: float) -> Tensor:
    """Follow preconditioned conjugate gradients (Polak and Ribiere) until every gap is at most `tol`, or 200 steps."""
    curvature = 2 * cost.sum() / (cost > 0).sum()
    ridge = side.gram * curvature
    ridge.diagonal().add_(1)
    factor = _factor(ridge)
    scores = side.scores(unknowns)
    direction, slope, before = torch.zeros_like(unknowns), torch.zeros_like(scores), torch.zeros_like(unknowns)
    fall = torch.full_like(unknowns[0], torch.inf)
    solved, left = unknowns.clone(), torch.arange(unknowns.shape[1], device=unknowns.device)
    for count in range(_STEPS):
        margins = 1 - signs * scores
        slack = margins.clamp(min=0)
        weighted = 2 * cost * slack
        pulled = side.combined(weighted * signs)
        losses = (weighted * slack).sum(0) / 2
        primal = side.inner(unknowns, unknowns, scores) / 2 + losses
        dual = weighted.sum(0).square() / (side.squares(pulled) + 2 * losses) / 2
        # At a small cost even no weights at all have a small gap: a first step, exact there, is always made.
        open_ = (primal - dual > tol * primal) | (count == 0)
        solved[:, left] = unknowns
        if not open_.any():
            break
        if open_.sum() < 0.7 * len(left):
            keep = torch.nonzero(open_).flatten()
            left, fall, margins = left[keep], fall[keep], margins[:, keep]
            unknowns, scores, signs, direction, slope, before, pulled = (
                one[:, keep] for one in (unknowns, scores, signs, direction, slope, before, pulled)
            )
            cost = cost[:, keep] if cost.shape[1] > 1 else cost
        gradient = unknowns - pulled
        downhill = torch.cholesky_solve(gradient, factor)
        downhill_scores = side.scores(downhill)
        steepness = side.inner(gradient, downhill, downhill_scores)
        turn = ((steepness - side.inner(before, downhill, downhill_scores)) / fall).clamp_(min=0)
        direction = turn * direction - downhill
        slope = turn * slope - downhill_scores
        before, fall = gradient, steepness
        step = _line_search(
            margins,
            signs * slope,
            cost,
            side.inner(direction, unknowns, scores),
            side.inner(direction, direction, slope),
        )
        unknowns = unknowns + step * direction
        scores = scores + step * slope
    return solved


def _line_search(margins: Tensor, slope: Tensor, cost: Tensor, linear: Tensor, quadratic: Tensor) -> Tensor:
    """Return where ``linear t + quadratic t^2 / 2 + sum(cost max(0, margins - t slope)^2)`` is least, for each column.

    Newton's method on the derivative, which rises and is linear in pieces, kept between bounds so that it cannot cycle.
    """
    step = torch.zeros_like(linear)
    low, high = torch.zeros_like(linear), torch.full_like(linear, torch.inf)
    pull = 2 * cost * slope
    bend = pull * slope
    close = torch.finfo(step.dtype).eps ** 0.5
    for _ in range(50):
        slack = (margins - step * slope).clamp_(min=0)
        derivative = linear + step * quadratic - (pull * slack).sum(0)
        second = quadratic + (bend * (slack > 0)).sum(0)
        low, high = torch.where(derivative < 0, step, low), torch.where(derivative > 0, step, high)
        new = torch.where(second > 0, step - derivative / second, step)
        new = torch.where((new < low) | (new > high), (low + high) / 2, new)
        moved = (new - step).abs()
        step = new
        if (moved <= close * step.abs()).all():
            break
    return step


def _newton(X: Tensor, signs: Tensor, cost: Tensor, weights: Tensor) -> Tensor:
    """Solve one problem by Newton's method: ridge regression on the rows inside their margins, until these stay the same."""
    for _ in range(100):
        scores = X @ weights
        inside = (signs * scores < 1) & (cost > 0)
        rows, curvature = X[inside], 2 * cost[inside]
        if len(rows) >= X.shape[1]:
            system, wanted = (rows.T * curvature) @ rows, rows.T @ (curvature * signs[inside])
            system.diagonal().add_(1)
            target = torch.cholesky_solve(wanted[:, None], _factor(system))[:, 0]
        else:
            system = rows @ rows.T
            system.diagonal().add_(1 / curvature)
            target = rows.T @ torch.cholesky_solve(signs[inside, None], _factor(system))[:, 0]
        direction = target - weights
        slope = X @ direction
        step = _line_search(
            (1 - signs * scores)[:, None],
            (signs * slope)[:, None],
            cost[:, None],
            (direction @ weights)[None],
            (direction @ direction)[None],
        )
        weights = weights + step * direction
        if torch.equal((signs * (X @ target) < 1) & (cost > 0), inside):
            return target
    return weights


def _factor(system: Tensor) -> Tensor:
    """Return the Cholesky factor, of the diagonal raised by as little as makes it one where rounding has spoilt it."""
    factor, failed = torch.linalg.cholesky_ex(system)
    rise = torch.finfo(system.dtype).eps * system.trace()
    while failed:
        system = system + rise * torch.eye(len(system), dtype=system.dtype, device=system.device)
        factor, failed = torch.linalg.cholesky_ex(system)
        rise = 10 * rise
    return factor
