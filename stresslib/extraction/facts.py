"""Facts: what only a source can say of a network, its literature, form and accuracy.

The registry's entries refer to them; this module needs no torch, so that a page may quote them without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from stresslib.features import UNTRAINED


@dataclass(frozen=True)
class Facts:
    """What a network's source says of it.

    Attributes
    ----------
    cite : str
        Keys of the book's bibliography, joined by commas; empty where it has none.
    form : str
        Its architecture in a sentence.
    top1 : float or None
        Percent of ImageNet's validation images whose class its first guess names, from one crop of the centre. None where
        nobody states it.
    stated : str
        Who states that number.
    """

    cite: str = ""
    form: str = ""
    top1: float | None = None
    stated: str = ""


_LITE = "EfficientNet without squeeze-and-excitation, and with ReLU6 for swish: no number of its last map is negative."
_DEVIL = "Five convolutions, the first two with local response normalisation, and three fully connected layers"
_INCEPTION = "Nine inception modules, without batch normalisation, and an average over the last map."

# github.com/tensorflow/tpu, models/official/efficientnet/lite/README.md, float32.
_TPU = "of the original weights, by the page of TensorFlow's EfficientNet-Lite; these were converted from them"
# 100 less the error that doc/site/docs/pretrained.md states in MatConvNet's sources.
_MATCONVNET = "by MatConvNet's page of pre-trained models"
# github.com/BVLC/caffe, models/bvlc_googlenet/readme.md.
_CAFFE = "by the readme of Caffe's model zoo"
_TORCHVISION = "by torchvision's documentation"

FACTS = {
    "efficientnet-lite0": Facts("tan2019", _LITE, 75.1, _TPU),
    f"efficientnet-lite0{UNTRAINED}": Facts("tan2019", "The same, as a control: what is left when nothing was learnt."),
    "efficientnet-lite1": Facts("tan2019", _LITE, 76.7, _TPU),
    "efficientnet-lite2": Facts("tan2019", _LITE, 77.6, _TPU),
    "vgg-m": Facts("chatfield2014", f"{_DEVIL}, of 4,096, 4,096 and 1,000 numbers.", 62.7, _MATCONVNET),
    "vgg-m-128": Facts("chatfield2014", f"{_DEVIL}, of 4,096, 128 and 1,000 numbers.", 59.2, _MATCONVNET),
    "googlenet": Facts("szegedy2015", _INCEPTION, 65.8, _MATCONVNET),
    "bvlc-googlenet": Facts("szegedy2015,jia2014", _INCEPTION, 68.7, _CAFFE),
    "alexnet": Facts("paszke2019", "Five convolutions and three fully connected layers.", 56.522, _TORCHVISION),
    "vgg16": Facts("paszke2019", "Thirteen convolutions of 3 × 3 and three fully connected layers.", 71.592, _TORCHVISION),
    "torchvision-googlenet": Facts(
        "paszke2019",
        "Nine inception modules with batch normalisation: another network than the paper's of the same name.",
        69.778,
        _TORCHVISION,
    ),
    "resnet50": Facts("paszke2019", "Sixteen residual blocks of three convolutions each.", 76.13, _TORCHVISION),
}
"""By the names of :data:`stresslib.extraction.NETWORKS`."""


def top1(model: str) -> float:
    """Return the accuracy on ImageNet that a network's source states, in percent; NaN where none is stated.

    Examples
    --------
    >>> top1("vgg-m"), top1("bossanova")
    (62.7, nan)
    """
    stated = FACTS[model].top1 if model in FACTS else None
    return math.nan if stated is None else stated
