"""Variants: the protocol with one thing changed, measured over a grid as the protocol itself is.

Between the sweep and the figures that ask what the paper left open. A variant is a name, and a classifier or features
other than the protocol's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.features import FeatureSet, unit_rows
from stresslib.results import VARIANT
from stresslib.running.grid import sweep

RANKED = "mAP"
"""Metric of feature sets whose classes are ranked one by one."""


@dataclass(frozen=True)
class Variant:
    """A protocol.

    Attributes
    ----------
    name : str
        What is changed, such as ``"bias"``; empty: nothing, it is the paper's.
    classifier : scikit-learn classifier
    prepare : callable, optional
        Makes the features of those given, before any stress.
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
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        Of :func:`stresslib.sweep`, with a column `variant`.

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
        tables.append(table.assign(**{VARIANT: pd.Series(variant.name, table.index, dtype="string")}))
    return pd.concat(tables, ignore_index=True)


def renormalised(classifier: Any = None) -> Pipeline:
    """Return a classifier of rows that are brought to unit norm once more, after the stress.

    Parameters
    ----------
    classifier : scikit-learn classifier, optional
        Default ``LinearSVM()``.
    """
    # Not scikit-learn's Normalizer: it takes a row that is shorter than 2e-15 for one of zeros.
    return make_pipeline(FunctionTransformer(unit_rows), LinearSVM() if classifier is None else classifier)


def centred(classifier: Any = None) -> Pipeline:
    """Return a classifier of rows from which the training mean is taken, after the stress.

    Behind ``DR2:k`` it is what makes the projection that of the usual, centred PCA.

    Parameters
    ----------
    classifier : scikit-learn classifier, optional
        Default ``LinearSVM()``.
    """
    return make_pipeline(StandardScaler(with_std=False), LinearSVM() if classifier is None else classifier)


def tuned(costs: Sequence[float] = (0.1, 1, 10, 100), classifier: Any = None) -> GridSearchCV:
    """Return a classifier that chooses its `C` on a third of the training rows, for each setting anew.

    Parameters
    ----------
    costs : sequence of float
        What it chooses from. Of equal ones the first.
    classifier : LinearSVM or a Pipeline that ends in one, optional
        Default ``LinearSVM()``.

    Returns
    -------
    sklearn.model_selection.GridSearchCV
        Trained once more on all training rows, with the choice.
    """
    classifier = LinearSVM() if classifier is None else classifier
    name = f"{classifier.steps[-1][0]}__C" if isinstance(classifier, Pipeline) else "C"
    return GridSearchCV(classifier, {name: list(costs)}, cv=StratifiedShuffleSplit(1, test_size=1 / 3, random_state=0))


def fewer(features: FeatureSet, per_class: int, *, random_state: int = 0) -> FeatureSet:
    """Return a feature set with fewer training rows, the test rows being the same.

    Parameters
    ----------
    features : FeatureSet
        With one label a row.
    per_class : int
        Training rows of each class to keep; those of one seed are nested.
    random_state : int, default=0

    Returns
    -------
    FeatureSet
        Under the same name.

    Raises
    ------
    ValueError
        When a class has not as many, or rows have several labels.
    """
    if features.y.ndim != 1:
        raise ValueError(f"{features.name}: fewer rows of each class are drawn where a row has one label")
    order = np.random.default_rng(random_state).permutation(np.flatnonzero(features.train))
    kept = features.test.copy()
    for number, name in enumerate(features.classes):
        rows = order[features.y[order] == number]
        if len(rows) < per_class:
            raise ValueError(f"{features.name}: class {name!r} has {len(rows)} training rows; {per_class} are wanted")
        kept[rows[:per_class]] = True
    files = [features.files[row] for row in np.flatnonzero(kept)] if features.files else ()
    return FeatureSet(
        features.X[kept],
        features.y[kept],
        features.train[kept],
        features.metric,
        features.classes,
        files,
        features.provenance,
    )


def ranked(features: FeatureSet) -> FeatureSet:
    """Return the feature set with one column of labels a class, to be scored as VOC 2007 is.

    Parameters
    ----------
    features : FeatureSet
        With one label a row.

    Returns
    -------
    FeatureSet
        Under the same name; its metric is the mean average precision.
    """
    labels = np.where(features.y[:, None] == np.arange(len(features.classes)), 1, -1)
    return FeatureSet(features.X, labels, features.train, RANKED, features.classes, features.files, features.provenance)
