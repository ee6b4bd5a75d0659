"""Check: are the committed results still those that their runs made, and does this code make the same ones?

Above `reproduce`, which does the quick runs. It reads results/ and never writes there: runs and report go to a folder of
their own.
"""

from __future__ import annotations

import html
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.reproduce.catalogue import chosen_figures, figures, project_root
from stressbook.reproduce.comparison import TOLERANCES, drift, moved, read_every_column
from stressbook.reproduce.manifest import code_digest, kept_file, read_manifest
from stressbook.reproduce.run import reproduce_each
from stresslib.files import file_sha256, write_text
from stresslib.results import CURVE


def check(names: Iterable[str], *, output: str | os.PathLike[str] | None = None) -> list[str]:
    """Compare the committed results with their manifest, then with a new run of the quick profile.

    Parameters
    ----------
    names : iterable of str
        Figures, or ``"all"``.
    output : path-like, optional
        Folder for what the quick runs make, and for ``report.html``, with both curves of every table drawn. Default:
        ``build/check``.

    Returns
    -------
    list of str
        One line a problem: a file that is not the one in the manifest, a setting that the committed table lacks, a number
        that moved by more than its column may (:data:`stressbook.reproduce.comparison.TOLERANCES`), a column of numbers
        for which no tolerance is stated. Empty when all is well.
    """
    root = project_root()
    results, folder = root / "results", Path(output) if output is not None else root / "build" / "check"
    kept = {name: file for name in chosen_figures(root, names) if (file := kept_file(root, name)) is not None}
    problems, notes = _against_manifest(root, kept)
    for note in notes:
        print(note)
    pictures = []
    there = [name for name, file in kept.items() if (results / file).is_file()]
    for name, made in reproduce_each(there, output=folder, store=False):
        try:
            if isinstance(made, Exception):
                raise made
            if kept[name].endswith(".csv"):
                committed, fresh = (read_every_column(place / kept[name]) for place in (results, folder))
                score = figures(root)[name].get("tolerance")
                problems += [f"{name}: {line}" for line in drift(committed, fresh, score)]
                pictures.append((name, _picture(committed, fresh, score)))
        except Exception as error:  # a problem of this figure; the others are checked all the same
            problems.append(f"{name}: {error}")
    _write_report(folder / "report.html", problems, notes, pictures)
    return problems


def _against_manifest(root: Path, kept: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return what the manifest contradicts, and a note on each file that other code made."""
    results, problems, notes = root / "results", [], []
    manifest = read_manifest(results)
    for name, file in kept.items():
        entry = manifest.get(name)
        if entry is None or not (results / file).is_file():
            problems.append(f"{name}: results/{file} or its entry in the manifest is missing")
            continue
        if file_sha256(results / file) != entry["sha256"]:
            problems.append(f"{name}: results/{file} is not the file that the manifest names; it was edited")
        if entry["code"] != code_digest(root, name, file):
            notes.append(
                f"{name}: results/{file} was made by other code than this, that of commit {_commit_of(results, name)}; its "
                "numbers are compared all the same"
            )
    return problems, notes


def _commit_of(results: Path, name: str) -> str:
    try:
        return str(json.loads((results / f"{name}.json").read_text(encoding="utf-8"))["commit"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def _picture(committed: pd.DataFrame, fresh: pd.DataFrame, score: float | None = None) -> str:
    """Draw each curve of the quick run over the committed one, as SVG; points that moved have a ring."""
    curves = list(fresh.groupby(CURVE, sort=False, dropna=False))
    ringed = moved(committed, fresh, score)
    width = min(3, len(curves))
    height = -(-len(curves) // width)
    # Not registered with pyplot, so that nothing keeps it.
    figure = Figure(figsize=(3.4 * width, 2.6 * height), layout="constrained")
    axes = figure.subplots(height, width, squeeze=False).ravel().tolist()
    for ax, (_, rows) in zip(axes, curves, strict=False):
        same_curve = rows[CURVE].drop_duplicates()
        _draw_curve(ax, committed.merge(same_curve, on=CURVE), rows, ringed.merge(same_curve, on=CURVE))
    for ax in axes[len(curves) :]:
        ax.set_axis_off()
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "check"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def _draw_curve(ax: Axes, committed: pd.DataFrame, fresh: pd.DataFrame, ringed: pd.DataFrame) -> None:
    """Draw the rows of one curve over the column that changes along it; a curve over values has one line a dimension."""
    column = next((name for name in ("values", "removed_bits", "dimensions") if fresh[name].notna().any()), None)
    for table, look in ((committed, _COMMITTED), (fresh, _FRESH)):
        at = table[column].astype(float) if column else pd.Series(0.0, table.index)
        parts = [part for _, part in table.groupby("dimensions", dropna=False)] if column != "dimensions" else [table]
        for part in parts:
            mean = part["score"].groupby(at[part.index]).mean()
            ax.plot(mean.index, mean, **look)
    ax.plot(ringed[column].astype(float) if column else 0 * ringed["score"], ringed["score"], **_RING)
    names = fresh.iloc[0]
    title = f"{names['dataset']}, {names['model']}, {names['layer']}\n{names['stress']}, {names['metric']}"
    ax.set_title(title, fontsize=7)
    ax.set_xlabel(column or "", fontsize=7)
    ax.tick_params(labelsize=7)


_COMMITTED: dict[str, Any] = {"color": "#999999", "linewidth": 2.5, "marker": "o", "markersize": 4}
_FRESH: dict[str, Any] = {"color": "#0072B2", "linewidth": 1, "marker": "o", "markersize": 3}
_RING: dict[str, Any] = {
    "color": "#D55E00",
    "linestyle": "",
    "marker": "o",
    "markersize": 10,
    "markerfacecolor": "none",
    "markeredgewidth": 2,
}


def _write_report(path: Path, problems: list[str], notes: list[str], pictures: list[tuple[str, str]]) -> None:
    def listed(lines: list[str]) -> str:
        return f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ul>" if lines else "<p>None.</p>"

    drawn = "".join(f"<h3>{html.escape(name)}</h3>{svg}" for name, svg in pictures)
    allowed = "".join(
        f"<tr><td><code>{html.escape(name)}</code><td>{tolerance}<td>{html.escape(tolerance.reason)}"
        for name, tolerance in TOLERANCES.items()
    )
    write_text(
        path,
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Drift report</title>"
        "<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; } svg { max-width: 100%; "
        "height: auto; }</style>"
        f"<h1>Drift report</h1><p>{len(problems)} of what was compared is not as committed.</p>{listed(problems)}"
        f"<h2>Results that other code made</h2>{listed(notes)}"
        "<h2>Committed (thick, grey) and run anew (thin, blue)</h2><p>Means over repeats, in percent. A ring marks a row "
        f"of which a number moved by more than it may, or that the committed table lacks.</p>{drawn}"
        f"<h2>How far a number may move</h2><table>{allowed}</table></html>\n",
    )
