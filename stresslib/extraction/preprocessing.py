"""Preprocessing: from an image file to the array that a network takes.

Two ways: the one that the network was trained with, and the paper's, which squeezes the whole image into a square.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

WAYS = ("paper", "native")
"""Names of the two ways."""


class UnreadableImageError(ValueError):
    """An image file that cannot be decoded; the message names it."""


def open_image(path: str | os.PathLike[str]) -> Image.Image:
    """Decode an image of any mode as upright 8-bit RGB.

    Grey levels are repeated in three channels, 16-bit values scaled to 8 bits, palettes and CMYK converted, transparent
    pixels laid on white, and the rotation that a camera noted (EXIF) applied. Of an animation, the first frame.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    UnreadableImageError
        When the file is no image, is cut short, or would unpack to an absurd size.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return _rgb(_upright(image))
    except FileNotFoundError as error:
        raise UnreadableImageError(f"{path}: there is no such image") from error
    except Exception as error:  # a decoder raises whatever damaged bytes lead it to
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
    # ImageOps.exif_transpose writes the EXIF block anew, and fails where a camera put wrong types into it.
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
    # Unsigned levels are 16-bit ones; of other types, what fits in 8 bits already is left as it is.
    scale = 255 / 65535 if levels.dtype.kind == "u" or levels.max() > 255 else 1.0
    return np.clip(np.rint(levels.astype(np.float64) * scale), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Preprocessing:
    """How a network wants its images.

    Attributes
    ----------
    size : int
        Side of the square input, in pixels.
    resize : int
        The shorter side before the centre is cropped; used by the native way.
    resample : PIL.Image.Resampling
        Filter of the native way.
    mean, std : tuple of float
        Per channel, on the scale 0 to 255: ``(value - mean) / std``.
    channels : {"RGB", "BGR"}
        Their order, in `mean` and `std` too.
    """

    size: int
    resize: int
    resample: Image.Resampling
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channels: str = "RGB"

    def __call__(self, image: Image.Image, way: str) -> NDArray[np.float32]:
        """Make the network's input of an image.

        Parameters
        ----------
        image : PIL.Image.Image
            RGB.
        way : {"paper", "native"}
            ``"paper"``: the whole image resized to the square, its aspect not kept, by antialiased bicubic
            interpolation in floating point that may overshoot 0 to 255 (protocol 1.2). ``"native"``: the shorter side
            resized, the centre cropped, as in the network's training.

        Returns
        -------
        ndarray of shape (3, size, size), float32
        """
        pixels = self._squeezed(image) if way == "paper" else self._cropped(image)
        if self.channels == "BGR":
            pixels = pixels[:, :, ::-1]
        normalized = (pixels - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(normalized.transpose(2, 0, 1))

    def _squeezed(self, image: Image.Image) -> NDArray[np.float32]:
        square = (self.size, self.size)
        # Pillow filters floating point, with antialiasing, in one-channel images of mode F. Its weights are those of
        # MATLAB's imresize, but at the border MATLAB mirrors the image where Pillow drops what lies outside: on photographs
        # the two outer rows and columns differ, by up to 11 grey levels (.01 on average over the image), the rest by 1e-4.
        channels = [channel.convert("F").resize(square, Image.Resampling.BICUBIC) for channel in image.split()]
        return np.stack([np.asarray(channel) for channel in channels], axis=2)

    def _cropped(self, image: Image.Image) -> NDArray[np.float32]:
        width, height = image.size
        short = min(width, height)
        # Truncated, and the crop's corner rounded, as torchvision does.
        shape = (int(self.resize * width / short), int(self.resize * height / short))
        image = image.resize(shape, self.resample)
        left, top = round((shape[0] - self.size) / 2), round((shape[1] - self.size) / 2)
        return np.asarray(image.crop((left, top, left + self.size, top + self.size)), dtype=np.float32)


def read_input(path: Path, preprocessing: Preprocessing, way: str) -> NDArray[np.float32]:
    """Decode an image file and make a network's input of it."""
    return preprocessing(open_image(path), way)
