"""Signatures: who signed or is imitated, which ones are forged, and a scan as the small picture that a network takes.

One of the readers of image sets, for folders that a user has; training and the machines of single writers take what is read
here. Nothing is fetched: signatures are given on request, and are personal data.
"""

from __future__ import annotations

import difflib
import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy import ndimage

from stresslib.datasets.folders import DEBRIS
from stresslib.files import file_sha256
from stresslib.images.decode import endings, open_image

Array = NDArray[Any]

RESIZED = (170, 242)
"""Height and width of a normalised signature before it is cropped."""

INPUT = (150, 220)
"""Height and width of the picture that SigNet takes."""

LEAST_CONTRAST = 20
"""Levels of 255 by which ink is darker than paper, on average; a page with less has no signature that could be told."""


FORM = "WRITER/genuine/* and WRITER/forged/*"
"""How signatures lie that have no layout of their own."""


class Counts(NamedTuple):
    """What a whole copy of a set has."""

    writers: int
    genuine: int
    forged: int

    def __str__(self) -> str:
        return f"{self.writers} writers, {self.genuine:,} genuine and {self.forged:,} forged signatures"


@dataclass(frozen=True)
class Layout:
    """How the files of a set are named.

    Attributes
    ----------
    about : str
    genuine, forged : str
        Regular expressions of names below the folder, with forward slashes and without the ending; their group `writer` is
        the one who signs or is imitated, their group `part`, where there is one, the part of the split.
    each : tuple of int or None
        Genuine and forged signatures of each writer in a whole copy, where all have equally many.
    writers : int or None
        In a whole copy.
    counts : Counts or None
        What a whole copy has, where writers differ.
    canvas : tuple of int or None
        Height and width that hold each signature; None: those of the largest image.
    inverted : bool
        Whether the ink is bright, and the paper black.
    overlapping : bool
        Whether it is known to name the same people twice: a writer of whom a file is the copy of another writer's is left
        out.
    """

    about: str
    genuine: str
    forged: str
    each: tuple[int, int] | None = None
    writers: int | None = None
    counts: Counts | None = None
    canvas: tuple[int, int] | None = None
    inverted: bool = False
    overlapping: bool = False

    def whole(self, writers: int) -> Counts | None:
        """Return what a whole copy has of that many writers, or of as many as it has itself; None where nobody says."""
        if self.each is None:
            return self.counts
        number = self.writers or writers
        return Counts(number, number * self.each[0], number * self.each[1])


def _bhsig260(what: str, folder: str, letter: str, writers: int) -> Layout:
    genuine, forged = (rf"{folder}(?P<writer>\d+)/{letter}-s-\d+-{kind}-\d+" for kind in "gf")
    form = f"{'{Bengali,Hindi}/' if folder else ''}WRITER/{'{B,H}' if folder else letter.upper()}-S-WRITER-{{G,F}}-N.tif"
    return Layout(f"BHSig260, {what}: {form}", genuine, forged, each=(24, 30), writers=writers)


LAYOUTS = {
    "sigcomp2011": Layout(
        "the Dutch part of SigComp 2011 as 224 x 224 pixels, white ink on black: {train,test}/{genuine,forgery}/WRITER/*",
        r"(?P<part>train|test)/genuine/(?P<writer>\d+)/[^/]+",
        r"(?P<part>train|test)/forgery/(?P<writer>\d+)/[^/]+",
        counts=Counts(64, 887, 762),
        # As high as it has to be for the 224 rows to be among the 150 that are left of 170.
        canvas=(256, 364),
        inverted=True,
    ),
    "four-small": Layout(
        "four small sets that overlap: dataset{1..4}/{genuine,forgery}/NAME, the last three digits the writer",
        r"(?P<writer_set>dataset\d)/genuine/\d{5}(?P<writer>\d{3})",
        r"(?P<writer_set>dataset\d)/forgery/\d{5}(?P<writer>\d{3})",
        counts=Counts(72, 356, 356),
        overlapping=True,
    ),
    "cedar": Layout(
        "CEDAR: full_org/original_WRITER_N.png and full_forg/forgeries_WRITER_N.png",
        r"full_org/original_(?P<writer>\d+)_\d+",
        r"full_forg/forgeries_(?P<writer>\d+)_\d+",
        each=(24, 24),
        writers=55,
        canvas=(730, 1042),
    ),
    "gpds": Layout(
        "GPDS: WRITER/c-WRITER-N.jpg and WRITER/cf-WRITER-N.jpg",
        r"(?P<writer>\d+)/c-[^/]+",
        r"(?P<writer>\d+)/cf-[^/]+",
        each=(24, 30),
        canvas=(952, 1360),
    ),
    "mcyt75": Layout(
        "MCYT-75: WRITER/WRITERvN.bmp and WRITER/WRITERfN.bmp, four digits a writer",
        r"(?P<writer>\d{4})/\d{4}v[^/]+",
        r"(?P<writer>\d{4})/\d{4}f[^/]+",
        each=(15, 15),
        writers=75,
        canvas=(600, 850),
    ),
    "bhsig260": _bhsig260("both parts", "(?P<writer_set>bengali|hindi)/", "[bh]", 260),
    "bhsig260-bengali": _bhsig260("the Bengali part", "", "b", 100),
    "bhsig260-hindi": _bhsig260("the Hindi part", "", "h", 160),
    "folders": Layout(
        f"anybody's: {FORM}",
        r"(?P<writer>[^/]+)/genuine/.+",
        r"(?P<writer>[^/]+)/forged/.+",
    ),
}
"""The layouts by their names. Names and counts are those of the readers in sigver and in copies of it."""


@dataclass(frozen=True, eq=False)
class Signatures:
    """Signatures of some writers, genuine and forged, in the order of their names.

    Attributes
    ----------
    name : str
        Of the layout.
    root : pathlib.Path
    files : tuple of str
        Names below the root, with forward slashes.
    writers : tuple of str
    writer : ndarray of shape (n,), integer
        Who signs, or is imitated: numbers of `writers`.
    forged : ndarray of shape (n,), bool
    test : ndarray of shape (n,), bool
        Whether the set itself keeps a writer for testing; False everywhere where it does not say.
    canvas : tuple of int
        Height and width that hold each signature.
    inverted : bool
        Whether the ink is bright.
    left_out : dict of str to int
        Files that were not taken, by the reason.
    """

    name: str
    root: Path
    files: tuple[str, ...]
    writers: tuple[str, ...]
    writer: NDArray[np.intp]
    forged: NDArray[np.bool_]
    test: NDArray[np.bool_]
    canvas: tuple[int, int]
    inverted: bool = False
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def counts(self) -> Counts:
        """Writers, genuine and forged signatures."""
        return Counts(len(self.writers), int((~self.forged).sum()), int(self.forged.sum()))

    def scan(self, row: int) -> NDArray[np.uint8]:
        """Return a signature as grey levels (H, W), dark ink on bright paper; a colour scan becomes grey."""
        levels = np.asarray(open_image(self.root / self.files[row]).convert("L"))
        return 255 - levels if self.inverted else levels

    def pictures(self, *, size: tuple[int, int] = INPUT, faithful: bool = False) -> NDArray[np.uint8]:
        """Return all signatures as :func:`normalize_signature` makes them.

        Parameters
        ----------
        size, faithful
            As for :func:`normalize_signature`.

        Returns
        -------
        ndarray of shape (n, 1, H, W), uint8

        Raises
        ------
        ValueError
            When a scan cannot be normalised; the message names the first, and says how many there are.
        """

        def one(row: int) -> Array | ValueError:
            try:
                return normalize_signature(self.scan(row), self.canvas, faithful, size=size)
            except ValueError as error:
                return ValueError(f"{self.root / self.files[row]}: {error}")

        with ThreadPoolExecutor() as pool:
            made = list(pool.map(one, range(len(self))))
        bad = [each for each in made if isinstance(each, ValueError)]
        if bad:
            raise ValueError(f"{len(bad)} of {len(made)} signatures cannot be normalised, the first is {bad[0]}")
        return np.stack([each for each in made if not isinstance(each, ValueError)])[:, None]


def read_signatures(folder: str | os.PathLike[str], *, layout: str | None = None, incomplete: bool = False) -> Signatures:
    """Read the names of the signatures below a folder: whose they are, and which are forged.

    Parameters
    ----------
    folder : path-like
    layout : str, optional
        A key of `LAYOUTS`. Default: the one that all images fit.
    incomplete : bool, default=False
        Whether a copy may have other counts than a whole one.

    Returns
    -------
    Signatures
        Without files that are copies of another one of the same writer and kind; `left_out` counts them.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    ValueError
        When the names fit no layout; the counts are others than those of a whole copy; a writer has forged signatures only,
        or a single genuine one; or one file stands under two writers, or as genuine and as forged.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from stresslib.datasets.signatures import read_signatures
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     names = "ann/genuine/1", "ann/genuine/2", "ann/forged/1", "bo/genuine/1", "bo/genuine/2"
    ...     for number, name in enumerate(names):
    ...         path = Path(folder, f"{name}.png")
    ...         path.parent.mkdir(parents=True, exist_ok=True)
    ...         Image.fromarray(np.full((9, 9), number, np.uint8)).save(path)
    ...     found = read_signatures(folder)
    >>> found.writers, found.writer.tolist(), found.forged.tolist()
    (('ann', 'bo'), [0, 0, 0, 1, 1], [True, False, False, False, False])
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: there is no such folder of signatures")
    files = sorted(_images(root))
    if not files:
        raise ValueError(f"{root} holds no images; put signatures as {root}/{FORM}")
    name = _find_layout(files, root) if layout is None else layout
    if name not in LAYOUTS:
        near = difflib.get_close_matches(name, LAYOUTS, n=1)
        hint = f"the nearest is {near[0]!r}" if near else f"there are {', '.join(LAYOUTS)}"
        raise ValueError(f"there is no layout {name!r}; {hint}")
    kind = LAYOUTS[name]
    named = [_named(kind, file) for file in files]
    stray = [file for file, one in zip(files, named, strict=True) if one is None]
    if stray:
        odd = f"{len(stray)} of {len(files)} images are not"
        raise ValueError(f"{root / stray[0]} is not named as in {kind.about}; {odd}")
    entries = [_Entry(file, *one) for file, one in zip(files, named, strict=True) if one is not None]
    found = Counts(len({e.writer for e in entries}), sum(not e.forged for e in entries), sum(e.forged for e in entries))
    whole = kind.whole(found.writers)
    if whole is not None and found != whole and not incomplete:
        raise ValueError(f"{root} has {found}; a whole copy of {name} has {whole}; incomplete=True takes what there is")
    left_out: Counter[str] = Counter()
    entries = _without_copies(entries, root, kind.overlapping, left_out)
    entries = _with_references(entries, root, kind.overlapping, left_out)
    writers = tuple(sorted({entry.writer for entry in entries}))
    numbers = {writer: number for number, writer in enumerate(writers)}
    return Signatures(
        name,
        root,
        tuple(entry.file for entry in entries),
        writers,
        np.array([numbers[entry.writer] for entry in entries]),
        np.array([entry.forged for entry in entries]),
        np.array([entry.test for entry in entries]),
        kind.canvas or _largest(root / entry.file for entry in entries),
        kind.inverted,
        dict(left_out),
    )


class _Entry(NamedTuple):
    file: str
    writer: str
    forged: bool
    test: bool


def _images(root: Path) -> Iterator[str]:
    for path in root.rglob("*"):
        name = path.relative_to(root)
        hidden = any(part.startswith(".") or part.casefold() in DEBRIS for part in name.parts)
        if not hidden and path.suffix.lower() in endings() and path.is_file():
            yield name.as_posix()


def _find_layout(files: list[str], root: Path) -> str:
    fits = {name: sum(_named(kind, file) is not None for file in files) for name, kind in LAYOUTS.items()}
    best = max(fits, key=fits.__getitem__)
    if not fits[best]:
        raise ValueError(
            f"{root / files[0]} is named as in none of the layouts {', '.join(LAYOUTS)}; put signatures as {root}/{FORM}"
        )
    return best


def _named(kind: Layout, file: str) -> tuple[str, bool, bool] | None:
    """Return writer, whether it is forged, and whether it is kept for testing; None where the name does not fit."""
    stem = file.rpartition(".")[0]
    for pattern, forged in ((kind.genuine, False), (kind.forged, True)):
        match = re.fullmatch(pattern, stem, re.IGNORECASE)
        if match:
            parts = match.groupdict()
            writer = "/".join(parts[key] for key in ("writer_set", "writer") if key in parts)
            return writer, forged, parts.get("part", "").casefold() == "test"
    return None


def _without_copies(entries: list[_Entry], root: Path, overlapping: bool, left_out: Counter[str]) -> list[_Entry]:
    """Return the entries without files that are copies of earlier ones."""
    with ThreadPoolExecutor() as pool:
        hashes = list(pool.map(lambda entry: file_sha256(root / entry.file), entries))
    first: dict[str, _Entry] = {}
    kept, twice = [], set()
    for entry, digest in zip(entries, hashes, strict=True):
        other = first.setdefault(digest, entry)
        if other is entry:
            kept.append(entry)
        elif (other.writer, other.forged) == (entry.writer, entry.forged):
            left_out["copies"] += 1
        elif overlapping and other.forged == entry.forged:
            # The sets come in the order of their names, so that the later one of two names of a person goes.
            twice.add(max(other.writer, entry.writer))
        else:
            raise ValueError(
                f"{root / other.file} and {root / entry.file} are one file, as {_said(other)} and as {_said(entry)}; "
                "take one of them out"
            )
    gone = sum(entry.writer in twice for entry in entries)
    if gone:
        left_out["of writers who are there by another name"] = gone
    return [entry for entry in kept if entry.writer not in twice]


def _said(entry: _Entry) -> str:
    return f"{'a forgery' if entry.forged else 'genuine'} of {entry.writer}"


def _with_references(entries: list[_Entry], root: Path, overlapping: bool, left_out: Counter[str]) -> list[_Entry]:
    """Return the entries of writers who have references; others are an error, or left out of sets that overlap."""
    genuine = Counter(entry.writer for entry in entries if not entry.forged)
    bare = sorted({entry.writer for entry in entries if genuine[entry.writer] < 2})
    if bare and not overlapping:
        writer = bare[0]
        has = "one genuine signature" if genuine[writer] else "forged signatures and no genuine one"
        raise ValueError(
            f"{root}: writer {writer} has {has}; at least two are needed, a reference and one to test. Take the writer out"
        )
    if bare:
        left_out["of writers with fewer than two genuine signatures"] = sum(entry.writer in bare for entry in entries)
    return [entry for entry in entries if entry.writer not in bare]


def _largest(paths: Iterator[Path]) -> tuple[int, int]:
    sizes = []
    for path in paths:
        with Image.open(path) as image:  # its header alone is read
            sizes.append(image.size)
    return max(height for _, height in sizes), max(width for width, _ in sizes)


def normalize_signature(
    image: ArrayLike,
    canvas: tuple[int, int] = (952, 1360),
    faithful: bool = False,
    *,
    size: tuple[int, int] = INPUT,
) -> NDArray[np.uint8]:
    """Centre a signature on a canvas, remove the paper, invert, and resize without stretching.

    Parameters
    ----------
    image : array-like of shape (H, W), uint8
        Grey levels, dark ink on bright paper.
    canvas : tuple of int, default=(952, 1360)
        Height and width that hold every signature of a set, so that their sizes stay comparable. The default is that of
        GPDS; CEDAR's is (730, 1042), MCYT's (600, 850), that of PUC-PR (700, 1000).
    faithful : bool, default=False
        Whether to do as the authors' code does, flaws included: see the notes.
    size : tuple of int, default=(150, 220)
        Height and width to return, the middle of 170 x 242 pixels; (170, 242) is all of them, from which training crops.

    Returns
    -------
    ndarray of shape `size`, uint8
        Ink is bright, paper 0.

    Raises
    ------
    ValueError
        When it is not one grey image of 8 bits; when there is no ink on it, or more ink than paper, as in an inverted scan;
        when the signature is larger than the canvas.

    Notes
    -----
    Ink is found in the image after a Gaussian blur of 2 pixels, so that specks of dust do not count. The authors take
    Otsu's threshold of the image as it is, which thin strokes no longer reach after the blur; here it is that of the blurred
    one. Their box lacks the last row and column of what was found, their centre and their levels are truncated, and what is
    larger than the canvas is cut. Here the box is whole, both are rounded, and what is too large is refused.

    References
    ----------
    Hafemann, Sabourin and Oliveira, Pattern Recognition 70, 2017; `preprocess_signature` of github.com/luizgh/sigver.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.datasets.signatures import normalize_signature
    >>> page = np.full((300, 500), 255, np.uint8)
    >>> page[140:150, 100:400] = 30
    >>> picture = normalize_signature(page, canvas=(400, 600))
    >>> picture.shape, int(picture.max()), int(picture[0, 0])
    ((150, 220), 225, 0)
    """
    if not all(0 < given <= most for given, most in zip(size, RESIZED, strict=True)):
        raise ValueError(f"size={size}: it is at most {RESIZED}, height and width")
    resized = _resize(255 - centre_on_canvas(image, canvas, faithful), RESIZED, faithful)
    top, left = ((whole - kept) // 2 for whole, kept in zip(RESIZED, size, strict=True))
    return resized[top : top + size[0], left : left + size[1]]


def centre_on_canvas(image: ArrayLike, canvas: tuple[int, int], faithful: bool = False) -> NDArray[np.uint8]:
    """Return a signature on a white canvas, its centre of mass in the middle where there is room.

    Parameters
    ----------
    image, canvas, faithful
        As for :func:`normalize_signature`.

    Returns
    -------
    ndarray of the shape of the canvas, uint8
    """
    page = np.asarray(image)
    _check_page(page, canvas)
    threshold = _otsu(*np.unique(page, return_counts=True))
    if not faithful:
        _check_ink(page, threshold)
    blurred = ndimage.gaussian_filter(page.astype(np.float64), 2, mode="nearest")
    found = np.argwhere(blurred <= (threshold if faithful else _otsu_of_levels(blurred)))
    if not len(found):
        raise ValueError(
            f"after the blur nothing is as dark as the threshold, {threshold:g}: strokes are too thin, or of one level, for "
            "faithful=True"
        )
    start, stop = found.min(axis=0), found.max(axis=0) + (not faithful)
    box = page[start[0] : stop[0], start[1] : stop[1]]
    if not box.size:
        raise ValueError("the ink is a line of one pixel, of which faithful=True leaves nothing")
    mean = found.mean(axis=0) - start
    centre = mean.astype(int) if faithful else np.rint(mean).astype(int)
    if not faithful and (box.shape[0] > canvas[0] or box.shape[1] > canvas[1]):
        raise ValueError(
            f"the signature has {box.shape[0]} x {box.shape[1]} pixels, more than the canvas of {canvas[0]} x {canvas[1]}; "
            "give one that holds every signature of the set"
        )
    whole = np.full(canvas, 255, dtype=np.uint8)
    places = []
    for axis, most in enumerate(canvas):
        over = max(box.shape[axis] - most, 0)
        box = np.take(box, range(over // 2, box.shape[axis] - over + over // 2), axis=axis)
        first = min(max(most // 2 - centre[axis], 0), most - box.shape[axis])
        places.append(slice(first, first + box.shape[axis]))
    whole[tuple(places)] = box
    whole[whole > threshold] = 255
    return whole


def _check_page(page: Array, canvas: tuple[int, int]) -> None:
    if page.ndim == 3:
        raise ValueError(f"the scan is in colour, of shape {page.shape}; make it grey, as PIL's convert('L') does")
    if page.ndim != 2 or page.dtype != np.uint8 or not page.size:
        raise ValueError(f"the scan is {page.dtype} of shape {page.shape}; grey levels (H, W) of 8 bits are needed")
    if min(canvas) < 1:
        raise ValueError(f"canvas={canvas}: height and width are at least 1")
    if page.min() == page.max():
        raise ValueError(f"the page is empty: each pixel of it is {page.min()}")


def _check_ink(page: Array, threshold: float) -> None:
    dark = page <= threshold
    contrast = page[~dark].mean() - page[dark].mean()
    if contrast < LEAST_CONTRAST:
        raise ValueError(
            f"there is no signature to be seen: what is dark is {contrast:.0f} levels darker than the paper, and at least "
            f"{LEAST_CONTRAST} are needed"
        )
    if dark.mean() > 0.5:
        raise ValueError(f"{dark.mean():.0%} of the scan is dark, as if it were inverted; give 255 - image")


def _otsu_of_levels(levels: Array) -> float:
    counts, edges = np.histogram(levels, 256)
    return _otsu((edges[:-1] + edges[1:]) / 2, counts)


def _otsu(levels: Array, counts: Array) -> float:
    """Return the level that splits a histogram into two classes of the greatest variance between them.

    Counts are float32, as in scikit-image, and levels that do not occur may be absent: of equals the first is taken.
    """
    levels, weights = levels.astype(np.float64), counts.astype(np.float32)
    below, above = weights.cumsum(), weights[::-1].cumsum()[::-1]
    moments = weights * levels
    means_below, means_above = moments.cumsum() / below, (moments[::-1].cumsum() / above[::-1])[::-1]
    between = below[:-1] * above[1:] * (means_below[:-1] - means_above[1:]) ** 2
    return float(levels[between.argmax()])


def _resize(image: NDArray[np.uint8], size: tuple[int, int], faithful: bool) -> NDArray[np.uint8]:
    """Return an image in a size, of its own proportions; what is then too much is cut off on both sides."""
    ratios = [have / want for have, want in zip(image.shape, size, strict=True)]
    shape = tuple(round(have / min(ratios)) for have in image.shape)
    factors = np.divide(image.shape, shape)
    # As scikit-image's resize(anti_aliasing=True, mode="constant"), which does these two steps.
    smooth = ndimage.gaussian_filter(image.astype(np.float64), np.maximum(0, (factors - 1) / 2), mode="grid-constant")
    levels = ndimage.zoom(smooth, 1 / factors, order=1, mode="grid-constant", grid_mode=True)
    levels = np.clip(levels, image.min(), image.max())
    whole = (levels if faithful else np.rint(levels)).astype(np.uint8)
    top, left = (round((have - want) / 2) for have, want in zip(shape, size, strict=True))
    return whole[top : top + size[0], left : left + size[1]]
