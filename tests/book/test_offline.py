"""The check that a book needs nothing else: it passes what is harmless; it catches loads from elsewhere and broken links."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

CHECK = ROOT / "book" / "tools" / "check_offline.py"


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
    (tmp_path / "a b").mkdir()
    (tmp_path / "x.js").write_text("")
    (tmp_path / "a b" / "page.html").write_text(
        '<p id="caf\u00e9">p</p><a href="../index.html#top">up</a><a href="#">here</a>'
    )
    links = ["https://example.org/#x", "a%20b/page.html#caf%C3%A9", "mailto:a@example.org", "#top", "x.js"]
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    (tmp_path / "index.html").write_text(f'<h1 id="top">h</h1>{page}<script src="x.js"></script>')
    result = run(tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "2 pages load nothing from another host, and no link within them leads nowhere\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<a href="gone.html">x</a>', "a gone.html (no such file)"),
        ('<a href="#gone">x</a>', "a #gone (no such anchor)"),
        ('<a href="other.html#top">x</a>', "a other.html#top (no such anchor)"),
        ('<img src="gone.png">', "img gone.png (no such file)"),
        ('<meta http-equiv="Refresh" content="0; url=gone.html" />', "meta gone.html (no such file)"),
    ],
)
def test_links_that_lead_nowhere_are_caught(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "index.html").write_text(f'<h1 id="top">h</h1>{text}')
    (tmp_path / "other.html").write_text("<p>no anchor</p>")
    result = run(tmp_path)
    assert result.returncode == 1 and f"index.html:1: {fault}" in result.stderr, result.stderr


def test_an_empty_folder_is_no_book(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 1


@pytest.mark.parametrize("repository", ["someone/companion", ""])
def test_buttons_open_the_template_of_a_page(tmp_path: Path, repository: str) -> None:
    """The committed notebook, not the executed one; none on pages without a template, or where the repository is unknown."""
    source = tmp_path / "source"
    (source / "book" / "generated").mkdir(parents=True)
    (source / "conf.py").write_text(
        f"import sys; sys.path.insert(0, {str(CHECK.parent)!r})\n"
        "extensions = ['myst_nb', 'launch']\nhtml_theme = 'sphinx_book_theme'\nroot_doc = 'index'\n"
    )
    (source / "index.md").write_text("# Book\n\n```{toctree}\nbook/generated/figure-4\n```\n")
    (source / "book" / "generated" / "figure-4.md").write_text("# Fewer values\n")
    command = [sys.executable, "-m", "sphinx", "-q", source, tmp_path / "html"]
    environment = {**os.environ, "GITHUB_REPOSITORY": repository}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "html" / "book" / "generated" / "figure-4.html").read_text()
    found = re.findall(r'href="(https://(?:mybinder|colab)[^"]+)"', page)
    assert found == [
        f"https://mybinder.org/v2/gh/{repository}/main?urlpath=lab/tree/notebooks/figure-4.ipynb",
        f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/figure-4.ipynb",
    ] * bool(repository)
    assert not re.search("mybinder|colab", (tmp_path / "html" / "index.html").read_text())
