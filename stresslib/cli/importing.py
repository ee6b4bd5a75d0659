"""``stresslib import``: a feature set of vectors that somebody else made.

The way into the library without images: a matrix and a table of labels become the file that every other command takes.
"""

from __future__ import annotations

from pathlib import Path

import click

import stresslib as sl
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
    from tokenize import TokenError
    from zipfile import BadZipFile

    import numpy as np

    from stresslib.datasets import read_labels
    from stresslib.datasets.summary import summary
    from stresslib.files import check_output, file_sha256

    check_output(output, inputs=[vectors, labels])
    if output.endswith(".xz"):
        raise ValueError(f"{output}: only features that are shipped are compressed by xz; give a name such as X.safetensors")
    try:
        X = np.load(vectors, mmap_mode="r", allow_pickle=False)  # its header is compared with its size
    except (ValueError, EOFError, BadZipFile, TokenError) as error:
        # NumPy takes whatever it does not know for a pickle, and says how to load one.
        why = "numpy.save writes one" if "pickle" in str(error) else str(error)
        raise ValueError(f"{vectors} is not an .npy matrix of numbers: {why}") from error
    if not isinstance(X, np.ndarray) or X.ndim != 2:
        what = f"an array of shape {X.shape}" if isinstance(X, np.ndarray) else "an archive of several arrays"
        raise ValueError(f"{vectors} is {what}; give an .npy matrix, one vector a row")
    y, train, classes, metric, provenance = read_labels(labels, labels=column, metric=metric, seed=seed)
    if len(X) != len(y):
        raise ValueError(f"{vectors} has {len(X)} rows and {labels} has {len(y)} lines; one line a row is needed")
    # A file named as the cache names its own, DATASET--MODEL--LAYER, is that feature set; any other name is a data set's.
    names = Path(output).name.removesuffix(".safetensors").split("--", 2)
    provenance.update(zip(("dataset", "model", "layer"), names, strict=False))
    provenance.update(vectors_sha256=file_sha256(vectors))
    features = sl.FeatureSet(X, y, train, metric, classes, provenance=provenance)
    path = features.save(output)
    if not quiet:
        tests = int(features.test.sum())
        said = summary(features.classes, len(features.y) - tests, tests, features.metric, features.provenance)
        print(f"{path}: {len(X)} x {features.X.shape[1]}, {said}")
