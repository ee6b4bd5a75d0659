"""The sweep: a grid of stresses on one feature set, on all cores, with progress, resumed where it was stopped.

Calls the protocol once for each setting and repeat, as tasks that the runner keeps; chapters and commands call it.
The principal components, which settings share, are computed first and handed to all of them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.protocol import Array, evaluate
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.results import results_table, table_rows
from stresslib.running.tasks import run_tasks
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
        On a bad stress, or one that keeps more dimensions than there are, before anything runs. When settings failed, as
        :func:`stresslib.running.tasks.run_tasks` says: the others have run, and are kept.

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
    # A seed matters to random stresses only.
    settings = [{"spec": spec, "seed": 0 if repeat is None else random_state + repeat} for spec, repeat in tasks]
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    prepare = functools.partial(_projected, features)
    rows = run_tasks(_rows, settings, features, classifier, name=features.name, prepare=prepare, **options)
    return results_table({**row, "repeat": repeat} for (_, repeat), some in zip(tasks, rows, strict=True) for row in some)


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


def _projected(features: FeatureSet, settings: list[dict[str, Any]]) -> tuple[Array | None]:
    """Return all rows on as many principal components of the training rows as the largest of the settings keeps."""
    sizes = [setting["spec"].dimensions for setting in settings if setting["spec"].reduction == "DR2"]
    if not sizes:
        return (None,)
    with one_thread():
        return (PrincipalComponents(max(sizes)).fit(features.X[features.train]).transform(features.X),)


def _rows(features: FeatureSet, classifier: Any, projected: Array | None, spec: Spec, seed: int) -> list[dict[str, Any]]:
    """Return the rows of the table for one setting."""
    options: dict[str, Any] = {"metrics": features.metrics, "projected": projected}
    return table_rows(evaluate(features, spec, classifier, random_state=seed, **options))
