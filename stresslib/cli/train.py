"""``stresslib train``: one network, trained and kept in the user's cache, where chapters and `load_trained` find it.

From data as arrays to weights; the same command goes on after a stop.
"""

from __future__ import annotations

import click

from stresslib.cli.command import Command
from stresslib.cli.options import trained_at_hand


@click.command(
    "train",
    cls=Command,
    examples="train digits/lenet5/plain/0\n"
    "train mnist:1000/vgg:8/twice/0 --data MNIST/raw\n"
    "train cifar10:10000/resnet8:16/apr-p/1 --precision float32",
)
@click.argument(
    "name",
    metavar="DATA/ARCHITECTURE/RECIPE/SEED",
    shell_complete=trained_at_hand,
    help="DATA: digits, mnist, cifar10, with :COUNT for fewer training images. ARCHITECTURE: lenet5, resnet8, resnet20, "
    "vgg, with :WIDTH for another width. RECIPE: plain, twice, operations, apr-p, apr-s, apr-sp",
)
@click.option("--data", "folder", metavar="FOLDER", help="where the data's files are (default: torchvision downloads them)")
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    show_default=True,
    help="auto: bfloat16 where the processor has it",
)
@click.option("--device", help="such as cpu or cuda (default: a GPU if there is one)")
def command(name: str, folder: str | None, precision: str, device: str | None) -> None:
    from stresslib.training.allocator import keep_memory
    from stresslib.training.trained import describe_trained, train

    keep_memory()
    path = train(name, folder=folder, precision=precision, device=device)
    provenance = describe_trained(name)["provenance"]
    accuracy, chosen = provenance["test_accuracy"], provenance["precision"]
    print(f"{path}: {100 * accuracy:.2f}% of the test images, trained in {chosen}")
