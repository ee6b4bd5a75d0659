"""The results table: one schema for every sweep, every CSV under results/ and the published figures.

Above the stresses, which it names. Rows are made here, by evaluation and sweeps, and read by `published` and the figures.
Equal tables are equal bytes on disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from stresslib.files import write_text
from stresslib.stress.spec import Spec

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
    "spec": "string",
}
"""Columns of a results table and their types. Scores are percent; an empty cell means that the column does not apply.

`spec` is the stress once more, as the string that makes it; it is empty where a row is about something else, such as another
codec. A table that was written without this column gets it when it is read.
"""

SETTING = [name for name in COLUMNS if name not in ("score", "objective_gap", "spec")]
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


def result_rows(
    origin: Mapping[str, Any], spec: Spec | None, scores: Mapping[str, float], **more: Any
) -> list[dict[str, Any]]:
    """Make the rows of a results table for one setting: one for each metric.

    Parameters
    ----------
    origin : mapping
        `dataset`, `model`, `layer` and `n_features` of the vectors, as :attr:`stresslib.FeatureSet.origin` has them.
    spec : Spec or None
        The stress; None where something else was done, which `more` names.
    scores : mapping of str to float
        By metric, each a share of 1.
    **more : Any
        Cells of other columns, such as `repeat` and `objective_gap`. A `variant` is added to that of `origin`.

    Returns
    -------
    list of dict
        For :func:`results_table`; scores are percent.

    Examples
    --------
    >>> from stresslib.results import result_rows
    >>> from stresslib.stress.spec import parse_spec
    >>> origin = {"dataset": "mine", "model": "net", "layer": "pooled", "n_features": 64}
    >>> (row,) = result_rows(origin, parse_spec("DR1:8"), {"accuracy": 0.5}, repeat=0)
    >>> row["stress"], row["dimensions"], row["metric"], row["score"], row["repeat"]
    ('random-selection', 8, 'accuracy', 50.0, 0)
    """
    setting = {**origin, **({} if spec is None else spec.cells), **more}
    if VARIANT in setting:
        setting[VARIANT] = joined_variants(origin.get(VARIANT), more.get(VARIANT))
    return [{**setting, "metric": metric, "score": 100 * float(score)} for metric, score in scores.items()]


def joined_variants(*names: str | None) -> str:
    """Name everything in which a row differs from the paper's protocol.

    Parameters
    ----------
    *names : str or None
        Variants, each empty or None where nothing is changed.

    Returns
    -------
    str

    Examples
    --------
    >>> joined_variants("preprocessing=matlab", "bias"), joined_variants(None, "bias")
    ('preprocessing=matlab, bias', 'bias')
    """
    return ", ".join(name for name in names if name)


def results_table(rows: Iterable[Mapping[str, Any]], more: Sequence[str] = ()) -> pd.DataFrame:
    """Make a results table from rows, in the columns and types of the schema.

    Parameters
    ----------
    rows : iterable of mapping
        Columns that are absent stay empty, but for `spec`, which follows from the others.
    more : sequence of str, default=()
        Further columns of numbers.

    Returns
    -------
    pandas.DataFrame
        With the column :data:`VARIANT` where a row has it.
    """
    rows = list(rows)
    kinds = _kinds(any(VARIANT in row for row in rows), more)
    return with_specs(pd.DataFrame(rows, columns=list(kinds)).astype(kinds))


def table_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a results table as :func:`results_table` takes them; an empty cell is None."""
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in record.items()} for record in records]


def with_specs(table: pd.DataFrame) -> pd.DataFrame:
    """Return a results table in which the column `spec` says what its other columns do.

    Parameters
    ----------
    table : pandas.DataFrame
        Of which rows were changed, or that was made by hand.

    Returns
    -------
    pandas.DataFrame
    """
    columns = [name for name in Spec().cells if name in table]
    specs = [Spec.from_row(row) for row in table[columns].to_dict("records")]
    texts = [None if spec is None else str(spec) for spec in specs]
    return table.assign(spec=pd.Series(texts, table.index, dtype="string"))


def _kinds(has_variant: bool, more: Sequence[str]) -> dict[str, str]:
    """Return the columns of a table and their types."""
    return COLUMNS | ({VARIANT: "string"} if has_variant else {}) | dict.fromkeys(more, "float64")


def write_results(table: pd.DataFrame, path: str | os.PathLike[str], more: Sequence[str] = ()) -> None:
    """Write a results table as CSV, scores to 6 decimals and gaps to 2 digits, so that equal runs give equal bytes.

    Parameters
    ----------
    table : pandas.DataFrame
        In the schema; `spec` may be absent.
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
    mine,,,,none,,,,,accuracy,92.250000,1.0e-06,none
    """
    text = {name: table[name].map("{:.6f}".format) for name in ("score", *more)}
    text["objective_gap"] = table["objective_gap"].map("{:.1e}".format)
    columns = list(_kinds(VARIANT in table, more))
    table = table if "spec" in table else with_specs(table)
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
        there = pd.read_csv(path, nrows=0)
        kinds = _kinds(VARIANT in there, more)
        stored = {name: kind for name, kind in kinds.items() if name != "spec" or name in there}
        missing = {name: [""] if kind == "string" else ["", "nan"] for name, kind in stored.items()}
        table = pd.read_csv(path, usecols=list(stored), dtype=stored, keep_default_na=False, na_values=missing)
        return (table if "spec" in there else with_specs(table))[list(kinds)]
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} is not a results table with the columns {', '.join(kinds)}: {error}") from error
