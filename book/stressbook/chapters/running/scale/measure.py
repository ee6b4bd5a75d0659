"""Scale: measure the images a second that are extracted here, and the vectors a second that are stressed and scored.

From photographs and a feature set to two speeds; the page says by arithmetic what many images take.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import skimage

from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.extraction import Extractor
from stresslib.features import FeatureSet
from stresslib.stress.spec import make_stress

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
"""Photographs that come with scikit-image."""


def extraction(model: str, images: int) -> tuple[float, str]:
    """Measure the images a second that a network takes, reading and preprocessing included.

    Parameters
    ----------
    model : str
        The network's name.
    images : int
        How many to time, after one batch that is not timed.

    Returns
    -------
    images_per_second : float
    machine : str
        Precision and processor.
    """
    extractor = Extractor(model)
    folder = Path(skimage.__file__).parent / "data"
    paths = list(itertools.islice(itertools.cycle(folder / name for name in PHOTOGRAPHS), images))
    extractor(paths[: extractor.batch_size])
    begun = time.perf_counter()
    extractor(paths)
    return images / (time.perf_counter() - begun), extractor.machine


def scoring(features: FeatureSet, spec: str, *, seconds: float = 1.0) -> float:
    """Measure the vectors a second that are put under a stress and scored by a classifier; both have been fitted.

    Parameters
    ----------
    features : FeatureSet
    spec : str
    seconds : float, default=1
        How long to measure, at least.

    Returns
    -------
    float
        Vectors per second.
    """
    train = features.X[features.train]
    stress = make_stress(spec).fit(train)
    classifier = LinearSVM().fit(stress.transform(train), features.y[features.train])
    done, begun = 0, time.perf_counter()
    while (taken := time.perf_counter() - begun) < seconds or done == 0:
        classifier.decision_function(stress.transform(features.X))
        done += len(features.X)
    return done / max(taken, 1e-9)
