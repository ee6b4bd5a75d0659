"""The table of contents, which is made of the parts in notebooks/figures.yml."""

import json
import subprocess
import sys
from pathlib import Path

import yaml
from places import ROOT
from sphinx_external_toc.parsing import parse_toc_yaml

from stressbook.reproduce.catalogue import figures, parts


def test_each_page_is_in_one_part() -> None:
    """The front page is the root, above all parts."""
    listed = [name for pages in parts(ROOT).values() for page, below in pages.items() for name in (page, *below)]
    prose = {path.stem for path in (ROOT / "book").glob("*.md")}
    assert len(listed) == len(set(listed))
    assert set(listed) == (set(figures(ROOT)) - {"intro"}) | prose


def test_a_figure_is_called_in_the_catalogue_as_on_its_page() -> None:
    for name, figure in figures(ROOT).items():
        cells = json.loads((ROOT / "notebooks" / figure["template"]).read_text(encoding="utf-8"))["cells"]
        heading = "".join(cells[0]["source"]).partition("\n")[0]
        assert name == "intro" or heading == f"# {figure['title']}", name


def test_jupyter_book_reads_it(tmp_path: Path) -> None:
    """A chapter's page is a figure's, which is generated; a page of prose is as it is written."""
    path = tmp_path / "_toc.yml"
    subprocess.run([sys.executable, ROOT / "book" / "tools" / "make_toc.py", path], check=True, cwd=ROOT)
    site = parse_toc_yaml(path)
    assert site.root.docname == "book/generated/intro"
    assert {"book/generated/cliff", "book/method"} <= set(site)
    captions = [part["caption"] for part in yaml.safe_load(path.read_text())["parts"]]
    assert [caption.rpartition(". ")[2] for caption in captions] == list(parts(ROOT))
    assert captions[0].startswith("I. ") and captions[-2].startswith("XI. ") and captions[-1] == "Appendices"


def test_questions_stand_below_their_summary() -> None:
    (part,) = (pages for pages in parts(ROOT).values() if "referee" in pages)
    assert list(part) == ["referee"] and "selection" in part["referee"]


def test_each_page_below_another_is_linked_from_it(tmp_path: Path) -> None:
    """The pages of the API, in the order of its table."""
    path = tmp_path / "_toc.yml"
    subprocess.run([sys.executable, ROOT / "book" / "tools" / "make_toc.py", path], check=True, cwd=ROOT)
    site = parse_toc_yaml(path)
    below = [f"book/{page.relative_to(ROOT / 'book').with_suffix('')}" for page in (ROOT / "book").glob("*/*.md")]
    shown = {page for page in below if not page.startswith(("book/generated/", "book/_static/", "book/tools/"))}
    assert shown and shown <= set(site)
    assert [name for name in site if name.startswith("book/api/")][:2] == ["book/api/images", "book/api/extraction"]
