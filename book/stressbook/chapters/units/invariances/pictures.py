"""Pictures: what some units answer: the image that each likes best, and a set that it answers nearly as much.

The images are found by `measure`, and lie in a file beside the results table, since the networks are not shipped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from stressbook.chapters.units.invariances.labels import layer_name, layers_of
from stressbook.chapters.units.invariances.names import SHARE
from stressbook.chapters.units.invariances.networks import named, split_layer
from stressbook.chapters.units.invariances.scores import by_unit
from stressbook.drawing import style
from stresslib.files import replacing

Array = NDArray[Any]


def save_images(images: dict[str, Array], path: str | os.PathLike[str]) -> None:
    """Write images to a file; equal images give equal bytes.

    Parameters
    ----------
    images : dict of str to ndarray of shape (n, H, W, C), uint8
    path : path-like
    """
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(save({name: np.ascontiguousarray(images[name]) for name in sorted(images)}))


def load_images(results: str | os.PathLike[str]) -> dict[str, Array]:
    """Read the images that lie beside a results table.

    Parameters
    ----------
    results : path-like
        The table.

    Returns
    -------
    dict of str to ndarray of shape (n, H, W, C), uint8

    Raises
    ------
    FileNotFoundError
        When they are not there; the message has the command that makes them.
    """
    path = Path(results).with_suffix(".safetensors")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; 'stresslib reproduce {path.stem} --profile full' makes it")
    return dict(load_file(path))


def ordered(results: pd.DataFrame, images: dict[str, Array]) -> list[tuple[str, int, float]]:
    """Return the units that are shown, layer by layer in the order of the table, those with the largest sets first.

    Those of digits are shown where there are no others.

    Returns
    -------
    list of (str, int, float)
        ``NETWORK/NODE``, channel, and the distance of the unit's set.
    """
    units, rows = by_unit(results), []
    keys, sizes = layers_of(units), units["size"].to_dict()
    for name in images:
        layer, _, channel = name.rpartition("/")
        network, node = split_layer(layer)
        key = (named(network).dataset, named(network).model, node)
        rows.append((keys.index(key), -float(sizes[*key, int(channel)]), layer, int(channel)))
    large = [row for row in rows if not row[2].startswith("digits/")]
    return [(layer, channel, -size) for _, size, layer, channel in sorted(large or rows)]


def plot(results: pd.DataFrame, images: dict[str, Array]) -> Figure:
    """Draw a row of images a unit: the one that it answers most, and its set.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    images : dict
        As :func:`load_images` returns them.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = ordered(results, images)
    count = max(len(one) for one in images.values())
    figure = Figure(figsize=(7.0, 0.72 * len(rows) + 0.5))
    left, wide, high = 0.3, 0.69, 1 - 0.42 / (0.72 * len(rows) + 0.5)
    step, tall = wide / (count + 0.4), high / len(rows)
    for row, (layer, channel, size) in enumerate(rows):
        top = high - (row + 1) * tall
        for place, image in enumerate(images[f"{layer}/{channel}"]):
            at = (left + (place + 0.4 * (place > 0)) * step, top + 0.06 * tall, 0.92 * step, 0.88 * tall)
            ax = figure.add_axes(at)
            ax.imshow(image.squeeze(), interpolation="nearest", cmap="gray", vmin=0, vmax=255)
            ax.set_axis_off()
            if row == 0 and place < 2:
                words = ("best", "a set that is answered nearly as much")[place]
                ax.set_title(words, fontsize=style.SMALL, fontweight="bold", loc="left", pad=4)
        network, node = split_layer(layer)
        name, _, part = layer_name(named(network).model, node).partition(", ")
        text = f"{name}\n{part}, unit {channel}\ndistance {size:.0f}%"
        figure.text(0.005, top + 0.5 * tall, text, fontsize=8.2, va="center", linespacing=1.25)
    return figure


def caption(results: pd.DataFrame, images: dict[str, Array]) -> str:
    """Say what the pictures are."""
    return (
        "What units answer. Left the image that each answers most; right six that differ as much as they can while the unit "
        f"gives {SHARE:.0f}% of what it gives for images found one by one. Of each layer the units with the largest and the "
        "smallest sets, and one between."
    )


def alt_text(results: pd.DataFrame, images: dict[str, Array]) -> str:
    """Describe the pictures in words, from the data."""
    said = []
    for layer, channel, size in ordered(results, images):
        network, node = split_layer(layer)
        said.append(f"{layer_name(named(network).model, node)}, unit {channel}: distance {size:.0f}%")
    return f"Rows of small coloured textures, the first of each row the one that a unit answers most. {'; '.join(said)}."
