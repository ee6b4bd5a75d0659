"""Networks: sizes as published, other people's weights, features before the last layer, names, and bad input."""

from __future__ import annotations

import io
import tarfile

import pytest
import torch
from places import ROOT
from torch import nn

from stresslib.networks import ARCHITECTURES, CifarResNet, LeNet5, SmallVGG, Standardized, build


def count(module: nn.Module) -> int:
    return sum(weights.numel() for weights in module.parameters())


def test_sizes_are_the_published_ones() -> None:
    # ResNet-20, 32 and 56 of He et al., table 6: 0.27, 0.46 and 0.85 million.
    assert [count(CifarResNet(depth)) for depth in (8, 20, 32, 56)] == [75290, 269722, 464154, 853018]
    assert count(LeNet5()) == 61706
    assert count(build("resnet8:32", 3, 10, 32)) > 3.9 * count(build("resnet8", 3, 10, 32))


def test_weights_that_others_trained_fit() -> None:
    archive = ROOT.parent / "shared" / "data" / "cifar_resnets.tar"
    if not archive.exists():
        pytest.skip(f"{archive} is not here")
    with tarfile.open(archive) as tar:
        file = tar.extractfile("cifar_resnets/resnet20-12fca82f.th")
        assert file is not None
        state = torch.load(io.BytesIO(file.read()), map_location="cpu", weights_only=True)["state_dict"]
    CifarResNet(20).load_state_dict({name.removeprefix("module."): tensor for name, tensor in state.items()})


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize(("channels", "size"), [(1, 16), (1, 28), (3, 32)])
def test_the_last_layer_classifies_the_features(name: str, channels: int, size: int) -> None:
    torch.manual_seed(0)
    module = Standardized(build(name, channels, 10, size), [0.5] * channels, [0.25] * channels).eval()
    x = torch.rand(3, channels, size, size)
    features = module.features(x)
    assert features.ndim == 2 and (features >= 0).all()
    assert torch.allclose(module.network.linear(features), module(x))
    assert torch.allclose(module(x), module.network((x - 0.5) / 0.25), atol=1e-6)


def test_a_residual_block_adds_zeros_where_channels_are_new() -> None:
    block = CifarResNet(8, 4).layer2[0].eval()
    nn.init.zeros_(block.conv2.weight)
    x = torch.rand(1, 4, 8, 8)
    out = block(x)
    assert torch.equal(out[:, 2:6], x[:, :, ::2, ::2]) and not out[:, [0, 1, 6, 7]].any()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet9", "no architecture 'resnet9'; the nearest is 'resnet8'"),
        ("x", "there are lenet5, resnet8, resnet20, vgg"),
        ("lenet5:3", "lenet5 has one width only"),
        ("resnet8:", "a whole number, as in resnet8:16"),
        ("resnet8:016", "a whole number"),
        ("resnet8:0", "a whole number"),
        ("resnet8:3", "width=3: it is an even number"),
    ],
)
def test_a_name_that_is_none_is_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(name, 3, 10, 32)


def test_sizes_that_cannot_be_are_refused() -> None:
    for make, message in (
        (lambda: CifarResNet(9), "depth=9: it is 6n \\+ 2"),
        (lambda: LeNet5(image_size=8), "image_size=8: it is at least 12"),
        (lambda: SmallVGG(0), "width=0"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
