"""Anchored networks: equal to the authors' code, sizes as published, what is shared and what is not, and bad input."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.feature_extraction import get_graph_node_names

from stresslib.networks import AnchoredResNet, AnchoredVGG, build
from stresslib.networks.anchored import SHARING

NORM = ("weight", "bias", "running_mean", "running_var")
EIGHTEEN = (2, 2, 2, 2)


def count(module: nn.Module) -> int:
    return sum(weights.numel() for weights in module.parameters())


def size(make: Callable[..., nn.Module], *options: Any, **more: Any) -> int:
    """Return the number of weights of a network without drawing them."""
    with torch.device("meta"):
        return count(make(*options, **more))


def theirs(name: str, seed: int) -> dict[str, Any]:
    """Return what the authors' code was given and made: images, logits, and weights, which a seed draws.

    That code with its widths made small, 128 to 8, or 64 to 512 to 4 to 32, and two blocks a stage; nothing else is changed.
    """
    with np.load(Path(__file__).with_name("authors_anchored.npz")) as file:
        arrays = {key: file[f"{name}.{key}"] for key in ("logits_eval", "logits_train")}
        arrays["x"] = file["images"] / np.float32(255) - np.float32(0.5)
        tensors = [line.decode().split() for line in file[f"{name}.tensors"]]
    generator = np.random.RandomState(seed)
    for tensor, sizes in tensors:
        shape = tuple(int(size) for size in sizes.split(","))
        if tensor.endswith("running_var") or (len(shape) == 1 and tensor.endswith("weight")):
            drawn = generator.uniform(0.5, 1.5, shape)
        else:
            drawn = generator.normal(0, 0.2 if len(shape) == 1 else np.sqrt(2 / np.prod(shape[1:])), shape)
        arrays[f"w.{tensor}"] = drawn.astype(np.float32)
    return arrays


def load(module: nn.Module, arrays: dict[str, Any], names: dict[str, str]) -> set[str]:
    """Give a network the authors' weights, by our name of each part and theirs; return what is left over."""
    state = {
        f"{ours}.{key}": torch.from_numpy(arrays[f"w.{their}.{key}"])
        for ours, their in names.items()
        for key in NORM
        if f"w.{their}.{key}" in arrays
    }
    missing, unexpected = module.load_state_dict(state, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
    return {name.removeprefix("w.").rpartition(".")[0] for name in arrays if name.startswith("w.")} - set(names.values())


def assert_equal(module: nn.Module, arrays: dict[str, Any], tolerance_in_training: float = 1e-4) -> None:
    x = torch.from_numpy(arrays["x"])
    assert module.eval()(x).detach().numpy() == pytest.approx(arrays["logits_eval"], rel=1e-5, abs=1e-5)
    logits = module.train()(x).detach().numpy()
    assert logits == pytest.approx(arrays["logits_train"], rel=tolerance_in_training, abs=tolerance_in_training)


def test_plain_vgg_is_the_authors() -> None:
    arrays, module = theirs("vgg_plain", 1), AnchoredVGG(8, num_classes=10)
    names = {"shared.kernels.0": "conv1.0", "shared.kernels.1": "conv2.0", "linear": "classifier"}
    assert not load(module, arrays, names | {f"shared.norms.{i}": f"BN{i + 1}" for i in range(13)})
    assert_equal(module, arrays, 2e-3)  # the last norms see 16 values of each channel


def test_mixed_vgg_is_the_authors() -> None:
    arrays, module = theirs("vgg_mix", 3), AnchoredVGG(8, "mixed", 10)
    kernels = [f"features.{i}" for i in (0, 3, 7, 10)] + [f"block_{name}.{i}" for name in (256, 512) for i in (0, 3)]
    norms = [f"features.{i}" for i in (1, 4, 8, 11)] + [f"block_{name}.{i}" for name in (256, 512) for i in (1, 4, 7)]
    names = {f"shared.kernels.{i}": name for i, name in enumerate(kernels)} | {"linear": "classifier"}
    names |= {f"shared.norms.{i}": name for i, name in enumerate([*norms, "block_512_2.2", "block_512_2.5"])}
    assert not load(module, arrays, names)
    assert_equal(module, arrays)


def test_plain_resnet_is_the_authors() -> None:
    arrays, module = theirs("resnet_plain", 2), AnchoredResNet(EIGHTEEN, 8, num_classes=10)
    norms = ["bn1"] + [f"layer{i}.{j}.bn{k}" for i in (1, 2, 3, 4) for j in (0, 1) for k in (1, 3)]
    names = {"shared.kernels.0": "conv1", "shared.kernels.1": "conv_fix", "linear": "linear"}
    left = load(module, arrays, names | {f"shared.norms.{i}": name for i, name in enumerate(norms)})
    assert left == {f"layer{i}.{j}.bn2" for i in (1, 2, 3, 4) for j in (0, 1)}, "which is never called"
    assert_equal(module, arrays)


def test_mixed_resnet_is_the_authors() -> None:
    arrays, module = theirs("resnet_mix", 4), AnchoredResNet(EIGHTEEN, 8, "mixed", 10)
    kernels, norms = ["conv1.0", "layer1.0.conv"], ["conv1.1"]
    names = {"linear": "linear"}
    for i in (1, 2, 3, 4):
        first = f"layer{i}.0.bn1"
        if i > 1:
            kernels += [f"layer{i}.0.trans.0", f"layer{i}.0.conv"]
            first = f"layer{i}.0.trans.1"
            names |= {f"stages.{i - 1}.0.shortcut.{part}": f"layer{i}.0.shortcut.{part}" for part in (0, 1)}
        norms += [first, f"layer{i}.0.bn2", f"layer{i}.1.bn1", f"layer{i}.1.bn2"]
    names |= {f"shared.kernels.{i}": name for i, name in enumerate(kernels)}
    left = load(module, arrays, names | {f"shared.norms.{i}": name for i, name in enumerate(norms)})
    never_called = {f"layer{i}.{j}.regulator" for i in (1, 2, 3, 4) for j in (0, 1)} | {"conv_fix"}
    assert left == never_called | {f"layer{i}.0.bn1" for i in (2, 3, 4)}
    assert_equal(module, arrays)


def test_sizes_are_the_published_ones() -> None:
    # Counted from the authors' code, 100 classes, without what it never calls.
    assert size(AnchoredVGG) == 167396 and size(AnchoredVGG, sharing="mixed") == 4744100
    assert size(AnchoredResNet) == 172260 and size(AnchoredResNet, EIGHTEEN) == 168164
    assert size(AnchoredResNet, sharing="mixed") == 4925668 and size(AnchoredResNet, EIGHTEEN, sharing="mixed") == 4918244
    # The regulators of their mixed network, which it creates and does not call, are 1,257,472 and 696,320 weights.
    assert size(AnchoredResNet, sharing="mixed-regulated") == 4925668 + 1257472
    assert size(AnchoredResNet, EIGHTEEN, sharing="mixed-regulated") == 4918244 + 696320
    # A regulator of 128 x 128 for each of 16 blocks, or for each of their 32 layers.
    assert size(AnchoredResNet, sharing="regulated") == 172260 + 16 * 128**2
    assert size(AnchoredResNet, sharing="regulated", regulators="layer") == 172260 + 32 * 128**2
    # Their plot has VGG at 14.89, ResNet-18 at 11.13 and ResNet-34 at 21.23 million.
    unshared = [size(AnchoredResNet, blocks, sharing="mixed-none") for blocks in (EIGHTEEN, (3, 4, 6, 3))]
    assert [round(one / 1e6, 1) for one in (size(AnchoredVGG, sharing="mixed-none"), *unshared)] == [14.8, 11.2, 21.3]


@pytest.mark.parametrize("make", [AnchoredVGG, lambda *options, **more: AnchoredResNet(EIGHTEEN, *options, **more)])
@pytest.mark.parametrize("sharing", SHARING)
def test_every_weight_takes_part_and_is_kept_once(make: Any, sharing: str) -> None:
    torch.manual_seed(0)
    module = make(8, sharing, 10, in_channels=1)
    module(torch.rand(4, 1, 32, 32)).logsumexp(1).sum().backward()
    assert all(weights.grad is not None for weights in module.parameters())
    assert all(norm.num_batches_tracked == 1 for norm in module.modules() if isinstance(norm, nn.BatchNorm2d))
    places = [tensor.data_ptr() for tensor in module.state_dict().values()]
    assert len(places) == len(set(places))
    copy = deepcopy(module).eval()
    nn.init.zeros_(copy.shared.kernels[1].weight)
    assert module.shared.kernels[1].weight.any(), "a copy shares its kernels with itself alone"


def test_the_unshared_network_with_equal_kernels_is_the_shared_one() -> None:
    x = torch.rand(2, 3, 32, 32)
    for make in (lambda sharing: AnchoredVGG(8, sharing, 10), lambda sharing: AnchoredResNet(EIGHTEEN, 8, sharing, 10)):
        torch.manual_seed(0)
        shared, unshared = make("plain").eval(), make("none").eval()
        state = {name: tensor for name, tensor in shared.state_dict().items() if not name.startswith("shared.kernels.")}
        for i in range(len(unshared.shared.kernels)):
            source = shared.shared.kernels[min(i, 1)]
            state |= {f"shared.kernels.{i}.{name}": tensor for name, tensor in source.state_dict().items()}
        unshared.load_state_dict(state)
        assert torch.equal(unshared(x), shared(x))
        assert len(unshared.shared.kernels) == (13 if isinstance(shared, AnchoredVGG) else 17)


def test_regulators_begin_as_the_identity() -> None:
    x = torch.rand(2, 3, 32, 32)
    for make in (AnchoredVGG, lambda *options: AnchoredResNet(EIGHTEEN, *options)):
        plain, regulated = make(8, "plain", 10).eval(), make(8, "regulated", 10).eval()
        missing, unexpected = regulated.load_state_dict(plain.state_dict(), strict=False)
        assert len(missing) == (12 if make is AnchoredVGG else 8) and not unexpected
        assert all(name.endswith("regulator.weight") for name in missing)
        assert torch.equal(regulated(x), plain(x))
    # Behind the second normalisation and before the addition: a block without regulator is its shortcut, rectified.
    module = AnchoredResNet(EIGHTEEN, 8, "mixed-regulated", 10)
    block = module.stages[0][0]
    nn.init.zeros_(block.second.regulator.weight)
    y = torch.rand(2, 4, 8, 8) - 0.5
    assert torch.equal(block(y, module.shared), y.relu())


def test_a_norm_is_private_or_goes_with_its_kernel() -> None:
    norms = [len(AnchoredVGG(8, sharing, 10, shared_norm=True).shared.norms) for sharing in ("plain", "mixed")]
    assert norms == [2, 8]
    assert len(AnchoredResNet(width=8, shared_norm=True).shared.norms) == 2
    assert len(AnchoredResNet(width=8).shared.norms) == 33


def test_small_images_have_fewer_poolings() -> None:
    module = AnchoredVGG(8, num_classes=10, image_size=16).eval()
    assert module.poolings == 4 and AnchoredVGG(8, image_size=28).poolings == 4 and AnchoredVGG(8).poolings == 5
    assert module.features(torch.rand(2, 3, 16, 16)).shape == (2, 8)
    # A width equal to the number of channels of an image does not let the first layer share.
    assert count(AnchoredVGG(3)) == 13 * 6 + 2 * (3 * 3 * 9 + 3) + 400


def test_layers_have_names_for_features() -> None:
    nodes = get_graph_node_names(AnchoredResNet(EIGHTEEN, 4, "mixed", 10), suppress_diff_warning=True)[1]
    assert sum("kernels" in node for node in nodes) == 17


def test_names_of_the_registry() -> None:
    assert count(build("anchored-vgg:128", 3, 100, 32)) == 167396
    assert count(build("anchored-resnet18-mixed-regulated:128", 3, 100, 32)) == 5614564
    assert len(build("anchored-vgg-shared-norm", 3, 100, 32).shared.norms) == 2  # type: ignore[union-attr, arg-type]
    with pytest.raises(ValueError, match="no architecture 'anchored-vgg-mix'; the nearest is 'anchored-vgg-mixed'"):
        build("anchored-vgg-mix", 3, 10, 32)
    with pytest.raises(ValueError, match="width=5: of a mixed network"):
        build("anchored-vgg-mixed:5", 3, 10, 32)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AnchoredVGG(8, "mix"), "no sharing 'mix'; the nearest is 'mixed'"),
        (lambda: AnchoredVGG(8, "x"), "there are plain, regulated, mixed"),
        (lambda: AnchoredResNet(width=7, sharing="mixed"), "width=7: of a mixed network, whose first stage has half of it"),
        (lambda: AnchoredVGG(0), "width=0: it is at least 1"),
        (lambda: AnchoredVGG(image_size=15), "image_size=15: it is at least 16"),
        (lambda: AnchoredVGG(8, "none", shared_norm=True), "each kernel has one use"),
        (lambda: AnchoredResNet((2, 2, 2)), r"blocks=\(2, 2, 2\): they are four numbers"),
        (lambda: AnchoredResNet((2, 2, 0, 2)), r"blocks=\(2, 2, 0, 2\)"),
        (lambda: AnchoredResNet(regulators="use"), "regulators='use': it is block or layer"),
    ],
)
def test_sizes_that_cannot_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
