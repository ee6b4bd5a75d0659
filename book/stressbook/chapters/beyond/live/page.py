"""Live: draw photographs with the classes that the network sees in them, and say how close their vectors are to known ones.

Takes what `measure` makes, and writes the files of the page.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from safetensors.numpy import save_file

from stressbook.chapters.beyond.live.measure import SAME_VECTOR
from stresslib.files import replacing, write_text
from stresslib.images import open_image

_COLUMNS = 2


def plot(paths: Sequence[Path], classes: pd.DataFrame) -> Figure:
    """Draw each photograph above bars of its likeliest classes.

    Parameters
    ----------
    paths : sequence of pathlib.Path
    classes : pandas.DataFrame
        Of :func:`~stressbook.chapters.beyond.live.measure.likeliest_classes`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = math.ceil(len(paths) / _COLUMNS)
    figure = Figure(figsize=(6.2, 3.9 * rows), layout="constrained")
    for place, path in enumerate(paths):
        row, column = divmod(place, _COLUMNS)
        picture = figure.add_subplot(2 * rows, _COLUMNS, 2 * row * _COLUMNS + column + 1)
        picture.imshow(open_image(path))
        picture.set_axis_off()
        bars = figure.add_subplot(2 * rows, _COLUMNS, (2 * row + 1) * _COLUMNS + column + 1)
        best = classes[classes["photograph"] == path.name]
        bars.barh(best["rank"], best["probability"], color="#9CC8E6", height=0.8)
        for rank, name, share in zip(best["rank"], best["name"], best["probability"], strict=True):
            bars.text(1, rank, f"{name}  {share:.0f}%", va="center", fontsize=9)
        bars.set(xlim=(0, 100), ylim=(5.6, 0.4))
        bars.set_axis_off()
    return figure


def save(
    figure: Figure, classes: pd.DataFrame, vectors: NDArray[np.float32], folder: str | os.PathLike[str], name: str
) -> None:
    """Write the figure as PNG, the classes as CSV, the vectors as safetensors.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    classes : pandas.DataFrame
        Of the photographs, in the order of `vectors`.
    vectors : ndarray of shape (n, d)
    folder : path-like
    name : str
        Of the files, without their endings.
    """
    with replacing(Path(folder) / f"{name}.png") as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    write_text(Path(folder) / f"{name}.csv", classes.to_csv(index=False, lineterminator="\n"))
    photographs = list(dict.fromkeys(classes["photograph"]))
    with replacing(Path(folder) / f"{name}.safetensors") as temporary:
        save_file(dict(zip(photographs, vectors, strict=True)), temporary)


def verdicts(cosines: pd.DataFrame) -> str:
    """Say how close the vectors are to those that the project keeps.

    Parameters
    ----------
    cosines : pandas.DataFrame
        Of :func:`~stressbook.chapters.beyond.live.measure.cosines`.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.beyond.live.page import verdicts
    >>> verdicts(pd.DataFrame({"photograph": ["a.png", "b.png"], "cosine": [0.99991, 0.99987]}))
    'The least cosine is 0.99987; below 0.999 the build stops.'
    """
    if cosines.empty:
        return "This run writes the vectors with which later ones are compared."
    return f"The least cosine is {cosines['cosine'].min():.5f}; below {SAME_VECTOR} the build stops."


def table(cosines: pd.DataFrame) -> pd.DataFrame:
    """Return the cosines of the photographs, to five decimals."""
    return cosines.set_index("photograph").round(5)


def alt_text(classes: pd.DataFrame) -> str:
    """Describe the figure in words: what the network sees in each photograph.

    Parameters
    ----------
    classes : pandas.DataFrame

    Returns
    -------
    str
    """
    likeliest = [
        f"{row['photograph']}: {row['name']}, {row['probability']:.0f}%"
        for row in classes[classes["rank"] == 1].to_dict("records")
    ]
    return "Photographs with bars of the five likeliest classes of each. Likeliest: " + "; ".join(likeliest) + "."
