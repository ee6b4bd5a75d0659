"""``stresslib import``: a feature set of vectors that somebody else made.

The way into the library without images: a matrix and a table of labels become the file that every other command takes.
"""

from __future__ import annotations

from pathlib import Path

import click

from stresslib.cli.command import Command


@click.command(
    "import",
    cls=Command,
    examples="import X.npy labels.csv -o mine.safetensors\nevaluate mine.safetensors DR2:64,Q2:8",
)
@click.argument("vectors", metavar="X.npy", help="a matrix of numbers, one vector a row")
@click.argument(
    "labels",
    metavar="labels.csv",
    help="a line for each row: column labels (several joined by |), perhaps split and difficult",
)
@click.option("--column", default="labels", show_default=True, help="the column that has the labels")
@click.option(
    "--metric",
    type=click.Choice(["accuracy", "mean-class-accuracy", "mAP"]),
    help="default: accuracy, or mAP where rows have several labels",
)
@click.option("--seed", type=int, default=0, show_default=True, help="of the split, where the CSV has none")
@click.option("-o", "--output", required=True, metavar="PATH", help="file to write, conventionally *.safetensors")
@click.option("--quiet", is_flag=True, help="do not print what was taken; the file's provenance has it")
def command(vectors: str, labels: str, column: str, metric: str | None, seed: int, output: str, quiet: bool) -> None:
    from stresslib.datasets.summary import summary
    from stresslib.features.matrices import labelled_matrix
    from stresslib.files import check_output

    check_output(output, inputs=[vectors, labels])
    if output.endswith(".xz"):
        raise ValueError(f"{output}: only features that are shipped are compressed by xz; give a name such as X.safetensors")
    # A file named as the cache names its own, DATASET--MODEL--LAYER, is that feature set; any other name is a data set's.
    name = Path(output).name.removesuffix(".safetensors")
    features = labelled_matrix(vectors, labels, column=column, metric=metric, seed=seed, name=name)
    path = features.save(output)
    if not quiet:
        tests = int(features.test.sum())
        said = summary(features.classes, len(features.y) - tests, tests, features.metric, features.provenance)
        print(f"{path}: {len(features.y)} x {features.X.shape[1]}, {said}")
