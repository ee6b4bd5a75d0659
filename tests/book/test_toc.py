"""The table of contents, which is made of the parts in notebooks/figures.yml."""

import subprocess
import sys
from pathlib import Path

import yaml
from places import ROOT
from sphinx_external_toc.parsing import parse_toc_yaml

from stressbook.reproduce.catalogue import figures, parts


def test_each_page_is_in_one_part() -> None:
    """The front page is the root, above all parts."""
    listed = [name for names in parts(ROOT).values() for name in names]
    prose = {path.stem for path in (ROOT / "book").glob("*.md")}
    assert len(listed) == len(set(listed))
    assert set(listed) == (set(figures(ROOT)) - {"intro"}) | prose


def test_jupyter_book_reads_it(tmp_path: Path) -> None:
    """A chapter's page is a figure's, which is generated; a page of prose is as it is written."""
    path = tmp_path / "_toc.yml"
    subprocess.run([sys.executable, ROOT / "book" / "tools" / "make_toc.py", path], check=True, cwd=ROOT)
    site = parse_toc_yaml(path)
    assert site.root.docname == "book/generated/intro"
    assert {"book/generated/cliff", "book/method"} <= set(site)
    captions = [part["caption"] for part in yaml.safe_load(path.read_text())["parts"]]
    assert captions == list(parts(ROOT))
