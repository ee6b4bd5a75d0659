"""Training on signatures, all drawn here: the losses by hand, crops, the authors' recipe, and bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_signatures import drawn
from torch import nn
from torch.nn import functional

from stresslib.datasets.signatures import normalize_signature
from stresslib.training.signatures import (
    ClippedSGD,
    RandomCrop,
    WriterAndForgeryLoss,
    learn_writers,
    signature_features,
    signet_sgd,
    thirds,
)

LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [1.0, -2.0, 0.7]])
"""Two writers and "forged", of a genuine signature of writer 1, a forgery of 0 and a genuine one of 0."""

LABELS = torch.tensor([1, -1, 0])


@pytest.mark.parametrize("lam", [0.95, 0.5, 0.0, 1.0])
def test_the_losses_of_signet_f(lam: float) -> None:
    forgery = functional.binary_cross_entropy_with_logits(LOGITS[:, 2], torch.tensor([0.0, 1.0, 0.0]))
    genuine = functional.cross_entropy(LOGITS[[0, 2], :2], torch.tensor([1, 0]))
    everything = functional.cross_entropy(LOGITS[:, :2], torch.tensor([1, 0, 0]))
    assert WriterAndForgeryLoss(lam)(LOGITS, LABELS) == pytest.approx(float((1 - lam) * genuine + lam * forgery))
    assert WriterAndForgeryLoss(lam, "L1")(LOGITS, LABELS) == pytest.approx(float((1 - lam) * everything + lam * forgery))


def test_a_batch_of_forgeries_alone_has_a_loss() -> None:
    assert torch.isfinite(WriterAndForgeryLoss()(LOGITS[1:2], LABELS[1:2]))
    for wrong, message in (
        ({"lam": 1.5}, "lam=1.5: it is a share"),
        ({"variant": "L3"}, "variant='L3': it is one of L1, L2"),
    ):
        with pytest.raises(ValueError, match=message):
            WriterAndForgeryLoss(**wrong)  # type: ignore[arg-type]


def test_crops_are_everywhere_and_of_each_picture_alone() -> None:
    torch.manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(170), torch.arange(242), indexing="ij")
    pictures = (1000.0 * rows + columns).repeat(300, 1, 1, 1)
    cut, labels = RandomCrop()(pictures, torch.arange(300))
    assert torch.equal(labels, torch.arange(300)) and cut.shape == (300, 1, 150, 220)
    tops, lefts = cut[:, 0, 0, 0] // 1000, cut[:, 0, 0, 0] % 1000
    # The last places too, which another crop of the authors' never draws.
    assert set(tops.tolist()) == set(range(21)) and set(lefts.tolist()) == set(range(23))
    assert torch.equal(cut[7, 0] - cut[7, 0, 0, 0], 1000.0 * rows[:150, :220] + columns[:150, :220])


def test_values_of_a_gradient_are_limited_to_ten() -> None:
    weights = nn.Parameter(torch.zeros(3))
    optimizer = ClippedSGD([weights], lr=1.0)
    (weights * torch.tensor([100.0, -100.0, 3.0])).sum().backward()
    optimizer.step()
    assert weights.tolist() == [-10, 10, -3]
    defaults = signet_sgd([nn.Parameter(torch.zeros(1))]).defaults
    assert [defaults[name] for name in ("lr", "momentum", "nesterov", "weight_decay")] == [0.001, 0.9, True, 1e-4]
    assert [thirds(share) for share in (0.3, 0.5, 0.7, 1.0)] == pytest.approx([1, 0.1, 0.01, 0.01])


@pytest.fixture(scope="module")
def people() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three writers with six genuine signatures and two forgeries each."""
    rows = [
        (writer, number, forged) for writer in (3, 5, 9) for forged in (False, True) for number in range(2 if forged else 6)
    ]
    pages = [drawn(writer, number, forged=forged) for writer, number, forged in rows]
    pictures = np.stack([normalize_signature(page, (140, 280), size=(170, 242)) for page in pages])[:, None]
    return pictures, np.array([row[0] for row in rows]), np.array([row[2] for row in rows])


OPTIONS: dict[str, Any] = {
    "architecture": "signet:3",
    "batch_size": 8,
    "learning_rate": 0.005,
    "epochs": 6,
    "progress": False,
}


def test_it_learns_writers_and_goes_on_after_a_stop(people: tuple[np.ndarray, ...], tmp_path: Path) -> None:
    pictures, writer, forged = people
    network, history = learn_writers(pictures[~forged], writer[~forged], **OPTIONS)
    assert history[-1]["loss"] < history[0]["loss"] and not network.training
    features = signature_features(network, pictures)
    middle = torch.from_numpy(pictures[:4, :, 10:160, 11:231]).float() / 255
    with torch.inference_mode():
        assert features[:4] == pytest.approx(network.features(middle).numpy(), rel=1e-4, abs=1e-5)
    again, _ = learn_writers(pictures[~forged], writer[~forged], **OPTIONS, checkpoint=tmp_path / "unfinished")
    assert np.array_equal(signature_features(again, pictures), features)


@pytest.mark.parametrize("variant", ["L2", "L1"])
def test_forgeries_are_learned_too(people: tuple[np.ndarray, ...], variant: str) -> None:
    pictures, writer, forged = people
    network, history = learn_writers(pictures, writer, forged, variant=variant, **OPTIONS)
    assert network.linear is not None and network.linear.out_features == 4
    assert history[-1]["loss"] < history[0]["loss"] and 0 <= history[-1]["accuracy"] <= 1


def test_people_who_cannot_be_told_apart_are_refused(people: tuple[np.ndarray, ...]) -> None:
    pictures, writer, forged = people
    for changed, message in (
        ((pictures[:, :, :150, :220], writer, forged), r"of shape \(24, 1, 150, 220\); uint8 of \(n, 1, 170, 242\)"),
        ((pictures, writer[:3], None), r"24 pictures, writers of shape \(3,\)"),
        ((pictures[:8], writer[:8], forged[:8]), r"genuine signatures of 1 writer\(s\)"),
        ((pictures, writer, writer == 5), "writer 5 has forged signatures and no genuine one"),
    ):
        with pytest.raises(ValueError, match=message):
            learn_writers(*changed, **OPTIONS)
    with pytest.raises(ValueError, match="no architecture 'signett'; the nearest is 'signet'"):
        learn_writers(pictures, writer, **{**OPTIONS, "architecture": "signett"})
    with pytest.raises(ValueError, match="architecture='vgg:2': it is signet"):
        learn_writers(pictures, writer, **{**OPTIONS, "architecture": "vgg:2"})
