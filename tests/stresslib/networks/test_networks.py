"""Networks: sizes as published, other people's weights, features before the last layer, names, and bad input."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import torch
from places import ROOT
from safetensors.torch import save_file
from torch import nn

from stresslib.networks import ARCHITECTURES, CifarResNet, LeNet5, SmallVGG, Standardized, build, load_weights


def count(module: nn.Module) -> int:
    return sum(weights.numel() for weights in module.parameters())


def test_sizes_are_the_published_ones() -> None:
    # ResNet-20, 32, 44 and 56 of He et al., table 6: 0.27, 0.46, 0.66 and 0.85 million.
    assert [count(CifarResNet(depth)) for depth in (8, 20, 32, 44, 56)] == [75290, 269722, 464154, 658586, 853018]
    assert all(count(build(f"resnet{depth}", 3, 10, 32)) == count(CifarResNet(depth)) for depth in (20, 32, 44, 56))
    assert count(LeNet5()) == 61706
    assert count(build("resnet8:32", 3, 10, 32)) > 3.9 * count(build("resnet8", 3, 10, 32))


def test_weights_that_others_trained_fit(tmp_path: Path) -> None:
    archive = ROOT.parent / "shared" / "data" / "cifar_resnets.tar"
    if not archive.exists():
        pytest.skip(f"{archive} is not here")
    with tarfile.open(archive) as tar:
        names = [name for name in tar.getnames() if name.endswith(".th")]
        assert len(names) == 4
        for name in names:
            tar.extract(name, tmp_path, filter="data")
            depth = int(Path(name).name.partition("-")[0].removeprefix("resnet"))
            module = load_weights(CifarResNet(depth), tmp_path / name)
            assert module(torch.zeros(1, 3, 32, 32)).isfinite().all()


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - {"signet"}))  # which takes one size only
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
        ("x", "there are lenet5, resnet8, resnet20, resnet32, resnet44, resnet56, resnet8-contextual,"),
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


def test_weights_are_read_from_a_file_as_people_have_them(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = CifarResNet(8, 4)
    state = module.state_dict()
    old = {f"module.{name}": tensor for name, tensor in state.items() if "num_batches" not in name}
    torch.save(state, tmp_path / "plain.pt")
    torch.save({"state_dict": old, "epoch": 3}, tmp_path / "parallel.th")
    save_file(state, tmp_path / "plain.safetensors")
    for name in ("plain.pt", "parallel.th", "plain.safetensors"):
        read = load_weights(CifarResNet(8, 4).train(), tmp_path / name)
        assert not read.training
        assert all(torch.equal(tensor, state[key]) for key, tensor in read.state_dict().items())
        behind = load_weights(Standardized(CifarResNet(8, 4), [0.5] * 3, [0.25] * 3), tmp_path / name)
        assert behind.mean.flatten().tolist() == [0.5] * 3 and torch.equal(behind.network.conv1.weight, module.conv1.weight)
    whole = Standardized(module, [0.1] * 3, [0.2] * 3)
    torch.save(whole.state_dict(), tmp_path / "whole.th")
    read = load_weights(Standardized(CifarResNet(8, 4), [0.5] * 3, [0.25] * 3), tmp_path / "whole.th")
    assert torch.equal(read.mean, whole.mean)


def test_files_that_are_no_weights_are_named(tmp_path: Path) -> None:
    path = tmp_path / "net.th"
    with pytest.raises(FileNotFoundError, match=r"net\.th: there is no such file of weights"):
        load_weights(LeNet5(), path)
    for content in (LeNet5(), [1, 2], {"state_dict": {}}, {"epoch": 3}, torch.zeros(3)):
        torch.save(content, path)
        with pytest.raises(ValueError, match=r"net\.th (is damaged, or holds more than tensors|holds no state dict)"):
            load_weights(LeNet5(), path)
    for name in ("net.th", "net.safetensors"):
        (tmp_path / name).write_bytes(b"damaged")
        with pytest.raises(ValueError, match="is damaged, or holds more than tensors"):
            load_weights(LeNet5(), tmp_path / name)
    torch.save(CifarResNet(8, 4).state_dict(), path)
    with pytest.raises(ValueError, match=r"fit a CifarResNet of this size: weights other .*, such as conv1\.weight"):
        load_weights(CifarResNet(8, 8), path)
    with pytest.raises(ValueError, match=r"missing 8, such as layers\.0\.weight; other 43, such as conv1\.weight"):
        load_weights(LeNet5(), path)
