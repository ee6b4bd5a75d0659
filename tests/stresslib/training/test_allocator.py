"""Allocator: what is freed is used again without the system, and another C library is left alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from stresslib.training import allocator

STEPS = """
import resource, sys
import numpy as np
from stresslib.training.allocator import keep_memory
assert "torch" not in sys.modules
if sys.argv[1] == "kept" and not keep_memory():
    sys.exit("no glibc")
def step():
    layers = [np.ones(2**20) for _ in range(4)]
    return sum(layer[-1] for layer in layers)
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
total = sum(step() for _ in range(10))
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, total)
"""


def test_memory_that_a_step_frees_serves_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    faults = {}
    for way in ("kept", "given back"):
        done = subprocess.run([sys.executable, "-c", STEPS, way], capture_output=True, text=True, check=False)
        if "no glibc" in done.stderr:
            pytest.skip("the C library is not glibc")
        assert done.returncode == 0, done.stderr
        faults[way], total = map(float, done.stdout.split())
        assert total == 40
    # Ten steps of 32 MB: 80,000 pages of 4 kB, or 160 huge ones.
    assert faults["kept"] <= 20 < faults["given back"]


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_another_c_library_is_left_alone(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: object) -> object:
        raise error

    monkeypatch.setattr(allocator.ctypes, "CDLL", missing)
    assert not allocator.keep_memory()
