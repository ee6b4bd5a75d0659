"""The solver: linear support vector machines with the squared hinge loss, all classes at once, in torch.

Under the classifier. Each row is a problem of its own: minimise ``|w|^2 / 2 + sum(cost * max(0, 1 - y w.x)^2)``.

Nonlinear conjugate gradients, each step a few matrix products for all problems. A few directions in which the features
vary most, the mean first of all, would make them slow; these are found once, by a Nystroem approximation, and taken out.
Ten to thirty steps then are enough, fewer from a start that is near. What they leave over goes to Newton's method, problem
by problem.
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
"""Largest curvature, that along w being 1, up to which float32 is enough."""

_RANK = 8
"""Directions that the preconditioner knows."""

_BLOCK = 128
"""Rows that are brought to float64 at once, so that they stay in the processor's cache."""


def solve(
    X: Tensor, signs: Tensor, cost: Tensor, tol: float, *, precomputed: bool = False, start: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Solve one problem a row.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features), or (n_samples, n_samples)
        float32 or float64. Where `precomputed`, the inner products of the rows.
    signs : Tensor of shape (n_problems, n_samples), float64
        1, -1, or 0 where a sample is no part of a problem.
    cost : Tensor of shape (1, n_samples) or (n_problems, n_samples), float64
        Weight of each loss; 0 where the sign is.
    tol : float
        Relative duality gap at which a problem counts as solved.
    precomputed : bool, default=False
    start : Tensor of shape (n_problems, n_features), optional
        Weights, or multipliers where `precomputed`, to begin from: those of a problem that is much alike.

    Returns
    -------
    weights : Tensor of shape (n_problems, n_features), float64
        Where `precomputed`, the multipliers of the samples, of shape (n_problems, n_samples).
    objective, gap : Tensor of shape (n_problems,), float64
        The objective reached, and ``(primal - dual) / primal``, at most which share of it could still be gained.
    """
    largest = float(X.diagonal().max()) ** 0.5 if precomputed else max(abs(float(end)) for end in torch.aminmax(X))
    total = (cost * signs.abs()).sum(1)
    if largest == 0:
        return X.new_zeros(len(signs), X.shape[1], dtype=torch.float64), total, torch.zeros_like(total)
    # A power of two brings the features near 1: rows x / s with weights s w and costs s^2 cost are the same problem.
    scale = 1.0 if 2**-12 < largest < 2**12 else 2.0 ** math.frexp(largest)[1]
    if scale != 1:
        X = X.double() / scale / scale if precomputed else X.double() / scale
    squares = X.diagonal().double() if precomputed else torch.linalg.vector_norm(X, dim=1).double().square()
    reach = 2 * scale * (scale * total.max()) * squares.max()
    if reach < min(tol, _FINEST[torch.float64]):
        # No weights can move a score by more than that: each loss is its tangent at 0.
        multipliers = 2 * cost * signs
        weights = multipliers if precomputed else scale * (multipliers @ X.double())
        return weights, total, torch.full_like(total, float(reach))
    cost = (cost * scale) * scale
    if not float(cost.max()) < 1e100:
        raise ValueError(f"features reach {largest:.0e} at costs up to {float(cost.max()) / scale / scale:.0e}; divide them")
    # Multipliers belong to rows x: those of rows x / s give s w, s^2 times as large.
    unit = scale * scale if precomputed else scale
    unknowns: Tensor | None = None
    side: _Side | None = None
    steepness = 2 * float(cost.max()) * float(squares.sum())
    for dtype in (torch.float32, torch.float64):
        if dtype == torch.float32 and steepness > _STEEPEST:
            continue
        side = None  # frees the inner products in float32
        side = _side(X, precomputed, dtype)
        if unknowns is not None:
            unknowns = unknowns.to(dtype)
        elif start is not None:
            unknowns = _nearest(side, (unit * start).to(dtype), signs.to(dtype), cost.to(dtype))
        else:
            unknowns = X.new_zeros(len(signs), side.size, dtype=dtype)
        unknowns = _descend(side, unknowns, signs.to(dtype), cost.to(dtype), max(0.9 * tol, _FINEST[dtype]))
        weights = side.weights(unknowns).double()
        exact = dtype if tol >= _TRUSTED else torch.float64
        objective, gap = _certificate(X, weights, signs, cost, precomputed, exact)
        if (gap <= tol).all():
            break
    assert unknowns is not None and side is not None  # the second dtype is never left out
    left = torch.nonzero(gap > tol).flatten().tolist()
    for row in left:
        own = slice(row, row + 1)
        better = _newton(side, unknowns[own], signs[own], cost[own] if len(cost) > 1 else cost)
        weights[own] = side.weights(better)
    if left:
        objective, gap = _certificate(X, weights, signs, cost, precomputed, torch.float64)
    return weights / unit, objective / scale / scale, gap


_TRUSTED = 1e-5
"""Least gap that float32 products tell: their own error there is some 1e-6."""


def _certificate(
    X: Tensor, solution: Tensor, signs: Tensor, cost: Tensor, precomputed: bool, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return each problem's objective and relative duality gap: products in `dtype`, sums in float64, block by block."""
    losses, linear = (torch.zeros_like(solution[:, 0]) for _ in range(2))
    multipliers, combined = torch.zeros_like(signs), torch.zeros_like(solution)
    norms = torch.zeros_like(losses) if precomputed else solution.square().sum(1)
    block = len(X) if X.dtype == dtype else _BLOCK
    for first in range(0, len(X), block):
        rows, here = X[first : first + block].to(dtype), slice(first, first + block)
        scores = (solution.to(dtype) @ rows.T).double()
        slack = (1 - signs[:, here] * scores).clamp_(min=0) * signs[:, here].abs()
        losses += (cost[:, here] * slack.square()).sum(1)
        linear += 2 * (cost[:, here] * slack).sum(1)
        multipliers[:, here] = 2 * cost[:, here] * slack * signs[:, here]
        combined += multipliers[:, here].to(dtype) @ rows
        if precomputed:
            norms += (solution[:, here] * scores).sum(1)
    # The slacks imply multipliers 2 cost slack, a feasible point of the dual; the best on its ray is at `share`.
    quadratic = (multipliers * combined if precomputed else combined.square()).sum(1) + 2 * losses
    share = torch.where(quadratic > 0, linear / quadratic, 1.0)
    primal = norms / 2 + losses
    dual = share * linear - share.square() * quadratic / 2
    return primal, torch.where(primal > 0, (primal - dual) / primal, 0.0).clamp(0, 1)


class _Side(Protocol):
    """What the unknowns are: the weights, or as many multipliers as there are samples; whichever is less.

    A row a problem throughout: products of a few long rows with `X` are several times faster than those of as many columns.
    """

    size: int

    def weights(self, unknowns: Tensor) -> Tensor:
        """Return the weights that the unknowns stand for."""

    def met(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores and squared norms of weights, or of multipliers where there are only inner products."""

    def begun(self, weights: Tensor, multipliers: Tensor) -> Tensor:
        """Return the unknowns to begin from, given what was met and the multipliers that its slacks imply."""

    def scores(self, unknowns: Tensor) -> Tensor:
        """Return ``weights @ X.T``."""

    def combined(self, multipliers: Tensor) -> Tensor:
        """Return the unknowns whose weights are ``multipliers @ X``."""

    def inner(self, left: Tensor, right: Tensor, scores: Tensor) -> Tensor:
        """Return the inner products of the weights of both, float64; `scores` are those of `right`."""

    def squares(self, unknowns: Tensor) -> Tensor:
        """Return the squared norms of the weights, float64."""

    def ridge(self, inside: Tensor, targets: Tensor, curvature: Tensor) -> Tensor:
        """Return the unknowns of the ridge regression on some samples alone, `curvature` being twice their costs."""


class _Weights:
    def __init__(self, X: Tensor) -> None:
        self.X = X
        self.size = X.shape[1]

    def weights(self, unknowns: Tensor) -> Tensor:
        return unknowns

    def met(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        return self.scores(weights), self.squares(weights)

    def begun(self, weights: Tensor, multipliers: Tensor) -> Tensor:
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
            return torch.cholesky_solve(targets.T, _factor(system)).T @ rows
        system = (rows.T * curvature) @ rows
        system.diagonal().add_(1)
        return torch.cholesky_solve(rows.T @ (curvature * targets).T, _factor(system)).T


class _Multipliers:
    def __init__(self, X: Tensor | None, gram: Tensor) -> None:
        self.X = X
        self.gram = gram
        self.size = len(gram)

    def weights(self, unknowns: Tensor) -> Tensor:
        return unknowns if self.X is None else _combined(unknowns, self.X)

    def met(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        if self.X is None:
            return self.scores(weights), self.squares(weights)
        return _scores(weights, self.X), weights.square().sum(1, dtype=torch.float64)

    def begun(self, weights: Tensor, multipliers: Tensor) -> Tensor:
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
        unknowns[:, inside] = torch.cholesky_solve(targets.T, _factor(system)).T
        return unknowns


def _side(X: Tensor, precomputed: bool, dtype: torch.dtype) -> _Side:
    if precomputed:
        return _Multipliers(None, X.to(dtype))
    # A copy in less digits is half as large; one in more digits would be twice, and is never made as a whole.
    X = X.to(dtype) if dtype == torch.float32 else X
    if X.shape[0] >= X.shape[1]:
        return _Weights(X)
    gram = X.new_empty(len(X), len(X), dtype=dtype)
    for rows, products in zip(X.split(_BLOCK), gram.split(_BLOCK), strict=True):
        _scores(rows.to(dtype), X, out=products)
    return _Multipliers(X, gram)


def _scores(weights: Tensor, X: Tensor, out: Tensor | None = None) -> Tensor:
    """Return ``weights @ X.T`` in the type of the weights, without a copy of `X` in it."""
    if X.dtype == weights.dtype:
        return torch.matmul(weights, X.T, out=out)
    out = weights.new_empty(len(weights), len(X)) if out is None else out
    for rows, products in zip(X.split(_BLOCK), out.split(_BLOCK, dim=1), strict=True):
        products.copy_(weights @ rows.to(weights.dtype).T)
    return out


def _combined(multipliers: Tensor, X: Tensor) -> Tensor:
    """Return ``multipliers @ X`` in the type of the multipliers, without a copy of `X` in it."""
    if X.dtype == multipliers.dtype:
        return multipliers @ X
    total = multipliers.new_zeros(len(multipliers), X.shape[1])
    for few, rows in zip(multipliers.split(_BLOCK, dim=1), X.split(_BLOCK), strict=True):
        total += few @ rows.to(multipliers.dtype)
    return total


def _nearest(side: _Side, start: Tensor, signs: Tensor, cost: Tensor) -> Tensor:
    """Return the unknowns of a start, as long as is best for it."""
    scores, squares = side.met(start)
    length = _line_search(torch.ones_like(signs), signs * scores, cost, torch.zeros_like(squares), squares)
    # Optimal weights are combined of the samples by their slacks.
    slack = (1 - signs * (length * scores)).clamp_(min=0)
    return side.begun(length * start, 2 * cost * slack * signs)


def _descend(side: _Side, unknowns: Tensor, signs: Tensor, cost: Tensor, tol: float) -> Tensor:
    """Follow preconditioned conjugate gradients (Polak and Ribiere) until every gap is at most `tol`, or 200 steps."""
    directions, steep = _steep_directions(side, unknowns, 2 * cost.sum() / (cost > 0).sum())
    scores = side.scores(unknowns)
    direction, slope, before = torch.zeros_like(unknowns), torch.zeros_like(scores), torch.zeros_like(unknowns)
    fall = torch.full((len(unknowns),), torch.inf, dtype=torch.float64, device=unknowns.device)
    solved, left = unknowns.clone(), torch.arange(len(unknowns), device=unknowns.device)
    for count in range(_STEPS):
        margins = 1 - signs * scores
        slack = margins.clamp(min=0)
        weighted = 2 * cost * slack
        pulled = side.combined(weighted * signs)
        losses = (weighted * slack).sum(1, dtype=torch.float64) / 2
        primal = side.inner(unknowns, unknowns, scores) / 2 + losses
        # With every sample beyond its margin the multipliers are 0, and so is the dual.
        quadratic = side.squares(pulled) + 2 * losses
        dual = torch.where(quadratic > 0, weighted.sum(1, dtype=torch.float64).square() / quadratic / 2, 0.0)
        solved[left] = unknowns
        # At a small cost even no weights at all have a small gap: a first step, exact there, is always made.
        open_ = (primal - dual > tol * primal) | (count == 0)
        if not open_.any():
            break
        if open_.sum() < 0.9 * len(left):
            keep = torch.nonzero(open_).flatten()
            left, fall, margins = left[keep], fall[keep], margins[keep]
            unknowns, scores, signs, direction, slope, before, pulled = (
                one[keep] for one in (unknowns, scores, signs, direction, slope, before, pulled)
            )
            cost = cost[keep] if len(cost) > 1 else cost
        gradient = unknowns - pulled
        # Only samples inside their margins bend the objective: their share is that of the curvature there is.
        inside = (margins > 0).to(gradient.dtype).mean(1, keepdim=True)
        shrink = 1 - (1 + inside * steep[-1]) / (1 + inside * steep)
        downhill = gradient - ((gradient @ directions.T) * shrink) @ directions
        downhill_scores = side.scores(downhill)
        steepness = side.inner(gradient, downhill, downhill_scores)
        turn = (steepness - side.inner(before, downhill, downhill_scores)) / fall
        # Where rounding leaves no fall, the direction is forgotten.
        turn = torch.where(fall > 0, turn, 0.0).clamp_(0, 1e3).to(slope.dtype)[:, None]
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


def _steep_directions(side: _Side, like: Tensor, curvature: Tensor) -> tuple[Tensor, Tensor]:
    """Find where ``curvature X.T X`` is largest: unit directions, a row each, and how large it is along them.

    Nystroem approximation from a random subspace, after one step of subspace iteration (Frangella, Tropp and Udell 2023).
    """
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(side.size, min(_RANK, side.size), generator=generator, dtype=like.dtype).to(like.device)
    for _ in range(2):
        basis, _ = torch.linalg.qr(drawn)
        drawn = curvature * side.combined(side.scores(basis.T)).T
    # Of A, seen in a basis Q: A Q (Q.T A Q)^-1 (A Q).T, its eigenvectors by way of a root of the middle.
    lift = torch.finfo(like.dtype).eps * torch.linalg.matrix_norm(drawn)
    drawn = drawn + lift * basis
    root = _factor(basis.T @ drawn)
    _, values, directions = torch.linalg.svd(torch.linalg.solve_triangular(root, drawn.T, upper=False), full_matrices=False)
    found = (values.square() - lift).clamp(min=0)
    return directions, found


def _line_search(margins: Tensor, slope: Tensor, cost: Tensor, linear: Tensor, quadratic: Tensor) -> Tensor:
    """Return where ``linear t + quadratic t^2 / 2 + sum(cost max(0, margins - t slope)^2)`` is least, for each row.

    Newton's method on the derivative, which rises and is linear in pieces, kept between bounds so that it cannot cycle.

    Returns
    -------
    Tensor of shape (n_problems, 1)
        In the type of `margins`.
    """
    linear, quadratic = (one.to(margins.dtype)[:, None] for one in (linear, quadratic))
    step = torch.zeros_like(linear)
    low, high = torch.zeros_like(linear), torch.full_like(linear, torch.inf)
    pull = 2 * cost * slope
    bend = pull * slope
    close = torch.finfo(step.dtype).eps ** 0.5
    for _ in range(50):
        slack = (margins - step * slope).clamp_(min=0)
        derivative = linear + step * quadratic - (pull * slack).sum(1, keepdim=True)
        second = quadratic + (bend * (slack > 0)).sum(1, keepdim=True)
        low, high = torch.where(derivative < 0, step, low), torch.where(derivative > 0, step, high)
        new = torch.where(second > 0, step - derivative / second, step)
        new = torch.where((new < low) | (new > high), (low + high) / 2, new)
        moved = (new - step).abs()
        step = new
        if (moved <= close * step.abs()).all():
            break
    return step


def _newton(side: _Side, unknowns: Tensor, signs: Tensor, cost: Tensor) -> Tensor:
    """Solve one problem by Newton's method: ridge regression on the rows inside their margins, until these stay the same.

    Where that does not end soon, a large cost is reached by way of smaller ones, ten times each, from zero on: every one
    begins near its solution.
    """
    near, solved = _newton_rounds(side, unknowns, signs, cost, 10)
    if solved:
        return near
    unknowns = torch.zeros_like(unknowns)
    for share in range(-12, 1):
        unknowns, _ = _newton_rounds(side, unknowns, signs, 10.0**share * cost, 50)
    return unknowns


def _newton_rounds(side: _Side, unknowns: Tensor, signs: Tensor, cost: Tensor, most: int) -> tuple[Tensor, bool]:
    for _ in range(most):
        scores = side.scores(unknowns)
        inside = ((signs * scores < 1) & (cost > 0))[0]
        target = side.ridge(inside, signs[:, inside], 2 * cost[0, inside])
        if torch.equal(((signs * side.scores(target) < 1) & (cost > 0))[0], inside):
            return target, True
        direction = target - unknowns
        slope = side.scores(direction)
        linear, quadratic = side.inner(direction, unknowns, scores), side.inner(direction, direction, slope)
        unknowns = unknowns + _line_search(1 - signs * scores, signs * slope, cost, linear, quadratic) * direction
    return unknowns, False


def _factor(system: Tensor) -> Tensor:
    """Return the Cholesky factor, of the diagonal raised by as little as makes it one where rounding has spoilt it."""
    factor, failed = torch.linalg.cholesky_ex(system)
    rise = torch.finfo(system.dtype).eps * system.trace()
    while failed:
        system = system + rise * torch.eye(len(system), dtype=system.dtype, device=system.device)
        factor, failed = torch.linalg.cholesky_ex(system)
        rise = 10 * rise
    return factor
