"""The picture of the structure shows every room of both packages, and the contracts that it is drawn from hold."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from stressbook.chapters.reference.structure import page


def test_every_room_is_in_the_picture() -> None:
    table = page.rooms(ROOT)
    for package, place in page.PLACES.items():
        folder = ROOT / place
        there = {path.parent.name for path in folder.glob("*/__init__.py")} | {path.stem for path in folder.glob("*.py")}
        assert set(table.loc[table["package"] == package, "room"]) == there - {"__init__", "__pycache__"}
    assert (table["what"].str.len() > 10).all(), "each room says in its first line what it is"
    drawn = [text.get_text() for text in page.plot(table).axes[0].texts]
    assert set(table["room"]) <= set(drawn)
    assert all(room in page.alt_text(table) for room in table["room"])


def broken(checkout: Path) -> list[str]:
    """Names of the contracts that a checkout breaks."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    path = f"{checkout}:{checkout / 'book'}"
    done = subprocess.run(command, cwd=checkout, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    found = re.findall(r"^(.+) (KEPT|BROKEN)(?: \(\d+ ignored imports?\))?$", done.stdout, re.M)
    assert len(found) == 4 and done.returncode == ("BROKEN" in done.stdout), done
    return [name for name, state in found if state == "BROKEN"]


PLANTED = [
    ("stresslib/results.py", "from stresslib.evaluation import metrics", "stresslib: nothing imports upwards"),
    ("stresslib/features/library.py", "import stressbook", "stresslib does not know the book"),
    ("book/stressbook/drawing/words.py", "from stressbook.chapters import rerun", "stressbook: nothing imports upwards"),
    (
        "book/stressbook/chapters/rerun/figure_4/measure.py",
        "from stressbook.drawing import style",
        "what is measured does not know how it is drawn",
    ),
]


@pytest.mark.parametrize(("module", "line", "contract"), PLANTED)
def test_a_planted_upward_import_is_caught(tmp_path: Path, module: str, line: str, contract: str) -> None:
    ignore = shutil.ignore_patterns("__pycache__", "embedded", "*.egg-info")
    shutil.copytree(ROOT / "stresslib", tmp_path / "stresslib", ignore=ignore)
    shutil.copytree(ROOT / "book" / "stressbook", tmp_path / "book" / "stressbook", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with open(tmp_path / module, "a") as stream:
        stream.write(f"\n{line}\n")
    assert broken(tmp_path) == [contract]
