"""Files: where stresslib keeps things, and how it writes them so that a kill or a full disk loses nothing.

Used by every module that touches the disk; depends on none of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pooch


def cache_dir() -> Path:
    """Folder of the user's cache: ``$STRESSLIB_CACHE``, or the platform's own place for caches.

    Raises
    ------
    NotADirectoryError
        When the variable names a file.
    """
    folder = Path(os.environ.get("STRESSLIB_CACHE") or pooch.os_cache("stresslib")).expanduser()
    if folder.is_file():
        raise NotADirectoryError(f"STRESSLIB_CACHE={folder} is a file; the variable takes a folder")
    return folder


def check_output(
    path: str | os.PathLike[str], suggestion: str = "features.safetensors", *, inputs: Iterable[str | os.PathLike[str]] = ()
) -> None:
    """Refuse a file that :func:`replacing` could not write, before the work whose result it is to hold.

    Parameters
    ----------
    path : path-like
    suggestion : str
        Name of a file in it, for the message where `path` is a folder.
    inputs : iterable of path-like, default=()
        Files that are to be read, and must not be replaced.

    Raises
    ------
    OSError
        When `path` is a folder, is not a plain file, is one of the inputs, or its folder cannot be written.
    """
    text, path = os.fspath(path), Path(path)
    try:
        if path.is_dir() or text.endswith(("/", os.sep)):
            raise IsADirectoryError(f"{text} is a folder; give a file, such as {path / suggestion}")
        if path.exists() and not path.is_file():
            raise OSError(f"{text} is not a plain file, and would be replaced; give another name")
        if path.exists() and any(Path(one).exists() and path.samefile(one) for one in inputs):
            raise OSError(f"{text} is what is read, and would be replaced; give another name")
        # The folder itself may have to be made: what counts is the nearest one that is there.
        folder = next(parent for parent in (path.parent, *path.parent.parents) if parent.exists())
        probe = _beside(folder / path.name)
        probe.touch()
        probe.unlink()
    except OSError as error:
        if error.errno is None:  # one of those above
            raise
        raise OSError(f"cannot write {text}: {error.strerror or error}. Give a file in a folder of your own") from error


def _beside(path: Path) -> Path:
    """Return a new temporary name in the folder of `path`."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary name in the folder of `path`, which becomes `path` when the block ends without an error.

    A reader sees the old file or the whole new one, never a part of it.

    Raises
    ------
    OSError
        When the file cannot be written; the message names `path` and what to do.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except Exception as error:
        if _is_disk_failure(error):
            raise OSError(
                f"cannot write {path}: {error}. Free some space or choose another folder; what was finished before is kept"
            ) from error
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _is_disk_failure(error: Exception) -> bool:
    # safetensors reports a failed write as its own exception, not as an OSError.
    return isinstance(error, OSError) or type(error).__name__ == "SafetensorError"


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` at once, in UTF-8 with Unix line ends."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as JSON with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def text_sha256(*parts: str) -> str:
    """Return the SHA-256 of some texts, each closed by a zero byte so that no two lists collide."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()
