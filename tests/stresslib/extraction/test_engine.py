"""Engines: OpenVINO computes what PyTorch does, on every network and layer, and is taken only where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

import stresslib as sl
from stresslib.cli.main import main
from stresslib.extraction import NETWORKS, Extractor
from stresslib.extraction.engine import OpenVINO
from stresslib.extraction.graph import cut

MODEL = "efficientnet-lite0"
POINTS = 0.05
"""By how much a score may differ between engines."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def openvino() -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed: pip install stresslib[fast]")


def least_cosine(a: Any, b: Any) -> float:
    a, b = (np.asarray(one, dtype=np.float64).reshape(len(one), -1) for one in (a, b))
    return float((np.einsum("ij,ij->i", a, b) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def with_weights(name: str) -> nn.Module:
    """A network with its trained weights; where they are not at hand, with drawn ones through which an image comes whole."""
    if NETWORKS[name].present():
        return NETWORKS[name].load()[0]
    generator = torch.Generator().manual_seed(0)
    module = NETWORKS[name].architecture().eval()
    for parameter in module.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, 0, (2 / parameter[0].numel()) ** 0.5, generator=generator)
    return module


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_of_every_network_is_the_same(name: str, openvino: None) -> None:
    """In float32, all aliases in one pass; the second batch is smaller than the one that was compiled."""
    network = NETWORKS[name]
    nodes = list(dict.fromkeys(network.layers.values()))
    part, prepare = cut(with_weights(name), *nodes), network.preprocessing
    spread = 64 / torch.tensor(prepare.std)[:, None, None]
    batch = spread * torch.randn(2, 3, prepare.size, prepare.size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = part(batch)
    compiled = OpenVINO(part, None, batch, "float32", 1)
    made, one = compiled(batch), compiled(batch[1:])
    for node, ours, theirs, alone in zip(nodes, expected, made, one, strict=True):
        assert theirs.shape == ours.shape and theirs.dtype == ours.dtype, node
        assert theirs.std() > 0 and least_cosine(ours, theirs) >= 0.99999, node
        assert torch.equal(theirs[1:], alone), node


@pytest.fixture(scope="module")
def digits() -> sl.FeatureSet:
    """The first ten training and ten test images of each digit, with vectors that are to be replaced."""
    whole = sl.load_features("digits", MODEL)
    parts = [(whole.y == label) & (whole.train == train) for label in range(10) for train in (True, False)]
    rows = np.concatenate([np.flatnonzero(part)[:10] for part in parts])
    files = [whole.files[row] for row in rows]
    return sl.FeatureSet(whole.X[rows], whole.y[rows], whole.train[rows], whole.metric, whole.classes, files)


def vectors_of(digits: sl.FeatureSet, **options: Any) -> NDArray[np.float32]:
    root = sl.load_images("digits").root
    made: NDArray[np.float32] = Extractor(MODEL, **options)([root / name for name in digits.files])
    return made


@pytest.fixture(scope="module")
def reference(digits: sl.FeatureSet) -> NDArray[np.float32]:
    return vectors_of(digits, precision="float32")


def test_scores_are_the_same(digits: sl.FeatureSet, reference: NDArray[np.float32], openvino: None) -> None:
    """Real images through the whole way from files to the score of a classifier, in float32."""
    made = vectors_of(digits, engine="openvino", precision="float32")
    assert made.dtype == np.float32 and not np.array_equal(made, reference)
    assert least_cosine(made, reference) >= 0.99999
    sets = (digits.replace(X=X).normalized() for X in (made, reference))
    ours, theirs = (float(sl.sweep(one, "none", progress=False)["score"].iloc[0]) for one in sets)
    assert theirs > 50 and abs(ours - theirs) <= POINTS


def test_bfloat16_is_near(digits: sl.FeatureSet, reference: NDArray[np.float32], openvino: None) -> None:
    """Near in angle alone: of a hundred test images, rounding moves two across a border between classes."""
    made = vectors_of(digits, engine="openvino", precision="bfloat16")
    assert 0.999 <= least_cosine(made, reference) < 0.99999


def test_a_map_is_averaged_and_several_layers_come_together(digits: sl.FeatureSet, openvino: None) -> None:
    root = sl.load_images("digits").root
    paths, layers = [root / name for name in digits.files[:3]], ["stage4@2", "pooled"]
    ways = [Extractor(MODEL, layers, precision="float32", engine=engine)(paths) for engine in ("torch", "openvino")]
    for ours, theirs in zip(*ways, strict=True):
        assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 1e-3


def test_what_is_no_output_of_an_image_is_refused(openvino: None) -> None:
    """As with PyTorch, and before any image is read."""
    with pytest.raises(ValueError, match=r"layer 'size' of efficientnet-lite0 is a int"):
        Extractor(MODEL, "size", engine="openvino")
    with pytest.raises(ValueError, match=r"'map@8'.*at least 8 x 8"):
        Extractor(MODEL, "map@8", engine="openvino")


def test_provenance_names_the_engine(openvino: None) -> None:
    for engine, said in (("openvino", True), ("torch", False)):
        provenance = Extractor(MODEL, engine=engine).provenance
        assert provenance["engine"] == engine and ("openvino" in provenance["versions"]) == said


def test_an_engine_that_is_not_installed_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither silently by PyTorch nor after a download: the error has the command, and the default needs nothing."""
    monkeypatch.setattr("stresslib.extraction.engine.find_spec", lambda name: None if name == "openvino" else name)
    with pytest.raises(ValueError, match=r"'openvino' is not installed: pip install stresslib\[fast\]"):
        Extractor(MODEL, engine="openvino")
    assert Extractor(MODEL).engine == "torch"
    arguments = ["extract", f"{tmp_path}/none", "--model", MODEL, "--engine", "openvino"]
    assert main(arguments) != 0 and "pip install stresslib[fast]" in capsys.readouterr().err
