"""Measure: the index of features at hand, by layer and over the grid of Figure 5, beside the classifier's scores."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import joblib
import pandas as pd

from stressbook.chapters.beyond.separation.small_networks import diabetes, digits
from stressbook.chapters.rerun.figure_5 import measure
from stresslib.evaluation.separation import sweep_separation
from stresslib.features import FeatureSet, load_feature_sets
from stresslib.results import SETTING
from stresslib.running.grid import sweep


def by_layer(networks: Sequence[str], layers: Sequence[str], seeds: int, values: list[int]) -> pd.DataFrame:
    """Measure the index in each layer of some networks, and both indices in those of the small networks.

    Parameters
    ----------
    networks : sequence of str
        ``DATASET/MODEL`` of features at hand.
    layers : sequence of str
        Early to late.
    seeds : int
        Small networks of each kind.
    values : list of int
        Sizes of the dictionaries under which a layer of the regression is put.

    Returns
    -------
    pandas.DataFrame
        In the schema of results tables.
    """
    found = [f for name in networks for f in load_feature_sets([f"{name}/{layer}" for layer in layers], "")]
    tables = joblib.Parallel(-1)(joblib.delayed(sweep_separation)(f, "none", n_jobs=1) for f in found)
    small = [digits(seeds), diabetes(seeds, values)]
    return pd.concat([*tables, *small], ignore_index=True)


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
    """Measure a feature set under the stresses of Figure 5: by the index, by the classifier, and by it on validation rows.

    Parameters
    ----------
    features : FeatureSet
    tenths, values : iterable of int
        As of :func:`stressbook.chapters.rerun.figure_5.measure.specs`.
    random_state : int, default=0
        Of the validation part, a third of the training rows.
    n_jobs, store, progress
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        In the schema of results tables. The index sees training rows alone.
    """
    part = features.validation(random_state=random_state)
    specs = measure.specs(features.X.shape[1], tenths, values, int(part.train.sum()))
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    scores = pd.concat([sweep(features, specs, **options), sweep(part, specs, **options)])
    indices = sweep_separation(features, specs, n_jobs=n_jobs)
    return pd.concat([scores[scores["metric"] == features.metric], indices], ignore_index=True)


def joined(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return one table of several, without the settings that stand in two of them."""
    return pd.concat(tables, ignore_index=True).drop_duplicates(SETTING, ignore_index=True)
