"""``stresslib verify``: whether a network is a copy of the one that prints are of.

The other half of ``fingerprint``: prints in, a verdict and its evidence out.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from stresslib.cli.command import Command
from stresslib.cli.models import load_model, model_argument, model_options


@click.command(
    "verify",
    cls=Command,
    examples="verify prints.safetensors digits/lenet5/plain/1\n"
    "verify prints.safetensors theirs.safetensors --architecture resnet20 --mean .485 .456 .406 --std .229 .224 .225",
)
@click.argument("prints", help="as fingerprint wrote them")
@model_argument
@model_options
def command(prints: str, model: str, architecture: str | None, mean: Sequence[float], std: Sequence[float]) -> None:
    from stresslib.stress.on_weights import Fingerprints, verify

    loaded = Fingerprints.load(prints)
    wanted = tuple(loaded.images.shape[1:])
    module, shape, classes = load_model(model, architecture, mean, std, wanted[-1])
    if shape != wanted or classes != loaded.classes:
        raise ValueError(
            f"{prints} is of images {wanted} and {loaded.classes} classes, and {model} knows images {shape} and {classes}"
        )
    print(f"{model}: {verify(loaded, module)}")
