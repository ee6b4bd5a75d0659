"""The facts at the end of a page: those of the recorded run, part of the document, linked only where that leads anywhere."""

from __future__ import annotations

import doctest
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from places import ROOT

from stressbook.reproduce.catalogue import figures
from stressbook.reproduce.manifest import kept_file


@pytest.fixture(scope="module")
def facts() -> ModuleType:
    spec = importlib.util.spec_from_file_location("facts", ROOT / "book" / "tools" / "facts.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_examples_of_the_extension(facts: ModuleType) -> None:
    failed, tried = doctest.testmod(facts)
    assert tried and not failed


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (list(range(2, 31)), ["2 to 30"]),
        ([1, 2, 4], ["1", "2", "4"]),
        ([8, 16, 32, 33, 34], ["8", "16", "32 to 34"]),
        ([1.25, 2.5, 3.5], ["1.25", "2.5", "3.5"]),
        ([True, False, True], ["true", "false", "true"]),
        (["scenes15", "digits"], ["scenes15", "digits"]),
        ("", ['""']),
    ],
)
def test_values_as_a_reader_writes_them(facts: ModuleType, value: Any, parts: list[str]) -> None:
    assert facts.shown(value) == parts


def test_every_template_has_its_module_and_every_recorded_run_its_parameters(facts: ModuleType) -> None:
    for name, entry in figures(ROOT).items():
        assert (ROOT / facts.module(ROOT / "notebooks" / entry["template"])).exists()
        run = facts.record(name)
        assert bool(run) == (kept_file(ROOT, name) is not None and (ROOT / "results" / f"{name}.json").is_file())
        rows = facts.rows(facts.record(name), entry["template"])
        assert ("Run" in rows) == ("Parameters" in rows) == ("Versions" in rows) == bool(run)
    assert set(facts.record("figure-4")["parameters"]) == {"dataset", "model", "layer", "values"}
    # Its data sets are named in full: neither of these was used.
    assert not {"model", "layer"} & set(facts.record("figure-2")["parameters"])


def built(folder: Path, repository: str) -> Path:
    """Build a book of a page with a run, one without, and one that no template made."""
    source = folder / "source"
    pages = source / "book" / "generated"
    pages.mkdir(parents=True)
    (source / "conf.py").write_text(
        f"import sys; sys.path.insert(0, {str(ROOT / 'book' / 'tools')!r})\n"
        "extensions = ['myst_nb', 'facts']\nhtml_theme = 'basic'\nroot_doc = 'index'\n"
    )
    names = ("figure-4", "provenance", "unknown")
    listed = "\n".join(f"book/generated/{name}" for name in names)
    (source / "index.md").write_text(f"# Book\n\n```{{toctree}}\n{listed}\n```\n")
    for name in names:
        (pages / f"{name}.md").write_text(f"# Title of {name}\n\nText.\n\n## A section\n\nMore.\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", source, folder / "html"]
    environment = {**os.environ, "GITHUB_REPOSITORY": repository}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    return folder / "html"


@pytest.mark.parametrize("repository", ["someone/companion", ""])
def test_section_of_a_page(tmp_path: Path, facts: ModuleType, repository: str) -> None:
    """It stands in the page's contents and in the search, and says what results/ has."""
    html = built(tmp_path, repository)
    page = (html / "book" / "generated" / "figure-4.html").read_text()
    run = json.loads((ROOT / "results" / "figure-4.json").read_text())
    assert '<a class="reference internal" href="#about-this-run">' in page and '<section id="about-this-run">' in page
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    for fact in (
        "stresslib reproduce figure-4 --profile full",
        "values: 2 to 30",
        "dataset: voc2007-val, caltech101, scenes15",
    ):
        assert fact in text
    commit = run["commit"].removesuffix("-dirty")
    assert f"on {run['cores']} cores, at commit {commit}" in text
    assert f"Python {run['versions']['python']}, NumPy {run['versions']['numpy']}" in text
    assert 'href="provenance.html"' in page
    found = re.findall(r'href="(https://github.com/[^"]+)"', page)
    if facts.commit():
        base = f"https://github.com/{repository}/blob/{facts.commit()}"
        assert found == [f"{base}/notebooks/figure-4.ipynb", f"{base}/book/stressbook/chapters/rerun/figure_4"] * bool(
            repository
        )
        assert bool(repository) or f"notebooks/figure-4.ipynb at {facts.commit()}" in text
    assert "About this run" in (html / "searchindex.js").read_text()

    without = (html / "book" / "generated" / "provenance.html").read_text()
    assert 'id="about-this-page"' in without and "notebooks/provenance.ipynb" in without
    assert "--profile full" not in without and "Versions" not in without
    assert "About this" not in (html / "book" / "generated" / "unknown.html").read_text()
