"""SigNet: the network that learns to tell writers apart, and whose features then verify signatures of others.

One of the architectures that are trained here; weights that its authors trained can be read, where a user has them.
"""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

INPUT = (150, 220)
"""Height and width of the pictures that it takes."""

FEATURES = 2048
"""Length of the features."""


class SigNet(nn.Module):
    """Five convolutions and two layers of 2048 units, each followed by batch normalisation and a rectifier.

    Parameters
    ----------
    num_classes : int, optional
        Writers, or one more where the last logit is to say "forged". Default: there is no last layer, as in the authors'
        module, and ``forward`` returns the features.
    width : int, default=96
        Channels of the first convolution, a multiple of 3; the others have 8/3, 4, 4 and 8/3 times as many. The published
        network has 96; one of 24 costs a tenth of it, for a tenth of the writers.

    Raises
    ------
    ValueError
        When the width is no multiple of 3, or there are no classes.

    References
    ----------
    Hafemann, Sabourin and Oliveira, Pattern Recognition 70, 2017. Weights are named as in github.com/luizgh/sigver.

    Examples
    --------
    >>> import torch
    >>> from stresslib.networks import SigNet
    >>> network = SigNet(width=3).eval()
    >>> network.features(torch.rand(2, 1, 150, 220)).shape
    torch.Size([2, 2048])
    """

    def __init__(self, num_classes: int | None = None, width: int = 96) -> None:
        super().__init__()
        if width < 3 or width % 3:
            raise ValueError(f"width={width}: it is a multiple of 3, such as 24 or 96")
        if num_classes is not None and num_classes < 1:
            raise ValueError(f"num_classes={num_classes}: it is at least 1, or None")
        middle, wide = 8 * width // 3, 4 * width
        self.conv_layers = nn.Sequential(
            OrderedDict(
                conv1=_rectified(conv=nn.Conv2d(1, width, 11, stride=4, bias=False)),
                maxpool1=nn.MaxPool2d(3, 2),
                conv2=_rectified(conv=nn.Conv2d(width, middle, 5, padding=2, bias=False)),
                maxpool2=nn.MaxPool2d(3, 2),
                conv3=_rectified(conv=nn.Conv2d(middle, wide, 3, padding=1, bias=False)),
                conv4=_rectified(conv=nn.Conv2d(wide, wide, 3, padding=1, bias=False)),
                conv5=_rectified(conv=nn.Conv2d(wide, middle, 3, padding=1, bias=False)),
                maxpool3=nn.MaxPool2d(3, 2),
            )
        )
        self.fc_layers = nn.Sequential(
            OrderedDict(
                fc1=_rectified(fc=nn.Linear(middle * 3 * 5, FEATURES, bias=False)),
                fc2=_rectified(fc=nn.Linear(FEATURES, FEATURES, bias=False)),
            )
        )
        self.linear = None if num_classes is None else nn.Linear(FEATURES, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """Return the last hidden layer after its rectifier, (N, 2048), of pictures (N, 1, 150, 220) in [0, 1]."""
        if x.shape[1:] != (1, *INPUT):
            raise ValueError(f"the pictures are of shape {tuple(x.shape)}; SigNet takes (N, 1, {INPUT[0]}, {INPUT[1]})")
        return self.fc_layers(self.conv_layers(x).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes); without classes the features."""
        features = self.features(x)
        return features if self.linear is None else self.linear(features)


def _rectified(**layer: nn.Module) -> nn.Sequential:
    ((name, module),) = layer.items()
    normalised = nn.BatchNorm2d(module.out_channels) if isinstance(module, nn.Conv2d) else nn.BatchNorm1d(FEATURES)
    return nn.Sequential(OrderedDict({name: module, "bn": normalised, "relu": nn.ReLU()}))


def load_signet(path: str | os.PathLike[str]) -> SigNet:
    """Read a SigNet from a file of its authors, such as ``signet.pth`` or ``signet_f_lambda_0.95.pth``.

    Parameters
    ----------
    path : path-like
        A file of PyTorch: a tuple whose first member has the weights of the network, and whose others, those of the layers
        for writers and forgeries, are not needed. It is read as weights alone; nothing in it is run.

    Returns
    -------
    SigNet
        In evaluation mode, and without a last layer.

    Raises
    ------
    OSError
        When there is no such file.
    ValueError
        When it holds no weights of SigNet.

    Examples
    --------
    >>> import tempfile, torch
    >>> from pathlib import Path
    >>> from stresslib.networks import SigNet, load_signet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.save((SigNet(width=3).state_dict(), {}, {}), Path(folder, "signet.pth"))
    ...     load_signet(Path(folder, "signet.pth")).training
    False
    """
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise type(error)(f"{path}: {error.strerror or error}; SigNet's authors say where its weights are") from error
    except (RuntimeError, EOFError, pickle.UnpicklingError, ValueError, KeyError) as error:
        first = str(error).partition("\n")[0]
        raise ValueError(f"{path} is not a file of weights: {first}") from error
    state = found[0] if isinstance(found, tuple | list) and found else found
    try:
        network = SigNet(width=len(state["conv_layers.conv1.conv.weight"]))
        network.load_state_dict(state)
    except (RuntimeError, KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(
            f"{path} holds no SigNet, but {_said(state)}; its tensors begin with conv_layers.conv1.conv.weight"
        ) from error
    return network.eval()


def _said(state: Any) -> str:
    names = list(state) if isinstance(state, dict) else []
    return f"{len(names)} tensors, the first {names[0]}" if names else f"a {type(state).__name__}"
