"""Extraction: real networks see what is there, layers are what their names say, and a long run survives what befalls it."""

from __future__ import annotations

import copy
import errno
import importlib.util
import json
import operator
import os
import shutil
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from killed import Forked, ForkServer
from numpy.typing import NDArray
from PIL import Image
from places import SHARED
from safetensors.numpy import load_file, save, save_file
from torch import nn
from torchvision import models
from torchvision.models.feature_extraction import get_graph_node_names

import stresslib as sl
from stresslib.classical import find_method, is_method
from stresslib.classical.methods import options
from stresslib.datasets import ImageSet, from_folder, load_images
from stresslib.extraction import NETWORKS, Extractor, extract, imagenet_classes, job, shards
from stresslib.extraction.graph import cut
from stresslib.extraction.network import Network
from stresslib.features import EMBEDDED, list_features
from stresslib.images import read_input
from stresslib.images.decode import UnreadableImageError
from stresslib.images.preprocessing import Preprocessing

MODEL = "efficientnet-lite0"
SHARED_DATA = SHARED / "data"
CALTECH, GOOGLENET = SHARED_DATA / "caltech101.tar", SHARED_DATA / "bvlc_googlenet_fp16.safetensors"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of torch that wait for each other are slow beyond measure where other work holds a core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def cosines(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.einsum("ij,ij->i", a, b) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


# --- photographs through EfficientNet-Lite0 -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def photos() -> list[Path]:
    """Photographs in scikit-image's wheel: RGB and grey, PNG and JPEG, of several shapes."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        pytest.skip("scikit-image brings the photographs")
    folder = Path(spec.origin).parent / "data"
    paths = [folder / name for name in ("chelsea.png", "coffee.png", "astronaut.png", "rocket.jpg", "camera.png")]
    found = [path for path in paths if path.is_file()]
    if len(found) < len(paths):
        pytest.skip("this scikit-image has other photographs")
    return found


@pytest.fixture(scope="module")
def vectors(photos: list[Path]) -> NDArray[np.float32]:
    return Extractor(MODEL, precision="float32")(photos)


def test_pooled_vectors(vectors: NDArray[np.float32]) -> None:
    """ReLU6 and average pooling: 1280 values between 0 and 6."""
    assert (vectors.shape, vectors.dtype) == ((5, 1280), np.float32)
    assert np.isfinite(vectors).all() and vectors.min() >= 0 and vectors.max() <= 6
    assert cosines(vectors[:-1], vectors[1:]).max() < 0.9


@pytest.mark.parametrize("preprocessing", ["paper", "native"])
def test_network_sees_what_is_there(photos: list[Path], preprocessing: str) -> None:
    """Weights, channel order, normalisation and the order of classes are all right: a cat is a cat, coffee is coffee."""
    logits = Extractor(MODEL, layer="logits", preprocessing=preprocessing, precision="float32")(photos[:2])
    assert logits.shape == (2, 1000)
    cat, coffee = (imagenet_classes()[number] for number in logits.argmax(axis=1))
    assert cat in {"Egyptian cat", "tabby", "tiger cat", "lynx"}
    assert coffee in {"espresso", "cup", "coffee mug"}


def test_bfloat16_agrees_with_float32(photos: list[Path], vectors: NDArray[np.float32]) -> None:
    made = Extractor(MODEL, precision="bfloat16")(photos)
    assert made.dtype == np.float32
    assert not np.array_equal(made, vectors)
    assert cosines(made, vectors).min() >= 0.999


def test_batch_size_does_not_matter(photos: list[Path], vectors: NDArray[np.float32]) -> None:
    made = Extractor(MODEL, precision="float32", batch_size=2)(photos)
    assert np.abs(made - vectors).max() <= 1e-5


def test_map_is_flattened_channel_by_channel(photos: list[Path], vectors: NDArray[np.float32]) -> None:
    """Whatever the memory format: the mean over each channel's 49 places is the pooled vector."""
    made = Extractor(MODEL, layer="map", precision="float32")(photos[:2])
    assert made.shape == (2, 1280 * 49)
    assert np.abs(made.reshape(2, 1280, 49).mean(axis=2) - vectors[:2]).max() < 1e-5


def test_unreadable_image_is_named(tmp_path: Path, photos: list[Path]) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(UnreadableImageError, match=r"broken\.jpg"):
        Extractor(MODEL)([photos[0], tmp_path / "broken.jpg"])


def test_no_images() -> None:
    with pytest.raises(ValueError, match="no images"):
        Extractor(MODEL)([])


# --- wrong names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"model": "efficientnet-lite"}, ["efficientnet-lite0", "resnet50", "did you mean"]),
        ({"model": MODEL, "layer": "poled"}, ["'poled'", "map, pooled, logits", "such as pooled"]),
        ({"model": MODEL, "layer": "map@0"}, ["'map@0'", "whole number of at least 1", "stage4@2"]),
        ({"model": MODEL, "layer": "map@x"}, ["'map@x'"]),
        ({"model": MODEL, "layer": "map@"}, ["'map@'"]),
        ({"model": MODEL, "layer": "poled@2"}, ["'poled'", "such as pooled"]),
        ({"model": MODEL, "precision": "float16"}, ["'float16'", "auto, float32, bfloat16"]),
        ({"model": MODEL, "preprocessing": "papper"}, ["'papper'", "paper, native"]),
        ({"model": MODEL, "engine": "onnx"}, ["'onnx'", "torch, openvino"]),
        ({"model": MODEL, "batch_size": 0}, ["batch_size=0"]),
    ],
)
def test_wrong_options_list_what_there_is(options: dict[str, Any], expected: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        Extractor(**options)
    assert all(part in str(caught.value) for part in expected), caught.value


def test_any_node_is_a_layer(photos: list[Path]) -> None:
    made = Extractor(MODEL, layer="_blocks.0._depthwise_conv.conv2d", precision="float32")(photos[:2])
    assert made.shape == (2, 32 * 112 * 112) and made.min() < 0


@pytest.mark.parametrize("node", ["size", "_conv_stem._conv_stem_weight"])
def test_node_that_is_not_an_output_of_an_image_is_refused(photos: list[Path], node: str) -> None:
    """The graph also has nodes that are numbers or weights."""
    with pytest.raises(ValueError, match=node):
        Extractor(MODEL, layer=node)(photos[:1])


@pytest.mark.parametrize(("layer", "shape"), [("pooled@1", r"\(1280,\)"), ("map@8", r"\(1280, 7, 7\).*at least 8 x 8")])
def test_only_a_map_of_that_size_is_averaged(photos: list[Path], layer: str, shape: str) -> None:
    with pytest.raises(ValueError, match=rf"layer '{layer}'.*{shape}"):
        Extractor(MODEL, layer=layer)(photos[:1])


def test_averaged_map_is_flattened_channel_row_column(photos: list[Path], vectors: NDArray[np.float32]) -> None:
    """Of 14 x 14 places, each of 2 x 2 numbers is the mean of a quarter; one number a channel is what pooling gives."""
    whole = Extractor(MODEL, layer="stage5", precision="float32")(photos[:2]).reshape(2, 112, 2, 7, 2, 7)
    made = Extractor(MODEL, layer="stage5@2", precision="float32")(photos[:2])
    assert np.abs(made - whole.mean(axis=(3, 5)).reshape(2, 448)).max() < 1e-5
    assert whole.min() < 0
    made = Extractor(MODEL, layer="map@1", precision="float32")(photos[:2])
    assert np.abs(made - vectors[:2]).max() < 1e-5


def test_offline_weights_say_where_to_put_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: Any, **options: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    url = models.AlexNet_Weights.IMAGENET1K_V1.url
    with pytest.raises(OSError) as caught:
        Extractor("alexnet")
    assert url in str(caught.value)
    assert str(tmp_path / "hub" / "checkpoints" / url.split("/")[-1]) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04 cut short"])
def test_damaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Put there by hand, as the message above asks: a failed download must not look like a bug of torch."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    name = models.AlexNet_Weights.IMAGENET1K_V1.url.split("/")[-1]
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / name).write_bytes(content)
    with pytest.raises((OSError, ValueError), match=name):
        Extractor("alexnet")


# --- BVLC GoogLeNet ---------------------------------------------------------------------------------------------


def in_caffes_way(x: NDArray[Any], weights: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Compute map and logits as Caffe's documentation says, in NumPy, double precision and no module of torch."""

    def convolve(x: NDArray[Any], name: str, stride: int = 1, pad: int = 0) -> NDArray[Any]:
        weight = weights[f"{name}.weight"]
        x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], (1, 2))[:, ::stride, ::stride]
        made = np.tensordot(weight, windows, ((1, 2, 3), (0, 3, 4))) + weights[f"{name}.bias"][:, None, None]
        return np.maximum(made, 0)

    def largest(x: NDArray[Any], stride: int, pad: int) -> NDArray[Any]:
        side = -(-(x.shape[1] + 2 * pad - 3) // stride) + 1
        starts = [max(stride * place - pad, 0) for place in range(side)]
        ends = [stride * place - pad + 3 for place in range(side)]
        rows = np.stack([x[:, a:b].max(axis=1) for a, b in zip(starts, ends, strict=True)], axis=1)
        return np.stack([rows[:, :, a:b].max(axis=2) for a, b in zip(starts, ends, strict=True)], axis=2)

    def normalize(x: NDArray[Any]) -> NDArray[Any]:
        near = [(x[max(channel - 2, 0) : channel + 3] ** 2).sum(axis=0) for channel in range(len(x))]
        return x / (1 + 1e-4 / 5 * np.stack(near)) ** 0.75

    def inception(x: NDArray[Any], name: str) -> NDArray[Any]:
        three = convolve(convolve(x, f"{name}.b3r"), f"{name}.b3", pad=1)
        five = convolve(convolve(x, f"{name}.b5r"), f"{name}.b5", pad=2)
        pooled = convolve(largest(x, 1, 1), f"{name}.pp")
        return np.concatenate((convolve(x, f"{name}.b1"), three, five, pooled))

    x = normalize(largest(convolve(x, "conv1", 2, 3), 2, 0))
    x = largest(normalize(convolve(convolve(x, "conv2r"), "conv2", pad=1)), 2, 0)
    x = largest(inception(inception(x, "i3a"), "i3b"), 2, 0)
    for name in ("i4a", "i4b", "i4c", "i4d", "i4e"):
        x = inception(x, name)
    x = inception(inception(largest(x, 2, 0), "i5a"), "i5b")
    return x, weights["fc.weight"] @ x.mean(axis=(1, 2)) + weights["fc.bias"]


def test_bvlc_googlenet_computes_what_caffe_does() -> None:
    """With drawn weights, large enough on their way that local response normalisation matters."""
    network, generator = NETWORKS["bvlc-googlenet"], torch.Generator().manual_seed(0)
    module = network.architecture().eval().to(memory_format=torch.channels_last)
    for parameter in module.parameters():
        fan_in = parameter[0].numel()
        nn.init.normal_(parameter, 0, (2 / fan_in) ** 0.5 if parameter.ndim > 1 else 1, generator=generator)
    image = 120 * torch.randn(1, 3, 224, 224, generator=generator)
    with torch.inference_mode():
        made = [cut(module, network.layers[layer])(image)[0].numpy() for layer in ("inception5b", "logits")]
    weights = {name: value.double().numpy() for name, value in module.state_dict().items()}
    for ours, caffes in zip(made, in_caffes_way(image[0].double().numpy(), weights), strict=True):
        assert ours.shape == caffes.shape
        assert np.abs(ours - caffes).max() < 1e-5 * np.abs(caffes).max()


@pytest.fixture
def googlenet(own_cache: Path) -> str:
    """The name of the network, its weights put where it looks for them."""
    if not GOOGLENET.is_file():
        pytest.skip("no weights of BVLC GoogLeNet beside this checkout")
    (own_cache / "weights").mkdir(parents=True)
    (own_cache / "weights" / "bvlc_googlenet.safetensors").symlink_to(GOOGLENET)
    return "bvlc-googlenet"


@pytest.mark.parametrize("preprocessing", ["paper", "native"])
def test_bvlc_googlenet_sees_what_is_there(googlenet: str, photos: list[Path], preprocessing: str) -> None:
    """Weights in half precision, BGR, the mean colour and the order of classes are all right; grey photographs too."""
    extractor = Extractor(googlenet, layer="logits", preprocessing=preprocessing, precision="float32")
    logits = extractor([photos[0], photos[1], photos[4]])
    cat, coffee, camera = (imagenet_classes()[number] for number in logits.argmax(axis=1))
    assert (cat, coffee, camera) == ("Egyptian cat", "espresso", "tripod")


def test_bvlc_googlenet_in_bfloat16(googlenet: str, photos: list[Path]) -> None:
    exact, rounded = (Extractor(googlenet, precision=precision)(photos) for precision in ("float32", "bfloat16"))
    assert exact.min() >= 0 and cosines(exact, rounded).min() >= 0.999


def test_damaged_weights_of_bvlc_googlenet_are_named(own_cache: Path) -> None:
    path = own_cache / "weights" / "bvlc_googlenet.safetensors"
    path.parent.mkdir(parents=True)
    for content in (b"", b"<html>404</html>", save({"conv1.weight": np.zeros((64, 3, 7, 7), np.float16)})):
        path.write_bytes(content)
        with pytest.raises(OSError, match=r"bvlc_googlenet\.safetensors is damaged, or does not hold the weights"):
            Extractor("bvlc-googlenet")


# --- layers -----------------------------------------------------------------------------------------------------


WIDTHS = {
    ("alexnet", "relu7"): 4096,
    ("alexnet", "fc7"): 4096,
    ("alexnet", "pool5"): 256 * 36,
    ("vgg16", "relu7"): 4096,
    ("vgg16", "fc6"): 4096,
    ("torchvision-googlenet", "pooled"): 1024,
    ("torchvision-googlenet", "inception5b"): 7 * 7 * 1024,
    ("resnet50", "pooled"): 2048,
    ("resnet50", "map"): 7 * 7 * 2048,
    ("bvlc-googlenet", "pooled"): 1024,
    ("bvlc-googlenet", "inception5b"): 7 * 7 * 1024,
    ("googlenet", "pooled"): 1024,
    ("googlenet", "pool5"): 1024,
    ("googlenet", "icp9_out"): 7 * 7 * 1024,
    ("googlenet", "prob"): 1000,
    ("vgg-m", "pool5"): 6 * 6 * 512,
    ("vgg-m", "fc6"): 4096,
    ("vgg-m", "relu6"): 4096,
    ("vgg-m", "fc7"): 4096,
    ("vgg-m", "relu7"): 4096,
    ("vgg-m", "pooled"): 4096,
    ("vgg-m", "fc8"): 1000,
    ("vgg-m", "prob"): 1000,
    ("vgg-m", "softmax"): 1000,
    ("vgg-m-128", "relu6"): 4096,
    ("vgg-m-128", "fc7"): 128,
    ("vgg-m-128", "pooled"): 128,
    ("efficientnet-lite0", "stage2"): 24 * 56 * 56,
    ("efficientnet-lite0", "stage3"): 40 * 28 * 28,
    ("efficientnet-lite0", "stage4"): 80 * 14 * 14,
    ("efficientnet-lite0", "stage5"): 112 * 14 * 14,
    ("efficientnet-lite0", "stage6"): 192 * 7 * 7,
    ("efficientnet-lite0", "stage7"): 320 * 7 * 7,
    ("efficientnet-lite0", "pooled"): 1280,
    ("efficientnet-lite1", "pooled"): 1280,
    ("efficientnet-lite2", "pooled"): 1280,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_alias_is_a_node_of_the_expected_width(name: str) -> None:
    """On torch's meta device: shapes without weights."""
    network = NETWORKS[name]
    with torch.device("meta"):
        module = network.architecture().eval()
        image = torch.empty(1, 3, network.preprocessing.size, network.preprocessing.size)
    assert {"pooled", "logits"} <= set(network.layers)
    for alias, node in network.layers.items():
        width = cut(module, node)(image).flatten(1).shape[1]
        assert width == WIDTHS.get((name, alias), 1000 if alias == "logits" else width), alias


@pytest.mark.parametrize("number", [0, 1, 2])
def test_stages_of_efficientnet_lite_end_where_the_next_begins(number: int) -> None:
    """A stage's last node is followed by a block of other channels, or by the head."""
    network = NETWORKS[f"efficientnet-lite{number}"]
    with torch.device("meta"):
        module = network.architecture()
    filters = [(block._block_args.input_filters, block._block_args.output_filters) for block in module._blocks]
    ends = [row for row, (_, out) in enumerate(filters) if row + 1 == len(filters) or filters[row + 1][1] != out]
    assert [int(network.layers[f"stage{stage}"].split(".")[1]) for stage in range(2, 8)] == ends[1:]
    nodes = get_graph_node_names(module.eval(), suppress_diff_warning=True)[1]
    for stage in range(2, 8):
        node = network.layers[f"stage{stage}"]
        block = node.rsplit(".", 1)[0]
        assert [name for name in nodes if name.startswith(f"{block}.")][-1] == node


@pytest.fixture(scope="module")
def image_batch() -> torch.Tensor:
    return torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))


def test_alexnets_fc7_is_before_its_relu(image_batch: torch.Tensor) -> None:
    """The ReLU that follows works in place: without care, "fc7" would be relu7 under another name."""
    torch.manual_seed(0)
    module = models.alexnet().eval()
    before = copy.deepcopy(module.state_dict())
    with torch.inference_mode():
        whole = module(image_batch)
        made = cut(module, "classifier.4")(image_batch)
        step = torch.flatten(module.avgpool(module.features(image_batch)), 1)
        for layer in module.classifier[:5]:
            step = layer(step)
        assert torch.equal(made, step)
        assert made.min() < 0
        assert torch.equal(cut(module, "classifier.5")(image_batch), step.relu())
        assert torch.equal(module(image_batch), whole), "the original still computes the same"
    relus = [layer for layer in module.modules() if isinstance(layer, nn.ReLU)]
    assert relus and all(layer.inplace for layer in relus), "the original still works in place"
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_resnets_bn3_is_before_the_addition(image_batch: torch.Tensor) -> None:
    """``out += identity`` follows, in place."""
    torch.manual_seed(0)
    module = models.resnet50().eval()
    with torch.inference_mode():
        made = cut(module, "layer1.0.bn3")(image_batch)
        block, step = module.layer1[0], module.maxpool(module.relu(module.bn1(module.conv1(image_batch))))
        for number in (1, 2):
            step = block.relu(getattr(block, f"bn{number}")(getattr(block, f"conv{number}")(step)))
        assert torch.equal(made, block.bn3(block.conv3(step)))
        assert made.min() < 0


@pytest.mark.parametrize("node", ["conv1.bn", "inception3a.branch1.bn"])
def test_googlenets_batch_norm_is_before_the_functional_relu(image_batch: torch.Tensor, node: str) -> None:
    """``F.relu(x, inplace=True)`` follows: a call, not a module."""
    torch.manual_seed(0)
    module = models.googlenet(init_weights=False, transform_input=True).eval()
    seen = {}
    part = module.get_submodule(node)
    handle = part.register_forward_hook(lambda _, __, output: seen.update({node: output.clone()}))
    with torch.inference_mode():
        module(image_batch)
        handle.remove()
        made = cut(module, node)(image_batch)
    assert made.min() < 0
    assert torch.allclose(made, seen[node], atol=1e-6)


class InPlace(nn.Module):
    """Every way in which a later step may overwrite an earlier result."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        step = self.first(x)
        step += 1.0
        step *= 2.0
        step = nn.functional.relu(step, True)
        step = torch.relu_(step)
        return step.add_(3.0)


@pytest.mark.parametrize("node", ["first", "relu"])
def test_no_operation_in_place_overwrites_a_layer(image_batch: torch.Tensor, node: str) -> None:
    torch.manual_seed(0)
    module = InPlace().eval()
    with torch.inference_mode():
        step = module.first(image_batch)
        expected = step if node == "first" else operator.mul(step + 1, 2).relu()
        assert torch.equal(cut(module, node)(image_batch), expected)


# --- long runs --------------------------------------------------------------------------------------------------


def tiny_images(root: Path, count: int) -> ImageSet:
    """Two classes of 32 x 24 JPEGs, each image another one."""
    for number in range(count):
        path = root / "ab"[number % 2] / f"{number:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(number)
        Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(path)
    return from_folder(root, name="tiny")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "SHARD", 8)


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageSet:
    """24 images, and the network "toy" of one convolution: what follows is about files, not about arithmetic."""

    def architecture() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 6, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    torch.manual_seed(0)
    weights = tmp_path / "toy.pt"
    torch.save(architecture().state_dict(), weights)
    prepare = Preprocessing(32, 36, Image.Resampling.BICUBIC, (127.0,) * 3, (128.0,) * 3)
    monkeypatch.setitem(
        NETWORKS, "toy", Network("toy", architecture, lambda: weights, {"pooled": "3"}, prepare, "for tests")
    )
    return tiny_images(tmp_path / "images", 24)


def run(images: ImageSet, model: str = "toy", **options: Any) -> Path:
    return extract(images, model, **{"precision": "float32", "batch_size": 4, "progress": False, **options})


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the images that were read, in order of their reading."""
    seen: list[str] = []
    real = read_input

    def noted(path: Path, *args: Any, **options: Any) -> Any:
        seen.append(path.name)
        return real(path, *args, **options)

    monkeypatch.setattr("stresslib.extraction.extractor.read_input", noted)
    return seen


def shard_files(folder: Path) -> dict[str, int]:
    """Finished shards below a folder and when they were written."""
    found = folder.rglob("*.shards/[0-9]*.safetensors")
    return {os.fspath(path): path.stat().st_mtime_ns for path in found if not path.name.startswith(".")}


def spoil(images: ImageSet, *rows: int) -> list[str]:
    for row in rows:
        (images.root / images.files[row]).write_bytes(b"no image")
    return [images.files[row] for row in rows]


def stop_at(images: ImageSet, row: int, **options: Any) -> bytes:
    """Run into one unreadable image; return what it held before."""
    content = (images.root / images.files[row]).read_bytes()
    (name,) = spoil(images, row)
    with pytest.raises(UnreadableImageError, match=name):
        run(images, **options)
    return content


def test_extracted_set_loads_by_its_name(tmp_path: Path, images: ImageSet) -> None:
    path = run(images, MODEL)
    features = sl.load_features("tiny", MODEL, normalize=False)
    expected = Extractor(MODEL, precision="float32", batch_size=4)([images.root / name for name in images.files])
    assert np.allclose(features.X, expected, atol=1e-5)
    assert (features.files, features.classes, features.metric) == (images.files, images.classes, images.metric)
    assert np.array_equal(features.y, images.y) and np.array_equal(features.train, images.train)
    assert features.name == f"tiny/{MODEL}/pooled"
    assert features.provenance["precision"] == "float32" and features.provenance["preprocessing"] == "paper"
    assert features.provenance["split"] == images.provenance["split"]
    assert len(features.provenance["weights_sha256"]) == 64
    assert path.is_relative_to(tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.shards"))
    assert sl.load_features(path).X.shape == (24, 1280)


def test_output_goes_where_it_is_asked_to(tmp_path: Path, images: ImageSet) -> None:
    path = run(images, output=tmp_path / "new" / "mine.safetensors")
    assert path == tmp_path / "new" / "mine.safetensors"
    assert [child.name for child in path.parent.iterdir()] == ["mine.safetensors"]


KILLED = """
import sys, time
from pathlib import Path
from stresslib.datasets import from_folder
from stresslib.extraction import job, shards

job.SHARD = 8
save = shards.save_file
written = []

def save_and_hang(tensors, path):
    if len(written) == 2:
        Path(path).write_bytes(b"half a shard")
        time.sleep(60)
    save(tensors, path)
    written.append(path)

shards.save_file = save_and_hang
images = from_folder(sys.argv[1], name="tiny")
job.extract(images, sys.argv[3], precision="float32", batch_size=4, output=sys.argv[2], progress=False)
"""


def test_killed_run_goes_on_where_it_was(
    tmp_path: Path, reads: list[str], fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 in the middle of the third shard: the first two are not touched again, and the file is the same bytes."""
    images = tiny_images(tmp_path / "images", 40)
    output = tmp_path / "resumed.safetensors"
    child = Forked(fork_server, KILLED, images.root, output, MODEL, folder=tmp_path)

    def hangs() -> bool:
        return any(path.read_bytes() == b"half a shard" for path in tmp_path.rglob(".00000016*"))

    assert child.kill_when(hangs) == signal.SIGKILL, child.errors
    assert not output.exists()
    early = shard_files(tmp_path)
    assert [Path(name).stem for name in sorted(early)] == ["00000000", "00000008"]

    late: dict[str, int] = {}
    real = shutil.rmtree

    def noted(path: Any, *args: Any, **options: Any) -> None:
        late.update(shard_files(tmp_path))
        real(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", noted)
        run(images, MODEL, output=output)
    assert len(late) == 5 and early.items() <= late.items(), "the early shards are the same files"
    assert sorted(reads) == sorted(Path(name).name for name in images.files[16:]), "only the missing images are read"
    undisturbed = run(images, MODEL, output=tmp_path / "undisturbed.safetensors")
    assert output.read_bytes() == undisturbed.read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*safetensors*")) == ["resumed.safetensors", "undisturbed.safetensors"]


@pytest.mark.parametrize("progress", [False, True], ids=["silent", "progress"])
def test_damaged_shard_is_made_again(tmp_path: Path, images: ImageSet, reads: list[str], progress: bool) -> None:
    """A whole one is not, whether or not there is a progress bar."""
    content = stop_at(images, 20)
    first = Path(min(shard_files(tmp_path)))
    first.write_bytes(first.read_bytes()[:-100])
    (images.root / images.files[20]).write_bytes(content)
    reads.clear()
    path = run(images, progress=progress)
    assert sorted(reads) == sorted(Path(images.files[row]).name for row in [*range(8), *range(16, 24)])
    assert path.read_bytes() == run(images, output=tmp_path / "clean.safetensors").read_bytes()


def test_an_engines_vectors_never_pass_for_the_others(tmp_path: Path, images: ImageSet, reads: list[str]) -> None:
    """Neither shards nor finished files: what was made by one is not what was asked of the other."""
    pytest.importorskip("openvino", reason="OpenVINO is not installed: pip install stresslib[fast]")
    content = stop_at(images, 20)
    (images.root / images.files[20]).write_bytes(content)
    reads.clear()
    made = sl.load_features(run(images, engine="openvino"))
    assert len(reads) == 24, "two shards of PyTorch's are there, and none of them is taken"
    assert made.provenance["engine"] == "openvino" and "openvino" in made.provenance["versions"]
    reads.clear()
    run(images, engine="openvino")
    assert not reads, "its own are"
    again = sl.load_features(run(images))
    assert len(reads) == 8, "PyTorch goes on where it was stopped"
    assert again.provenance["engine"] == "torch" and np.allclose(again.X, made.X, atol=1e-5)


def test_layers_are_read_in_one_pass(tmp_path: Path, images: ImageSet, reads: list[str]) -> None:
    """Each as a file of its own, the same bytes as alone, from one reading of the images; a stop loses none of them."""
    content = stop_at(images, 20, layer=["0", "pooled"])
    (images.root / images.files[20]).write_bytes(content)
    reads.clear()
    paths = run(images, layer=["0", "pooled"])
    assert len(reads) == 8, "two of three shards were there"
    assert [load_file(path)["X"].shape for path in paths] == [(24, 6 * 7 * 7), (24, 6)]
    for path, layer in zip(paths, ("0", "pooled"), strict=True):
        assert sl.load_features("tiny", "toy", layer).provenance["layer"] == layer
        assert path.read_bytes() == run(images, layer=layer, output=tmp_path / "alone.safetensors").read_bytes()
    assert not list(tmp_path.rglob("*.shards"))


def test_layers_that_cannot_go_together_are_refused(tmp_path: Path, images: ImageSet) -> None:
    with pytest.raises(ValueError, match=r"one\.safetensors is one file, and there are 2 layers"):
        run(images, layer=["0", "pooled"], output=tmp_path / "one.safetensors")
    for layers in ([], ["0", "0"]):
        with pytest.raises(ValueError, match="at least one is needed, and each once"):
            run(images, layer=layers)


def test_image_whose_features_are_not_finite_is_named(images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    real = read_input

    def spoilt(path: Path, *args: Any) -> Any:
        return real(path, *args) * (np.nan if path.name == Path(images.files[13]).name else 1)

    monkeypatch.setattr("stresslib.extraction.extractor.read_input", spoilt)
    with pytest.raises(ValueError, match=f"{images.files[13]}: its features of layer pooled are not finite"):
        run(images)


def test_unreadable_image_stops_with_its_name_and_keeps_what_is_done(tmp_path: Path, images: ImageSet) -> None:
    stop_at(images, 20)
    assert [Path(shard).stem for shard in sorted(shard_files(tmp_path))] == ["00000000", "00000008"]


def test_unreadable_images_are_skipped_and_listed(tmp_path: Path, images: ImageSet) -> None:
    """By the names that the data set gives them: a path of this machine has no place in a file that is shared."""
    names = spoil(images, 3, 20)
    features = sl.load_features(run(images, on_error="skip"), normalize=False)
    assert len(features.X) == 22
    assert features.files == tuple(name for name in images.files if name not in names)
    kept = [row for row, name in enumerate(images.files) if name not in names]
    assert np.array_equal(features.y, images.y[kept]) and np.array_equal(features.train, images.train[kept])
    skipped = features.provenance["skipped"]
    assert len(skipped) == 2 and all(name in problem for name, problem in zip(names, skipped, strict=True))


def test_skipped_images_are_listed_without_paths_of_this_machine(images: ImageSet) -> None:
    spoil(images, 3)
    features = sl.load_features(run(images, on_error="skip"))
    assert os.fspath(images.root) not in json.dumps(features.provenance)


def test_shard_without_a_readable_image(images: ImageSet) -> None:
    spoil(images, *range(8, 16))
    assert len(sl.load_features(run(images, on_error="skip")).X) == 16


def test_skipping_after_a_stop_uses_what_was_done(images: ImageSet, reads: list[str]) -> None:
    """The usual way: stopped by image 7,900 of 8,000, then run again with --on-error skip."""
    stop_at(images, 20)
    reads.clear()
    run(images, on_error="skip")
    assert sorted(reads) == sorted(Path(name).name for name in images.files[16:])


def test_stopping_after_a_skip_still_stops(tmp_path: Path, images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of a run that skipped never satisfy a run that asked to be told."""
    (name,) = spoil(images, 3)
    with monkeypatch.context() as patch:
        patch.setattr(job, "gather", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(images, on_error="skip")
    assert len(shard_files(tmp_path)) == 3
    with pytest.raises(UnreadableImageError, match=name):
        run(images)


def interrupted(*args: Any) -> None:
    raise KeyboardInterrupt


def test_nothing_readable(images: ImageSet) -> None:
    spoil(images, *range(24))
    with pytest.raises(ValueError, match="tiny: none of 24 images could be read"):
        run(images, on_error="skip")


def test_unknown_on_error(images: ImageSet) -> None:
    with pytest.raises(ValueError, match="allowed are raise, skip"):
        run(images, on_error="ignore")


def test_two_jobs_for_one_output_do_not_mix(tmp_path: Path, images: ImageSet, reads: list[str]) -> None:
    """Shards of a stopped run with another preprocessing lie beside the same output: they are not taken."""
    expected = run(images, preprocessing="native", output=tmp_path / "clean.safetensors").read_bytes()
    content = stop_at(images, 20, output=tmp_path / "mixed.safetensors")
    early = shard_files(tmp_path)
    (images.root / images.files[20]).write_bytes(content)
    reads.clear()
    assert run(images, preprocessing="native", output=tmp_path / "mixed.safetensors").read_bytes() == expected
    assert len(reads) == 24
    assert len(early) == 2 and shard_files(tmp_path) == early, "the other job's shards stay"


def test_changed_images_do_not_mix_with_old_shards(tmp_path: Path, images: ImageSet) -> None:
    """The folder was filled again between two runs, with other images under the same names."""
    stop_at(images, 20)
    shutil.rmtree(images.root)
    for number, name in enumerate(images.files):
        (images.root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30 + number, 20), (10 * number, 90, 9)).save(images.root / name)
    path = run(images)
    clean = run(images, output=tmp_path / "clean.safetensors")
    assert np.array_equal(sl.load_features(path).X, sl.load_features(clean).X)


def test_full_disk_names_the_path_and_keeps_finished_shards(
    tmp_path: Path, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = save_file
    written: list[Path] = []

    def full_at_the_third(tensors: Any, path: Path) -> None:
        if len(written) == 2:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(tensors, path)
        written.append(path)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "save_file", full_at_the_third)
        with pytest.raises(OSError, match=r"cannot write .*00000016\.safetensors.*No space left"):
            run(images)
    early = shard_files(tmp_path)
    assert [Path(shard).stem for shard in sorted(early)] == ["00000000", "00000008"]
    assert all("X0" in load_file(shard) for shard in early)
    assert not list(tmp_path.rglob(".0*"))
    run(images)


def test_unfinished_run_is_not_listed(images: ImageSet) -> None:
    stop_at(images, 20)
    assert "tiny/toy/pooled" not in [name for name, _ in list_features()]
    (images.root / images.files[20]).write_bytes((images.root / images.files[21]).read_bytes())
    run(images)
    assert "tiny/toy/pooled" in [name for name, _ in list_features()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "AP"}, "AP"),
        ({"train": np.array([True, True] * 11 + [True, False])}, "test"),
        ({"train": np.ones(24, dtype=bool)}, "test"),
    ],
)
def test_sets_that_cannot_be_used_fail_before_the_first_image(
    images: ImageSet, reads: list[str], change: dict[str, Any], message: str
) -> None:
    """Not after hours, when the features are put together."""
    options = {name: getattr(images, name) for name in ("name", "root", "files", "y", "train", "classes", "metric")}
    with pytest.raises(ValueError, match=message):
        run(ImageSet(**{**options, **change}))
    assert reads == []


# --- the shipped features ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def caltech_sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """64 images of the archive, spread over its classes."""
    if not CALTECH.is_file():
        pytest.skip("no caltech101.tar beside this checkout")
    folder = tmp_path_factory.mktemp("caltech")
    with tarfile.open(CALTECH) as tar:
        members = sorted((member for member in tar if member.isreg()), key=lambda member: member.name)
        chosen = [members[row] for row in np.linspace(0, len(members) - 1, 64).astype(int)]
        tar.extractall(folder, chosen, filter="data")
    yield {member.name.removeprefix("caltech101/"): folder / member.name for member in chosen}
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("model", "layer"),
    [(MODEL, "pooled"), ("efficientnet-lite2", "pooled"), ("bvlc-googlenet", "pooled")],
)
def test_shipped_features_are_those_of_the_default_settings(
    caltech_sample: dict[str, Path], model: str, layer: str, request: pytest.FixtureRequest
) -> None:
    if model == "bvlc-googlenet":
        request.getfixturevalue("googlenet")
    features = sl.load_features("caltech101", model, layer)
    rows = [features.files.index(name) for name in caltech_sample]
    made = Extractor(model, layer)(list(caltech_sample.values()))
    assert cosines(made, features.X[rows]).min() >= 0.999


def test_shipped_digits_are_those_of_the_data_set() -> None:
    """Images, labels and split that load_images gives on any machine."""
    images, features = load_images("digits"), sl.load_features("digits", MODEL)
    assert features.files == images.files and features.metric == images.metric
    assert np.array_equal(features.y, images.y) and np.array_equal(features.train, images.train)
    made = Extractor(MODEL, precision="float32")([images.root / name for name in images.files[::100]])
    assert cosines(made, features.X[::100]).min() >= 0.9999


def test_shipped_features_are_small_and_bear_their_names() -> None:
    """What every user downloads; each under the name that its header has, in full precision or with its options."""
    paths = sorted(EMBEDDED.glob("*.safetensors.xz"))
    assert sum(path.stat().st_size for path in paths) < 60e6
    for path in paths:
        features = sl.load_features(path, normalize=False)
        assert features.name == path.name.split(".")[0].replace("--", "/")
        if is_method(model := features.provenance["model"]):
            method = find_method(model)
            assert features.provenance["options"] == {name: getattr(method, name) for name in options(method.kind)}
            assert features.X.shape[1] == method.width(features.provenance["layer"])
            continue
        assert features.provenance["precision"] == "float32" and features.provenance["preprocessing"] == "paper"
