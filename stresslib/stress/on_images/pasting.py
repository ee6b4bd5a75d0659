"""Pasting: an object, cut out with its transparency, on a background, at a size, place and angle.

Stress on images. Sizes, places and rounding are those of SI-Score's code (github.com/google-research/si-score, Apache-2.0);
`pasted_sets` makes whole data sets of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Pasted:
    """An image with an object on it.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB.
    box_inside : float
        Share of the object's box that lies inside of the image, after rotation; the authors' measure. A rotated object's box
        has empty corners, so that it leaves the image first.
    alpha_inside : float
        Share of the object itself that does, weighted by its opacity.
    alpha_area : float
        Area of the object itself over the area of the background, what lies outside included. Objects fill 39 % to 77 % of
        their box, so that this is less than the nominal area.
    """

    image: Image.Image
    box_inside: float
    alpha_inside: float
    alpha_area: float


def paste(
    foreground: Image.Image,
    background: Image.Image,
    area: float = 0.2,
    centre: tuple[float, float] = (0.5, 0.5),
    rotation: float = 0,
) -> Pasted:
    """Paste an object on a background.

    Parameters
    ----------
    foreground : PIL.Image.Image
        With transparency, such as RGBA.
    background : PIL.Image.Image
        Left as it is.
    area : float, default=0.2
        Nominal area: the object's box, before rotation, over the background; above 0, at most 1.
    centre : (float, float), default=(0.5, 0.5)
        Place of the object's centre, from the left and from the top, as shares of the background's width and height.
    rotation : float, default=0
        Degrees, counterclockwise.

    Returns
    -------
    Pasted
        What reaches beyond the background is cut off; `box_inside` and `alpha_inside` say how much is left.

    Raises
    ------
    ValueError
        When the foreground has no transparency or nothing else, or a number is out of range.

    References
    ----------
    Djolonga et al., "On robustness and transferability of convolutional neural networks", CVPR 2021.

    Examples
    --------
    >>> from PIL import Image
    >>> from stresslib.stress.on_images import paste
    >>> pasted = paste(Image.new("RGBA", (40, 40), "red"), Image.new("RGB", (100, 100)), area=0.25, centre=(0, 0.5))
    >>> pasted.box_inside, pasted.alpha_area, pasted.image.getpixel((24, 50))
    (0.5, 0.25, (255, 0, 0))
    """
    _check(area, centre, rotation)
    cut_out = with_transparency(foreground)
    factor = math.sqrt(area / ((cut_out.width * cut_out.height) / (background.width * background.height)))
    size = int(cut_out.width * factor), int(cut_out.height * factor)
    if 0 in size:
        raise ValueError(
            f"area={area} leaves nothing of a foreground of {cut_out.width} x {cut_out.height} pixels; give more"
        )
    turned = cut_out.resize(size, Image.Resampling.BILINEAR).rotate(rotation, resample=Image.Resampling.BICUBIC, expand=True)
    left = int(int(centre[0] * background.width) - turned.width * 0.5)
    top = int(int(centre[1] * background.height) - turned.height * 0.5)
    image = background.convert("RGB")
    image = image.copy() if image is background else image
    image.paste(turned, box=(left, top), mask=turned)
    alpha = np.asarray(turned.getchannel("A"), dtype=np.int64)
    inside = alpha[max(-top, 0) : max(image.height - top, 0), max(-left, 0) : max(image.width - left, 0)]
    opaque = alpha.sum()
    return Pasted(
        image=image,
        box_inside=inside.size / alpha.size,
        alpha_inside=float(inside.sum() / opaque) if opaque else 0.0,
        alpha_area=float(opaque / 255 / (image.width * image.height)),
    )


def with_transparency(image: Image.Image) -> Image.Image:
    """Return an image as RGBA.

    Raises
    ------
    ValueError
        When it has no transparency, or is transparent all over.
    """
    if not image.has_transparency_data:
        raise ValueError(f"the foreground is {image.mode}, without transparency; cut the object out and save it as RGBA")
    rgba = image.convert("RGBA")
    if rgba.getchannel("A").getextrema()[1] == 0:
        raise ValueError("the foreground is transparent all over; there is no object in it")
    return rgba


def _check(area: float, centre: tuple[float, float], rotation: float) -> None:
    if not 0 < area <= 1:
        raise ValueError(f"area={area!r}: it is above 0 and at most 1, a share of the background")
    if len(centre) != 2 or not all(0 <= place <= 1 for place in centre):
        raise ValueError(f"centre={centre!r}: it is two shares of the background, each from 0 to 1")
    if not math.isfinite(rotation):
        raise ValueError(f"rotation={rotation!r}: it is a number of degrees")
