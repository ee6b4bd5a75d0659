"""Anchored networks: one kernel that every layer uses, with normalisations of each layer's own (DACNN).

Of the architectures that are trained here, those under the hardest stress on weights: all layers share them.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

SHARING = ("plain", "regulated", "mixed", "mixed-regulated", "none", "mixed-none")
"""What layers share: one kernel, or one a width (``mixed``), with regulators or without; ``none``: the networks unshared."""


class AnchoredVGG(nn.Module):
    """VGG of 13 convolutions and a linear layer, in which one kernel of 3 x 3 is used by every convolution but the first.

    Parameters
    ----------
    width : int, default=128
        Channels of every layer; of a mixed network, those of the second stage of five.
    sharing : str, default="plain"
        - ``plain``: one kernel for all convolutions after the first.
        - ``regulated``: as ``plain``, and a convolution of 1 x 1 without bias behind every normalisation but the first.
        - ``mixed``: stages of width / 2, width, 2, 4 and 4 width channels, and one kernel for each of these widths; the
          convolutions that widen are shared with none.
        - ``mixed-regulated``: as ``mixed``, and with regulators behind the normalisations of shared kernels.
        - ``none``, ``mixed-none``: ``plain`` and ``mixed`` with a kernel for each layer, which the others are compared with.
    num_classes : int, default=100
    in_channels : int, default=3
    image_size : int, default=32
        Side of the images, at least 16. Of the five poolings, those that are possible take place.
    shared_norm : bool, default=False
        Whether the uses of one kernel share their batch normalisation, too, as in the class of the authors' code that does
        not run. In all that run, each use has its own.

    Raises
    ------
    ValueError
        When there is no such sharing, a size cannot be, or a norm shall be shared where no kernel is.

    Notes
    -----
    After the authors' code, to the digit. A layer of ``plain`` is convolution, rectifier, normalisation, and a layer of
    ``mixed`` convolution, normalisation, rectifier; the last stage of ``mixed`` begins with two uses in a row, with nothing
    between them. The unshared networks differ in sharing alone, so they have all that too. Regulators in a VGG are a choice
    of ours: of the published networks, only residual ones have them. They begin as the identity.

    References
    ----------
    Huang, Dwivedi and Roig, "Deep anchored convolutional neural networks", CVPR Workshops 2019;
    github.com/Gabriel-Huang/DACNN_release.

    Examples
    --------
    >>> from stresslib.networks import AnchoredVGG
    >>> sum(weights.numel() for weights in AnchoredVGG().parameters())
    167396
    """

    def __init__(
        self,
        width: int = 128,
        sharing: str = "plain",
        num_classes: int = 100,
        *,
        in_channels: int = 3,
        image_size: int = 32,
        shared_norm: bool = False,
    ) -> None:
        super().__init__()
        mixed, regulated = _check(width, sharing, shared_norm)
        if image_size < 16:
            raise ValueError(f"image_size={image_size}: it is at least 16")
        self.poolings = min(5, image_size.bit_length() - 1)
        self.shared = _Shared(not sharing.endswith("none"), shared_norm)
        self.stages = nn.ModuleList()
        before = in_channels
        for stage, count in enumerate((2, 2, 3, 3, 3)):
            channels = width * 2 ** min(stage, 3) // 2 if mixed else width
            layers = nn.ModuleList()
            for layer in range(count):
                widens = stage == layer == 0 or before != channels
                kernel = self.shared.kernel(before, channels, bias=True, own=widens)
                if mixed and stage == 4 and layer == 0:
                    layers.append(_Layer(kernel))
                else:
                    norm = self.shared.norm(kernel)
                    regulator = channels if regulated and not widens else 0
                    layers.append(_Layer(kernel, norm, rectified="last" if mixed else "between", regulator=regulator))
                before = channels
            self.stages.append(layers)
        self.linear = nn.Linear(before, num_classes)
        _initialize(self)

    def features(self, x: Tensor) -> Tensor:
        """Return the averages over the last map, (N, width), of a mixed network (N, 4 * width)."""
        for index, stage in enumerate(self.stages):
            for layer in stage:  # type: ignore[attr-defined]
                x = layer(x, self.shared)
            if index < self.poolings:
                x = functional.max_pool2d(x, 2)
        return functional.adaptive_avg_pool2d(x, 1).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes)."""
        return self.linear(self.features(x))


class AnchoredResNet(nn.Module):
    """A residual network of four stages, in which one kernel of 3 x 3 is used by every convolution but the first.

    Parameters
    ----------
    blocks : sequence of four int, default=(3, 4, 6, 3)
        Of each stage. A block has two convolutions: the default is the network of 34 layers, (2, 2, 2, 2) that of 18.
    width : int, default=128
        Channels of every layer; of a mixed network, those of the second stage.
    sharing : str, default="plain"
        - ``plain``: one kernel for all convolutions after the first.
        - ``regulated``: as ``plain``, and a convolution of 1 x 1 without bias in every block, behind its second
          normalisation and before the addition.
        - ``mixed``: stages of width / 2, width, 2 and 4 width channels, and one kernel for each stage; the first convolution
          of a stage that widens, and its shortcut of 1 x 1, are shared with none. Channels are rotated by one between uses.
        - ``mixed-regulated``: as ``mixed``, with regulators in place of the rotation.
        - ``none``, ``mixed-none``: ``plain`` and ``mixed`` with a kernel for each layer, which the others are compared with.
    num_classes : int, default=100
    in_channels : int, default=3
    shared_norm : bool, default=False
        Whether the uses of one kernel share their batch normalisation, too.
    regulators : {"block", "layer"}, default="block"
        Where a regulated network has them: as in the authors' figure, or behind the first normalisation of a block, too.

    Raises
    ------
    ValueError
        When there is no such sharing, a size cannot be, or a norm shall be shared where no kernel is.

    Notes
    -----
    Images have at least 16 x 16 pixels: each stage ends with a pooling.

    ``plain`` and ``mixed`` are the authors' code, to the digit, without the modules that it creates and never calls: 172,260
    weights of 176,356 of the plain network, 4,925,668 of 6,332,388 of the mixed one. The regulators are among these: the
    figure shows them, and the code rotates channels instead. ``regulated`` and ``mixed-regulated`` are the figure. The sizes
    that were published for mixed networks with regulators, 5.60 and 6.16 million for 18 and 34 layers, fit one of them a
    block; those of networks that are not mixed, .467 and .729 million, are nearer to one a layer. Regulators begin as the
    identity, a choice of ours.

    References
    ----------
    Huang, Dwivedi and Roig, "Deep anchored convolutional neural networks", CVPR Workshops 2019;
    github.com/Gabriel-Huang/DACNN_release.

    Examples
    --------
    >>> from stresslib.networks import AnchoredResNet
    >>> [sum(weights.numel() for weights in AnchoredResNet(sharing=s).parameters()) for s in ("plain", "mixed-regulated")]
    [172260, 6183140]
    """

    def __init__(
        self,
        blocks: Sequence[int] = (3, 4, 6, 3),
        width: int = 128,
        sharing: str = "plain",
        num_classes: int = 100,
        *,
        in_channels: int = 3,
        shared_norm: bool = False,
        regulators: str = "block",
    ) -> None:
        super().__init__()
        mixed, regulated = _check(width, sharing, shared_norm)
        if len(blocks) != 4 or min(blocks) < 1:
            raise ValueError(f"blocks={tuple(blocks)}: they are four numbers, each at least 1")
        if regulators not in ("block", "layer"):
            raise ValueError(f"regulators={regulators!r}: it is block or layer")
        regulated_parts = (regulated and regulators == "layer", regulated)
        self.shared = _Shared(not sharing.endswith("none"), shared_norm)
        channels = width // 2 if mixed else width
        kernel = self.shared.kernel(in_channels, channels, bias=False, own=True)
        self.first = _Layer(kernel, self.shared.norm(kernel), rectified="last")
        self.stages = nn.ModuleList()
        for stage, count in enumerate(blocks):
            before, channels = channels, width * 2**stage // 2 if mixed else width
            widths = [before] + [channels] * (count - 1)
            rotated = mixed and not regulated
            self.stages.append(
                nn.ModuleList(_Block(self.shared, one, channels, mixed, rotated, regulated_parts) for one in widths)
            )
        self.linear = nn.Linear(channels, num_classes)
        _initialize(self)

    def features(self, x: Tensor) -> Tensor:
        """Return the averages over the last map, (N, width), of a mixed network (N, 4 * width)."""
        x = self.first(x, self.shared)
        for stage in self.stages:
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, self.shared)
            x = functional.max_pool2d(x, 2)
        return functional.adaptive_avg_pool2d(x, 1).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes)."""
        return self.linear(self.features(x))


class _Shared(nn.Module):
    """The kernels of a network and their normalisations, each kept once, however many layers use it."""

    def __init__(self, kernels: bool, norms: bool) -> None:
        super().__init__()
        self.kernels = nn.ModuleList()
        self.norms = nn.ModuleList()
        self.share_kernels, self.share_norms = kernels, norms
        self.kernel_of_width: dict[int, int] = {}
        self.norm_of_kernel: dict[int, int] = {}

    def kernel(self, before: int, after: int, *, bias: bool, own: bool) -> int:
        """Return the place of a kernel: a layer's own, or the one that all layers of that width use."""
        if own or not self.share_kernels or after not in self.kernel_of_width:
            self.kernels.append(nn.Conv2d(before, after, 3, padding=1, bias=bias))
            if own:
                return len(self.kernels) - 1
            self.kernel_of_width[after] = len(self.kernels) - 1
        return self.kernel_of_width[after]

    def norm(self, kernel: int) -> int:
        """Return the place of a normalisation behind a kernel."""
        if kernel not in self.norm_of_kernel or not self.share_norms:
            self.norms.append(nn.BatchNorm2d(self.kernels[kernel].out_channels))  # type: ignore[arg-type]
            self.norm_of_kernel[kernel] = len(self.norms) - 1
        return self.norm_of_kernel[kernel]


class _Layer(nn.Module):
    """One use of a kernel: what is behind it, its rectifier before the normalisation or after, and a regulator, if any."""

    def __init__(self, kernel: int, norm: int | None = None, *, rectified: str = "", regulator: int = 0) -> None:
        super().__init__()
        self.kernel, self.norm, self.rectified = kernel, norm, rectified
        self.regulator = nn.Conv2d(regulator, regulator, 1, bias=False) if regulator else None

    def forward(self, x: Tensor, shared: _Shared) -> Tensor:
        x = shared.kernels[self.kernel](x)
        if self.rectified == "between":
            x = functional.relu(x)
        if self.norm is not None:
            x = shared.norms[self.norm](x)
        if self.regulator is not None:
            x = self.regulator(x)
        return functional.relu(x) if self.rectified == "last" else x


class _Block(nn.Module):
    """Two layers and a shortcut, rectified after the addition."""

    def __init__(
        self, shared: _Shared, before: int, channels: int, bias: bool, rotated: bool, regulated: tuple[bool, bool]
    ) -> None:
        super().__init__()
        first = shared.kernel(before, channels, bias=bias, own=before != channels)
        self.first = _Layer(first, shared.norm(first), rectified="last", regulator=channels if regulated[0] else 0)
        second = shared.kernel(channels, channels, bias=bias, own=False)
        self.second = _Layer(second, shared.norm(second), regulator=channels if regulated[1] else 0)
        self.rotated = rotated
        self.shortcut: nn.Sequential | None = None
        if before != channels:
            self.shortcut = nn.Sequential(nn.Conv2d(before, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor, shared: _Shared) -> Tensor:
        out = self.first(x, shared)
        if self.rotated:
            out = torch.roll(out, -1, 1)
        out = self.second(out, shared)
        shortcut = x if self.shortcut is None else self.shortcut(x)
        if self.rotated:  # as often on both ways, so that a channel is added to what became of it
            out, shortcut = torch.roll(out, -1, 1), torch.roll(shortcut, -2, 1)
        return functional.relu(out + shortcut)


def _check(width: int, sharing: str, shared_norm: bool) -> tuple[bool, bool]:
    """Return whether a network is mixed, and whether it is regulated."""
    if sharing not in SHARING:
        near = difflib.get_close_matches(sharing, SHARING, n=1)
        hint = f"the nearest is {near[0]!r}" if near else f"there are {', '.join(SHARING)}"
        raise ValueError(f"there is no sharing {sharing!r}; {hint}")
    mixed = sharing.startswith("mixed")
    if mixed and (width < 2 or width % 2):
        raise ValueError(
            f"width={width}: of a mixed network, whose first stage has half of it, it is an even number, at least 2"
        )
    if width < 1:
        raise ValueError(f"width={width}: it is at least 1")
    if shared_norm and sharing.endswith("none"):
        raise ValueError(
            f"shared_norm=True, sharing={sharing!r}: the uses of a kernel share a norm, and here each kernel has one use"
        )
    return mixed, sharing.endswith("regulated")


def _initialize(module: nn.Module) -> None:
    for child in module.modules():
        if isinstance(child, _Layer) and child.regulator is not None:
            nn.init.dirac_(child.regulator.weight)
        elif isinstance(child, nn.Conv2d) and child.kernel_size != (1, 1):
            nn.init.kaiming_normal_(child.weight)
