"""The registry: the paper's networks have its layers and widths, weights are fetched whole or not at all, timm's by name."""

from __future__ import annotations

import hashlib
import http.server
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import torch
from matconvnet_files import VGG_WIDTHS, small_vgg_m, write_simplenn
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision import models
from torchvision.models.feature_extraction import get_graph_node_names

import stresslib as sl
from stresslib.datasets import from_folder
from stresslib.extraction import NETWORKS, Extractor, extract, families
from stresslib.extraction.graph import cut
from stresslib.extraction.matconvnet import read_simplenn
from stresslib.extraction.network import Network
from stresslib.extraction.registry import find_network
from stresslib.extraction.vgg_m import VGGM

PAPERS = {
    "vgg-m": ("https://www.vlfeat.org/matconvnet/models/imagenet-vgg-m.mat", "imagenet-vgg-m.mat"),
    "vgg-m-128": ("https://www.vlfeat.org/matconvnet/models/imagenet-vgg-m-128.mat", "imagenet-vgg-m-128.mat"),
    "googlenet": ("https://www.vlfeat.org/matconvnet/models/imagenet-googlenet-dag.mat", "imagenet-googlenet-dag.mat"),
    "bvlc-googlenet": ("http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel", "bvlc_googlenet.caffemodel"),
}
"""Addresses of the weights, and the names of their files."""


# --- layers ---------------------------------------------------------------------------------------------------------------


def on_meta(name: str) -> tuple[Network, nn.Module]:
    with torch.device("meta"):
        return NETWORKS[name], NETWORKS[name].architecture().eval()


def test_vgg_m_has_the_papers_layers() -> None:
    """Its indices 15 to 21 (protocol 1.1), and the widths that its tables have."""
    network, module = on_meta("vgg-m")
    nodes = get_graph_node_names(module)[1]
    layers = [node for node in nodes if node not in ("x", "sub", "flatten")]
    assert len(layers) == 21
    assert layers[14:] == ["pool5", "fc6", "relu6", "fc7", "relu7", "fc8", "prob"]
    image = torch.empty(1, 3, 224, 224, device="meta")
    widths = [cut(module, network.layers[layer])(image).flatten(1).shape[1] for layer in layers[14:]]
    assert widths == [18432, 4096, 4096, 4096, 4096, 1000, 1000]
    assert (network.layers["pooled"], network.layers["logits"], network.layers["softmax"]) == ("relu7", "fc8", "prob")


@pytest.mark.parametrize(("name", "count"), [("vgg-m", 102_908_520), ("vgg-m-128", 82_683_624)])
def test_number_of_weights(name: str, count: int) -> None:
    """Filters and biases of the eight layers, by hand."""
    seven = 4096 if name == "vgg-m" else 128
    filters = [7 * 7 * 3 * 96, 5 * 5 * 96 * 256, 3 * 3 * 256 * 512, 2 * 3 * 3 * 512 * 512, 6 * 6 * 512 * 4096]
    by_hand = sum(filters) + 4096 * seven + seven * 1000 + 96 + 256 + 3 * 512 + 4096 + seven + 1000
    assert sum(parameter.numel() for parameter in on_meta(name)[1].parameters()) == by_hand == count


@pytest.mark.parametrize("name", ["googlenet", "bvlc-googlenet"])
def test_googlenets_have_the_same_layers(name: str) -> None:
    network, module = on_meta(name)
    assert sum(parameter.numel() for parameter in module.parameters()) == 6_998_552
    assert network.layers["icp9_out"] == network.layers["inception5b"]
    assert network.layers["pool5"] == network.layers["pooled"]
    assert cut(module, network.layers["icp9_out"])(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 1024, 7, 7)


def test_googlenets_differ_in_their_input_alone() -> None:
    """One subtracts an image, the other comes with the mean colour subtracted: the same for an image of that colour."""
    torch.manual_seed(0)
    bvlc, princeton = (NETWORKS[name].architecture().eval() for name in ("bvlc-googlenet", "googlenet"))
    colour = torch.tensor([104.0, 117.0, 123.0])[:, None, None].expand(3, 224, 224)
    princeton.load_state_dict({**bvlc.state_dict(), "average": colour})
    image = 255 * torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        made = [cut(bvlc, "fc")(image - colour), cut(princeton, "fc")(image)]
    assert torch.equal(*made)


def test_every_network_says_where_it_comes_from() -> None:
    for network in NETWORKS.values():
        assert network.source and network.about and "\n" not in network.source + network.about
    assert NETWORKS["resnet50"].stated_size is not None and 97e6 < NETWORKS["resnet50"].stated_size < 103e6
    lite = NETWORKS["efficientnet-lite0"]
    assert lite.weights is not None and lite.present() and lite.size == lite.weights().stat().st_size
    for name, (url, file) in PAPERS.items():
        network = NETWORKS[name]
        assert network.weights is not None
        assert network.source.startswith(f"{url}, ") and network.weights().name == file
        assert not network.present() and 20e6 < network.size < 420e6


def test_what_the_registry_states_is_so() -> None:
    """Sizes, addresses and preprocessing stand in it, so that it needs no torch: they are those of the networks."""
    for network in NETWORKS.values():
        if network.n_parameters is not None:
            with torch.device("meta"):
                assert network.n_parameters == sum(one.numel() for one in network.architecture().parameters()), network.name
    entries = {"alexnet": "AlexNet", "vgg16": "VGG16", "torchvision-googlenet": "GoogLeNet", "resnet50": "ResNet50"}
    assert {name for name, network in NETWORKS.items() if network.n_parameters is None} == set(entries)
    for name, entry in entries.items():
        network, weights = NETWORKS[name], models.get_weight(f"{entry}_Weights.IMAGENET1K_V1")
        preset, ours = weights.transforms(), network.preprocessing
        assert network.source == f"{weights.url}, BSD-3-Clause" and str(weights) in network.about
        assert network.stated_size == round(weights.meta["_file_size"] * 2**20)
        assert (ours.size, ours.resize) == (preset.crop_size[0], preset.resize_size[0])
        assert ours.mean == tuple(255 * value for value in preset.mean)
        assert ours.std == tuple(255 * value for value in preset.std)


@pytest.mark.parametrize("variables", [{}, {"TORCH_HOME": "home"}, {"XDG_CACHE_HOME": "caches"}])
def test_weights_of_torchvision_are_where_torch_keeps_them(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whether torch is imported or not."""
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, folder in variables.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    expected = Path(torch.hub.get_dir())
    assert families._torch_hub() == expected
    monkeypatch.delitem(sys.modules, "torch")
    assert families._torch_hub() == expected


# --- weights ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAPERS)
def test_offline_error_names_the_address_and_the_place(name: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: Any, **options: Any) -> None:
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(requests, "get", offline)
    url, file = PAPERS[name]
    with pytest.raises(OSError) as caught:
        Extractor(name)
    message = str(caught.value)
    assert f"{own_cache / 'weights' / file} is not here and cannot be fetched from {url} (no route to host)" in message
    assert "put it there" in message
    assert not [path for path in own_cache.rglob("*") if path.is_file()], "nothing is half-written"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves /whole.mat, and of /cut.mat half of what it promises."""
    write_simplenn(tmp_path / "served.mat")
    content = (tmp_path / "served.mat").read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in ("/whole.mat", "/cut.mat") else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if self.path == "/whole.mat" else content[: len(content) // 2])

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def small_network(url: str, md5: str) -> Network:
    """VGG-M's entry, for a small network at another address."""
    fetch = families.download(url, f"md5:{md5}")
    return replace(NETWORKS["vgg-m"], name="small-vgg-m", architecture=small_vgg_m, fetch=fetch)


def test_weights_are_downloaded_once(server: str, tmp_path: Path, own_cache: Path) -> None:
    content = (tmp_path / "served.mat").read_bytes()
    network = small_network(f"{server}/whole.mat", hashlib.md5(content).hexdigest())
    assert not network.present()
    module, sha256 = network.load()
    assert network.present() and network.size == len(content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert [path.name for path in (own_cache / "weights").iterdir()] == ["imagenet-vgg-m.mat"]
    expected = read_simplenn(tmp_path / "served.mat", small_vgg_m())
    assert all(torch.equal(value, expected[key]) for key, value in module.state_dict().items())
    assert not module.training
    replace(network, fetch=None).load()


@pytest.mark.parametrize("path", ["whole.mat", "cut.mat", "missing.mat"])
def test_other_bytes_than_published_are_not_kept(server: str, path: str, own_cache: Path) -> None:
    """A changed file, a connection that ends early, a page that says 404."""
    with pytest.raises(OSError, match=rf"cannot be fetched from {server}/{path}"):
        small_network(f"{server}/{path}", "0" * 32).load()
    assert not list((own_cache / "weights").iterdir())


def test_wrong_file_put_by_hand_is_named(own_cache: Path) -> None:
    (own_cache / "weights").mkdir(parents=True)
    write_simplenn(own_cache / "weights" / "imagenet-vgg-m.mat")
    with pytest.raises(ValueError, match=r"imagenet-vgg-m\.mat: layer 1, conv1, is .* 3 to 4 channels"):
        Extractor("vgg-m")
    (own_cache / "weights" / "imagenet-googlenet-dag.mat").write_bytes(b"<html>404</html>")
    with pytest.raises(ValueError, match=r"imagenet-googlenet-dag\.mat is damaged"):
        Extractor("googlenet")


def test_weights_that_cannot_be_downloaded(tmp_path: Path) -> None:
    network = replace(NETWORKS["vgg-m"], weights=lambda: tmp_path / "gone.mat", fetch=None)
    with pytest.raises(FileNotFoundError, match=r"gone\.mat: the weights of vgg-m are not here, and cannot be downloaded"):
        network.load()


def test_untrained_network_is_the_form_alone(own_cache: Path) -> None:
    """No file, the same weights each time, the statistics that batch normalisation begins with."""
    trained, network = NETWORKS["efficientnet-lite0"], NETWORKS["efficientnet-lite0-untrained"]
    assert network.present() and network.layers == trained.layers and network.preprocessing == trained.preprocessing
    assert trained.size < network.size + 1e6 and network.size == 4 * 4_652_008  # EfficientNet-Lite0's 4.7 million
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    module, sha256 = network.load()
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(2)
    again, same = network.load()
    assert sha256 == same and len(sha256) == 64 and not module.training
    weights, repeated, learnt = (one.state_dict() for one in (module, again, trained.load()[0]))
    assert list(weights) == list(learnt) and all(torch.equal(repeated[name], value) for name, value in weights.items())
    statistics = {"running_mean": 0, "running_var": 1, "num_batches_tracked": 0}
    for name, value in weights.items():
        if (last := name.rpartition(".")[2]) in statistics:
            assert torch.all(value == statistics[last]), name
    assert not torch.equal(weights["_conv_stem.weight"], learnt["_conv_stem.weight"])
    assert not list(own_cache.rglob("*"))


def test_weights_of_an_untrained_network_have_a_hash_of_their_own() -> None:
    """One number less, and it is another."""

    def lessened() -> nn.Module:
        module = small_vgg_m()
        with torch.no_grad():
            module.conv1.weight[0, 0, 0, 0] -= 1
        return module

    hashes = {replace(NETWORKS["vgg-m"], weights=None, architecture=form).load()[1] for form in (small_vgg_m, lessened)}
    assert len(hashes) == 2


# --- the chain, on a small VGG-M ----------------------------------------------------------------------------------------


@pytest.fixture
def two_images(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two photographs of noise, and a small VGG-M in the place of the real one."""
    monkeypatch.setitem(NETWORKS, "vgg-m", replace(NETWORKS["vgg-m"], architecture=lambda: VGGM(VGG_WIDTHS)))
    (own_cache / "weights").mkdir(parents=True)
    write_simplenn(own_cache / "weights" / "imagenet-vgg-m.mat")
    paths = []
    for number in range(4):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        levels = np.random.default_rng(number).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(levels).save(path)
        paths.append(path)
    return paths


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_extractor_reads_every_layer_of_vgg_m(two_images: list[Path], precision: str) -> None:
    five, six, seven, classes = VGG_WIDTHS[4:]
    for layer, width in {"pool5": 36 * five, "relu6": six, "relu7": seven, "fc8": classes, "prob": classes}.items():
        made = Extractor("vgg-m", layer, precision=precision)(two_images[:2])
        assert made.shape == (2, width) and np.isfinite(made).all()
        assert not np.allclose(made[0], made[1], rtol=1e-4)
    exact = Extractor("vgg-m", "pool5", precision="float32")(two_images[:2])
    made = Extractor("vgg-m", "pool5", precision=precision)(two_images[:2])
    assert np.abs(made - exact).max() < 0.03 * exact.max()


def test_extracted_features_of_vgg_m_load_by_their_name(tmp_path: Path, two_images: list[Path], own_cache: Path) -> None:
    extract(from_folder(tmp_path / "images", name="tiny"), "vgg-m", precision="float32", progress=False)
    features = sl.load_features("tiny", "vgg-m", normalize=False)
    assert features.X.shape == (4, VGG_WIDTHS[6])
    content = (own_cache / "weights" / "imagenet-vgg-m.mat").read_bytes()
    assert features.provenance["weights_sha256"] == hashlib.sha256(content).hexdigest()


# --- timm ------------------------------------------------------------------------------------------------------------------

TIMM = "resnet18.a1_in1k"


def test_without_timm_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError, match=r"'timm:resnet18' needs timm, .*: pip install stresslib\[timm\]"):
        find_network("timm:resnet18")


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The library, with an empty cache of its own."""
    library = pytest.importorskip("timm")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return library


def test_timms_networks_are_extracted(timm: Any, own_cache: Path, two_images: list[Path]) -> None:
    """Drawn weights put by hand: layers are timm's own outputs, on timm's own input."""
    torch.manual_seed(0)
    model = timm.create_model(TIMM, pretrained=False).eval()
    for parameter in model.parameters():
        if parameter.ndim == 1:  # timm begins with blocks that do nothing
            nn.init.uniform_(parameter, 0.5, 1)
    save_file(model.state_dict(), own_cache / "weights" / f"timm--{TIMM}.safetensors")
    network = find_network(f"timm:{TIMM}")
    assert network.present() and network.name == f"timm:{TIMM}"
    assert "https://huggingface.co/timm/resnet18.a1_in1k, apache-2.0" in network.source
    transform = timm.data.create_transform(**timm.data.resolve_data_config(model=model))
    batch = torch.stack([transform(Image.open(path)) for path in two_images[:2]])
    with torch.inference_mode():
        features = model.forward_features(batch)
        theirs = {
            "map": features,
            "pooled": model.forward_head(features, pre_logits=True),
            "logits": model(batch),
        }
        seen: list[torch.Tensor] = []
        handle = model.layer2[1].bn2.register_forward_hook(lambda _, __, output: seen.append(output.clone()))
        model(batch)
        handle.remove()
    theirs["model.layer2.1.bn2"] = seen[0]
    for layer, output in theirs.items():
        made = Extractor(f"timm:{TIMM}", layer, preprocessing="native", precision="float32")(two_images[:2])
        assert made.shape == (2, output[0].numel())
        assert np.abs(made - output.flatten(1).numpy()).max() < 1e-4 * output.abs().max()


def test_timms_damaged_weights_are_named(timm: Any, own_cache: Path) -> None:
    (own_cache / "weights").mkdir(parents=True)
    (own_cache / "weights" / f"timm--{TIMM}.safetensors").write_bytes(b"<html>404</html>")
    with pytest.raises(OSError, match=rf"timm--{TIMM}\.safetensors is damaged"):
        find_network(f"timm:{TIMM}").load()


def test_timm_offline_names_the_address_and_the_place(timm: Any, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: Any, **options: Any) -> None:
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", offline)
    network = find_network(f"timm:{TIMM}")
    assert not network.present()
    with pytest.raises(OSError) as caught:
        network.load()
    assert "https://huggingface.co/timm/resnet18.a1_in1k" in str(caught.value)
    assert str(own_cache / "weights" / f"timm--{TIMM}.safetensors") in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet18.a1_in1", "is unknown to timm .*did you mean 'timm:resnet18.a1_in1k'"),
        ("no-such-network", "is unknown to timm"),
        ("", "is unknown to timm"),
    ],
)
def test_unknown_names_of_timm(timm: Any, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_network(f"timm:{name}")


def test_inputs_that_are_not_made_here_are_refused(timm: Any) -> None:
    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(TIMM).to_dict())
    from stresslib.extraction.from_timm import _preprocessing

    made = _preprocessing("timm:x", config)
    assert (made.size, made.resize, made.resample) == (224, 235, Image.Resampling.BICUBIC)
    assert np.allclose(made.mean, [123.675, 116.28, 103.53]) and np.allclose(made.std, [58.395, 57.12, 57.375])
    for change in (
        {"crop_mode": "squash"},
        {"input_size": (3, 224, 288)},
        {"input_size": (1, 28, 28)},
        {"interpolation": "no"},
    ):
        with pytest.raises(ValueError, match="'timm:x' wants an input that is not supported here"):
            _preprocessing("timm:x", {**config, **change})
