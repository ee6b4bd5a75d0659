"""Models: the network that a command is given, one that was trained here or a file of somebody's weights.

Between click and the commands that put a whole network to a test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from stresslib.cli.command import SeveralValues
from stresslib.cli.options import trained_at_hand

if TYPE_CHECKING:
    from torch import nn

Callback = TypeVar("Callback", bound=Callable[..., Any])


def model_options(run: Callback) -> Callback:
    """Give a command the options that a file of weights needs: ``architecture``, ``mean`` and ``std``."""
    for name, what in (("std", "deviation"), ("mean", "mean")):
        run = click.option(
            f"--{name}",
            cls=SeveralValues,
            type=float,
            metavar="NUMBER ...",
            help=f"{what} of each channel by which the network of the file has its images standardised",
        )(run)
    return click.option(
        "--architecture",
        metavar="NAME",
        help="of a file of weights: lenet5, resnet8, resnet20 to resnet56, vgg, with :WIDTH for another",
    )(run)


model_argument = click.argument(
    "model",
    help="DATA/ARCHITECTURE/RECIPE/SEED of a network trained here, or a file of weights: .safetensors, or a state dict that "
    "torch.save wrote",
    shell_complete=lambda *asked: trained_at_hand(*asked) or [CompletionItem(asked[-1], type="file")],
)
"""The network that a command takes."""


def load_model(
    model: str, architecture: str | None, mean: Sequence[float], std: Sequence[float], size: int
) -> tuple[nn.Module, tuple[int, int, int], int]:
    """Load a network in evaluation mode, from images in [0, 1] to logits.

    Parameters
    ----------
    model : str
        Name or file.
    architecture : str or None
        Of a file.
    mean, std : sequence of float
        Of a file; when empty, images go in as they are, unless the file says otherwise.
    size : int
        Side of the images that the network of a file takes.

    Returns
    -------
    torch.nn.Module
    tuple of int
        Shape of an image.
    int
        Number of classes.

    Raises
    ------
    ValueError, OSError
        When it cannot be loaded; the message names it.
    """
    if architecture is None:
        if mean or std:
            raise ValueError("--mean and --std are for a file of weights, with --architecture")
        if Path(model).is_file():
            raise ValueError(f"{model} is a file: --architecture says of which network its weights are, such as resnet20")
        from stresslib.training.artefacts import Address

        Address.parse(model).find()  # before PyTorch is imported
        from stresslib.training.trained import describe_trained, load_trained

        said = describe_trained(model)
        return load_trained(model), (said["channels"], said["size"], said["size"]), len(said["classes"])

    from stresslib.networks import Standardized, build, load_weights
    from stresslib.networks.weights import read_weights

    weights = read_weights(model).values()
    channels = next((one.shape[1] for one in weights if one.ndim == 4), 0)
    classes = next((one.shape[0] for one in reversed(weights) if one.ndim == 2), 0)
    if not channels or not classes:
        raise ValueError(f"{model} has no convolution, or no layer that classifies; it is of no {architecture}")
    for name, given in (("mean", mean), ("std", std)):
        if given and len(given) != channels:
            raise ValueError(f"--{name} has {len(given)} numbers, and {model} is of a network for {channels} channels")
    if not all(one > 0 for one in std):
        raise ValueError(f"--std {' '.join(map(str, std))}: each is above 0")
    network = build(architecture, channels, classes, size)
    module = Standardized(network, mean or [0.0] * channels, std or [1.0] * channels)
    return load_weights(module, model), (channels, size, size), classes
