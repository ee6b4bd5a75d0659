"""The sweep: a grid of stresses on one feature set, on all cores, with progress, resumed where it was stopped.

Calls the protocol once for each setting and repeat, and keeps what is finished in the store; chapters and commands call it.
What settings share, principal components and warm starts, is computed first and handed to all of them.
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
from stresslib.evaluation.nested import decide_nested
from stresslib.evaluation.protocol import Shared, evaluate, score_rows, solution
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
        Stresses, as in :func:`stresslib.make_stress`; all are validated before the first one runs.
    classifier : scikit-learn classifier, optional
        Default ``LinearSVM()``.
    repeats : int, default=1
        How often a random stress is drawn; repeat ``r`` uses the seed ``random_state + r``. Other stresses run once, and
        their `repeat` is empty.
    random_state : int, default=0
    n_jobs : int, default=-1
        Number of processes, as in joblib; -1 means one for each core. Where the environment variable
        ``STRESSLIB_SCHEDULER`` holds the address of a Dask scheduler, its workers take their place.
    store : path-like, optional
        Folder in which finished settings are kept for a later call with the same features, classifier, library versions
        and code of the modules that the setting depends on. If it cannot be written to, the sweep warns and goes on.
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
        On a bad stress, or one that keeps more dimensions than there are, before anything runs.

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
    classifier = LinearSVM() if classifier is None else classifier
    tasks = _tasks(features, [specs] if isinstance(specs, str) else specs, repeats)
    settings = [(number, spec, random_state + (repeat or 0)) for number, (spec, repeat) in enumerate(tasks)]
    kept = None if store is None else Store(store, features, classifier)
    done = {number: rows for number, spec, seed in settings if kept and (rows := kept.read(spec, seed)) is not None}
    jobs = [job for job in _jobs(features, settings, classifier) if any(number not in done for number, *_ in job)]
    for number, *_ in itertools.chain.from_iterable(jobs):
        done.pop(number, None)  # settings of one job are computed together or not at all
    shared = share_components(features, [spec for _, spec, _ in itertools.chain.from_iterable(jobs)])
    starts = warm_starts(features, [job[0][1] for job in jobs if len(job) == 1], classifier, shared, n_jobs)
    bar = tqdm(desc=features.name, total=len(tasks), initial=len(done), unit="setting", disable=not progress)
    with bar, _calls(features, jobs, classifier, shared, starts) as calls:
        for finished in joblib.Parallel(n_jobs, return_as="generator_unordered")(calls):
            done |= finished
            bar.update(len(finished))
            kept = _keep(kept, [settings[number] for number in finished], finished)
    if kept and jobs:
        trim(kept.folder)
    return results_table({**row, "repeat": repeat} for number, (_, repeat) in enumerate(tasks) for row in done[number])


def _tasks(features: FeatureSet, specs: Iterable[str], repeats: int) -> list[tuple[Spec, int | None]]:
    """Return stress and repeat of each setting, in the order of the table; no repeat for a stress that is not random."""
    width, training = features.X.shape[1], int(features.train.sum())
    tasks: list[tuple[Spec, int | None]] = []
    for spec in map(parse_spec, specs):
        most = min(width, training) if spec.reduction == "DR2" else width
        if spec.dimensions is not None and spec.dimensions > most:
            raise ValueError(f"stress {str(spec)!r} keeps more dimensions than the {most} that {features.name} allows")
        tasks += [(spec, repeat) for repeat in range(repeats)] if spec.is_random else [(spec, None)]
    return tasks


def _keep(store: Store | None, job: Job, finished: dict[int, Rows]) -> Store | None:
    """Put finished settings into the store; warn and return None where that cannot be done."""
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
"""Settings that one process computes together: their place in the table, stress and seed."""


def _jobs(features: FeatureSet, settings: Job, classifier: Any) -> list[Job]:
    """Return one job for each setting, and one for all random selections of a seed whose inner products grow step by step.

    The latter are computed together or not at all: sums that grow in other steps would differ in their last digits.
    """
    wide = features.X.shape[1] > features.train.sum()
    shared = wide and isinstance(classifier, LinearSVM) and classifier.loss == "squared_hinge"
    jobs: dict[Any, Job] = {}
    for number, spec, seed in settings:
        nested = shared and spec.is_random and spec.quantizer is None
        jobs.setdefault(("nested", seed) if nested else number, []).append((number, spec, seed))
    # The longest first, so that the last process to finish is not left with a long one.
    return sorted(jobs.values(), key=len, reverse=True)


def share_components(features: FeatureSet, specs: list[Spec]) -> Shared:
    """Fit the principal components once, as many as the largest of the settings keeps, and project all rows onto them."""
    sizes = [spec.dimensions for spec in specs if spec.reduction == "DR2" and spec.dimensions]
    if not sizes:
        return Shared()
    with one_thread():
        components = PrincipalComponents(max(sizes)).fit(features.X[features.train])
        return Shared(components, components.transform(features.X))


def warm_start_spec(spec: Spec, width: int) -> Spec | None:
    """Return the stress whose solution warm-starts this one; None where a start from zero is as good.

    It depends on the stress alone, so a setting has the same result whatever else is in the sweep.
    """
    if spec.reduction == "DR2" and spec.quantizer is not None:
        return Spec("DR2", spec.dimensions)
    if spec == Spec() or (spec.dimensions is not None and spec.dimensions < width / 4):
        return None
    return Spec()


def warm_starts(features: FeatureSet, specs: list[Spec], classifier: Any, shared: Shared, n_jobs: int) -> Starts:
    """Solve the settings whose solutions warm-start others; return weights and biases of each."""
    if not (isinstance(classifier, LinearSVM) and classifier.loss == "squared_hinge"):
        return {}
    width = features.X.shape[1]
    wanted = sorted({start for spec in specs if (start := warm_start_spec(spec, width)) is not None}, key=str)
    calls = (joblib.delayed(solution)(features, spec, classifier, shared) for spec in wanted)
    return dict(zip(wanted, joblib.Parallel(n_jobs if len(wanted) > 1 else 1)(calls), strict=True))


@contextmanager
def _calls(features: FeatureSet, jobs: list[Job], classifier: Any, shared: Shared, starts: Starts) -> Iterator[list[Any]]:
    """Yield the calls for joblib: on this machine's processes, or on a cluster, which is connected inside the block."""
    with cluster.workers() if jobs else nullcontext(False) as remote:
        if not remote:
            yield [
                joblib.delayed(_run)(features, job, classifier, _with_start(features, job, shared, starts)) for job in jobs
            ]
            return
        with sent(features, shared, starts) as base:
            versions = cluster.versions()
            yield [joblib.delayed(_run_on_worker)(base, job, classifier, versions) for job in jobs]


def _with_start(features: FeatureSet, job: Job, shared: Shared, starts: Starts) -> Shared:
    """Return what a job shares with others, with the warm start of its own."""
    return replace(shared, start=starts.get(warm_start_spec(job[0][1], features.X.shape[1])))


def _run_on_worker(base: str, job: Job, classifier: Any, versions: dict[str, Any]) -> dict[int, Rows]:
    cluster.check_versions(versions)
    features, shared, starts = received(base)
    return _run(features, job, classifier, _with_start(features, job, shared, starts))


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
