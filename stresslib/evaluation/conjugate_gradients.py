"""Conjugate gradients for many problems at once, preconditioned, from zero or from a warm start.

Under `squared_hinge`. The preconditioner takes out the few directions in which the features vary most, the mean first of
all; without it they would make the method slow.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stresslib.evaluation.newton import line_search
from stresslib.evaluation.unknowns import Unknowns, cholesky_factor

_STEPS = 200

_RANK = 8
"""Directions that the preconditioner knows."""


def warm_start(space: Unknowns, start: Tensor, signs: Tensor, cost: Tensor) -> Tensor:
    """Return the unknowns of a warm start, scaled to the length that is best for its direction."""
    scores, squares = space.scores_and_squares(start)
    length = line_search(torch.ones_like(signs), signs * scores, cost, torch.zeros_like(squares), squares)
    # At the optimum the weights are the samples, weighted by their slacks.
    slack = (1 - signs * (length * scores)).clamp_(min=0)
    return space.start(length * start, 2 * cost * slack * signs)


def descend(space: Unknowns, unknowns: Tensor, signs: Tensor, cost: Tensor, tol: float) -> Tensor:
    """Follow preconditioned conjugate gradients (Polak and Ribiere), until every gap is at most `tol` or for 200 steps."""
    directions, steep = _steep_directions(space, unknowns, 2 * cost.sum() / (cost > 0).sum())
    scores = space.scores(unknowns)
    direction, slope, before = torch.zeros_like(unknowns), torch.zeros_like(scores), torch.zeros_like(unknowns)
    fall = torch.full((len(unknowns),), torch.inf, dtype=torch.float64, device=unknowns.device)
    solved, left = unknowns.clone(), torch.arange(len(unknowns), device=unknowns.device)
    for count in range(_STEPS):
        margins = 1 - signs * scores
        slack = margins.clamp(min=0)
        weighted = 2 * cost * slack
        pulled = space.combined(weighted * signs)
        losses = (weighted * slack).sum(1, dtype=torch.float64) / 2
        primal = space.inner(unknowns, unknowns, scores) / 2 + losses
        # When every sample is beyond its margin, the multipliers are 0, and so is the dual.
        quadratic = space.squares(pulled) + 2 * losses
        dual = torch.where(quadratic > 0, weighted.sum(1, dtype=torch.float64).square() / quadratic / 2, 0.0)
        solved[left] = unknowns
        # At a small cost even zero weights have a small gap; one step, which is exact there, is always made.
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
        # Only samples inside their margins contribute curvature: in proportion to their share of all samples.
        inside = (margins > 0).to(gradient.dtype).mean(1, keepdim=True)
        shrink = 1 - (1 + inside * steep[-1]) / (1 + inside * steep)
        downhill = gradient - ((gradient @ directions.T) * shrink) @ directions
        downhill_scores = space.scores(downhill)
        steepness = space.inner(gradient, downhill, downhill_scores)
        turn = (steepness - space.inner(before, downhill, downhill_scores)) / fall
        # Where rounding leaves no descent, the previous direction is forgotten.
        turn = torch.where(fall > 0, turn, 0.0).clamp_(0, 1e3).to(slope.dtype)[:, None]
        direction = turn * direction - downhill
        slope = turn * slope - downhill_scores
        before, fall = gradient, steepness
        step = line_search(
            margins,
            signs * slope,
            cost,
            space.inner(direction, unknowns, scores),
            space.inner(direction, direction, slope),
        )
        unknowns = unknowns + step * direction
        scores = scores + step * slope
    return solved


def _steep_directions(space: Unknowns, like: Tensor, curvature: Tensor) -> tuple[Tensor, Tensor]:
    """Find the directions in which ``curvature X.T X`` is largest: unit vectors, one a row, and its size along each.

    Nystroem approximation from a random subspace, after one step of subspace iteration (Frangella, Tropp and Udell 2023).
    """
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(space.size, min(_RANK, space.size), generator=generator, dtype=like.dtype).to(like.device)
    for _ in range(2):
        basis, _ = torch.linalg.qr(drawn)
        drawn = curvature * space.combined(space.scores(basis.T)).T
    # The approximation of A in a basis Q is A Q (Q.T A Q)^-1 (A Q).T; a root of its middle gives the eigenvectors.
    lift = torch.finfo(like.dtype).eps * torch.linalg.matrix_norm(drawn)
    drawn = drawn + lift * basis
    root = cholesky_factor(basis.T @ drawn)
    _, values, directions = torch.linalg.svd(torch.linalg.solve_triangular(root, drawn.T, upper=False), full_matrices=False)
    found = (values.square() - lift).clamp(min=0)
    return directions, found
