"""The results table: one schema for every sweep, every CSV under results/ and the published figures.

Written by evaluation and sweeps, read by `published` and the figures. Equal tables are equal bytes on disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from stresslib.files import write_text

COLUMNS = {
    "dataset": "string",
    "model": "string",
    "layer": "string",
    "n_features": "Int64",
    "stress": "string",
    "dimensions": "Int64",
    "values": "Int64",
    "removed_bits": "Int64",
    "repeat": "Int64",
    "metric": "string",
    "score": "float64",
    "objective_gap": "float64",
}
"""Columns of a results table and their types. Scores are percent; an empty cell means that the column does not apply."""

SETTING = [name for name in COLUMNS if name not in ("score", "objective_gap")]
"""Columns that say which experiment a row is."""

TOLERANCE = 0.25
"""Points by which a score may move between machines: 14 of Caltech-101's test images, 7 of those of 15-Scenes.

A mean over classes moves more easily: the smallest class of Caltech-101 has one test image, and when that one is decided
otherwise the score moves by a whole point. A person has to judge such a move.
"""

VARIANT = "variant"
"""Column of a table that holds other protocols beside the paper's: what is changed, or empty for the paper's own."""

FEATURES = ["dataset", "model", "layer"]
"""Columns that say which feature set a row belongs to."""

CURVE = [*FEATURES, "n_features", "stress", "metric"]
"""Columns that say which curve a row belongs to."""


def results_table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Make a results table from rows, in the columns and types of the schema.

    Parameters
    ----------
    rows : iterable of dict
        Columns that are absent stay empty.

    Returns
    -------
    pandas.DataFrame
    """
    return pd.DataFrame(list(rows), columns=list(COLUMNS)).astype(COLUMNS)


def write_results(table: pd.DataFrame, path: str | os.PathLike[str], more: Sequence[str] = ()) -> None:
    """Write a results table as CSV, scores to 6 decimals and gaps to 2 digits, so that equal runs give equal bytes.

    Parameters
    ----------
    table : pandas.DataFrame
        In the schema.
    path : path-like
    more : sequence of str, default=()
        Further columns of numbers, written as scores are.

    Notes
    -----
    A column :data:`VARIANT` is written too, where there is one.

    Examples
    --------
    >>> import tempfile
    >>> import stresslib as sl
    >>> from stresslib.results import results_table
    >>> row = {"dataset": "mine", "stress": "none", "metric": "accuracy", "score": 92.25, "objective_gap": 1e-6}
    >>> table = results_table([row])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sl.write_results(table, f"{folder}/mine.csv")
    ...     print(open(f"{folder}/mine.csv").read().splitlines()[1])
    mine,,,,none,,,,,accuracy,92.250000,1.0e-06
    """
    text = {name: table[name].map("{:.6f}".format) for name in ("score", *more)}
    text["objective_gap"] = table["objective_gap"].map("{:.1e}".format)
    columns = [*COLUMNS, *([VARIANT] if VARIANT in table else []), *more]
    write_text(path, table.assign(**text).to_csv(columns=columns, index=False, lineterminator="\n"))


def read_results(path: str | os.PathLike[str], more: Sequence[str] = ()) -> pd.DataFrame:
    """Read a results table.

    Parameters
    ----------
    path : path-like
        A CSV in the schema.
    more : sequence of str, default=()
        Further columns of numbers that the table has, beside the schema and :data:`VARIANT`.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ValueError
        When the file is not such a table; the message names the file and what is missing.

    Examples
    --------
    >>> import tempfile
    >>> import stresslib as sl
    >>> table = sl.evaluate(sl.load_features("scenes15", "efficientnet-lite0"), "DR1:16")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sl.write_results(table, f"{folder}/mine.csv")
    ...     again = sl.read_results(f"{folder}/mine.csv")
    >>> again.columns.equals(table.columns), again["dimensions"].tolist()
    (True, [16])
    """
    kinds = COLUMNS | dict.fromkeys(more, "float64")
    try:
        if VARIANT in pd.read_csv(path, nrows=0):
            kinds = COLUMNS | {VARIANT: "string"} | dict.fromkeys(more, "float64")
        missing = {name: [""] if kind == "string" else ["", "nan"] for name, kind in kinds.items()}
        table = pd.read_csv(path, usecols=list(kinds), dtype=kinds, keep_default_na=False, na_values=missing)
        return table[list(kinds)]
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} is not a results table with the columns {', '.join(kinds)}: {error}") from error
