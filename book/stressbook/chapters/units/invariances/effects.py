"""Effects: what units of early layers ignore, judged by rules that were written down before the run.

From the scores of units to the sentences and the table of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from stressbook.chapters.units.invariances import dropped, survival
from stressbook.chapters.units.invariances.labels import layer_name, layers_of
from stressbook.chapters.units.invariances.names import QUANTIZED, ROUNDED
from stressbook.chapters.units.invariances.scores import by_unit, of_layer
from stressbook.drawing.outcomes import AS_EXPECTED, DIRECTIONS, interval, outcome, spread

Pairs = tuple[tuple[tuple[str, str], tuple[str, str]], ...]

GOOGLENET, EFFICIENTNET, RESNET = "bvlc-googlenet", "efficientnet-lite0", "resnet20"

LINEAR = (GOOGLENET, "conv1")
"""The layer whose units are linear in the image: what is found there is known beforehand."""

COUNTERPARTS: Pairs = (
    ((GOOGLENET, "conv2"), (EFFICIENTNET, "_blocks.3._bn0")),
    (LINEAR, (EFFICIENTNET, "_blocks.1._bn0")),
)
"""Layers of two networks whose units see as many pixels, at the same stride."""

DEPTHS: Pairs = (
    ((GOOGLENET, "conv2"), LINEAR),
    ((EFFICIENTNET, "_blocks.3._bn0"), (EFFICIENTNET, "_blocks.1._bn0")),
    ((RESNET, "layer2.0"), (RESNET, "layer1.2")),
)
"""Layers of one network, the deeper one first."""


class Found(NamedTuple):
    """A mean difference, and its interval of 95%.

    Attributes
    ----------
    where : str
        In which layer, or between which two.
    mean, low, high : float
    """

    where: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Expectation:
    """What was expected before the run.

    Attributes
    ----------
    about : str
        Of what, and compared with what.
    sign : {-1, 0, 1}
        It is lower, is not lower by more than one point, or is higher.
    said : str
        Whose words these are, or why we expect it.
    measured : callable
        Takes the table of the chapter, and gives what was found in each place.
    """

    about: str
    sign: int
    said: str
    measured: Callable[[pd.DataFrame], Iterator[Found]]


def _in_layers(results: pd.DataFrame, against: str) -> Iterator[Found]:
    units = by_unit(results)
    for layer in layers_of(units):
        if layer[1:] == LINEAR:
            continue
        part = of_layer(units, layer)
        yield Found(layer_name(*layer[1:]), *interval(part["size"] - part[against]))


def _between(results: pd.DataFrame, pairs: Pairs, score: str) -> Iterator[Found]:
    units = by_unit(results)
    there = {layer[1:]: of_layer(units, layer)[score].dropna() for layer in layers_of(units)}
    for first, second in pairs:
        if len(there.get(first, ())) > 1 and len(there.get(second, ())) > 1:
            where = f"{layer_name(*first)} against {layer_name(*second)}"
            yield Found(where, *difference(there[first], there[second]))


def _under(results: pd.DataFrame, stress: str, than: str) -> Iterator[Found]:
    for layer, part in survival.at_the_edge(results, stress):
        yield Found(layer_name(*layer[1:]), *interval(part["diverse"] - part[than]))


def _dropped(results: pd.DataFrame) -> Iterator[Found]:
    for layer, part in dropped.by_layer(results):
        yield Found(layer_name(*layer[1:]), *(100 * one for one in rank_correlation(part["size"], part["kept"])))


EXPECTED = (
    Expectation(
        "the distance of a set, against the independent images that differ most",
        1,
        "the authors: images found one by one show too little of what a unit ignores",
        lambda results: _in_layers(results, "alone"),
    ),
    Expectation(
        "the distance of a set, against a linear unit's",
        1,
        "the authors: even early layers have invariances",
        lambda results: _in_layers(results, "linear"),
    ),
    Expectation(
        "the distance of a set, against the network's shallower layer",
        1,
        "our guess: invariances add up",
        lambda results: _between(results, DEPTHS, "size"),
    ),
    Expectation(
        "the distance of a set, GoogLeNet's against EfficientNet's second layer",
        1,
        "our guess: it pools by maxima; the authors find other differences, of VGG-19 and ResNet-50",
        lambda results: _between(results, COUNTERPARTS[:1], "size"),
    ),
    Expectation(
        "the distance of a set, GoogLeNet's against EfficientNet's first layer",
        -1,
        "there GoogLeNet is linear, and EfficientNet is not",
        lambda results: _between(results, COUNTERPARTS[1:], "size"),
    ),
    Expectation(
        "the least activation of a shifted texture, GoogLeNet's against EfficientNet's second layer",
        1,
        "our guess: the same pooling",
        lambda results: _between(results, COUNTERPARTS[:1], "shift"),
    ),
    Expectation(
        "the activation that sets keep with rounded weights, against the accuracy kept",
        0,
        "our guess: what a network answers survives as long as what it knows",
        lambda results: _under(results, ROUNDED, "accuracy"),
    ),
    Expectation(
        "the activation that sets keep with rounded activations, against the accuracy kept",
        0,
        "the same",
        lambda results: _under(results, QUANTIZED, "accuracy"),
    ),
    Expectation(
        "the activation that sets keep with rounded weights, against that of independent images",
        0,
        "our guess: what is ignored is no weaker than what is liked best",
        lambda results: _under(results, ROUNDED, "independent"),
    ),
    Expectation(
        "the rank correlation, in hundredths, of a unit's distance with the variance that principal components keep of it",
        -1,
        "our guess: units that ignore much carry little",
        _dropped,
    ),
)


def difference(first: pd.Series, second: pd.Series) -> tuple[float, float, float]:
    """Return the difference of two means, and Welch's interval of 95%.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.units.invariances.effects import difference
    >>> [round(one, 2) for one in difference(pd.Series([3.0, 4.0, 5.0]), pd.Series([1.0, 2.0, 3.0]))]
    [2.0, -0.27, 4.27]
    """
    if first.var() == 0 == second.var():
        return (float(first.mean() - second.mean()),) * 3
    found = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    return float(first.mean() - second.mean()), float(found.low), float(found.high)


def rank_correlation(first: pd.Series, second: pd.Series) -> tuple[float, float, float]:
    """Return Spearman's rank correlation, and its interval of 95% after Fisher, with Bonett and Wright's variance.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.units.invariances.effects import rank_correlation
    >>> [round(one, 2) for one in rank_correlation(pd.Series(range(12)), pd.Series([1, 0, *range(2, 12)]))]
    [0.99, 0.97, 1.0]
    """
    count, found = len(first), float(stats.spearmanr(first, second).statistic)
    if count < 4:
        return found, np.nan, np.nan
    clipped = float(np.clip(found, -1 + 1e-9, 1 - 1e-9))
    half = float(stats.norm.ppf(0.975) * np.sqrt((1 + clipped**2 / 2) / (count - 3)))
    return found, float(np.tanh(np.arctanh(clipped) - half)), float(np.tanh(np.arctanh(clipped) + half))


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Judge every expectation in every place.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each expectation and place: `place` of the expectation, `where`, `mean`, `low`, `high` and `outcome`.
    """
    rows = [
        {"place": place, **found._asdict(), "outcome": outcome(expected.sign, found.low, found.high)}
        for place, expected in enumerate(EXPECTED)
        for found in expected.measured(results)
    ]
    return pd.DataFrame(rows, columns=["place", *Found._fields, "outcome"])


def verdicts(results: pd.DataFrame) -> str:
    """Say what became of each expectation, as a Markdown list."""
    lines = []
    for place, rows in judged(results).groupby("place"):
        expected = EXPECTED[int(str(place))]
        said = "; ".join(f"{one['where']} {_numbers(one)}, {one['outcome']}" for one in rows.to_dict("records"))
        about = f"{expected.about[0].upper()}{expected.about[1:]}"
        lines.append(f"- {about}: {_direction(expected.sign)} ({expected.said}): {said}.")
    return "\n".join(lines)


def not_reproduced(results: pd.DataFrame) -> str:
    """List the expectations that were not met, as Markdown."""
    lines = []
    for row in judged(results).to_dict("records"):
        expected = EXPECTED[row["place"]]
        if row["outcome"] != AS_EXPECTED:
            lines.append(
                f"- {row['where']}: {expected.about} was to be {_direction(expected.sign)}. It is "
                f"{_numbers(row)}: {row['outcome']}."
            )
    return "\n".join(lines) or "- Nothing: every direction was as expected."


def _direction(sign: int) -> str:
    return DIRECTIONS[sign]


def _numbers(row: Mapping[Hashable, Any]) -> str:
    return spread(row["mean"], row["low"], row["high"], alone="too few units")


def linear_check(results: pd.DataFrame) -> str:
    """Say what was found of the linear units, whose result is known; empty where none were measured."""
    units = by_unit(results)
    for layer in layers_of(units):
        if layer[1:] == LINEAR:
            sizes = of_layer(units, layer)["size"]
            return (
                f"{layer_name(*LINEAR)} is linear in the image. Its {len(sizes)} units have sets at a distance of "
                f"**{sizes.mean():.1f}** on average ({sizes.min():.1f} to {sizes.max():.1f}); by the formula it is "
                f"**{of_layer(units, layer)['linear'].mean():.1f}**."
            )
    return ""
