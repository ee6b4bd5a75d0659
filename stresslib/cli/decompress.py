"""``stresslib decompress``: the stressed vectors of a compressed file, as a feature file.

The codec's way out: what it writes goes into any other command, with ``--raw``.
"""

from __future__ import annotations

from pathlib import Path

import click

import stresslib as sl
from stresslib.cli.command import Command
from stresslib.files import check_output


@click.command(
    "decompress",
    cls=Command,
    examples="decompress scenes15.stress -o stressed.safetensors\nevaluate stressed.safetensors none --raw",
)
@click.argument("file", metavar="FILE", help="as compress wrote it")
@click.option("-o", "--output", required=True, metavar="PATH", help="file to write, conventionally *.safetensors")
def command(file: str, output: str) -> None:
    check_output(output, inputs=[file])
    if not Path(file).is_file():  # before scikit-learn is imported
        raise FileNotFoundError(f"{file}: there is no such file; stresslib compress writes one")
    compressed = sl.codec.CompressedFeatures(file)
    path = compressed.save(output)
    print(f"{path}: {len(compressed)} x {compressed.codec.dimensions}; load it with --raw, nothing is normalised again")
