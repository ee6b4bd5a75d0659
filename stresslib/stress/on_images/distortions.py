"""Distortions: the corruptions of ImageNet-C and CIFAR-10-C, one function a kind, on images as NumPy arrays.

Under `corruptions`, which holds the constants. Draws are made in the order of the benchmarks' own code and from NumPy's old
generator, which that code seeds: one seed gives its noise. All functions take an image of shape (H, W, 3), uint8, the
constants of a severity and a generator, and return levels from 0 to 255, float or uint8.
"""

from __future__ import annotations

import math
from io import BytesIO

import numpy as np
from PIL import Image
from scipy import ndimage

from stresslib.stress.on_images import filters
from stresslib.stress.on_images.filters import Array

Random = np.random.RandomState


def _levels(fractions: Array) -> Array:
    """Clip fractions to [0, 1] and turn them into levels."""
    return np.clip(fractions, 0, 1) * 255


def gaussian_noise(image: Array, random: Random, sigma: float) -> Array:
    """Add noise of standard deviation `sigma`, as of weak light."""
    x = image / 255.0
    return _levels(x + random.normal(size=x.shape, scale=sigma))


def shot_noise(image: Array, random: Random, photons: float) -> Array:
    """Count photons: white sends `photons` of them."""
    return _levels(random.poisson(image / 255.0 * photons) / photons)


def impulse_noise(image: Array, random: Random, share: float) -> Array:
    """Set a share of the values to black or white, as of broken bits."""
    x = image / 255.0
    flipped = random.choice([True, False], size=x.shape, p=[share, 1 - share])
    white = random.choice([True, False], size=x.shape, p=[0.5, 0.5])
    return _levels(np.where(flipped, white, x))


def speckle_noise(image: Array, random: Random, sigma: float) -> Array:
    """Add noise that is the larger, the brighter the pixel is."""
    x = image / 255.0
    return _levels(x + x * random.normal(size=x.shape, scale=sigma))


def gaussian_blur(image: Array, random: Random, sigma: float) -> Array:
    """Blur by a Gaussian of `sigma` pixels."""
    return _levels(filters.gaussian(image / 255.0, sigma))


def defocus_blur(image: Array, random: Random, radius: float, smoothing: float) -> Array:
    """Blur by a disk of `radius` pixels, as a lens out of focus does."""
    return _levels(filters.correlate(image / 255.0, filters.disk(radius, smoothing)))


def glass_blur(image: Array, random: Random, sigma: float, reach: int, rounds: int) -> Array:
    """Look through frosted glass: each pixel shows a neighbour at most `reach` pixels away, between two blurs.

    The benchmarks' code means to swap the two pixels and copies one over the other; so does this.
    """
    height, width = image.shape[:2]
    blurred = (filters.gaussian(image / 255.0, sigma) * 255).astype(np.uint8)
    rows, columns = range(height - reach, reach, -1), range(width - reach, reach, -1)
    seen = list(range(height * width))
    for _ in range(rounds):
        shifts = random.randint(-reach, reach, size=(len(rows) * len(columns), 2))
        towards = iter((shifts[:, 1] * width + shifts[:, 0]).tolist())
        for row in rows:
            for column in columns:
                here = row * width + column
                seen[here] = seen[here + next(towards)]
    shuffled = blurred.reshape(-1, 3)[seen].reshape(image.shape)
    return _levels(filters.gaussian(shuffled / 255.0, sigma))


def motion_blur(image: Array, random: Random, radius: float, sigma: float) -> Array:
    """Blur along a line of any direction within 45 degrees of the horizontal."""
    return filters.motion(image, radius, sigma, random.uniform(-45, 45))


def zoom_blur(image: Array, random: Random, end: float, step: float) -> Array:
    """Average the image with itself enlarged by 1, 1 + step, ... up to `end`, as a camera that moves towards it does."""
    x = (image / 255.0).astype(np.float32)
    # The end itself is among the factors or not, as rounding has it: part of the published images.
    factors = np.arange(1, end, step)
    total = np.zeros_like(x)
    for factor in factors:
        total += filters.zoom_in(x, factor)
    return _levels((x + total) / (len(factors) + 1))


def snow(
    image: Array,
    random: Random,
    mean: float,
    spread: float,
    zoom: float,
    threshold: float,
    radius: float,
    sigma: float,
    kept: float,
) -> Array:
    """Whiten the image and let flakes fall: noise above `threshold`, enlarged by `zoom` and blurred as they fall."""
    x: Array = (image / np.float32(255)).astype(np.float32)
    flakes = filters.zoom_in(random.normal(size=x.shape[:2], loc=mean, scale=spread)[..., None], zoom)[..., 0]
    flakes[flakes < threshold] = 0
    falling = filters.motion((np.clip(flakes, 0, 1) * 255).astype(np.uint8), radius, sigma, random.uniform(-135, -45))
    layer = falling[..., None] / 255.0
    gray = x @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    x = kept * x + (1 - kept) * np.maximum(x, gray[..., None] * 1.5 + 0.5)
    return _levels(x + layer + layer[::-1, ::-1])


def fog(image: Array, random: Random, amount: float, decay: float) -> Array:
    """Lay clouds over the image, and keep its largest value."""
    x: Array = image / 255.0
    largest = x.max()
    height, width = x.shape[:2]
    side = 1 << max(height - 1, width - 1, 1).bit_length()
    x = x + amount * filters.plasma(side, decay, random)[:height, :width, None]
    return _levels(x * largest / (largest + amount))


def brightness(image: Array, random: Random, added: float) -> Array:
    """Add to the value of each colour."""
    hsv = filters.rgb_to_hsv(image / 255.0)
    hsv[..., 2] = np.clip(hsv[..., 2] + added, 0, 1)
    return _levels(filters.hsv_to_rgb(hsv))


def saturate(image: Array, random: Random, factor: float, added: float) -> Array:
    """Change the saturation of each colour."""
    hsv = filters.rgb_to_hsv(image / 255.0)
    hsv[..., 1] = np.clip(hsv[..., 1] * factor + added, 0, 1)
    return _levels(filters.hsv_to_rgb(hsv))


def contrast(image: Array, random: Random, factor: float) -> Array:
    """Draw each channel to its mean."""
    x = image / 255.0
    means = np.mean(x, axis=(0, 1), keepdims=True)
    return _levels((x - means) * factor + means)


def elastic_transform(image: Array, random: Random, strength: float, sigma: float, affine: float) -> Array:
    """Distort by a random affine map, and then by smooth random shifts; all constants are pixels."""
    x = (image / np.float32(255)).astype(np.float32)
    height, width = shape = x.shape[:2]
    centre, reach = np.array([height // 2, width // 2]), min(shape) // 3
    corners = np.array([centre + reach, [centre[0] + reach, centre[1] - reach], centre - reach], dtype=np.float32)
    moved = corners + random.uniform(-affine, affine, size=(3, 2)).astype(np.float32)
    # Points are (x, y), and `back` takes a pixel of the result to its place in the image.
    ones = np.ones((3, 1))
    back = np.linalg.solve(np.hstack([moved, ones]), corners)
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    places = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ back
    x = _sampled(x, places[..., 1], places[..., 0], "mirror")
    shifts = [random.uniform(-1, 1, size=shape) for _ in range(2)]
    dx, dy = ((filters.gaussian(one, sigma, truncate=3, mode="reflect") * strength).astype(np.float32) for one in shifts)
    return _levels(_sampled(x, rows + dy, columns + dx, "reflect"))


def _sampled(image: Array, rows: Array, columns: Array, mode: str) -> Array:
    """Return the image at other places, by linear interpolation."""
    channels = np.moveaxis(image, -1, 0)
    return np.stack([ndimage.map_coordinates(one, [rows, columns], order=1, mode=mode) for one in channels], axis=-1)


def pixelate(image: Array, random: Random, scale: float) -> Array:
    """Reduce the image, and enlarge it again, by averages over boxes."""
    height, width = image.shape[:2]
    small = Image.fromarray(image).resize((max(1, int(width * scale)), max(1, int(height * scale))), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BOX))


def jpeg_compression(image: Array, random: Random, quality: int) -> Array:
    """Compress as JPEG; the bytes depend on the version of libjpeg."""
    stream = BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def spatter(
    image: Array, random: Random, mean: float, spread: float, sigma: float, threshold: float, strength: float, mud: int
) -> Array:
    """Splash water (`mud` 0: drops with bright edges) or mud (1: brown stains) on the lens, where smooth noise is high."""
    x = (image / np.float32(255)).astype(np.float32)
    liquid = filters.gaussian(random.normal(size=x.shape[:2], loc=mean, scale=spread), sigma)
    liquid[liquid < threshold] = 0
    if mud:
        stain = filters.gaussian((liquid > threshold).astype(np.float32), strength)
        stain[stain < 0.8] = 0
        return _levels(x * (1 - stain[..., None]) + stain[..., None] * np.array([63, 42, 20]) / 255.0)
    layer = (liquid * 255).astype(np.uint8)
    relief = filters.distance_to_edges(filters.edges(layer, 50, 150))
    relief = ndimage.correlate(relief, np.ones((3, 3)), mode="mirror") / 9
    relief = filters.equalized(relief.astype(np.uint8)).astype(int)
    lit = ndimage.correlate(relief, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]), mode="mirror")
    drops: Array = layer * filters.box_blurred(lit.clip(0, 255)).astype(np.float32)
    drops *= strength / max(float(drops.max()), math.ulp(0.0))
    return _levels(x + drops[..., None] * np.array([175, 238, 238]) / 255.0)
