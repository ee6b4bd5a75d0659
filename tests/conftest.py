"""What all tests share: settings, a cache of their own, and feature sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from killed import ForkServer
from toy_features import make_features

import stresslib as sl

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


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """A process that has imported everything, for runs in processes of their own."""
    server = ForkServer()
    yield server
    server.stop()
