"""Augmentation: shifted and mirrored images, the whole batch at once.

What a training does to every image before anything else.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ShiftAndFlip(nn.Module):
    """Shifts each image by up to an eighth of its side either way, over black, and mirrors every second one.

    The usual augmentation of CIFAR-10, "crop with padding 4", for images of any size. It draws from torch's generator.

    Parameters
    ----------
    flip : bool, default=True
        Whether images are mirrored.

    Examples
    --------
    >>> import torch
    >>> from stresslib.training.augmentation import ShiftAndFlip
    >>> ShiftAndFlip()(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    """

    def __init__(self, flip: bool = True) -> None:
        super().__init__()
        self.flip = flip

    def forward(self, images: Tensor) -> Tensor:
        """Return images of the same shape (N, C, H, W)."""
        count, _, height, width = images.shape
        most = height // 8
        shift = torch.randint(2 * most + 1, (2, count, 1))
        rows, columns = (start + torch.arange(side) for start, side in zip(shift, (height, width), strict=True))
        if self.flip:
            columns = torch.where(torch.rand(count, 1) < 0.5, columns.flip(1), columns)
        padded = functional.pad(images, (most,) * 4).permute(0, 2, 3, 1)
        which = torch.arange(count)[:, None, None]
        # Channels come last in memory, which convolutions are faster with.
        return padded[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """Return the parameters, for repr."""
        return f"flip={self.flip}"
