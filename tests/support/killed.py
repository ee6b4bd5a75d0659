"""Runs in processes of their own, which may be killed: children of one process that has imported everything.

Starting Python, scikit-learn and PyTorch anew takes seconds, more than what most of such tests run.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SERVER = """
import json, os, sys, traceback
import torch
torch.set_num_threads(1)
import stresslib as sl
from stresslib.codec import peers
from stresslib.extraction import Extractor, job
from stresslib.running import grid, tasks
from stresslib.training import fit
from sklearn import decomposition, linear_model, model_selection, svm

def run(order):
    os.environ.clear()
    os.environ.update(order["environment"])
    errors = os.open(order["errors"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    printed = os.open(order["printed"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(printed, 1)
    os.dup2(errors, 2)
    sys.path[:] = order["path"]
    sys.argv[1:] = order["arguments"]
    try:
        exec(compile(order["code"], "<run>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as error:
        code = error.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

for line in sys.stdin:
    order = json.loads(line)
    if "wait" in order:
        print(os.waitpid(order["wait"], 0)[1], flush=True)
    else:
        child = os.fork()
        if child == 0:
            run(order)
        print(child, flush=True)
"""


class ForkServer:
    """A process that has imported everything, and forks one that runs a piece of code."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, **order: object) -> int:
        """Return what the server answers, a number."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def stop(self) -> None:
        """End the server; there is nothing that it is to do before."""
        self.process.kill()
        self.process.wait(30)


class Forked:
    """A run in a process of its own, with this one's environment and the arguments in ``sys.argv``.

    Parameters
    ----------
    server : ForkServer
    code : str
    *arguments : object
    folder : pathlib.Path
        For what the run prints, in files named as the streams are.
    """

    def __init__(self, server: ForkServer, code: str, *arguments: object, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.child = server.ask(
            code=code,
            arguments=[*map(str, arguments)],
            environment=dict(os.environ),
            path=sys.path,
            printed=str(folder / "stdout"),
            errors=str(folder / "stderr"),
        )

    def wait(self) -> int:
        """Return how it ended: 0, 256 times its exit code, or the signal that killed it."""
        return self.server.ask(wait=self.child)

    def kill_when(self, ready: Callable[[], bool], delay: float = 0.0) -> int:
        """Kill it a moment after it is ready, and return how it ended."""
        deadline = time.monotonic() + 120
        while not ready() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError):  # it had ended
            os.kill(self.child, signal.SIGKILL)
        return self.wait()

    @property
    def printed(self) -> str:
        """What it wrote to standard output, and others into that folder before."""
        return (self.folder / "stdout").read_text(encoding="utf-8")

    @property
    def errors(self) -> str:
        """What it wrote to standard error, and others into that folder before."""
        return (self.folder / "stderr").read_text(encoding="utf-8")
