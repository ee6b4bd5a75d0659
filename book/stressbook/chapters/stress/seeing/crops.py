"""Crops: photographs that come with scikit-image, or the reader's own, cut into squares, and the vectors of these.

The input of `measure`: a search among crops has a right answer, the crops of the same photograph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from sklearn.preprocessing import normalize

from stresslib.images import open_image

Vectors = NDArray[np.floating[Any]]

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
"""The colour photographs that come with scikit-image."""

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Endings by which photographs are recognised in a reader's own folder."""

CROPS = ((0.4, 3), (0.25, 3))
"""Side of a crop as a share of the photograph's shorter side, and the number of crops in each row and column."""

LARGEST = 800
"""Pixels of the shorter side of a photograph, at most: crops need no more."""


def sample_folder() -> Path:
    """Return the folder of the photographs that come with scikit-image."""
    import skimage

    return Path(skimage.__file__).parent / "data"


def collection(folder: str = "") -> str:
    """Return the name of a folder of photographs in a results table.

    Examples
    --------
    >>> from stressbook.chapters.stress.seeing.crops import collection
    >>> collection(""), collection("/home/me/photographs")
    ('scikit-image', 'photographs')
    """
    return Path(folder).name or "scikit-image"


def photograph_paths(folder: str = "", names: Iterable[str] = ()) -> list[Path]:
    """Return the paths of photographs.

    Parameters
    ----------
    folder : str, default=""
        Empty: that of the photographs that come with scikit-image.
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
        When there are fewer than two photographs.
    """
    names = list(names)
    if folder:
        place = Path(folder)
        if not place.is_dir():
            raise FileNotFoundError(f"{folder}: there is no such folder; give its whole path, such as /home/me/photographs")
        names = names or sorted(path.name for path in place.iterdir() if path.suffix.lower() in ENDINGS)
    else:
        place, names = sample_folder(), names or list(PHOTOGRAPHS)
    paths = [place / name for name in names]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: there is no such photograph")
    if len(paths) < 2:
        raise ValueError(f"{place}: {len(paths)} photograph(s); 2 or more that end in {', '.join(ENDINGS)} are needed")
    return paths


def open_photograph(path: Path) -> Image.Image:
    """Decode a photograph as RGB, upright; one larger than :data:`LARGEST` is made smaller."""
    image = open_image(path)
    shrink = min(image.size) / LARGEST
    if shrink <= 1:
        return image
    return image.resize((round(image.width / shrink), round(image.height / shrink)), Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class Crop:
    """A square of a photograph.

    Attributes
    ----------
    photograph : int
        Number of the photograph.
    box : tuple of int
        Left, upper, right and lower edge, in pixels of :func:`open_photograph`.
    image : PIL.Image.Image
        RGB.
    mirrored : bool
        Whether `image` is mirrored.
    """

    photograph: int
    box: tuple[int, int, int, int]
    image: Image.Image
    mirrored: bool = False


def cut_crops(paths: Sequence[Path]) -> list[Crop]:
    """Cut photographs into overlapping squares of two sizes, every second one mirrored.

    Parameters
    ----------
    paths : sequence of pathlib.Path

    Returns
    -------
    list of Crop
        The same number of each photograph.
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
    """Return the boxes of the crops in a photograph of a size: left, upper, right and lower edge of each.

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
        Or any other function from paths to vectors.
    images : iterable of PIL.Image.Image

    Returns
    -------
    ndarray of shape (n, d), float32
    """
    with TemporaryDirectory() as folder:
        paths = []
        for number, image in enumerate(images):
            paths.append(Path(folder) / f"{number:06d}.png")
            image.save(paths[-1], compress_level=1)  # lossless, and fast
        unit: Vectors = normalize(extractor(paths))
    return unit
