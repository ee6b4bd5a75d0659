"""Provenance: when, from what and with what each committed table was made.

It reads the JSON beside each table and the manifest; nothing is measured here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from stressbook.digests import result_digest, template_of
from stresslib.files import file_sha256
from stresslib.results import SETTING, read_results


def records(folder: str | Path) -> dict[str, dict[str, Any]]:
    """Read what is recorded about the runs whose tables lie in a folder.

    Parameters
    ----------
    folder : path-like
        With a manifest and a JSON for each figure, as in results/.

    Returns
    -------
    dict
        For each figure, in the order in which the runs finished: what its JSON holds, its entry in the manifest as
        `manifest`, its file as `path`, and its `template`.
    """
    folder = Path(folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found = {
        name: {
            **json.loads((folder / f"{name}.json").read_text(encoding="utf-8")),
            "manifest": entry,
            "path": folder / entry["file"],
            "template": template_of(name),
        }
        for name, entry in manifest.items()
    }
    return dict(sorted(found.items(), key=lambda item: item[1]["finished"]))


def runs(folder: str | Path) -> pd.DataFrame:
    """Return for each figure what its run computed, how long it took, and whether its table is still what the run made.

    Parameters
    ----------
    folder : path-like
        As :func:`records` takes it.

    Returns
    -------
    pandas.DataFrame
        A row for each figure: distinct `settings` of the table (repeats and metrics aside), the `largest gap` of the solver,
        `minutes`, `cores`, `commit`, the day it `finished`; `table`: ``"as made"``, or ``"edited"`` when the manifest has
        another SHA-256; `code`: ``"this"``, or ``"other"`` when the code that its measure uses has changed since.
    """
    rows = {name: _run(record) for name, record in records(folder).items()}
    return pd.DataFrame.from_dict(rows, orient="index").convert_dtypes()


def _run(record: dict[str, Any]) -> dict[str, Any]:
    path, manifest = record["path"], record["manifest"]
    table = read_results(path) if path.suffix == ".csv" else None
    settings = [name for name in SETTING if name not in ("repeat", "metric")]
    return {
        "settings": None if table is None else len(table[settings].drop_duplicates()),
        "largest gap": f"{record['largest_objective_gap']:.1e}" if "largest_objective_gap" in record else None,
        "minutes": round(record["seconds"] / 60, 1),
        "cores": record["cores"],
        "commit": record["commit"],
        "finished": record["finished"][:10],
        "table": "as made" if file_sha256(path) == manifest["sha256"] else "edited",
        "code": "this" if manifest["code"] == result_digest(record["template"], path) else "other",
    }


def headline(folder: str | Path) -> str:
    """Say which commits the tables are of, how exactly they were solved, and which are no longer those of their run."""
    table, solved = runs(folder), records(folder).values()
    gap = max(record.get("largest_objective_gap", 0.0) for record in solved)
    edited, other = table.index[table["table"] == "edited"], table.index[table["code"] == "other"]
    days = table["finished"].agg(["min", "max"]).drop_duplicates()
    counts = table["commit"].value_counts()
    made = f"all at commit {counts.index[0]}" if len(counts) == 1 else f"at {len(counts)} commits"
    if len(counts) > 1:
        made += f" ({', '.join(f'{commit}: {count}' for commit, count in counts.items())})"
    return (
        f"**Each of the {len(table)} tables was made by `stresslib reproduce NAME --profile full`, {made}**, "
        f"finished {' to '.join(days)}. Together they hold {table['settings'].sum():,} settings and took "
        f"{table['minutes'].sum():.0f} minutes. Every objective is within {gap:.1e} of its minimum. Edited since their run: "
        f"{', '.join(edited) or 'none'}. Measured by code that has changed since: {', '.join(other) or 'none'}."
    )


def versions(folder: str | Path) -> pd.DataFrame:
    """Return the versions of the libraries, with one column for all figures that were made with the same versions."""
    used: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, record in records(folder).items():
        used.setdefault(tuple(sorted(record["versions"].items())), []).append(name)
    return pd.DataFrame({", ".join(names): dict(libraries) for libraries, names in used.items()})


def features(folder: str | Path) -> pd.DataFrame:
    """Return the feature sets that the tables were computed from: the first digits of each SHA-256, and the figures."""
    used = pd.DataFrame(
        [
            {"features": features, "SHA-256": sha256[:16], "figures": name}
            for name, record in records(folder).items()
            for features, sha256 in record.get("features", {}).items()
        ],
        columns=["features", "SHA-256", "figures"],
    )
    return used.groupby(["features", "SHA-256"])["figures"].agg(", ".join).reset_index().set_index("features")


def again(path: str | Path) -> pd.DataFrame:
    """Return what became of the figures whose full profile was run once more: rows, differences, minutes.

    Parameters
    ----------
    path : path-like
        As ``stresslib check --full`` writes it; without it, no row.
    """
    if not Path(path).is_file():
        return pd.DataFrame()
    named = {
        "rows": "rows compared",
        "off": "cells beyond tolerance",
        "missing": "rows missing",
        "largest": "largest difference of a score (points)",
    }
    table = pd.read_csv(path, index_col="figure").drop(columns=["table", "code"])
    return table.rename(columns=named).convert_dtypes()


def again_headline(path: str | Path, folder: str | Path) -> str:
    """Say how many of the tables were made again, and what became of their rows.

    Parameters
    ----------
    path : path-like
        As :func:`again` takes it.
    folder : path-like
        As :func:`records` takes it.
    """
    if not Path(path).is_file():
        return "No table was made again so far: `make reproduce-all` does."
    found = pd.read_csv(path, index_col="figure")
    kept = [name for name, record in records(folder).items() if record["path"].suffix == ".csv"]
    off = found.index[found["off"].add(found["missing"]).gt(0)]
    left = [name for name in kept if name not in found.index]
    return (
        f"**{len(found)} of {len(kept)} tables were made again, {found['rows'].sum():,} rows in "
        f"{found['minutes'].sum():.0f} minutes**: {len(found) - len(off)} hold in every cell. Beyond a tolerance: "
        f"{', '.join(off) or 'none'}. The largest "
        f"difference of two scores is {found['largest'].max():.2g} points. Not made again: {', '.join(left) or 'none'}."
    )
