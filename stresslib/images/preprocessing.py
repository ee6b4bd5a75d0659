"""Preprocessing: from a decoded image to the array that a network takes.

After decoding and before extraction. There are three ways: the network's own, as in its training; the paper's, which
squeezes the whole image into a square; and the same with MATLAB's treatment of the border.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stresslib.images.decode import open_image
from stresslib.images.levels import Levels

WAYS = ("paper", "native", "matlab")
"""Names of the ways."""


@dataclass(frozen=True)
class Preprocessing:
    """The input that a network expects.

    Attributes
    ----------
    size : int
        Side of the square input, in pixels.
    resize : int
        Length of the shorter side before the centre is cropped; used by the native way.
    resample : PIL.Image.Resampling
        Filter of the native way.
    mean, std : tuple of float
        For each channel, on the scale 0 to 255; values become ``(value - mean) / std``.
    channels : {"RGB", "BGR"}
        Order of the channels, also in `mean` and `std`.
    """

    size: int
    resize: int
    resample: Image.Resampling
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channels: str = "RGB"

    def __call__(self, image: Image.Image, way: str) -> NDArray[np.float32]:
        """Make the network's input from an image.

        Parameters
        ----------
        image : PIL.Image.Image
            RGB.
        way : {"paper", "native", "matlab"}
            ``"paper"``: the whole image is resized to the square, without keeping its aspect ratio, by antialiased bicubic
            interpolation in floating point, which may overshoot 0 to 255 (protocol 1.2). ``"native"``: the shorter side is
            resized and the centre cropped, as in the network's training. ``"matlab"``: as ``"paper"``, but what lies beyond
            the border mirrors the image, as in MATLAB's ``imresize``, which the authors used.

        Returns
        -------
        ndarray of shape (3, size, size), float32
        """
        pixels = self._cropped(image) if way == "native" else self._squeezed(image, mirrored=way == "matlab")
        if self.channels == "BGR":
            pixels = pixels[:, :, ::-1]
        normalized = (pixels - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(normalized.transpose(2, 0, 1))

    def _squeezed(self, image: Image.Image, *, mirrored: bool) -> NDArray[np.float32]:
        square = (self.size, self.size)
        # Pillow filters floating point only in one-channel images, of mode F. Its weights are those of MATLAB's imresize,
        # but at the border MATLAB mirrors the image and Pillow drops what lies outside: on photographs the two outer rows
        # and columns differ by up to 11 grey levels (.01 on average over the image), the rest by 1e-4.
        box = (0, 0, *image.size)
        levels = np.asarray(image, dtype=np.float32)
        if mirrored:
            # The kernel reaches two pixels of the coarser of the two grids.
            across, down = (2 * max(1, math.ceil(side / self.size)) for side in image.size)
            box = (across, down, across + image.width, down + image.height)
            levels = np.pad(levels, ((down, down), (across, across), (0, 0)), mode="symmetric")
        channels = [Image.fromarray(levels[:, :, channel]) for channel in range(3)]
        return np.stack(
            [np.asarray(channel.resize(square, Image.Resampling.BICUBIC, box=box)) for channel in channels], axis=2
        )

    def _cropped(self, image: Image.Image) -> NDArray[np.float32]:
        width, height = image.size
        short = min(width, height)
        # Sizes are truncated and the crop's corner is rounded, as in torchvision.
        shape = (int(self.resize * width / short), int(self.resize * height / short))
        left, top = round((shape[0] - self.size) / 2), round((shape[1] - self.size) / 2)
        if max(shape) > THIN * self.size:
            return self._cropped_strip(image, shape, left, top)
        image = image.resize(shape, self.resample)
        return np.asarray(image.crop((left, top, left + self.size, top + self.size)), dtype=np.float32)

    def _cropped_strip(self, image: Image.Image, shape: tuple[int, int], left: int, top: int) -> NDArray[np.float32]:
        """Resize only what the crop needs of a strip: all of one of 1 x 100,000 pixels would be enlarged to gigabytes.

        Pillow places such a part to within a fraction of a pixel of where it is in the whole.
        """
        box, corner, part = [], [], []
        for length, whole, begin in zip(image.size, shape, (left, top), strict=True):
            scale = length / whole
            # The filter reaches 3 pixels at most, of the image where it is enlarged, of the result where it is reduced.
            margin = math.ceil(3 * max(1, 1 / scale)) + 1
            first, last = max(0, begin - margin), min(whole, begin + self.size + margin)
            box += [(first * scale, last * scale)]
            corner.append(begin - first)
            part.append(last - first)
        (x0, x1), (y0, y1) = box
        image = image.resize((part[0], part[1]), self.resample, box=(x0, y0, x1, y1))
        return np.asarray(image.crop((corner[0], corner[1], corner[0] + self.size, corner[1] + self.size)), dtype=np.float32)


THIN = 100
"""From this multiple of the crop's side on, the longer side of a resized image is not made as a whole."""


def read_input(path: Path, preprocessing: Preprocessing, way: str, levels: Levels | None = None) -> NDArray[np.float32]:
    """Decode an image file and make a network's input from it.

    Parameters
    ----------
    path : pathlib.Path
    preprocessing : Preprocessing
    way : {"paper", "native", "matlab"}
    levels : Levels, optional
        What is white in its set, as for :func:`open_image`.

    Returns
    -------
    ndarray of shape (3, size, size), float32

    Raises
    ------
    UnreadableImageError
        When the file cannot be decoded.
    """
    return preprocessing(open_image(path, levels), way)
