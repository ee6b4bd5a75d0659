"""The solver: linear support vector machines with the squared hinge loss, all classes at once, in torch.

Under the classifier. Each row is a problem of its own: minimise ``|w|^2 / 2 + sum(cost * max(0, 1 - y w.x)^2)``.

Ten to thirty steps of conjugate gradients, each a few matrix products for all problems, are enough; fewer from a warm
start. What they leave unsolved goes to Newton's method, problem by problem. The duality gap says how well each is solved.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stresslib.evaluation.conjugate_gradients import descend, warm_start
from stresslib.evaluation.newton import newton
from stresslib.evaluation.unknowns import BLOCK, Unknowns, choose_unknowns

_FINEST = {torch.float32: 5e-6, torch.float64: 1e-12}
"""Relative gaps below which rounding hides what conjugate gradients gain."""

_TRUSTED = 1e-5
"""Least gap that float32 products tell: their own error there is some 1e-6."""

_STEEPEST = 1e6
"""Largest curvature, that along w being 1, up to which float32 is enough."""


def solve(
    X: Tensor, signs: Tensor, cost: Tensor, tol: float, *, precomputed: bool = False, start: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Solve one problem for each row of `signs`.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features), or (n_samples, n_samples)
        float32 or float64. Where `precomputed`, the inner products of the rows.
    signs : Tensor of shape (n_problems, n_samples), float64
        1, -1, or 0 where a sample is not part of a problem.
    cost : Tensor of shape (1, n_samples) or (n_problems, n_samples), float64
        Weight of each loss; 0 where the sign is 0.
    tol : float
        Relative duality gap at which a problem counts as solved.
    precomputed : bool, default=False
    start : Tensor of shape (n_problems, n_features), optional
        Warm start: weights, or multipliers where `precomputed`, of a similar problem.

    Returns
    -------
    weights : Tensor of shape (n_problems, n_features), float64
        Where `precomputed`, the multipliers of the samples, of shape (n_problems, n_samples).
    objective, gap : Tensor of shape (n_problems,), float64
        The objective reached, and ``(primal - dual) / primal``: an upper bound on the share that could still be gained.
    """
    largest = float(X.diagonal().max()) ** 0.5 if precomputed else max(abs(float(end)) for end in torch.aminmax(X))
    total = (cost * signs.abs()).sum(1)
    if largest == 0:
        return X.new_zeros(len(signs), X.shape[1], dtype=torch.float64), total, torch.zeros_like(total)
    # A power of two brings the features near 1: rows x / s with weights s w and costs s^2 cost pose the same problem.
    scale = 1.0 if 2**-12 < largest < 2**12 else 2.0 ** math.frexp(largest)[1]
    if scale != 1:
        X = X.double() / scale / scale if precomputed else X.double() / scale
    squares = X.diagonal().double() if precomputed else torch.linalg.vector_norm(X, dim=1).double().square()
    reach = 2 * scale * (scale * total.max()) * squares.max()
    if reach < min(tol, _FINEST[torch.float64]):
        # Weights move a score by less than the tolerance: each loss equals its tangent at 0.
        multipliers = 2 * cost * signs
        weights = multipliers if precomputed else scale * (multipliers @ X.double())
        return weights, total, torch.full_like(total, float(reach))
    cost = (cost * scale) * scale
    if not float(cost.max()) < 1e100:
        raise ValueError(f"features reach {largest:.0e} at costs up to {float(cost.max()) / scale / scale:.0e}; divide them")
    # Multipliers belong to rows x: those of rows x / s give s w, s^2 times as large.
    unit = scale * scale if precomputed else scale
    unknowns: Tensor | None = None
    space: Unknowns | None = None
    steepness = 2 * float(cost.max()) * float(squares.sum())
    for dtype in (torch.float32, torch.float64):
        if dtype == torch.float32 and steepness > _STEEPEST:
            continue
        space = None  # frees the inner products in float32
        space = choose_unknowns(X, precomputed, dtype)
        if unknowns is not None:
            unknowns = unknowns.to(dtype)
        elif start is not None:
            unknowns = warm_start(space, (unit * start).to(dtype), signs.to(dtype), cost.to(dtype))
        else:
            unknowns = X.new_zeros(len(signs), space.size, dtype=dtype)
        unknowns = descend(space, unknowns, signs.to(dtype), cost.to(dtype), max(0.9 * tol, _FINEST[dtype]))
        weights = space.weights(unknowns).double()
        exact = dtype if tol >= _TRUSTED else torch.float64
        objective, gap = _certificate(X, weights, signs, cost, precomputed, exact)
        if (gap <= tol).all():
            break
    assert unknowns is not None and space is not None  # float64 is never skipped
    left = torch.nonzero(gap > tol).flatten().tolist()
    for row in left:
        own = slice(row, row + 1)
        better = newton(space, unknowns[own], signs[own], cost[own] if len(cost) > 1 else cost)
        weights[own] = space.weights(better)
    if left:
        objective, gap = _certificate(X, weights, signs, cost, precomputed, torch.float64)
    return weights / unit, objective / scale / scale, gap


def _certificate(
    X: Tensor, solution: Tensor, signs: Tensor, cost: Tensor, precomputed: bool, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return each problem's objective and relative duality gap: products in `dtype`, sums in float64, block by block."""
    losses, linear = (torch.zeros_like(solution[:, 0]) for _ in range(2))
    multipliers, combined = torch.zeros_like(signs), torch.zeros_like(solution)
    norms = torch.zeros_like(losses) if precomputed else solution.square().sum(1)
    block = len(X) if X.dtype == dtype else BLOCK
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
