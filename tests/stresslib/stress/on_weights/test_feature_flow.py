"""Feature flow: lengths, curvatures and angles by hand, shapes that differ, a training, hooks, and bad input."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stresslib.networks import AnchoredVGG, CifarResNet, SmallVGG
from stresslib.stress.on_weights import FeatureFlow, measure_flow
from stresslib.training.data import Arrays, load_arrays
from stresslib.training.fit import fit


class Step(nn.Module):
    """Moves features."""

    def __init__(self, *step: float) -> None:
        super().__init__()
        self.step = nn.Parameter(torch.tensor(step)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.step


# From (0, 0) to (3, 4), (6, 0) and (12, -8): steps of length 5, 5 and 10, a turn at the second point only.
WAY = ((3.0, 4.0), (3.0, -4.0), (6.0, -8.0))
NODES = ["0", "1", "2", "3"]
TURN = 2 * math.atan(4 / 3)


def way(scale: float = 1.0) -> nn.Sequential:
    return nn.Sequential(nn.Identity(), *(Step(*(scale * value for value in step)) for step in WAY))


@pytest.fixture(scope="module")
def digits() -> Arrays:
    return load_arrays("digits:100")


def penalty(module: nn.Module, *options: Any, nodes: list[str] = NODES, x: Tensor | None = None, **more: Any) -> float:
    with FeatureFlow(module, nodes, *options, **more) as flow:
        module(torch.zeros(3, 2, 1, 1) if x is None else x)
        return float(flow(module))


def test_a_way_worked_out_by_hand() -> None:
    # Absolute values of the steps: 7, 7 and 14, by two numbers. Second differences: (0, -8) and (3, -4).
    assert penalty(way(), 1.0) == pytest.approx((7 + 7 + 14) / 2)
    assert penalty(way(), 1.0, norm=2) == pytest.approx((5 + 5 + 10) / math.sqrt(2))
    assert penalty(way(), 0.0, 1.0) == pytest.approx((8 + 7) / 2)
    assert penalty(way(), 0.0, 1.0, norm=2) == pytest.approx((8 + 5) / math.sqrt(2))
    assert penalty(way(), 0.0, 1.0, kind="angle") == pytest.approx(TURN)
    assert penalty(way(), 0.5, 2.0) == pytest.approx(0.5 * 14 + 2 * 7.5)
    assert penalty(way()) == 0


def test_an_angle_knows_no_scale() -> None:
    for scale in (1e-3, 1e3):
        assert penalty(way(scale), 0.0, 1.0, kind="angle") == pytest.approx(TURN, rel=1e-5)
        assert penalty(way(scale), 1.0) == pytest.approx(14 * scale)
    back = nn.Sequential(nn.Identity(), Step(1.0, 2.0), Step(-1.0, -2.0))
    assert penalty(back, 0.0, 1.0, kind="angle", nodes=["0", "1", "2"]) == pytest.approx(math.pi)


@pytest.mark.parametrize("norm", [1, 2])
@pytest.mark.parametrize("kind", ["differences", "angle"])
def test_features_that_stand_still_have_a_gradient(norm: int, kind: str) -> None:
    for steps in (((0.0, 0.0), (0.0, 0.0)), ((1.0, 2.0), (0.0, 0.0)), ((1.0, 2.0), (2.0, 4.0))):
        module = nn.Sequential(nn.Identity(), *(Step(*step) for step in steps))
        with FeatureFlow(module, ["0", "1", "2"], 1.0, 1.0, norm=norm, kind=kind) as flow:
            module(torch.zeros(3, 2, 1, 1))
            total = flow(module)
        total.backward()
        assert all(torch.isfinite(step.grad).all() for step in module.parameters() if step.grad is not None)
        expected = sum((abs(a) + abs(b)) / 2 if norm == 1 else math.hypot(a, b) / math.sqrt(2) for a, b in steps)
        if kind == "angle":
            assert float(total) == pytest.approx(expected)


def test_images_count_equally_however_many_there_are() -> None:
    module = nn.Sequential(nn.Identity(), nn.ReLU())
    x = torch.tensor([[-3.0, 4.0], [-6.0, -8.0]])[:, :, None, None]
    # What the rectifier takes away: (3, 0) and (6, 8).
    assert penalty(module, 1.0, nodes=["0", "1"], x=x) == pytest.approx((3 + 14) / 4)
    assert penalty(module, 1.0, nodes=["0", "1"], x=x, norm=2) == pytest.approx((3 + 10) / 2 / math.sqrt(2))
    flow = measure_flow(module, ["0", "1"], x, norm=2, batch_size=1)
    assert flow.length == pytest.approx([(3 + 10) / 2 / math.sqrt(2)]) and len(flow.angle) == 0
    assert flow.size == pytest.approx([(5 + 10) / 2 / math.sqrt(2), 4 / 2 / math.sqrt(2)])


def test_neighbours_of_different_shape() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Identity(), nn.ReLU(), nn.Conv2d(1, 2, 2), nn.ReLU())
    x = torch.tensor([[1.0, 2.0], [3.0, 6.0]])[None, None]
    nodes = ["0", "1", "2", "3"]
    made = module[:3](x)
    equal = measure_flow(module, nodes, x)
    assert equal.length[[0, 2]] == pytest.approx([0, float((made.relu() - made).abs().mean())]) and math.isnan(
        equal.length[1]
    )
    assert np.isnan(equal.curvature).all() and np.isnan(equal.angle).all()
    # A map of 2 x 2 by its mean, 3, and two channels by theirs.
    pooled = measure_flow(module, nodes, x, between="pooled")
    assert pooled.length[1] == pytest.approx(abs(float(made.mean()) - 3), abs=1e-6)
    assert pooled.curvature[0] == pytest.approx(abs(float(made.mean()) - 3), abs=1e-6)
    assert penalty(module, 1.0, nodes=nodes, x=x) == pytest.approx(np.nansum(equal.length))
    assert penalty(module, 1.0, nodes=nodes, x=x, between="pooled") == pytest.approx(pooled.length.sum())


def test_a_layer_that_is_called_several_times_is_several_points() -> None:
    module = AnchoredVGG(8, num_classes=10)
    flow = measure_flow(module, ["shared.kernels.1"], torch.rand(2, 3, 32, 32), between="pooled")
    assert len(flow.size) == 12 and len(flow.length) == 11 and len(flow.curvature) == len(flow.angle) == 10


def test_a_training_shortens_the_flow_and_goes_on_after_a_stop(digits: Arrays, tmp_path: Path) -> None:
    nodes = ["bn1", "layer1.0"]

    def run(length: float, epochs: int = 3, **options: Any) -> CifarResNet:
        torch.manual_seed(0)
        module = CifarResNet(8, 4, 1)
        with FeatureFlow(module, nodes, length) as flow:
            fit(module, digits.train_images, digits.train_labels, epochs=epochs, regularizer=flow, progress=False, **options)
        return module

    images = torch.tensor(digits.test_images[:50])
    free, held = (measure_flow(run(length), nodes, images).length[0] for length in (0.0, 1.0))
    assert held < 0.9 * free
    run(1.0, checkpoint=tmp_path / "kept")
    with pytest.raises(ValueError, match="kept is of another training"):
        run(0.5, checkpoint=tmp_path / "kept")


def test_hooks_go_and_evaluation_keeps_nothing() -> None:
    module = SmallVGG(4, 1)
    x = torch.rand(2, 1, 16, 16)
    with FeatureFlow(module, ["layers.2", "layers.5"], 1.0) as flow:
        module.eval()(x)
        with pytest.raises(
            ValueError, match="a flow has at least two points; the last forward pass in training mode made 0"
        ):
            flow(module)
        module.train()(x)
        module(2 * x)  # the last pass counts
        last = float(flow(module))
        with pytest.raises(ValueError, match=r"made 0 of layers\.2, layers\.5"):
            flow(module)
    assert last > 0 and " at 0x" not in repr(flow)
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in module.modules())
    deepcopy(module)
    measure_flow(module, ["layers.2", "layers.5"], x)
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in module.modules())


def test_bfloat16_is_compared_in_float32() -> None:
    module = way()
    with FeatureFlow(module, NODES, 1.0) as flow:
        module.to(torch.bfloat16)(torch.zeros(1, 2, 1, 1, dtype=torch.bfloat16))
        assert flow(module).dtype == torch.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FeatureFlow(way(), NODES, -0.1), "length=-0.1: it is at least 0"),
        (lambda: FeatureFlow(way(), NODES, 1.0, math.nan), "curvature=nan: it is at least 0"),
        (lambda: FeatureFlow(way(), NODES, norm=3), "norm=3: it is 1 or 2"),
        (lambda: FeatureFlow(way(), NODES, kind="angles"), "kind='angles': it is one of differences, angle"),
        (lambda: FeatureFlow(way(), NODES, between="mean"), "between='mean': it is one of equal, pooled"),
        (lambda: FeatureFlow(way(), []), r"nodes=\[\]: there is at least one"),
        (lambda: FeatureFlow(way(), ["1", "1"]), "each is named once"),
        (
            lambda: FeatureFlow(CifarResNet(8, 4), ["layer1", "layer1.1"]),
            r"CifarResNet has no module 'layer1.1'; near are layer1\.0",
        ),
        (
            lambda: FeatureFlow(CifarResNet(8, 4), ["xyz"]),
            "no module 'xyz'; it has conv1, bn1, layer1, layer2, layer3, linear",
        ),
        (
            lambda: penalty(CifarResNet(8, 4), 1.0, nodes=["bn1", "layer2"], x=torch.rand(1, 3, 32, 32)),
            "no two neighbours of",
        ),
        (lambda: penalty(way(), 0.0, 1.0, nodes=["0", "1"]), "no three neighbours of"),
        (
            lambda: penalty(
                nn.Sequential(Step(1.0), nn.ReLU(inplace=True)), 1.0, nodes=["0", "1"], x=torch.zeros(1, 1, 1, 1)
            ),
            "the output of node '0' was overwritten by a later layer in place",
        ),
        (lambda: measure_flow(way(), NODES, torch.zeros(0, 2, 1, 1)), "there is no image"),
        (
            lambda: measure_flow(
                nn.Sequential(nn.Identity(), nn.Flatten()), ["0", "1"], torch.zeros(1, 2, 2, 2), between="pooled"
            ),
            "maps and vectors, .* cannot be pooled",
        ),
    ],
)
def test_bad_input_is_one_line(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)
