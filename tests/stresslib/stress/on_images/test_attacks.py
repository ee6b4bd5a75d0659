"""Attacks: inside the ball and the range, up the loss, seeded; what they leave alone."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from stresslib.stress.on_images import autoattack, fgsm, pgd


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


def test_a_step_is_as_long_as_it_is_said_to_be(victim: tuple[nn.Module, torch.Tensor, torch.Tensor]) -> None:
    module, _, _ = victim
    x = torch.full((4, 1, 8, 8), 0.5)
    y = torch.zeros(4, dtype=torch.int64)
    generator = torch.Generator().manual_seed(0)
    start = x + (2 * torch.rand(x.shape, generator=generator) - 1) * 0.2
    moved = pgd(module, x, y, 0.2, steps=1, step=0.01) - start
    inside = (start - x).abs() < 0.19
    lengths = moved[inside].abs()
    assert (((lengths - 0.01).abs() < 1e-6) | (lengths < 1e-6)).all()  # no way for a pixel that no active unit sees
    assert lengths.median() > 0.009
    # By default the steps are 2.5 radii long together.
    assert torch.equal(pgd(module, x, y, 0.2, steps=10), pgd(module, x, y, 0.2, steps=10, step=0.05))


def test_of_several_starts_each_image_keeps_its_best(victim: tuple[nn.Module, torch.Tensor, torch.Tensor]) -> None:
    module, x, y = victim

    def losses(attacked: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(module(attacked), y, reduction="none")

    one, best = losses(pgd(module, x, y, 0.1, steps=1)), losses(pgd(module, x, y, 0.1, steps=1, restarts=5))
    assert (best >= one).all() and (best > one).any()
    target = (y + 1) % 3
    near = functional.cross_entropy(module(pgd(module, x, target, 0.1, steps=1, targeted=True)), target, reduction="none")
    nearer = pgd(module, x, target, 0.1, steps=1, restarts=5, targeted=True)
    assert (functional.cross_entropy(module(nearer), target, reduction="none") <= near).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.full((2, 1, 8, 8), 2.0)}, "in \\[0, 1\\] is needed"),
        ({"x": torch.full((2, 1, 8, 8), torch.nan)}, "in \\[0, 1\\] is needed"),
        ({"x": torch.zeros(2, 8, 8)}, "of shape \\(2, 8, 8\\)"),
        ({"x": torch.zeros(2, 1, 7, 7)}, "does not take images of shape \\(1, 7, 7\\): "),
        ({"eps": -1}, "eps=-1: it is a share of the range, from 0 to 1"),
        ({"eps": 8}, "eps=8: it is a share of the range"),
        ({"eps": float("nan")}, "eps=nan"),
        ({"y": torch.zeros(3, dtype=torch.int64)}, "\\(2,\\), is needed"),
        ({"y": torch.zeros(2)}, "the labels are a torch.float32"),
        ({"y": torch.tensor([0, 3])}, "returns shape \\(1, 3\\) for one image; logits of all labels, up to 3"),
        ({"module": nn.Conv2d(1, 3, 3).eval()}, "returns shape \\(1, 3, 6, 6\\) for one image; logits"),
        ({"module": nn.Flatten()}, "the Flatten is in training mode; call its eval"),
    ],
)
def test_bad_input_is_one_line(
    victim: tuple[nn.Module, torch.Tensor, torch.Tensor], change: dict[str, object], message: str
) -> None:
    given = {"module": victim[0], "x": torch.zeros(2, 1, 8, 8), "y": torch.tensor([0, 1]), "eps": 0.1, **change}
    for attack in (fgsm, pgd, autoattack):
        with pytest.raises(ValueError, match=message) as caught:
            attack(**given)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


def test_numbers_out_of_range_are_refused(victim: tuple[nn.Module, torch.Tensor, torch.Tensor]) -> None:
    module, x, y = victim
    for options, message in (({"steps": 0}, "steps=0"), ({"restarts": 0}, "restarts=0"), ({"step": 0.0}, "step=0.0")):
        with pytest.raises(ValueError, match=message):
            pgd(module, x, y, 0.1, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("targeted", [False, True])
def test_attacks_are_those_of_the_adversarial_robustness_toolbox(
    victim: tuple[nn.Module, torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch, targeted: bool
) -> None:
    evasion = pytest.importorskip("art.attacks.evasion", reason="needs the extra adversarial")
    classification = pytest.importorskip("art.estimators.classification")
    module, x, y = victim
    goal = (y + 1) % 3 if targeted else y
    theirs = classification.PyTorchClassifier(
        module, nn.CrossEntropyLoss(reduction="sum"), (1, 8, 8), 3, clip_values=(0, 1), device_type="cpu"
    )
    truth = functional.one_hot(goal, 3).float().numpy()
    by_sign = evasion.FastGradientMethod(theirs, eps=0.05, targeted=targeted).generate(x.numpy(), truth)
    torch.testing.assert_close(fgsm(module, x, goal, 0.05, targeted=targeted), torch.from_numpy(by_sign))
    # Theirs draws its random starts by another generator: both start at the image itself.
    settings = {"eps": 0.05, "eps_step": 0.02, "max_iter": 6, "num_random_init": 0, "targeted": targeted, "verbose": False}
    by_steps = evasion.ProjectedGradientDescent(theirs, **settings).generate(x.numpy(), truth)
    monkeypatch.setattr(torch, "rand", lambda shape, generator: torch.full(shape, 0.5))
    ours = pgd(module, x, goal, 0.05, steps=6, step=0.02, targeted=targeted)
    torch.testing.assert_close(ours, torch.from_numpy(by_steps))


def test_attacks_work_where_gradients_are_off(victim: tuple[nn.Module, torch.Tensor, torch.Tensor]) -> None:
    module, x, y = victim
    expected = fgsm(module, x, y, 0.05), pgd(module, x, y, 0.05)
    with torch.no_grad():
        assert torch.equal(fgsm(module, x, y, 0.05), expected[0]) and torch.equal(pgd(module, x, y, 0.05), expected[1])


def test_autoattack_stays_inside_is_seeded_and_leaves_no_more_than_one_step(
    victim: tuple[nn.Module, torch.Tensor, torch.Tensor],
) -> None:
    pytest.importorskip("art", reason="needs the extra adversarial")
    module, x = victim[0], victim[1][:8]
    y = module(x).argmax(1)
    y[0] = (y[0] + 1) % 3  # wrong before any attack
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    with torch.no_grad():
        found = autoattack(module, x, y, 0.3)
    assert (found - x).abs().max() <= 0.3 + 1e-6 and found.min() >= 0 and found.max() <= 1
    assert torch.equal(found[0], x[0]) and torch.equal(found, autoattack(module, x, y, 0.3))
    right = [int((module(one).argmax(1) == y).sum()) for one in (x, fgsm(module, x, y, 0.3), found)]
    assert right[0] == 7 and right[2] <= right[1]
    assert (np.random.get_state()[1] == before).all() and all(weights.grad is None for weights in module.parameters())  # noqa: NPY002


def test_without_the_toolbox_its_extra_is_named(
    victim: tuple[nn.Module, torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "art.attacks.evasion", None)
    with pytest.raises(ValueError, match=r"pip install stresslib\[adversarial\]"):
        autoattack(*victim, 0.01)
