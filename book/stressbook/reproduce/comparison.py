"""Comparison: which numbers of a table made anew are not the committed ones, each column with a tolerance of its own.

Between the results tables and `check`, which prints and draws what is found here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.results import SETTING, TOLERANCE, VARIANT, read_results


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be from the committed one.

    Attributes
    ----------
    reason : str
        Why it may be as far as that, and no farther.
    absolute : float
        In the unit of the column.
    relative : float
        A share of the committed number.
    limit : float
        What neither of the two may exceed.
    """

    reason: str
    absolute: float = 0.0
    relative: float = 0.0
    limit: float = np.inf

    def __str__(self) -> str:
        if self.limit < np.inf:
            return f"at most {self.limit:g}"
        return f"{100 * self.relative:g}%" if self.relative else f"{self.absolute:g}"

    def holds(self, committed: pd.Series, fresh: pd.Series) -> pd.Series:
        """Return where two columns agree; a number that is missing agrees with none."""
        near = (fresh - committed).abs() <= self.absolute + self.relative * committed.abs()
        return near & (np.maximum(committed, fresh) <= self.limit)


_SOLVED = LinearSVM().tol
_KEPT = Tolerance(
    "a share of a full score of 75 points or more: either of the two scores may move by its tolerance, and with them all "
    "resamples of the bootstrap, which are drawn with one seed",
    absolute=2 * TOLERANCE / 0.75,
)
_BAND = Tolerance("all resamples of a score move as it does: they are drawn with one seed", absolute=TOLERANCE)
_SIZE = Tolerance("follows from the number of vectors and the bits of each, not from sums")
_COUNT = Tolerance("dimensions that reach a share of the variance, which is summed in double precision")
_ESTIMATE = Tolerance("sums in another order change the last digits of single precision", relative=1e-4)
_PIXELS = Tolerance("counts pixels of an image that is resized and turned in whole numbers", absolute=1e-6)

TOLERANCES = {
    "score": Tolerance("sums in another order turn a close decision, of few test images", absolute=TOLERANCE),
    "score_low": _BAND,
    "score_high": _BAND,
    "objective_gap": Tolerance(
        "where the solver stops differs; that it reaches its tolerance does not", absolute=_SOLVED, limit=_SOLVED
    ),
    "kept": _KEPT,
    "kept_low": _KEPT,
    "kept_high": _KEPT,
    "bytes": _SIZE,
    "side_bytes": _SIZE,
    "file_bytes": _SIZE,
    "parameters": Tolerance("counts the weights of a network"),
    "squared_norm": _ESTIMATE,
    "class": Tolerance("the number of a class: the likeliest ones are apart by more than rounding"),
    "variance_90": _COUNT,
    "variance_99": _COUNT,
    "participation_ratio": _ESTIMATE,
    "effective_rank": _ESTIMATE,
    "two_nn": _ESTIMATE,
    "images": Tolerance("counts images"),
    "alpha_area": _PIXELS,
    "box_inside": _PIXELS,
    "alpha_inside": _PIXELS,
}
"""How far a number may move from one machine to another, by its column; on one machine two runs give the same bytes.

The columns that name a setting are not here: by them, rows find each other.
"""

_AS_IT_STANDS = Tolerance("text is compared as it stands")
FURTHER_KEYS = {
    VARIANT: "string",
    **dict.fromkeys(("area", "x", "y", "rotation", "side", "level", "seed"), "float64"),
}
"""Columns that name a setting where a table has them, and their types: protocol, what is done how much, which training."""

_KEY = [*SETTING, *FURTHER_KEYS]


def read_every_column(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a results table with all further columns that the file has, whatever they are.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    pandas.DataFrame
        The schema, then the further columns: numbers where every cell is one or is missing, else text.

    Raises
    ------
    ValueError
        When the file is not a results table, or a column of :data:`TOLERANCES` has a cell that is no number.
    """
    table = read_results(path)
    for name, cells in (
        pd.read_csv(path, dtype="string", keep_default_na=False).drop(columns=list(table), errors="ignore").items()
    ):
        numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
        text = cells[numbers.isna() & ~cells.isin(["", "nan"])]
        if name in TOLERANCES and not text.empty:
            raise ValueError(f"{path}: {text.iloc[0]!r} in the column {name} is not a number")
        table[name] = numbers if text.empty else cells
    return table


def drift(committed: pd.DataFrame, fresh: pd.DataFrame, score: float | None = None) -> list[str]:
    """Compare a fresh table with the committed one: column by column, then setting by setting.

    Parameters
    ----------
    committed, fresh : pandas.DataFrame
        Results tables, with all their columns.
    score : float, optional
        Points by which a score may move, instead of those of :data:`TOLERANCES`: of a run that trains or attacks networks
        itself, where rounding grows from step to step and turns decisions, each of a share of few images.

    Returns
    -------
    list of str
        One line for each column that only one of them has, or that holds numbers without an entry in :data:`TOLERANCES`;
        for each setting of `fresh` that `committed` lacks; and for each cell that is off by more than the tolerance of its
        column, or, where it is text, differs at all.
    """
    lines = [f"column {name}: only in the fresh table" for name in fresh if name not in committed]
    lines += [f"column {name}: only in the committed table" for name in committed if name not in fresh]
    lines += [
        f"column {name}: has no stated tolerance; state one in stressbook.reproduce.comparison.TOLERANCES"
        for name in fresh.columns.union(committed.columns, sort=False).difference(_KEY, sort=False)
        if name not in TOLERANCES and any(name in table and is_numeric_dtype(table[name]) for table in (committed, fresh))
    ]
    for row in moved(committed, fresh, score).to_dict("records"):
        setting = " ".join(f"{key}={row[key]}" for key in _KEY if not pd.isna(row[key]))
        if row["_merge"] == "left_only":
            lines.append(f"{setting}: is {_shown(row['score'])}, and not in the committed table")
            continue
        for name in row["moved"]:
            was, now, allowed = row[f"{name}_committed"], row[name], _tolerances(score).get(name, _AS_IT_STANDS)
            lines.append(f"{setting}: {name} was {_shown(was)}, is {_shown(now)}, tolerance {allowed}")
    return lines


def _tolerances(score: float | None) -> dict[str, Tolerance]:
    return TOLERANCES if score is None else {**TOLERANCES, "score": replace(TOLERANCES["score"], absolute=score)}


def moved(committed: pd.DataFrame, fresh: pd.DataFrame, score: float | None = None) -> pd.DataFrame:
    """Return the fresh rows that moved or are new, with the committed cells beside them.

    Parameters
    ----------
    committed, fresh : pandas.DataFrame
    score : float, optional
        As :func:`drift` takes it.

    Returns
    -------
    pandas.DataFrame
        Columns that both tables have, the committed ones as ``NAME_committed``; ``moved`` lists the names of those that
        are off, and ``_merge`` is ``"left_only"`` where the setting is new.
    """
    committed, fresh = _with_keys(committed), _with_keys(fresh)
    shared = fresh.columns.intersection(committed.columns, sort=False).difference(_KEY, sort=False)
    both = fresh[[*_KEY, *shared]].merge(
        committed[[*_KEY, *shared]], on=_KEY, how="left", suffixes=("", "_committed"), indicator=True
    )
    allowed = _tolerances(score)
    apart = pd.DataFrame({name: ~_same(str(name), both[f"{name}_committed"], both[name], allowed) for name in shared})
    names = [[name for name, is_apart in row.items() if is_apart] for row in apart.to_dict("records")]
    return both.assign(moved=pd.Series(names, both.index, dtype="object"))[apart.any(axis=1)]


def largest_difference(committed: pd.DataFrame, fresh: pd.DataFrame) -> float:
    """Return by how much the scores of one setting differ at most, in points; 0 where no setting is in both tables.

    Parameters
    ----------
    committed, fresh : pandas.DataFrame
        Results tables, with all their columns.
    """
    both = _with_keys(fresh).merge(_with_keys(committed), on=_KEY, suffixes=("", "_committed"))
    return float((both["score"] - both["score_committed"]).abs().max()) if len(both) else 0.0


def _with_keys(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with all columns of the key: no variant is the paper's protocol, and so is a table without variants."""
    absent = {name: kind for name, kind in FURTHER_KEYS.items() if name not in table}
    return table.assign(**{name: pd.Series(None, table.index, kind) for name, kind in absent.items()})


def _same(name: str, was: pd.Series, now: pd.Series, allowed: dict[str, Tolerance]) -> pd.Series:
    """Return where a column is as committed; one of numbers without a tolerance is a problem by itself."""
    if is_numeric_dtype(was) and is_numeric_dtype(now):
        if name not in allowed:
            return pd.Series(True, was.index)
        agrees = allowed[name].holds(was, now)
    else:
        agrees = was.astype("string").fillna("") == now.astype("string").fillna("")
    # Every row has a score: one that is not a number has moved, whatever was committed.
    return agrees | (was.isna() & now.isna() & (name != "score"))


def _shown(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
