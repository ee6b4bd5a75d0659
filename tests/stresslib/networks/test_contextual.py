"""Contextual convolution: equal to the authors' own, shares of channels, sizes, and the plain network within it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.models import resnet

from stresslib.networks import CifarResNet, ContextualConv2d, build, contextual_resnet
from stresslib.networks.contextual import SHARES, Bottleneck, ContextualResNet

GOLD = {
    name: torch.from_numpy(values)
    for name, values in np.load(Path(__file__).with_name("authors_coconv.npz")).items()
    if values.ndim
}
"""What github.com/iduta/coconv (MIT) at 755147cd computes of made-up numbers."""


def counted(make: object) -> int:
    with torch.device("meta"):
        return sum(weights.numel() for weights in make().parameters())  # type: ignore[operator]


def with_weights(prefix: str, levels: int, out_channels: int, stride: int = 1, groups: int = 1) -> ContextualConv2d:
    layer = ContextualConv2d(6, out_channels, levels, stride, groups)
    for place, branch in enumerate(layer.branches, start=1):
        branch.weight.data = GOLD[f"{prefix}.conv2_{place}.weight"]
    return layer


@pytest.mark.parametrize(
    ("prefix", "levels", "out_channels", "stride", "groups", "expected"),
    [
        ("l2", 2, 4, 1, 1, "l2_out_s1"),
        ("l3", 3, 4, 1, 1, "l3_out_s1"),
        ("l4", 4, 8, 1, 1, "l4_out_s1"),
        ("l4", 4, 8, 2, 1, "l4_out_s2"),
        ("l5", 5, 8, 1, 1, "l5_out_s1"),
        ("l4g2", 4, 8, 1, 2, "l4g2_out_s1"),
    ],
)
def test_it_is_the_authors_layer(
    prefix: str, levels: int, out_channels: int, stride: int, groups: int, expected: str
) -> None:
    layer = with_weights(prefix, levels, out_channels, stride, groups)
    shapes = [GOLD[f"{prefix}.conv2_{place}.weight"].shape for place in range(1, levels + 1)]
    fresh = ContextualConv2d(6, out_channels, levels, stride, groups)
    assert [branch.weight.shape for branch in fresh.branches] == shapes
    torch.testing.assert_close(layer(GOLD["x"]), GOLD[expected], rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize(("late", "where"), [(False, "before"), (True, "after")])
def test_the_block_normalises_before_or_after_the_addition(mode: str, late: bool, where: str) -> None:
    block = Bottleneck(16, 4, levels=4, late_norm=late)
    names = {name: name for name in block.state_dict() if not name.endswith("num_batches_tracked")}
    for place in range(4):
        names[f"conv2.branches.{place}.weight"] = f"conv2.conv2_{place + 1}.weight"
    block.load_state_dict({ours: GOLD[f"blk.{theirs}"] for ours, theirs in names.items()}, strict=False)
    block.train(mode == "train")
    torch.testing.assert_close(block(GOLD["xb"]), GOLD[f"blk_out_{mode}_bn_{where}"], rtol=0, atol=2e-5)


@pytest.mark.parametrize(("depth", "weights"), [(50, 25_557_032), (101, 44_549_160), (152, 60_192_808)])
def test_it_weighs_what_the_plain_network_weighs(depth: int, weights: int) -> None:
    assert counted(lambda: contextual_resnet(depth)) == weights


def test_weights_of_ten_classes_and_of_each_stage_s_convolution() -> None:
    assert counted(lambda: contextual_resnet(50, num_classes=10, late_norm=False)) == 23_528_522
    with torch.device("meta"):
        stages = contextual_resnet(50).children()
        blocks = [stage[-1] for stage in stages if isinstance(stage, nn.Sequential)]
    assert [sum(one.numel() for one in block.conv2.parameters()) for block in blocks] == [
        36_864,
        147_456,
        589_824,
        2_359_296,
    ]
    assert [len(block.conv2.branches) for block in blocks] == [4, 3, 2, 1]
    assert all(block.late_norm for block in blocks)


def test_one_level_is_torchvision_s_network() -> None:
    torch.manual_seed(0)
    ours = ContextualResNet((2, 1, 1, 1), 5, late_norm=False, levels=(1, 1, 1, 1)).eval()
    theirs = resnet.ResNet(resnet.Bottleneck, [2, 1, 1, 1], num_classes=5).eval()
    theirs.load_state_dict({name.replace("conv2.branches.0.", "conv2."): one for name, one in ours.state_dict().items()})
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.fc(ours.features(x)), ours(x))


@settings(max_examples=20, deadline=None)
@given(levels=st.sampled_from(sorted(SHARES)), width=st.integers(8, 70), groups=st.integers(1, 3))
def test_every_channel_is_shared_out_and_as_evenly_as_it_can_be(levels: int, width: int, groups: int) -> None:
    with torch.device("meta"):
        layer = ContextualConv2d(groups, groups * width, levels, groups=groups)
    widths = [branch.out_channels // groups for branch in layer.branches]
    assert sum(widths) == width and all(branch.out_channels % groups == 0 for branch in layer.branches)
    assert all(
        abs(one - share * width) < 1 or share * width % 1 == 0 for one, share in zip(widths, SHARES[levels], strict=True)
    )
    assert widths == sorted(widths, reverse=True)
    plain = nn.Conv2d(groups, groups * width, 3, padding=1, groups=groups, bias=False)
    assert sum(one.numel() for one in layer.parameters()) == plain.weight.numel()


@pytest.mark.parametrize(
    ("width", "levels", "widths"),
    [(10, 4, [3, 3, 2, 2]), (7, 3, [4, 2, 1]), (9, 5, [3, 2, 2, 1, 1]), (15, 5, [4, 4, 4, 2, 1]), (5, 2, [3, 2])],
)
def test_widths_that_the_shares_do_not_divide(width: int, levels: int, widths: list[int]) -> None:
    assert [branch.out_channels for branch in ContextualConv2d(3, width, levels).branches] == widths


def test_a_unit_of_dilation_d_sees_pixels_d_apart() -> None:
    layer = ContextualConv2d(1, 4)
    x = torch.zeros(1, 1, 11, 11, requires_grad=True)
    for dilation in (1, 2, 3, 4):
        [seen] = torch.autograd.grad(layer(x)[0, dilation - 1, 5, 5], x)
        assert seen[0, 0].nonzero().tolist() == [
            [row, column] for row in (5 - dilation, 5, 5 + dilation) for column in (5 - dilation, 5, 5 + dilation)
        ]


def test_the_four_variants_of_a_small_network() -> None:
    plain, wide, late, both = (
        build("resnet8" + change, 3, 10, 32) for change in ("", "-contextual", "-late-norm", "-contextual-late-norm")
    )
    for module in (wide, late, both):
        assert sum(one.numel() for one in module.parameters()) == sum(one.numel() for one in plain.parameters())
    for module in (wide, both):
        levels = [len(one.branches) for one in module.modules() if isinstance(one, ContextualConv2d)]
        assert levels == [4, 4, 3, 3, 2, 2]
    for module, where in ((plain, False), (wide, False), (late, True), (both, True)):
        assert [stage[0].late_norm for stage in (module.layer1, module.layer2, module.layer3)] == [where] * 3
    assert [block.late_norm for block in CifarResNet(20, late_norm=True).layer2] == [False, False, True]


def test_late_norm_of_a_small_network_is_that_of_the_bottleneck() -> None:
    block = CifarResNet(8, 4, late_norm=True).layer1[0].eval()
    x = torch.rand(2, 4, 8, 8)
    out = block.conv2(torch.relu(block.bn1(block.conv1(x))))
    block.bn2.running_mean.fill_(0.3)
    assert torch.equal(block(x), torch.relu(block.bn2(out + x)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ContextualConv2d(3, 8, levels=6), "levels=6: it is from 1 to 5"),
        (lambda: ContextualConv2d(3, 8, levels=0), "levels=0"),
        (lambda: ContextualConv2d(3, 3), "out_channels=3: 4 levels need 4 at least"),
        (lambda: ContextualConv2d(3, 7, levels=5), "out_channels=7: 5 levels need 8 at least"),
        (lambda: ContextualConv2d(4, 6, groups=2), "out_channels=6: 4 levels need 8 at least"),
        (lambda: ContextualConv2d(6, 8, groups=4), "groups=4: it divides in_channels=6"),
        (lambda: contextual_resnet(18), "depth=18: it is one of 50, 101, 152"),
        (lambda: CifarResNet(8, levels=(4, 3)), "there are three stages"),
        (lambda: build("resnet8-contextual:2", 3, 10, 32), "out_channels=2: 4 levels need 4 at least"),
        (lambda: build("resnet8-context", 3, 10, 32), "the nearest is 'resnet8-contextual'"),
    ],
)
def test_what_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
