"""Decode: reads any image file as upright 8-bit RGB.

The first step for networks and classical methods alike; it knows nothing of either.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from stresslib.images.levels import Levels, eight_bits, kind_of, white_of_set

with contextlib.suppress(ImportError):  # .heic, where the user has installed what reads it
    import_module("pillow_heif").register_heif_opener()

PIXELS = "STRESSLIB_IMAGE_PIXELS"
"""Environment variable: the most pixels that an image may have. Default: twice Pillow's MAX_IMAGE_PIXELS."""

ONLY_NAMED = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
"""Formats that Pillow recognises, but decodes only with another program, if at all."""


class UnreadableImageError(ValueError):
    """An image file cannot be decoded; the message names it."""


@cache
def endings() -> frozenset[str]:
    """Return the endings of file names, in lower case, that the installed Pillow and its plugins read.

    Examples
    --------
    >>> sorted(endings() & {".jpg", ".jfif", ".pgm", ".txt", ".mpg"})
    ['.jfif', '.jpg', '.pgm']
    """
    known = Image.registered_extensions()
    return frozenset(ending for ending, kind in known.items() if kind in Image.OPEN and kind not in ONLY_NAMED)


def open_image(path: str | os.PathLike[str], levels: Levels | None = None) -> Image.Image:
    """Decode an image of any mode as upright 8-bit RGB.

    Grey levels are repeated in three channels, palettes and CMYK are converted, transparency is composited on white, and
    the orientation that a camera recorded (EXIF) is applied. Of an animation the first frame is taken. Levels of more than
    8 bits are scaled by what is white in their type: 65535 in 16 bits, 1 in floating point.

    Parameters
    ----------
    path : path-like
    levels : Levels, optional
        What is white in the set that the image belongs to, by :func:`stresslib.images.find_levels`. Default: of this
        image alone, where its type does not say.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    UnreadableImageError
        When the file is missing, not an image, truncated, or of an absurd size; and when it has negative levels, levels
        that are not finite, or levels beyond what is white.
    """
    with _opened(path) as image:
        return _rgb(_upright(_colours(image)), kind_of(image), levels)


def levels_of(path: str | os.PathLike[str]) -> tuple[str, float] | None:
    """Return kind and greatest level of an image that has more than 8 bits; None, from its header, of any other.

    Raises
    ------
    UnreadableImageError
        As :func:`open_image`.
    """
    with _opened(path, load=False) as image:
        kind = kind_of(image)
        return None if kind is None else (kind, float(np.asarray(image).max()))


EIGHT_BITS = {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".webp"}
"""Endings of images that never have more than 8 bits; of the others the header is read."""


def find_levels(paths: Sequence[Path]) -> Levels:
    """Find what is white in a set of images; only those of more than 8 bits are decoded for it.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Unreadable ones say nothing: their decoding will name them.

    Returns
    -------
    Levels

    Raises
    ------
    ValueError
        When images of the set disagree; the message names two.

    Examples
    --------
    >>> from sklearn.datasets import load_sample_images
    >>> find_levels([Path(name) for name in load_sample_images().filenames])
    Levels(unsigned=None, signed=None, floating=None)
    """

    def found(path: Path) -> tuple[str, float] | None:
        with contextlib.suppress(UnreadableImageError):
            return levels_of(path)
        return None

    greatest: dict[str, dict[str, float]] = {}
    with ThreadPoolExecutor() as pool:
        deep = [path for path in paths if path.suffix.lower() not in EIGHT_BITS]
        for path, one in zip(deep, pool.map(found, deep), strict=True):
            if one is not None and np.isfinite(one[1]):
                greatest.setdefault(one[0], {})[str(path)] = one[1]
    return Levels(**{kind: white_of_set(kind, levels) for kind, levels in greatest.items()})


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str], *, load: bool = True) -> Iterator[Image.Image]:
    """Open an image file; whatever goes wrong names the file."""
    raise_limit()
    try:
        # By its name Pillow maps an uncompressed TIFF, and scrambles one that is to be turned.
        with open(path, "rb") as stream, Image.open(stream) as image:
            if load:
                image.load()
            yield image
    except FileNotFoundError as error:
        raise UnreadableImageError(f"{path}: there is no such image") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"{path}: {error}; if you trust it, set {PIXELS} to more pixels") from error
    except MemoryError as error:
        raise UnreadableImageError(f"{path}: there is not enough memory to decode it") from error
    except Exception as error:  # damaged bytes make a decoder raise anything
        raise UnreadableImageError(f"{path}: not a readable image ({error})") from error


def raise_limit() -> None:
    """Let Pillow decode images of as many pixels as the environment allows; its own limit otherwise.

    Raises
    ------
    ValueError
        When the value of the environment variable is not a number of pixels.
    """
    text = os.environ.get(PIXELS)
    if text is None:
        return
    if not text.isdecimal() or not int(text):
        raise ValueError(f"{PIXELS}={text!r} is not a number of pixels, such as 500000000")
    Image.MAX_IMAGE_PIXELS = (int(text) + 1) // 2  # Pillow warns at this size, and refuses twice of it


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image) -> Image.Image:
    # ImageOps.exif_transpose also rewrites the EXIF block, and fails where a camera put wrong types into it.
    try:
        orientation: Any = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # of PNG and WebP Pillow decodes the block only here, and a damaged one raises anything
        return image
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


EXTRA_SAMPLES = 338
"""Tag of TIFF that says what bands beyond the colours are; 1 and 2 are transparency."""


def _colours(image: Image.Image) -> Image.Image:
    """Leave out a band, such as near infrared, that Pillow takes for transparency where a TIFF does not say so."""
    if image.format != "TIFF" or image.mode not in ("LA", "RGBA"):
        return image
    extra = getattr(image, "tag_v2", {}).get(EXTRA_SAMPLES, ())
    return image if {1, 2} & set(extra) else image.convert(image.mode[:-1])


def _rgb(upright: Image.Image, kind: str | None, levels: Levels | None) -> Image.Image:
    if kind is not None:
        white = getattr(levels, kind, None)
        return Image.fromarray(eight_bits(np.asarray(upright), kind, white)).convert("RGB")
    if upright.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in upright.info:
        layered = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
    return upright.convert("RGB")
