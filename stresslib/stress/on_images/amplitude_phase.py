"""Amplitude and phase: images are taken apart by the Fourier transform and put together with another image's part.

Stress on images, for training (APR-P, APR-S) and for tests. The transform goes over channels, height and width together,
as in the authors' code.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from stresslib.stress.on_images.operations import RandomOperation, drawn, on_tensors


def recombine(amplitude: Tensor, phase: Tensor) -> Tensor:
    """Return the images that have the amplitude of some images and the phase of others.

    Parameters
    ----------
    amplitude, phase : Tensor of shape (..., C, H, W), floating point
        Images, such as in [0, 1].

    Returns
    -------
    Tensor of shape (..., C, H, W)
        Real, and not clipped: of photographs in [0, 1], some values in a hundred leave the range.

    Raises
    ------
    ValueError
        When the images differ in shape, are not floating point, or are not finite.

    References
    ----------
    Chen et al., "Amplitude-phase recombination: Rethinking robustness of convolutional neural networks in frequency domain",
    ICCV 2021.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_images import recombine
    >>> image = torch.arange(12.0).reshape(1, 3, 4) / 11
    >>> bool(torch.allclose(recombine(2 * image, image), 2 * image, atol=1e-6))
    True
    """
    for image in (amplitude, phase):
        if image.ndim < 3 or not image.is_floating_point():
            raise ValueError(
                f"an image is a {image.dtype} of shape {tuple(image.shape)}; floating point and (..., C, H, W) are needed"
            )
        if not torch.isfinite(image).all():
            raise ValueError("an image holds NaN or infinity")
    if amplitude.shape != phase.shape:
        raise ValueError(
            f"the images differ in shape: {tuple(amplitude.shape)} and {tuple(phase.shape)}; resize one of them"
        )
    axes = (-3, -2, -1)
    # The images are real, so that half of the frequencies have it all.
    magnitude = torch.fft.rfftn(amplitude, dim=axes).abs()
    angle = torch.fft.rfftn(phase, dim=axes).angle()
    return torch.fft.irfftn(torch.polar(magnitude, angle), s=phase.shape[-3:], dim=axes)


class AmplitudePhasePairs(nn.Module):
    """APR-P: each image of a batch gets the amplitude of another one, and keeps its phase and its label.

    A transform as those of torchvision.transforms.v2: a module that draws from torch's generator. The authors train on the
    images and the mixed ones together, and normalise after mixing; neither clips.

    Parameters
    ----------
    probability : float, default=0.6
        With which a batch is mixed, by one draw a batch; else it comes back as it is. The authors take 0.6 for CIFAR and 0.5
        for ImageNet.
    generator : torch.Generator, optional
        On the CPU. Default: torch's own, which ``torch.manual_seed`` seeds.

    References
    ----------
    Chen et al., ICCV 2021; github.com/iCGY96/APR.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_images import AmplitudePhasePairs
    >>> AmplitudePhasePairs(probability=1.0)(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    """

    def __init__(self, probability: float = 0.6, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if not 0 <= probability <= 1:
            raise ValueError(f"probability={probability!r}: it is from 0 to 1")
        self.probability = probability
        self.generator = generator

    def forward(self, images: Tensor) -> Tensor:
        """Mix a batch.

        Parameters
        ----------
        images : Tensor of shape (N, C, H, W), floating point

        Returns
        -------
        Tensor of shape (N, C, H, W)
            Not clipped.

        Raises
        ------
        ValueError
            When it is not such a batch.
        """
        if images.ndim != 4:
            raise ValueError(f"images of shape {tuple(images.shape)}: pairs are drawn from a batch, (N, C, H, W)")
        if float(drawn(1, self.generator)) > self.probability:
            return images
        partners = torch.randperm(len(images), generator=self.generator).to(images.device)
        return recombine(images[partners], images)

    def extra_repr(self) -> str:
        """Return the parameters, for repr."""
        return f"probability={self.probability}"


class AmplitudePhaseSingle(nn.Module):
    """APR-S: an image is altered by a random operation, and half of the time recombined with a copy that is altered again.

    A transform as those of torchvision.transforms.v2. The operations are those of
    :class:`~stresslib.stress.on_images.operations.RandomOperation`. Of the two images, the amplitude of one and the phase of
    the other are kept, either way with equal probability. The authors' code lets values beyond black and white wrap around;
    here they are clipped and rounded to 8 bits.

    Parameters
    ----------
    generator : torch.Generator, optional
        On the CPU. Default: torch's own.

    References
    ----------
    Chen et al., ICCV 2021; github.com/iCGY96/APR.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_images import AmplitudePhaseSingle
    >>> altered = AmplitudePhaseSingle()(torch.rand(8, 3, 32, 32))
    >>> altered.shape, bool(altered.min() >= 0), bool(altered.max() <= 1)
    (torch.Size([8, 3, 32, 32]), True, True)
    """

    def __init__(self, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.generator = generator
        self.operation = RandomOperation(generator=generator)

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
        first = self.operation(images)
        recombined = torch.nonzero(drawn(len(images), self.generator) <= 0.5).flatten().to(images.device)
        if len(recombined) == 0:
            return first
        one = first[recombined]
        other = self.operation(one)
        swap = (drawn(len(one), self.generator) > 0.5).to(images.device)[:, None, None, None]
        mixed = recombine(torch.where(swap, one, other), torch.where(swap, other, one))
        result = first.clone()
        result[recombined] = mixed.mul(255).round().clamp(0, 255).div(255)
        return result
