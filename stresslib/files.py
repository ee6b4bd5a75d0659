"""Files: where stresslib keeps things, and how it writes them so that a kill or a full disk loses nothing.

Used by every module that touches the disk; depends on none of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pooch


def cache_dir() -> Path:
    """Folder of the user's cache: ``$STRESSLIB_CACHE``, or the platform's own place for caches."""
    return Path(os.environ.get("STRESSLIB_CACHE") or pooch.os_cache("stresslib"))


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
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
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
