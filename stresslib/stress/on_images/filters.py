"""Filters: the building blocks of the corruptions, on NumPy arrays, with the last digits of those in the benchmarks' code.

Under `distortions`. That code calls OpenCV, scikit-image and ImageMagick; these functions need NumPy and SciPy only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[Any]

MUCH = 20.0
"""Pixels beyond which :func:`distance_to_edges` does not count."""


def gaussian(image: Array, sigma: float, *, truncate: float = 4.0, mode: str = "nearest") -> Array:
    """Blur each channel of an image (H, W) or (H, W, C) by a Gaussian of `sigma` pixels, as scikit-image does."""
    return ndimage.gaussian_filter(image, [sigma, sigma, 0][: image.ndim], mode=mode, truncate=truncate)


def disk(radius: float, smoothing: float) -> Array:
    """Return the kernel of a lens out of focus: a disk of `radius` pixels with its edge smoothed, float32."""
    reach = 8 if radius <= 8 else int(radius)
    across = np.arange(-reach, reach + 1)
    inside = (across[:, None] ** 2 + across**2 <= radius**2).astype(np.float32)
    inside /= np.sum(inside)
    side = 3 if radius <= 8 else 5
    weights = np.exp(-(np.arange(-(side // 2), side // 2 + 1) ** 2) / (2 * smoothing**2))
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (1, 0):
        inside = ndimage.correlate1d(inside, weights, axis=axis, mode="mirror")
    return inside


def correlate(image: Array, kernel: Array) -> Array:
    """Correlate each channel of an image (H, W, C) with a square kernel; beyond the border the image is mirrored."""
    used = np.abs(np.argwhere(kernel) - kernel.shape[0] // 2).max()
    middle = slice(kernel.shape[0] // 2 - used, kernel.shape[0] // 2 + used + 1)
    small = kernel[middle, middle].astype(image.dtype)
    return np.stack([ndimage.correlate(channel, small, mode="mirror") for channel in np.moveaxis(image, -1, 0)], axis=-1)


def motion(image: Array, radius: float, sigma: float, angle: float) -> Array:
    """Blur along a line, as ImageMagick does: one half of a Gaussian, one pixel a step.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, C), uint8
    radius, sigma : float
        In pixels: 2 * radius + 1 of them, weighted by the Gaussian.
    angle : float
        Of the line, in degrees.

    Returns
    -------
    ndarray, uint8
    """
    steps = np.arange(2 * math.ceil(radius) + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    weights /= weights.sum()
    down = np.ceil(steps * math.sin(math.radians(angle)) - 0.5).astype(int)
    right = np.ceil(steps * math.cos(math.radians(angle)) - 0.5).astype(int)
    rows, columns = np.arange(image.shape[0]), np.arange(image.shape[1])
    blurred = np.zeros(image.shape)
    for weight, dy, dx in zip(weights, down, right, strict=True):
        from_rows, from_columns = (rows + dy).clip(0, rows[-1]), (columns + dx).clip(0, columns[-1])
        blurred += weight * image[np.ix_(from_rows, from_columns)]
    # ImageMagick computes with 16 bits, 257 for each level, and cuts the rest off.
    return (np.rint(blurred * 257) // 257).astype(np.uint8)


def zoom_in(image: Array, factor: float) -> Array:
    """Enlarge the middle of an image (H, W, C) to its size, by linear interpolation."""
    sides = image.shape[:2]
    kept = [math.ceil(side / factor) for side in sides]
    starts = [(side - part) // 2 for side, part in zip(sides, kept, strict=True)]
    middle = image[starts[0] : starts[0] + kept[0], starts[1] : starts[1] + kept[1]]
    large = ndimage.zoom(middle, (factor, factor, 1), order=1)
    over = [(have - side) // 2 for have, side in zip(large.shape, sides, strict=False)]
    return large[over[0] : over[0] + sides[0], over[1] : over[1] + sides[1]]


def plasma(side: int, decay: float, random: np.random.RandomState) -> Array:
    """Return a cloud in [0, 1]: a height map by the diamond-square algorithm, on a torus.

    Parameters
    ----------
    side : int
        A power of two.
    decay : float
        By which the roughness is divided at each halving of the step.
    random : numpy.random.RandomState

    Returns
    -------
    ndarray of shape (side, side), float64
    """
    heights = np.zeros((side, side))
    step, roughness = side, 100.0

    def rough(total: Array) -> Array:
        return total / 4 + roughness * random.uniform(-roughness, roughness, total.shape)

    while step >= 2:
        half = step // 2
        corners = heights[0:side:step, 0:side:step]
        pairs = corners + np.roll(corners, -1, axis=0)
        heights[half:side:step, half:side:step] = rough(pairs + np.roll(pairs, -1, axis=1))
        centres = heights[half:side:step, half:side:step]
        above_below = centres + np.roll(centres, 1, axis=0)
        heights[0:side:step, half:side:step] = rough(above_below + (corners + np.roll(corners, -1, axis=1)))
        left_right = centres + np.roll(centres, 1, axis=1)
        heights[half:side:step, 0:side:step] = rough(left_right + (corners + np.roll(corners, -1, axis=0)))
        step, roughness = half, roughness / decay
    heights -= heights.min()
    return heights / heights.max()


def rgb_to_hsv(rgb: Array) -> Array:
    """Turn colours (..., 3) in [0, 1] into hue, saturation and value in [0, 1]."""
    red, green, blue = np.moveaxis(rgb, -1, 0)
    value = rgb.max(axis=-1)
    spread = value - rgb.min(axis=-1)
    some = np.where(spread == 0, 1, spread)
    # Where two channels are the largest, the later rule holds.
    hue = np.where(red == value, (green - blue) / some, 0.0)
    hue = np.where(green == value, 2.0 + (blue - red) / some, hue)
    hue = np.where(blue == value, 4.0 + (red - green) / some, hue)
    hue = np.where(spread == 0, 0.0, (hue / 6.0) % 1.0)
    return np.stack([hue, spread / np.where(value == 0, 1, value), value], axis=-1)


def hsv_to_rgb(hsv: Array) -> Array:
    """Turn hue, saturation and value (..., 3) in [0, 1] into colours."""
    hue, saturation, value = np.moveaxis(hsv, -1, 0)
    sector = np.floor(hue * 6)
    part = hue * 6 - sector
    p, q, t = value * (1 - saturation), value * (1 - part * saturation), value * (1 - (1 - part) * saturation)
    channels = ((value, t, p), (q, value, p), (p, value, t), (p, q, value), (t, p, value), (value, p, q))
    choices = np.stack([np.stack(three, axis=-1) for three in channels])
    return np.take_along_axis(choices, (sector.astype(int) % 6)[None, ..., None], axis=0)[0]


def edges(gray: Array, low: float, high: float) -> Array:
    """Return where an image (H, W), uint8, has edges, as Canny's detector finds them: boolean, of the same shape."""
    dx, dy = (ndimage.sobel(gray.astype(int), axis=axis, mode="nearest") for axis in (1, 0))
    strength = np.abs(dx) + np.abs(dy)
    around = np.pad(strength, 1)

    def neighbour(down: int, right: int) -> Array:
        return around[1 + down : around.shape[0] - 1 + down, 1 + right : around.shape[1] - 1 + right]

    # An edge is a ridge: no weaker than its neighbours across it. Of two equals, the later one counts.
    steep = np.abs(dy) / np.maximum(np.abs(dx), 1e-9)
    flat, upright = steep < math.tan(math.pi / 8), steep > math.tan(3 * math.pi / 8)
    across = (strength > neighbour(0, -1)) & (strength >= neighbour(0, 1))
    along = (strength > neighbour(-1, 0)) & (strength >= neighbour(1, 0))
    falling = (strength > neighbour(-1, -1)) & (strength > neighbour(1, 1))
    rising = (strength > neighbour(-1, 1)) & (strength > neighbour(1, -1))
    slanted = np.where((dx < 0) != (dy < 0), rising, falling)
    ridge = np.where(flat, across, np.where(upright, along, slanted)) & (strength > low)
    parts, _ = ndimage.label(ridge, structure=np.ones((3, 3)))
    strong = np.unique(parts[ridge & (strength > high)])
    return np.isin(parts, strong[strong > 0])


def distance_to_edges(edge: Array) -> Array:
    """Return the distance of each pixel to the next edge, at most `MUCH`, counted in steps of a chess king and a knight."""
    steps = {(0, 1): 1.0, (1, 1): 1.4, (1, 2): 2.1969}
    moves = {
        (a * i, b * j): cost for (x, y), cost in steps.items() for i, j in ((x, y), (y, x)) for a in (1, -1) for b in (1, -1)
    }
    distance = np.where(edge, 0.0, MUCH)
    rows, columns = distance.shape
    while True:
        around = np.pad(distance, 2, constant_values=MUCH)
        ways = [around[2 + i : 2 + i + rows, 2 + j : 2 + j + columns] + cost for (i, j), cost in moves.items()]
        nearer = np.minimum(distance, np.min(ways, axis=0))
        if np.array_equal(nearer, distance):
            return distance
        distance = nearer


def equalized(gray: Array) -> Array:
    """Spread the levels of an image (H, W), uint8, over 0 to 255 evenly."""
    counts = np.bincount(gray.ravel(), minlength=256)
    first = int(np.flatnonzero(counts)[0])
    if counts[first] == gray.size:
        return gray
    share = np.float32(255) / np.float32(gray.size - counts[first])
    table = np.rint((np.cumsum(counts) - counts[first]) * share).clip(0, 255).astype(np.uint8)
    return table[gray]


def box_blurred(gray: Array) -> Array:
    """Average an image (H, W), uint8, over 3 x 3 pixels; beyond the border it is mirrored."""
    sums = ndimage.correlate(gray.astype(int), np.ones((3, 3), int), mode="mirror")
    return np.rint(sums / 9).astype(np.uint8)
