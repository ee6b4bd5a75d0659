"""SigNet: size and shapes as published, the authors' names of weights, their files, and bad input."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from stresslib.networks import SigNet, build, load_signet

SHAPES = [
    ("conv1", (96, 35, 53)),
    ("maxpool1", (96, 17, 26)),
    ("conv2", (256, 17, 26)),
    ("maxpool2", (256, 8, 12)),
    ("conv3", (384, 8, 12)),
    ("conv4", (384, 8, 12)),
    ("conv5", (256, 8, 12)),
    ("maxpool3", (256, 3, 5)),
]
"""Of the authors' network, as it was run."""


@pytest.fixture(scope="module")
def small() -> SigNet:
    torch.manual_seed(0)
    return SigNet(num_classes=4, width=6).eval()


def test_size_and_shapes_are_the_published_ones() -> None:
    network = SigNet().eval()
    assert sum(weights.numel() for weights in network.parameters()) == 15_792_160
    x = torch.rand(1, 1, 150, 220)
    for (name, shape), (theirs, layer) in zip(SHAPES, network.conv_layers.named_children(), strict=True):
        with torch.inference_mode():
            x = layer(x)
        assert (theirs, tuple(x.shape[1:])) == (name, shape)
    names = list(network.state_dict())
    assert names[0] == "conv_layers.conv1.conv.weight" and "fc_layers.fc2.bn.running_var" in names
    assert not any(name.endswith(("conv.bias", "fc.bias")) for name in names)


def test_features_come_after_the_rectifier_and_the_last_layer_classifies_them(small: SigNet) -> None:
    x = torch.rand(3, 1, 150, 220)
    with torch.inference_mode():
        features, logits = small.features(x), small(x)
        assert features.shape == (3, 2048) and (features >= 0).all() and (features == 0).any()
        assert torch.allclose(small.linear(features), logits)
        bare = SigNet(width=3).eval()
        assert torch.equal(bare(x), bare.features(x))


def test_the_registry_builds_it() -> None:
    assert build("signet:24", 1, 7, 150).linear.out_features == 7
    with pytest.raises(ValueError, match="one channel of 150 x 220 pixels, and not 3 of 32 rows"):
        build("signet", 3, 7, 32)
    with pytest.raises(ValueError, match="width=25: it is a multiple of 3"):
        build("signet:25", 1, 7, 150)
    with pytest.raises(ValueError, match="num_classes=0"):
        SigNet(num_classes=0)


def test_pictures_of_another_size_are_refused(small: SigNet) -> None:
    with pytest.raises(ValueError, match=r"of shape \(2, 1, 170, 242\); SigNet takes \(N, 1, 150, 220\)"):
        small.features(torch.rand(2, 1, 170, 242))


def test_a_file_of_the_authors_form_is_read(small: SigNet, tmp_path: Path) -> None:
    path = tmp_path / "signet.pth"
    state = {name: tensor for name, tensor in small.state_dict().items() if not name.startswith("linear")}
    torch.save((state, {"weight": torch.zeros(4, 2048), "bias": torch.zeros(4)}, {}), path)
    network = load_signet(path)
    x = torch.rand(1, 1, 150, 220)
    with torch.inference_mode():
        assert torch.equal(network(x), small.features(x))
    torch.save(state, path)  # older tools keep the network alone
    assert load_signet(path).linear is None


class _Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("harmed"),)  # type: ignore[return-value]


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "signet.pth"
    with pytest.raises(OSError, match=r"signet\.pth: No such file"):
        load_signet(path)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 63\n")  # a pointer of Git LFS
    with pytest.raises(ValueError, match="is not a file of weights"):
        load_signet(path)
    path.write_bytes(pickle.dumps((_Harm(), {}, {})))
    with pytest.raises(ValueError, match="is not a file of weights"):
        load_signet(path)
    assert not (tmp_path / "harmed").exists()
    for wrong, said in (
        ({"a": torch.zeros(2)}, "1 tensors, the first a"),
        (torch.zeros(3), "a Tensor"),
        ((), "a tuple"),
        ({"conv_layers.conv1.conv.weight": torch.zeros(6, 1, 11, 11)}, "1 tensors, the first conv_layers"),
        ({"conv_layers.conv1.conv.weight": torch.zeros(5, 1, 11, 11)}, "1 tensors"),
    ):
        torch.save(wrong, path)
        with pytest.raises(ValueError, match=f"holds no SigNet, but {said}"):
            load_signet(path)
