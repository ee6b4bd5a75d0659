"""Pasted sets: every object on some backgrounds at each size, place or angle, as files and one table of what is on them.

Behind ``stresslib paste``; made of `pasting`. Files, table and draws are those of SI-Score's generator.
"""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from stresslib.files import replacing
from stresslib.images import open_image
from stresslib.stress.on_images.pasting import paste, with_transparency

BACKGROUNDS_EACH = 2
"""Backgrounds drawn for each object."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")


@dataclass(frozen=True)
class Factor:
    """What is varied: all combinations of these, on square backgrounds of `side` pixels."""

    side: int
    places: tuple[tuple[float, float], ...] = ((0.5, 0.5),)
    areas: tuple[float, ...] = (0.2,)
    rotations: tuple[int, ...] = (0,)


_STEPS = [float(step) for step in np.arange(0, 1.05, 0.05)]

FACTORS = {
    "size": Factor(512, areas=tuple(round(step / 10, 1) for step in range(1, 9))),
    "location": Factor(500, places=tuple(itertools.product(_STEPS, _STEPS))),
    "rotation": Factor(512, areas=(0.2, 0.5, 0.8, 1.0), rotations=tuple(range(1, 361, 20))),
}
"""The authors' settings: areas 0.1 to 0.8; 21 x 21 places at area 0.2; every 20 degrees at four areas."""

COLUMNS = (
    "image_id",
    "x_coord",
    "y_coord",
    "area",
    "rotation",
    "foreground_class",
    "foreground_instance",
    "background",
    "bg_resolution_width",
    "bg_resolution_height",
    "pct_inside_image",
    "alpha_inside_image",
    "alpha_area",
)
"""Of metadata.csv. The last two are not the authors'."""


@dataclass(frozen=True)
class Sources:
    """Files that pasted images are made of.

    Attributes
    ----------
    classes : tuple of str
        Names of the folders of objects, in order.
    objects : tuple of (int, int, pathlib.Path)
        Of each object the number of its class, its number within the class, and its file.
    scenes : tuple of pathlib.Path
        The backgrounds.
    """

    classes: tuple[str, ...]
    objects: tuple[tuple[int, int, Path], ...]
    scenes: tuple[Path, ...]


def find_sources(foregrounds: str | os.PathLike[str], backgrounds: str | os.PathLike[str]) -> Sources:
    """Find the objects and the backgrounds in two folders.

    Parameters
    ----------
    foregrounds : path-like
        Folder of ``CLASS/IMAGE``, the images with transparency.
    backgrounds : path-like
        Folder of images.

    Returns
    -------
    Sources
        In the order of the names.

    Raises
    ------
    ValueError
        When a folder is not there, or has no image.
    """
    classes = [path for path in _listed(foregrounds) if path.is_dir() and _images(path)]
    if not classes:
        raise ValueError(f"{foregrounds} has no image in folders, one for each class; CLASS/IMAGE.png is needed")
    scenes = _images(Path(backgrounds))
    if not scenes:
        raise ValueError(f"{backgrounds} has no image; backgrounds are needed ({', '.join(SUFFIXES)})")
    objects = [(number, instance, path) for number, one in enumerate(classes) for instance, path in enumerate(_images(one))]
    return Sources(tuple(path.name for path in classes), tuple(objects), tuple(scenes))


def write_pasted_set(
    foregrounds: str | os.PathLike[str],
    backgrounds: str | os.PathLike[str],
    output: str | os.PathLike[str],
    factor: str,
    *,
    random_state: int = 0,
    progress: bool = True,
) -> int:
    """Paste every object on some backgrounds, at each value of a factor.

    Parameters
    ----------
    foregrounds : path-like
        Folder of ``CLASS/IMAGE``, the images with transparency.
    backgrounds : path-like
        Folder of images; of each, the largest square at the top left is taken.
    output : path-like
        Folder for ``CLASS/ID.jpg``, metadata.csv, and the names of classes and backgrounds, which it has by number.
    factor : {"size", "location", "rotation"}
        As `FACTORS` has them.
    random_state : int, default=0
        Of the backgrounds of each object, two or as many as there are.
    progress : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    int
        Images written. None is left out for lying outside in part: the table says how much is inside.

    Raises
    ------
    ValueError
        When a folder has no image, or an image is not of its kind; the message names it.
    OSError
        When a file cannot be read or written.
    """
    if factor not in FACTORS:
        raise ValueError(f"factor={factor!r}: it is one of {', '.join(FACTORS)}")
    setting, output = FACTORS[factor], Path(output)
    sources = find_sources(foregrounds, backgrounds)
    scenes = [open_scene(path, setting.side) for path in sources.scenes]
    cut_outs = {path: open_object(path) for _, _, path in sources.objects}
    random = np.random.RandomState(random_state)
    each = min(BACKGROUNDS_EACH, len(scenes))
    pairs = [(one, int(scene)) for one in sources.objects for scene in random.choice(len(scenes), each, replace=False)]
    rows = []
    combinations = list(itertools.product(setting.places, setting.areas, setting.rotations, pairs))
    for number, (place, area, rotation, ((label, instance, path), scene)) in enumerate(
        tqdm(combinations, desc=f"pasted by {factor}", unit="image", disable=not progress)
    ):
        pasted = paste(cut_outs[path], scenes[scene], area, place, rotation)
        with replacing(output / sources.classes[label] / f"{number}.jpg") as temporary:
            pasted.image.save(temporary, "JPEG")
        inside = (round(pasted.box_inside, 4), round(pasted.alpha_inside, 4), round(pasted.alpha_area, 4))
        rows.append((number, *place, area, rotation, label, instance, scene, setting.side, setting.side, *inside))
    # The table is written last: where it is, the set is whole.
    _write(output / "backgrounds.csv", ("int", "label"), enumerate(path.name for path in sources.scenes))
    _write(output / "foreground_classes_metadata_indices.csv", ("int", "label"), enumerate(sources.classes))
    _write(output / "metadata.csv", COLUMNS, rows)
    return len(rows)


def _listed(folder: str | os.PathLike[str]) -> list[Path]:
    if not Path(folder).is_dir():
        raise ValueError(f"{folder} is not a folder")
    return sorted(path for path in Path(folder).iterdir() if not path.name.startswith("."))


def _images(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if path.suffix.lower() in SUFFIXES]


def open_object(path: Path) -> Image.Image:
    """Return a cut-out object as RGBA; raise a ValueError that names the file where it is none."""
    try:
        with Image.open(path) as image:
            return with_transparency(image)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path}: {error}") from error


def open_scene(path: Path, side: int) -> Image.Image:
    """Return the largest square at the top left of a background, resized to `side` pixels."""
    image = open_image(path)
    shorter = min(image.size)
    square = image.crop((0, 0, shorter, shorter))
    return square if shorter == side else square.resize((side, side), Image.Resampling.BILINEAR)


def _write(path: Path, header: tuple[str, ...], rows: Iterable[Iterable[object]]) -> None:
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
