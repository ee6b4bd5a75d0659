"""``stresslib evaluate``: one stress, one score.

The shortest way through stress and evaluation; `sweep` measures a grid.
"""

from __future__ import annotations

import click

import stresslib as sl
from stresslib.cli.command import Command
from stresslib.cli.options import SPECS, features_argument, load_protocol, protocol_options


@click.command(
    "evaluate",
    cls=Command,
    examples="evaluate scenes15/efficientnet-lite0/pooled DR2:64,Q2:8\nevaluate mine.safetensors Q1:4 --C 10 --bias",
)
@features_argument
@click.argument("spec", help=SPECS)
@protocol_options
def command(features: str, spec: str, C: float, bias: bool, raw: bool, seed: int) -> None:
    loaded, classifier = load_protocol(features, [spec], C, bias, raw, seed)
    table = sl.evaluate(loaded, spec, classifier, random_state=seed, metrics=loaded.metrics)
    bits = sl.bits_per_vector(spec, loaded.X.shape[1])
    rate = sl.compression_rate(spec, loaded.X.shape[1])
    for row in table.to_dict("records"):
        print(f"{row['metric']} {row['score']:.2f}%, {bits} bits per vector, {100 * rate:.2f}% compression")
