"""Fit: a plain loop's losses, hooks, seeds, stops and kills that leave the same bytes, and bad input."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from killed import Forked, ForkServer
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from stresslib.networks import CifarResNet, LeNet5
from stresslib.training.augmentation import ShiftAndFlip
from stresslib.training.data import Arrays, load_arrays
from stresslib.training.fit import cosine, fit, predict, sgd

EPOCHS = 3


@pytest.fixture(scope="module")
def digits() -> Arrays:
    return load_arrays("digits:100")


def fresh(make: Callable[[], nn.Module] = lambda: LeNet5(image_size=16)) -> nn.Module:
    torch.manual_seed(5)
    return make()


def trained(digits: Arrays, module: nn.Module | None = None, **settings: Any) -> tuple[bytes, list[dict[str, float]]]:
    """Train a network with the same first weights as any other; return its weights and the history."""
    module = module or fresh()
    options = {"epochs": EPOCHS, "batch_size": 32, "optimizer": partial(sgd, lr=0.02), "progress": False, **settings}
    history = fit(module, digits.train_images, digits.train_labels, **options)
    return b"".join(tensor.numpy().tobytes() for tensor in module.state_dict().values()), history


def both(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return torch.cat([images, images]), torch.cat([labels, labels])


def ten(module: nn.Module) -> Tensor:
    return torch.tensor(10.0)


@pytest.mark.parametrize("hook", [None, both])
def test_losses_are_those_of_a_plain_loop(digits: Arrays, hook: Callable[..., Any] | None) -> None:
    module = fresh()
    x, y = torch.tensor(digits.train_images), torch.tensor(digits.train_labels)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=5e-4)
    torch.manual_seed(7)
    losses, step = [], 0
    for _ in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(100).split(32):
            optimizer.param_groups[0]["lr"] = 0.02 * cosine((step + 0.5) / (4 * EPOCHS))
            loss = (2 if hook else 1) * functional.cross_entropy(module(x[rows]), y[rows], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
            step += 1
        losses.append(total / 100)
    _, history = trained(digits, seed=7, label_smoothing=0.1, batch_hook=hook)
    assert [epoch["loss"] for epoch in history] == pytest.approx(losses, rel=1e-5)


def test_it_learns() -> None:
    digits = load_arrays("digits")
    module = fresh()
    trained(digits, module, epochs=4, optimizer=sgd)
    assert not module.training
    assert (predict(module, digits.test_images).argmax(1) == digits.test_labels).mean() > 0.8
    assert predict(module.features, digits.test_images[:7], batch_size=3).shape == (7, 84)


def test_a_seed_decides_and_the_callers_generator_stays(digits: Arrays) -> None:
    torch.manual_seed(99)
    expected = torch.rand(1)
    module = fresh()
    torch.manual_seed(99)
    first, _ = trained(digits, module)
    assert torch.equal(torch.rand(1), expected)
    assert trained(digits)[0] == first and trained(digits, seed=1)[0] != first


def test_whole_levels_are_divided_by_255(digits: Arrays) -> None:
    levels = np.rint(digits.train_images * 255).astype(np.uint8)
    histories = []
    for images in (levels, levels / np.float32(255)):
        histories.append(fit(fresh(), images, digits.train_labels, epochs=1, progress=False))
    assert histories[0] == histories[1]


def test_a_regularizer_is_added_to_the_loss(digits: Arrays) -> None:
    _, without = trained(digits)
    _, with_ten = trained(digits, regularizer=ten)
    assert [epoch["loss"] - 10 for epoch in with_ten] == pytest.approx([epoch["loss"] for epoch in without], abs=1e-4)


def twice(logits: Tensor, labels: Tensor) -> Tensor:
    return 2 * functional.cross_entropy(logits, labels.abs())


def unsure(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return images, -labels


def test_a_criterion_takes_the_place_of_the_cross_entropy(digits: Arrays) -> None:
    _, without = trained(digits, epochs=1, optimizer=partial(sgd, lr=1e-9))
    _, doubled = trained(digits, epochs=1, optimizer=partial(sgd, lr=1e-9), criterion=twice)
    assert doubled[0]["loss"] == pytest.approx(2 * without[0]["loss"], rel=1e-5)
    assert doubled[0]["accuracy"] == without[0]["accuracy"]
    # Labels below 0 are the criterion's: of those that are left all are 0.
    _, hidden = trained(digits, epochs=1, optimizer=partial(sgd, lr=1e-9), criterion=twice, batch_hook=unsure)
    assert hidden[0]["loss"] == pytest.approx(doubled[0]["loss"], rel=1e-5)
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 is of the cross entropy, which the criterion replaces"):
        trained(digits, criterion=twice, label_smoothing=0.1)


def test_bfloat16_is_near_float32(digits: Arrays) -> None:
    _, exact = trained(digits, fresh(lambda: CifarResNet(8, 4, 1)))
    _, rough = trained(digits, fresh(lambda: CifarResNet(8, 4, 1)), precision="bfloat16")
    assert rough[-1]["loss"] == pytest.approx(exact[-1]["loss"], rel=0.05) and rough != exact


class StopError(Exception):
    """Stands for a stop by the user."""


class Stopping(nn.Module):
    """Shifts images, and stops at a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.left, self.shift = step, ShiftAndFlip()

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if not self.left:
            raise StopError
        self.left -= 1
        return self.shift(images), labels


@pytest.mark.parametrize("optimizer", [partial(sgd, lr=0.02), partial(torch.optim.Adam, lr=1e-3)])
def test_a_stopped_training_ends_with_the_same_bytes(digits: Arrays, tmp_path: Path, optimizer: Any) -> None:
    def run(step: int, name: str) -> tuple[bytes, list[dict[str, float]]]:
        module = fresh(lambda: nn.Sequential(nn.Dropout(0.2), CifarResNet(8, 4, 1)))
        return trained(digits, module, batch_hook=Stopping(step), optimizer=optimizer, checkpoint=tmp_path / name)

    whole = run(1000, "whole")
    for step in (2, 5, 6):  # of 4 an epoch: what is done of an epoch is lost
        with pytest.raises(StopError):
            run(step, "stopped")
    assert run(1000, "stopped") == whole
    assert (tmp_path / "stopped").read_bytes() == (tmp_path / "whole").read_bytes()
    assert run(0, "stopped") == whole, "nothing is left to do"


# A process that has imported everything, then forks: each child is a run that is killed at another moment.
RUN = """
import pathlib, sys
import torch
from stresslib.networks import LeNet5
from stresslib.training.checkpoint import write_tensors
from stresslib.training.data import load_arrays
from stresslib.training.fit import fit
from stresslib.training.recipes import RECIPES
digits, checkpoint = load_arrays("digits:200"), pathlib.Path(sys.argv[1])
torch.manual_seed(0)
module = LeNet5(image_size=16)
hook = RECIPES["apr-sp"].batch_hook(digits)
fit(module, digits.train_images, digits.train_labels, epochs=8, batch_size=32, batch_hook=hook, checkpoint=checkpoint,
    progress=False)
write_tensors(checkpoint.with_suffix(".done"), module.state_dict(), {})
"""


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_bytes(tmp_path: Path, fork_server: ForkServer) -> None:
    generator = random.Random(0)
    checkpoint, whole = tmp_path / "killed", tmp_path / "whole"

    def done() -> int:
        if not checkpoint.exists():
            return 0
        with safe_open(checkpoint, "np") as file:  # of its header only: this is asked a thousand times a second
            return len(json.loads(file.metadata()["description"])["history"])

    def start(path: Path) -> Forked:
        return Forked(fork_server, RUN, path, folder=tmp_path)

    assert start(whole).wait() == 0
    ended, kept = [], []
    for enough in (0, 1, 3, 5, 6):
        run = start(checkpoint)
        ended.append(run.kill_when(lambda enough=enough: done() >= enough, generator.uniform(0, 0.05)))  # type: ignore[misc]
        kept.append(done())
    assert ended.count(signal.SIGKILL) >= 4, "a run may end in the moment between"
    assert kept == sorted(kept)
    assert start(checkpoint).wait() == 0
    assert checkpoint.with_suffix(".done").read_bytes() == whole.with_suffix(".done").read_bytes()
    assert checkpoint.read_bytes() == whole.read_bytes()


def test_another_training_does_not_go_on_from_a_checkpoint(digits: Arrays, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    trained(digits, checkpoint=path)
    changes: list[dict[str, Any]] = [
        {"epochs": 4},
        {"seed": 1},
        {"batch_hook": both},
        {"regularizer": ten},
        {"label_smoothing": 0.1},
        {"optimizer": sgd},
        {"precision": "bfloat16"},
        {"module": fresh(lambda: LeNet5(image_size=16, num_classes=11))},
        {"module": LeNet5(image_size=16)},
    ]
    for change in changes:
        with pytest.raises(ValueError, match="kept is of another training"):
            trained(digits, checkpoint=path, **change)
    with pytest.raises(ValueError, match="kept is of another training"):
        trained(load_arrays("digits:100", seed=1), checkpoint=path)
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="kept is damaged, or nothing that stresslib wrote"):
        trained(digits, checkpoint=path)


def test_a_hook_without_a_name_needs_no_checkpoint(digits: Arrays, tmp_path: Path) -> None:
    trained(digits, batch_hook=lambda images, labels: (images, labels), epochs=1)
    with pytest.raises(ValueError, match="cannot be told from other hooks in a checkpoint"):
        trained(digits, batch_hook=lambda images, labels: (images, labels), checkpoint=tmp_path / "kept")


def test_a_loss_that_is_not_finite_is_reported(digits: Arrays) -> None:
    with pytest.raises(ValueError, match="the loss is not finite in epoch 1 of 3; a lower learning rate"):
        trained(digits, optimizer=partial(sgd, lr=1e9))


@pytest.mark.parametrize(
    ("images", "labels", "options", "message"),
    [
        (np.zeros((5, 16, 16)), np.zeros(5, int), {}, r"shape \(5, 16, 16\)"),
        (np.zeros((0, 1, 16, 16)), np.zeros(0, int), {}, r"shape \(0, 1, 16, 16\)"),
        (np.zeros((5, 1, 16, 16), int), np.zeros(5, int), {}, "type int64; uint8, or floating point"),
        (np.full((5, 1, 16, 16), 2.0), np.zeros(5, int), {}, r"not in \[0, 1\], or hold NaN"),
        (np.full((5, 1, 16, 16), np.nan), np.zeros(5, int), {}, "NaN"),
        (np.zeros((5, 1, 16, 16)), np.zeros(4, int), {}, "5 integers are needed"),
        (np.zeros((5, 1, 16, 16)), np.zeros(5), {}, "float64 of shape"),
        (np.zeros((5, 1, 16, 16)), np.zeros(5, int), {"epochs": 0}, "epochs=0"),
        (np.zeros((5, 1, 16, 16)), np.zeros(5, int), {"precision": "half"}, "precision='half': it is one of auto"),
        (
            np.zeros((5, 1, 16, 16)),
            np.zeros(5, int),
            {"device": "gpu"},
            "device='gpu' cannot be used here: .*; cpu is every",
        ),
        (np.zeros((5, 1, 16, 16)), np.zeros(5, int), {"device": "cuda:99"}, "device='cuda:99' cannot be used here"),
    ],
)
def test_bad_input_is_one_line(images: Any, labels: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(LeNet5(image_size=16), images, labels, progress=False, **{"epochs": 1, **options})


def test_images_are_shifted_by_up_to_an_eighth_over_black() -> None:
    torch.manual_seed(0)
    image = torch.zeros(200, 1, 16, 16)
    image[:, :, 8, 4] = 1
    moved = ShiftAndFlip(flip=False)(image)
    places = torch.nonzero(moved[:, 0])
    assert len(places) == 200
    assert places[:, 1].unique().tolist() == [6, 7, 8, 9, 10] and places[:, 2].unique().tolist() == [2, 3, 4, 5, 6]
    mirrored = torch.nonzero(ShiftAndFlip()(image)[:, 0])[:, 2]
    assert 70 < (mirrored > 8).sum() < 130
    assert mirrored.unique().tolist() == [2, 3, 4, 5, 6, 9, 10, 11, 12, 13]
