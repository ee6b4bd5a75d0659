"""Fingerprints: images of noise that one network, and what is left of it after stress, puts into classes drawn beforehand.

Stress on weights in reverse: an image that a copy still recognises, and an unrelated network does not, tells them apart.
There is no code of the authors', and the equations could not be read: what their abstract leaves open is a parameter here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from scipy.stats import binomtest
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from tqdm import tqdm

from stresslib.files import replacing
from stresslib.stress.on_weights.weights import weights_of

KINDS = ("C", "RC", "RC+GM", "LTRC")
"""Characteristic examples; robust ones, by noise on the weights; with the mean of several gradients; of low transfer."""

_BATCH = 50


@dataclass(frozen=True)
class Fingerprints:
    """Prints of one network.

    Attributes
    ----------
    images : Tensor of shape (n, C, H, W), float32
        In [0, 1].
    targets : Tensor of shape (n,), int64
        The classes that the network was brought to see.
    classes : int
        How many there are.
    settings : dict
        Of the generation; ``hits`` is how many of the images the network itself puts into their classes.
    """

    images: Tensor
    targets: Tensor
    classes: int
    settings: dict[str, Any]

    def hits(self, module: nn.Module) -> NDArray[np.bool_]:
        """Return which images a network puts into their classes.

        Parameters
        ----------
        module : torch.nn.Module
            In evaluation mode; maps images to logits.

        Returns
        -------
        ndarray of shape (n,), bool

        Raises
        ------
        ValueError
            When the network is in training mode, or takes other images or knows other classes.
        """
        _check_mode(module)
        guessed = [_logits(module, batch, self.classes).argmax(1).cpu() for batch in self.images.split(_BATCH)]
        hits: NDArray[np.bool_] = (torch.cat(guessed) == self.targets).numpy()
        return hits

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write images, classes and settings to a safetensors file; equal prints give equal bytes."""
        description = json.dumps({"classes": self.classes, "settings": self.settings}, sort_keys=True)
        with replacing(path) as temporary:
            tensors = {"images": self.images.contiguous(), "targets": self.targets.contiguous()}
            save_file(tensors, temporary, metadata={"fingerprints": description})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Fingerprints:
        """Read what :meth:`save` wrote.

        Raises
        ------
        OSError
            When there is no such file.
        ValueError
            When it is damaged, or holds no prints.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path}: there is no such file; stresslib fingerprint writes one")
        try:
            with safe_open(path, "pt") as file:
                description = json.loads((file.metadata() or {})["fingerprints"])
                images, targets = file.get_tensor("images"), file.get_tensor("targets")
            prints = cls(images, targets, int(description["classes"]), dict(description["settings"]))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is damaged, or holds no fingerprints; stresslib fingerprint writes them") from error
        inside = bool(((images >= 0) & (images <= 1)).all()) and bool(((targets >= 0) & (targets < prints.classes)).all())
        if not (images.ndim == 4 and len(images) and targets.shape == images.shape[:1] and inside):
            raise ValueError(f"{path} is damaged: its images or classes are none")
        return prints


def fingerprint(
    module: nn.Module,
    n: int,
    kind: str = "C",
    *,
    shape: Sequence[int] = (3, 32, 32),
    num_classes: int | None = None,
    eps: float = 0.1,
    steps: int = 20,
    step: float | None = None,
    delta: float = 0.25,
    draws: int = 3,
    radius: float | None = None,
    random_state: int = 0,
    progress: bool = False,
) -> Fingerprints:
    """Make prints of a network: from uniform noise, towards random classes, by the sign of the gradient.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode; maps images in [0, 1] to logits. It stays as it is. No image of its data is needed.
    n : int
        How many.
    kind : {"C", "RC", "RC+GM", "LTRC"}, default="C"
        ``C`` follows the gradient of the network itself. ``RC`` adds noise to the weights at each step, ``RC+GM`` takes the
        mean of the gradients of several such draws, and ``LTRC`` of that mean only the high frequencies.
    shape : sequence of 3 int, default=(3, 32, 32)
        Of an image: channels, height, width.
    num_classes : int, optional
        How many logits the network has. Default: as many as it gives.
    eps : float, default=0.1
        Radius of the ball about the noise, in the maximum norm, as a share of the range; above 0, at most 1.
    steps : int, default=20
    step : float, optional
        Length of one. Default: 2.5 * eps / steps.
    delta : float, default=0.25
        Of `RC` and further kinds: bound of the uniform noise on a weight, as a multiple of the mean magnitude in its layer.
    draws : int, default=3
        Of `RC+GM` and `LTRC`: draws of noise for one gradient.
    radius : float, optional
        Of `LTRC`: frequencies nearer to zero than this, in periods an image, are taken out of the gradient. Default: a
        quarter of the shorter side, which is half of the way to the highest.
    random_state : int, default=0
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    Fingerprints

    Raises
    ------
    ValueError
        When a setting is out of range, or the network is in training mode, does not take such images, or gives no logits.

    References
    ----------
    Wang et al., "Characteristic examples: High-robustness, low-transferability fingerprinting of neural networks", IJCAI
    2021: the four kinds. Loss (cross entropy), steps, noise relative to the layer and the shape of the filter are ours; the
    book's chapter on characteristic examples tries other values of each setting.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_weights import fingerprint, prune, verify
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 10)).eval()
    >>> prints = fingerprint(network, 40, shape=(3, 8, 8), eps=0.2)
    >>> verify(prints, prune(network, 0.1)).verdict
    'a copy'
    """
    shape = tuple(int(side) for side in shape)
    _check_settings(n, kind, shape, eps, steps, step, delta, draws, radius)
    _check_mode(module)
    length = 2.5 * eps / steps if step is None else step
    lowest = min(shape[1:]) / 4 if radius is None else radius
    generator = torch.Generator().manual_seed(random_state)
    start = torch.rand((n, *shape), generator=generator)
    outputs = _logits(module, start[:_BATCH], num_classes)
    if not (outputs < 0).any():
        raise ValueError(
            "no output of the network is negative: it gives features or probabilities; the logits before softmax are needed"
        )
    classes = outputs.shape[1]
    targets = torch.randint(classes, (n,), generator=generator)
    noise: dict[str, Tensor] = {}  # its bounds, of each kernel or matrix
    if kind != "C":
        noise = {name: delta * weights.detach().abs().mean() for name, (weights, _) in weights_of(module).items()}
    mean_of = draws if kind in ("RC+GM", "LTRC") else 1
    kept = _high_frequencies(shape, lowest) if kind == "LTRC" else None
    batches = []
    with tqdm(desc="fingerprints", total=n * steps, unit="step", disable=not progress) as bar:
        for x0, y in zip(start.split(_BATCH), targets.split(_BATCH), strict=True):
            x = x0
            for _ in range(steps):
                gradient = torch.stack([_gradient(module, x, y, noise, generator) for _ in range(mean_of)]).mean(0)
                if kept is not None:
                    gradient = torch.fft.ifft2(torch.fft.fft2(gradient) * kept).real
                x = torch.clamp(x - length * gradient.sign(), x0 - eps, x0 + eps).clamp(0, 1)
                bar.update(len(x))
            batches.append(x)
    settings: dict[str, Any] = {"kind": kind, "eps": eps, "steps": steps, "step": length, "random_state": random_state}
    settings |= {"delta": delta if noise else 0.0, "draws": mean_of, "radius": lowest if kind == "LTRC" else 0.0}
    prints = Fingerprints(torch.cat(batches), targets, classes, settings)
    settings["hits"] = int(prints.hits(module).sum())
    return prints


@dataclass(frozen=True)
class Verification:
    """What prints say about a network.

    Attributes
    ----------
    hits, n : int
        Prints that the network puts into their classes, and all.
    low, high : float
        Ends of the exact binomial interval of the share of hits.
    chance : float
        The share that guessing has.
    verdict : str
        ``a copy``, ``unrelated`` or ``cannot say``.
    """

    hits: int
    n: int
    low: float
    high: float
    chance: float
    verdict: str

    @classmethod
    def of(
        cls,
        hits: int,
        n: int,
        classes: int,
        *,
        copy_above: float = 0.7,
        unrelated_below: float = 0.5,
        confidence: float = 0.95,
    ) -> Verification:
        """Judge a number of hits, as :func:`verify` does those of a network.

        Examples
        --------
        >>> from stresslib.stress.on_weights.fingerprints import Verification
        >>> print(Verification.of(38, 40, classes=10))
        a copy: 38 of 40 prints hit, 95% (interval 83 to 99%, by chance 10%)
        """
        if not 0 <= unrelated_below <= copy_above <= 1:
            raise ValueError(
                f"unrelated_below={unrelated_below} and copy_above={copy_above}: 0 <= the first <= the second <= 1"
            )
        if not 0 < confidence < 1:
            raise ValueError(f"confidence={confidence}: it is above 0 and below 1")
        interval = binomtest(hits, n).proportion_ci(confidence, method="exact")
        low, high = float(interval.low), float(interval.high)
        verdict = "a copy" if low > copy_above else "unrelated" if high < unrelated_below else "cannot say"
        return cls(hits, n, low, high, 1 / classes, verdict)

    def __str__(self) -> str:
        """Say the verdict and its evidence."""
        return (
            f"{self.verdict}: {self.hits} of {self.n} prints hit, {100 * self.hits / self.n:.0f}% "
            f"(interval {100 * self.low:.0f} to {100 * self.high:.0f}%, by chance {100 * self.chance:.0f}%)"
        )


def verify(
    prints: Fingerprints,
    module: nn.Module,
    *,
    copy_above: float = 0.7,
    unrelated_below: float = 0.5,
    confidence: float = 0.95,
) -> Verification:
    """Say whether a network is a copy of the one that prints are of.

    Parameters
    ----------
    prints : Fingerprints
    module : torch.nn.Module
        In evaluation mode; maps images in [0, 1] to logits.
    copy_above, unrelated_below : float, default=0.7 and 0.5
        The network is a copy when the whole interval of its share of hits is above the first, and unrelated when it is below
        the second; else nothing can be said. Networks that learnt the same data hit more often than chance.
    confidence : float, default=0.95
        Of the exact binomial interval (Clopper and Pearson).

    Returns
    -------
    Verification

    Raises
    ------
    ValueError
        As :meth:`Fingerprints.hits`, or when the bounds are out of order.

    Notes
    -----
    Prints that do not hit in the network itself count against its copies; a larger `eps` leaves fewer of them. A copy may
    be damaged until it no longer hits: "unrelated" says that the network has not kept what the prints are of. A
    verdict needs as many prints as the interval does: of 10, no number of hits is enough for a copy.

    Examples
    --------
    See :func:`fingerprint`.
    """
    bounds = {"copy_above": copy_above, "unrelated_below": unrelated_below, "confidence": confidence}
    return Verification.of(int(prints.hits(module).sum()), len(prints.targets), prints.classes, **bounds)


def uniqueness_score(robustness: ArrayLike, transferability: ArrayLike) -> float:
    """Return by how much more copies hit than other networks: the mean of the first less the mean of the second.

    Parameters
    ----------
    robustness : float or array-like
        Share of prints that hit, in [0, 1], of each copy.
    transferability : float or array-like
        The same of each unrelated network.

    Returns
    -------
    float
        From -1 to 1; at 1, there is no false alarm.

    Raises
    ------
    ValueError
        When there is no copy, or no other network, or a share is not in [0, 1].

    Examples
    --------
    >>> from stresslib.stress.on_weights import uniqueness_score
    >>> round(uniqueness_score([1.0, 0.9], [0.2, 0.3, 0.1]), 3)
    0.75
    """
    means = []
    for name, whose, given in (
        ("robustness", "copy", robustness),
        ("transferability", "other network", transferability),
    ):
        shares = np.atleast_1d(np.asarray(given, dtype=float))
        if shares.size == 0:
            raise ValueError(f"{name}: it is of no {whose}; at least one is needed")
        if not ((shares >= 0) & (shares <= 1)).all():
            raise ValueError(f"{name}={shares.tolist()}: shares of hits are from 0 to 1")
        means.append(float(shares.mean()))
    return means[0] - means[1]


def _gradient(module: nn.Module, x: Tensor, y: Tensor, noise: dict[str, Tensor], generator: torch.Generator) -> Tensor:
    """Return the gradient of the loss by the images, at weights with uniform noise up to some bounds."""
    device = _device(module)
    moving = x.detach().to(device).requires_grad_()
    noisy = {}
    for name, bound in noise.items():
        weights = module.get_parameter(name).detach()
        draw = torch.rand(weights.shape, generator=generator).to(weights)
        noisy[name] = weights + bound * (2 * draw - 1)
    loss = functional.cross_entropy(functional_call(module, noisy, (moving,)), y.to(device), reduction="sum")
    [gradient] = torch.autograd.grad(loss, moving)
    return gradient.cpu()


def _high_frequencies(shape: tuple[int, ...], radius: float) -> Tensor:
    """Return a mask (H, W) over the Fourier coefficients: 0 nearer to zero than the radius, 1 beyond."""
    rows, columns = (torch.fft.fftfreq(side, 1 / side) for side in shape[1:])
    return (torch.hypot(rows[:, None], columns[None, :]) >= radius).float()


def _device(module: nn.Module) -> torch.device:
    return next((parameter.device for parameter in module.parameters()), torch.device("cpu"))


def _logits(module: nn.Module, images: Tensor, classes: int | None) -> Tensor:
    """Return logits (N, classes) of images, or say why there are none."""
    shape = tuple(images.shape[1:])
    try:
        with torch.no_grad():
            outputs = module(images.to(_device(module)))
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"the network cannot take images of shape {shape}: {str(error).splitlines()[0]}") from error
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or len(outputs) != len(images):
        given = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else f"type {type(outputs).__name__}"
        raise ValueError(f"what the network gives is of {given}; logits of shape (N, classes) are needed, not features")
    if classes is not None and outputs.shape[1] != classes:
        raise ValueError(f"the network gives {outputs.shape[1]} numbers an image, not {classes} logits")
    if not outputs.isfinite().all():
        raise ValueError("the network gives NaN or infinity")
    return outputs


def _check_mode(module: nn.Module) -> None:
    if any(layer.training for layer in module.modules()):
        raise ValueError("the network, or a layer of it, is in training mode; call its eval() before")


def _check_settings(
    n: int,
    kind: str,
    shape: tuple[int, ...],
    eps: float,
    steps: int,
    step: float | None,
    delta: float,
    draws: int,
    radius: float | None,
) -> None:
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: it is one of {', '.join(KINDS)}")
    if n < 1 or steps < 1 or draws < 1:
        raise ValueError(f"n={n}, steps={steps} and draws={draws}: each is at least 1")
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape={shape}: it is of an image, (channels, height, width)")
    if not 0 < eps <= 1:
        raise ValueError(f"eps={eps!r}: it is above 0 and at most 1, the range of an image")
    if step is not None and not step > 0:
        raise ValueError(f"step={step!r}: it is above 0")
    if not delta >= 0:
        raise ValueError(f"delta={delta!r}: it is at least 0")
    if radius is not None and not 0 <= radius <= min(shape[1:]) / 2:
        raise ValueError(f"radius={radius!r}: it is from 0 to {min(shape[1:]) / 2:g}, half of the shorter side")
