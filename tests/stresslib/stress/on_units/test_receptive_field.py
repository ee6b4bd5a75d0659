"""Receptive fields: those of VGG-19 as published, strides, dilations, where a unit lies, and the effective one by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torchvision.models.vgg import make_layers

from stresslib.networks import CifarResNet, ContextualConv2d
from stresslib.stress.on_units import ReceptiveField, Unit, effective_receptive_field, receptive_field
from stresslib.stress.on_units.receptive_field import read_at


def narrow_vgg19() -> nn.Sequential:
    stages = ([2] * 2, [2] * 2, [2] * 4, [2] * 4, [2] * 4)
    return make_layers([layer for stage in stages for layer in (*stage, "M")])


@pytest.mark.parametrize(
    ("node", "size", "stride"),  # conv1_1, conv1_2, pool1, conv2_2, conv3_1, conv4_1 in the authors' table
    [("0", 3, 1), ("2", 5, 1), ("4", 6, 2), ("7", 14, 2), ("10", 24, 4), ("19", 68, 8)],
)
def test_vgg19_has_the_authors_sizes(node: str, size: int, stride: int) -> None:
    field = receptive_field(narrow_vgg19(), node)
    assert (field.size, field.stride) == (size, stride)


def test_fields_worked_out_by_hand() -> None:
    layers = nn.Sequential(nn.Conv2d(3, 4, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 4, 1))
    assert receptive_field(layers, "0") == ReceptiveField(7, 2, -3)
    assert receptive_field(layers, "3") == ReceptiveField(11, 4, -5)
    contextual = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), ContextualConv2d(2, 8, levels=4))
    assert receptive_field(contextual, "1") == ReceptiveField(11, 1, -5)
    assert receptive_field(CifarResNet(8, 4), "layer2.0.conv1") == ReceptiveField(9, 2, -4)


def test_what_is_no_square_and_what_pools_is_refused() -> None:
    for sides in ((3, 5), (5, 3)):
        with pytest.raises(ValueError, match="not a square"):
            receptive_field(nn.Sequential(nn.Conv2d(1, 1, sides)), "0")
    pooled = nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(1))
    with pytest.raises(ValueError, match="node '1' has no receptive field"):
        receptive_field(pooled, "1")


@pytest.mark.parametrize("node", ["0", "2"])
def test_a_unit_sees_its_image_and_nothing_else(node: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 7, 2, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 5, 3, padding=1)).eval()
    unit, field = Unit(network, node, 3), receptive_field(network, node)
    images = torch.randn(4, *unit.shape)
    for index in (4, 5, 6):  # the same values wherever the image lies in a larger one, and whatever is around it
        first = field.start + index * field.stride
        canvas = torch.randn(4, 3, 40, 40)
        canvas[..., first : first + field.size, first : first + field.size] = images
        torch.testing.assert_close(unit(images), read_at(network, node)(canvas)[:, 3, index, index])


def test_the_effective_field_of_two_box_filters() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.Conv2d(1, 1, 3, padding=1, bias=False))
    for layer in network:
        nn.init.ones_(layer.weight)
    field = effective_receptive_field(network, "1", torch.rand(3, 1, 9, 9))
    # Along each axis the derivatives are 1, 2, 3, 2, 1; their squares have the sum 19 and the variance 16 / 19.
    row = torch.tensor([0, 0, 1, 4, 9, 4, 1, 0, 0], dtype=torch.float64) / 19
    assert torch.allclose(torch.from_numpy(field.map), row[:, None] * row, atol=1e-7)
    assert field.radius == pytest.approx(math.sqrt(2 * 16 / 19), rel=1e-6)


def test_dilation_widens_the_effective_field() -> None:
    torch.manual_seed(0)
    images = torch.randn(8, 3, 32, 32)
    plain, wide = (
        effective_receptive_field(CifarResNet(8, 8, levels=levels), "layer1.0", images).radius
        for levels in ((1, 1, 1), (4, 3, 2))
    )
    assert wide > 1.3 * plain


def test_channels_count_by_their_squares() -> None:
    layer = nn.Conv2d(1, 2, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 1, 1], layer.weight[1, 0, 1, 2] = 1.0, 2.0  # at two pixels, so that no signs can cancel
    field = effective_receptive_field(nn.Sequential(layer), "0", torch.rand(2, 1, 5, 5))
    assert field.map[2, 2] == pytest.approx(0.2) and field.map[2, 3] == pytest.approx(0.8)
    with pytest.raises(ValueError, match="has no places"):
        effective_receptive_field(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten()), "1", torch.rand(1, 1, 5, 5))
    nn.init.zeros_(layer.weight)
    with pytest.raises(ValueError, match="no pixel of these images counts"):
        effective_receptive_field(nn.Sequential(layer), "0", torch.rand(1, 1, 5, 5))
