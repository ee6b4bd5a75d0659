"""Operations: the nine simple alterations of an image of which APR-S draws, on batches of tensors.

Under `amplitude_phase`. They are those of AugMix that stay out of the corruptions of ImageNet-C, but for autocontrast and
equalize, which overlap with its contrast; the authors draw them at level 3 of 10, and so does this.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

LEVEL = 3
"""Strengths are drawn from 0.1 to this, in tenths of the strongest."""


def drawn(count: int, generator: torch.Generator | None, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Return uniform draws, made on the CPU so that every device gets the same."""
    return low + (high - low) * torch.rand(count, generator=generator)


def on_tensors(alter: Callable[[Tensor], Tensor], images: Any) -> Any:
    """Apply a function of (N, C, H, W) to images of any leading shape, or to a PIL image.

    Raises
    ------
    ValueError
        When the images are neither, or not finite; the message says what they are.
    """
    if isinstance(images, Image.Image):
        levels = np.atleast_3d(np.asarray(images if images.mode in ("L", "RGB") else images.convert("RGB")))
        altered = alter(torch.tensor(levels).permute(2, 0, 1)[None].float() / 255)[0]
        array = altered.mul(255).round().byte().permute(1, 2, 0).numpy()
        return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
    if not isinstance(images, Tensor) or images.ndim < 3 or not images.is_floating_point():
        kind = f"a {images.dtype} of shape {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"the images are {kind}; a PIL image, or floating point of shape (..., C, H, W), is needed")
    if not torch.isfinite(images).all():
        raise ValueError("an image holds NaN or infinity")
    return alter(images.reshape(-1, *images.shape[-3:])).reshape(images.shape)


class RandomOperation(nn.Module):
    """Alters each image by one of nine operations, drawn at random with its strength.

    Autocontrast, equalize, posterize to 4 or 3 bits, rotate by up to 8 degrees, solarize, shear and translate along either
    axis; what comes from beyond the border is black. A transform as those of torchvision.transforms.v2.

    Parameters
    ----------
    generator : torch.Generator, optional
        On the CPU. Default: torch's own.

    References
    ----------
    Hendrycks et al., "AugMix", ICLR 2020, from whose code the operations come.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_images import RandomOperation
    >>> RandomOperation()(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    """

    def __init__(self, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, images: Any) -> Any:
        """Alter each image on its own.

        Parameters
        ----------
        images : Tensor of shape (..., C, H, W) in [0, 1], or PIL.Image.Image

        Returns
        -------
        Tensor of the same shape, in [0, 1], or PIL.Image.Image
        """
        return on_tensors(self._altered, images)

    def _altered(self, images: Tensor) -> Tensor:
        count = len(images)
        chosen = torch.randint(len(OPERATIONS), (count,), generator=self.generator)
        strength = drawn(count, self.generator, 0.1, LEVEL)
        sign = torch.where(drawn(count, self.generator) > 0.5, -1.0, 1.0)
        result = images.clone()
        for number, operation in enumerate(OPERATIONS.values()):
            which = torch.nonzero(chosen == number).flatten()
            if len(which):
                place = which.to(images.device)
                result[place] = operation(images[place], strength[which].to(images), sign[which].to(images))
        return result


def autocontrast(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    """Stretch each channel from black to white."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    spread = high - low
    return torch.where(spread > 0, (images - low) / torch.where(spread > 0, spread, 1), images)


def equalize(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    """Spread the levels of each channel evenly."""
    levels = _levels(images).flatten(2).long()
    counts = torch.zeros(*levels.shape[:2], 256, dtype=torch.long, device=images.device)
    counts.scatter_add_(2, levels, torch.ones_like(levels))
    last = counts.gather(2, levels.amax(2, keepdim=True))
    step = (counts.sum(2, keepdim=True) - last) // 255
    before = counts.cumsum(2) - counts
    table = ((before + step // 2) // step.clamp(min=1)).clamp(max=255)
    table = torch.where(step > 0, table, torch.arange(256, device=images.device))
    return (table.gather(2, levels) / 255).reshape(images.shape).to(images.dtype)


def posterize(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    """Keep 4 bits of each value, or 3."""
    bits = 4 - (strength * 4 / 10).floor()
    unit = (2 ** (8 - bits))[:, None, None, None]
    return (_levels(images) / unit).floor() * unit / 255


def solarize(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    """Invert the brightest values."""
    threshold = (256 - (strength * 256 / 10).floor())[:, None, None, None]
    return torch.where(_levels(images) >= threshold, 1 - images, images)


def rotate(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    """Rotate about the centre, by whole degrees."""
    angle = sign * (strength * 30 / 10).floor() * (math.pi / 180)
    height, width = images.shape[2:]
    cos, sin = angle.cos(), angle.sin()
    matrix = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    centre = torch.tensor([width / 2, height / 2], device=images.device, dtype=images.dtype)
    return _moved(images, matrix, centre - matrix @ centre)


def shear(axis: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return the operation that shifts rows (0) or columns (1) by a share of their number."""

    def sheared(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
        matrix = torch.eye(2, device=images.device, dtype=images.dtype).repeat(len(images), 1, 1)
        matrix[:, axis, 1 - axis] = sign * strength * 0.3 / 10
        return _moved(images, matrix, torch.zeros(len(images), 2).to(images))

    return sheared


def translate(axis: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return the operation that shifts the image along x (0) or y (1) by whole pixels."""

    def translated(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
        shift = torch.zeros(len(images), 2).to(images)
        shift[:, axis] = sign * (strength * images.shape[3 - axis] / 3 / 10).floor()
        return _moved(images, torch.eye(2).to(images).repeat(len(images), 1, 1), shift)

    return translated


OPERATIONS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "autocontrast": autocontrast,
    "equalize": equalize,
    "posterize": posterize,
    "rotate": rotate,
    "solarize": solarize,
    "shear_x": shear(0),
    "shear_y": shear(1),
    "translate_x": translate(0),
    "translate_y": translate(1),
}
"""Each takes images (N, C, H, W), their strengths (N,) and signs (N,)."""


def _levels(images: Tensor) -> Tensor:
    return (images * 255).round()


def _moved(images: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
    """Take the value of each pixel (x, y) from the place ``matrix @ (x, y) + shift`` of its image; outside is black."""
    size = torch.tensor([images.shape[3], images.shape[2]], device=images.device, dtype=images.dtype)
    scaled = matrix * size[None, None, :] / size[None, :, None]  # from pixels to torch's coordinates, -1 to 1
    offset = scaled.sum(2) + 2 * shift / size - 1
    grid = functional.affine_grid(torch.cat([scaled, offset[..., None]], 2), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
