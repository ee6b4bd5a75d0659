"""One thread inside the block and the caller's number after it, with torch, with torch that comes late, and without it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from stresslib import digests

_WITHOUT_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoTorch())
import numpy as np
import stresslib as sl
from stresslib.evaluation import bootstrap, metrics, neighbours, protocol, separation, smoothness
from stresslib.evaluation.threads import one_thread
with one_thread():
    print(sl.separation_index([[0], [1], [5], [6], [8]], ["a", "a", "b", "b", "a"]))
try:
    sl.LinearSVM().fit(np.eye(4), [0, 1, 0, 1])
except ValueError as error:
    print(error)
print(sl.LinearSVM(loss="hinge").fit(np.eye(4), [0, 1, 0, 1]).predict(np.eye(4)))
"""

_TORCH_COMES_LATE = """
import sys
from stresslib.evaluation.threads import import_torch, one_thread
assert "torch" not in sys.modules
with one_thread():
    with one_thread():
        torch = import_torch()
        inside = torch.get_num_threads()
    print(inside, torch.get_num_threads())
before = torch.get_num_threads()
with one_thread():
    inside = torch.get_num_threads()
print(inside, torch.get_num_threads() == before)
"""


def output(script: str) -> list[str]:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_without_torch_all_but_the_solver_works() -> None:
    """The plain hinge is LIBLINEAR's, and needs none either."""
    index, error, predicted = output(_WITHOUT_TORCH)
    assert index == "0.8" and predicted == "[0 1 0 1]"
    assert error == "the solver needs PyTorch: pip install stresslib[torch]"


def test_torch_that_is_imported_inside_the_block_has_one_thread_until_it_ends() -> None:
    assert output(_TORCH_COMES_LATE) == ["1 1", "1 True"]


def test_a_library_that_is_missing_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_LIBRARIES", ("numpy", "no-such-library"))
    assert digests.library_versions()[1] == "no-such-library (not installed)"
