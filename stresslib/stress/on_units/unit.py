"""Unit: one channel of a layer, read on images that are as large as what it sees, before its rectifier.

Between the receptive field and what is done to a unit. A changed copy of a network reads the same images in the same place.
"""

from __future__ import annotations

from copy import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from stresslib.stress.on_units.receptive_field import ReceptiveField, in_channels, read_at, receptive_field


class Unit:
    """A unit of a network, as a function of images.

    Nothing but the image enters it: it is the unit whose receptive field is the image, so that no padding of the network is
    seen, as where a network is run without padding.

    Parameters
    ----------
    module : torch.nn.Module
        As it is in evaluation mode; it is left as it is.
    node : str
        Name of a node of its graph, or of the part of the network that ends there. A rectifier is read before it rectifies.
    channel : int
        From 0.
    distance : str, default="pixels"
        Node of an earlier layer, between whose outputs distances are taken.
    image_size : int, optional
        Side of the images. Default: that of the receptive field. Needed where there is none, as after a fully connected
        layer: then it is the channel itself that is read, and of a map the unit in its middle.

    Attributes
    ----------
    shape : tuple of int
        (C, H, W) of an image.
    node : str
    channel : int
    channels : int
        Of the node.
    field : ReceptiveField or None

    Raises
    ------
    ValueError
        When there is no such node or channel, or no receptive field and no image size.

    Examples
    --------
    >>> import torch
    >>> from stresslib.networks import CifarResNet
    >>> from stresslib.stress.on_units import Unit
    >>> unit = Unit(CifarResNet(8), "layer1.0.conv2", 3)
    >>> unit.shape, unit(torch.randn(2, 3, 7, 7)).shape
    ((3, 7, 7), torch.Size([2]))
    """

    def __init__(
        self,
        module: nn.Module,
        node: str,
        channel: int,
        *,
        distance: str = "pixels",
        image_size: int | None = None,
    ) -> None:
        earlier = () if distance == "pixels" else (distance,)
        self._part = read_at(module, node, *earlier)
        self._has_features = bool(earlier)
        for weights in self._part.parameters():
            weights.requires_grad_(False)
        self.field: ReceptiveField | None = None
        self._before = 0
        self._places: tuple[slice, ...] = (slice(None),)
        if image_size is None:
            self.field = receptive_field(module, node)
            # The first unit whose field lies inside the image; the few pixels before that are not seen.
            self._index = -(self.field.start // self.field.stride)
            self._before = self.field.start + self._index * self.field.stride
            image_size = self.field.size
            if earlier:
                self._places = (slice(None), *2 * (self._inside(receptive_field(module, distance)),))
        self.shape = (in_channels(self._part, node), image_size, image_size)
        out = self._outputs(torch.zeros(1, *self.shape, device=self.device))[0]
        if out.ndim not in (2, 4):
            raise ValueError(f"node {node!r} gives {tuple(out.shape)} for one image; (1, C) or (1, C, H, W) is needed")
        self.channels = int(out.shape[1])
        self.node = node
        self.channel = self._checked(channel)
        if self.field is None:
            self._index = out.shape[-1] // 2

    def _checked(self, channel: int) -> int:
        if not 0 <= channel < self.channels:
            near = min(max(channel, 0), self.channels - 1)
            raise ValueError(
                f"node {self.node!r} has {self.channels} channels, from 0 on, and none {channel}; the nearest is {near}"
            )
        return channel

    def beside(self, channel: int) -> Unit:
        """Return the unit of another channel at the same place, without looking for the receptive field again.

        Parameters
        ----------
        channel : int
            From 0.

        Returns
        -------
        Unit

        Raises
        ------
        ValueError
            When there is no such channel.
        """
        other = copy(self)
        other.channel = self._checked(channel)
        return other

    def _inside(self, field: ReceptiveField) -> slice:
        """Return the units of an earlier layer that see nothing but the image."""
        assert self.field is not None
        first = -((field.start - self._before) // field.stride)
        last = (self._before + self.field.size - field.size - field.start) // field.stride
        if last < first:
            raise ValueError("the layer of the distance sees more than the unit; name an earlier one")
        return slice(first, last + 1)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next((one.device for one in self._part.parameters()), torch.device("cpu"))

    def _outputs(self, images: Tensor) -> tuple[Tensor, ...]:
        try:
            out = self._part(functional.pad(images, (self._before, 0, self._before, 0)))
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"the network does not take images of {tuple(images.shape[1:])}: {reason}") from error
        return out if self._has_features else (out,)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the unit's value for each image, before it is rectified.

        Parameters
        ----------
        images : Tensor of shape (N, C, H, W)
            Of the unit's `shape`, as the module takes them.

        Returns
        -------
        Tensor of shape (N,)

        Raises
        ------
        ValueError
            When they are of another shape.
        """
        return self.read(images)[0]

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the unit's values, (N,), and what distances are between, (N, ...): the images, or an earlier layer."""
        if images.ndim != 4 or tuple(images.shape[1:]) != self.shape:
            raise ValueError(f"images of shape {tuple(images.shape)}: (N, {', '.join(map(str, self.shape))}) is needed")
        out, *features = self._outputs(images)
        values = out[:, self.channel] if out.ndim == 2 else out[:, self.channel, self._index, self._index]
        return values, features[0][:, *self._places] if features else images
