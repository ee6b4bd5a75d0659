"""Sweeps and extractions on a real Dask cluster: the same bytes as on this machine, with a worker killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from drawn_photographs import photographs
from toy_features import make_features

import stresslib as sl
from stressbook.chapters.rerun.figure_4 import measure
from stresslib.cli.main import main
from stresslib.codec import peers
from stresslib.digests import STRESSLIB
from stresslib.extraction import job
from stresslib.running import broadcast, cluster, tasks

distributed = pytest.importorskip("distributed", reason="dask is not installed; pip install stresslib[dask]")

SPECS = [
    "none",
    "DR1:10",
    *(f"DR2:8,Q2:{count}" for count in range(2, 22)),
    *(f"Q1:{count}" for count in range(2, 22)),
    "QB:52",
]


class Loopback:
    """A dask scheduler and three dask workers, each a process of its own; a test may kill one, two in all."""

    def __init__(self, folder: Path) -> None:
        file = folder / "scheduler.json"
        self.processes = [self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", file)]
        worker = ("--scheduler-file", file, "--nthreads", "1", "--no-nanny", "--local-directory", folder)
        self.processes += [self._start("worker", *worker) for _ in range(3)]
        deadline = time.monotonic() + 60
        while not file.exists() or not file.read_text().strip():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.1)
        self.address = json.loads(file.read_text())["address"]
        with distributed.Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(3, timeout=60)

    @staticmethod
    def _start(what: str, *arguments: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *map(str, arguments), "--no-dashboard"]
        return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)

    def kill_a_worker_at(self, done: Callable[[], int], enough: int) -> threading.Thread:
        """Send SIGKILL to a worker as soon as enough is done; remember how much it was."""

        def wait() -> None:
            deadline = time.monotonic() + 120
            while done() < enough and time.monotonic() < deadline:
                time.sleep(0.005)
            self.killed = self.processes.pop()
            self.killed.send_signal(signal.SIGKILL)
            self.done = done()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return thread

    def workers(self) -> int:
        with distributed.Client(self.address, set_as_default=False) as client:
            return len(client.scheduler_info()["workers"])

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait(10)


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    started = Loopback(tmp_path_factory.mktemp("cluster"))
    yield started
    started.stop()


def entries(folder: Path, pattern: str = "[!.]*") -> int:
    return len(list(folder.glob(pattern)))


@pytest.mark.slow
def test_a_killed_worker_changes_no_byte_of_a_sweep(
    tmp_path: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies with tasks of its own; the other does them again. What was sent to the workers is gone at the end.

    The commands go to the same workers, a figure's kernel too.
    """
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    mine = make_features(900, 300).save(tmp_path / "mine.safetensors")
    store, out = tmp_path / "cache" / "sweeps", tmp_path / "out"
    address = ["--backend", "dask", "--scheduler", loopback.address]
    thread = loopback.kill_a_worker_at(lambda: entries(store), 4)
    assert main(["sweep", str(mine), *SPECS, "--repeats", "3", "-o", str(out / "there.csv"), *address]) == 0
    thread.join(10)
    assert loopback.killed.wait(10) == -signal.SIGKILL and loopback.workers() == len(loopback.processes) - 1
    assert 4 <= loopback.done < len(SPECS) + 2, "in the middle"
    assert entries(tmp_path / "cache" / "shared") == 0 and cluster.ADDRESS not in os.environ
    table = sl.sweep(sl.load_features(mine), SPECS, repeats=3, n_jobs=1, progress=False)
    sl.write_results(table, out / "here.csv")
    assert (out / "there.csv").read_bytes() == (out / "here.csv").read_bytes()

    values = [23, 24]
    assert main(["reproduce", "figure-4", "-p", f"dataset={mine}", "-p", f"values={values}", "-o", str(out), *address]) == 0
    expected = sl.sweep(sl.load_features(mine), measure.specs(values), n_jobs=1, progress=False)
    sl.write_results(expected, out / "expected.csv")
    assert (out / "figure-4.csv").read_bytes() == (out / "expected.csv").read_bytes()


@pytest.mark.slow
def test_a_killed_worker_changes_no_byte_of_an_extraction(
    tmp_path: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = photographs(tmp_path / "images", 40)
    monkeypatch.setattr(job, "SHARD", 4)

    def run(name: str) -> bytes:
        options: dict[str, Any] = {"precision": "float32", "batch_size": 4, "progress": False}
        return Path(sl.extract(images, "efficientnet-lite0", output=tmp_path / name, **options)).read_bytes()

    monkeypatch.setenv(cluster.ADDRESS, loopback.address)
    thread = loopback.kill_a_worker_at(lambda: entries(tmp_path, "there*.shards/[0-9]*"), 2)
    there = run("there.safetensors")
    thread.join(10)
    assert loopback.killed.wait(10) == -signal.SIGKILL and 2 <= loopback.done < 10
    monkeypatch.delenv(cluster.ADDRESS)
    assert there == run("here.safetensors")


def test_a_scheduler_that_does_not_answer_is_named(
    tmp_path: Path, small: sl.FeatureSet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = str(small.save(tmp_path / "mine.safetensors"))
    monkeypatch.setattr(distributed, "Client", lambda address, **options: (_ for _ in ()).throw(OSError("timed out")))
    assert main(["sweep", mine, "none", "--backend", "dask", "--scheduler", "tcp://127.0.0.1:1"]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == "stresslib: no Dask scheduler answers at tcp://127.0.0.1:1: timed out"
    assert main(["sweep", mine, "none", "--scheduler", "tcp://127.0.0.1:1"]) == 1
    assert "--scheduler tcp://127.0.0.1:1 is for --backend dask" in capsys.readouterr().err


@pytest.mark.slow
def test_tasks_on_a_cluster_give_the_same_digits(
    tmp_path: Path, loopback: Loopback, small: sl.FeatureSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feature set goes through the shared folder, which is empty at the end; results are kept here as they come."""
    methods = ["none", "Q2:4", "DR2:8,Q2:4", peers.Int8(), peers.Truncation(4)]
    here = peers.measure(small, methods, n_jobs=1)
    sent = broadcast.sent
    counted = []
    monkeypatch.setattr(tasks, "sent", lambda *given: counted.append(given[0].name) or sent(*given))
    monkeypatch.setenv(cluster.ADDRESS, loopback.address)
    there = peers.measure(small, methods, store=tmp_path / "store")
    assert there.equals(here) and counted == ["toy/drawn/only"] and entries(tmp_path / "cache" / "shared") == 0
    monkeypatch.setenv(cluster.ADDRESS, "tcp://127.0.0.1:1")  # where nobody answers
    assert peers.measure(small, methods, store=tmp_path / "store").equals(here), "all of it was kept, and needs no worker"


def test_a_worker_of_other_code_is_refused() -> None:
    alike = cluster.versions()
    assert alike["code"][0] == STRESSLIB.digest_used("stresslib/running/grid.py")
    cluster.check_versions(alike)
    with pytest.raises(ValueError, match=r"a worker has other libraries than this machine: .* install the same"):
        cluster.check_versions({**alike, "libraries": ["numpy 0.0"]})
    with pytest.raises(ValueError, match="other weights"):
        cluster.check_versions({**alike, "weights": "a"}, {"weights": "b"})


def test_what_is_sent_arrives_as_it_was(small: sl.FeatureSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through an object store, which fsspec's memory stands for; the components too, in every digit."""
    monkeypatch.setenv(broadcast.SHARED, "memory://shared")
    store = fsspec.filesystem("memory")
    with broadcast.sent(small) as features, broadcast.sent(small.X[:, :8]) as array:
        assert features.startswith("memory://shared/") and len(store.ls("/shared")) == 2
        assert broadcast.received(features).digest == small.digest and broadcast.received(features).name == small.name
        np.testing.assert_array_equal(broadcast.received(array), small.X[:, :8])
    assert store.ls("/shared") == []


def test_features_are_read_from_an_object_store(small: sl.FeatureSet, tmp_path: Path) -> None:
    """A copy is kept, and made anew when the original changes."""
    store = fsspec.filesystem("memory")
    path = small.save(tmp_path / "mine.safetensors")
    store.pipe_file("/features/mine.safetensors", path.read_bytes())
    assert sl.load_features("memory://features/mine.safetensors", normalize=False).digest == small.digest
    other = make_features(seed=1)
    store.pipe_file("/features/mine.safetensors", other.save(tmp_path / "other.safetensors").read_bytes())
    assert sl.load_features("memory://features/mine.safetensors", normalize=False).digest == other.digest
    with pytest.raises(FileNotFoundError, match=r"memory://features/absent\.safetensors: there is no such file"):
        sl.load_features("memory://features/absent.safetensors")
    with pytest.raises(ValueError, match=r"nosuch://x/y\.safetensors cannot be read"):
        sl.load_features("nosuch://x/y.safetensors")
