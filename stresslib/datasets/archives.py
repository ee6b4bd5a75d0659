"""Archives: unpacks tar and zip files into the user's cache, completely or not at all, and refuses harmful ones.

Between a download, or a local file, and the reader of a data set.
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
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from tqdm import tqdm

from stresslib.datasets.downloads import need_space
from stresslib.files import cache_dir, file_sha256, text_sha256

try:
    import fcntl
except ImportError:  # not on Windows: leftovers of a killed process stay there
    fcntl = None  # type: ignore[assignment]

LARGEST = 40 * 10**9
"""The most bytes that an archive may unpack to; the largest of the paper's data sets has 5 GB."""

LARGEST_RATIO = 200
"""The most that an archive may grow by unpacking, as a multiple of its own size; photographs hardly shrink."""

SLOW = 10**8
"""Bytes from which on a progress bar is shown."""


def unpack(*archives: str | os.PathLike[str]) -> tuple[Path, tuple[str, ...]]:
    """Unpack tar or zip archives into one folder of the user's cache, unless that was done before.

    An archive is refused if it has members with absolute names, names or links that lead out of the folder, or devices, or
    if it would unpack to more than `LARGEST` or `LARGEST_RATIO` allow.

    Parameters
    ----------
    *archives : path-like

    Returns
    -------
    folder : pathlib.Path
    sha256 : tuple of str
        Of each archive. The folder's name contains it, so that files of two archives never mix.

    Raises
    ------
    FileNotFoundError
        When there is no such archive.
    ValueError
        When one is damaged, of another kind, too large, or has such a member.
    OSError
        When the disk has too little space left.
    """
    paths = [Path(archive) for archive in archives]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: there is no such archive")
    sha256 = tuple(map(file_sha256, paths))
    digest = sha256[0] if len(paths) == 1 else text_sha256(*sorted(sha256))
    folder = cache_dir() / "datasets" / f"{min(path.name for path in paths).split('.')[0]}-{digest[:16]}"
    if folder.is_dir():
        return folder, sha256
    with filling(folder) as inside:
        for path in paths:
            try:
                _extract(path, inside)
            except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, RuntimeError) as error:
                raise ValueError(f"{path} is damaged or unsafe: {error}") from error
            except OSError as error:
                raise OSError(f"cannot unpack {path} into {folder.parent}: {error}") from error
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
    _sweep(folder.parent)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as temporary, _claimed(Path(temporary)):
        inside = Path(temporary) / "files"
        inside.mkdir()
        yield inside
        try:
            inside.rename(folder)
        except OSError:
            # Another process may have done the same first.
            if not folder.is_dir():
                raise


@contextlib.contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Hold a locked file in a folder; the system releases the lock when the process ends, however it ends."""
    with open(folder / "lock.new", "w") as stream:
        with contextlib.suppress(OSError, AttributeError):  # neither every disk nor every system has such locks
            fcntl.flock(stream, fcntl.LOCK_EX)
            # Renamed once it is locked, so that no other process ever sees it unlocked while this one lives.
            (folder / "lock.new").rename(folder / "lock")
        yield


def _sweep(folder: Path) -> None:
    """Remove the half-unpacked folders of processes that were killed."""
    for left in folder.glob(".unpacking-*"):
        # An OSError means that another process holds the lock or has removed the folder, or that another user owns it.
        with contextlib.suppress(OSError, AttributeError), open(left / "lock", "r+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)


def _extract(archive: Path, folder: Path) -> None:
    limit = min(LARGEST, LARGEST_RATIO * archive.stat().st_size)
    if tarfile.is_tarfile(archive):
        _extract_tar(archive, folder, limit)
    elif zipfile.is_zipfile(archive):
        limit -= _extract_zip(archive, folder, limit)
        # Caltech-101's zip holds its images in a tar inside, and macOS's shadow ._NAME of that.
        for inner in sorted(folder.rglob("[!.]*.tar.gz")):
            limit -= _extract_tar(inner, inner.parent, limit)
    else:
        raise ValueError(f"{archive} is neither a tar nor a zip archive")


def _extract_zip(archive: Path, folder: Path, limit: int) -> int:
    with zipfile.ZipFile(archive) as bundle:
        members = bundle.infolist()
        size = _total((member.file_size for member in members), archive, limit)
        for member in members:
            if not (folder / member.filename).resolve().is_relative_to(folder.resolve()):
                raise zipfile.BadZipFile(f"member {member.filename!r} would be written outside of the folder")
        need_space(folder, size)
        with _bar(archive, size) as bar:
            for member in members:
                bundle.extract(member, folder)
                bar.update(member.file_size)
    return size


def _extract_tar(archive: Path, folder: Path, limit: int) -> int:
    with tarfile.open(archive) as tar:
        # First the names and sizes of all members, to the last byte: of a truncated archive nothing is written.
        size = _total((member.size for member in tar), archive, limit)
        _read_end(tar, archive, limit)
        need_space(folder, size)
        with _bar(archive, size) as bar:
            tar.extractall(folder, _counted(tar, bar), filter=_safe)
    return size


def _total(sizes: Iterable[int], archive: Path, limit: int) -> int:
    total = 0
    for size in sizes:
        total += size
        # Member by member: listing a decompression bomb to its end would take long.
        _check_size(total, archive, limit)
    return total


def _check_size(size: int, archive: Path, limit: int) -> None:
    if size > limit:
        raise ValueError(
            f"{archive} would unpack to {size / 1e9:.3g} GB or more, and {limit / 1e9:.3g} GB are allowed, {LARGEST_RATIO} "
            "times its size at most; if you trust it, unpack it yourself and give the folder"
        )


def _read_end(tar: tarfile.TarFile, archive: Path, limit: int) -> None:
    # tarfile takes the end of a truncated file for the end of the archive, and never reads the checksum of gzip after it.
    stream: Any = tar.fileobj
    stream.seek(tar.offset)
    block = stream.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or any(block):
        raise tarfile.ReadError("unexpected end of data")
    read = 0
    while chunk := stream.read(1 << 20):
        read += len(chunk)
        _check_size(read, archive, max(limit, 1 << 20))


def _counted(members: Iterable[tarfile.TarInfo], bar: Any) -> Iterator[tarfile.TarInfo]:
    for member in members:
        yield member
        bar.update(member.size)


def _bar(archive: Path, size: int) -> Any:
    return tqdm(total=size, unit="B", unit_scale=True, desc=f"unpack {archive.name}", disable=size < SLOW)


def _safe(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    # The data filter alone would turn absolute names into relative ones.
    if PurePosixPath(member.name).is_absolute():
        raise tarfile.AbsolutePathError(member)
    return tarfile.data_filter(member, folder)
