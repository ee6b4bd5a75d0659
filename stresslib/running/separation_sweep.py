"""The separation of a feature set under many stresses, in the table that sweeps of the classifier have too.

Beside `grid`, from which it differs in what it measures: an index of the training rows, for which nothing is trained.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stresslib.evaluation.neighbours import check_option
from stresslib.evaluation.separation import mean_separations
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.results import result_rows, results_table
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_features.reduction import PrincipalComponents
from stresslib.stress.spec import Spec, make_stress, parse_spec

INDICES = {"SI": (1, "strict"), "SI(5)": (5, "strict"), "CSI": (1, "centre")}
"""Forms of the index: their names in the column `metric`, order and mode."""


def sweep_separation(
    features: FeatureSet,
    specs: str | Iterable[str],
    *,
    indices: Sequence[str] = tuple(INDICES),
    repeats: int = 1,
    random_state: int = 0,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Measure the separation of a feature set's training rows under many stresses, without a look at its test rows.

    Parameters
    ----------
    features : FeatureSet
    specs : str or iterable of str
        Stresses, as in :func:`stresslib.make_stress`; each is fitted on the training rows.
    indices : sequence of str, default=("SI", "SI(5)", "CSI")
        Names in :data:`INDICES`.
    repeats, random_state, n_jobs, store, progress
        As :func:`stresslib.sweep` takes them; by default no progress is shown.

    Returns
    -------
    pandas.DataFrame
        In the schema of :data:`stresslib.results.COLUMNS`; the index is the `metric`, and scores are percent.

    Examples
    --------
    >>> import stresslib as sl
    >>> from stresslib.running.separation_sweep import sweep_separation
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> sweep_separation(f, ["none", "DR2:16,Q2:4"], indices=["CSI"], n_jobs=1)[["stress", "metric"]].values.tolist()
    [['none', 'CSI'], ['pca+uniform', 'CSI']]
    """
    for name in indices:
        check_option("indices", name, tuple(INDICES))
    parsed = [parse_spec(spec) for spec in ([specs] if isinstance(specs, str) else specs)]
    tasks = [(spec, repeat) for spec in parsed for repeat in (range(repeats) if spec.is_random else [None])]
    train, labels = features.X[features.train], features.y[features.train]
    settings = [
        {"spec": spec, "seed": 0 if repeat is None else random_state + repeat, "indices": list(indices)}
        for spec, repeat in tasks
    ]
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    name = f"{features.name}, separation"
    measured = run_tasks(
        _indices_under_stress, settings, train, labels, name=name, prepare=partial(_projected, train), **options
    )
    return results_table(
        row
        for (spec, repeat), scores in zip(tasks, measured, strict=True)
        for row in result_rows(features.origin, spec, dict(zip(indices, scores, strict=True)), repeat=repeat)
    )


def _projected(train: NDArray[Any], settings: list[dict[str, Any]]) -> tuple[NDArray[Any] | None]:
    """Return training rows on as many principal components as the largest of the settings keeps."""
    sizes = [setting["spec"].dimensions for setting in settings if setting["spec"].reduction == "DR2"]
    with one_thread():
        return (PrincipalComponents(max(sizes)).fit_transform(train) if sizes else None,)


def _indices_under_stress(
    train: NDArray[Any], y: NDArray[Any], projected: NDArray[Any] | None, spec: Spec, seed: int, indices: Sequence[str]
) -> list[float]:
    """Return the indices of training rows."""
    vectors, remaining = train, spec
    if projected is not None and spec.reduction == "DR2":
        vectors = np.ascontiguousarray(projected[:, : spec.dimensions])
        remaining = replace(spec, reduction=None, dimensions=None)
    with one_thread():
        stressed = make_stress(remaining, random_state=seed).fit_transform(vectors)
        return mean_separations(stressed, y, [INDICES[name] for name in indices])
