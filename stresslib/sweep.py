"""Sweep: a grid of stresses over one feature set, on all cores, with progress, and resumed where it was stopped.

Calls the protocol once for each setting and repeat; figures and commands call it.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.protocol import Shared, decide_nested, evaluate, one_thread, scored, solution
from stresslib.features import FeatureSet
from stresslib.files import text_sha256, write_json
from stresslib.reduction import PrincipalComponents
from stresslib.results import results_table
from stresslib.spec import Spec, parse_spec

_CODE = (
    "reduction.py",
    "quantization.py",
    "spec.py",
    "evaluation/squared_hinge.py",
    "evaluation/linear_svm.py",
    "evaluation/metrics.py",
    "evaluation/protocol.py",
    "evaluation/bootstrap.py",
)
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch")


def sweep(
    features: FeatureSet,
    specs: str | Iterable[str],
    classifier: Any = None,
    *,
    repeats: int = 1,
    random_state: int = 0,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Evaluate many stresses on one feature set.

    Parameters
    ----------
    features : FeatureSet
    specs : str or iterable of str
        Stresses, as in :func:`stresslib.make_stress`; all are checked before the first one runs.
    classifier : scikit-learn classifier, optional
        Default ``LinearSVM()``.
    repeats : int, default=1
        How often a random stress is drawn; repeat ``r`` uses the seed ``random_state + r``. Others run once, and leave
        the column empty.
    random_state : int, default=0
    n_jobs : int, default=-1
        Processes, as in joblib; -1 means one a core.
    store : path-like, optional
        Folder in which finished settings are kept, and found by a later call with the same features, classifier, code
        and library versions.
    progress : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    pandas.DataFrame
        In the schema of :data:`stresslib.results.COLUMNS`, in the order of `specs`; a row for each of the feature set's
        metrics. The same table whatever `n_jobs` is.

    Raises
    ------
    ValueError
        On a bad stress, before anything runs.

    Examples
    --------
    >>> import stresslib as sl
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> table = sl.sweep(f, ["none", "DR1:64"], repeats=2, n_jobs=1, progress=False)
    >>> table[["stress", "dimensions", "repeat"]].values.tolist()
    [['none', <NA>, <NA>], ['random-selection', 64, 0], ['random-selection', 64, 1]]
    """
    if repeats < 1:
        raise ValueError(f"repeats={repeats}; at least 1 is needed")
    specs = [specs] if isinstance(specs, str) else specs
    classifier = LinearSVM() if classifier is None else classifier
    width, training = features.X.shape[1], int(features.train.sum())
    tasks = []
    for spec in map(parse_spec, specs):
        most = min(width, training) if spec.reduction == "DR2" else width
        if spec.dimensions is not None and spec.dimensions > most:
            raise ValueError(f"stress {str(spec)!r} keeps more dimensions than the {most} that {features.name} allows")
        tasks += [(spec, repeat) for repeat in (range(repeats) if spec.is_random else [None])]
    place = None if store is None else Path(store)
    inputs = (features.digest, features.name, joblib.hash(classifier), code_digest(), *library_versions()) if place else ()
    base = text_sha256(*inputs)
    seeds = [random_state + (repeat or 0) if spec.is_random else random_state for spec, repeat in tasks]
    paths = [_stored_path(place, base, spec, seed) for (spec, _), seed in zip(tasks, seeds, strict=True)]
    done = {number: rows for number, path in enumerate(paths) if (rows := _stored(path)) is not None}
    settings = [(number, spec, seed) for number, ((spec, _), seed) in enumerate(zip(tasks, seeds, strict=True))]
    jobs = [job for job in _jobs(features, settings, classifier) if any(number not in done for number, *_ in job)]
    for number, *_ in itertools.chain.from_iterable(jobs):
        done.pop(number, None)
    shared = _shared(features, [spec for _, spec, _ in itertools.chain.from_iterable(jobs)])
    starts = _starts(features, [job[0][1] for job in jobs if len(job) == 1], classifier, shared, n_jobs)
    calls = [
        joblib.delayed(_run)(features, job, classifier, replace(shared, start=starts.get(_alike(job[0][1], width))), paths)
        for job in jobs
    ]
    bar = tqdm(desc=features.name, total=len(tasks), initial=len(done), unit="setting", disable=not progress)
    with bar:
        for rows_of_job in joblib.Parallel(n_jobs, return_as="generator_unordered")(calls):
            done |= rows_of_job
            bar.update(len(rows_of_job))
    return results_table({**row, "repeat": repeat} for number, (_, repeat) in enumerate(tasks) for row in done[number])


Job = list[tuple[int, Spec, int]]
"""Settings that one process takes on together: their place in the table, stress and seed."""


def _jobs(features: FeatureSet, settings: Job, classifier: Any) -> list[Job]:
    """Return the settings one by one, those together that share the growing inner products of one seed's selections.

    Those are computed together or not at all: sums that grow by other steps, after a stop, would have other last digits.
    """
    wide = features.X.shape[1] > features.train.sum()
    shared = wide and isinstance(classifier, LinearSVM) and classifier.loss == "squared_hinge"
    jobs: dict[Any, Job] = {}
    for number, spec, seed in settings:
        nested = shared and spec.is_random and spec.quantizer is None
        jobs.setdefault(("nested", seed) if nested else number, []).append((number, spec, seed))
    # The longest first, so that no process is left with one at the end.
    return sorted(jobs.values(), key=len, reverse=True)


def _shared(features: FeatureSet, specs: list[Spec]) -> Shared:
    """Fit the principal components once, as many as the largest of the settings keeps, and project on them."""
    sizes = [spec.dimensions for spec in specs if spec.reduction == "DR2" and spec.dimensions]
    if not sizes:
        return Shared()
    with one_thread():
        components = PrincipalComponents(max(sizes)).fit(features.X[features.train])
        return Shared(components, components.transform(features.X))


def _alike(spec: Spec, width: int) -> Spec | None:
    """Return the setting whose solution is a start for this one; None where a start from zero is as good.

    It depends on nothing but the setting, and so does the result: whatever else is in the sweep, it is the same.
    """
    if spec.reduction is not None and spec.quantizer is not None and spec.reduction == "DR2":
        return Spec("DR2", spec.dimensions)
    few = spec.dimensions is not None and spec.dimensions < width / 4
    return None if few or spec == Spec() else Spec()


def _starts(
    features: FeatureSet, specs: list[Spec], classifier: Any, shared: Shared, n_jobs: int
) -> dict[Spec | None, tuple[NDArray[Any], NDArray[Any]]]:
    """Solve the settings from whose solutions others start."""
    if not (isinstance(classifier, LinearSVM) and classifier.loss == "squared_hinge"):
        return {}
    wanted = sorted({alike for spec in specs if (alike := _alike(spec, features.X.shape[1])) is not None}, key=str)
    calls = (joblib.delayed(solution)(features, spec, classifier, shared) for spec in wanted)
    return dict(zip(wanted, joblib.Parallel(n_jobs if len(wanted) > 1 else 1)(calls), strict=True))


def _run(
    features: FeatureSet, job: Job, classifier: Any, shared: Shared, paths: list[Path | None]
) -> dict[int, list[dict[str, Any]]]:
    done = {}
    for number, table in _tables(features, job, classifier, shared):
        records = table.astype(object).where(table.notna(), None).to_dict("records")
        done[number] = [{str(name): value for name, value in record.items()} for record in records]
        if (path := paths[number]) is not None:
            write_json(path, done[number])
    return done


def _tables(features: FeatureSet, job: Job, classifier: Any, shared: Shared) -> Iterator[tuple[int, pd.DataFrame]]:
    number, spec, seed = job[0]
    if len(job) == 1:
        yield number, evaluate(features, spec, classifier, random_state=seed, metrics=features.metrics, shared=shared)
        return
    sizes = {spec.dimensions or 0 for _, spec, _ in job}
    for size, decision, gap in decide_nested(features, sizes, classifier, random_state=seed):
        for number, spec, _ in job:
            if spec.dimensions == size:
                yield number, scored(features, spec, decision, gap, features.metrics)


def _stored_path(store: Path | None, base: str, spec: Spec, seed: int) -> Path | None:
    return store / f"{text_sha256(base, str(spec), str(seed if spec.is_random else ''))}.json" if store else None


def _stored(path: Path | None) -> list[dict[str, Any]] | None:
    """Return the rows that an earlier call kept, None where there are none or the file is damaged."""
    if path is None or not path.exists():
        return None
    try:
        return list(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        return None


@cache
def code_digest() -> str:
    """SHA-256 over the modules that a score depends on, so that no edit goes unnoticed."""
    folder = Path(__file__).parent
    return text_sha256(*((folder / name).read_text(encoding="utf-8") for name in _CODE))


code_digest()  # now, while the sources are those that were imported


def library_versions() -> list[str]:
    """Names and versions of the libraries that a score depends on."""
    return [f"{name} {version(name)}" for name in _LIBRARIES]
