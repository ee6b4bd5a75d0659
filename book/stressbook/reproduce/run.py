"""Reproduce: run a figure's template with parameters, and keep what it made.

Above everything else but the check and the command line: notebooks, results/ and the book come through here.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import nbformat
from tqdm import tqdm

from stressbook.reproduce.catalogue import chosen_figures, figures, project_root
from stressbook.reproduce.manifest import keep_results, kept_file
from stressbook.reproduce.page import rename, write_page
from stressbook.reproduce.parameters import check_features, check_types, defaults, near
from stresslib.features import absent_features
from stresslib.files import cache_dir


def reproduce(
    name: str,
    *,
    profile: str = "quick",
    parameters: dict[str, Any] | None = None,
    output: str | os.PathLike[str] | None = None,
    key: str | None = None,
    redraw: bool = False,
    store: bool = True,
    progress: bool = True,
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
        Folder for the executed notebook, one HTML page to look at, the figure (SVG, PNG) and its table (CSV). Default:
        ``build/PROFILE``.
    key : str, optional
        Put behind the names of these files, the title, and every label, so that a second run of a template can stand
        beside the first, in a folder and in the book.
    redraw : bool, default=False
        Draw the committed results again instead of computing new ones.
    store : bool, default=True
        Keep finished settings in the user's cache, so that a stopped run goes on where it was.
    progress : bool, default=True
        Show the cells that are done on standard error.

    Returns
    -------
    pathlib.Path
        The executed notebook. A full run as the profile says, with neither `parameters` nor `output`, also writes
        results/NAME.csv, a JSON beside it, and the manifest.

    Raises
    ------
    ValueError
        On an unknown figure, profile, parameter, data set or network, or a value of another type; the message says what
        there is. Nothing has run then.
    FileNotFoundError
        When features are not at hand; the message has the command that makes them.
    """
    import papermill

    root = project_root()
    if key is not None and not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", key):
        raise ValueError(f"key {key!r}: small letters and digits, perhaps joined by -, such as scenes15-lite2")
    entry, values, known = _planned(root, name, profile, parameters or {}, redraw)
    final = Path(output) if output is not None else root / "build" / profile
    final.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=final, prefix=".") if key else nullcontext(final) as place:
        folder = Path(place)
        # The template runs in that folder: files that the caller names are named from there.
        own = {parameter: _seen_from(folder, values[parameter]) for parameter in parameters or {}}
        values |= own
        kept = kept_file(root, name)
        committed = os.path.relpath(root / "results" / (kept or ""), folder)
        if kept is None:
            # Such a template keeps nothing under results/; most are about that folder as a whole, and read it.
            values = {"results": committed, **values} if "results" in known else values
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
            _execute(
                root / "notebooks" / entry["template"],
                executed,
                values,
                cwd=folder,
                progress_bar={"desc": name} if progress else False,
            )
        except papermill.PapermillExecutionError as error:
            where = f"; the notebook so far is {executed}" if not key else ""
            raise ValueError(f"{name} stopped: {error.evalue} ({error.ename}{where})") from error
        except RuntimeError as error:
            raise ValueError(f"{name} stopped: {error}") from error
        _fold_parameters(executed)
        if key:
            executed = _with_key(folder, final, name, key)
    write_page(executed)
    if profile == "full" and kept is not None and not parameters and output is None and not key and not redraw:
        keep_results(root, name, kept, final, values, time.perf_counter() - begun)
    return executed


def _execute(template: Path, executed: Path, values: dict[str, Any], **options: Any) -> None:
    """Run a template; once more where no kernel came up, since another process may have taken one of its ports meanwhile."""
    import papermill

    quiet = ["--log-level=ERROR"]  # else each kernel warns that it talks without encryption
    for last in (False, True):
        try:
            papermill.execute_notebook(
                template, executed, values, kernel_name="python3", log_output=False, extra_arguments=quiet, **options
            )
            return
        except RuntimeError as error:
            if last or "before replying" not in str(error):
                raise


def reproduce_each(
    names: Iterable[str], *, profile: str = "quick", redraw: bool = False, **options: Any
) -> Iterator[tuple[str, Path | ValueError | OSError]]:
    """Run the templates of several figures, each on one core and as many at a time as there are cores.

    Those that notebooks/figures.yml calls last run after the others, one by one on every core; and so does everything of a
    profile whose runs are long, and use every core by themselves.

    Parameters
    ----------
    names : iterable of str
    profile, redraw, **options
        As for :func:`reproduce`.

    Yields
    ------
    name : str
        In the order of `names`, but for the last ones.
    made : pathlib.Path, ValueError or OSError
        The executed notebook, or why there is none.
    """
    entries, names = figures(project_root()), list(names)
    together = len(names) > 1 and (redraw or profile == "quick")
    alone = [name for name in names if not together or entries[name].get("last")]
    beside = [name for name in names if name not in alone]
    options |= {"profile": profile, "redraw": redraw}
    # Processes, not threads: papermill changes the folder of the whole process.
    running = joblib.Parallel(-1, return_as="generator")(joblib.delayed(_made_on_one_core)(name, options) for name in beside)
    yield from zip(beside, tqdm(running, "figures", len(beside), disable=not beside), strict=True)
    for name in alone:
        yield name, _made(name, **options)


def _made(name: str, **options: Any) -> Path | ValueError | OSError:
    try:
        return reproduce(name, **options)
    except (ValueError, OSError) as error:
        return error


def _made_on_one_core(name: str, options: dict[str, Any]) -> Path | ValueError | OSError:
    with _one_core():
        return _made(name, progress=False, **options)


@contextmanager
def _one_core() -> Iterator[None]:
    """Let the processes that are started meanwhile use one core."""
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "LOKY_MAX_CPU_COUNT")}
    os.environ |= dict.fromkeys(before, "1")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def plan(name: str, *, profile: str = "quick", parameters: dict[str, Any] | None = None, redraw: bool = False) -> None:
    """Refuse what :func:`reproduce` would refuse, and run nothing; takes and raises the same."""
    _planned(project_root(), name, profile, parameters or {}, redraw)


def _planned(
    root: Path, name: str, profile: str, parameters: dict[str, Any], redraw: bool
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what figures.yml has of a figure, the parameters of the run, and those of the template with defaults."""
    chosen_figures(root, [name])
    entry = figures(root)[name]
    if profile not in entry["profiles"]:
        hint = near(profile, entry["profiles"])
        raise ValueError(f"profile {profile!r} is unknown; {name} has {', '.join(entry['profiles'])}{hint}")
    known = defaults(root / "notebooks" / entry["template"])
    check_types(name, parameters, known)
    values = {**entry["profiles"][profile], **parameters}
    if not redraw and not values.get("results"):
        check_features({**known, **values}, extracts=profile == "paper")
    return entry, values, known


def _with_key(folder: Path, final: Path, name: str, key: str) -> Path:
    """Move what a run made into the final folder, under names with the key."""
    made = [path for path in folder.iterdir() if path.is_file()]
    notebook = nbformat.read(folder / f"{name}.ipynb", 4)
    rename(notebook, [path.stem for path in made], key)
    nbformat.write(notebook, folder / f"{name}.ipynb")
    for path in made:
        path.replace(final / f"{path.stem}-{key}{path.suffix}")
    return final / f"{name}-{key}.ipynb"


def _extract_absent(dataset: Any, model: Any, layer: Any) -> None:
    from stresslib.datasets import load_images
    from stresslib.extraction import extract

    layers: dict[tuple[str, str], list[str]] = {}
    for images, network, one_layer in absent_features(dataset, model, layer):
        layers.setdefault((images, network), []).append(one_layer)
    for (images, network), wanted in layers.items():
        extract(load_images(images), network, wanted)


def _fold_parameters(executed: Path) -> None:
    """Fold the cell in which papermill put the parameters, or take it away, as the template's own cell of defaults is."""
    notebook = nbformat.read(executed, 4)
    tags: list[str] = []
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            tags = [tag for tag in cell.metadata.tags if tag != "parameters"]
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata.tags += tags
    nbformat.write(notebook, executed)


def _seen_from(folder: Path, value: Any) -> Any:
    """Turn a path of a file that is there, or each in a list, into one that leads to it from a folder."""
    if isinstance(value, list):
        return [_seen_from(folder, one) for one in value]
    return os.path.relpath(value, folder) if isinstance(value, str) and Path(value).is_file() else value
