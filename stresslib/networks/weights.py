"""Weights of a user's own file, read into one of the architectures: safetensors, or what ``torch.save`` wrote.

Beside the architectures; nothing is unpickled but tensors.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from stresslib.networks.standardized import Standardized


def load_weights(module: nn.Module, path: str | os.PathLike[str]) -> nn.Module:
    """Read the weights of a network from a file, into the network itself.

    Parameters
    ----------
    module : torch.nn.Module
        Of the file's architecture. Where it is a :class:`~stresslib.networks.Standardized` and the file is of the network
        behind the standardisation, mean and standard deviation stay those that it has.
    path : path-like
        Of a state dict: ``.safetensors``, or any other name for what ``torch.save`` wrote, the dict alone or under
        ``state_dict``. The ``module.`` of DataParallel before each name is taken off.

    Returns
    -------
    torch.nn.Module
        `module`, in evaluation mode.

    Raises
    ------
    OSError
        When there is no such file.
    ValueError
        When it holds more than tensors, or the tensors of another architecture.

    Examples
    --------
    >>> import tempfile, torch
    >>> from stresslib.networks import LeNet5, load_weights
    >>> with tempfile.NamedTemporaryFile(suffix=".th") as file:
    ...     torch.save(LeNet5().state_dict(), file.name)
    ...     load_weights(LeNet5(), file.name).training
    False
    """
    weights = read_weights(path)
    network = module.network if isinstance(module, Standardized) else module
    target = module if weights.keys() == module.state_dict().keys() else network
    expected = target.state_dict()
    # Files from before 2018 do not count the batches that normalisation has seen; nothing is computed from it.
    absent = [name for name in expected if name not in weights and not name.endswith("num_batches_tracked")]
    other = [name for name in weights if name not in expected or weights[name].shape != expected[name].shape]
    if absent or other:
        parts = [
            f"{words} {len(names)}, such as {names[0]}" for words, names in (("missing", absent), ("other", other)) if names
        ]
        raise ValueError(f"{path} does not fit a {type(network).__name__} of this size: weights {'; '.join(parts)}")
    target.load_state_dict({**expected, **weights})
    return module.eval()


def read_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the state dict in a file, as :func:`load_weights` takes it.

    Raises
    ------
    OSError, ValueError
        As :func:`load_weights`.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: there is no such file of weights")
    content: Any
    try:
        if Path(path).suffix == ".safetensors":
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged, or holds more than tensors; safetensors, or a state dict by torch.save, is needed"
        ) from error
    state = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not state or not all(isinstance(one, Tensor) for one in state.values()):
        raise ValueError(f"{path} holds no state dict: names and tensors, or these under 'state_dict', are needed")
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}
