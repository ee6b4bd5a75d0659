"""Context: the chapter's first figure, accuracies of the four networks and what each change brings, and its headline.

Draws and says what `effects` computes; the other pictures are in `seen` and `dropped`, the clock's numbers in `costs`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.amplitude_phase.effects import name
from stressbook.chapters.units.context.effects import CALLED, CONTRASTS, by_network, dataset_drawn, effects
from stressbook.chapters.units.context.sizes import PUBLISHED
from stressbook.drawing import style
from stressbook.drawing.outcomes import spread

COLOURS = {"plain": "#6F6F6F", "late": "#C98A00", "context": "#1B8A8F", "both": "#7B3FA0"}
"""Colour of each network."""

CHANGES = {"together": "both", "context": "context", "norm": "late"}
"""The network whose colour an effect has, by the first word of its key."""

SHOWN = ("together", "context", "context before", "context after", "norm", "norm plain", "norm context")
"""Effects of the figure, from its top."""


def accuracies(results: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy of each training on the data that are drawn: a column for each network, a row for each seed."""
    values = by_network(results).loc[dataset_drawn(results)]["accuracy"]
    wide = values.unstack("form")  # noqa: PD010
    return wide[[form for form in CALLED if form in wide]]


def plot(results: pd.DataFrame) -> Figure:
    """Draw the accuracy of each training above, and the effect of each change with its interval below.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table, found = accuracies(results), effects(results, "accuracy", dataset_drawn(results))
    shown = [key for key in SHOWN if key in found.index]
    figure, (above, below) = style.panels(2, height=2.3, sharey=False, height_ratios=[4, 7])
    for place, form in enumerate(table):
        colour = COLOURS[str(form)]
        above.plot(table[form].to_numpy(), [place] * len(table), "o", color=colour, markersize=5, alpha=0.45, mew=0)
        above.plot(table[form].mean(), place, "|", color=colour, markersize=18, mew=2.6)
    above.set_yticks(range(len(table.columns)), [CALLED[str(form)] for form in table])
    for place, key in enumerate(shown):
        mean, low, high = found.loc[key].to_numpy()
        colour = COLOURS[CHANGES[key.partition(" ")[0]]]
        below.plot([low, high], [place, place], color=colour, linewidth=2.4, solid_capstyle="round")
        below.plot(mean, place, color=colour, **{**style.OURS, "markersize": 8})
    if "together" in shown:
        gains = [contextual - plain for plain, contextual in PUBLISHED.values()]
        look = {**style.PAPER, "linestyle": "none", "color": COLOURS["both"]}
        below.plot(gains, [shown.index("together")] * len(gains), label="the authors', on ImageNet", zorder=4, **look)
    below.axvline(0, color="#444444", linewidth=1.2, zorder=0)
    below.set_yticks(range(len(shown)), [CONTRASTS[key][0] for key in shown])
    for ax in (above, below):
        ax.invert_yaxis()
        ax.margins(y=0.16)
        ax.grid(visible=False, axis="y")
        ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
        ax.tick_params(labelsize=style.SMALL)
    titles = [f"{name(dataset_drawn(results))}: accuracy (%)", "what a change brings (points)"]
    style.add_titles_and_legend(figure, [above, below], titles)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    trainings = len(accuracies(results))
    if trainings == 1:
        return "Above: one training of each network. Below: differences of these; one training has no interval."
    return (
        f"Above: {trainings} trainings of each network, and their means. Below: what each change brings, over pairs of "
        "equal seed, with 95% intervals; where the other change is not named, a mean over both of its states. The authors "
        "publish the first row alone."
    )


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    dataset = dataset_drawn(results)
    found = effects(results, "accuracy", dataset)
    if not {"together", "context", "norm"} <= set(found.index):
        return "**Not measured:** all four networks are needed."
    sides = {key: _side(found.loc[key]) for key in ("together", "context", "norm")}
    said = {key: spread(*found.loc[key]) for key in sides}
    radius = effects(results, "trained", dataset).loc["context"]
    far = {1: "sees further", -1: "sees less far", 0: "sees further or not, undecided"}[_side(radius)]
    return (
        f"**{_answer(sides)}.** On {name(dataset)}, both changes together bring {said['together']} points of accuracy, the "
        f"convolution {said['context']} and the norm {said['norm']}, with as many weights. A contextual network {far}: by "
        f"{spread(*radius)} points of the image's side, the radius of what its units see after training."
    )


def _answer(sides: dict[str, int]) -> str:
    """Put in words on which side of zero the intervals of both changes, the convolution and the norm lie."""
    together, context, norm = sides["together"], sides["context"], sides["norm"]
    if context > 0:
        return "There is a gain, and it is the convolution's" + (", and the norm's as well" if norm > 0 else "")
    if context < 0:
        loss = "Context costs accuracy here"
        return f"{loss}; the moved norm gains" if norm > 0 else loss
    if norm > 0:
        return "There is a gain, but it is the moved norm's, and not the convolution's beyond doubt"
    if together > 0:
        return "There is a gain, and whose it is stays undecided"
    if norm < 0:
        return "The moved norm costs accuracy here, and the convolution gains nothing beyond doubt"
    return "Undecided: no gain beyond doubt"


def _side(row: Any) -> int:
    """Return on which side of zero an interval lies; 0: it holds zero, or is of one training."""
    return 1 if row["low"] > 0 else -1 if row["high"] < 0 else 0


def alt_text(results: pd.DataFrame) -> str:
    """Describe the first figure in words, from its data."""
    dataset = dataset_drawn(results)
    means = accuracies(results).mean()
    scores = ", ".join(f"{CALLED[str(form)]} {value:.1f}%" for form, value in means.items())
    found = effects(results, "accuracy", dataset)
    brought = "; ".join(f"{CONTRASTS[key][0]} {spread(*found.loc[key])}" for key in SHOWN if key in found.index)
    return f"Accuracies and effects on {name(dataset)}. Means: {scores}. Points that each change brings: {brought}."


def effects_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each change brings on every data set, in points with intervals, under the headings of the page."""
    columns = {}
    for dataset in by_network(results).index.unique("dataset"):
        found = effects(results, "accuracy", str(dataset))
        rows = [key for key in (*SHOWN, "interaction") if key in found.index]
        columns[name(str(dataset))] = {CONTRASTS[key][0]: spread(*found.loc[key]) for key in rows}
    return pd.DataFrame(columns)
