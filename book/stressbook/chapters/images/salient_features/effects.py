"""Effects: what was expected of each defence before the run, and what came of it, judged by one rule.

From the table of `measure` to the numbers and sentences of the page; `page` draws them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from stressbook.chapters.images.salient_features.names import (
    ADAPTIVE,
    AUC,
    BENIGN,
    BOTH,
    CONFIDENCE,
    DENOISER,
    DETECTOR,
    ENSEMBLE,
    MISSED,
    PARTIAL,
    RAW,
    SALIENT,
    SEPARATION,
    SHORTER,
    STATIC,
    STEP,
    TRANSFERRED,
    TRIVIAL,
    WIDER,
    WORST,
)
from stressbook.drawing.outcomes import AS_EXPECTED, DIRECTIONS, UNDECIDED, interval, outcome, spread
from stressbook.drawing.words import data_sets, paper_name

BROKEN = 0.5
"""A defence is broken where the strongest attack leaves less than this share of its accuracy on benign images."""


@dataclass(frozen=True)
class Expectation:
    """What was expected before the run.

    Attributes
    ----------
    part : {"fixed", "adaptive", "detector", "stress", "layers"}
    metric : str
    variant : str
        The attack, or images as they are.
    stress : str
        The filter, or what the detector looks at; "paper" stands for each stress of the paper.
    than : str
        The one that it is compared with; empty: the same one under the attack `than_variant`.
    than_variant : str
        Empty: `variant`.
    sign : {-1, 0, 1}
        It is lower, not lower by more than :data:`ACCEPTED`, or higher.
    said : str
        Whose words these are, or why we expect it.
    """

    part: str
    metric: str
    variant: str
    stress: str
    than: str
    than_variant: str
    sign: int
    said: str


PAPER = "paper"

EXPECTED = (
    Expectation("fixed", "accuracy", STATIC, SALIENT, RAW, "", 1, "the claim of the authors"),
    Expectation("fixed", "accuracy", BENIGN, SALIENT, RAW, "", 0, "a defence must not cost what it guards"),
    Expectation("fixed", "accuracy", STEP, SALIENT, RAW, "", 1, "an attack that it was not shown"),
    Expectation("fixed", "accuracy", WIDER, SALIENT, RAW, "", 1, "an attack that it was not shown"),
    Expectation("fixed", "accuracy", STATIC, SALIENT, DENOISER, "", 1, "what a discriminator is there for"),
    Expectation("adaptive", "accuracy", ADAPTIVE, SALIENT, SALIENT, STATIC, -1, "who knows the filter goes through it"),
    Expectation("adaptive", "accuracy", WORST, SALIENT, RAW, "", 1, "what is left of the claim"),
    Expectation("adaptive", "accuracy", WORST, SALIENT, DENOISER, "", 1, "what a discriminator is there for"),
    Expectation("adaptive", "accuracy", ENSEMBLE, SALIENT, RAW, "", 1, "what is left of the claim"),
    Expectation("adaptive", "accuracy", ENSEMBLE, SALIENT, SALIENT, WORST, 0, "or the others are too weak to judge by"),
    Expectation("detector", AUC, STATIC, SALIENT, RAW, "", 1, "the claim of the authors"),
    Expectation("detector", AUC, STATIC, SALIENT, CONFIDENCE, "", 1, "the claim of the authors"),
    Expectation("detector", AUC, STEP, SALIENT, RAW, "", 1, "an attack that it was not shown"),
    Expectation("detector", AUC, STEP, SALIENT, CONFIDENCE, "", 1, "an attack that it was not shown"),
    Expectation("detector", MISSED, BOTH, SALIENT, RAW, "", -1, "who knows filter and detector goes past both"),
    Expectation("stress", "accuracy", STATIC, PAPER, SALIENT, "", -1, "a stress is not shown the attack"),
    Expectation("stress", "accuracy", WORST, PAPER, RAW, "", 1, "what a cheaper filter would have to do"),
)
"""Written before the run. The claim of the authors is expected to hold wherever they make one."""

FILTERS = {
    RAW: "no filter",
    SALIENT: "salient features",
    TRIVIAL: "trivial features",
    DENOISER: "plain denoiser",
    SHORTER: "plain denoiser, as many steps",
    CONFIDENCE: "largest probability",
}
"""What the page calls filters, beside the stresses of the paper."""

LOOKED_AT = {SALIENT: "salient and trivial features", RAW: "raw features", CONFIDENCE: "largest probability"}
"""What the page calls detectors, by what they look at."""

ATTACKS = {
    BENIGN: "no attack",
    STATIC: "PGD (shown)",
    STEP: "FGSM",
    WIDER: "PGD (larger)",
    TRANSFERRED: "transferred",
    ADAPTIVE: "adaptive",
    WORST: "strongest",
    ENSEMBLE: "AutoAttack",
    BOTH: "adaptive to both",
}
"""What the page calls attacks, in its order."""

UNDER = {
    STATIC: "the attack that was shown",
    STEP: "FGSM",
    WIDER: "PGD of a larger radius",
    ADAPTIVE: "an adaptive attack",
    WORST: "the strongest attack",
    ENSEMBLE: "AutoAttack",
    BOTH: "an attack on filter and detector",
}
"""What sentences call attacks."""

MEASURES = {"accuracy": "accuracy", AUC: "the detector's AUC", MISSED: "attacked images that are missed"}


def filters(results: pd.DataFrame) -> pd.Series:
    """Return the filter of each row: a word of ours, or the string of a stress of the paper."""
    own = results["stress"].isin(list(FILTERS))
    return results["stress"].where(own, results["spec"])


def called(name: str) -> str:
    """Return what the page calls a filter.

    Examples
    --------
    >>> from stressbook.chapters.images.salient_features.effects import called
    >>> called("salient"), called("Q2:4"), called("DR2:9,Q2:4")
    ('salient features', 'Q-2, 4 values', 'FC, 9 dimensions, 4 values')
    """
    if name in FILTERS:
        return FILTERS[name]
    tokens = dict(part.split(":") for part in name.split(","))
    stress = {("Q2",): "uniform-per-dimension", ("DR2",): "pca", ("DR2", "Q2"): "pca+uniform"}[tuple(tokens)]
    numbers = [f"{number} {'dimensions' if token == 'DR2' else 'values'}" for token, number in tokens.items()]
    return ", ".join([paper_name(stress), *numbers])


def scores(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the scores of all trainings by one measure.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    metric : str

    Returns
    -------
    pandas.DataFrame
        Indexed by `dataset`, `filter` and `attack`, each in the order of the table, a column for each seed; and `images`.
    """
    rows, key = _rows(results, metric), ["dataset", "filter", "attack"]
    wide = rows.pivot_table(index=key, columns="seed", values="score")
    images = rows.groupby(key, sort=False)["images"].first()
    return wide.reindex(images.index).assign(images=images)


def means(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the mean scores over trainings, indexed by `dataset` and `filter`, a column for each attack."""
    return _averaged(_rows(results, metric), ["dataset", "filter"], "attack")


def _averaged(rows: pd.DataFrame, key: list[str], columns: str) -> pd.DataFrame:
    """Return mean scores in a table whose rows stand in the order in which they come."""
    order = pd.MultiIndex.from_frame(rows[key].drop_duplicates())
    return rows.pivot_table(index=key, columns=columns, values="score").reindex(order)


def _rows(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    layer = "logits" if metric == "accuracy" else DETECTOR
    rows = results[results["metric"].eq(metric) & results["layer"].eq(layer)]
    # Where nothing was transferred, the strongest is one of two; `is_partial` says so.
    return rows.assign(filter=filters(rows), attack=rows["variant"].replace(PARTIAL, WORST))


def is_partial(results: pd.DataFrame) -> bool:
    """Return whether no attack was transferred, so that the strongest is one of two."""
    return bool(results["variant"].eq(PARTIAL).any())


def own_names(names: Iterable[str]) -> list[str]:
    """Return the filters among some that stand for the paper: its stresses."""
    return [name for name in dict.fromkeys(names) if name not in FILTERS]


def image_variance(metric: str, score: float, count: float) -> float:
    """Return the variance of a score for the choice of the test images, in squared points.

    Parameters
    ----------
    metric : str
        Of an AUC by Hanley and McNeil's formula, else that of a share with one image more that is right and one that is
        wrong, after Agresti and Caffo: 0 of 200 is no certainty.
    score : float
        In percent.
    count : float
        Of images.

    Examples
    --------
    >>> from stressbook.chapters.images.salient_features.effects import image_variance
    >>> round(image_variance("accuracy", 50.0, 100), 1), round(image_variance("AUC", 50.0, 100), 1)
    (24.5, 16.7)
    """
    share = min(max(score / 100, 0.0), 1.0)
    if metric != AUC:
        share = (share * count + 1) / (count + 2)
        return 1e4 * share * (1 - share) / (count + 2)
    one, two = share / (2 - share), 2 * share**2 / (1 + share)
    return 1e4 * (share * (1 - share) + (count - 1) * (one + two - 2 * share**2)) / count**2


def judged(results: pd.DataFrame, *parts: str) -> pd.DataFrame:
    """Judge every expectation of some parts, by default of all, on every data set.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    *parts : str
        As :class:`Expectation` has them.

    Returns
    -------
    pandas.DataFrame
        A row for each expectation, data set and filter: `place` of the expectation, `dataset`, `filter`, `than`, `mean`,
        `low`, `high` of the differences in points, `count` of trainings, and `outcome`.
    """
    columns = ["place", "dataset", "filter", "than", "mean", "low", "high", "count", "outcome"]
    measured = {metric: scores(results, metric) for metric in MEASURES}
    rows = []
    for place, expected in enumerate(EXPECTED):
        if parts and expected.part not in parts:
            continue
        table = measured[expected.metric]
        for dataset in table.index.unique("dataset"):
            known = table.loc[dataset]
            names = own_names(known.index.unique("filter")) if expected.stress == PAPER else [expected.stress]
            for name in names:
                pair = [(name, expected.variant), (expected.than, expected.than_variant or expected.variant)]
                if not all(one in known.index for one in pair):
                    continue
                of_both = [known.loc[one].drop("images").astype(float) for one in pair]
                differences = (of_both[0] - of_both[1]).dropna()
                count = known.loc[pair[0], "images"]
                variance = sum(image_variance(expected.metric, float(one.mean()), count) for one in of_both)
                mean, low, high = interval(differences, variance)
                verdict = outcome(expected.sign, low, high)
                rows.append((place, dataset, name, expected.than, mean, low, high, len(differences), verdict))
    return pd.DataFrame(rows, columns=columns)


def standing(results: pd.DataFrame) -> pd.DataFrame:
    """Judge what the strongest attack leaves of each filter, by :data:`BROKEN`.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each data set and filter: `dataset`, `filter`, `benign` accuracy, that of the `strongest` attack with `low`
        and `high`, and `outcome`: "broken", "holds" or "undecided".
    """
    table = scores(results, "accuracy")
    rows = []
    for dataset in table.index.unique("dataset"):
        known = table.loc[dataset]
        for name in known.index.unique("filter"):
            if (name, WORST) not in known.index:
                continue
            benign = float(known.loc[(name, BENIGN)].drop("images").mean())
            values = known.loc[(name, WORST)]
            variance = image_variance("accuracy", float(values.drop("images").mean()), values["images"])
            mean, low, high = interval(values.drop("images").dropna(), variance)
            limit = BROKEN * benign
            verdict = "broken" if high < limit else "holds" if low >= limit else UNDECIDED
            rows.append((dataset, name, benign, mean, low, high, verdict))
    return pd.DataFrame(rows, columns=["dataset", "filter", "benign", "strongest", "low", "high", "outcome"])


def name(dataset: str) -> str:
    """Return what a sentence begins with for a data set.

    Examples
    --------
    >>> from stressbook.chapters.images.salient_features.effects import name
    >>> name("cifar10"), name("mnist"), name("digits")
    ('CIFAR-10', 'MNIST', 'Digits')
    """
    if dataset == "mnist":
        return "MNIST"
    found = data_sets([dataset])
    return found[0].upper() + found[1:]


def clause(expected: Expectation) -> str:
    """Write an expectation as a clause, without the filter's name."""
    what = MEASURES[expected.metric]
    what += f" under {UNDER[expected.variant]}" if expected.variant != BENIGN else " on benign images"
    names = FILTERS if expected.metric == "accuracy" else LOOKED_AT
    who = "a stress of the paper" if expected.stress == PAPER else names[expected.stress]
    if expected.than_variant:
        than = f"under {UNDER[expected.than_variant]}"
    else:
        than = f"with {'' if expected.than == RAW else 'the '}{names[expected.than]}"
    return f"{who}: {what} {DIRECTIONS[expected.sign]} than {than}"


def verdicts(results: pd.DataFrame, *parts: str) -> str:
    """Say what became of each expectation of some parts, as a Markdown list."""
    found = judged(results, *parts)
    lines = []
    for place, rows in found.groupby("place", sort=True):
        expected = EXPECTED[int(str(place))]
        lines.append(f"- {clause(expected)} ({expected.said}): {_listed(rows, expected)}.")
    return "\n".join(lines) or "- Not measured in this run."


def _listed(rows: pd.DataFrame, expected: Expectation) -> str:
    return "; ".join(
        f"{name(row['dataset'])}{', ' + called(row['filter']) if expected.stress == PAPER else ''} "
        f"{spread(row['mean'], row['low'], row['high'])} {row['outcome']}"
        for row in rows.to_dict("records")
    )


def not_reproduced(results: pd.DataFrame) -> str:
    """List the expectations that were not met everywhere, and where, as Markdown."""
    found = judged(results)
    lines = []
    for place, rows in found[found["outcome"].ne(AS_EXPECTED)].groupby("place", sort=True):
        expected = EXPECTED[int(str(place))]
        lines.append(f"- {clause(expected)}: {_listed(rows, expected)}.")
    return "\n".join(lines) or "- Nothing: every direction was as expected."


def separation(results: pd.DataFrame) -> pd.DataFrame:
    """Return the mean separation index by layer, a row for each data set and layer, a column for each attack."""
    rows = results[results["metric"].eq(SEPARATION)]
    return _averaged(rows, ["dataset", "layer"], "variant")
