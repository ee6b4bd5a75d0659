"""``stresslib recommend``: how to keep your own vectors in some bytes each, by trying it on them.

Before `compress`, which writes what is recommended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import stresslib as sl
from stresslib.cli.command import Command
from stresslib.cli.options import raw_option

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stresslib.codec.recommending import Recommendation

SHOWN = 8
"""Lines of the table; ``--all`` prints the others, too."""


@click.command(
    "recommend",
    cls=Command,
    examples="recommend X.npy --bytes 64\nrecommend X.npy labels.csv --bytes 64\n"
    "recommend scenes15/efficientnet-lite0/pooled --bytes 32 --search",
)
@click.argument("vectors", help="an .npy matrix, one vector a row; DATASET/MODEL/LAYER; or the path of a feature file")
@click.argument("labels", required=False, help="of a matrix: a CSV with a line for each row, as 'import' takes it")
@click.option("--bytes", "n_bytes", type=int, required=True, help="of a vector, at most")
@click.option("--search", is_flag=True, help="judge by the ten nearest neighbours though there are labels")
@click.option("--column", default="labels", show_default=True, help="the column that has the labels")
@raw_option
@click.option("--seed", type=int, default=0, show_default=True, help="of the splits")
@click.option("--all", "whole", is_flag=True, help=f"print every candidate, not the best {SHOWN}")
@click.option("-o", "--output", metavar="PATH", help="CSV for the table of all candidates")
def command(
    vectors: str,
    labels: str | None,
    n_bytes: int,
    search: bool,
    column: str,
    raw: bool,
    seed: int,
    whole: bool,
    output: str | None,
) -> None:
    from stresslib.files import check_output, write_text

    if output is not None:
        check_output(output, "recommended.csv", inputs=[vectors, *([labels] if labels else [])])
    found = sl.recommend(
        _loaded(vectors, labels, column, seed), n_bytes, search=search, normalize=not raw, random_state=seed
    )
    if output is not None:
        write_text(output, found.table.to_csv(index=False, lineterminator="\n"))
    print(*_lines(found, vectors, labels, raw, whole), sep="\n")


def _loaded(vectors: str, labels: str | None, column: str, seed: int) -> sl.FeatureSet | NDArray[Any]:
    """Return a feature set, or a matrix where there are no labels."""
    from stresslib.features.matrices import labelled_matrix, read_matrix

    if labels is not None:
        return labelled_matrix(vectors, labels, column=column, seed=seed)
    if vectors.endswith(".npy"):
        return read_matrix(vectors)
    return sl.load_features(vectors, normalize=False)


def _lines(found: Recommendation, vectors: str, labels: str | None, raw: bool, whole: bool) -> list[str]:
    """Return the table, what it means, and how to go on."""
    table = found.table
    shown = table if whole or len(table) <= SHOWN + 1 else table.iloc[[*range(SHOWN), len(table) - 1]]
    width = max(map(len, shown["method"]))
    lines = [f"tried on {found.tried}", f"{'':{width}}  bytes  {found.metric:>10}  kept %  (of the splits)"]
    lines += [
        f"{row.method:{width}}  {row.bytes:5.0f}  {row.score:10.2f}  {row.kept:6.1f}  ({row.low:.2f} to {row.high:.2f})"
        for row in shown.itertuples()
    ]
    [ours] = table[table["method"] == found.spec].itertuples()
    if found.rival:
        [other] = table[table["method"] == found.rival].itertuples()
        lines.append(
            f"{other.library} does better here: {found.rival} keeps {other.kept:.1f}% where {found.spec} keeps "
            f"{ours.kept:.1f}%, and it is ahead on every split"
        )
    else:
        lines.append(f"{found.spec} keeps {ours.kept:.1f}% in {ours.bytes:.0f} bytes a vector and {ours.side_bytes} for all")
    file = vectors
    if vectors.endswith(".npy"):
        file = "mine.safetensors"
        lines.append(f"to go on: stresslib import {vectors} {labels or 'labels.csv'} -o {file}")
    lines.append(f"to go on: stresslib compress {file} --spec {found.spec}{' --raw' if raw else ''} -o mine.stress")
    load = f"sl.load_features({file!r}{', normalize=False' if raw else ''})"
    lines.append(f"in Python: sl.codec.compress({load}, {found.spec!r}, 'mine.stress')")
    return lines
