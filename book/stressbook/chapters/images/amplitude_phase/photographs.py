"""Photographs: what an ImageNet network says of photographs that have each other's amplitude.

A part of `measure`, which trains nothing. The photographs come with scikit-image and scikit-learn.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from stressbook.chapters.images.amplitude_phase.names import AMPLITUDE_OF_ANOTHER, OF_AMPLITUDE, OF_PHASE, RANKS
from stressbook.chapters.stress.seeing.crops import sample_folder
from stresslib.extraction import Extractor
from stresslib.images import open_image
from stresslib.results import result_rows
from stresslib.stress.on_images import recombine

SIDE = 224
"""Pixels of a square that the network sees."""


def square(name: str) -> NDArray[np.float32]:
    """Return the middle square of a photograph, 224 pixels wide.

    Parameters
    ----------
    name : str
        File name in the samples of scikit-image or of scikit-learn.

    Returns
    -------
    ndarray of shape (3, 224, 224), float32 in [0, 1]

    Raises
    ------
    FileNotFoundError
        When neither of them has it.
    """
    import sklearn.datasets

    folders = (sample_folder(), Path(sklearn.datasets.__file__).parent / "images")
    path = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if path is None:
        raise FileNotFoundError(f"{name}: neither scikit-image nor scikit-learn has such a photograph")
    picture = ImageOps.fit(open_image(path), (SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255  # type: ignore[return-value]


def mixed(amplitude: NDArray[np.float32], phase: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the picture with the amplitude of one square and the phase of another, clipped and rounded to 8 bits.

    Parameters
    ----------
    amplitude, phase : ndarray of shape (3, H, W), float32 in [0, 1]

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
    """
    made = recombine(torch.from_numpy(amplitude), torch.from_numpy(phase)).clamp(0, 1).mul(255).round()
    levels: NDArray[np.uint8] = made.to(torch.uint8).permute(1, 2, 0).numpy()
    return levels


def measure_photographs(names: Sequence[str], model: str) -> list[dict[str, Any]]:
    """Show a network every photograph, and every one with every other's amplitude.

    Parameters
    ----------
    names : sequence of str
        Of photographs, as :func:`square` takes them; none: nothing is measured.
    model : str
        A network of ImageNet's classes in the registry.

    Returns
    -------
    list of dict
        Rows of a results table, for each picture: the probabilities of its likeliest classes (metrics ``top-1`` to
        ``top-3``) and of those that the network sees in the owners of phase and amplitude; `class` is the number of the
        class, and `variant` names the owners.
    """
    if not names:
        return []
    squares = [square(name) for name in names]
    pairs = list(itertools.product(range(len(names)), repeat=2))  # whose phase, whose amplitude
    # In float32 everywhere: a few classes are about as likely, and bfloat16 would turn their order.
    extractor = Extractor(model, "logits", precision="float32")
    with TemporaryDirectory() as folder:
        paths = []
        for number, (phase, amplitude) in enumerate(pairs):
            paths.append(Path(folder) / f"{number:04d}.png")
            Image.fromarray(mixed(squares[amplitude], squares[phase])).save(paths[-1], compress_level=1)
        logits = extractor(paths).astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = exponentials / exponentials.sum(axis=1, keepdims=True)
    best = {phase: int(row.argmax()) for (phase, amplitude), row in zip(pairs, shares, strict=True) if phase == amplitude}
    at = {"dataset": "photographs", "model": model, "layer": "logits", "n_features": logits.shape[1]}
    rows = []
    for (phase, amplitude), row in zip(pairs, shares, strict=True):
        classes = dict(zip(RANKS, np.argsort(-row, kind="stable")[: len(RANKS)].tolist(), strict=True))
        if phase != amplitude:
            classes |= {OF_PHASE: best[phase], OF_AMPLITUDE: best[amplitude]}
        whose = f"phase={_stem(names[phase])}, amplitude={_stem(names[amplitude])}"
        for metric, place in classes.items():
            more = {"stress": "none" if phase == amplitude else AMPLITUDE_OF_ANOTHER, "variant": whose, "class": place}
            rows += result_rows(at, None, {metric: row[place]}, **more)
    return rows


def _stem(name: str) -> str:
    return Path(name).stem
