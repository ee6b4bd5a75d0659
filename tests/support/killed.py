"""Runs that are killed: children of a process that has imported everything, each ended at another moment."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable


class Killed:
    """Runs one after the other in children of one process; each is killed after a while, the last one is not."""

    def __init__(self, script: str, *arguments: object) -> None:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        self.parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, ready: Callable[[], bool] | None = None, delay: float = 0.0) -> int:
        """Return how the child ended: 0, or the signal that it got a moment after it was `ready`."""
        assert self.parent.stdin and self.parent.stdout
        print("run", file=self.parent.stdin, flush=True)
        assert self.parent.stdout.readline() == "begun\n"
        child, deadline = int(self.parent.stdout.readline()), time.monotonic() + 120
        if ready is not None:
            while not ready() and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(delay)
            with contextlib.suppress(ProcessLookupError):  # it had ended
                os.kill(child, signal.SIGKILL)
        return int(self.parent.stdout.readline())

    def __enter__(self) -> Killed:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.parent.stdin
        self.parent.stdin.close()
        self.parent.wait(30)
