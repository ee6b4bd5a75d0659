"""Networks: small architectures that are trained here, in plain PyTorch; from images (N, C, H, W) in [0, 1] to logits.

Each has ``features``, the vectors that its last layer classifies. Nothing is known here of data or of training.
"""

from stresslib.networks.lenet import LeNet5
from stresslib.networks.registry import ARCHITECTURES, build
from stresslib.networks.resnet import CifarResNet
from stresslib.networks.standardized import Standardized
from stresslib.networks.vgg import SmallVGG

__all__ = ["ARCHITECTURES", "CifarResNet", "LeNet5", "SmallVGG", "Standardized", "build"]
