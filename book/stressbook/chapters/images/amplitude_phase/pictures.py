"""Pictures: two photographs with each other's amplitude, what a network says of them, and how often it follows which part.

From the table of `measure` to the chapter's figure of photographs; the pictures themselves are made again from the files.
"""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from stressbook.chapters.images.amplitude_phase.names import AMPLITUDE_OF_ANOTHER, OF_AMPLITUDE, OF_PHASE, RANKS
from stressbook.chapters.stress.seeing.panels import save_photographs
from stressbook.drawing import style

CALLED = {"chelsea": "cat", "coffee": "coffee"}
"""What titles call photographs that are named otherwise."""

BAR = "#9CC8E6"
"""Colour of a probability."""


def shown(results: pd.DataFrame) -> tuple[str, str]:
    """Return the two photographs of the figure: the first two of the table."""
    owners = owner_table(results)
    first, second = list(dict.fromkeys(owners["phase"]))[:2]
    return first, second


def owner_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about photographs, with the owners of `phase` and `amplitude` in columns of their own."""
    rows = results[results["dataset"].eq("photographs")]
    owners = rows["variant"].str.extract(r"phase=(?P<phase>.*), amplitude=(?P<amplitude>.*)")
    return rows.join(owners)


def answers(results: pd.DataFrame, phase: str, amplitude: str) -> list[tuple[str, float]]:
    """Return the likeliest classes of a picture and their probabilities in percent."""
    from stresslib.extraction import imagenet_classes

    rows = owner_table(results)
    rows = rows[rows["phase"].eq(phase) & rows["amplitude"].eq(amplitude)].set_index("metric")
    classes = imagenet_classes()
    return [(_short(classes[int(rows["class"][rank])]), float(rows["score"][rank])) for rank in RANKS]


def _short(name: str) -> str:
    return name.partition(",")[0]


def panels(results: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return owner of the phase, owner of the amplitude, and title of each picture of the figure."""
    one, other = shown(results)
    first, second = (CALLED.get(name, name) for name in (one, other))
    return [
        (one, one, first),
        (other, other, second),
        (one, other, f"phase of the {first},\namplitude of the {second}"),
        (other, one, f"phase of the {second},\namplitude of the {first}"),
    ]


def plot(results: pd.DataFrame, files: list[str]) -> Figure:
    """Draw two photographs, and below them both with each other's amplitude; under each, what the network sees.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    files : list of str
        The photographs of the table, in its order.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from stressbook.chapters.images.amplitude_phase.photographs import mixed, square  # only now: they need PyTorch

    squares = dict(zip(shown(results), map(square, files[:2]), strict=True))
    figure = Figure(figsize=(6.2, 8.8), layout=ConstrainedLayoutEngine(h_pad=0.02, hspace=0.0))
    grid = figure.add_gridspec(4, 2, height_ratios=[3, 0.72, 3, 0.72])
    for place, (phase, amplitude, title) in enumerate(panels(results)):
        row, column = divmod(place, 2)
        ax = figure.add_subplot(grid[2 * row, column])
        ax.imshow(mixed(squares[amplitude], squares[phase]))
        ax.set_title(title, fontsize=11, fontweight="bold", pad=8)
        ax.set_axis_off()
        bars = figure.add_subplot(grid[2 * row + 1, column])
        found = answers(results, phase, amplitude)
        heights = np.arange(len(found))
        bars.barh(heights, [share for _, share in found], color=BAR, height=0.82)
        for height, (name, share) in zip(heights, found, strict=True):
            bars.text(1, float(height), f"{name}  {share:.0f}%", va="center", fontsize=style.SMALL)
        bars.set(xlim=(0, 100), ylim=(len(RANKS) - 0.4, -0.6))
        bars.set_axis_off()
    return figure


def save(figure: Figure, folder: str | os.PathLike[str], name: str) -> None:
    """Write the figure as SVG and JPEG."""
    save_photographs(figure, folder, name)


def followed(results: pd.DataFrame) -> dict[str, int]:
    """Count whom the network follows, over all pairs of photographs in which it sees different classes.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    dict of str to int
        `pairs`, each photograph's phase with each other's amplitude; in how many the likeliest class is that of `phase`, of
        `amplitude` or `neither`; and in how many the class of the phase is `likelier` than that of the amplitude.
    """
    rows = owner_table(results)
    rows = rows[rows["stress"] == AMPLITUDE_OF_ANOTHER]
    classes = rows.pivot_table(index=["phase", "amplitude"], columns="metric", values="class", sort=False)
    shares = rows.pivot_table(index=["phase", "amplitude"], columns="metric", values="score", sort=False)
    differ = classes[OF_PHASE] != classes[OF_AMPLITUDE]
    classes, shares = classes[differ], shares[differ]
    phase, amplitude = classes["top-1"] == classes[OF_PHASE], classes["top-1"] == classes[OF_AMPLITUDE]
    return {
        "pairs": len(classes),
        "phase": int(phase.sum()),
        "amplitude": int(amplitude.sum()),
        "neither": int((~phase & ~amplitude).sum()),
        "likelier": int((shares[OF_PHASE] > shares[OF_AMPLITUDE]).sum()),
    }


def verdicts(results: pd.DataFrame) -> str:
    """Say how often the network follows the phase, and how often the amplitude, in a sentence."""
    count = followed(results)
    photographs = owner_table(results)["phase"].nunique()
    return (
        f"Over all {count['pairs']} pairs of {photographs} photographs in which the network sees different things, its "
        f"first answer is what it sees in the owner of the phase in **{count['phase']}**, in the owner of the amplitude in "
        f"**{count['amplitude']}**, and something else in {count['neither']}. Of the two, the phase's is the likelier in "
        f"**{count['likelier']} of {count['pairs']}**."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words: what the network sees in each of the four pictures."""
    parts = []
    for phase, amplitude, title in panels(results):
        called, share = answers(results, phase, amplitude)[0]
        parts.append(f"{title}: {called}, {share:.0f}%".replace("\n", " "))
    return (
        "Two photographs, and both with each other's amplitude, above the network's likeliest classes. First answers: "
        f"{'; '.join(parts)}."
    )
