"""Network: one pre-trained classifier, how it is built, and where its weights are or come from.

The lowest module here: the registry holds one Network for each name, the extractor cuts the layers out of it. PyTorch is
imported when a network is built: to list them, and to refuse a name, takes no seconds.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from stresslib.extraction.facts import Facts
from stresslib.files import file_sha256
from stresslib.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch
    from torch import nn

TIMM = "timm:"
"""How the names of timm's networks begin."""


def read_state_dict(path: Path, module: nn.Module) -> Mapping[str, torch.Tensor]:
    """Read a state dict, in safetensors or torch's own format, which is never unpickled beyond tensors."""
    import torch
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


@dataclass(frozen=True)
class Network:
    """A pre-trained network.

    Attributes
    ----------
    name : str
    architecture : callable
        Builds the module, its weights not yet those of the training.
    weights : callable or None
        Returns the path of the file of trained weights, whether the file exists or not. None: the network is not trained;
        its weights are drawn at random, with seed 0, and there is no file.
    layers : mapping of str to str
        The names that people use for layers, and the node that each stands for; any other node goes by its own name.
    preprocessing : Preprocessing
    about : str
        One line: what it is.
    float32_before : str or None
        Prefix of the first node that tolerates bfloat16; everything before it is always computed in float32. None: the whole
        network does.
    source : str
        Where the weights come from, and their licence.
    stated_size : int or None
        Bytes of the file of weights, where its source states them.
    n_parameters : int or None
        How many numbers the weights are. None: they are counted when they are asked for.
    fetch : callable or None
        Downloads the weights to a path, or to where `weights` finds them afterwards. None: they cannot be downloaded.
    read : callable
        Takes the path of the file of weights and the module they are for, and returns the state dict.
    facts : Facts
        Literature, form and stated accuracy.
    """

    name: str
    architecture: Callable[[], nn.Module]
    weights: Callable[[], Path] | None
    layers: Mapping[str, str]
    preprocessing: Preprocessing
    about: str
    float32_before: str | None = None
    source: str = ""
    stated_size: int | None = None
    n_parameters: int | None = None
    fetch: Callable[[Path], None] | None = None
    read: Callable[[Path, Any], Mapping[str, torch.Tensor]] = read_state_dict
    facts: Facts = field(default_factory=Facts)

    def present(self) -> bool:
        """Return whether the weights are at hand, so that nothing need be downloaded."""
        return self.weights is None or self._file() is not None

    @property
    def size(self) -> int:
        """Bytes of the file of weights: of the file at hand, else as its source states, else 4 a parameter."""
        if (path := self._file()) is not None:
            return path.stat().st_size
        if self.stated_size is not None:
            return self.stated_size
        if self.n_parameters is not None:
            return 4 * self.n_parameters
        import torch

        with torch.device("meta"):
            return 4 * sum(parameter.numel() for parameter in self.architecture().parameters())

    def _file(self) -> Path | None:
        """Return the file of weights; None where there is none, or the package that brings it is not installed."""
        try:
            path = self.weights() if self.weights is not None else None
        except ModuleNotFoundError:
            return None
        return path if path is not None and path.is_file() else None

    def load(self) -> tuple[nn.Module, str]:
        """Build the network with its trained weights; download them where necessary.

        Returns
        -------
        module : torch.nn.Module
            In evaluation mode.
        sha256 : str
            Of the file of weights; where they were drawn, of their safetensors bytes.

        Raises
        ------
        OSError
            When the weights cannot be fetched or read; the message says where to put them by hand.
        ValueError
            When a file of MatConvNet or Caffe is damaged, or belongs to another network.
        """
        if self.weights is None:
            return _drawn(self.architecture)
        path = self.weights()
        if not path.is_file():
            if self.fetch is None:
                raise FileNotFoundError(f"{path}: the weights of {self.name} are not here, and cannot be downloaded")
            self.fetch(path)
            path = self.weights()
        module = self.architecture()
        try:
            module.load_state_dict(self.read(path, module))
        except (RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError, SafetensorError) as error:
            raise OSError(
                f"{path} is damaged, or does not hold the weights of {self.name}; remove it, and try again"
            ) from error
        return module.eval(), file_sha256(path)


def _drawn(architecture: Callable[[], nn.Module]) -> tuple[nn.Module, str]:
    """Draw a network's weights as the architecture's own code initialises them, and hash them.

    Batch normalisation keeps its initial statistics, mean 0 and variance 1: it leaves its input as it is.
    """
    import torch
    from safetensors.torch import save

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = architecture().eval()
    return module, hashlib.sha256(save(module.state_dict())).hexdigest()
