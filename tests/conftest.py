"""What several test modules share: small feature sets, a cache of their own, and the folder of development data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

import stresslib as sl

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Development data beside the checkout; no part of the project."""

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared with the development data is missing")

# The same examples on every run and machine; a slow one is no failure.
settings.register_profile("stresslib", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("stresslib")

# Threads that share the small sums of a test spend their time waiting for each other.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test out of the user's cache."""
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def scenes() -> sl.FeatureSet:
    """The real features of 15-Scenes that are shipped with the package, with unit rows."""
    return sl.load_features("scenes15", "efficientnet-lite0")


@pytest.fixture(scope="session")
def small() -> sl.FeatureSet:
    """90 sparse non-negative rows of unit norm in 40 dimensions, 3 classes that overlap, half of them for training."""
    return make_features()


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
