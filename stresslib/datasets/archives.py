"""Archives: fetched with a check of their hash, resumed where a connection broke, and unpacked without harm.

Used by the named data sets.
"""

from __future__ import annotations

import contextlib
import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pooch
import requests
from tqdm import tqdm

from stresslib.files import cache_dir, file_sha256


def fetch(url: str, known_hash: str, name: str) -> Path:
    """Download an archive into the user's cache, unless it is there already.

    Parameters
    ----------
    url : str
    known_hash : str
        ``ALGORITHM:HEX``, as in pooch.
    name : str
        File name in the cache.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    OSError
        When the file cannot be fetched, or is not the one that was published; the message says how to give a local one.
    """
    folder = cache_dir() / "archives"
    part = folder / f"{name}.part"

    def download(url: str, output_file: str, pooch_instance: Any) -> None:
        # pooch hands out a new temporary name each time and deletes it on failure: what came so far lives in `part`.
        _download_rest(url, part)
        shutil.move(part, output_file)

    try:
        return Path(pooch.retrieve(url, known_hash, fname=name, path=folder, downloader=download))
    except (requests.RequestException, ValueError, OSError) as error:
        raise OSError(
            f"cannot fetch {url}: {error}. Try again to go on from what was fetched, or download it elsewhere and give it "
            "with --archive FILE"
        ) from error


def _download_rest(url: str, part: Path) -> None:
    """Append to `part` what it lacks of the file at `url`."""
    done = part.stat().st_size if part.exists() else 0
    # Not compressed on the way: sizes and places are those of the file.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={done}-"} if done else {})}
    with requests.get(url, headers=headers, stream=True, timeout=30) as response:
        if done and response.status_code == requests.codes.requested_range_not_satisfiable:
            if response.headers.get("content-range") == f"bytes */{done}":
                return
            part.unlink()
            raise OSError("the part that was fetched before does not belong to this file; it was removed")
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            done = 0
        total = done + int(response.headers.get("content-length", 0))
        with (
            open(part, "ab" if done else "wb") as stream,
            tqdm(total=total or None, initial=done, unit="B", unit_scale=True, desc=part.stem) as bar,
        ):
            # What a broken connection costs: up to one chunk.
            for chunk in response.iter_content(1 << 16):
                stream.write(chunk)
                bar.update(len(chunk))
    if part.stat().st_size < total:
        raise OSError(f"the connection ended after {part.stat().st_size} of {total} bytes")


def unpack(archive: str | os.PathLike[str]) -> tuple[Path, str]:
    """Unpack a tar or zip archive into the user's cache, unless it is there already.

    Members with absolute names, names that climb out of the folder, links out of it and devices are refused.

    Parameters
    ----------
    archive : path-like

    Returns
    -------
    folder : pathlib.Path
    sha256 : str
        Of the archive; part of the folder's name, so that another archive never meets its files.

    Raises
    ------
    FileNotFoundError
        When there is no such archive.
    ValueError
        When it is damaged, of another kind, or has a member as above.
    """
    archive = Path(archive)
    if not archive.is_file():
        raise FileNotFoundError(f"{archive}: there is no such archive")
    sha256 = file_sha256(archive)
    folder = cache_dir() / "datasets" / f"{archive.name.split('.')[0]}-{sha256[:16]}"
    if folder.is_dir():
        return folder, sha256
    with filling(folder) as inside:
        try:
            _extract(archive, inside)
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, RuntimeError) as error:
            raise ValueError(f"{archive} is damaged or unsafe: {error}") from error
        except OSError as error:
            raise OSError(f"cannot unpack {archive} into {folder.parent}: {error}") from error
    return folder, sha256


@contextlib.contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder`; rename it to `folder` when the block ends without an error.

    Parameters
    ----------
    folder : pathlib.Path

    Yields
    ------
    pathlib.Path
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as temporary:
        inside = Path(temporary) / "files"
        inside.mkdir()
        yield inside
        try:
            inside.rename(folder)
        except OSError:
            # Another process may have been first.
            if not folder.is_dir():
                raise


def _extract(archive: Path, folder: Path) -> None:
    if tarfile.is_tarfile(archive):
        _extract_tar(archive, folder)
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as bundle:
            for member in bundle.namelist():
                if not (folder / member).resolve().is_relative_to(folder.resolve()):
                    raise zipfile.BadZipFile(f"member {member!r} would be written outside of the folder")
            bundle.extractall(folder)
        # Caltech-101's zip holds its images in a tar of its own, and a Mac's shadow ._NAME of it.
        for inner in folder.rglob("[!.]*.tar.gz"):
            _extract_tar(inner, inner.parent)
    else:
        raise ValueError(f"{archive} is neither a tar nor a zip archive")


def _extract_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter=_safe)
        # tarfile takes the end of a cut file for the end of the archive, and never reads gzip's checksum behind it.
        stream: Any = tar.fileobj
        stream.seek(tar.offset)
        end = stream.read()
    if len(end) < tarfile.BLOCKSIZE or any(end[: tarfile.BLOCKSIZE]):
        raise tarfile.ReadError("unexpected end of data")


def _safe(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    # The data filter would make absolute names relative.
    if PurePosixPath(member.name).is_absolute():
        raise tarfile.AbsolutePathError(member)
    return tarfile.data_filter(member, folder)
