"""``stresslib extract``: from images to vectors, by a network or by classical features.

The first stop of the chain; what it writes is found by its name, DATASET/MODEL/LAYER.
"""

from __future__ import annotations

import click

import stresslib as sl
from stresslib.cli.command import Command, SeveralValues
from stresslib.cli.options import backend_options
from stresslib.datasets.registry import DATASETS


@click.command(
    "extract",
    cls=Command,
    examples="extract caltech101 --archive caltech101.tar --model efficientnet-lite0\n"
    "extract voc2007 --model vgg-m --layer relu6 relu7 fc8\n"
    "extract photographs/ --model efficientnet-lite2 --on-error skip -o photographs.safetensors\n"
    "extract list.csv --model resnet50 --layer layer3 --preprocessing native -o mine.safetensors\n"
    "extract digits --model efficientnet-lite0 --layer stage4@2\n"
    "extract photographs/ --model efficientnet-lite0 --engine openvino -o photographs.safetensors",
)
@click.argument(
    "images",
    help=f"{', '.join(DATASETS)}; a folder of CLASS/IMAGE; or a CSV",
)
@click.option(
    "--archive",
    cls=SeveralValues,
    metavar="FILE...",
    help="the parts of a named data set: tar or zip archives, list files, or a folder where they are unpacked",
)
@click.option("--incomplete", is_flag=True, help="take a named data set with images missing; they are counted and named")
@click.option("--model", required=True, help="network or classical features; 'stresslib list' names them")
@click.option(
    "--layer",
    cls=SeveralValues,
    default=["pooled"],
    show_default=True,
    metavar="LAYER...",
    help="aliases or nodes of the network, read in one pass; NAME@s: a map averaged over s x s places",
)
@click.option(
    "--preprocessing",
    type=click.Choice(["paper", "native", "matlab"]),
    default="paper",
    show_default=True,
    help="the paper's square resize, the network's own, or the paper's with MATLAB's border",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    show_default=True,
    help="auto: bfloat16 where the processor has it",
)
@click.option(
    "--engine",
    type=click.Choice(["torch", "openvino"]),
    default="torch",
    show_default=True,
    help="openvino: faster on a CPU, equal but for rounding; pip install stresslib[fast]",
)
@click.option("--batch-size", type=int, help="images that go through the network at once (default: 4 on a CPU, 32 on a GPU)")
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="what to do about an unreadable image",
)
@click.option("-o", "--output", metavar="PATH", help="default: the user's cache, where DATASET/MODEL/LAYER is found")
@click.option("--again", is_flag=True, help="extract anew what is there already, and replace what is in the cache")
@click.option("--quiet", is_flag=True, help="do not print what was taken; the file's provenance has it")
@backend_options
def command(
    images: str,
    archive: tuple[str, ...],
    incomplete: bool,
    model: str,
    layer: tuple[str, ...],
    preprocessing: str,
    precision: str,
    engine: str,
    batch_size: int | None,
    on_error: str,
    output: str | None,
    again: bool,
    quiet: bool,
) -> None:
    from stresslib.classical.methods import find_method, is_method
    from stresslib.datasets.summary import summary
    from stresslib.extraction.engine import check_engine
    from stresslib.extraction.registry import find_network
    from stresslib.features.storage import read_form

    # Before images are fetched or unpacked, and torch is imported.
    (find_method if is_method(model) else find_network)(model)
    check_engine(engine)
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"--batch-size {batch_size}; at least 1 image")
    found = sl.load_images(images, archive=list(archive) or None, incomplete=incomplete)
    paths = sl.extract(
        found,
        model,
        list(layer),
        preprocessing=preprocessing,
        precision=precision,
        batch_size=batch_size,
        engine=engine,
        on_error=on_error,
        output=output,
        again=again,
        progress=not quiet,
    )
    for path in [] if quiet else paths:
        (rows, width), train, description = read_form(path)
        said = summary(
            description["classes"], int(train.sum()), int((~train).sum()), description["metric"], description["provenance"]
        )
        print(f"{path}: {rows} x {width}, {said}")
