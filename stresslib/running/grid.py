"""The sweep: a grid of stresses on one feature set, on all cores, with progress, resumed where it was stopped.

Calls the protocol once for each setting and repeat, and keeps what is finished in the store; chapters and commands call it.
The principal components, which settings share, are computed first and handed to all of them.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import joblib
import pandas as pd
from tqdm import tqdm

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.protocol import Array, evaluate
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.results import results_table
from stresslib.running import cluster
from stresslib.running.broadcast import received, sent
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
    left = [setting for setting in settings if setting[0] not in done]
    projected = project_once(features, [spec for _, spec, _ in left])
    bar = tqdm(desc=features.name, total=len(tasks), initial=len(done), unit="setting", disable=not progress)
    with bar, _calls(features, left, classifier, projected) as calls:
        for number, rows in joblib.Parallel(n_jobs, return_as="generator_unordered")(calls):
            done[number] = rows
            bar.update()
            kept = _keep(kept, settings[number], rows)
    if kept and left:
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


def _keep(store: Store | None, setting: Setting, rows: Rows) -> Store | None:
    """Put a finished setting into the store; warn and return None where that cannot be done."""
    if store is None:
        return None
    try:
        store.write(setting[1], setting[2], rows)
    except OSError as error:
        warnings.warn(f"what is finished from here on is not kept for a later sweep: {error}", stacklevel=3)
        return None
    return store


Setting = tuple[int, Spec, int]
"""A setting's place in the table, stress and seed."""


def project_once(features: FeatureSet, specs: Iterable[Spec]) -> Array | None:
    """Return all rows on as many principal components of the training rows as the largest of the settings keeps."""
    sizes = [spec.dimensions for spec in specs if spec.reduction == "DR2" and spec.dimensions]
    if not sizes:
        return None
    with one_thread():
        return PrincipalComponents(max(sizes)).fit(features.X[features.train]).transform(features.X)


@contextmanager
def _calls(features: FeatureSet, settings: list[Setting], classifier: Any, projected: Array | None) -> Iterator[list[Any]]:
    """Yield the calls for joblib: on this machine's processes, or on a cluster, which is connected inside the block."""
    with cluster.workers() if settings else nullcontext(False) as remote:
        if not remote:
            yield [joblib.delayed(_run)(features, setting, classifier, projected) for setting in settings]
            return
        with sent(features, projected) as base:
            versions = cluster.versions()
            yield [joblib.delayed(_run_on_worker)(base, setting, classifier, versions) for setting in settings]


def _run_on_worker(base: str, setting: Setting, classifier: Any, versions: dict[str, Any]) -> tuple[int, Rows]:
    cluster.check_versions(versions)
    features, projected = received(base)
    return _run(features, setting, classifier, projected)


def _run(features: FeatureSet, setting: Setting, classifier: Any, projected: Array | None) -> tuple[int, Rows]:
    number, spec, seed = setting
    options = {"metrics": features.metrics, "projected": projected}
    table = evaluate(features, spec, classifier, random_state=seed, **options)
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    return number, [{str(name): value for name, value in record.items()} for record in records]
