"""Downloads: fetches official files into the user's cache, resumes where a connection broke, and checks hashes.

The start of the data flow: what is fetched here is unpacked by archives, and read by the reader of a data set.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
from tqdm import tqdm

from stresslib.files import cache_dir, file_sha256, write_json


@dataclass(frozen=True)
class Download:
    """A file at its official address.

    Attributes
    ----------
    url : str
    known_hash : str or None
        ``ALGORITHM:HEX``, as in pooch; None where nobody publishes it.
    published_by : str
        Who publishes the hash.
    size : int or None
        In bytes, as a server or a published log gave it.
    """

    url: str
    known_hash: str | None = None
    published_by: str = ""
    size: int | None = None

    @property
    def name(self) -> str:
        """File name in the cache."""
        return self.url.rpartition("/")[2]

    @property
    def path(self) -> Path:
        """Place in the cache, whether the file is there or not."""
        return cache_dir() / "archives" / self.name

    @property
    def checksum(self) -> str:
        """What is known of the file's hash, in words, for the provenance."""
        if self.known_hash is None:
            return f"{self.name}: unverified, its first SHA-256 is kept in {self.name}.json"
        return f"{self.name}: {self.known_hash.partition(':')[0]} as {self.published_by} has it"


def fetch(url: str, known_hash: str | None, name: str) -> Path:
    """Download a file into the user's cache, unless it is there already.

    Where no hash is known, the hash of the first download is written beside the file, and later ones are compared with it.

    Parameters
    ----------
    url : str
    known_hash : str or None
        ``ALGORITHM:HEX``, as in pooch.
    name : str
        File name in the cache.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    OSError
        When the file cannot be fetched, or its hash is neither the published one nor that of the first download; the message
        says how to give a local file.
    """
    import requests  # takes a while to load, and only a download needs it

    folder = cache_dir() / "archives"
    part = folder / f"{name}.part"

    def download(url: str, output_file: str, pooch_instance: Any) -> None:
        # pooch uses a new temporary name each time and deletes it on failure, so that an incomplete file is kept in `part`.
        _download_rest(url, part)
        shutil.move(part, output_file)

    try:
        path = Path(pooch.retrieve(url, known_hash, fname=name, path=folder, downloader=download))
    except (requests.RequestException, ValueError, OSError) as error:
        raise OSError(
            f"cannot fetch {url}: {error}. Try again to go on from what was fetched, or download it elsewhere and give it "
            "with --archive FILE"
        ) from error
    if known_hash is None:
        _compare_with_first(path, url)
    return path


def _compare_with_first(path: Path, url: str) -> None:
    """Compare a file's SHA-256 with the one it had when it was first fetched, or record it if this is the first time."""
    record = path.with_name(f"{path.name}.json")
    sha256 = file_sha256(path)
    if not record.exists():
        write_json(record, {"url": url, "sha256": sha256, "verified": False})
        tqdm.write(f"{path.name}: nobody publishes its hash; unverified, SHA-256 {sha256} is noted in {record}")
        return
    first = json.loads(record.read_text(encoding="utf-8"))["sha256"]
    if sha256 != first:
        raise OSError(
            f"{path} has SHA-256 {sha256}, and {first} when it was first fetched; remove it to fetch it anew, or "
            f"{record} to accept it"
        )


def need_space(folder: Path, size: int) -> None:
    """Raise an OSError unless the disk of an existing folder has room for `size` bytes.

    Raises
    ------
    OSError
        It has both numbers.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OSError(
            f"{size / 1e9:.3g} GB are needed, and {free / 1e9:.3g} GB are free in {folder}; free some space, or name "
            "another folder in STRESSLIB_CACHE"
        )


def _download_rest(url: str, part: Path) -> None:
    """Append to `part` what is missing of the file at `url`."""
    import requests

    done = part.stat().st_size if part.exists() else 0
    # Without compression in transit, so that sizes and offsets are those of the file.
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
        rest = int(response.headers.get("content-length", 0))
        need_space(part.parent, rest)
        total = done + rest
        with (
            open(part, "ab" if done else "wb") as stream,
            tqdm(total=total or None, initial=done, unit="B", unit_scale=True, desc=part.stem) as bar,
        ):
            # A broken connection costs at most one chunk.
            for chunk in response.iter_content(1 << 16):
                stream.write(chunk)
                bar.update(len(chunk))
    if part.stat().st_size < total:
        raise OSError(f"the connection ended after {part.stat().st_size} of {total} bytes")
