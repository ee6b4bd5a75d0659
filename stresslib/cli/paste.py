"""``stresslib paste``: a data set of objects on backgrounds, at every size, place or angle, as SI-Score is made.

Images in, images out; networks are then evaluated on them.
"""

from __future__ import annotations

import click

from stresslib.cli.command import Command


@click.command(
    "paste",
    cls=Command,
    examples="paste foregrounds/ backgrounds/ -o size/ --factor size\n"
    "paste mine/ backgrounds/ -o rotated/ --factor rotation --seed 1",
)
@click.argument("foregrounds", help="a folder of CLASS/IMAGE, cut out: images with transparency")
@click.argument("backgrounds", help="a folder of images")
@click.option("-o", "--output", required=True, metavar="DIR", help="folder for CLASS/ID.jpg and metadata.csv")
@click.option(
    "--factor",
    type=click.Choice(["size", "location", "rotation"]),
    required=True,
    help="areas of 10 to 80 %; 21 x 21 places; every 20 degrees at four areas",
)
@click.option("--seed", type=int, default=0, show_default=True, help="of the two backgrounds of each object")
def command(foregrounds: str, backgrounds: str, output: str, factor: str, seed: int) -> None:
    from stresslib.stress.on_images.pasted_sets import write_pasted_set

    count = write_pasted_set(foregrounds, backgrounds, output, factor, random_state=seed)
    print(f"{output}: {count:,} images; metadata.csv says how much of each object is inside")
