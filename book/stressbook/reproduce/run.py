"""Reproduce: run a figure's template with parameters, and keep what it made.

Below the check and the commands, above everything else: executed notebooks, results/ and the book's pages are made here.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import nbformat
from tqdm import tqdm

from stressbook.reproduce.catalogue import chosen_figures, did_you_mean, figures, project_root
from stressbook.reproduce.execute import CellError, in_kernel, in_process
from stressbook.reproduce.manifest import keep_results, kept_file
from stressbook.reproduce.page import rename, write_page
from stressbook.reproduce.parameters import by_network, check_features, check_types, defaults
from stresslib.features import absent_features
from stresslib.files import cache_dir
from stresslib.running.store import limit


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
    kernel: bool = True,
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
        Put behind the names of these files, the title, and every label, so that a folder and the book can hold a second
        run of a template beside the first.
    redraw : bool, default=False
        Draw the committed results again instead of computing new ones.
    store : bool, default=True
        Keep finished settings in the user's cache, so that a stopped run continues where it was.
    progress : bool, default=True
        Show on standard error how many cells are done.
    kernel : bool, default=True
        Run the template through papermill in a kernel of its own. With False its cells run in this process, which saves
        the seconds that a kernel takes to start; what a cell does to the process stays.

    Returns
    -------
    pathlib.Path
        The executed notebook. A full run without `parameters`, `output`, `key` and `redraw` also writes results/NAME.csv,
        a JSON beside it, and the manifest.

    Raises
    ------
    ValueError
        On an unknown figure, profile, parameter, data set or network, or a value of the wrong type, before anything runs:
        the message says what is allowed. When the template stops, the message says why.
    FileNotFoundError
        When features are not at hand; the message has the command that makes them.
    """
    root = project_root()
    limit()  # a wrong one is noticed before the work
    if key is not None and not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", key):
        raise ValueError(f"key {key!r}: small letters and digits, perhaps joined by -, such as scenes15-lite2")
    run = _planned(root, name, profile, parameters or {}, redraw)
    final = Path(output) if output is not None else root / "build" / profile
    final.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=final, prefix=".") if key else nullcontext(final) as place:
        folder = Path(place)
        values = run.parameters_in(folder, store)
        if profile == "paper" and "dataset" in values:
            _extract_absent(values["dataset"], values.get("model", ""), values.get("layer", ""))
        begun = time.perf_counter()
        executed = _execute(run, folder, values, progress, kernel, stays=not key)
        _fold_parameters(executed)
        if key:
            executed = _with_key(folder, final, name, key)
    write_page(executed)
    as_the_profile_says = not parameters and output is None and not key and not redraw
    if profile == "full" and run.kept is not None and as_the_profile_says:
        keep_results(root, name, run.kept, final, values, time.perf_counter() - begun)
    return executed


@dataclass(frozen=True)
class _Run:
    """A figure, a profile and parameters of the caller's, found valid."""

    root: Path
    name: str
    profile: str
    redraw: bool
    known: dict[str, Any]
    """The parameters of the template, with their defaults."""
    given: dict[str, Any]
    """Those that the caller gave."""
    values: dict[str, Any]
    """Those of the profile, and what was given in their place."""

    @property
    def template(self) -> Path:
        return self.root / "notebooks" / figures(self.root)[self.name]["template"]

    @property
    def kept(self) -> str | None:
        return kept_file(self.root, self.name)

    def parameters_in(self, folder: Path, store: bool) -> dict[str, Any]:
        """Return the parameters for a run in a folder, with the one that says where its results come from.

        A page that keeps nothing is about results/ as a whole, and reads that folder. A template that compares what it
        computes gets the committed file as its reference, unless it is about to make that file. To redraw is to read
        the committed file instead of computing one. Any other run computes, and keeps finished settings in the store.
        """
        # The template runs in that folder: paths of the caller's are made to lead there.
        given = {parameter: _seen_from(folder, value) for parameter, value in self.given.items()}
        values = self.values | given
        committed = os.path.relpath(self.root / "results" / (self.kept or ""), folder)
        if self.kept is None:
            return {"results": committed, **values} if "results" in self.known else values
        if "reference" in self.known:
            return {"reference": "" if self.profile == "full" else committed, **values}
        if self.redraw:
            return {"results": committed, **given}
        if store and "store" in self.known:
            return {"store": os.path.relpath(cache_dir() / "sweeps", folder), **values}
        return values


def _execute(run: _Run, folder: Path, values: dict[str, Any], progress: bool, kernel: bool, *, stays: bool) -> Path:
    """Run a template in a folder, and return the executed notebook; say in one line why it stopped."""
    executed = folder / f"{run.name}.ipynb"
    execute = in_kernel if kernel else in_process
    try:
        execute(run.template, executed, values, folder, run.name if progress else "")
    except CellError as error:
        where = f"; the notebook so far is {executed}" if stays else ""
        raise ValueError(f"{run.name} stopped: {error} ({error.name}{where})") from error
    except RuntimeError as error:
        raise ValueError(f"{run.name} stopped: {error}") from error
    return executed


def reproduce_each(
    names: Iterable[str], *, profile: str = "quick", redraw: bool = False, **options: Any
) -> Iterator[tuple[str, Path | Exception]]:
    """Run the templates of several figures, as many at a time as there are cores, each on one core.

    Figures that notebooks/figures.yml marks as last run after the others, one by one on every core. So do all figures of a
    profile whose runs are long: each of them uses every core by itself.

    Parameters
    ----------
    names : iterable of str
    profile, redraw, **options
        As for :func:`reproduce`.

    Yields
    ------
    name : str
        In the order of `names`, but for the last ones.
    made : pathlib.Path or Exception
        The executed notebook, or why there is none.
    """
    entries, names = figures(project_root()), list(names)
    at_once = len(names) > 1 and (redraw or profile == "quick")
    parallel = [name for name in names if at_once and not entries[name].get("last")]
    options |= {"profile": profile, "redraw": redraw}
    # Processes, not threads: a template runs in a folder of its own, and that is the whole process's.
    running = joblib.Parallel(-1, return_as="generator")(
        joblib.delayed(_made_on_one_core)(name, options) for name in parallel
    )
    yield from zip(parallel, tqdm(running, "figures", len(parallel), disable=not parallel), strict=True)
    for name in names:
        if name not in parallel:
            yield name, _made(name, **options)


def _made(name: str, **options: Any) -> Path | Exception:
    """Return the executed notebook of a figure, or the error that stopped it: it is to stop no other figure."""
    try:
        return reproduce(name, **options)
    except Exception as error:
        return error


def _made_on_one_core(name: str, options: dict[str, Any]) -> Path | Exception:
    with _one_core():
        return _made(name, progress=False, kernel=False, **options)


@contextmanager
def _one_core() -> Iterator[None]:
    """Let the processes that are started inside the block use one core each."""
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
    """Raise the error that :func:`reproduce` would raise before it runs anything, and run nothing.

    Parameters
    ----------
    name, profile, parameters, redraw
        As :func:`reproduce` takes them.

    Raises
    ------
    ValueError, FileNotFoundError
        As :func:`reproduce` raises them.
    """
    _planned(project_root(), name, profile, parameters or {}, redraw)


def _planned(root: Path, name: str, profile: str, parameters: dict[str, Any], redraw: bool) -> _Run:
    """Return a valid run."""
    chosen_figures(root, [name])
    profiles = figures(root)[name]["profiles"]
    if profile not in profiles:
        hint = did_you_mean(profile, profiles)
        raise ValueError(f"profile {profile!r} is unknown; {name} has {', '.join(profiles)}{hint}")
    known = defaults(root / "notebooks" / figures(root)[name]["template"])
    check_types(name, parameters, known)
    values = {**profiles[profile], **parameters}
    if not redraw and not values.get("results"):
        check_features({**known, **values}, extracts=profile == "paper")
    return _Run(root, name, profile, redraw, known, parameters, values)


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

    for (images, network), layers in by_network(absent_features(dataset, model, layer)).items():
        try:
            found = load_images(images)
        except (OSError, ValueError) as error:
            if images not in HALVES:
                raise
            raise ValueError(f"{error}; {_half(HALVES[images], network, layers)}") from error
        extract(found, network, layers)


HALVES = {"voc2007": "voc2007-val"}
"""Data sets of which a part can be had where the whole cannot."""


def _half(name: str, network: str, layers: list[str]) -> str:
    """Say how the part of a data set is run, and how its images are got where they and its features are not at hand."""
    from stresslib.datasets import DATASETS

    dataset = DATASETS[name]
    there = [f"{name}/{network}/{layer}" for layer in layers]
    run = f"-p dataset={there[0] if len(there) == 1 else '[' + ','.join(there) + ']'}"
    if dataset.present() or not absent_features(there, "", ""):
        return f"{name}, whose images or features are at hand, would run: {run}"
    [archive] = dataset.downloads
    return (
        f"{name} needs {archive.name} alone: stresslib extract {name} --archive FILE --model {network} "
        f"--layer {' '.join(layers)}, then {run}"
    )


def _fold_parameters(executed: Path) -> None:
    """Give the cell that papermill injected the tags by which the template's own cell of defaults is folded or removed."""
    notebook = nbformat.read(executed, 4)
    tags: list[str] = []
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            tags = [tag for tag in cell.metadata.tags if tag != "parameters"]
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata.tags += tags
    nbformat.write(notebook, executed)


def _seen_from(folder: Path, value: Any) -> Any:
    """Make the path of an existing file, or each in a list, lead to it from a folder; leave any other value."""
    if isinstance(value, list):
        return [_seen_from(folder, one) for one in value]
    return os.path.relpath(value, folder) if isinstance(value, str) and Path(value).is_file() else value
