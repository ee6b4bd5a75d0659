"""The check that no page loads anything from another host: it passes what is harmless and catches what is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[1] / "book" / "check_offline.py"


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script src="https://cdn.example.org/x.js"></script>'),
        ("a.html", '<link rel="stylesheet" href="//fonts.example.org/css">'),
        ("a.html", '<img srcset="x.png 1x, https://example.org/x.png 2x">'),
        ("a.html", "<style>@font-face{src:url(https://example.org/f.woff2)}</style>"),
        ("a.html", '<script>const U = "https://unpkg.example.org/thebe";</script>'),
        ("a.html", '<iframe src="http://example.org"></iframe>'),
        ("a.css", '@import "https://example.org/x.css";'),
        ("a.js", 'import("https://example.org/m.js")'),
    ],
)
def test_loads_from_another_host_are_caught(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "index.html").write_text("<p>page</p>")
    (tmp_path / name).write_text(text)
    result = run(tmp_path)
    assert result.returncode == 1 and name in result.stderr


def test_links_and_local_files_pass(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<a href="https://example.org">x</a><script src="_static/x.js"></script>')
    result = run(tmp_path)
    assert result.returncode == 0 and result.stdout == "1 pages load nothing from another host\n"


def test_an_empty_folder_is_no_book(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 1
