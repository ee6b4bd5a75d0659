"""Attacks: the small changes of images that raise a network's loss most, by its gradient.

Stress on images that knows the network. The images are in [0, 1]; a network that wants them normalised does that itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd


def fgsm(module: nn.Module, x: Tensor, y: Tensor, eps: float, *, targeted: bool = False) -> Tensor:
    """Move every value by `eps` in the direction that raises the loss: the fast gradient sign method.

    Parameters
    ----------
    module : torch.nn.Module
        Maps images to logits (N, classes), in evaluation mode; its weights are left as they are.
    x : Tensor of shape (N, C, H, W)
        In [0, 1].
    y : Tensor of shape (N,), integer
        Labels; of `targeted` attacks, the labels that the network shall give.
    eps : float
        Radius of the ball in the maximum norm, as a share of the range, from 0 to 1.
    targeted : bool, default=False

    Returns
    -------
    Tensor of shape (N, C, H, W)
        In [0, 1], each value at most `eps` from its place in `x`.

    Raises
    ------
    ValueError
        When the images are not in [0, 1], the labels are not theirs, `eps` is out of range, or the module is in training
        mode, does not take such images or returns no logits of the labels.

    References
    ----------
    Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples", ICLR 2015.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_images import fgsm
    >>> module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2)).eval()
    >>> x = torch.full((1, 3, 2, 2), 0.5)
    >>> round(float((fgsm(module, x, torch.tensor([0]), eps=0.1) - x).abs().max()), 4)
    0.1
    """
    _check(module, x, y, eps)
    return _step(module, x, x, y, eps, eps, targeted)


def pgd(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    steps: int = 20,
    step: float | None = None,
    restarts: int = 1,
    random_state: int = 0,
    *,
    targeted: bool = False,
) -> Tensor:
    """Climb the loss in small steps within a ball, from random starts: projected gradient descent.

    Parameters
    ----------
    module, x, y, eps, targeted
        As for :func:`fgsm`.
    steps : int, default=20
    step : float, optional
        Length of one. Default: 2.5 * eps / steps, by which every point of the ball can be reached.
    restarts : int, default=1
        Starts, uniform in the ball; for each image, the result of the largest loss is kept.
    random_state : int, default=0
        Of the starts.

    Returns
    -------
    Tensor of shape (N, C, H, W)
        In [0, 1], each value at most `eps` from its place in `x`.

    Raises
    ------
    ValueError
        As for :func:`fgsm`, or when a number is out of range.

    References
    ----------
    Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_images import pgd
    >>> module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2)).eval()
    >>> x = torch.full((1, 3, 2, 2), 0.5)
    >>> bool((pgd(module, x, torch.tensor([0]), eps=0.1) - x).abs().max() <= 0.1 + 1e-6)
    True
    """
    _check(module, x, y, eps)
    if steps < 1 or restarts < 1:
        raise ValueError(f"steps={steps} and restarts={restarts}: each is at least 1")
    if step is not None and not step > 0:
        raise ValueError(f"step={step!r}: it is above 0")
    length = 2.5 * eps / steps if step is None else step
    generator = torch.Generator().manual_seed(random_state)
    best, highest = x, torch.full((len(x),), -torch.inf, device=x.device)
    for _ in range(restarts):
        shift = (2 * torch.rand(x.shape, generator=generator) - 1).to(x) * eps
        attacked = (x + shift).clamp(0, 1)
        for _ in range(steps):
            attacked = _step(module, attacked, x, y, length, eps, targeted)
        with torch.no_grad():
            loss = functional.cross_entropy(module(attacked), y, reduction="none") * (-1 if targeted else 1)
        better = loss > highest
        best = torch.where(better[:, None, None, None], attacked, best)
        highest = torch.where(better, loss, highest)
    return best


def autoattack(
    module: nn.Module, x: Tensor, y: Tensor, eps: float, random_state: int = 0, *, batch_size: int = 100
) -> Tensor:
    """Attack by four methods in turn, each taking the images that the ones before left right: AutoAttack.

    The implementation, and the choice of methods, are those of the Adversarial Robustness Toolbox: PGD whose steps adapt,
    with the cross entropy and with the ratio of differences of logits; DeepFool; and Square, which needs no gradient. Each
    has one start. It is the usual bar for a defence, and costs hundreds of times as much as :func:`pgd` where images
    withstand all of it.

    Parameters
    ----------
    module, x, y, eps
        As for :func:`fgsm`.
    random_state : int, default=0
        Of the starts and of Square's search. NumPy's global generator is left as it was.
    batch_size : int, default=100
        Images that the gradient methods take at a time.

    Returns
    -------
    Tensor of shape (N, C, H, W)
        In [0, 1], each value at most `eps` from its place in `x`. Images that are classified wrongly stay as they are.

    Raises
    ------
    ValueError
        As for :func:`fgsm`, or when the toolbox is not installed.

    References
    ----------
    Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks",
    ICML 2020.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_images import autoattack
    >>> module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2)).eval()
    >>> x = torch.full((1, 3, 2, 2), 0.5)
    >>> attacked = autoattack(module, x, module(x).argmax(1), eps=0.1)  # doctest: +SKIP
    """
    _check(module, x, y, eps)
    try:
        from art.attacks.evasion import AutoAttack
        from art.estimators.classification import PyTorchClassifier
    except ImportError as error:
        raise ValueError(
            "AutoAttack needs the Adversarial Robustness Toolbox, which is not installed: pip install stresslib[adversarial]"
        ) from error
    with torch.no_grad():
        classes = module(x[:1]).shape[1]
    # A copy, since the toolbox leaves gradients behind.
    estimator = PyTorchClassifier(
        deepcopy(module), nn.CrossEntropyLoss(), tuple(x.shape[1:]), classes, clip_values=(0, 1), device_type=x.device.type
    )
    attack = AutoAttack(estimator, eps=eps, eps_step=2 * eps, batch_size=batch_size)
    for method, starts in zip(attack.attacks, _STARTS, strict=True):
        method.set_params(verbose=False, **starts)
    with _numpy_seeded(random_state), torch.enable_grad():
        found = attack.generate(x.cpu().numpy(), y.cpu().numpy())
    return torch.from_numpy(found).to(x)


_STARTS: tuple[dict[str, int], ...] = ({"nb_random_init": 1}, {"nb_random_init": 1}, {}, {"nb_restarts": 1})
"""One start, as in the authors' standard version; the toolbox has five of each but DeepFool."""


@contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    """Seed the global generator, which the toolbox draws from, and restore it."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def _step(module: nn.Module, from_: Tensor, x: Tensor, y: Tensor, length: float, eps: float, targeted: bool) -> Tensor:
    """Go one step by the sign of the gradient, and back into the ball around `x` and the range."""
    with torch.enable_grad():  # whoever evaluates under no_grad can attack, too
        moving = from_.detach().requires_grad_()
        loss = functional.cross_entropy(module(moving), y, reduction="sum")
        [gradient] = torch.autograd.grad(loss, moving)
    moved = from_ + (-length if targeted else length) * gradient.sign()
    return torch.clamp(moved, x - eps, x + eps).clamp(0, 1).detach()


def _check(module: nn.Module, x: Tensor, y: Tensor, eps: float) -> None:
    if not (x.ndim == 4 and x.is_floating_point() and bool(((x >= 0) & (x <= 1)).all())):
        raise ValueError(f"the images are a {x.dtype} of shape {tuple(x.shape)}; (N, C, H, W) in [0, 1] is needed")
    if y.shape != x.shape[:1] or y.dtype != torch.int64 or bool((y < 0).any()):
        raise ValueError(
            f"the labels are a {y.dtype} of shape {tuple(y.shape)}; torch.int64 from 0 on, ({len(x)},), is needed"
        )
    if not 0 <= eps <= 1:
        raise ValueError(f"eps={eps!r}: it is a share of the range, from 0 to 1, as 8 / 255")
    # Each forward pass of an attack would move the statistics of a batch normalisation, and so change the network.
    if module.training or any(layer.training for layer in module.modules() if isinstance(layer, _NormBase | _DropoutNd)):
        raise ValueError(f"the {type(module).__name__} is in training mode; call its eval() first")
    try:
        with torch.no_grad():
            logits = module(x[:1])
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"the network does not take images of shape {tuple(x.shape[1:])}: {reason}") from error
    if not isinstance(logits, Tensor) or logits.ndim != 2 or bool((y >= logits.shape[1]).any()):
        found = f"shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else f"type {type(logits).__name__}"
        raise ValueError(
            f"the network returns {found} for one image; logits of all labels, up to {int(y.max())}, are needed"
        )
