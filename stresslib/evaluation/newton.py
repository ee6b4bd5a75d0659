"""Newton's method for the squared hinge: along one direction for many problems at once, and for one problem as a whole.

Under `squared_hinge`: conjugate gradients take their steps by the line search; what they leave unsolved is solved here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stresslib.evaluation.unknowns import Unknowns


def line_search(margins: Tensor, slope: Tensor, cost: Tensor, linear: Tensor, quadratic: Tensor) -> Tensor:
    """Return where ``linear t + quadratic t^2 / 2 + sum(cost max(0, margins - t slope)^2)`` is least, for each row.

    Newton's method on the derivative, which rises and is linear in pieces, kept between bounds so that it cannot cycle.

    Parameters
    ----------
    margins, slope : Tensor of shape (n_problems, n_samples)
        What each sample lacks of its margin, and how fast a step gains it.
    cost : Tensor of shape (1, n_samples) or (n_problems, n_samples)
    linear, quadratic : Tensor of shape (n_problems,)

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


def newton(space: Unknowns, unknowns: Tensor, signs: Tensor, cost: Tensor) -> Tensor:
    """Solve one problem: ridge regression on the rows inside their margins, until these stay the same.

    Where that takes more than ten rounds, the cost grows from a tiny one to its own, tenfold each time, and every solution
    is the warm start of the next.
    """
    near, solved = _rounds(space, unknowns, signs, cost, 10)
    if solved:
        return near
    unknowns = torch.zeros_like(unknowns)
    for share in range(-12, 1):
        unknowns, _ = _rounds(space, unknowns, signs, 10.0**share * cost, 50)
    return unknowns


def _rounds(space: Unknowns, unknowns: Tensor, signs: Tensor, cost: Tensor, most: int) -> tuple[Tensor, bool]:
    """Take at most `most` Newton steps; return the unknowns, and whether they solve the problem."""
    for _ in range(most):
        scores = space.scores(unknowns)
        inside = ((signs * scores < 1) & (cost > 0))[0]
        target = space.ridge(inside, signs[:, inside], 2 * cost[0, inside])
        if torch.equal(((signs * space.scores(target) < 1) & (cost > 0))[0], inside):
            return target, True
        direction = target - unknowns
        slope = space.scores(direction)
        linear, quadratic = space.inner(direction, unknowns, scores), space.inner(direction, direction, slope)
        unknowns = unknowns + line_search(1 - signs * scores, signs * slope, cost, linear, quadratic) * direction
    return unknowns, False
