"""Preprocessing: from an image file to the array that a network takes.

Two ways: the one that the network was trained with, and the paper's, which squeezes the whole image into a square.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stresslib.images.decode import open_image

WAYS = ("paper", "native")
"""Names of the two ways."""


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
