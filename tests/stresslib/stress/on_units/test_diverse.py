"""Diverse inputs and the shift test: equal to the authors' graph, what is kept and what rises, dead units, bad input."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from stresslib.networks import CifarResNet
from stresslib.stress.on_units import Unit, diverse_inputs, precondition, search, shift_mask, shift_test
from stresslib.stress.on_units.diverse import ascend, normed, objective
from stresslib.stress.on_units.shift import masked_parts, shift_objective

GOLD = {name: torch.from_numpy(values) for name, values in np.load(Path(__file__).with_name("authors_diverse.npz")).items()}
"""What the graph of github.com/sacadena/diverse_feature_vis (MIT) at 2a037f3a computes, with random weights of VGG-19."""

NORM = 538.35 / 2  # half of the mean length of photographs of 5 x 5 pixels, for conv1_2


def channels_first(images: torch.Tensor) -> torch.Tensor:
    return images.movedim(-1, 1).contiguous()


def vgg() -> nn.Sequential:
    """The first two layers, of the second one channel; padded, and rectified in place, as torchvision has them."""
    # No names such as conv1_2: torchvision takes their last number for that of a repetition.
    layers = OrderedDict(
        first=nn.Conv2d(3, 64, 3, padding=1),
        between=nn.ReLU(inplace=True),
        second=nn.Conv2d(64, 1, 3, padding=1),
        last=nn.ReLU(inplace=True),
    )
    for name, theirs in (("first", "conv1_1"), ("second", "conv1_2")):
        layers[name].weight.data = GOLD[f"{theirs}_weights"].permute(3, 2, 0, 1).contiguous()
        layers[name].bias.data = GOLD[f"{theirs}_biases"]
    return nn.Sequential(layers).eval()


def close(ours: torch.Tensor, theirs: torch.Tensor, rtol: float = 1e-5) -> None:
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=float(rtol * theirs.abs().max()))


@pytest.mark.parametrize("node", ["second", "last"])
def test_objective_and_gradient_are_the_authors(node: str) -> None:
    unit = Unit(vgg(), node, 0)
    assert unit.shape == (3, 5, 5)
    images = normed(channels_first(GOLD["images_raw"]), NORM)
    close(images, channels_first(GOLD["images"]))
    activations, _ = unit.read(images)
    close(activations, GOLD["predictions"])
    assert activations.min() > 0 > unit(-images).min()  # it is not rectified
    loss, facts = objective(unit, images, 0.5)
    close(loss, GOLD["loss"])
    assert facts["distance"] == pytest.approx(float(GOLD["min_distance"]), rel=1e-5)


def run(steps: int) -> tuple[torch.Tensor, list[dict[str, float]]]:
    unit = Unit(vgg(), "second", 0)
    raw = channels_first(GOLD["images_raw"]).clone()
    history = ascend(
        raw,
        lambda free: normed(free, NORM),
        lambda images: objective(unit, images, 0.5),
        steps=steps,
        patience=100,
        learning_rate=1.0,
        progress=False,
    )
    return raw, history


def test_steps_are_the_authors() -> None:
    raw, _ = run(1)
    close(raw.grad, channels_first(GOLD["grad_raw"]), 1e-4)
    close(raw, channels_first(GOLD["raw_after_1"]), 1e-4)
    close(run(5)[0], channels_first(GOLD["raw_after_5"]), 1e-3)
    losses = torch.tensor([facts["loss"] for facts in run(20)[1]])
    close(losses, GOLD["loss_fetched_with_step"], 1e-3)


def test_the_preconditioner_is_the_authors() -> None:
    close(precondition(channels_first(GOLD["pre_in"])), channels_first(GOLD["pre_out"]))
    # One wave of frequency 4 on 8 x 16 pixels: halved, up to the filter's mean.
    wave = torch.cos(torch.arange(16) * torch.pi / 2).expand(1, 1, 8, 16)
    flat = torch.ones(1, 1, 8, 16)
    assert torch.allclose(precondition(wave) / wave.abs().max(), wave * precondition(flat)[0, 0, 0, 0] / 2, atol=1e-5)


def test_the_shift_test_is_the_authors() -> None:
    parts = masked_parts(channels_first(GOLD["shift_texture_raw"]), NORM)
    close(parts, channels_first(GOLD["shift_images"]))
    close(shift_mask(5), GOLD["shift_mask"])
    unit = Unit(vgg(), "second", 0)
    close(unit(parts), GOLD["shift_predictions"], 1e-4)
    loss, _ = shift_objective(unit, parts, 0.3)
    assert loss.item() == pytest.approx(float(GOLD["shift_loss_wmin0.3"]), abs=1e-3)


def test_the_texture_is_what_its_parts_are_cut_from() -> None:
    found = shift_test(vgg(), "second", 0, norm=NORM, steps=30, learning_rate=1.0)
    assert found.texture.shape == (3, 9, 9) and found.activations.shape == (4, 4)
    assert found.history[-1]["activation"] > found.history[0]["activation"]
    part = found.texture[None, :, 2:7, 1:6] * shift_mask(5)
    torch.testing.assert_close(Unit(vgg(), "second", 0)(part)[0], found.activations[2, 1], rtol=1e-4, atol=1e-3)
    assert found.minimum == float(found.activations.min())
    careful = shift_test(vgg(), "second", 0, 0.9, norm=NORM, steps=30, learning_rate=1.0)
    assert careful.minimum > found.minimum


def test_a_set_is_as_different_as_its_weight_says() -> None:
    found = {
        diversity: diverse_inputs(vgg(), "second", 0, n=4, diversity=diversity, norm=NORM, steps=60)
        for diversity in (0.0, 5.0)
    }
    alike, apart = found[0.0], found[5.0]
    assert apart.min_distance > 2 * alike.min_distance
    assert alike.activations.mean() >= apart.activations.mean()
    for one in found.values():
        assert torch.allclose(one.images.square().sum((1, 2, 3)).sqrt(), torch.tensor(NORM), rtol=1e-5)
        assert torch.equal(one.distances, one.distances.T) and not one.distances.diagonal().any() and not one.dead
        assert one.activations.tolist() == Unit(vgg(), "second", 0)(one.images).tolist()
        first, second = torch.triu_indices(4, 4, offset=1)
        by_hand = (one.images[first] - one.images[second]).square().mean((1, 2, 3)).sqrt()
        assert one.min_distance == pytest.approx(float(by_hand.min()), rel=1e-5)


def test_the_seed_decides_and_the_network_stays() -> None:
    network = vgg().train()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    one, same, other = (diverse_inputs(network, "second", 0, n=2, steps=3, random_state=seed).images for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert network.training and all(weights.requires_grad and weights.grad is None for weights in network.parameters())
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())


def test_an_ascent_stops_where_nothing_falls() -> None:
    losses = iter([3.0, 2.0, 1.0] + [9.0] * 50)
    raw = torch.randn(1, 1, 2, 2)

    def loss_of(images: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        return images.sum(), {"loss": next(losses)}

    history = ascend(raw, lambda free: free, loss_of, steps=40, patience=4, learning_rate=0.1, progress=False)
    assert len(history) == 3 + 5  # five steps in a row without a new least average, which are more than four


def test_distances_on_an_earlier_layer_leave_out_what_sees_more_than_the_image() -> None:
    unit = Unit(vgg(), "second", 0, distance="between")
    images = torch.randn(2, 3, 5, 5)
    without_padding = functional.conv2d(images, vgg().first.weight, vgg().first.bias).relu()
    torch.testing.assert_close(unit.read(images)[1], without_padding)
    found = diverse_inputs(vgg(), "second", 0, n=3, distance="between", norm=NORM, steps=2)
    difference = unit.read(found.images)[1]
    by_hand = (difference[0] - difference[1]).square().mean().sqrt()
    torch.testing.assert_close(found.distances[0, 1], by_hand)


def test_dead_units_are_said() -> None:
    network = vgg()
    network.second.weight.data.zero_()
    with pytest.warns(UserWarning, match="channel 0 of node 'second' is dead: it has no gradient"):
        found = diverse_inputs(network, "second", 0, n=2, steps=3)
    assert found.dead and found.history == []
    network = vgg()
    network.second.bias.data.fill_(-1e6)
    with pytest.warns(UserWarning, match="was not brought above 0"):
        assert diverse_inputs(network, "last", 0, n=2, steps=3).dead


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"node": "secnd"}, "Sequential has no node 'secnd'; the nearest is 'second'"),
        ({"channel": 64, "node": "first"}, "has 64 channels, from 0 on, and none 64; the nearest is 63"),
        ({"channel": -1, "node": "first"}, "none -1; the nearest is 0"),
        ({"distance": "frist"}, "no node 'frist'; the nearest is 'first'"),
        ({"node": "first", "distance": "second"}, "sees more than the unit; name an earlier one"),
        ({"n": 1}, "n=1: distances need two images"),
        ({"diversity": -0.1}, "diversity=-0.1: it is at least 0"),
        ({"norm": 0.0}, "norm=0.0: it is above 0"),
        ({"steps": 0}, "steps=0"),
        ({"learning_rate": 0.0}, "learning_rate=0.0"),
    ],
)
def test_bad_input_is_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        diverse_inputs(**{"module": vgg(), "node": "second", "channel": 0, **options})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_what_has_no_receptive_field_needs_a_size() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 16, 4)).eval()
    with pytest.raises(ValueError, match=r"node '2' has no receptive field: .* image_size=32"):
        diverse_inputs(network, "2", 0)
    with pytest.raises(ValueError, match="does not take images of \\(1, 9, 9\\)"):
        diverse_inputs(network, "2", 0, image_size=9)
    found = diverse_inputs(network, "2", 3, n=2, image_size=6, steps=2)
    torch.testing.assert_close(found.activations, network(found.images)[:, 3])
    with pytest.raises(ValueError, match="no convolution before '0'"):
        diverse_inputs(nn.Sequential(nn.Linear(4, 4)), "0", 0, image_size=2)
    with pytest.raises(ValueError, match="sees one pixel"):
        shift_test(nn.Sequential(nn.Conv2d(3, 1, 1)), "0", 0)
    with pytest.raises(ValueError, match="minimum_weight=2"):
        shift_test(vgg(), "second", 0, 2)


def test_a_unit_of_a_residual_network_is_read_before_its_rectifier() -> None:
    network = CifarResNet(8).eval()
    unit = Unit(network, "layer1.0", 0)
    assert unit.shape == (3, 7, 7)
    values = unit(torch.randn(50, 3, 7, 7))
    assert values.min() < 0 < values.max()


def test_a_unit_that_is_read_already_is_searched_alike() -> None:
    network = CifarResNet(8, 4).eval()
    unit = Unit(network, "layer2.0", 1).beside(5)
    found = search(unit, 3, 0.5, steps=3, random_state=7)
    again = diverse_inputs(network, "layer2.0", 5, n=3, diversity=0.5, steps=3, random_state=7)
    assert torch.equal(found.images, again.images) and found.history == again.history
    with pytest.raises(ValueError, match="has 8 channels, from 0 on, and none 9; the nearest is 7"):
        unit.beside(9)
