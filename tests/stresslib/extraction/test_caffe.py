"""Caffe's weights: a file that is encoded byte by byte here, in both layouts of layers, is read as what it holds."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from matconvnet_files import SMALL_INCEPTIONS, STEM
from places import SHARED
from safetensors.torch import load_file

from stresslib.extraction import Extractor, caffe, imagenet_classes
from stresslib.extraction.caffe import LAYERS, read_caffemodel
from stresslib.extraction.googlenet import GoogLeNet

REAL = SHARED / "data" / "bvlc_googlenet_fp16.safetensors"

# --- protocol buffers by their specification: a field is its number and kind, then a number or so many bytes --------------


def varint(number: int) -> bytes:
    made = b""
    while number > 127:
        made, number = made + bytes([number & 127 | 128]), number >> 7
    return made + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def blob(tensor: torch.Tensor, layout: str, shape: Iterable[int]) -> bytes:
    # In caffe.proto: num, channels, height, width are 1 to 4; data 5, diff 6, shape 7 with dim 1, all packed.
    sizes = list(shape)
    if layout == "V1":
        sizes = [1] * (4 - len(sizes)) + sizes
        header = b"".join(field(number, size) for number, size in enumerate(sizes, 1))
    else:
        header = field(7, field(1, b"".join(varint(size) for size in sizes)))
    return header + field(5, tensor.float().numpy().astype("<f4").tobytes())


def layer(name: str, blobs: list[bytes], layout: str) -> bytes:
    if layout == "V1":
        held = field(2, b"bottom") + field(3, b"top") + field(4, name.encode()) + field(5, 4)
        return field(2, held + b"".join(field(6, one) for one in blobs))
    held = field(1, name.encode()) + field(2, b"Convolution") + field(3, b"bottom")
    return field(100, held + b"".join(field(7, one) for one in blobs))


def write_caffemodel(path: Path, state: dict[str, torch.Tensor], layout: str) -> Path:
    parts = [field(1, b"GoogleNet"), layer("data", [], layout)]
    for name, theirs in LAYERS.items():
        blobs = [blob(state[f"{name}.{part}"], layout, state[f"{name}.{part}"].shape) for part in ("weight", "bias")]
        parts.append(layer(theirs, blobs, layout))
    # One of the classifiers for training, with a diff, and a field that nobody knows.
    parts.append(layer("loss1/classifier", [blob(torch.ones(3), layout, [3]) + field(6, bytes(12))], layout) + field(900, 1))
    path.write_bytes(b"".join(parts))
    return path


def small() -> GoogLeNet:
    return GoogLeNet(stem=STEM, inceptions=SMALL_INCEPTIONS, classes=10)


def small_state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(value.shape, generator=generator) for name, value in small().state_dict().items()}


@pytest.mark.parametrize("layout", ["V1", "new"])
def test_both_layouts_are_read(tmp_path: Path, layout: str) -> None:
    state = small_state()
    made = read_caffemodel(write_caffemodel(tmp_path / "small.caffemodel", state, layout), small())
    assert made.keys() == state.keys()
    assert all(torch.equal(made[name], state[name]) for name in state)


def test_layers_bear_caffes_names() -> None:
    """Those of models/bvlc_googlenet/deploy.prototxt."""
    assert len(LAYERS) == 3 + 9 * 6 + 1
    names = {"conv1/7x7_s2", "conv2/3x3_reduce", "conv2/3x3", "inception_3a/1x1", "inception_4e/5x5_reduce"}
    assert names | {"inception_5b/pool_proj", "inception_5b/3x3", "loss3/classifier"} <= set(LAYERS.values())


@pytest.mark.parametrize("layout", ["V1", "new"])
def test_truncated_file_is_named(tmp_path: Path, layout: str) -> None:
    path = write_caffemodel(tmp_path / "cut.caffemodel", small_state(), layout)
    whole = path.read_bytes()
    for share in (0, 0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match=r"cut\.caffemodel (is damaged|has no (weight|bias) of layer)"):
            read_caffemodel(path, small())


def test_file_cut_between_layers_misses_one(tmp_path: Path) -> None:
    """Every part of such a file is whole."""
    state = small_state()
    path = tmp_path / "cut.caffemodel"
    parts = [
        layer(LAYERS[name], [blob(state[f"{name}.{part}"], "new", state[f"{name}.{part}"].shape) for part in kinds], "new")
        for name, kinds in {"conv1": ("weight", "bias"), "conv2r": ("weight",)}.items()
    ]
    for count, message in ((1, "no weight of layer conv2/3x3_reduce"), (2, "no bias of layer conv2/3x3_reduce")):
        path.write_bytes(b"".join(parts[:count]))
        with pytest.raises(ValueError, match=rf"cut\.caffemodel has {message}: it is cut short"):
            read_caffemodel(path, small())


@pytest.mark.parametrize(
    ("shape", "values", "message"),
    [
        ([8, 3, 7, 7], 8 * 147, r"is of shape \(8, 3, 7, 7\), not \(4, 3, 7, 7\)"),
        ([4, 3, 7, 7], 587, "has 587 values for its shape"),
        ([4, 147], 588, r"is of shape \(4, 147\)"),
        ([1 << 40, 1 << 40, 7, 7], 0, "is of shape"),
        ([], 0, r"is of shape \(\)"),
    ],
)
def test_wrong_shapes_are_named(tmp_path: Path, shape: list[int], values: int, message: str) -> None:
    """Before anything is allocated."""
    path = tmp_path / "wrong.caffemodel"
    path.write_bytes(layer("conv1/7x7_s2", [blob(torch.zeros(values), "new", shape)], "new"))
    with pytest.raises(ValueError, match=rf"wrong\.caffemodel: the weight of conv1/7x7_s2 {message}"):
        read_caffemodel(path, small())


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wrong.caffemodel"
    for content in (b"<html>404</html>", b"\x89PNG\r\n\x1a\n" + bytes(100), b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"wrong\.caffemodel (is damaged|has no weight)"):
            read_caffemodel(path, small())
    path.write_bytes(bytes(100))
    monkeypatch.setattr(caffe, "LARGEST", 99)
    with pytest.raises(ValueError, match=r"wrong\.caffemodel has 100 bytes, more than 99"):
        read_caffemodel(path, small())


def test_caffemodel_in_the_cache_names_the_cat(own_cache: Path) -> None:
    """The real tensors by way of Caffe's format: the same weights, and a photograph named right."""
    spec = importlib.util.find_spec("skimage")
    if not REAL.is_file() or spec is None or spec.origin is None:
        pytest.skip("no weights of BVLC GoogLeNet beside this checkout, or no scikit-image")
    (own_cache / "weights").mkdir(parents=True)
    state = load_file(REAL)
    path = write_caffemodel(own_cache / "weights" / "bvlc_googlenet.caffemodel", state, "V1")
    assert math.isclose(path.stat().st_size, 4 * sum(value.numel() for value in state.values()), rel_tol=1e-3)
    extractor = Extractor("bvlc-googlenet", "logits", precision="float32")
    assert extractor.network.present() and extractor.network.size == path.stat().st_size
    logits = extractor([Path(spec.origin).parent / "data" / "chelsea.png"])
    assert imagenet_classes()[int(logits[0].argmax())] == "Egyptian cat"
    made = read_caffemodel(path, GoogLeNet())
    assert made.keys() == state.keys() and all(torch.equal(made[name], state[name].float()) for name in state)
