"""Heads: classifiers of the vectors before a network's last layer, under the paper's stresses of features.

A part of `measure`, for the tie to the paper: the same stresses are put on what a network makes of test images, and of
prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stressbook.chapters.weights.fingerprints import networks
from stressbook.chapters.weights.fingerprints.suspects import BENCHES
from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.threads import one_thread
from stresslib.features.featureset import unit_rows
from stresslib.files import file_sha256
from stresslib.results import result_rows
from stresslib.running.tasks import run_tasks
from stresslib.stress.spec import Spec, make_stress, parse_spec
from stresslib.training.data import load_arrays
from stresslib.training.fit import predict
from stresslib.training.vectors import LAYER

Array = NDArray[Any]

TRAINING = {"cifar10": "cifar10:2000", "digits": "digits"}
"""Training images whose vectors stresses and classifiers are fitted on, by data set."""


@dataclass(frozen=True)
class Head:
    """A stress and a classifier, fitted on vectors of training images; `at` are cells of a results table."""

    spec: Spec
    stress: Any
    classifier: LinearSVM
    at: dict[str, Any]

    def guesses(self, vectors: Array) -> Array:
        """Return the class of each vector (n, d) as the network makes it, which is normalised, stressed and classified."""
        guessed: Array = self.classifier.predict(self.stress.transform(unit_rows(vectors)))
        return guessed


def fit_heads(name: str, specs: Iterable[str]) -> list[Head]:
    """Fit stresses and classifiers on the vectors of some training images.

    Parameters
    ----------
    name : str
        Of a network.
    specs : iterable of str
        Stresses of features.
    """
    data = load_arrays(TRAINING[networks.data_of(name)])
    heads = []
    with one_thread():
        vectors = unit_rows(predict(networks.load(name).features, data.train_images, batch_size=250))  # type: ignore[arg-type]
        for spec in specs:
            stress = make_stress(spec).fit(vectors)
            classifier = LinearSVM().fit(stress.transform(vectors), data.train_labels)
            at = {"dataset": networks.data_of(name), "model": name, "layer": LAYER, "n_features": vectors.shape[1]}
            heads.append(Head(parse_spec(spec), stress, classifier, at))
    return heads


def scores(names: Sequence[str], specs: Sequence[str], **options: Any) -> list[dict[str, Any]]:
    """Measure how many test images the classifiers are right about.

    Parameters
    ----------
    names : sequence of str
        Of networks.
    specs : sequence of str
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`.

    Returns
    -------
    list of dict
        Rows of a results table.
    """
    settings = [{"name": name, "weights": file_sha256(networks.find(name)), "specs": list(specs)} for name in names if specs]
    found = run_tasks(scored, settings, name="features, accuracy", **options)
    return [row for rows in found for row in rows]


def scored(name: str, weights: str, specs: list[str]) -> list[dict[str, Any]]:
    """Score the classifiers of a network's vectors on test images: rows of a results table."""
    data = networks.data_of(name)
    tests, shown = load_arrays(data), BENCHES[data].shown
    vectors = predict(networks.load(name).features, tests.test_images[:shown], batch_size=250)  # type: ignore[arg-type]
    rows = []
    for head in fit_heads(name, specs):
        accuracy = float(np.mean(head.guesses(vectors) == tests.test_labels[:shown]))
        gap = float(max(head.classifier.objective_gap_))
        rows += result_rows(head.at, head.spec, {"accuracy": accuracy}, objective_gap=gap)
    return rows
