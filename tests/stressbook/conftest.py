"""Templates run in the process of the test, which saves the seconds that a kernel takes to start; a few ask for one."""

from __future__ import annotations

import pytest

from stressbook.reproduce import run
from stressbook.reproduce.execute import in_process


@pytest.fixture(autouse=True)
def no_kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the kernel to the tests marked `kernel`."""
    if request.node.get_closest_marker("kernel") is None:
        monkeypatch.setattr(run, "in_kernel", in_process)
