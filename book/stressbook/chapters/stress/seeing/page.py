"""Seeing: the share of right neighbours under each stress, over all crops, as a figure and in words.

Draws the table of `measure`; the chapter's other pictures are in `vector`, `neighbours` and `dictionary`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.stress.seeing.measure import NEAREST, SAME_NEIGHBOURS, SAME_PHOTOGRAPH
from stressbook.chapters.stress.seeing.panels import BEFORE, NONE, WIDTH
from stressbook.drawing import style
from stressbook.drawing.words import CLOSE, paper_name
from stresslib.stress.spec import bits_per_vector, parse_spec

_TOKENS = {"random-selection": "DR1", "pca": "DR2", "uniform-shared": "Q1", "uniform-per-dimension": "Q2"}

_DICTIONARIES = {"uniform-per-dimension": "Q-2, a dictionary each", "uniform-shared": "Q-1, one for all"}


def mean_scores(results: pd.DataFrame, metric: str = SAME_PHOTOGRAPH) -> pd.Series:
    """Return the scores of a metric, indexed by spec; of a random stress the mean over its draws.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    metric : str, default=SAME_PHOTOGRAPH

    Returns
    -------
    pandas.Series
        In the order of the table.
    """
    rows = results[results["metric"] == metric]
    return rows["score"].groupby(rows.apply(_spec, axis=1), sort=False).mean()


def _spec(row: pd.Series) -> str:
    if row["stress"] == "none":
        return "none"
    number = row["values"] if pd.isna(row["dimensions"]) else row["dimensions"]
    return f"{_TOKENS[row['stress']]}:{number}"


def size_name(spec: str) -> str:
    """Return what a stress leaves of a vector, in a few words.

    Examples
    --------
    >>> from stressbook.chapters.stress.seeing.page import size_name
    >>> size_name("none"), size_name("Q2:2"), size_name("DR1:64")
    ('32 bits a number', '1 bit a number', '64 numbers at random')
    """
    parsed = parse_spec(spec)
    if parsed.reduction:
        return f"{parsed.dimensions} {'numbers at random' if parsed.is_random else 'components'}"
    bits = bits_per_vector(spec, 1)
    return "1 bit a number" if bits == 1 else f"{bits} bits a number"


def stress_name(spec: str) -> str:
    """Return what a stress leaves of a vector, and the paper's name of the stress.

    Examples
    --------
    >>> from stressbook.chapters.stress.seeing.page import stress_name
    >>> stress_name("none"), stress_name("Q2:2")
    ('32 bits a number, no stress', '1 bit a number (Q-2)')
    """
    stress = parse_spec(spec).stress
    return f"{size_name(spec)}, no stress" if stress == "none" else f"{size_name(spec)} ({paper_name(stress)})"


def headline(results: pd.DataFrame, n_crops: int, by_chance: float) -> str:
    """Say in a few sentences how many bits, and how few numbers, a search needs.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    n_crops : int
    by_chance : float
        Of :func:`~stressbook.chapters.stress.seeing.measure.chance`.

    Returns
    -------
    str
    """
    share = mean_scores(results)
    coarsest = min((spec for spec in share.index if spec.startswith("Q")), key=_bits, default=None)
    scores = [(size_name(spec), f"{share[spec]:.1f}%") for spec in share.index if spec.startswith("DR")]
    if coarsest is not None:
        both = [f"{share[coarsest.replace(coarsest[:2], token)]:.1f}%" for token in ("Q2", "Q1")]
        scores.insert(0, (size_name(coarsest), " and ".join(both)))
    first, first_score = scores[0]
    others = "".join(f"with {size} {score}, " for size, score in scores[1:])
    return (
        f"**With a dictionary for each dimension, {_enough(share, 'Q2')}; with one for all, {_enough(share, 'Q1')}.** Of "
        f"the {NEAREST} nearest neighbours of {n_crops} crops, {share['none']:.1f}% are of the same photograph before any "
        f"stress; enough is {CLOSE:.0f} points less. With {first} it is {first_score}, {others}by chance {by_chance:.1f}%."
    )


def _bits(spec: str) -> int:
    return bits_per_vector(spec, 1)


def _smallest_dictionary(share: pd.Series, token: str) -> str | None:
    """Return the dictionary of the fewest bits with which a search finds nearly as much as without a stress."""
    near = [spec for spec in share.index if spec.startswith(token) and share["none"] - share[spec] <= CLOSE]
    return min(near, key=_bits, default=None)


def _enough(share: pd.Series, token: str) -> str:
    smallest = _smallest_dictionary(share, token)
    if smallest is None:
        return "no number of bits that was tried is enough"
    return f"{size_name(smallest)} {'is' if _bits(smallest) == 1 else 'are'} enough"


def verdicts(results: pd.DataFrame) -> str:
    """Say how many of the neighbours are those that a crop had before the stress.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    str
    """
    share, kept = mean_scores(results), mean_scores(results, SAME_NEIGHBOURS).drop("none")
    example = _smallest_dictionary(share, "Q2") or kept.index[0]
    return (
        f"**The right photograph need not be the same crop of it.** Under {stress_name(example)}, {share[example]:.1f}% of "
        f"the neighbours are right, and {kept[example]:.1f}% of those before the stress remain. Over all stresses it is "
        f"from {kept.min():.1f}%, {stress_name(str(kept.idxmin()))}, to {kept.max():.1f}%, "
        f"{stress_name(str(kept.idxmax()))}."
    )


def plot(results: pd.DataFrame, by_chance: float) -> Figure:
    """Draw the percent of right neighbours under each stress, over all crops.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    by_chance : float
        Of :func:`~stressbook.chapters.stress.seeing.measure.chance`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    share = mean_scores(results)
    rows = list(dict.fromkeys(size_name(spec) for spec in share.index))
    figure, [ax] = style.panels(1, height=1.0)
    figure.set_size_inches(WIDTH, 0.34 * len(rows) + 1.2)
    for place, row in enumerate(rows):
        # At most two: one dictionary, and one per dimension.
        ends = sorted((spec for spec in share.index if size_name(spec) == row), key=lambda spec: share[spec])
        ax.plot(share[[ends[0], ends[-1]]], [place, place], color=BEFORE, linewidth=3, zorder=1)
        for spec in ends:
            stress = parse_spec(spec).stress
            colour = style.COLOURS.get(stress, NONE)
            dot = {"color": colour, "markersize": 7, "markeredgecolor": "white", "markeredgewidth": 0.7}
            ax.plot(share[spec], place, "o", label=_DICTIONARIES.get(stress), **dot)
            number = {"color": colour, "fontsize": "medium", "fontweight": "bold", "va": "center_baseline"}
            is_left = len(ends) == 2 and spec == ends[0]
            shift, side = ((-8, 0), "right") if is_left else ((8, 0), "left")
            at = (share[spec], place)
            ax.annotate(f"{share[spec]:.1f}", at, shift, textcoords="offset points", ha=side, **number)
    ax.axvline(by_chance, color="#888888", linewidth=1, linestyle=(0, (4, 3)), label=f"by chance ({by_chance:.1f}%)")
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(axis="y", length=0)
    ax.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 118), xlabel="% right neighbours", xticks=range(0, 101, 20))
    handles = {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    spacing = {"handlelength": 1.2, "handletextpad": 0.4, "columnspacing": 1.2}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False, **spacing)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of all crops in words, from its data."""
    parts = [f"{stress_name(str(spec))} {value:.1f}%" for spec, value in mean_scores(results).items()]
    return (
        f"Dots for the percent of the {NEAREST} nearest that are of the same photograph, over all crops: {'; '.join(parts)}."
    )
