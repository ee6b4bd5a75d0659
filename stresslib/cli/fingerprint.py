"""``stresslib fingerprint``: prints of a network, by which a copy of it is told from others.

From a trained network to a file of images of noise; ``verify`` puts them to other networks.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from stresslib.cli.command import Command
from stresslib.cli.models import load_model, model_argument, model_options
from stresslib.files import check_output


@click.command(
    "fingerprint",
    cls=Command,
    examples="fingerprint digits/lenet5/plain/0 -o prints.safetensors\n"
    "fingerprint cifar10:10000/resnet8/plain/0 -o prints.safetensors --kind RC+GM --count 200\n"
    "fingerprint resnet20.th --architecture resnet20 --mean .485 .456 .406 --std .229 .224 .225 -o prints.safetensors",
)
@model_argument
@click.option("-o", "--output", required=True, metavar="PATH", help="file to write, conventionally *.safetensors")
@click.option("-n", "--count", type=int, default=100, show_default=True, help="of prints")
@click.option(
    "--kind",
    type=click.Choice(["C", "RC", "RC+GM", "LTRC"]),
    default="C",
    show_default=True,
    help="RC: with noise on the weights; RC+GM: with the mean of several such gradients; LTRC: of their high frequencies",
)
@click.option("--eps", type=float, default=0.1, show_default=True, help="how far from noise, as a share of the range")
@click.option("--seed", type=int, default=0, show_default=True, help="of the noise and the classes")
@click.option("--size", type=int, default=32, show_default=True, help="side of the images that the network of a file takes")
@model_options
def command(
    model: str,
    output: str,
    count: int,
    kind: str,
    eps: float,
    seed: int,
    size: int,
    architecture: str | None,
    mean: Sequence[float],
    std: Sequence[float],
) -> None:
    check_output(output, "prints.safetensors", inputs=[model])
    module, shape, classes = load_model(model, architecture, mean, std, size)

    from stresslib.stress.on_weights import fingerprint

    prints = fingerprint(module, count, kind, shape=shape, num_classes=classes, eps=eps, random_state=seed, progress=True)
    prints.save(output)
    print(f"{output}: {count} prints of kind {kind}; {prints.settings['hits']} of them hit in {model} itself")
