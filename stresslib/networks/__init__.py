"""Networks: small architectures that are trained here, in plain PyTorch; from images (N, C, H, W) in [0, 1] to logits.

Each has ``features``, the vectors that its last layer classifies. Nothing is known here of data or of training.
"""

from stresslib.networks.anchored import AnchoredResNet, AnchoredVGG
from stresslib.networks.contextual import ContextualConv2d, contextual_resnet
from stresslib.networks.lenet import LeNet5
from stresslib.networks.registry import ARCHITECTURES, build
from stresslib.networks.resnet import CifarResNet
from stresslib.networks.signet import SigNet, load_signet
from stresslib.networks.standardized import Standardized
from stresslib.networks.vgg import SmallVGG
from stresslib.networks.weights import load_weights

__all__ = [
    "ARCHITECTURES",
    "AnchoredResNet",
    "AnchoredVGG",
    "CifarResNet",
    "ContextualConv2d",
    "LeNet5",
    "SigNet",
    "SmallVGG",
    "Standardized",
    "build",
    "contextual_resnet",
    "load_signet",
    "load_weights",
]
