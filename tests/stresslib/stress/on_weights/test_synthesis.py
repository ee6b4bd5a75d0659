"""Synthesis: a third party's numbers, shares by hand and in the mean, units, trainings under stress, and bad input."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from stresslib.networks import AnchoredVGG, LeNet5
from stresslib.stress.on_weights import StressedTraining, count_synapses, synthesize
from stresslib.stress.on_weights.synthesis import FORMS, _draw, _probabilities, find_layers, rescale, synaptic_probability
from stresslib.training.data import Arrays, load_arrays
from stresslib.training.fit import fit, sgd

SETTINGS: dict[str, dict[str, Any]] = {"multiplicative": {"every": 4}}


@pytest.fixture(scope="module")
def digits() -> Arrays:
    return load_arrays("digits:100")


def lenet(seed: int = 0) -> LeNet5:
    torch.manual_seed(seed)
    return LeNet5(image_size=16)


def kept_of(module: nn.Module) -> list[Tensor]:
    return [layer.weight.detach() != 0 for layer in find_layers(module).values()]


def linear(weights: Any) -> nn.Linear:
    values = torch.as_tensor(weights)
    layer = nn.Linear(values.shape[1], values.shape[0], dtype=values.dtype)
    layer.weight.data = values.clone()
    return layer


def test_the_unscaled_form_is_the_third_partys() -> None:
    # csxeba/nervous: a kernel of (in, out), its probabilities, and a draw at .55.
    with np.load(Path(__file__).with_name("third_party_synthesis.npz")) as arrays:
        kernel, uniform = torch.from_numpy(arrays["kernel"].T), torch.from_numpy(arrays["uniform"].T)
        probability, realised = arrays["p_synapse_recalled"].T, arrays["realised_recalled_F.55"].T.astype(bool)
    assert synaptic_probability(kernel.abs()).numpy() == pytest.approx(probability, rel=1e-12)
    both = _probabilities(find_layers(linear(kernel)), 0.55, None, rescaled=False)
    drawn = _draw(both, lambda like: uniform if like.shape == uniform.shape else torch.zeros_like(like))
    assert np.array_equal(drawn[0].numpy(), realised)


def test_shares_worked_out_by_hand() -> None:
    # Of 4 synapses 2.2 shall stay: times 2, but the first cannot be kept more than surely.
    assert rescale(torch.tensor([0.9, 0.3, 0.2, 0.1]), torch.ones(4), 2.2).tolist() == pytest.approx([1, 0.6, 0.4, 0.2])
    # The second reaches 1 only when the first is held there.
    assert rescale(torch.tensor([0.9, 0.5, 0.1]), torch.ones(3), 2.2).tolist() == pytest.approx([1, 1, 0.2])
    # One that counts three times.
    assert rescale(torch.tensor([0.4, 0.2]), torch.tensor([1.0, 3.0]), 1.0).tolist() == pytest.approx([0.4, 0.2])
    assert rescale(torch.tensor([0.4, 0.0]), torch.ones(2), 1.0).tolist() == [1, 0]
    # Strengths 1 and 2: exp(-1/2) and 1, which add up to 1.61; for .9 of two, 1.8, the second is held at 1.
    unit, synapse = _probabilities(find_layers(linear([[1.0, -2.0, 0.0]])), 0.9, None, rescaled=True)[0]
    assert synapse.tolist()[0] == pytest.approx([0.8, 1, 0]) and unit.tolist() == [[1]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1 / math.e, 1), min_size=1, max_size=30), st.floats(0.01, 1))
def test_rescaled_probabilities_add_up_and_keep_their_order(values: list[float], share: float) -> None:
    probability = torch.tensor(values, dtype=torch.float64)
    scaled = rescale(probability, torch.ones_like(probability), share * len(values))
    assert float(scaled.sum()) == pytest.approx(share * len(values), rel=1e-9)
    assert bool((scaled <= 1).all())
    assert torch.equal(scaled[probability.argsort()].sort().values, scaled[probability.argsort()])
    ratios = (scaled / probability)[scaled < 1]
    assert len(ratios) == 0 or float(ratios.max() / ratios.min()) == pytest.approx(1)


@pytest.mark.parametrize("units", [None, 0.7])
def test_the_share_is_the_factor_in_the_mean_and_strong_synapses_stay_more_often(units: float | None) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 12, 3), nn.Flatten(), nn.Linear(12, 30), nn.Linear(30, 5))
    number = count_synapses(module)
    draws = [synthesize(module, 0.55, seed, units=units) for seed in range(200)]
    shares = np.array([count_synapses(draw) / number for draw in draws])
    assert abs(shares.mean() - 0.55) < 4 * shares.std() / math.sqrt(len(shares))
    frequency = torch.cat([torch.stack(kept).double().mean(0).flatten() for kept in zip(*map(kept_of, draws), strict=True)])
    expected = torch.cat([(u * s).flatten() for u, s in _probabilities(find_layers(module), 0.55, units, rescaled=True)])
    deviation = (frequency - expected) / (expected * (1 - expected) / len(draws)).clamp(min=1e-9).sqrt()
    assert float(deviation.abs().max()) < 5 and 0.8 < float(deviation.std()) < 1.2
    assert float(expected.max()) > 1.3 * float(expected.min())


def test_an_offspring_is_a_changed_copy_that_its_seed_decides() -> None:
    ancestor = lenet()
    before = deepcopy(ancestor.state_dict())
    first, again, other = synthesize(ancestor, 0.55), synthesize(ancestor, 0.55), synthesize(ancestor, 0.55, random_state=1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in ancestor.state_dict().items())
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))
    assert not all(map(torch.equal, kept_of(first), kept_of(other)))
    for mine, theirs in zip(find_layers(first).values(), find_layers(ancestor).values(), strict=True):
        assert torch.equal(mine.weight, theirs.weight * (mine.weight != 0))
    grandchild = synthesize(first, 0.55, random_state=1)  # of the same draws more would survive
    assert count_synapses(grandchild) / count_synapses(ancestor) == pytest.approx(0.55**2, abs=0.02)
    assert all(bool((young <= old).all()) for young, old in zip(kept_of(grandchild), kept_of(first), strict=True))
    whole = synthesize(ancestor, 1.0)
    assert all(map(torch.equal, whole.state_dict().values(), ancestor.state_dict().values()))
    assert count_synapses(synthesize(ancestor, 0.55, rescaled=False)) < 0.4 * count_synapses(ancestor)


def test_units_go_whole_with_their_bias_and_the_classes_stay() -> None:
    ancestor = lenet()
    offspring = synthesize(ancestor, 0.5, units=0.5)
    layers = list(find_layers(offspring).values())
    dead = [~(layer.weight != 0).flatten(1).any(1) for layer in layers]
    assert 0.3 < float(torch.cat(dead[:-1]).double().mean()) < 0.7
    assert all(not layer.bias[gone].any() and layer.bias[~gone].all() for layer, gone in zip(layers, dead, strict=True))
    assert not dead[-1].any()
    alive = torch.cat(
        [kept.flatten(1)[~gone].flatten() for kept, gone in zip(kept_of(offspring)[:-1], dead[:-1], strict=True)]
    )
    assert float(alive.double().mean()) > 0.9, "the draw of units has brought it to the share, nearly alone"


def test_a_shared_kernel_is_drawn_once() -> None:
    module = AnchoredVGG(8, num_classes=10)
    assert list(find_layers(module)) == ["shared.kernels.0", "shared.kernels.1", "linear"]
    assert count_synapses(synthesize(module, 0.5)) == pytest.approx(0.5 * count_synapses(module), rel=0.1)


@pytest.mark.parametrize("form", FORMS)
def test_in_evaluation_it_is_the_network(form: str) -> None:
    module = lenet().eval()
    x = torch.rand(3, 1, 16, 16)
    assert torch.equal(StressedTraining(module, form, **SETTINGS.get(form, {})).eval()(x), module(x))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("optimizer", [partial(sgd, lr=0.02), partial(torch.optim.Adam, lr=1e-3)])
def test_what_is_pruned_stays_so_and_the_rest_is_trained_in_place(digits: Arrays, form: str, optimizer: Any) -> None:
    offspring = synthesize(lenet(), 0.5, units=0.8)
    gone = [~kept for kept in kept_of(offspring)]
    before = [layer.weight.detach().clone() for layer in find_layers(offspring).values()]
    stressed = StressedTraining(offspring, form, **SETTINGS.get(form, {}))
    fit(stressed, digits.train_images, digits.train_labels, epochs=2, batch_size=32, optimizer=optimizer, progress=False)
    assert not offspring.training
    for layer, missing, old in zip(find_layers(offspring).values(), gone, before, strict=True):
        assert not layer.weight[missing].any()
        assert not torch.equal(layer.weight, old)
        dead = missing.flatten(1).all(1)
        assert not layer.bias[dead].any()


def gradients(module: nn.Module, stressed: nn.Module, x: Tensor, y: Tensor) -> list[Tensor]:
    module.zero_grad()
    torch.manual_seed(3)
    functional.cross_entropy(stressed(x), y).backward()
    found = [layer.weight.grad for layer in find_layers(module).values()]
    assert all(gradient is not None for gradient in found)
    return [gradient.clone() for gradient in found if gradient is not None]


def test_sample_is_a_step_through_the_coming_synthesis(digits: Arrays) -> None:
    module = lenet()
    x, y = torch.tensor(digits.train_images[:8]), torch.tensor(digits.train_labels[:8])
    found = gradients(module, StressedTraining(module, "sample", 0.6).train(), x, y)
    torch.manual_seed(3)
    drawn = _draw(_probabilities(find_layers(module), 0.6, None, rescaled=True), torch.rand_like)
    offspring = deepcopy(module)
    for layer, kept in zip(find_layers(offspring).values(), drawn, strict=True):
        layer.weight.data *= kept
    expected = gradients(offspring, offspring, x, y)
    for one, other, kept in zip(found, expected, drawn, strict=True):
        assert torch.allclose(one, other * kept, atol=1e-7)
    assert count_synapses(module) == sum(layer.weight.numel() for layer in find_layers(module).values())


def test_uniform_is_a_step_through_a_draw_that_knows_no_strength(digits: Arrays) -> None:
    module = lenet()
    x, y = torch.tensor(digits.train_images[:8]), torch.tensor(digits.train_labels[:8])
    found = gradients(module, StressedTraining(module, "uniform", 0.6).train(), x, y)
    layers = find_layers(module)
    torch.manual_seed(3)
    drawn = [torch.rand_like(layer.weight) < 0.6 for layer in layers.values()]
    assert all(not gradient[~kept].any() for gradient, kept in zip(found, drawn, strict=True))
    strengths = torch.cat([layer.weight.detach().abs().flatten() / layer.weight.abs().max() for layer in layers.values()])
    kept = torch.cat([one.flatten() for one in drawn])
    assert float(kept.double().mean()) == pytest.approx(0.6, abs=0.02)
    assert float(strengths[kept].mean()) == pytest.approx(float(strengths[~kept].mean()), rel=0.02)


def test_decay_pulls_at_what_the_synthesis_may_not_keep(digits: Arrays) -> None:
    module = lenet()
    x, y = torch.tensor(digits.train_images[:8]), torch.tensor(digits.train_labels[:8])
    plain = gradients(module, StressedTraining(module, "none").train(), x, y)
    pulled = gradients(module, StressedTraining(module, "decay", 0.6, strength=0.5).train(), x, y)
    for one, other, layer, (_, kept) in zip(
        plain,
        pulled,
        find_layers(module).values(),
        _probabilities(find_layers(module), 0.6, None, rescaled=True),
        strict=True,
    ):
        assert torch.allclose(other - one, 0.5 * (1 - kept) * layer.weight, atol=1e-6)


def test_multiplicative_weakens_between_epochs() -> None:
    module = lenet()
    before = [layer.weight.detach().clone() for layer in find_layers(module).values()]
    stressed = StressedTraining(module, "multiplicative", 0.6, strength=0.25, every=2).train()
    for step, weakened in enumerate((0, 0, 1, 1, 2)):
        stressed(torch.rand(2, 1, 16, 16))
        ratios = torch.cat(
            [(layer.weight / old).flatten() for layer, old in zip(find_layers(module).values(), before, strict=True)]
        )
        counts = [int(torch.isclose(ratios, torch.tensor(0.25**power)).sum()) for power in range(weakened + 1)]
        assert sum(counts) == len(ratios), step
        if weakened == 1:
            assert counts[0] / len(ratios) == pytest.approx(0.6, abs=0.02)


class StopError(Exception):
    """Stands for a stop by the user."""


class Stopping(nn.Module):
    """Stops at a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.left = step

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if not self.left:
            raise StopError
        self.left -= 1
        return images, labels


@pytest.mark.parametrize("form", FORMS)
def test_a_stopped_training_ends_with_the_same_bytes(digits: Arrays, tmp_path: Path, form: str) -> None:
    def run(step: int, name: str, factor: float = 0.6) -> list[bytes]:
        module = synthesize(lenet(), 0.5)
        stressed = StressedTraining(module, form, factor, **SETTINGS.get(form, {}))
        options: dict[str, Any] = {"batch_hook": Stopping(step), "checkpoint": tmp_path / name}
        fit(stressed, digits.train_images, digits.train_labels, epochs=3, batch_size=32, progress=False, **options)
        return [tensor.numpy().tobytes() for tensor in module.state_dict().values()]

    whole = run(1000, "whole")
    with pytest.raises(StopError):
        run(6, "stopped")  # of 4 an epoch
    assert run(1000, "stopped") == whole
    with pytest.raises(ValueError, match="whole is of another training"):
        run(1000, "whole", factor=0.7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: synthesize(m, 0), "factor=0: the share of the synapses that is kept is above 0 and at most 1"),
        (lambda m: synthesize(m, 1.1), r"factor=1\.1"),
        (lambda m: synthesize(m, math.nan), "factor=nan"),
        (lambda m: synthesize(m, 0.5, units=0.4), r"units=0\.4: .* is from factor=0\.5 to 1"),
        (lambda m: synthesize(nn.ReLU(), 0.5), "ReLU has no convolution and no linear layer"),
        (lambda m: synthesize(m, 1e-4), r"random_state=0: the draw leaves layer '.*' without synapses; draw another"),
        (lambda m: synthesize(linear([[0.0]]), 0.5), "layer '' has no synapses, or weights that are not finite"),
        (lambda m: synthesize(linear([[1.0, math.nan]]), 0.5), "weights that are not finite"),
        (lambda m: StressedTraining(m, "samples"), "no form 'samples'; the nearest is 'sample'"),
        (lambda m: StressedTraining(m, "x"), "there are none, sample, uniform, decay, multiplicative"),
        (lambda m: StressedTraining(m, "sample", 0), "factor=0"),
        (lambda m: StressedTraining(m, "sample", strength=1), "strength=1: the form 'sample' has none"),
        (lambda m: StressedTraining(m, "decay", strength=-1), "strength=-1: .* at least 0"),
        (lambda m: StressedTraining(m, "multiplicative", every=3, strength=1.0), "strength=1.0: .* above 0 and below 1"),
        (lambda m: StressedTraining(m, "multiplicative"), "every=None: the steps in an epoch"),
        (lambda m: StressedTraining(m, "decay", every=3), "every=3: .* which the form multiplicative needs, and no other"),
        (lambda m: StressedTraining(m, "uniform", units=0.8), "units=0.8: the form 'uniform' draws synapses alone"),
        (lambda m: StressedTraining(nn.ReLU()), "ReLU has no convolution"),
    ],
)
def test_bad_input_is_one_line(make: Callable[[nn.Module], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        make(lenet())
    assert "\n" not in str(raised.value)
