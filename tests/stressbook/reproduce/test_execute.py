"""A template gives the same page in a kernel of its own and in this process; an error says which and keeps what was done."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from places import ROOT

from stressbook.reproduce.execute import CellError, in_kernel, in_process

Run = Callable[[Path, Path, dict[str, Any], Path], None]
WAYS = pytest.mark.parametrize("run", [in_kernel, in_process])


def template(folder: Path, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in ("number = 1", *sources)]
    cells[0].metadata["tags"] = ["parameters"]
    path = folder / "template.ipynb"
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


def shown(path: Path) -> list[list[tuple[str, Any]]]:
    """What a reader sees of each cell: without the plain text that stands in for a table."""
    return [
        [
            (one.output_type, one.get("text") or {kind: one.data[kind] for kind in one.data if kind != "text/plain"})
            for one in cell.get("outputs", [])
        ]
        for cell in nbformat.read(path, 4).cells
    ]


def test_both_ways_show_the_same(tmp_path: Path) -> None:
    sources = [
        "from IPython.display import Markdown, display\nimport os\nprint(os.getcwd())\ndisplay(Markdown(f'**{number}**'))",
        "import pandas as pd\npd.DataFrame({'a': [number]})",
        "get_ipython() is not None",
    ]
    for run in (in_kernel, in_process):
        run(template(tmp_path, *sources), tmp_path / f"{run.__name__}.ipynb", {"number": 7}, tmp_path)
    kernel, process = (shown(tmp_path / f"{run.__name__}.ipynb") for run in (in_kernel, in_process))
    assert kernel == process
    assert kernel[2][0] == ("stream", f"{tmp_path}\n") and kernel[2][1] == ("display_data", {"text/markdown": "**7**"})
    assert "<td>7</td>" in kernel[3][0][1]["text/html"]


@WAYS
def test_an_error_names_itself_and_keeps_what_was_done(run: Run, tmp_path: Path) -> None:
    made = tmp_path / "made.ipynb"
    broken = template(tmp_path, "print('before')", "raise ValueError('no such thing') if number == 2 else KeyError()")
    with pytest.raises(CellError, match="no such thing") as caught:
        run(broken, made, {"number": 2}, tmp_path)
    assert caught.value.name == "ValueError"
    assert "before" in made.read_text()


def test_this_process_is_left_as_it_was(tmp_path: Path) -> None:
    def state() -> tuple[Any, ...]:
        return Path.cwd(), sys.excepthook, sys.displayhook, sys.stdout, sys.modules["__main__"]

    before = state()
    in_process(template(tmp_path, "x = 1\nx"), tmp_path / "made.ipynb", {}, tmp_path)
    assert state() == before


def test_a_figure_is_the_same_in_both_ways(tmp_path: Path) -> None:
    for run in (in_kernel, in_process):
        folder = tmp_path / run.__name__
        folder.mkdir()
        values = {"results": str(ROOT / "results" / "order.csv")}
        run(ROOT / "notebooks" / "order.ipynb", folder / "order.ipynb", values, folder)
    for name in ("order.svg", "order.png", "order.csv"):
        assert (tmp_path / "in_kernel" / name).read_bytes() == (tmp_path / "in_process" / name).read_bytes()
    kernel, process = (shown(tmp_path / run.__name__ / "order.ipynb")[-3:] for run in (in_kernel, in_process))
    assert kernel == process
