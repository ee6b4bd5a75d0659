"""Crops: photographs that come inside scikit-image, or the reader's own, cut into squares, and their vectors.

A search among crops has a right answer: the crops of the same photograph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from sklearn.preprocessing import normalize

from stressbook.chapters.stress.seeing.panels import Vectors

PHOTOGRAPHS = (
    "chelsea.png",
    "coffee.png",
    "astronaut.png",
    "motorcycle_left.png",
    "rocket.jpg",
    "hubble_deep_field.jpg",
    "retina.jpg",
    "ihc.png",
)
"""The colour photographs that come inside scikit-image."""

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""What the name of a photograph in a reader's own folder ends in."""

CROPS = ((0.4, 3), (0.25, 3))
"""Side of a crop as a share of the photograph's shorter side, and how many stand in a row and in a column."""


def files(folder: str = "", names: Iterable[str] = ()) -> list[Path]:
    """Return the files of photographs.

    Parameters
    ----------
    folder : str, default=""
        Empty: the photographs that come inside scikit-image.
    names : iterable of str, default=()
        File names in the folder. Empty: all photographs of the folder, or :data:`PHOTOGRAPHS`.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    FileNotFoundError
        When the folder or a file is not there.
    ValueError
        On fewer than two photographs.
    """
    names = list(names)
    if folder:
        place = Path(folder)
        if not place.is_dir():
            raise FileNotFoundError(f"{folder}: there is no such folder; give its whole path, such as /home/me/photographs")
        names = names or sorted(path.name for path in place.iterdir() if path.suffix.lower() in ENDINGS)
    else:
        import skimage

        place, names = Path(skimage.__file__).parent / "data", names or list(PHOTOGRAPHS)
    paths = [place / name for name in names]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: there is no such photograph")
    if len(paths) < 2:
        raise ValueError(f"{place}: {len(paths)} photograph(s); 2 or more that end in {', '.join(ENDINGS)} are needed")
    return paths


def open_photograph(path: Path) -> Image.Image:
    """Decode a photograph; a large one is made smaller, its shorter side to 800 pixels: crops are no larger than needed."""
    from stresslib.images.decode import open_image

    image = open_image(path)
    shrink = min(image.size) / 800
    if shrink <= 1:
        return image
    return image.resize((round(image.width / shrink), round(image.height / shrink)), Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class Crop:
    """A square of a photograph.

    Attributes
    ----------
    photograph : int
        Which one.
    box : tuple of int
        Left, upper, right and lower edge, in pixels of :func:`open_photograph`.
    image : PIL.Image.Image
        RGB.
    mirrored : bool
        Whether the image is.
    """

    photograph: int
    box: tuple[int, int, int, int]
    image: Image.Image
    mirrored: bool = False


def cut(paths: Sequence[Path]) -> list[Crop]:
    """Cut photographs into overlapping squares of two sizes, every second one mirrored.

    Parameters
    ----------
    paths : sequence of pathlib.Path

    Returns
    -------
    list of Crop
        As many of each photograph.
    """
    found = []
    for number, path in enumerate(paths):
        image = open_photograph(path)
        for place, box in enumerate(boxes(*image.size)):
            square = image.crop(box)
            mirrored = place % 2 == 1
            found.append(Crop(number, box, ImageOps.mirror(square) if mirrored else square, mirrored))
    return found


def boxes(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Return where crops lie in a photograph: left, upper, right and lower edge.

    Examples
    --------
    >>> from stressbook.chapters.stress.seeing.crops import boxes
    >>> found = boxes(400, 200)
    >>> len(found), found[:4]
    (18, [(0, 0, 80, 80), (160, 0, 240, 80), (320, 0, 400, 80), (0, 60, 80, 140)])
    """
    found = []
    for share, count in CROPS:
        side = max(1, round(share * min(width, height)))
        columns, rows = (np.linspace(0, length - side, count).round().astype(int).tolist() for length in (width, height))
        found += [(left, upper, left + side, upper + side) for upper in rows for left in columns]
    return found


def unit_vectors(extractor: Any, images: Iterable[Image.Image]) -> Vectors:
    """Return the vectors of images, of unit norm.

    Parameters
    ----------
    extractor : stresslib.Extractor
        Or another function from files to vectors.
    images : iterable of PIL.Image.Image

    Returns
    -------
    ndarray of shape (n, d), float32
    """
    with TemporaryDirectory() as folder:
        paths = []
        for number, image in enumerate(images):
            paths.append(Path(folder) / f"{number:06d}.png")
            image.save(paths[-1], compress_level=1)  # without loss, and fast
        unit: Vectors = normalize(extractor(paths))
    return unit
