"""Corruptions: the noises, blurs, weathers and digital flaws of ImageNet-C and CIFAR-10-C, at five severities.

What happens to a photograph before a network sees it. The functions are in `distortions`; here are their constants and the
one call. Constants: Hendrycks and Dietterich's make_cifar_c.py and make_imagenet_c.py (github.com/hendrycks/robustness,
Apache-2.0), which made the benchmarks.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.stress.on_images import distortions

SCALES = ("cifar", "imagenet")
"""Which constants: those for 32 x 32 pixels, or those for 224 x 224."""


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption.

    Attributes
    ----------
    apply : callable
        ``apply(image, random, *constants)``, of :mod:`stresslib.stress.on_images.distortions`.
    cifar, imagenet : tuple
        Constants of severities 1 to 5, for small and for large images. Lengths are in pixels.
    extra : bool
        Whether it is one of the four that were kept out of the 15, and do not count in the mean corruption error.
    deterministic : bool
        Whether it draws nothing.
    """

    apply: Callable[..., NDArray[Any]]
    cifar: tuple[Any, ...]
    imagenet: tuple[Any, ...]
    extra: bool = False
    deterministic: bool = False

    def constants(self, severity: int, scale: str) -> tuple[Any, ...]:
        """Return what `apply` gets at a severity."""
        chosen = (self.cifar if scale == "cifar" else self.imagenet)[severity - 1]
        return chosen if isinstance(chosen, tuple) else (chosen,)


CORRUPTIONS = {
    "gaussian_noise": Corruption(
        distortions.gaussian_noise,
        cifar=(0.04, 0.06, 0.08, 0.09, 0.10),
        imagenet=(0.08, 0.12, 0.18, 0.26, 0.38),
    ),
    "shot_noise": Corruption(
        distortions.shot_noise,
        cifar=(500, 250, 100, 75, 50),
        imagenet=(60, 25, 12, 5, 3),
    ),
    "impulse_noise": Corruption(
        distortions.impulse_noise,
        cifar=(0.01, 0.02, 0.03, 0.05, 0.07),
        imagenet=(0.03, 0.06, 0.09, 0.17, 0.27),
    ),
    "defocus_blur": Corruption(
        distortions.defocus_blur,
        cifar=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        imagenet=((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        deterministic=True,
    ),
    "glass_blur": Corruption(
        distortions.glass_blur,
        cifar=((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        imagenet=((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    ),
    "motion_blur": Corruption(
        distortions.motion_blur,
        cifar=((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        imagenet=((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    ),
    "zoom_blur": Corruption(
        distortions.zoom_blur,
        cifar=((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
        imagenet=((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
        deterministic=True,
    ),
    "snow": Corruption(
        distortions.snow,
        cifar=(
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        imagenet=(
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
    ),
    "fog": Corruption(
        distortions.fog,
        cifar=((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        imagenet=((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    ),
    "brightness": Corruption(
        distortions.brightness,
        cifar=(0.05, 0.1, 0.15, 0.2, 0.3),
        imagenet=(0.1, 0.2, 0.3, 0.4, 0.5),
        deterministic=True,
    ),
    "contrast": Corruption(
        distortions.contrast,
        cifar=(0.75, 0.5, 0.4, 0.3, 0.15),
        imagenet=(0.4, 0.3, 0.2, 0.1, 0.05),
        deterministic=True,
    ),
    # Shares of the side of an image. The large images' code says 244 where 224 was meant, and their benchmark has it so.
    "elastic_transform": Corruption(
        distortions.elastic_transform,
        cifar=((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
        imagenet=((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)),
    ),
    "pixelate": Corruption(
        distortions.pixelate,
        cifar=(0.95, 0.9, 0.85, 0.75, 0.65),
        imagenet=(0.6, 0.5, 0.4, 0.3, 0.25),
        deterministic=True,
    ),
    "jpeg_compression": Corruption(
        distortions.jpeg_compression,
        cifar=(80, 65, 58, 50, 40),
        imagenet=(25, 18, 15, 10, 7),
        deterministic=True,
    ),
    "speckle_noise": Corruption(
        distortions.speckle_noise,
        cifar=(0.06, 0.1, 0.12, 0.16, 0.2),
        imagenet=(0.15, 0.2, 0.35, 0.45, 0.6),
        extra=True,
    ),
    "gaussian_blur": Corruption(
        distortions.gaussian_blur,
        cifar=(0.4, 0.6, 0.7, 0.8, 1),
        imagenet=(1, 2, 3, 4, 6),
        extra=True,
        deterministic=True,
    ),
    "spatter": Corruption(
        distortions.spatter,
        cifar=(
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ),
        imagenet=(
            (0.65, 0.3, 4, 0.69, 0.6, 0),
            (0.65, 0.3, 3, 0.68, 0.6, 0),
            (0.65, 0.3, 2, 0.68, 0.5, 0),
            (0.65, 0.3, 1, 0.65, 1.5, 1),
            (0.67, 0.4, 1, 0.65, 1.5, 1),
        ),
        extra=True,
    ),
    "saturate": Corruption(
        distortions.saturate,
        cifar=((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
        imagenet=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
        extra=True,
        deterministic=True,
    ),
}
"""Every corruption, in the benchmarks' order; frost is not among them, since its photographs are not ours to ship."""


def corrupt(
    image: NDArray[np.uint8],
    name: str,
    severity: int = 1,
    *,
    scale: str = "imagenet",
    random_state: int | np.random.RandomState = 0,
) -> NDArray[np.uint8]:
    """Corrupt an image as ImageNet-C or CIFAR-10-C is made.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
        Left as it is.
    name : str
        A key of `CORRUPTIONS`.
    severity : int, default=1
        From 1, the weakest, to 5.
    scale : {"imagenet", "cifar"}, default="imagenet"
        Whose constants: ImageNet-C's are for 224 x 224 pixels, CIFAR-10-C's for 32 x 32. Other sizes are allowed; lengths
        are pixels all the same, but for elastic_transform, whose constants are shares of the side.
    random_state : int or numpy.random.RandomState, default=0
        The seed, or a generator that several images share.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        Fractions of a level are cut off, as in the benchmarks.

    Raises
    ------
    ValueError
        When the image is not of that kind, or the name, severity or scale is not known.

    Notes
    -----
    ImageNet-C's files were stored as JPEG of quality 85 after this, which is not repeated here.

    References
    ----------
    Hendrycks and Dietterich, "Benchmarking neural network robustness to common corruptions and perturbations", ICLR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.stress.on_images import corrupt
    >>> image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    >>> corrupt(image, "contrast", severity=5, scale="cifar")[0, :2]
    array([[19, 20, 21],
           [19, 20, 21]], dtype=uint8)
    """
    corruption = _find(name)
    _check_image(image)
    if severity not in range(1, 6):
        raise ValueError(f"severity={severity!r}: it is 1, 2, 3, 4 or 5")
    if scale not in SCALES:
        raise ValueError(f"scale={scale!r}: it is 'cifar' or 'imagenet'")
    constants = corruption.constants(int(severity), scale)
    if name == "elastic_transform":
        side = min(image.shape[:2])
        constants = tuple(share * (side if scale == "cifar" else side * 244 / 224) for share in constants)
    random = random_state if isinstance(random_state, np.random.RandomState) else np.random.RandomState(random_state)
    return corruption.apply(np.ascontiguousarray(image), random, *constants).astype(np.uint8)


def _find(name: str) -> Corruption:
    if name in CORRUPTIONS:
        return CORRUPTIONS[name]
    if name == "frost":
        raise ValueError("frost is not among the corruptions: it needs photographs of frost that are not ours to ship")
    near = difflib.get_close_matches(str(name), CORRUPTIONS, n=1)
    raise ValueError(
        f"there is no corruption {name!r}; "
        + (f"the nearest is {near[0]!r}" if near else f"there are {', '.join(CORRUPTIONS)}")
    )


def _check_image(image: NDArray[Any]) -> None:
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        given = f"an array of shape {image.shape}" if isinstance(image, np.ndarray) else f"a {type(image).__name__}"
        hint = "; repeat a gray image's channel three times" if given.endswith((", 1)", "()")) or np.ndim(image) == 2 else ""
        raise ValueError(f"the image is {given}; an array of shape (H, W, 3), RGB, is needed{hint}")
    if image.dtype != np.uint8:
        hint = "; it holds NaN" if image.dtype.kind == "f" and np.isnan(image).any() else ""
        raise ValueError(f"the image is of type {image.dtype}{hint}; levels from 0 to 255 as uint8 are needed")
