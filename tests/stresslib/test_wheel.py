"""The wheel of stresslib, built and used outside the checkout: small, whole, and of use without PyTorch."""

from __future__ import annotations

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

HIDES = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
"""
"""A sitecustomize: packages that lie in the environment and are not to be found."""

TORCH = ("torch", "torchvision", "efficientnet_lite_pytorch")
BOOK = ("stressbook", "matplotlib", "seaborn", "papermill", "altair")


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
    """The wheel in a folder of its own, with the packages of this environment beside it."""

    def __init__(self, folder: Path, wheel: Path, hidden: tuple[str, ...]) -> None:
        self.folder = folder
        install = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(folder / "site"),
            str(wheel),
        ]
        subprocess.run(install, check=True)
        (folder / "site" / "sitecustomize.py").write_text(HIDES.format(hidden=hidden))
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))},
            "PYTHONPATH": os.pathsep.join([str(folder / "site"), sysconfig.get_paths()["purelib"]]),
            "STRESSLIB_CACHE": str(folder / "cache"),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python there; the checkout's own packages do not come before the wheel's."""
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return self.run("-c", "import sys; from stresslib.cli.main import main; sys.exit(main(sys.argv[1:]))", *arguments)


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
    assert wheel.stat().st_size < 5e6, f"{wheel.stat().st_size / 1e6:.1f} MB: the larger feature sets stay in the checkout"
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"stresslib"}
    assert "stresslib/paper/published.csv" in names and "stresslib/py.typed" in names
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "stresslib").rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}


def test_vectors_are_compressed_without_torch(without_torch: Installed) -> None:
    vectors, labels = own_vectors(without_torch.folder)
    for arguments in (
        ["list"],
        ["import", vectors, labels, "-o", "mine.safetensors"],
        ["compress", "mine.safetensors", "--spec", "DR2:8,Q2:16", "-o", "mine.stress"],
        ["decompress", "mine.stress", "-o", "back.safetensors"],
    ):
        done = without_torch.command(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
    code = (
        "import sys, numpy as np, stresslib as sl; "
        "f, g = (sl.load_features(name, normalize=False) for name in ('mine.safetensors', 'back.safetensors')); "
        "print(sl.__file__.startswith(sys.argv[1]), g.X.shape, sl.bits_per_vector('DR2:8,Q2:16', n_features=32), "
        "len(sl.published()), 'torch' in sys.modules)"
    )
    done = without_torch.run("-c", code, str(without_torch.folder / "site"))
    assert done.stdout.split() == ["True", "(60,", "8)", "32", "1210", "False"], done.stderr


@pytest.mark.parametrize(
    "arguments", [["evaluate", "mine.safetensors", "Q2:4"], ["sweep", "mine.safetensors", "none", "Q2:4"]]
)
def test_what_needs_torch_says_what_to_install(without_torch: Installed, arguments: list[str]) -> None:
    own_vectors(without_torch.folder)
    without_torch.command("import", "X.npy", "labels.csv", "-o", "mine.safetensors")
    done = without_torch.command(*arguments)
    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()[-1:]
    assert line.startswith("stresslib: ") and "pip install stresslib[torch]" in line, done.stderr


def test_the_book_is_made_in_a_checkout(without_torch: Installed) -> None:
    for command in (["reproduce", "figure-4"], ["check"]):
        done = without_torch.command(*command)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1 and "run this in a checkout" in done.stderr, done.stderr


def test_vectors_are_scored_with_torch(tmp_path: Path, wheel: Path) -> None:
    there = Installed(tmp_path, wheel, BOOK)
    done = there.command("evaluate", "digits/efficientnet-lite0/pooled", "Q2:4")
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout
    absent = there.command("evaluate", "caltech101/efficientnet-lite0/pooled", "Q2:4")
    assert absent.returncode == 1 and "checkout" in absent.stderr, absent.stderr
