"""Kills, full disks, folders that cannot be written, absent files, two runs at once: clear errors or correct work."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drawn_photographs import photographs
from killed import Forked, ForkServer
from toy_features import make_features

import stresslib as sl
from stresslib import digests
from stresslib.cli.main import main
from stresslib.datasets import from_folder
from stresslib.extraction import extractor, job
from stresslib.features import reports

SPECS = [*(f"DR1:{size}" for size in (5, 10, 20)), *(f"Q1:{count}" for count in range(2, 12)), "DR2:8,Q2:4", "none"]

SWEEP = """
import json, sys
import stresslib as sl
table = sl.sweep(
    sl.load_features(sys.argv[1]), json.loads(sys.argv[3]), repeats=2, n_jobs=1, progress=False, store=sys.argv[2]
)
sl.write_results(table, sys.argv[2] + ".csv")
"""

EXTRACTION = """
import sys
from stresslib.datasets import from_folder
from stresslib.extraction import job
job.SHARD = 4
options = {"precision": "float32", "batch_size": 4, "output": sys.argv[2], "progress": False}
job.extract(from_folder(sys.argv[1], name="tiny"), "efficientnet-lite0", **options)
"""


def kill_ten(start: Callable[[], Forked], done: Callable[[], int], whole: int, pause: float, seed: int) -> None:
    """Kill ten runs at random moments, from the first to the last thing to do; then let one end."""
    generator, kept, ended = random.Random(seed), [], []
    for enough in sorted(generator.randrange(whole) for _ in range(10)):
        ended.append(start().kill_when(lambda enough=enough: done() >= enough, generator.uniform(0, pause)))  # type: ignore[misc]
        kept.append(done())
    assert ended.count(signal.SIGKILL) >= 8, "a run may end in the moment between"
    assert kept == sorted(kept) and len(set(kept)) >= 3, "nothing that was finished is lost"
    assert start().wait() == 0


@pytest.mark.slow
def test_a_sweep_killed_at_ten_moments_ends_with_the_same_bytes(tmp_path: Path, fork_server: ForkServer) -> None:
    """Each run goes on where the killed one was; what lies in the store in between is whole entries."""
    mine = make_features(900, 300).save(tmp_path / "mine.safetensors")
    features, store = sl.load_features(mine), tmp_path / "killed"
    whole = sl.sweep(features, SPECS, repeats=2, n_jobs=1, progress=False)
    sl.write_results(whole, tmp_path / "whole.csv")

    def start() -> Forked:
        return Forked(fork_server, SWEEP, mine, store, json.dumps(SPECS), folder=tmp_path)

    kill_ten(start, lambda: len(list(store.glob("[!.]*.json"))), len(whole), pause=0.03, seed=0)
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.slow
def test_an_extraction_killed_at_ten_moments_ends_with_the_same_bytes(tmp_path: Path, fork_server: ForkServer) -> None:
    images = photographs(tmp_path / "images", 32)
    options: dict[str, Any] = {"precision": "float32", "batch_size": 4, "progress": False}
    whole = job.extract(images, "efficientnet-lite0", output=tmp_path / "whole.safetensors", **options)

    def start() -> Forked:
        return Forked(fork_server, EXTRACTION, tmp_path / "images", tmp_path / "killed.safetensors", folder=tmp_path)

    kill_ten(start, lambda: len(list(tmp_path.glob("killed*.shards/[0-9]*"))), 8, pause=0.1, seed=1)
    assert (tmp_path / "killed.safetensors").read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("killed*.shards"))


def test_shards_of_other_code_are_not_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run stops; the preprocessing is edited; the next run reads all images, and the file says which code made it."""
    images = photographs(tmp_path / "images", 12)
    monkeypatch.setattr(job, "SHARD", 4)
    reads: list[str] = []
    real = extractor.read_input

    def noted(path: Path, *rest: Any) -> Any:
        reads.append(path.name)
        if len(reads) == stop:
            raise MemoryError("no more")
        return real(path, *rest)

    def run() -> Path:
        reads.clear()
        return Path(job.extract(images, "efficientnet-lite0", precision="float32", batch_size=1, progress=False))

    monkeypatch.setattr(extractor, "read_input", noted)
    stop = 12
    with pytest.raises(MemoryError):
        run()
    stop = 0
    code = digests.extraction_digest()
    monkeypatch.setitem(digests.STRESSLIB.texts, "stresslib/images/preprocessing.py", "edited")
    digests.extraction_digest.cache_clear()
    path = run()
    assert len(reads) == 12, "nothing of the other code's shards was taken"
    assert sl.load_features(path).provenance["code"] == digests.extraction_digest() != code
    lines = reports()
    assert any("2 shards of an extraction that did not end" in line for line in lines)
    monkeypatch.undo()
    digests.extraction_digest.cache_clear()
    assert digests.extraction_digest() == code


def test_finished_features_of_other_code_are_reported_and_left_alone(
    tmp_path: Path, own_cache: Path, small: sl.FeatureSet
) -> None:
    names = {"dataset": "toy", "model": "drawn", "layer": "only"}
    for layer, more in (("a", {"code": "0" * 64}), ("b", {"code": digests.extraction_digest()}), ("c", {}), ("d", _NATIVE)):
        features = sl.FeatureSet(small.X, small.y, small.train, provenance={**names, "layer": layer, **more})
        features.save(own_cache / "features" / f"toy--drawn--{layer}.safetensors")
    made, native = reports()
    assert made.startswith("toy--drawn--a.safetensors: extracted by other code than this")
    assert native.startswith("toy--drawn--d.safetensors: its preprocessing is native")
    assert sl.load_features("toy/drawn/a").X.shape == small.X.shape


_NATIVE = {"preprocessing": "native"}


def test_a_full_disk_stops_in_one_line_and_what_was_done_is_kept(
    tmp_path: Path, small: sl.FeatureSet, fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files stands for the disk: the table does not fit, the settings of the store do."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # no further processes to wait for
    mine = small.save(tmp_path / "mine.safetensors")
    # What the bar writes goes to a file, too, and is to fit.
    code = (
        "import sys, resource as r, stresslib.cli.main as c; from functools import partial; "
        "from stresslib.running import tasks; tasks.tqdm = partial(tasks.tqdm, mininterval=60); "
        "r.setrlimit(r.RLIMIT_FSIZE, (2000, 2000)); sys.exit(c.main())"
    )
    out, specs = tmp_path / "out.csv", ["none", *(f"Q1:{count}" for count in range(2, 40))]
    run = Forked(fork_server, code, "sweep", mine, *specs, "-o", out, folder=tmp_path)
    assert run.wait() == 256
    line = run.errors.splitlines()[-1]
    assert re.fullmatch(rf"stresslib: cannot write {out}: .*File too large.*Free some space.*", line)
    assert "Traceback" not in run.errors and not out.exists() and not list(tmp_path.glob(".out*"))
    assert len(list((Path(os.environ["STRESSLIB_CACHE"]) / "sweeps").glob("[!.]*"))) == 39


def test_a_read_only_cache_is_read_and_not_written(
    tmp_path: Path, own_cache: Path, small: sl.FeatureSet, fork_server: ForkServer
) -> None:
    """What lies there is used; what is new is computed, and said not to be kept."""
    store = own_cache / "sweeps"
    first = sl.sweep(small, ["none"], n_jobs=1, progress=False, store=store)
    before = {path.name for path in store.iterdir()}
    script = (
        "import os, sys, stresslib as sl; f = sl.load_features(sys.argv[1]);"
        "sl.sweep(f, ['none'], n_jobs=1, progress=False); os.geteuid() == 0 and os.setuid(65534);"
        "t = sl.sweep(f, ['none', 'Q1:3'], n_jobs=1, progress=False, store=sys.argv[2]);"
        "print(*t['score'])"
    )
    mine = small.save(tmp_path / "mine.safetensors")
    for folder in [store, *store.parents]:  # nobody may come here, and read
        with contextlib.suppress(PermissionError):
            folder.chmod(0o755)
    store.chmod(0o555)
    mine.chmod(0o644)
    run = Forked(fork_server, script, mine, store, folder=tmp_path)
    assert run.wait() == 0, run.errors
    assert float(run.printed.split()[0]) == first["score"][0]
    assert run.errors.count("not kept for a later run: cannot write") == 1
    assert {path.name for path in store.iterdir()} == before


def test_removed_features_stop_with_the_command_that_makes_them(
    own_cache: Path, small: sl.FeatureSet, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file goes between two runs; settings that were kept do not stand in for it."""
    path = own_cache / "features" / "toy--drawn--only.safetensors"
    small.save(path)
    sl.sweep(sl.load_features("toy/drawn/only"), ["none"], n_jobs=1, progress=False, store=own_cache / "sweeps")
    path.unlink()
    capsys.readouterr()
    assert main(["sweep", "toy/drawn/only", "none"]) == 1
    assert "make them with 'stresslib extract toy --model drawn --layer only'" in capsys.readouterr().err


@pytest.mark.slow
def test_two_runs_at_once(tmp_path: Path, fork_server: ForkServer) -> None:
    """Two sweeps of one store both have the bytes of one alone; of two extractions to one file the second says so."""
    mine = make_features(300, 100).save(tmp_path / "mine.safetensors")
    photographs(tmp_path / "images", 24)
    expected = sl.sweep(sl.load_features(mine), SPECS, repeats=2, n_jobs=1, progress=False)
    sl.write_results(expected, tmp_path / "expected.csv")
    runs = [(SWEEP, (mine, tmp_path / "store", json.dumps(SPECS)))] * 2
    runs += [(EXTRACTION, (tmp_path / "images", tmp_path / "out.safetensors"))] * 2
    ended = [run.wait() for run in [Forked(fork_server, code, *given, folder=tmp_path) for code, given in runs]]
    assert ended[:2] == [0, 0] and sorted(ended[2:]) in ([0, 0], [0, 256])
    refused = "out.safetensors: another process is extracting it; wait until that has ended"
    assert (refused in (tmp_path / "stderr").read_text()) == (256 in ended), "or the one had ended when the other began"
    assert Forked(fork_server, EXTRACTION, *runs[2][1], folder=tmp_path).wait() == 0
    assert (tmp_path / "store.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()
    alone = job.extract(
        from_folder(tmp_path / "images", name="tiny"),
        "efficientnet-lite0",
        precision="float32",
        batch_size=4,
        output=tmp_path / "alone.safetensors",
        progress=False,
    )
    assert (tmp_path / "out.safetensors").read_bytes() == alone.read_bytes()
