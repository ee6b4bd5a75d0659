"""By kind: what each way of training changes for each corruption, as a heat map and in words.

From the table of `measure` to the chapter's second figure.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.amplitude_phase.effects import BASELINE, RECIPES, corruption_rows, is_extra, name, order
from stressbook.chapters.images.amplitude_phase.page import dataset_drawn
from stressbook.drawing import style


def changes(results: pd.DataFrame) -> pd.DataFrame:
    """Return by how many points each recipe changes the error of each corruption, against originals twice.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Of the data set that is drawn: a row for each corruption, the extra ones last; the first column is the error of
        originals twice, the others are changes. Means over severities and trainings.
    """
    rows = corruption_rows(results)
    rows = rows[rows["dataset"].eq(dataset_drawn(results)) & rows["metric"].eq("accuracy")]
    wide = rows.pivot_table(index="stress", columns="variant", values="error", sort=False)
    wide = wide.loc[sorted(wide.index, key=lambda kind: is_extra(str(kind)))]
    others = [recipe for recipe in order(wide.columns) if recipe != BASELINE]
    return pd.concat([wide[BASELINE], wide[others].sub(wide[BASELINE], axis=0)], axis=1)


def plot(results: pd.DataFrame) -> Figure:
    """Draw the changes as a heat map: green is fewer errors, red is more, and each number is written.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = changes(results)
    shift, counted = table.iloc[:, 1:], sum(not is_extra(str(kind)) for kind in table.index)
    # A gap of half a row sets the extra ones apart.
    places = np.arange(len(table)) + 0.5 * (np.arange(len(table)) >= counted)
    figure, (ax,) = style.panels(1, height=0.36 * (len(table) + 2))
    limit = float(np.abs(shift.to_numpy()).max()) or 1.0
    for column in range(shift.shape[1]):
        for place, value in zip(places, shift.iloc[:, column], strict=True):
            ax.fill_between([column, column + 0.96], place - 0.46, place + 0.46, color=_colour(value / limit), linewidth=0)
            ax.text(column + 0.48, place, f"{value:+.1f}", ha="center", va="center", fontsize=style.SMALL, color="#111111")
    for place, value in zip(places, table[BASELINE], strict=True):
        ax.text(-0.12, place, f"{value:.1f}", ha="right", va="center", fontsize=style.SMALL, color="#111111")
    ax.set(xlim=(-0.75, shift.shape[1]), ylim=(places[-1] + 0.6, -0.6))
    names = [RECIPES[BASELINE].replace(" ", "\n"), *(RECIPES[recipe].replace(" ", "\n") for recipe in map(str, shift))]
    ax.set_xticks([-0.35, *(np.arange(shift.shape[1]) + 0.48)], names, fontsize=style.SMALL)
    ax.set_yticks(places, [_said(str(kind)) for kind in table.index], fontsize=style.SMALL)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return figure


def _colour(share: float) -> tuple[float, float, float]:
    """Return white for 0, green for -1, orange red for 1; light enough for black letters."""
    end = np.array((0.42, 0.75, 0.62) if share < 0 else (0.93, 0.55, 0.42))
    red, green, blue = 1 - abs(share) * (1 - end)
    return float(red), float(green), float(blue)


def _said(kind: str) -> str:
    return kind.replace("_", " ").replace("jpeg", "JPEG")


def verdicts(results: pd.DataFrame) -> str:
    """Say for each recipe which corruptions it helps with most, and with which it hurts, as a Markdown list."""
    table, lines = changes(results), []
    for recipe in table.columns[1:]:
        column = table[recipe]
        best, worse = str(column.idxmin()), column[column > 0]
        line = (
            f"- {RECIPES[str(recipe)]}: fewer errors under {int((column < 0).sum())} of {len(column)}, most so under "
            f"{_said(best)} ({column[best]:+.1f} points)"
        )
        listed = ", ".join(f"{_said(str(kind))} {value:+.1f}" for kind, value in worse.sort_values(ascending=False).items())
        lines.append(f"{line}; **more** under {listed}." if listed else f"{line}.")
    return "\n".join(lines)


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    dataset, extra = (
        name(dataset_drawn(results)),
        [_said(str(kind)) for kind in changes(results).index if is_extra(str(kind))],
    )
    said = (
        f"{dataset}: the error of originals twice under each corruption (%), and by how many points the other ways of "
        "training change it. Green is fewer errors."
    )
    return f"{said} Below the gap the extra corruptions, which do not count in the mean." if extra else said


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = verdicts(results).replace("- ", "").replace("**", "").replace("\n", " ")
    return f"A heat map of the change of the error by corruption and way of training, {name(dataset_drawn(results))}. {said}"
