"""The note for users of 0.1.0: every module that it sends them to is there, and none that it calls gone still is."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from stressbook.reproduce.catalogue import project_root

TEXT = (project_root() / "book" / "migration.md").read_text(encoding="utf-8")
MODULES = re.findall(r"^\| (`stresslib\.[\w`., ]+) \| (`stress\w+\.[\w`., ]+) \|$", TEXT, re.MULTILINE)


def found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # nor is its parent
        return False


def names(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


@pytest.mark.parametrize(("before", "now"), MODULES)
def test_modules_are_where_the_note_says(before: str, now: str) -> None:
    assert names(before) and names(now)
    assert all(found(name) for name in names(now))
    assert not any(found(name) for name in names(before))


def test_the_table_was_read() -> None:
    assert len(MODULES) == 18
