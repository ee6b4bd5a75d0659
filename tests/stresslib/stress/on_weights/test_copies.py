"""Pruning and rounding: values by hand, what is counted and left alone, and bad input."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from stresslib.networks import CifarResNet
from stresslib.stress.on_weights import prune, round_weights
from stresslib.stress.on_weights.weights import weights_of


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    layers = [nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 3, 2), nn.LayerNorm([3, 4, 4]), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(48, 5))


def matrix(*rows: list[float]) -> nn.Linear:
    layer = nn.Linear(len(rows[0]), len(rows))
    layer.weight.data = torch.tensor(rows)
    return layer


def weights(module: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach() for parameter, _ in weights_of(module).values()]


def test_the_smallest_are_pruned_over_all_layers_or_in_each() -> None:
    both = nn.Sequential(matrix([1.0, -2.0], [3.0, 4.0]), matrix([-10.0, 20.0], [30.0, -40.0]))
    assert [one.tolist() for one in weights(prune(both, 0.5))] == [[[0, 0], [0, 0]], [[-10, 20], [30, -40]]]
    assert [one.tolist() for one in weights(prune(both, 0.5, "layer"))] == [[[0, 0], [3, 4]], [[0, 0], [30, -40]]]
    assert weights(prune(matrix([1.0, 1.0, -1.0]), 1 / 3))[0].tolist() == [[0, 1, -1]], "the first of equals"


def test_values_are_rounded_about_zero_in_each_channel() -> None:
    # Three bits: -3 to 3, of a third of the largest magnitude each. Halves go to the even neighbour.
    rounded = round_weights(matrix([3.0, 0.5, 1.5, -0.6], [0.03, 0.0149, -0.0151, 0.0], [0.0, 0.0, 0.0, 0.0]), 3)
    expected = torch.tensor([[3, 0, 2, -1], [0.03, 0.01, -0.02, 0], [0, 0, 0, 0]])
    assert torch.allclose(rounded.weight, expected, atol=1e-9)
    assert round_weights(matrix([-5.0, 2.4, 2.6]), 2).weight.tolist() == [[-5, 0, 5]]


def test_output_channels_of_a_transposed_convolution_are_in_its_second_dimension() -> None:
    layer = nn.ConvTranspose2d(2, 2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, 100.0], [0.4, 40.0]])[:, :, None, None]
    assert round_weights(layer, 2).weight[:, :, 0, 0].tolist() == [[1, 100], [0, 0]]


@given(share=st.floats(0, 1), more=st.floats(0, 1), scope=st.sampled_from(["global", "layer"]))
def test_the_share_is_exact_and_more_takes_the_same_and_others(share: float, more: float, scope: str) -> None:
    less, more = sorted((share, more))
    module = network()
    once, twice = weights(prune(module, less, scope)), weights(prune(module, more, scope))
    groups = [once] if scope == "global" else [[one] for one in once]
    for group in groups:
        total = sum(one.numel() for one in group)
        assert sum(int((one == 0).sum()) for one in group) == round(less * total)
    assert all(bool((after[before == 0] == 0).all()) for before, after in zip(once, twice, strict=True))


@given(bits=st.integers(2, 12), seed=st.integers(0, 20))
def test_rounding_moves_by_half_a_step_at_most_and_once(bits: int, seed: int) -> None:
    module = network(seed)
    rounded = round_weights(module, bits)
    again = round_weights(rounded, bits)
    for (exact, axis), (one, _), (two, _) in zip(
        *(weights_of(each).values() for each in (module, rounded, again)), strict=True
    ):
        for channel in range(exact.shape[axis]):
            before, after = exact.select(axis, channel), one.select(axis, channel)
            step = before.abs().max() / (2 ** (bits - 1) - 1)
            assert (before - after).abs().max() <= step / 2 + 1e-6 * before.abs().max()
            assert len(after.unique()) <= 2**bits - 1
        assert torch.allclose(one, two, rtol=1e-6)


@pytest.mark.parametrize("stress", [lambda module: prune(module, 0.9), lambda module: round_weights(module, 2)])
@pytest.mark.parametrize("make", [network, lambda: CifarResNet(8, 4).eval()])
def test_only_weights_of_the_copy_change(stress: Callable[[nn.Module], nn.Module], make: Callable[[], nn.Module]) -> None:
    module = make()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    changed = stress(module)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    differ = {name for name, tensor in changed.state_dict().items() if not torch.equal(tensor, before[name])}
    assert differ == set(weights_of(module))
    assert not any("bn" in name or name.endswith("bias") for name in differ)
    assert changed.training == module.training and all(one.requires_grad for one in changed.parameters())


def test_a_shared_kernel_counts_once() -> None:
    first, second = matrix([1.0, 2.0], [3.0, 4.0]), matrix([1.0, 2.0], [3.0, 4.0])
    second.weight = first.weight
    pruned = prune(nn.Sequential(first, second), 0.25)
    assert pruned[0].weight is pruned[1].weight and int((pruned[0].weight == 0).sum()) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prune(network(), 1.1), r"share=1\.1: it is from 0 to 1"),
        (lambda: prune(network(), -0.1), r"share=-0\.1"),
        (lambda: prune(network(), float("nan")), "share=nan"),
        (lambda: prune(network(), 0.5, "row"), "scope='row': it is 'global' or 'layer'"),
        (lambda: prune(nn.BatchNorm2d(3), 0.5), "a BatchNorm2d without kernels or matrices"),
        (lambda: prune(matrix([float("nan"), 1.0]), 0.5), "weight holds NaN"),
        (lambda: round_weights(network(), 1), "bits=1: it is a whole number from 2 to 16"),
        (lambda: round_weights(network(), 17), "bits=17"),
        (lambda: round_weights(network(), 2.5), r"bits=2\.5"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_one_line(call: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
