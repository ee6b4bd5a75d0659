"""Manifest: which file each figure keeps under results/, its checksum, and the record of the run that made it.

Only a full run writes it; the check reads it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stressbook.digests import result_digest
from stressbook.reproduce.catalogue import figures
from stresslib.features import list_features
from stresslib.files import file_sha256, replacing, write_json

_VERSIONS = ("stresslib", "numpy", "scipy", "scikit-learn", "torch", "pandas", "matplotlib")


def kept_file(root: Path, name: str) -> str | None:
    """Return the file that a figure's full run puts under results/; None for a page that only reads what is there.

    Parameters
    ----------
    root : pathlib.Path
        Folder of the checkout.
    name : str
        The figure.

    Returns
    -------
    str or None
    """
    kept: str | None = figures(root)[name].get("keeps", f"{name}.csv")
    return kept


def code_digest(root: Path, name: str, kept: str) -> str:
    """Return the digest of the code that a figure's result depends on, as that code is now.

    Parameters
    ----------
    root : pathlib.Path
        Folder of the checkout.
    name : str
        The figure.
    kept : str
        The file that it keeps, which is under results/.

    Returns
    -------
    str
    """
    return result_digest(root / "notebooks" / figures(root)[name]["template"], root / "results" / kept)


def keep_results(root: Path, name: str, kept: str, folder: Path, values: dict[str, Any], seconds: float) -> None:
    """Put what a full run made under results/, with a JSON of where it comes from, and enter it in the manifest.

    Parameters
    ----------
    root : pathlib.Path
        Folder of the checkout.
    name : str
        The figure.
    kept : str
        The file that it keeps.
    folder : pathlib.Path
        Where the run put it.
    values : dict
        Parameters of the run.
    seconds : float
        How long it took.
    """
    from stresslib.results import read_results  # pandas: a refused command does not wait for it

    results = root / "results"
    results.mkdir(exist_ok=True)
    for file in dict.fromkeys((kept, f"{name}.svg", f"{name}.safetensors")):
        if (folder / file).exists():
            with replacing(results / file) as temporary:
                shutil.copyfile(folder / file, temporary)
    code = code_digest(root, name, kept)
    described: dict[str, Any] = {
        "parameters": {key: value for key, value in values.items() if key not in ("store", "reference")},
        "code": code,
        "commit": commit(root),
        "seconds": round(seconds, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version(), **{library: version(library) for library in _VERSIONS}},
    }
    if kept.endswith(".csv"):
        table = read_results(results / kept)
        used = table[["dataset", "model", "layer"]].dropna().drop_duplicates().itertuples(index=False)
        at_hand = dict(list_features())
        described["features"] = {
            "/".join(names): file_sha256(at_hand["/".join(names)]) for names in used if "/".join(names) in at_hand
        }
        described["largest_objective_gap"] = float(table["objective_gap"].max())
    write_json(results / f"{name}.json", described)
    path = results / "manifest.json"
    manifest = read_manifest(results) if path.exists() else {}
    manifest[name] = {"file": kept, "sha256": file_sha256(results / kept), "code": code}
    write_json(path, manifest)


def read_manifest(results: Path) -> dict[str, Any]:
    """Return the manifest of a folder of results.

    Parameters
    ----------
    results : pathlib.Path

    Returns
    -------
    dict
        File, SHA-256 and digest of the code, by the names of the figures.

    Raises
    ------
    FileNotFoundError
        When there is none; the message has the command that writes it.
    """
    path = results / "manifest.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; 'stresslib reproduce all --profile full' writes it")
    return dict(json.loads(path.read_text(encoding="utf-8")))


_SOURCES = ("stresslib", "book/stressbook", "notebooks", "requirements.txt")
"""What a result is made by, as paths in the checkout."""


def commit(root: Path) -> str | None:
    """Return the short hash of the commit, with ``-dirty`` where sources were changed; None without git or a commit.

    Parameters
    ----------
    root : pathlib.Path
        Folder of the checkout.

    Returns
    -------
    str or None
    """
    try:
        head, changed = (
            subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=False)
            for command in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--", *_SOURCES))
        )
    except FileNotFoundError:
        return None
    return head.stdout.strip() + ("-dirty" if changed.stdout else "") if head.returncode == 0 else None
