"""The page on own images and vectors: its examples run as they stand, and print what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stresslib.cli.main import main

PAGE = Path(__file__).parents[2] / "book" / "own.md"


def test_the_examples_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    printed = ""
    blocks = re.findall(r"^```(python|bash|text)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert [kind for kind, _ in blocks] == ["python", "bash", "text"] * 3
    for kind, text in blocks:
        if kind == "python":
            exec(text, names)
        elif kind == "bash":
            for line in text.splitlines():
                assert main(line.split()[1:]) == 0
            printed = capsys.readouterr().out
        else:
            assert text.strip() in printed
