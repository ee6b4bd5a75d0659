"""What is not imported: help waits for no library, and what needs no network works without PyTorch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stresslib as sl
from stresslib.cli.main import COMMANDS

SLOW = ("torch", "torchvision", "sklearn", "scipy", "pandas", "numpy", "numba", "matplotlib", "stressbook")

BLOCKER = """
import importlib.metadata, sys

MISSING = ("torch", "torchvision", "efficientnet_lite_pytorch")

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
find = importlib.metadata.Distribution.from_name

def from_name(name):
    if name in MISSING:
        raise importlib.metadata.PackageNotFoundError(name)
    return find(name)

importlib.metadata.Distribution.from_name = from_name
"""
"""Makes Python believe that PyTorch was never installed."""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["evaluate", "--help"], ["sweep"], ["no-such-command"]])
def test_help_and_usage_errors_import_no_library(arguments: list[str]) -> None:
    done = python(
        "import sys\nfrom stresslib.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    print([name for name in {SLOW!r} if name in sys.modules])"
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_the_package_imports_no_library() -> None:
    done = python(f"import sys, stresslib\nprint([name for name in {SLOW!r} if name in sys.modules])")
    assert done.stdout == "[]\n", done.stderr


def test_refusing_a_feature_set_needs_neither_torch_nor_scikit_learn(tmp_path: Path) -> None:
    done = python(
        "import sys\nfrom stresslib.cli.main import main\n"
        "assert main(['evaluate', 'nowhere/net/pooled', 'none']) == main(['evaluate', 'no.safetensors', 'none']) == 1\n"
        "print([name for name in ('torch', 'sklearn', 'pandas') if name in sys.modules])"
    )
    assert done.stdout == "[]\n", done.stderr


HEAVY = ("torch", "torchvision", "sklearn", "scipy", "pandas", "numba", "matplotlib", "nbformat", "requests")


def test_no_command_imports_for_its_help_or_a_refusal_what_only_its_work_needs(tmp_path: Path) -> None:
    """In one process, where what is imported stays: each step may only add what it names."""
    (tmp_path / "folder").mkdir()
    shipped = "digits/efficientnet-lite0/pooled"
    steps: list[tuple[str, set[str]]] = [
        *((f"{name} --help", set()) for name in COMMANDS),
        *((line, set()) for line in ("evaluate a/b/c none", "sweep a/b/c none", "compress a/b/c --spec none -o c.stress")),
        (f"evaluate {shipped} none --C 0", set()),
        (f"sweep {shipped} none --repeats 0", set()),
        (f"sweep {shipped} none -o folder", set()),
        (f"compress {shipped} --spec none -o folder", set()),
        ("decompress gone.stress -o a.safetensors", set()),
        ("reproduce figur-2", set()),
        ("check figur-2", set()),
        ("list", {"requests"}),
        ("import gone.npy gone.csv -o a.safetensors", {"requests"}),
        ("extract folder --model nosuch", {"requests"}),
        ("extract gone --model efficientnet-lite0", {"requests"}),
        (f"evaluate {shipped} DR9:3", {"requests"}),
        (f"evaluate {shipped} DR1:30000", {"requests"}),
        ("decompress folder/../folder.stress -o a.safetensors", {"requests", "sklearn", "scipy", "pandas"}),
    ]
    (tmp_path / "folder.stress").write_text("damaged")
    code = (
        "import contextlib, io, os, sys\nfrom stresslib.cli.main import main\n"
        f"os.chdir({str(tmp_path)!r})\n"
        f"for line in {[line for line, _ in steps]!r}:\n"
        "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "        main(line.split())\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = python(code)
    found = [set(ast.literal_eval(line)) for line in done.stdout.splitlines()]
    assert len(found) == len(steps), done.stderr
    assert {line: more for (line, allowed), more in zip(steps, found, strict=True) if not more <= allowed} == {}


def test_public_names_are_all_found_and_those_that_a_type_checker_sees() -> None:
    source = ast.parse(Path(sl.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in source.body if isinstance(node, ast.If))
    seen = {(alias.name, node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    home = {(name, f"stresslib.{module}") for name, module in sl._HOME.items()} | {("codec", "stresslib")}
    assert seen == home and sorted(name for name, _ in seen) == sl.__all__ == sorted(sl.__all__)
    assert set(sl.__all__) <= set(dir(sl))
    assert all(getattr(sl, name) is not None for name in sl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        sl.no_such_name  # noqa: B018


@pytest.fixture
def files(tmp_path: Path, small: sl.FeatureSet) -> Path:
    np.save(tmp_path / "X.npy", small.X)
    (tmp_path / "labels.csv").write_text("labels\n" + "\n".join("abc"[label] for label in small.y) + "\n")
    return tmp_path


def without_torch(folder: Path, *commands: str) -> tuple[list[int], subprocess.CompletedProcess[str]]:
    """Run commands in one process, and return their exit codes as well."""
    code = f"{BLOCKER}\nfrom stresslib.cli.main import main\nprint([main(line.split()) for line in {commands!r}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1]), done


def test_vectors_are_imported_compressed_and_listed_without_torch(files: Path) -> None:
    """Networks are what `list` cannot show; it says what to install."""
    codes, done = without_torch(
        files,
        "import X.npy labels.csv -o mine.safetensors",
        "compress mine.safetensors --spec DR2:8,Q2:4 -o mine.stress",
        "decompress mine.stress -o back.safetensors",
        "cache",
        "list",
    )
    assert codes == [0] * 5, done.stderr
    assert sl.load_features(files / "back.safetensors").X.shape == (90, 8)
    listed = done.stdout.partition("features at hand:")[2]
    assert "networks:" in listed and "pip install stresslib[torch]" in listed
    assert "scenes15/efficientnet-lite0/pooled  (shipped)" in listed and "bossanova" in listed


def test_what_needs_torch_says_so_in_one_line(files: Path, small: sl.FeatureSet) -> None:
    small.save(files / "mine.safetensors")
    for name in ("a", "b"):
        (files / "pictures" / name).mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (32, 32)).save(files / "pictures" / name / f"{number}.png")
    codes, done = without_torch(
        files,
        "evaluate mine.safetensors DR1:8",
        "sweep mine.safetensors none DR1:8",
        "extract pictures --model efficientnet-lite0",
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("stresslib: ")]
    assert codes == [1, 1, 1] and len(lines) == 3
    assert all(line.endswith(" needs PyTorch: pip install stresslib[torch]") for line in lines)
    assert "Traceback" not in done.stderr
