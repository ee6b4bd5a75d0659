"""Again: the full profile of each figure once more, beside the committed tables: which rows hold, how far others are off.

Above `reproduce`, beside the check of the quick profile. It reads results/ and never writes there. What it finds is kept for
each figure by itself, so that hours of runs may be stopped, and go on another day.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from stressbook.reproduce.catalogue import chosen_figures, figures, project_root
from stressbook.reproduce.comparison import drift, largest_difference, read_every_column
from stressbook.reproduce.manifest import code_digest, commit, kept_file
from stressbook.reproduce.parameters import defaults
from stressbook.reproduce.run import reproduce
from stresslib.files import file_sha256, replacing

FILE = Path("benchmarks", "results", "reproduction.csv")
"""Where it is kept, in the checkout: a row for each figure, of its last run."""


@dataclass(frozen=True)
class Found:
    """What came of a figure: whether its rows hold, as far as any were compared, and a line to print."""

    holds: bool
    line: str

    def __str__(self) -> str:
        return self.line


def run_again(names: Iterable[str], *, output: str | os.PathLike[str] | None = None) -> Iterator[tuple[str, Found]]:
    """Run the full profile of figures, and compare each table with the committed one.

    Parameters
    ----------
    names : iterable of str
        Figures, or ``"all"``. One whose row in :data:`FILE` is of this table and this code is left as it stands.
    output : path-like, optional
        Folder for what the runs make, and for their finished settings, so that a run that was stopped goes on. Default:
        ``build/again``. Nothing is taken from the store of other runs; trained networks are taken where they are at hand.

    Yields
    ------
    name : str
    found : Found
        What was compared, or why nothing was: data that are not at hand are no failure.
    """
    root = project_root()
    folder = Path(output) if output is not None else root / "build" / "again"
    for name in chosen_figures(root, names):
        kept = kept_file(root, name)
        if kept is None or not kept.endswith(".csv") or "full" not in figures(root)[name]["profiles"]:
            continue
        now = {"table": file_sha256(root / "results" / kept), "code": code_digest(root, name, kept)}
        rows = read_rows(root / FILE)
        if before := next((row for row in rows if {"figure": name, **now}.items() <= row.items()), None):
            yield name, _found(before, ", by an earlier run of this code")
            continue
        begun = time.perf_counter()
        try:
            known = defaults(root / "notebooks" / figures(root)[name]["template"])
            store = {"store": str((folder / "sweeps").resolve())} if "store" in known else {}
            reproduce(name, profile="full", parameters=store, output=folder)
            counts = compared(root / "results" / kept, folder / kept, figures(root)[name].get("tolerance"))
        except Exception as error:  # the other figures are run all the same
            yield name, Found(isinstance(error, FileNotFoundError), f"not compared: {error}")
            continue
        row = {"figure": name, **counts}
        row |= {"minutes": round((time.perf_counter() - begun) / 60, 1), "cores": os.cpu_count(), "machine": machine()}
        row |= {"finished": datetime.now(UTC).date().isoformat(), "commit": commit(root), **now}
        rows = [*(other for other in rows if other["figure"] != name), row]
        with replacing(root / FILE) as temporary:
            pd.DataFrame(rows).sort_values("figure").to_csv(temporary, index=False, lineterminator="\n")
        yield name, _found(row)


def _found(row: dict[str, Any], of: str = "") -> Found:
    words = f"{row['rows']:,} rows, {row['off']} cells beyond their tolerance, {row['missing']} rows missing"
    return Found(row["off"] + row["missing"] == 0, f"{words}, largest difference of a score {row['largest']:g}{of}")


def compared(committed: Path, fresh: Path, score: float | None) -> dict[str, Any]:
    """Count the rows of a table that was made again, and those of its cells that are off.

    Parameters
    ----------
    committed, fresh : pathlib.Path
    score : float or None
        Points by which a score may move, where the figure states them.

    Returns
    -------
    dict
        `rows` compared; lines that :func:`stressbook.reproduce.comparison.drift` has, as `off`; rows that are `missing`
        from the fresh table; the `largest` difference of two scores, in points.
    """
    before, after = read_every_column(committed), read_every_column(fresh)
    return {
        "rows": len(after),
        "off": len(drift(before, after, score)),
        "missing": max(0, len(before) - len(after)),
        "largest": round(largest_difference(before, after), 6),
    }


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return what was found so far, a row a figure; nothing where no run ended.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    list of dict
        What :func:`compared` counts, with `figure`, `minutes`, `cores`, `machine`, `finished`, `commit`, and the digests of
        the committed `table` and of the `code`.
    """
    if not path.is_file():
        return []
    return [{str(name): value for name, value in row.items()} for row in pd.read_csv(path).to_dict("records")]


def machine() -> str:
    """Return the name of the processor, as the system gives it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
