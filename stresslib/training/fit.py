"""Fit: the one training of classifiers, seeded, on arrays, and resumed after any stop with the same bytes.

Above networks and data; trained networks and chapters call it. Batches are cut from arrays in memory, and whatever happens
to images happens to a batch at once: on few cores, the processes of a DataLoader cost more than they bring.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from stresslib.digests import module_digest
from stresslib.extraction.graph import PRECISIONS, best_precision
from stresslib.training.checkpoint import History, resume, save

BatchHook = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

sgd = partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
"""Stochastic gradient descent as it is usual for CIFAR-10."""


def cosine(share: float) -> float:
    """Return the factor of the learning rate: up within the first 5 % of a training, then down to 0 along a cosine.

    Parameters
    ----------
    share : float
        Of the training that is done, from 0 to 1.

    Returns
    -------
    float

    Examples
    --------
    >>> from stresslib.training.fit import cosine
    >>> cosine(0.025), cosine(0.05), round(cosine(1.0), 6)
    (0.5, 1.0, 0.0)
    """
    warm = 0.05
    return share / warm if share < warm else 0.5 + 0.5 * math.cos(math.pi * (share - warm) / (1 - warm))


def fit(
    module: nn.Module,
    images: NDArray[Any],
    labels: NDArray[Any],
    *,
    epochs: int,
    batch_size: int = 128,
    optimizer: Callable[..., torch.optim.Optimizer] = sgd,
    schedule: Callable[[float], float] = cosine,
    label_smoothing: float = 0.0,
    criterion: Callable[[Tensor, Tensor], Tensor] | None = None,
    batch_hook: BatchHook | None = None,
    regularizer: Callable[[nn.Module], Tensor] | None = None,
    seed: int = 0,
    precision: str = "float32",
    device: str | torch.device | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> History:
    """Train a classifier, in place.

    Parameters
    ----------
    module : torch.nn.Module
        Maps images (N, C, H, W) in [0, 1] to logits (N, classes). Who makes it draws its first weights.
    images : ndarray of shape (n, C, H, W), uint8 or floating point in [0, 1]
    labels : ndarray of shape (n,), integer
    epochs : int
    batch_size : int, default=128
        Images drawn for a step.
    optimizer : callable, default=sgd
        Makes a torch optimiser of the parameters, such as ``partial(sgd, lr=0.02)``.
    schedule : callable, default=cosine
        From the share of the training that is done to the factor of the learning rates.
    label_smoothing : float, default=0.0
        As in PyTorch's ``cross_entropy``.
    criterion : callable, optional
        ``criterion(logits, labels)``, of what the hook returns, is the loss of a step in the place of the cross entropy. Its
        ``repr`` tells it from others. Labels below 0 are for it alone, and count in no accuracy.
    batch_hook : callable, optional
        ``batch_hook(images, labels)``, on floating point on the device, returns the images and labels of the step, perhaps
        several for each image drawn. It draws from torch's generator. Its ``repr`` tells it from others.
    regularizer : callable, optional
        ``regularizer(module)``, called after the forward pass, is added to the loss.
    seed : int, default=0
        Of all that is drawn in the training. The generator of the caller is left as it was.
    precision : {"float32", "bfloat16", "auto"}, default="float32"
        Of the products; ``auto`` is bfloat16 where it is faster.
    device : str or torch.device, optional
        Default: a GPU if there is one. The module stays there.
    checkpoint : path-like, optional
        File that is written after each epoch. Where it exists, the training goes on from it, and ends with the same bytes as
        one that was never stopped, on the same machine.
    progress : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    list of dict
        Of each epoch, the mean loss and the accuracy on what was trained on, a share of 1.

    Raises
    ------
    ValueError
        When the data do not fit, a number is out of range, the device is not here, the checkpoint is another training's, the
        loss is not finite, or labels are smoothed for a criterion.

    Notes
    -----
    The loss is the sum of the cross entropies of what the hook returns, over the number of images drawn: the mean, where it
    returns each image once, and the sum of two means where it returns each twice.

    On Linux, :func:`stresslib.training.allocator.keep_memory`, called once before, makes a training faster. The command
    ``stresslib train`` calls it.

    Examples
    --------
    >>> from stresslib.networks import LeNet5
    >>> from stresslib.training.data import load_arrays
    >>> from stresslib.training.fit import fit
    >>> digits = load_arrays("digits:100")
    >>> history = fit(LeNet5(image_size=16), digits.train_images, digits.train_labels, epochs=2, progress=False)
    >>> [sorted(epoch) for epoch in history]
    [['accuracy', 'loss'], ['accuracy', 'loss']]
    """
    _check(images, labels, epochs, batch_size, precision)
    if criterion is not None and label_smoothing:
        raise ValueError(
            f"label_smoothing={label_smoothing} is of the cross entropy, which the criterion replaces; leave it 0"
        )
    where = find_device(device)
    chosen = best_precision(where) if precision == "auto" else precision
    module.to(where).to(memory_format=torch.channels_last).train()
    descent = optimizer(module.parameters())
    rates = [group["lr"] for group in descent.param_groups]
    pixels = torch.from_numpy(np.ascontiguousarray(images))
    targets = torch.from_numpy(np.ascontiguousarray(labels).astype(np.int64))
    steps = math.ceil(len(pixels) / batch_size)
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[where] if where.type == "cuda" else []))
        stack.enter_context(torch.backends.cudnn.flags(benchmark=False, deterministic=True))
        torch.manual_seed(seed)
        path, identity, history = None, "", []
        if checkpoint is not None:
            path = Path(checkpoint)
            settings = {
                "epochs": epochs,
                "batch_size": batch_size,
                "optimizer": f"{type(descent).__name__} {json.dumps(descent.defaults, sort_keys=True, default=str)}",
                "schedule": _described(schedule),
                "label_smoothing": label_smoothing,
                "criterion": _described(criterion),
                "batch_hook": _described(batch_hook),
                "regularizer": _described(regularizer),
                "seed": seed,
                "precision": chosen,
                "device": where.type,
            }
            identity = _identity(module, images, labels, settings)
            history = resume(path, module, descent, identity)
        bar = tqdm(desc="training", total=epochs * steps, initial=len(history) * steps, unit="step", disable=not progress)
        stack.enter_context(bar)
        for epoch in range(len(history), epochs):
            total, right, seen = (torch.zeros((), device=where) for _ in range(3))
            for step, rows in enumerate(torch.randperm(len(pixels)).split(batch_size)):
                for group, rate in zip(descent.param_groups, rates, strict=True):
                    group["lr"] = rate * schedule((epoch * steps + step + 0.5) / (epochs * steps))
                x, y = _batch(pixels, targets, rows, where)
                if batch_hook is not None:
                    x, y = batch_hook(x, y)
                with torch.autocast(where.type, torch.bfloat16, enabled=chosen == "bfloat16"):
                    logits = module(x)
                if criterion is not None:
                    loss = criterion(logits.float(), y)
                else:
                    summed = functional.cross_entropy(logits.float(), y, reduction="sum", label_smoothing=label_smoothing)
                    loss = summed / len(rows)
                if regularizer is not None:
                    loss = loss + regularizer(module)
                descent.zero_grad()
                loss.backward()
                descent.step()
                total += loss.detach() * len(rows)
                right += (logits.detach().argmax(1) == y).sum()
                seen += (y >= 0).sum()
                bar.update()
            mean = float(total) / len(pixels)
            if not math.isfinite(mean):
                raise ValueError(f"the loss is not finite in epoch {epoch + 1} of {epochs}; a lower learning rate may help")
            history.append({"loss": mean, "accuracy": float(right) / max(float(seen), 1.0)})
            bar.set_postfix(loss=f"{mean:.3f}", accuracy=f"{history[-1]['accuracy']:.3f}")
            if path is not None:
                save(path, module, descent, history, identity)
    module.eval()
    return history


def find_device(device: str | torch.device | None) -> torch.device:
    """Return a device; without a name, a GPU if there is one.

    Raises
    ------
    ValueError
        When torch knows no such device, or has no such one here.
    """
    try:
        where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=where)
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without it
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device={str(device)!r} cannot be used here: {reason}; cpu is everywhere") from error
    return where


def predict(
    function: Callable[[Tensor], Tensor], images: NDArray[Any], *, batch_size: int = 500, device: str | None = None
) -> NDArray[Any]:
    """Return what a network, or its ``features``, makes of images, in float32 and without gradients.

    Parameters
    ----------
    function : callable
        A module in evaluation mode, or its method.
    images : ndarray of shape (n, C, H, W), uint8 or floating point in [0, 1]
    batch_size : int, default=500
    device : str, optional
        Where the module is. Default: the CPU.

    Returns
    -------
    ndarray of shape (n, d), float32

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.networks import LeNet5
    >>> from stresslib.training.fit import predict
    >>> predict(LeNet5().eval().features, np.zeros((3, 1, 28, 28), np.uint8)).shape
    (3, 84)
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images))
    nothing = torch.zeros(len(pixels), dtype=torch.int64)
    where = torch.device(device or "cpu")
    with torch.inference_mode():
        parts = [function(_batch(pixels, nothing, rows, where)[0]) for rows in torch.arange(len(pixels)).split(batch_size)]
    return torch.cat(parts).float().cpu().numpy()


def _batch(pixels: Tensor, targets: Tensor, rows: Tensor, where: torch.device) -> tuple[Tensor, Tensor]:
    """Return some images in [0, 1] and their labels, on a device."""
    x = pixels[rows].to(where)
    x = x.float() / 255 if x.dtype == torch.uint8 else x.float()
    return x.to(memory_format=torch.channels_last), targets[rows].to(where)


def _check(images: NDArray[Any], labels: NDArray[Any], epochs: int, batch_size: int, precision: str) -> None:
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(f"the images are of shape {images.shape}; (n, C, H, W) is needed")
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise ValueError(f"the images are of type {images.dtype}; uint8, or floating point in [0, 1], is needed")
    if images.dtype.kind == "f" and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError("the images are not in [0, 1], or hold NaN")
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise ValueError(f"the labels are {labels.dtype} of shape {labels.shape}; {len(images)} integers are needed")
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs={epochs} and batch_size={batch_size}: each is at least 1")
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r}: it is one of {', '.join(PRECISIONS)}")


def _identity(module: nn.Module, images: NDArray[Any], labels: NDArray[Any], settings: dict[str, Any]) -> str:
    """Return the SHA-256 over all that decides what a training ends with."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(f"{module!r} {module_digest(__name__)} {torch.__version__}".encode())
    for array in (images, labels, *(tensor.cpu().numpy() for tensor in module.state_dict().values())):
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _described(hook: object) -> str:
    """Return a text by which a hook is known in another process."""
    text = f"{hook.__module__}.{hook.__qualname__}" if hasattr(hook, "__qualname__") else repr(hook)
    if " at 0x" in text or "<lambda>" in text:
        raise ValueError(f"{text} cannot be told from other hooks in a checkpoint; give a named function, or a repr")
    return text
