"""Sweep: a grid of stresses over one feature set, on all cores, with progress, and resumed where it was stopped.

Calls the protocol once for each setting and repeat; figures and commands call it.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import joblib
import pandas as pd
from tqdm import tqdm

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.protocol import Shared, decide_nested, evaluate, score_rows, solution
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.results import results_table
from stresslib.running import cluster
from stresslib.running.broadcast import Starts, received, sent
from stresslib.running.store import Rows, Store, trim
from stresslib.stress.on_features.reduction import PrincipalComponents
from stresslib.stress.spec import Spec, parse_spec


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
        Processes, as in joblib; -1 means one a core. Where the environment variable ``STRESSLIB_SCHEDULER`` has the address
        of a Dask scheduler, its workers take their place.
    store : path-like, optional
        Folder in which finished settings are kept, and found by a later call with the same features, classifier, library
        versions and code: that of the modules which the setting depends on. Where nothing can be written there, a warning
        says so, and the sweep goes on.
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
    kept = None if store is None else Store(store, features, classifier)
    seeds = [random_state + (repeat or 0) if spec.is_random else random_state for spec, repeat in tasks]
    settings = [(number, spec, seed) for number, ((spec, _), seed) in enumerate(zip(tasks, seeds, strict=True))]
    done = {number: rows for number, spec, seed in settings if kept and (rows := kept.read(spec, seed)) is not None}
    jobs = [job for job in _jobs(features, settings, classifier) if any(number not in done for number, *_ in job)]
    for number, *_ in itertools.chain.from_iterable(jobs):
        done.pop(number, None)
    shared = _shared(features, [spec for _, spec, _ in itertools.chain.from_iterable(jobs)])
    starts = _starts(features, [job[0][1] for job in jobs if len(job) == 1], classifier, shared, n_jobs)
    bar = tqdm(desc=features.name, total=len(tasks), initial=len(done), unit="setting", disable=not progress)
    with bar, _calls(features, jobs, classifier, shared, starts) as calls:
        for finished in joblib.Parallel(n_jobs, return_as="generator_unordered")(calls):
            done |= finished
            bar.update(len(finished))
            kept = _keep(kept, [settings[number] for number in finished], finished)
    if kept and jobs:
        trim(kept.folder)
    return results_table({**row, "repeat": repeat} for number, (_, repeat) in enumerate(tasks) for row in done[number])


def _keep(store: Store | None, job: Job, finished: dict[int, Rows]) -> Store | None:
    """Put finished settings into the store; None, and a warning, where that cannot be done."""
    if store is None:
        return None
    try:
        for number, spec, seed in job:
            store.write(spec, seed, finished[number])
    except OSError as error:
        warnings.warn(f"what is finished from here on is not kept for a later sweep: {error}", stacklevel=3)
        return None
    return store


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


def _starts(features: FeatureSet, specs: list[Spec], classifier: Any, shared: Shared, n_jobs: int) -> Starts:
    """Solve the settings from whose solutions others start."""
    if not (isinstance(classifier, LinearSVM) and classifier.loss == "squared_hinge"):
        return {}
    wanted = sorted({alike for spec in specs if (alike := _alike(spec, features.X.shape[1])) is not None}, key=str)
    calls = (joblib.delayed(solution)(features, spec, classifier, shared) for spec in wanted)
    return dict(zip(wanted, joblib.Parallel(n_jobs if len(wanted) > 1 else 1)(calls), strict=True))


@contextmanager
def _calls(features: FeatureSet, jobs: list[Job], classifier: Any, shared: Shared, starts: Starts) -> Iterator[list[Any]]:
    """Yield what joblib is to call: for this machine's processes, or for a cluster while it is connected."""
    with cluster.workers() if jobs else nullcontext(False) as remote:
        if not remote:
            yield [joblib.delayed(_run)(features, job, classifier, _begun(features, job, shared, starts)) for job in jobs]
            return
        with sent(features, shared, starts) as base:
            alike = cluster.made_by()
            yield [joblib.delayed(_run_there)(base, job, classifier, alike) for job in jobs]


def _begun(features: FeatureSet, job: Job, shared: Shared, starts: Starts) -> Shared:
    return replace(shared, start=starts.get(_alike(job[0][1], features.X.shape[1])))


def _run_there(base: str, job: Job, classifier: Any, alike: dict[str, Any]) -> dict[int, Rows]:
    cluster.check_alike(alike)
    features, shared, starts = received(base)
    return _run(features, job, classifier, _begun(features, job, shared, starts))


def _run(features: FeatureSet, job: Job, classifier: Any, shared: Shared) -> dict[int, Rows]:
    done = {}
    for number, table in _tables(features, job, classifier, shared):
        records = table.astype(object).where(table.notna(), None).to_dict("records")
        done[number] = [{str(name): value for name, value in record.items()} for record in records]
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
                yield number, score_rows(features, spec, decision, gap, features.metrics)
