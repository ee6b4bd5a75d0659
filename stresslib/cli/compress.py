"""``stresslib compress``: vectors under stress, in a file as small as the stress makes them.

The codec's way in; `decompress` is its way out.
"""

from __future__ import annotations

import click

import stresslib as sl
from stresslib.cli.command import Command
from stresslib.cli.options import SPECS, features_argument, load_to_stress, raw_option
from stresslib.files import check_output

PACKINGS = ("bits", "radix", "zstd", "xz")
"""Those of :data:`stresslib.codec.PACKINGS`, which takes seconds to import: help is not to wait for it."""


@click.command(
    "compress",
    cls=Command,
    examples="compress scenes15/efficientnet-lite0/pooled --spec DR2:128,Q2:27 -o scenes15.stress\n"
    "compress mine.safetensors --spec Q2:4 --packing xz --raw -o mine.stress",
)
@features_argument
@click.option("--spec", required=True, help=SPECS)
@click.option(
    "--packing",
    type=click.Choice(PACKINGS),
    default="bits",
    show_default=True,
    help="exact bits; digits of a 64-bit word; or a compressor, smaller and slower",
)
@raw_option
@click.option("--seed", type=int, default=0, show_default=True, help="of random selections")
@click.option("-o", "--output", required=True, metavar="PATH", help="file to write, conventionally *.stress")
def command(features: str, spec: str, packing: str, raw: bool, seed: int, output: str) -> None:
    check_output(output, "features.stress", inputs=[features])
    # Rows are normalised on the way, block by block: the features may be larger than the memory.
    loaded = load_to_stress(features, [spec], seed)
    path = sl.codec.compress(loaded, spec, output, packing=packing, normalize=not raw, random_state=seed)
    compressed, size = sl.codec.CompressedFeatures(path), path.stat().st_size
    print(
        f"{path}: {compressed.packed_bytes / len(compressed):.1f} bytes a vector, {compressed.codec.side_bytes} bytes for "
        f"all; {size} bytes with labels and names, {100 * size / (4 * loaded.X.size):.2f}% of float32"
    )
