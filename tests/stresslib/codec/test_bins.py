"""The compiled loops: they run, too, where their machine code cannot be kept."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
import pytest

from stresslib.codec import bins


@pytest.fixture
def uncached(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it is imported where numba can write neither beside it nor in the user's cache."""
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    spec = importlib.util.spec_from_file_location("uncached_bins", Path(bins.__file__))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        spec.loader.exec_module(module)
    assert len(caught) == 1 and "NUMBA_CACHE_DIR=FOLDER" in str(caught[0].message)
    return module


def test_without_a_folder_for_a_cache_the_loops_give_the_same_numbers(uncached: ModuleType) -> None:
    values = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    low, width = values.min(axis=0).astype(float), np.ptp(values, axis=0) / 4.0
    found = []
    for module in (bins, uncached):
        codes, centres = np.empty((5, 3), np.uint8), np.empty((5, 3), np.float32)
        assert module.write_bin_numbers(values, low, width, np.full(3, 3.0), codes)
        module.write_bin_centres(codes, low, width, centres)
        found.append((codes, centres))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
