"""Pictures: a print beside the noise that it was made of, and what was added to it.

The prints are of ResNet-20 and lie beside this module, since its weights are not shipped; their noise is drawn again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from stressbook.drawing import style
from stresslib.stress.on_weights import Fingerprints

KINDS = ("C", "LTRC")

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""Of CIFAR-10, in its order."""


def load(kind: str) -> Fingerprints:
    """Return the print of a kind that is shown: the first of the experiment's prints of ResNet-20 at ε 0.1."""
    return Fingerprints.load(Path(__file__).parent / f"resnet20--{kind}.safetensors")


def source(prints: Fingerprints) -> NDArray[np.float32]:
    """Return the noise that prints were made of, (n, C, H, W): the generator of their seed draws it first of all."""
    generator = torch.Generator().manual_seed(prints.settings["random_state"])
    noise: NDArray[np.float32] = torch.rand(prints.images.shape, generator=generator).numpy()
    return noise


def added(kind: str) -> NDArray[np.float32]:
    """Return what was added to the noise, (C, H, W), as a share of the most that is allowed."""
    prints = load(kind)
    change: NDArray[np.float32] = (prints.images.numpy() - source(prints))[0] / prints.settings["eps"]
    return change


def high_share(change: NDArray[Any]) -> float:
    """Return which share of the power of a change, in percent, is in frequencies beyond a quarter of the side.

    Examples
    --------
    >>> import numpy as np
    >>> from stressbook.chapters.weights.fingerprints.pictures import high_share
    >>> high_share(np.ones((1, 8, 8))), high_share(np.indices((1, 8, 8)).sum(0) % 2 - 0.5)
    (0.0, 100.0)
    """
    power = np.abs(np.fft.fft2(change)) ** 2
    rows, columns = (np.fft.fftfreq(side, 1 / side) for side in change.shape[1:])
    far = np.hypot(rows[:, None], columns[None, :]) >= min(change.shape[1:]) / 4
    return float(100 * power[:, far].sum() / power.sum())


def plot() -> Figure:
    """Draw noise, print and what was added, a row a kind."""
    figure = Figure(figsize=(6.2, 4.6), layout=ConstrainedLayoutEngine(h_pad=0.05, w_pad=0.05))
    axes = figure.subplots(2, 3)
    for row, kind in zip(axes, KINDS, strict=True):
        prints = load(kind)
        name = CLASSES[int(prints.targets[0])]
        panels = (
            ("noise", source(prints)[0]),
            (f"{kind}: “{name}”", prints.images.numpy()[0]),
            ("what was added", 0.5 + 0.5 * added(kind)),
        )
        for ax, (title, image) in zip(row, panels, strict=True):
            ax.imshow(np.clip(image, 0, 1).transpose(1, 2, 0), interpolation="nearest")
            ax.set_title(title, fontsize=style.SMALL + 1, fontweight="bold", pad=5)
            ax.set_axis_off()
    return figure


def verdicts() -> str:
    """Say what the pictures show, as a sentence."""
    shares = {kind: high_share(added(kind)) for kind in KINDS}
    first = load(KINDS[0])
    name = CLASSES[int(first.targets[0])]
    said = " and ".join(f"{share:.0f}% of what {kind} added" for kind, share in shares.items())
    return (
        f"Nobody sees the {name}; ResNet-20 sees it in both prints. No pixel moved by more than "
        f"{100 * first.settings['eps']:.0f}% of the range. In frequencies beyond a quarter of the side is {said}."
    )


def caption() -> str:
    """Say what the pictures are."""
    return (
        "A print of ResNet-20 beside the noise that it was made of, and what was added, grey for nothing. Above the plain "
        "kind, below the one with noise on the weights and a filter."
    )


def alt_text() -> str:
    """Describe the pictures in words."""
    return f"Coloured noise, the same noise as a print, and their difference, in two rows. {verdicts()}"
