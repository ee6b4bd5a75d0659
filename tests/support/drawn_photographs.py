"""Small JPEGs of two classes, for runs that read images and do not look at them."""

from pathlib import Path

import numpy as np
from PIL import Image

from stresslib.datasets import ImageSet, from_folder


def photographs(root: Path, count: int) -> ImageSet:
    """Two classes of small JPEGs, each image another one."""
    for number in range(count):
        path = root / "ab"[number % 2] / f"{number:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = np.random.default_rng(number).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(drawn).save(path)
    return from_folder(root, name="tiny")
