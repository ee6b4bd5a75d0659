"""Levels: which level is white in images of more than 8 bits, by their type, and by the whole set where that is silent.

Below decoding; the scale of a set is found once, before its images are read for extraction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

KINDS = {"unsigned": "16-bit", "signed": "32-bit", "floating": "floating-point"}
"""Kinds of levels, and what they are called in messages."""

DEPTHS = (255, 1023, 4095, 65535)
"""What is white in integers of 8, 10, 12 and 16 bits."""


class Levels(NamedTuple):
    """What is white in the images of a set, for each kind of levels; None where the set has none of that kind."""

    unsigned: float | None = None
    signed: float | None = None
    floating: float | None = None

    def __str__(self) -> str:
        said = (f"{KINDS[kind]}, white at {white:g}" for kind, white in self._asdict().items() if white is not None)
        return "; ".join(said)


def kind_of(image: Image.Image) -> str | None:
    """Return the kind of an image's levels, a key of :data:`KINDS`; None for 8 bits and fewer."""
    if image.mode == "F":
        return "floating"
    # Pillow scales a PGM file of any depth to 16 bits, and keeps them in 32.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return "unsigned"
    return "signed" if image.mode == "I" else None


def white_of_one(kind: str, greatest: float) -> float:
    """Return what is white in a single image, from its kind and greatest level.

    Raises
    ------
    ValueError
        When neither tells.
    """
    if kind == "unsigned":
        return 65535
    if kind == "floating" and greatest <= 1 + 1e-6:
        return 1
    if kind == "floating" and greatest < 2:
        raise ValueError(f"its levels end at {greatest:.6g}; those in floating point end at 1, 255 or 65535")
    if greatest > 65535:
        raise ValueError(f"its levels end at {greatest:.6g}; at most 65535 is white")
    return 255 if greatest <= 255 else 65535


def white_of_set(kind: str, greatest: Mapping[str, float]) -> float:
    """Return what is white in a set, from the greatest level of each of its images of one kind.

    Parameters
    ----------
    kind : str
    greatest : mapping of str to float
        By the names of the files.

    Raises
    ------
    ValueError
        When the images disagree; the message names two.
    """
    brightest = max(greatest, key=greatest.__getitem__)
    most = greatest[brightest]
    try:
        white = white_of_one(kind, most)
    except ValueError as error:
        raise ValueError(f"{brightest}: {error}") from error
    if kind != "floating":
        return next(depth for depth in DEPTHS if most <= depth)
    low = [name for name, level in greatest.items() if 0 < level <= 1]
    if white > 1 and low:
        raise ValueError(
            f"{brightest}: its floating-point levels end at {most:.6g}, and those of {low[0]} at 1; scale them alike"
        )
    return white


def eight_bits(levels: NDArray[Any], kind: str, white: float | None = None) -> NDArray[np.uint8]:
    """Scale levels to 8 bits.

    Parameters
    ----------
    levels : ndarray
    kind : str
    white : float, optional
        Default: that of this image alone.

    Raises
    ------
    ValueError
        When levels are not finite, negative, or beyond white.
    """
    if not np.isfinite(levels).all():
        raise ValueError("it has levels that are NaN or infinite")
    if (least := float(levels.min())) < 0:
        raise ValueError(f"its levels begin at {least:.6g}; those below 0 have no meaning here, shift them")
    most = float(levels.max())
    white = white_of_one(kind, most) if white is None else white
    if most > white * (1 + 1e-6):
        raise ValueError(f"its levels end at {most:.6g}, beyond {white:g}, which is white")
    return np.clip(np.rint(levels.astype(np.float64) * (255 / white)), 0, 255).astype(np.uint8)
