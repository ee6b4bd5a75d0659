"""Variants: the protocol with one thing changed, measured over a grid as the protocol itself is.

Between the sweep and the chapters on what the paper left open. A variant is a name with another classifier, or with
features that are prepared in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.metrics import SCORES
from stresslib.features import FeatureSet, unit_rows
from stresslib.features.holdout import held_out
from stresslib.results import VARIANT, joined_variants
from stresslib.running.grid import sweep

RANKED = "mAP"
"""Metric of feature sets in which each class ranks the images."""


@dataclass(frozen=True)
class Variant:
    """A protocol that differs from the paper's in one thing.

    Attributes
    ----------
    name : str
        What is changed, such as ``"bias"``; empty for the paper's own protocol.
    classifier : scikit-learn classifier
    prepare : callable, optional
        Takes the features before any stress and returns those to use instead.
    """

    name: str = ""
    classifier: Any = field(default_factory=LinearSVM)
    prepare: Callable[[FeatureSet], FeatureSet] | None = None


def sweep_variants(
    features: FeatureSet, specs: str | Iterable[str], variants: Iterable[Variant], **options: Any
) -> pd.DataFrame:
    """Evaluate the same stresses under several protocols.

    Parameters
    ----------
    features : FeatureSet
    specs : str or iterable of str
    variants : iterable of Variant
    **options : Any
        As :func:`stresslib.sweep` takes them.

    Returns
    -------
    pandas.DataFrame
        As :func:`stresslib.sweep` returns it, with a column `variant`.

    Examples
    --------
    >>> import stresslib as sl
    >>> from stresslib.running.variants import Variant, sweep_variants
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> both = [Variant(), Variant("bias", sl.LinearSVM(fit_intercept=True))]
    >>> sweep_variants(f, "DR1:16", both, n_jobs=1, progress=False)[["stress", "variant"]].values.tolist()
    [['random-selection', ''], ['random-selection', 'bias']]
    """
    specs = [specs] if isinstance(specs, str) else list(specs)
    tables = []
    for variant in variants:
        prepared = features if variant.prepare is None else variant.prepare(features)
        table = sweep(prepared, specs, variant.classifier, **options)
        name = joined_variants(prepared.origin.get(VARIANT), variant.name)
        tables.append(table.assign(**{VARIANT: pd.Series(name, table.index, dtype="string")}))
    return pd.concat(tables, ignore_index=True)


def renormalised(classifier: Any = None) -> Pipeline:
    """Return a classifier that brings the stressed rows to unit norm once more.

    Parameters
    ----------
    classifier : scikit-learn classifier, optional
        Default ``LinearSVM()``.
    """
    # Not scikit-learn's Normalizer, which treats a row shorter than 2e-15 as zeros.
    return make_pipeline(FunctionTransformer(unit_rows), LinearSVM() if classifier is None else classifier)


def centred(classifier: Any = None) -> Pipeline:
    """Return a classifier that subtracts the training mean from the stressed rows.

    After ``DR2:k`` this gives the projection of the usual, centred PCA.

    Parameters
    ----------
    classifier : scikit-learn classifier, optional
        Default ``LinearSVM()``.
    """
    return make_pipeline(StandardScaler(with_std=False), LinearSVM() if classifier is None else classifier)


class _Third:
    """Splits rows with several labels in two, once, as a cross-validator of scikit-learn does."""

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        return 1

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[Any, Any]]:
        yield held_out(np.asarray(y), 1 / 3, random_state=0)


def _by_ranking(model: Any, X: Any, y: Any) -> float:
    """Score a fitted classifier as VOC 2007 does."""
    return SCORES[RANKED](np.asarray(y), model.decision_function(X))


def tuned(
    costs: Sequence[float] = (0.1, 1, 10, 100), classifier: Any = None, *, several_labels: bool = False
) -> GridSearchCV:
    """Return a classifier that chooses its `C` by validation on a third of the training rows, anew for each setting.

    Parameters
    ----------
    costs : sequence of float
        Values to choose from; ties go to the first.
    classifier : LinearSVM or a Pipeline that ends in one, optional
        Default ``LinearSVM()``.
    several_labels : bool, default=False
        Whether a row may have several labels: the choice is then by the mean average precision, and one for all classes;
        else it is by the accuracy.

    Returns
    -------
    sklearn.model_selection.GridSearchCV
        Once `C` is chosen, it is trained on all training rows.
    """
    classifier = LinearSVM() if classifier is None else classifier
    name = f"{classifier.steps[-1][0]}__C" if isinstance(classifier, Pipeline) else "C"
    grid = {name: list(costs)}
    if several_labels:
        # A classifier that fails should say so, and not be left out of the choice.
        return GridSearchCV(classifier, grid, cv=_Third(), scoring=_by_ranking, error_score="raise")
    return GridSearchCV(classifier, grid, cv=StratifiedShuffleSplit(1, test_size=1 / 3, random_state=0))


def fewer(features: FeatureSet, per_class: int, *, random_state: int = 0) -> FeatureSet:
    """Return a feature set with fewer training rows, the test rows being the same.

    Parameters
    ----------
    features : FeatureSet
    per_class : int
        Training rows of each class to keep; for one seed, smaller sets are part of larger ones. Where a row may have
        several labels, so many positives are drawn for each class, and a class has more where rows that were drawn for
        others have it too.
    random_state : int, default=0

    Returns
    -------
    FeatureSet
        Under the same name.

    Raises
    ------
    ValueError
        When a class has fewer.
    """
    order = np.random.default_rng(random_state).permutation(np.flatnonzero(features.train))
    kept = features.test.copy()
    for number, name in enumerate(features.classes):
        labels = features.y[order]
        rows = order[labels == number if labels.ndim == 1 else labels[:, number] == 1]
        if len(rows) < per_class:
            raise ValueError(f"{features.name}: class {name!r} has {len(rows)} training rows; {per_class} are wanted")
        kept[rows[:per_class]] = True
    files = [features.files[row] for row in np.flatnonzero(kept)] if features.files else ()
    return features.replace(X=features.X[kept], y=features.y[kept], train=features.train[kept], files=files)


def ranked(features: FeatureSet) -> FeatureSet:
    """Return the feature set with one column of labels for each class, to be scored as VOC 2007 is.

    Parameters
    ----------
    features : FeatureSet
        With one label for each row.

    Returns
    -------
    FeatureSet
        Under the same name; its metric is the mean average precision.
    """
    labels = np.where(features.y[:, None] == np.arange(len(features.classes)), 1, -1)
    return features.replace(y=labels, metric=RANKED)
