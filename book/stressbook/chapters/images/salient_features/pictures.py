"""Pictures: digits, what an attack makes of them, and the difference, with what the network says.

Made of scikit-learn's digits by a network that is shipped; no table is needed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from stressbook.chapters.images.salient_features.victims import Victim, attack
from stressbook.drawing import style
from stresslib.files import replacing


@dataclass(frozen=True)
class Example:
    """An image, what an attack made of it, and the network's class and probability for either."""

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    said: tuple[tuple[int, float], tuple[int, float]]


def examples(count: int = 3) -> list[Example]:
    """Return the first digits of different classes that the network knows, and no longer knows after the attack."""
    victim = Victim("digits", 0)
    network, (x, y) = victim.load(), victim.tests()
    made = attack(network, x, y, victim.bench.eps, victim.bench.attack_steps, 0)
    with torch.no_grad():
        before, after = (network(one).softmax(1).max(1) for one in (x, made))
    found: dict[int, Example] = {}
    for place in torch.nonzero((before.indices == y) & (after.indices != y))[:, 0].tolist():
        said = tuple((int(one.indices[place]), float(one.values[place])) for one in (before, after))
        example = Example(x[place, 0].numpy(), made[place, 0].numpy(), said)  # type: ignore[arg-type]
        found.setdefault(int(y[place]), example)
        if len(found) == count:
            break
    return list(found.values())


def plot(shown: list[Example]) -> Figure:
    """Draw each image, the attacked one, and the difference, in columns."""
    figure = Figure(figsize=(6.2, 2.25 * len(shown)), layout="constrained")
    eps = max(float(np.abs(one.after - one.before).max()) for one in shown)
    for row, one in zip(figure.subplots(len(shown), 3, squeeze=False), shown, strict=True):
        titles = [f"{number}, {100 * sure:.0f}% sure" for number, sure in one.said] + [f"difference, up to {eps:.2g}"]
        pictures = (one.before, one.after, one.after - one.before)
        for ax, image, title, low in zip(row, pictures, titles, (0, 0, -eps), strict=True):
            ax.imshow(image, cmap="gray", vmin=low, vmax=1 if low == 0 else eps)
            ax.set_title(title, fontsize=style.SMALL)
            ax.set_axis_off()
    return figure


def save(figure: Figure, folder: str | os.PathLike[str], name: str) -> None:
    """Write the picture as PNG."""
    with replacing(Path(folder) / f"{name}.png") as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})


def alt_text(shown: list[Example]) -> str:
    """Say what the picture shows."""
    said = "; ".join(f"a {one.said[0][0]} is taken for a {one.said[1][0]}" for one in shown)
    return f"Digits before and after an attack, and the difference: {said}."
