"""A small feature set that behaves like rectified activations."""

import numpy as np

import stresslib as sl


def make_features(
    n: int = 90, d: int = 40, classes: int = 3, *, metric: str | None = None, multilabel: bool = False, seed: int = 0
) -> sl.FeatureSet:
    """Draw a feature set that looks like rectified activations: each class lifts its own dimensions."""
    generator = np.random.default_rng(seed)
    numbers = np.arange(n) % classes
    X = np.maximum(generator.normal(-0.3, 1, (n, d)) + 1.2 * (np.arange(d) % classes == numbers[:, None]), 0)
    X /= np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12)
    y = numbers
    if multilabel:
        y = np.where(numbers[:, None] == np.arange(classes), 1, -1)
        y[generator.random((n, classes)) < 0.1] = 0
    train = np.arange(n) // classes % 2 == 0
    names = {"dataset": "toy", "model": "drawn", "layer": "only"}
    return sl.FeatureSet(X, y, train, metric, [f"class {number}" for number in range(classes)], provenance=names)
