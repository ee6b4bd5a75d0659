"""``stresslib sweep``: a grid of stresses, measured one by one and kept in the user's cache, so that a stop loses little.

The results table that it writes has the columns of every table under results/.
"""

from __future__ import annotations

import click

import stresslib as sl
from stresslib.cli.command import Command
from stresslib.cli.options import SPECS, backend_options, features_argument, load_protocol, protocol_options


@click.command(
    "sweep",
    cls=Command,
    examples="sweep scenes15/efficientnet-lite0/pooled none DR1:64 DR1:128 --repeats 10 -o random.csv",
)
@features_argument
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...", help=SPECS)
@click.option("--repeats", type=int, default=1, show_default=True, help="draws of each random stress")
@click.option("-o", "--output", metavar="CSV", help="file for the results table (default: print it)")
@protocol_options
@backend_options
def command(
    features: str,
    specs: tuple[str, ...],
    repeats: int,
    output: str | None,
    C: float,
    bias: bool,
    raw: bool,
    seed: int,
) -> None:
    from importlib.util import find_spec

    from stresslib.files import cache_dir, check_output

    if repeats < 1:
        raise ValueError(f"--repeats {repeats}; at least 1 is needed")
    if output:
        check_output(output, "results.csv", inputs=[features])
    loaded, classifier = load_protocol(features, specs, C, bias, raw, seed, repeats)
    if not find_spec("torch"):  # now, since each of many processes would say so
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
    table = sl.sweep(loaded, specs, classifier, repeats=repeats, random_state=seed, store=cache_dir() / "sweeps")
    if output:
        sl.write_results(table, output)
    else:
        print(table.to_string(index=False))
