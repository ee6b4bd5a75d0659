"""Execute: run the cells of a parameterised template, in a kernel of its own or in this process.

A kernel is another process: it costs seconds to start, and what it breaks is its own. In this process a page is drawn again
in the time that drawing takes; worker processes and tests do that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pandas as pd
import papermill
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from tqdm import tqdm
from traitlets.config import Config

from stresslib.files import write_text

WIDTH = pd.get_option("display.max_colwidth")
"""Characters of a cell of a table, as pandas has it by default."""


class CellError(ValueError):
    """A cell that raised an error; the message is the error's, and `name` the name of its class."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def in_kernel(template: Path, executed: Path, values: dict[str, Any], folder: Path, progress: str = "") -> None:
    """Run a template by papermill, in a kernel of its own, and write the executed notebook.

    Parameters
    ----------
    template, executed : pathlib.Path
    values : dict
        Parameters.
    folder : pathlib.Path
        Where the kernel runs.
    progress : str, default=""
        What a bar of the cells that are done is called; empty: there is none.

    Raises
    ------
    CellError
        When a cell raises an error; the notebook as far as it came is written.
    RuntimeError
        When no kernel starts.
    """
    # Else each kernel warns that it talks without encryption, and calls it an error that it is told to stop.
    quiet = ["--log-level=CRITICAL"]
    options: dict[str, Any] = {
        "cwd": folder,
        "progress_bar": {"desc": progress} if progress else False,
        "kernel_name": "python3",
        "log_output": False,
        "extra_arguments": quiet,
    }
    # Once more where no kernel came up: another process may have taken one of its ports meanwhile.
    for last in (False, True):
        try:
            papermill.execute_notebook(template, executed, values, **options)
            return
        except papermill.PapermillExecutionError as error:
            raise CellError(error.ename, error.evalue) from error
        except RuntimeError as error:
            if last or "before replying" not in str(error):
                raise


def in_process(template: Path, executed: Path, values: dict[str, Any], folder: Path, progress: str = "") -> None:
    """Run a template in this process, and write the executed notebook; takes and raises what :func:`in_kernel` does.

    The names of its cells are its own; the working folder, the modules and their settings are those of this process.
    """
    notebook = parameterize_notebook(load_notebook_node(str(template)), values)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    try:
        # An option for wide tables that a template sets is not to change the tables of the next one.
        with _working_in(folder), pd.option_context("display.max_colwidth", WIDTH), _shell() as shell:
            for count, cell in enumerate(tqdm(cells, progress, unit="cell", disable=not progress), start=1):
                cell.execution_count = count
                cell.outputs, error = _run(shell, cell.source)
                if error is not None:
                    raise CellError(type(error).__name__, str(error)) from error
    finally:
        write_text(executed, nbformat.writes(notebook))


def _run(shell: Any, source: str) -> tuple[list[Any], BaseException | None]:
    """Run a cell; return its outputs as a notebook has them, and the error that it raised."""
    outputs: list[Any] = []
    shown: list[dict[str, Any]] = []
    shell.displayhook.shown = shown
    shell.display_pub.outputs = shown
    with capture_output(display=False) as streams:
        result = shell.run_cell(source, store_history=False, silent=False)
    for name in ("stdout", "stderr"):
        if text := getattr(streams, name):
            outputs.append(nbformat.v4.new_output("stream", name=name, text=text))
    for one in shown:
        kind = "execute_result" if one.get("result") else "display_data"
        outputs.append(nbformat.v4.new_output(kind, data=one["data"], metadata=one.get("metadata") or {}))
    error = result.error_before_exec or result.error_in_exec
    if error is not None:
        outputs.append(nbformat.v4.new_output("error", ename=type(error).__name__, evalue=str(error), traceback=[]))
    return outputs, error


class _Results(DisplayHook):
    """Keeps the value of a cell's last line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.shown: list[dict[str, Any]] = []

    def write_output_prompt(self) -> None:
        """Print no prompt."""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        """Keep the value instead of printing it."""
        self.shown.append({"data": format_dict, "metadata": md_dict, "result": True})

    def finish_displayhook(self) -> None:
        """Print no new line."""


class _Shell(InteractiveShell):
    """A shell that keeps what its cells show, prints no error, and leaves nothing behind."""

    displayhook_class: Any = _Results
    display_pub_class = CapturingDisplayPublisher

    def showtraceback(self, *arguments: Any, **options: Any) -> None:
        """Leave the error to the caller."""

    def atexit_operations(self) -> None:
        """Leave nothing to do at the end of the process."""

    def init_virtualenv(self) -> None:
        """Take the environment as it is."""


@contextmanager
def _shell() -> Iterator[Any]:
    InteractiveShell.clear_instance()
    hook = sys.excepthook
    cells = ModuleType("cells")  # else the shell would put a module of its own in the place of __main__
    try:
        yield _Shell.instance(user_module=cells, config=Config({"HistoryManager": {"enabled": False}}))
    finally:
        _Shell.clear_instance()
        sys.modules.pop("cells", None)
        sys.excepthook = hook


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
