"""Attacks: inside the ball and the range, up the loss, seeded; what they leave alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from stresslib.stress.on_images import fgsm, pgd


@pytest.fixture
def victim() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)).eval()
    x = torch.rand(20, 1, 8, 8)
    return module, x, module(x).argmax(1)


def loss(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    return functional.cross_entropy(module(x), y).item()


def test_fgsm_goes_by_the_sign_of_the_gradient(victim: tuple[nn.Module, torch.Tensor, torch.Tensor]) -> None:
    module, x, y = victim
    moving = x.clone().requires_grad_()
    functional.cross_entropy(module(moving), y).backward()
    assert torch.allclose(fgsm(module, x, y, 0.05), (x + 0.05 * moving.grad.sign()).clamp(0, 1))


def test_attacks_stay_inside_and_raise_the_loss(victim: tuple[nn.Module, torch.Tensor, torch.Tensor]) -> None:
    module, x, y = victim
    copy = x.clone()
    by_sign, by_steps = fgsm(module, x, y, 0.05), pgd(module, x, y, 0.05)
    for attacked in (by_sign, by_steps):
        assert (attacked - x).abs().max() <= 0.05 + 1e-6 and attacked.min() >= 0 and attacked.max() <= 1
        assert not attacked.requires_grad
    assert loss(module, x, y) < loss(module, by_sign, y) <= loss(module, by_steps, y) + 1e-4
    assert torch.equal(x, copy) and all(weights.grad is None for weights in module.parameters()) and not module.training


def test_a_target_is_approached(victim: tuple[nn.Module, torch.Tensor, torch.Tensor]) -> None:
    module, x, y = victim
    target = (y + 1) % 3
    for attack in (fgsm, pgd):
        assert loss(module, attack(module, x, target, 0.05, targeted=True), target) < loss(module, x, target)


def test_restarts_only_help_and_the_seed_decides(victim: tuple[nn.Module, torch.Tensor, torch.Tensor]) -> None:
    module, x, y = victim
    one = pgd(module, x, y, 0.05, steps=3)
    assert torch.equal(one, pgd(module, x, y, 0.05, steps=3)) and not torch.equal(
        one, pgd(module, x, y, 0.05, steps=3, random_state=1)
    )
    assert loss(module, pgd(module, x, y, 0.05, steps=3, restarts=4), y) >= loss(module, one, y)
    assert torch.equal(pgd(module, x, y, 0.0), x) and torch.equal(fgsm(module, x, y, 0), x)


def test_bad_input_is_one_line(victim: tuple[nn.Module, torch.Tensor, torch.Tensor]) -> None:
    module, x, y = victim
    for images, eps, message in ((2 * x, 0.1, "in \\[0, 1\\] is needed"), (x * torch.nan, 0.1, "in"), (x, -1, "eps=-1")):
        with pytest.raises(ValueError, match=message):
            fgsm(module, images, y, eps)
    with pytest.raises(ValueError, match="steps=0"):
        pgd(module, x, y, 0.1, steps=0)
