"""Errors: whatever goes wrong is one line that names file, option or value, and what can be known early is known early."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stdout
from pathlib import Path
from tokenize import TokenError

import click
import joblib
import numpy as np
import pytest

import stresslib as sl
from stresslib.cli.compress import PACKINGS
from stresslib.cli.errors import DEBUG
from stresslib.cli.main import COMMANDS, commands, main

SHIPPED = "digits/efficientnet-lite0/pooled"


@pytest.fixture
def place(tmp_path: Path, small: sl.FeatureSet, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a good file and bad ones of each kind that the commands read."""
    monkeypatch.chdir(tmp_path)
    small.save("mine.safetensors")
    (tmp_path / "labels.csv").write_text("labels\n" + "a\nb\n" * 45)
    np.save("X.npy", small.X)
    np.save("number.npy", np.float32(3))
    np.save("row.npy", np.arange(5.0))
    np.savez("several.npz", a=small.X)
    said = (tmp_path / "X.npy").read_bytes().replace(b"(90, 40), }" + 7 * b" ", b"(90, 999999999), }")
    (tmp_path / "vast.npy").write_bytes(said)
    for name, content in {
        "zip.npy": b"PK\x03\x04no archive",
        "header.npy": b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4', (",
        "nested.safetensors": (100_000).to_bytes(8, "little") + b"[" * 100_000,
        "damaged.safetensors.xz": b"\xfd7zXZ\x00no archive",
        "damaged.stress": b"no compressed features",
    }.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("import number.npy labels.csv -o out", "number.npy is an array of shape ()"),
        ("import row.npy labels.csv -o out", "row.npy is an array of shape (5,)"),
        ("import several.npz labels.csv -o out", "several.npz is an archive of several arrays"),
        ("import zip.npy labels.csv -o out", "zip.npy is not an .npy matrix"),
        ("import header.npy labels.csv -o out", "header.npy is not an .npy matrix"),
        ("import folder labels.csv -o out", "folder: Is a directory"),
        ("import gone.npy labels.csv -o out", "gone.npy: No such file or directory"),
        ("import X.npy gone.csv -o out", "gone.csv"),
        ("import X.npy labels.csv -o folder", "folder is a folder; give a file"),
        ("import X.npy labels.csv -o X.npy", "X.npy is what is read, and would be replaced"),
        ("import X.npy labels.csv -o ./labels.csv", "labels.csv is what is read"),
        ("import X.npy labels.csv -o out.safetensors.xz", "only features that are shipped are compressed by xz"),
        ("import X.npy labels.csv --seed -1 -o out", "seed -1: seeds are from 0"),
        ("import labels.csv labels.csv -o out", "labels.csv is not an .npy matrix of numbers: numpy.save writes one"),
        ("import vast.npy labels.csv -o out", "vast.npy is not an .npy matrix of numbers: mmap length"),
        ("sweep mine.safetensors none -o mine.safetensors", "mine.safetensors is what is read"),
        ("compress mine.safetensors --spec Q1:4 -o mine.safetensors", "mine.safetensors is what is read"),
        ("decompress damaged.stress -o damaged.stress", "damaged.stress is what is read"),
        ("evaluate nested.safetensors none", "nested.safetensors is damaged"),
        ("evaluate damaged.safetensors.xz none", "damaged.safetensors.xz is damaged"),
        ("evaluate folder none", "'folder' is neither a feature file nor"),
        ("evaluate mine.safetensors DR9:3", "stress 'DR9:3'"),
        ("evaluate mine.safetensors DR1:41", "stress 'DR1:41' keeps 41 dimensions of only 40"),
        ("evaluate mine.safetensors DR1:4 --seed -1", "--seed -1; seeds are from 0"),
        ("evaluate mine.safetensors none --C 0", "--C 0.0; give a number above 0"),
        ("evaluate mine.safetensors none --C nan", "--C nan; give a number above 0"),
        ("sweep mine.safetensors none --repeats 0", "--repeats 0; at least 1"),
        ("sweep mine.safetensors none -o folder", "folder is a folder; give a file"),
        ("sweep mine.safetensors none -o X.npy/out.csv", "cannot write X.npy/out.csv: Not a directory"),
        ("sweep mine.safetensors none DR1:4 --repeats 2 --seed 4294967295", "--seed 4294967295; seeds are from 0"),
        ("sweep mine.safetensors none --scheduler tcp://127.0.0.1:1", "is for --backend dask"),
        ("sweep mine.safetensors none --backend dask --scheduler=", "--scheduler is empty"),
        ("compress mine.safetensors --spec Q1:1 -o out.stress", "stress 'Q1:1'"),
        ("compress mine.safetensors --spec DR1:4 --seed -1 -o out.stress", "--seed -1; seeds are from 0"),
        ("compress mine.safetensors --spec Q1:4 -o folder", "folder is a folder; give a file"),
        ("decompress damaged.stress -o out", "damaged.stress cannot be read"),
        ("decompress gone.stress -o out", "gone.stress: there is no such file"),
        ("decompress damaged.stress -o folder", "folder is a folder; give a file"),
        ("extract gone --model efficientnet-lite0", "'gone' is not a data set"),
        ("extract gone --model nosuch", "network 'nosuch' is unknown"),
        ("extract gone --model bossanova+nosuch=1", "bossanova has no option 'nosuch'"),
        ("extract gone --model efficientnet-lite0 --batch-size 0", "--batch-size 0; at least 1"),
        ("reproduce figur-2", "did you mean 'figure-2'"),
        ("reproduce figure-2 -o X.npy", "cannot write X.npy/report.html: Not a directory"),
        ("reproduce figure-2 -p repeats=2024-99-99", "-p repeats=2024-99-99: '2024-99-99' is not a value"),
        (f"reproduce figure-2 -p repeats={'[' * 2_000}", "is not a value"),
        ("check figur-2", "did you mean 'figure-2'"),
        ("check -o X.npy", "cannot write X.npy/report.html: Not a directory"),
    ],
)
def test_bad_input_of_a_command_is_one_line(line: str, says: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(path.name for path in place.iterdir())
    assert main(line.split()) == 1
    text = capsys.readouterr().err
    assert text.startswith("stresslib: ") and text.count("\n") == 1 and says in text and DEBUG not in text
    assert sorted(path.name for path in place.iterdir() if path.name != "cache") == before, "nothing is left behind"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("STRESSLIB_STORE_BYTES", "1e9", "STRESSLIB_STORE_BYTES='1e9' is not a number of bytes"),
        ("STRESSLIB_CACHE", "X.npy", "STRESSLIB_CACHE=X.npy is a file; the variable takes a folder"),
        ("STRESSLIB_SCHEDULER", "nonsense", "'nonsense' is not the address of a Dask scheduler; give one such as tcp://"),
    ],
)
def test_a_wrong_variable_is_known_before_anything_is_computed(
    variable: str, value: str, says: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(joblib.Parallel, "__call__", _not_now)
    assert main(["sweep", "mine.safetensors", "none", "DR1:4", "-o", "out.csv"]) == 1
    assert capsys.readouterr().err.startswith(f"stresslib: {says}")


def test_the_folder_that_a_cluster_shares_is_checked_before_anything_is_computed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stresslib.features.load_features", _not_now)
    for value, says in (("X.npy", "File exists; give a folder"), ("nosuch://here", "Protocol not known: nosuch")):
        monkeypatch.setenv("STRESSLIB_SHARED", value)
        assert main(["sweep", "mine.safetensors", "none", "--backend", "dask"]) == 1
        assert capsys.readouterr().err.startswith(f"stresslib: STRESSLIB_SHARED={value}: {says}")


def _not_now(*arguments: object, **options: object) -> None:
    raise AssertionError("it was computed")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (csv.Error("line contains NUL"), "Error: line contains NUL; STRESSLIB_DEBUG=1 before the command"),
        (TypeError("len() of unsized object"), "TypeError: len() of unsized object; STRESSLIB_DEBUG=1"),
        (AssertionError(), "AssertionError: nothing is said of it; STRESSLIB_DEBUG=1"),
        (RecursionError("maximum recursion depth exceeded"), "RecursionError: maximum"),
        (TokenError("EOF in multi-line statement"), "TokenError: EOF"),
        (MemoryError(), "evaluate needs more memory than there is; take fewer rows"),
        (MemoryError("Unable to allocate 9 GiB"), "evaluate needs more memory than there is (Unable to allocate 9 GiB)"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "evaluate needs more memory than there is (Default"),
        (BrokenProcessPool("A task\nhas failed"), "a process of evaluate was killed, most likely for want of memory"),
        (PermissionError(13, "Permission denied", "a.npy"), "a.npy: Permission denied; it may not be read or written"),
        (OSError(28, "No space left on device"), "No space left on device; free some space"),
        (ValueError("two\n  lines"), "two lines"),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"), "'utf-8' codec can't encode"),
        (ModuleNotFoundError("No module named 'tensorly'", name="tensorly.base"), "evaluate needs tensorly, which is not"),
        (ImportError("libgomp.so.1: cannot open"), "ImportError: libgomp.so.1"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_of_a_library_is_one_line(
    error: Exception, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("stresslib.features.load_features", fail)
    assert main(["evaluate", SHIPPED, "none"]) == 1
    text = capsys.readouterr().err
    assert text.startswith(f"stresslib: {says}") and text.count("\n") == 1
    monkeypatch.setenv(DEBUG, "1")
    assert main(["evaluate", SHIPPED, "none"]) == 1
    assert "Traceback" in capsys.readouterr().err


PIPES = """
import os, subprocess, sys
command = [sys.executable, "-m", "stresslib.cli", "list"]
environment = dict(os.environ, PYTHONIOENCODING="ascii")
closed = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
closed.stdout.close()
full = subprocess.Popen(command, stdout=open("/dev/full", "w"), stderr=subprocess.PIPE)
words = [*command[:-1], "evaluate", "caf\\u00e9.safetensors", "none"]
narrow = subprocess.Popen(words, stderr=subprocess.PIPE, env=environment)
for process in (closed, full, narrow):
    print([process.wait(), process.stderr.read().decode()])
"""


@pytest.mark.slow
def test_output_that_goes_nowhere_is_no_traceback() -> None:
    """Nobody reads on, the disk is full, or the terminal has no such letter."""
    done = subprocess.run([sys.executable, "-c", PIPES], capture_output=True, text=True, check=True)
    closed, full, narrow = done.stdout.splitlines()
    assert closed == "[1, '']"
    assert full == "[1, 'stresslib: No space left on device; free some space; what was finished before is kept\\n']"
    assert narrow == "[1, 'stresslib: caf\\\\xe9.safetensors: there is no such file\\n']"


def test_what_the_terminal_cannot_show_is_shown_as_its_number(tmp_path: Path) -> None:
    """On standard output, too."""
    raw = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(raw, encoding="ascii")) as narrow:
        sl.FeatureSet(np.eye(4), [0, 1, 0, 1], [True, True, False, False]).save(tmp_path / "é.safetensors")
        assert main(["compress", str(tmp_path / "é.safetensors"), "--spec", "none", "-o", str(tmp_path / "é.stress")]) == 0
        narrow.flush()
    assert b"\\xe9.stress: " in raw.getvalue()


def test_packings_of_the_help_are_those_of_the_codec() -> None:
    assert PACKINGS == sl.codec.PACKINGS


def test_help_says_how_to_see_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"{DEBUG}=1" in capsys.readouterr().out


def test_every_parameter_has_help() -> None:
    with click.Context(commands) as context:
        for name in COMMANDS:
            command = commands.get_command(context, name)
            assert command is not None
            assert all(getattr(parameter, "help", None) for parameter in command.params), name
