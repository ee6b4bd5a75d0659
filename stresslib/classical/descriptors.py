"""Descriptors: dense SIFT of the patches of an image, on a grid and at several sizes.

The first step of the classical features; codebook and coding work on its rows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.images.decode import UnreadableImageError, open_image

Array = NDArray[Any]


@dataclass(frozen=True)
class DenseSift:
    """Upright SIFT descriptors of the square patches on a grid, by OpenCV.

    Attributes
    ----------
    side : int
        The longest side of an image, in pixels; larger images are reduced, smaller ones left as they are.
    step : int
        Distance between neighbouring patches, in pixels.
    patches : tuple of int
        Sides of the patches, in pixels; patches that do not fit into the image are left out.
    root : bool
        RootSIFT (Arandjelovic and Zisserman, 2012): the square roots of a descriptor of unit sum, which has unit L2 norm.
    """

    side: int = 300
    step: int = 8
    patches: tuple[int, ...] = (16, 24, 32)
    root: bool = True

    def __call__(self, path: str | os.PathLike[str]) -> tuple[Array, Array]:
        """Describe an image file.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        descriptors : ndarray of shape (n, 128), float32
            Patches without any gradient are left out.
        places : ndarray of shape (n, 2), float32
            Row and column of each patch's centre, from 0 to 1.

        Raises
        ------
        UnreadableImageError
            When the file cannot be decoded, is smaller than the smallest patch, or has no structure at all.
        OSError
            When OpenCV is not installed.
        """
        cv2 = opencv()
        image = open_image(path).convert("L")
        image.thumbnail((self.side, self.side))
        grey = np.asarray(image)
        height, width = grey.shape
        if min(height, width) < min(self.patches):
            raise UnreadableImageError(
                f"{path}: its {width} x {height} pixels are less than the smallest patch, {min(self.patches)} x "
                f"{min(self.patches)}"
            )
        # OpenCV cuts a patch of 6 times a keypoint's size: 4 cells of 3/2 sizes (SIFT_DESCR_SCL_FCTR is 3, of half a size).
        points = [
            cv2.KeyPoint(x, y, patch / 6, 0.0)
            for patch in self.patches
            for y in _centres(height, patch, self.step)
            for x in _centres(width, patch, self.step)
        ]
        # OpenCV's default smoothing is meant for keypoints; patches of 16 pixels have cells of 4 and need less.
        points, descriptors = cv2.SIFT_create(sigma=1.0).compute(grey, points)
        places = np.array([(point.pt[1] / height, point.pt[0] / width) for point in points], dtype=np.float32)
        sums = descriptors.sum(axis=1)
        kept = sums > 0
        if not kept.any():
            raise UnreadableImageError(f"{path}: an even surface, none of its patches has a gradient")
        descriptors, places = descriptors[kept], places[kept]
        if self.root:
            descriptors = np.sqrt(descriptors / sums[kept, None])
        else:
            descriptors = descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True)
        return descriptors, places


def _centres(length: int, patch: int, step: int) -> list[float]:
    """Return the centres of the patches along one side, with the remainder split between both ends."""
    count = (length - patch) // step + 1
    if count < 1:
        return []
    first = (length - (count - 1) * step) / 2
    return [first + number * step for number in range(count)]


def opencv() -> Any:
    """Return the module of OpenCV, an optional extra.

    Raises
    ------
    OSError
        When it is not installed; the message says how to install it.
    """
    try:
        import cv2
    except ImportError as error:
        raise OSError("dense SIFT needs OpenCV; pip install stresslib[classical]") from error
    return cv2
