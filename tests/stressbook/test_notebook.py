"""Pictures with a caption are figures of the book, and stay pictures wherever else a notebook is read."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import nbformat
import pytest

from stressbook import notebook
from stressbook.reproduce.page import rename, write_page


@pytest.fixture
def figure(monkeypatch: pytest.MonkeyPatch) -> str:
    """What `picture` displays for a picture with a caption."""
    said: list[str] = []
    monkeypatch.setattr(notebook, "say", said.append)
    notebook.picture("Two curves.", "figure-4", caption="Score *kept* on VOC 2007.")
    notebook.picture("Two curves, ours and theirs: 3.5 and 2.", "figure-5")
    said_of_it = "![Two curves, ours and theirs: 3.5 and 2.](figure-5.svg)"
    assert said[1] == f":::{{figure-md}} fig-figure-5\n{said_of_it}\n\nTwo curves, ours and theirs.\n:::"
    return said[0]


def executed(text: str) -> nbformat.NotebookNode:
    output = nbformat.v4.new_output("display_data", data={"text/markdown": text})
    cells = [nbformat.v4.new_markdown_cell("# Curve"), nbformat.v4.new_code_cell("picture()", outputs=[output])]
    return nbformat.v4.new_notebook(cells=cells)


def test_a_caption_makes_a_figure_with_a_label(figure: str) -> None:
    """In Markdown that knows no directives the picture, its text and the caption are there all the same."""
    assert figure == ":::{figure-md} fig-figure-4\n![Two curves.](figure-4.svg)\n\nScore *kept* on VOC 2007.\n:::"


def test_the_page_by_itself_has_picture_text_and_caption(figure: str, tmp_path: Path) -> None:
    (tmp_path / "figure-4.svg").write_text("<svg/>")
    nbformat.write(executed(figure), tmp_path / "figure-4.ipynb")
    html = write_page(tmp_path / "figure-4.ipynb").read_text()
    picture = base64.b64encode(b"<svg/>").decode()
    assert f"data:image/svg+xml;base64,{picture}" in html and 'alt="Two curves."' in html
    assert re.search(r"<figcaption>\s*<p>.*Score <em>kept</em> on VOC 2007.", html)
    assert ":::" not in html and "figure-md" not in html


def test_a_second_run_has_a_label_of_its_own(figure: str) -> None:
    again = executed(figure)
    again.cells.append(nbformat.v4.new_markdown_cell("{numref}`fig-figure-4` falls."))
    rename(again, ["figure-4"], "digits")
    shown = again.cells[1].outputs[0]["data"]["text/markdown"]
    assert shown.startswith(":::{figure-md} fig-figure-4-digits\n![Two curves.](figure-4-digits.svg)")
    assert again.cells[2].source == "{numref}`fig-figure-4-digits` falls."
