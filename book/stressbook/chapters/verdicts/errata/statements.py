"""Errata, the statements: what the published numbers say about themselves, each checked against the published table.

From the published table to a list of statements that hold or do not; `page` writes and draws it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from stressbook.drawing import tables
from stressbook.drawing.words import NAMES
from stresslib.paper.published import published
from stresslib.stress.spec import bits_per_vector, compression_rate

TEST_IMAGES = {"mit67": 1340, "food101": 29998}
"""Data sets scored by accuracy, and how many test images their published scores imply."""

REPEATS = 10
"""Draws behind each mean of a random selection."""

ROUNDING = 1e-6 / 2 / 100
"""The most that rounding to 6 decimals of a percent can move a published score, as a share of the images."""


class Statement(NamedTuple):
    """What is said, whether it holds in the published table, and the numbers that decide."""

    statement: str
    holds: bool
    numbers: str


def distance(scores: ArrayLike, images: ArrayLike) -> NDArray[np.float64]:
    """Return how far accuracies are, at most, from whole numbers of images.

    Parameters
    ----------
    scores : array-like of shape (n,)
        Percent.
    images : int, or array-like of shape (m,)
        Supposed numbers of test images.

    Returns
    -------
    ndarray of shape () or (m,)
        In images; at most a half.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.errata.statements import distance
    >>> distance([25.0, 50.0], [4, 6])
    array([0. , 0.5])
    """
    counts = np.asarray(images)[..., None] * np.asarray(scores, dtype=float) / 100
    return np.asarray(np.abs(counts - counts.round()).max(axis=-1))


def single_runs(dataset: str) -> pd.Series:
    """Return the published scores of a data set that are not means over draws."""
    table = published()
    return table.loc[table["dataset"].eq(dataset) & table["score_sd"].isna(), "score"]


def fitting(scores: ArrayLike, sizes: Iterable[int]) -> list[int]:
    """Return those sizes of a test set for which all scores are whole numbers of images, within their rounding.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.errata.statements import fitting, single_runs
    >>> fitting(single_runs("mit67"), range(100, 3000))
    [1340, 2680]
    """
    supposed = np.array(list(sizes))
    return [int(size) for size in supposed[distance(scores, supposed) <= supposed * ROUNDING]]


def _row(dataset: str, stress: str, **place: Any) -> pd.Series:
    """Return the published row of VGG-M's relu7 under a stress, at the place that further columns give."""
    table = tables.published_shares()
    table = table[table["dataset"].eq(dataset) & table["model"].eq("vgg-m") & table["layer"].eq("relu7")]
    table = table[table["stress"].eq(stress)]
    for name, value in place.items():
        table = table[table[name].eq(value)]
    return table.iloc[0]


def _scores_are_counts(dataset: str) -> Statement:
    images, name = TEST_IMAGES[dataset], NAMES[dataset]
    scores, sizes = single_runs(dataset), range(500, 40_001)
    found = fitting(scores, sizes)
    others = np.array([size for size in sizes if size % images])
    next_best = others[distance(scores, others).argmin()]
    only = f"{images:,} and its multiples leave" if len(found) > 1 else f"{images:,} leaves"
    return Statement(
        f"Each of the {len(scores)} single scores on {name} is a whole number of {images:,} test images.",
        found == list(range(images, sizes[-1] + 1, images)),
        f"Of all sizes from {sizes[0]:,} to {sizes[-1]:,}, only {only} no remainder beyond rounding; the next best, "
        f"{next_best:,}, misses by {distance(scores, next_best):.2g} images.",
    )


def _means_are_of_ten(dataset: str) -> Statement:
    images, name = TEST_IMAGES[dataset], NAMES[dataset]
    table = published()
    means = table.loc[table["dataset"].eq(dataset) & table["score_sd"].notna(), "score"]
    # The mean of rounded scores is off by as much as they are, and is rounded once more.
    off = {number: float(distance(means, images * number)) for number in range(1, REPEATS + 1)}
    fits = [number for number, value in off.items() if value <= 2 * images * number * ROUNDING]
    return Statement(
        f"The {len(means)} means on {name} are means of {REPEATS} draws, or a multiple.",
        fits == [REPEATS],
        f"Mean x {images:,} x {REPEATS} is whole within {off[REPEATS]:.1g}; with fewer draws the remainder is at least "
        f"{min(value for number, value in off.items() if number < REPEATS):.2g}.",
    )


def _deviations_divide_by_n() -> Statement:
    table = published()
    rows = table[table["dataset"].eq("mit67") & table["score_sd"].notna()]
    counts = rows["score_sd"] * TEST_IMAGES["mit67"] / 100
    # For whole counts k of n draws, n^2 times the population variance is the whole number n sum k^2 - (sum k)^2.
    away = {}
    for divisor, factor in (("n", REPEATS**2), ("n - 1", REPEATS * (REPEATS - 1))):
        squares = factor * counts**2
        away[divisor] = float(np.abs(squares - squares.round()).max())
    return Statement(
        "The published standard deviations divide by the number of draws, not by one less.",
        away["n"] < 0.05 < away["n - 1"],
        f"On MIT-67 the sums of squares that they imply are whole numbers within {away['n']:.2g} if they divide by n; "
        f"if by n - 1, the largest remainder is {away['n - 1']:.2f}.",
    )


def _half_has_two_sizes() -> Statement:
    table = tables.published_shares()
    half = table[table["step"].eq(10) & table["n_features"].eq(4096)]
    sizes = {
        source: sorted(set(rows["dimensions"]))
        for source, rows in half.groupby("source")
        if source in ("figure-2", "figure-5")
    }
    return Statement(
        "Half of 4,096 dimensions is 2,047 where dimensions alone are dropped, and 2,048 where values are reduced too.",
        sizes == {"figure-2": [2047], "figure-5": [2048]},
        f"Figure 2 has {sizes['figure-2'][0]:,}, Figure 5 {sizes['figure-5'][0]:,}: 0.05 was added up in floating point for "
        "the one.",
    )


def _full_scores_vary() -> Statement:
    said, apart = [], True
    for dataset in TEST_IMAGES:
        whole = _row(dataset, "random-selection", step=20)
        single = _row(dataset, "bit-erasure", removed_bits=0)
        said.append(
            f"{NAMES[dataset]}: {whole['score']:.3f} (deviation {whole['score_sd']:.3f}) over the draws, "
            f"{single['score']:.3f} alone"
        )
        apart &= whole["score"] != single["score"] and whole["score_sd"] > 0
    return Statement(
        "Without any stress MIT-67 and Food-101 have two published scores, and one of them varies from draw to draw, though "
        "nothing is drawn.",
        apart,
        "; ".join(said) + ".",
    )


def _one_dictionary_needs_eight_values() -> Statement:
    full = _row("voc2007", "random-selection", step=20)["score"]
    seven, eight = (_row("voc2007", "uniform-shared", values=count)["score"] for count in (7, 8))
    return Statement(
        "With one dictionary the full score is reached with 8 values, not yet with the 7 of Figure 4's caption; both cost "
        "3 bits.",
        seven < full <= eight and bits_per_vector("Q1:7", 1) == bits_per_vector("Q1:8", 1) == 3,
        f"{seven:.3f} with 7 and {eight:.3f} with 8 values, of {full:.3f}: {100 * seven / full:.2f}% and "
        f"{100 * eight / full:.2f}%.",
    )


def _marks_of_figure_5() -> Statement:
    marks = {(409, 8): (99.1, 97.8), (409, 27): (98.4, 99.1), (819, 24): (96.9, 99.6)}
    found = {}
    for dimensions, count in marks:
        kept = _row("voc2007", "pca+uniform", dimensions=dimensions, values=count, source="figure-5")["kept"]
        found[dimensions, count] = (100 * compression_rate(f"DR2:{dimensions},Q2:{count}", 4096), kept)
    said = "; ".join(
        f"{dimensions} dimensions and {count} values: {rate:.2f}% less, {kept:.2f}% kept"
        for (dimensions, count), (rate, kept) in found.items()
    )
    return Statement(
        "The three points marked in Figure 5 are 409 dimensions with 8 and 27 values, and 819 with 24.",
        {place: (round(rate, 1), round(float(kept), 1)) for place, (rate, kept) in found.items()} == marks,
        said + ". Matrix and dictionaries are not counted.",
    )


def _values_chosen_on_test_images() -> Statement:
    table = tables.published_shares()
    table = table[table["source"].eq("figure-5") & table["dimensions"].eq(409) & (table["values"] > 16)]
    best = table.iloc[table["kept"].argmax()]
    return Statement(
        "The headline's 27 values are the best, on the test images, of the 14 numbers of values that cost as many bits.",
        len(table) == 14 and best["values"] == 27,
        f"With 409 dimensions and 17 to 30 values {table['kept'].min():.2f} to {table['kept'].max():.2f}% are kept. 32 "
        "values, which cost 5 bits too, were not run.",
    )


def _collapse_at_56_bits() -> Statement:
    kept = {dataset: _row(dataset, "bit-erasure", removed_bits=56)["kept"] for dataset in ("voc2007", "mit67", "food101")}
    return Statement(
        "With 56 bits erased a value is either 0 or one tiny number. VOC 2007 collapses there, the other two do not.",
        kept["voc2007"] < 20 and min(kept["mit67"], kept["food101"]) > 85,
        "; ".join(f"{NAMES[dataset]} keeps {share:.1f}%" for dataset, share in kept.items())
        + ". The code alone cannot be the reason: it is of the same kind on all three.",
    )


def _gains_without_negative_values() -> Statement:
    table = tables.published_shares()
    table = table[table["source"].eq("supplement-multilayer") & table["layer"].ne("pool5")]
    full = table[table["stress"].eq("random-selection") & table["step"].eq(20)].set_index("layer")["score"]
    best = table[table["stress"].str.startswith("uniform")].groupby("layer")["score"].max()
    gain = (best - full).to_dict()
    never_negative, signed = ("relu6", "relu7", "softmax"), ("fc6", "fc7", "fc8")
    gains = [f"{layer} {gain[layer]:+.2f}" for layer in (*never_negative, *signed)]
    return Statement(
        "Quantised features beat the full ones by more than 0.1 points only in layers without negative values.",
        min(gain[layer] for layer in never_negative) > 0.1 > max(gain[layer] for layer in signed),
        f"Best of Q-1 and Q-2 minus full score, in points: {', '.join(gains)}.",
    )


def _repeated_pca() -> Statement:
    table = published()
    rows = table[table["source"].eq("supplement-multilayer") & table["stress"].eq("pca")]
    moving = rows[rows["score_sd"] > 0]
    return Statement(
        "PCA was run several times on each layer, and came out the same on all but one.",
        set(moving["layer"]) == {"relu6"},
        f"relu6 varies from {moving['dimensions'].min():,} dimensions on (deviation {moving['score_sd'].min():.3f} to "
        f"{moving['score_sd'].max():.3f}): its last components are not determined by the data.",
    )


def _bossanova_width() -> Statement:
    table = published()
    (width,) = table.loc[table["model"].eq("bossanova"), "n_features"].unique()
    factors, rest = [], int(width)
    for prime in range(2, math.isqrt(rest) + 1):
        while rest % prime == 0:
            factors.append(prime)
            rest //= prime
    factors += [rest] if rest > 1 else []
    return Statement(
        "BossaNova's vectors cannot have the usual three values a codeword (two bins and a count).",
        bool(width % 3),
        f"{width:,} = {' x '.join(map(str, factors))}, which 3 does not divide.",
    )


def checked_statements() -> pd.DataFrame:
    """Check what the page says about the published numbers, statement by statement.

    Returns
    -------
    pandas.DataFrame
        `statement`, whether it `holds`, and the `numbers` that decide.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.errata.statements import checked_statements
    >>> bool(checked_statements()["holds"].all())
    True
    """
    rows = [
        _scores_are_counts("mit67"),
        _scores_are_counts("food101"),
        _means_are_of_ten("mit67"),
        _means_are_of_ten("food101"),
        _deviations_divide_by_n(),
        _full_scores_vary(),
        _half_has_two_sizes(),
        _marks_of_figure_5(),
        _values_chosen_on_test_images(),
        _one_dictionary_needs_eight_values(),
        _collapse_at_56_bits(),
        _gains_without_negative_values(),
        _repeated_pca(),
        _bossanova_width(),
    ]
    return pd.DataFrame(rows, columns=list(Statement._fields))
