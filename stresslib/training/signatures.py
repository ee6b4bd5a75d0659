"""Signatures: a SigNet is trained to tell writers apart, and, where that is wanted, forgeries from what was signed.

One training by the common fit, with the recipe of SigNet's authors. What is trained on signatures stays with the user: none
of it is shipped.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional

from stresslib.datasets.signatures import INPUT, RESIZED
from stresslib.networks.registry import build
from stresslib.networks.signet import SigNet
from stresslib.training.checkpoint import History
from stresslib.training.fit import fit, predict

LOSSES = ("L1", "L2")
"""How the loss on writers counts forgeries: L1 as signatures of who is imitated, L2, that of the released SigNet-F, not."""


class RandomCrop(nn.Module):
    """Cuts 150 x 220 pixels out of each picture at a place of its own; what a training does to a batch.

    It draws from torch's generator.

    Examples
    --------
    >>> import torch
    >>> from stresslib.training.signatures import RandomCrop
    >>> pictures, labels = RandomCrop()(torch.rand(4, 1, 170, 242), torch.arange(4))
    >>> pictures.shape
    torch.Size([4, 1, 150, 220])
    """

    def forward(self, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cut pictures (N, 1, 150, 220), and the labels as they are."""
        count, _, height, width = pictures.shape
        rows, columns = (
            torch.randint(have - want + 1, (count, 1)) + torch.arange(want)
            for have, want in zip((height, width), INPUT, strict=True)
        )
        which = torch.arange(count)[:, None, None]
        return pictures[which, 0, rows[:, :, None], columns[:, None, :]][:, None], labels


class WriterAndForgeryLoss(nn.Module):
    """The loss of SigNet-F: cross entropy on writers and binary cross entropy on "forged", weighted.

    Parameters
    ----------
    lam : float, default=0.95
        Share of the loss on forgeries; that on writers has the rest.
    variant : {"L2", "L1"}, default="L2"
        Whether the loss on writers leaves forgeries out (equation 4 of the paper), or counts them as signatures of whom
        they imitate (equation 3).

    Notes
    -----
    Labels are numbers of writers, and ``-1 - writer`` for a forgery. The last logit says "forged", the others whose.

    References
    ----------
    Hafemann, Sabourin and Oliveira, Pattern Recognition 70, 2017.

    Examples
    --------
    >>> import torch
    >>> from stresslib.training.signatures import WriterAndForgeryLoss
    >>> round(float(WriterAndForgeryLoss(lam=0.5)(torch.zeros(2, 3), torch.tensor([0, -1]))), 4)
    0.6931
    """

    def __init__(self, lam: float = 0.95, variant: str = "L2") -> None:
        super().__init__()
        if not 0 <= lam <= 1:
            raise ValueError(f"lam={lam}: it is a share, from 0 to 1")
        if variant not in LOSSES:
            raise ValueError(f"variant={variant!r}: it is one of {', '.join(LOSSES)}")
        self.lam, self.variant = lam, variant

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of logits (N, writers + 1)."""
        forged = labels < 0
        forgery = functional.binary_cross_entropy_with_logits(logits[:, -1], forged.float())
        counted = torch.ones_like(forged) if self.variant == "L1" else ~forged
        writers = torch.where(forged, -1 - labels, labels)
        each = functional.cross_entropy(logits[:, :-1], writers, reduction="none")
        # A batch of forgeries alone says nothing of writers: a mean over none would be NaN.
        identity = (each * counted).sum() / counted.sum().clamp(min=1)
        return (1 - self.lam) * identity + self.lam * forgery

    def extra_repr(self) -> str:
        """Return the parameters, for repr."""
        return f"lam={self.lam}, variant={self.variant!r}"


class ClippedSGD(torch.optim.SGD):
    """Stochastic gradient descent after each value of the gradient was limited to 10 either way."""

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take a step."""
        for group in self.param_groups:
            nn.utils.clip_grad_value_(group["params"], 10)
        return super().step(closure)


signet_sgd = partial(ClippedSGD, lr=0.001, momentum=0.9, nesterov=True, weight_decay=1e-4)
"""The optimiser of SigNet's authors."""


def thirds(share: float) -> float:
    """Return the factor of the learning rate: a tenth after each third of a training.

    Parameters
    ----------
    share : float
        Of the training that is done, from 0 to 1.

    Returns
    -------
    float

    Examples
    --------
    >>> from stresslib.training.signatures import thirds
    >>> [round(thirds(share), 3) for share in (0.0, 0.4, 0.9)]
    [1.0, 0.1, 0.01]
    """
    return 0.1 ** min(int(3 * share), 2)


def learn_writers(
    pictures: NDArray[np.uint8],
    writer: ArrayLike,
    forged: ArrayLike | None = None,
    *,
    architecture: str = "signet",
    lam: float = 0.95,
    variant: str = "L2",
    epochs: int = 60,
    batch_size: int = 32,
    learning_rate: float = 0.001,
    seed: int = 0,
    precision: str = "float32",
    device: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> tuple[SigNet, History]:
    """Train a SigNet to tell writers apart; with forgeries a SigNet-F.

    Parameters
    ----------
    pictures : ndarray of shape (n, 1, 170, 242), uint8
        Of :meth:`stresslib.datasets.signatures.Signatures.pictures`, with ``size=(170, 242)``.
    writer : array-like of shape (n,), integer
        Who signs, or is imitated. They are numbered anew.
    forged : array-like of shape (n,), bool, optional
        Default: none is, and the loss is the cross entropy on writers alone.
    architecture : str, default="signet"
        Or one of another width, such as ``signet:24``.
    lam, variant
        As :class:`WriterAndForgeryLoss` takes them; without forgeries they have no effect.
    epochs, batch_size, learning_rate
        The defaults are the authors', for 531 writers. Fewer signatures make fewer steps an epoch.
    seed : int, default=0
        Of the first weights, the order and the crops.
    precision, device, checkpoint, progress
        As for :func:`stresslib.training.fit.fit`.

    Returns
    -------
    network : SigNet
        In evaluation mode; its ``features`` are what other people's signatures are verified by.
    history : list of dict
        Loss, and the share of genuine signatures whose writer is right, of each epoch.

    Raises
    ------
    ValueError
        When the pictures or labels do not fit, there is one writer only, no signature is genuine, or as for
        :func:`stresslib.training.fit.fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.training.signatures import learn_writers
    >>> pictures = np.random.default_rng(0).integers(0, 255, (6, 1, 170, 242), dtype=np.uint8)
    >>> network, history = learn_writers(pictures, [0, 0, 0, 4, 4, 4], architecture="signet:3", epochs=1, progress=False)
    >>> network.linear.out_features, len(history)
    (2, 1)
    """
    who = np.asarray(writer)
    fake = np.zeros(len(who), dtype=bool) if forged is None else np.asarray(forged).astype(bool)
    _check(pictures, who, fake)
    names, numbers = np.unique(who, return_inverse=True)
    labels = np.where(fake, -1 - numbers, numbers)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(architecture, 1, len(names) + (forged is not None), INPUT[0])
    if not isinstance(network, SigNet):
        raise ValueError(f"architecture={architecture!r}: it is signet, or signet of another width, as in signet:24")
    history = fit(
        network,
        pictures,
        labels,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=partial(signet_sgd, lr=learning_rate),
        schedule=thirds,
        criterion=None if forged is None else WriterAndForgeryLoss(lam, variant),
        batch_hook=RandomCrop(),
        seed=seed,
        precision=precision,
        device=device,
        checkpoint=checkpoint,
        progress=progress,
    )
    return network, history


def signature_features(network: SigNet, pictures: NDArray[np.uint8], *, device: str | None = None) -> NDArray[Any]:
    """Return the features of pictures, each cut to its middle.

    Parameters
    ----------
    network : SigNet
        In evaluation mode.
    pictures : ndarray of shape (n, 1, H, W), uint8
        At least 150 x 220 pixels.
    device : str, optional
        Where the network is. Default: the CPU.

    Returns
    -------
    ndarray of shape (n, 2048), float32

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.networks import SigNet
    >>> from stresslib.training.signatures import signature_features
    >>> signature_features(SigNet(width=3).eval(), np.zeros((2, 1, 170, 242), np.uint8)).shape
    (2, 2048)
    """
    top, left = ((have - want) // 2 for have, want in zip(pictures.shape[2:], INPUT, strict=True))
    middle = pictures[:, :, top : top + INPUT[0], left : left + INPUT[1]]
    return predict(network.features, middle, batch_size=100, device=device)


def _check(pictures: NDArray[Any], writer: NDArray[Any], forged: NDArray[np.bool_]) -> None:
    if pictures.ndim != 4 or pictures.shape[1:] != (1, *RESIZED) or pictures.dtype != np.uint8:
        raise ValueError(f"the pictures are {pictures.dtype} of shape {pictures.shape}; uint8 of (n, 1, 170, 242) is needed")
    if writer.shape != (len(pictures),) or forged.shape != writer.shape:
        raise ValueError(
            f"{len(pictures)} pictures, writers of shape {writer.shape}, forged of shape {forged.shape}; one each"
        )
    signed = np.unique(writer[~forged])
    if len(signed) < 2:
        raise ValueError(f"there are genuine signatures of {len(signed)} writer(s); at least two are told apart")
    bare = np.setdiff1d(writer, signed)
    if len(bare):
        raise ValueError(f"writer {bare[0]} has forged signatures and no genuine one; leave the writer out")
