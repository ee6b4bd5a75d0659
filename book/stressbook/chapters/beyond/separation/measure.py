"""Separation: measure the index by layer and over the grid of Figure 5, beside the scores of the classifier.

Takes feature sets and makes the results table that the page draws; `small_networks` trains the small networks among them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from stressbook.chapters.beyond.separation.small_networks import diabetes, digits
from stressbook.chapters.rerun.figure_5.measure import specs as grid_specs
from stresslib.features import FeatureSet, load_feature_sets
from stresslib.results import SETTING, results_table, table_rows
from stresslib.running.grid import sweep
from stresslib.running.separation_sweep import sweep_separation
from stresslib.running.tasks import run_tasks


def by_layer(networks: Sequence[str], layers: Sequence[str], seeds: int, values: list[int], **options: Any) -> pd.DataFrame:
    """Measure the indices in each layer of some networks and of the small networks.

    Parameters
    ----------
    networks : sequence of str
        ``DATASET/MODEL`` of features at hand.
    layers : sequence of str
        Early to late.
    seeds : int
        Number of small networks of each kind.
    values : list of int
        Sizes of the dictionaries that stress a layer of the regression.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`.

    Returns
    -------
    pandas.DataFrame
        A results table.
    """
    paths = [f"{network}/{layer}" for network in networks for layer in layers]
    settings = [{"features": features} for features in load_feature_sets(paths, "")]
    measured = run_tasks(_without_stress, settings, name="separation by layer", **options)
    layers_of_networks = results_table(row for rows in measured for row in rows)
    small = [digits(seeds, **options), diabetes(seeds, values, **options)]
    return pd.concat([layers_of_networks, *small], ignore_index=True)


def _without_stress(features: FeatureSet) -> list[dict[str, Any]]:
    return table_rows(sweep_separation(features, "none", n_jobs=1))


def over_grid(
    features: FeatureSet,
    tenths: Iterable[int],
    values: Iterable[int],
    *,
    random_state: int = 0,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Measure a feature set under the stresses of Figure 5: the indices, the test score and the validation score.

    Parameters
    ----------
    features : FeatureSet
    tenths, values : iterable of int
        As :func:`stressbook.chapters.rerun.figure_5.measure.specs` takes them.
    random_state : int, default=0
        Seed of the validation part, a third of the training rows.
    n_jobs, store, progress
        As :func:`stresslib.sweep` takes them.

    Returns
    -------
    pandas.DataFrame
        A results table. The indices are those of the training rows.
    """
    part = features.validation(random_state=random_state)
    specs = grid_specs(features.X.shape[1], tenths, values, int(part.train.sum()))
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    scores = pd.concat([sweep(features, specs, **options), sweep(part, specs, **options)])
    indices = sweep_separation(features, specs, **options)
    return pd.concat([scores[scores["metric"] == features.metric], indices], ignore_index=True)


def without_repeated_settings(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate tables; a setting that several of them hold counts once."""
    return pd.concat(tables, ignore_index=True).drop_duplicates(SETTING, ignore_index=True)


def measure(
    feature_sets: Iterable[FeatureSet],
    tenths: Iterable[int],
    values: Iterable[int],
    *,
    networks: Sequence[str],
    layers: Sequence[str],
    seeds: int,
    random_state: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """Measure networks layer by layer, and feature sets over the grid of Figure 5.

    Parameters
    ----------
    feature_sets : iterable of FeatureSet
        Put under stress.
    tenths, values : iterable of int
        The grid, as :func:`over_grid` takes it.
    networks, layers, seeds
        As :func:`by_layer` takes them.
    random_state : int, default=0
        As :func:`over_grid` takes it.
    **options : Any
        For both: `n_jobs`, `store` and `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table, layers first.
    """
    values = list(values)
    tables = [by_layer(networks, layers, seeds, values, **options)]
    tables += [over_grid(features, tenths, values, random_state=random_state, **options) for features in feature_sets]
    return without_repeated_settings(tables)
