"""Decode: reads any image file as upright 8-bit RGB.

The first step for networks and classical methods alike; it knows nothing of either.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image


class UnreadableImageError(ValueError):
    """An image file cannot be decoded; the message names it."""


def open_image(path: str | os.PathLike[str]) -> Image.Image:
    """Decode an image of any mode as upright 8-bit RGB.

    Grey levels are repeated in three channels, 16-bit values are scaled to 8 bits, palettes and CMYK are converted,
    transparency is composited on white, and the orientation that a camera recorded (EXIF) is applied. Of an animation the
    first frame is taken.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    UnreadableImageError
        When the file is missing, not an image, truncated, or would unpack to an absurd size.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return _rgb(_upright(image))
    except FileNotFoundError as error:
        raise UnreadableImageError(f"{path}: there is no such image") from error
    except Exception as error:  # damaged bytes make a decoder raise anything
        raise UnreadableImageError(f"{path}: not a readable image ({error})") from error


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
    orientation: Any = image.getexif().get(ExifTags.Base.Orientation)
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _rgb(upright: Image.Image) -> Image.Image:
    if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
        return Image.fromarray(_eight_bits(np.asarray(upright))).convert("RGB")
    if upright.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in upright.info:
        layered = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
    return upright.convert("RGB")


def _eight_bits(levels: NDArray[Any]) -> NDArray[np.uint8]:
    # Unsigned levels have 16 bits. Levels of other types that fit in 8 bits are left as they are.
    scale = 255 / 65535 if levels.dtype.kind == "u" or levels.max() > 255 else 1.0
    return np.clip(np.rint(levels.astype(np.float64) * scale), 0, 255).astype(np.uint8)
