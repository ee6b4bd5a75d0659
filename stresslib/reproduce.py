"""Reproduce: run a figure's template with parameters, keep what it made, and compare it with what is committed.

Above everything else but the command line: notebooks, results/ and the book come through here.
"""

from __future__ import annotations

import difflib
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import yaml

from stresslib.features import absent_features, list_features
from stresslib.files import cache_dir, file_sha256, replacing, write_json
from stresslib.results import SETTING, read_results
from stresslib.sweep import code_digest

TOLERANCE = 0.25
"""Points by which a score may move between machines: 14 of Caltech-101's test images, 7 of those of 15-Scenes.

A mean over classes is more easily moved. Caltech-101's smallest class has one test image, and that one turning is a
whole point: such a move is reported, and is for a person to judge.
"""

_VERSIONS = ("stresslib", "numpy", "scipy", "scikit-learn", "torch", "pandas", "matplotlib")


def project_root() -> Path:
    """Return the folder of the checkout: the nearest one upwards that has notebooks/figures.yml.

    Raises
    ------
    FileNotFoundError
        When neither the current folder nor the package lies in a checkout.
    """
    for start in (Path.cwd(), Path(__file__).parent):
        for folder in (start, *start.parents):
            if (folder / "notebooks" / "figures.yml").is_file():
                return folder
    raise FileNotFoundError("notebooks/figures.yml is not here; run this inside a checkout of the project")


def figures(root: Path) -> dict[str, Any]:
    """Return what notebooks/figures.yml says, by the names of the figures."""
    return dict(yaml.safe_load((root / "notebooks" / "figures.yml").read_text(encoding="utf-8")))


def chosen_figures(root: Path, names: Iterable[str]) -> list[str]:
    """Return the figures that some names mean; ``"all"`` means every one.

    Raises
    ------
    ValueError
        On a name that is none; the message lists those there are.
    """
    known, chosen = figures(root), []
    for name in names:
        if name != "all" and name not in known:
            raise ValueError(f"figure {name!r} is unknown; there are {', '.join(known)}" + _near(name, known))
        chosen += list(known) if name == "all" else [name]
    return list(dict.fromkeys(chosen))


def reproduce(
    name: str,
    *,
    profile: str = "quick",
    parameters: dict[str, Any] | None = None,
    output: str | os.PathLike[str] | None = None,
    redraw: bool = False,
    store: bool = True,
) -> Path:
    """Run the template of a figure.

    Parameters
    ----------
    name : str
        As in notebooks/figures.yml.
    profile : {"quick", "full", "paper"}, default="quick"
        ``paper`` is full on the paper's own networks and data; features that are not at hand are extracted first.
    parameters : dict, optional
        Parameters of the template that replace those of the profile.
    output : path-like, optional
        Folder for the executed notebook, the figure (SVG, PNG) and its table (CSV). Default: ``build/PROFILE``.
    redraw : bool, default=False
        Draw the committed results again instead of computing new ones.
    store : bool, default=True
        Keep finished settings in the user's cache, so that a stopped run goes on where it was.

    Returns
    -------
    pathlib.Path
        The executed notebook. A full run with the parameters of the profile also writes results/NAME.csv, a JSON beside
        it, and the manifest.

    Raises
    ------
    ValueError
        On an unknown figure, profile or parameter; the message lists what there is.
    """
    import papermill

    root = project_root()
    [name] = chosen_figures(root, [name])
    entry = figures(root)[name]
    if profile not in entry["profiles"]:
        raise ValueError(f"profile {profile!r} is unknown; {name} has {', '.join(entry['profiles'])}")
    template = root / "notebooks" / entry["template"]
    known = papermill.inspect_notebook(str(template))
    for parameter in parameters or {}:
        if parameter not in known:
            raise ValueError(f"{name} has no parameter {parameter!r}; it has {', '.join(known)}" + _near(parameter, known))
    folder = Path(output) if output is not None else root / "build" / profile
    folder.mkdir(parents=True, exist_ok=True)
    # The template runs in that folder: files that the caller names are named from there.
    own = {key: _seen_from(folder, value) for key, value in (parameters or {}).items()}
    values = {**entry["profiles"][profile], **own}
    kept = _kept(root, name)
    committed = os.path.relpath(root / "results" / (kept or ""), folder)
    if kept is None:
        # Such a template is about results/ as a whole: it reads that folder, and keeps nothing of its own there.
        values = {"results": committed, **values}
    elif "reference" in known:
        # Such a template compares what it computes with the committed file, except where it makes that file.
        values = {"reference": "" if profile == "full" else committed, **values}
    elif redraw:
        values = {"results": committed, **own}
    elif store and "store" in known:
        values = {"store": os.path.relpath(cache_dir() / "sweeps", folder), **values}
    if profile == "paper" and "dataset" in values:
        _extract_absent(values["dataset"], values.get("model", ""), values.get("layer", ""))
    executed = folder / f"{name}.ipynb"
    begun = time.perf_counter()
    try:
        papermill.execute_notebook(
            template, executed, values, cwd=folder, kernel_name="python3", progress_bar={"desc": name}, log_output=False
        )
    except papermill.PapermillExecutionError as error:
        raise ValueError(f"{name} stopped: {error.evalue} ({error.ename}; the notebook so far is {executed})") from error
    _fold_parameters(executed)
    if profile == "full" and kept is not None and not parameters and not redraw:
        _commit(root, name, kept, folder, values, time.perf_counter() - begun)
    return executed


def _extract_absent(dataset: Any, model: Any, layer: Any) -> None:
    from stresslib.datasets import load_images
    from stresslib.extraction import extract

    layers: dict[tuple[str, str], list[str]] = {}
    for images, network, one_layer in absent_features(dataset, model, layer):
        layers.setdefault((images, network), []).append(one_layer)
    for (images, network), wanted in layers.items():
        extract(load_images(images), network, wanted)


def _fold_parameters(executed: Path) -> None:
    """Fold the cell in which papermill put the parameters, as the template's own cell of defaults is."""
    notebook = nbformat.read(executed, 4)
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("hide-input")
    nbformat.write(notebook, executed)


def _seen_from(folder: Path, value: Any) -> Any:
    """Turn a path of a file that is there, or each in a list, into one that leads to it from a folder."""
    if isinstance(value, list):
        return [_seen_from(folder, one) for one in value]
    return os.path.relpath(value, folder) if isinstance(value, str) and Path(value).is_file() else value


def _kept(root: Path, name: str) -> str | None:
    """Name of the file that a figure's full run puts under results/; None for a page that is made of results/ alone."""
    kept: str | None = figures(root)[name].get("keeps", f"{name}.csv")
    return kept


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _commit(root: Path, name: str, kept: str, folder: Path, values: dict[str, Any], seconds: float) -> None:
    """Put what a full run made under results/, with what a reader may ask of it."""
    results = root / "results"
    results.mkdir(exist_ok=True)
    for file in (kept, f"{name}.svg"):
        if (folder / file).exists():
            with replacing(results / file) as temporary:
                shutil.copyfile(folder / file, temporary)
    described: dict[str, Any] = {
        "parameters": {key: value for key, value in values.items() if key not in ("store", "reference")},
        "code": code_digest(),
        "commit": _git_commit(root),
        "seconds": round(seconds, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version(), **{library: version(library) for library in _VERSIONS}},
    }
    if kept.endswith(".csv"):
        table = read_results(results / kept)
        used = table[["dataset", "model", "layer"]].drop_duplicates().itertuples(index=False)
        at_hand = dict(list_features())
        described["features"] = {
            "/".join(names): file_sha256(at_hand["/".join(names)]) for names in used if "/".join(names) in at_hand
        }
        described["largest_objective_gap"] = float(table["objective_gap"].max())
    write_json(results / f"{name}.json", described)
    path = results / "manifest.json"
    manifest = _manifest(results) if path.exists() else {}
    manifest[name] = {"file": kept, "sha256": file_sha256(results / kept), "code": code_digest()}
    write_json(path, manifest)


def _manifest(results: Path) -> dict[str, Any]:
    path = results / "manifest.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; 'stresslib reproduce all --profile full' writes it")
    return dict(json.loads(path.read_text(encoding="utf-8")))


_SOURCES = ("stresslib", "notebooks", "requirements.txt")


def _git_commit(root: Path) -> str | None:
    """Name of the commit; ``-dirty`` at its end says that the sources held changes. None without git or a commit."""
    try:
        head, changed = (
            subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=False)
            for command in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--", *_SOURCES))
        )
    except FileNotFoundError:
        return None
    return head.stdout.strip() + ("-dirty" if changed.stdout else "") if head.returncode == 0 else None


def check(names: Iterable[str], *, output: str | os.PathLike[str] | None = None) -> list[str]:
    """Run the quick profile and compare it with the committed results, which stay as they are.

    Parameters
    ----------
    names : iterable of str
        Figures, or ``"all"``.
    output : path-like, optional
        Folder for what the quick runs make. Default: ``build/check``.

    Returns
    -------
    list of str
        One line for each thing that is not as it should be: a CSV other than the manifest says, a setting that the
        committed table lacks, a score that moved by more than 0.25 points. Empty when all is well.
    """
    root = project_root()
    results = root / "results"
    manifest = _manifest(results)
    folder = Path(output) if output is not None else root / "build" / "check"
    problems: list[str] = []
    for name in chosen_figures(root, names):
        file = _kept(root, name)
        if file is None:
            continue
        kept = results / file
        entry = manifest.get(name)
        if entry is None or not kept.is_file():
            problems.append(f"{name}: results/{kept.name} or its entry in the manifest is missing")
            continue
        if file_sha256(kept) != entry["sha256"]:
            problems.append(f"{name}: results/{kept.name} is not the file that the manifest names; it was edited")
        if entry["code"] != code_digest():
            print(f"{name}: results/{kept.name} was made by other code than this; its scores are compared all the same")
        try:
            reproduce(name, profile="quick", output=folder, store=False)
        except ValueError as error:
            problems.append(str(error))
            continue
        if kept.suffix == ".csv":
            problems += [f"{name}: {line}" for line in drift(read_results(kept), read_results(folder / kept.name))]
    return problems


def drift(committed: pd.DataFrame, fresh: pd.DataFrame) -> list[str]:
    """Compare a fresh table with the committed one, setting by setting.

    Parameters
    ----------
    committed, fresh : pandas.DataFrame
        Results tables.

    Returns
    -------
    list of str
        One line for each setting of `fresh` that `committed` lacks, or whose score is more than 0.25 points off.
    """
    both = fresh.merge(committed, on=SETTING, how="left", suffixes=("", "_committed"))
    lines = []
    for row in both.to_dict("records"):
        setting = " ".join(f"{key}={row[key]}" for key in SETTING if not pd.isna(row[key]))
        if pd.isna(row["score_committed"]):
            lines.append(f"{setting}: is {row['score']:.3f}, and not in the committed table")
        elif not abs(row["score"] - row["score_committed"]) <= TOLERANCE:
            lines.append(f"{setting}: was {row['score_committed']:.3f}, is {row['score']:.3f}, tolerance {TOLERANCE}")
    return lines
