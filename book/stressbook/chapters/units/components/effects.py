"""Effects: what each component changes, judged by rules that were fixed before a test image was scored.

From the table of `measure` to the numbers and sentences of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from stressbook.chapters.units.components.names import ACCURACY, BASE, DIVERGED, RATE, SEPARATION
from stressbook.chapters.units.components.words import COMPONENTS, DIMENSIONS, MEASURES, VALUES
from stressbook.drawing.outcomes import ACCEPTED, AS_EXPECTED, DIRECTIONS, interval, outcome, spread
from stresslib.paper.published import grid_dimensions

LEVEL = 0.05
"""A change is beyond doubt where Holm's rule, over all components, leaves no larger chance of a false one."""


@dataclass(frozen=True)
class Expectation:
    """What was expected before a test image was scored.

    Attributes
    ----------
    variant : str
        Which is compared with the base network.
    measure : str
        A key of :data:`~stressbook.chapters.units.components.words.MEASURES`.
    sign : {-1, 0, 1}
        It is lower, is not lower by more than a point, or is higher.
    said : str
        Whose words these are, or why we expect it.
    """

    variant: str
    measure: str
    sign: int
    said: str


EXPECTED = (
    Expectation("dropout", DIMENSIONS, 1, "features that may be missing have to say the same thing several times"),
    Expectation("dropconnect", DIMENSIONS, 1, "the same, for weights"),
    Expectation("triplets", DIMENSIONS, 1, "a class that is drawn to a point needs few dimensions"),
    Expectation("smoothed", DIMENSIONS, 1, "likewise: it is known to draw classes together"),
    Expectation("more-decay", DIMENSIONS, 1, "directions that matter little shrink"),
    Expectation("no-decay", DIMENSIONS, -1, "and where there is none, they stay"),
    Expectation("no-norm", VALUES, -1, "nobody looks after the range of a number"),
    Expectation("triplets", SEPARATION, 1, "it is what is trained for"),
    Expectation("maxout", ACCURACY, 1, "twice the kernels"),
    Expectation("elu", ACCURACY, 0, "proposed as better than ReLU"),
    Expectation("parametric", ACCURACY, 0, "likewise"),
    Expectation("average", ACCURACY, 0, "the other usual way to pool"),
    Expectation("stochastic", ACCURACY, 0, "proposed as better than both"),
    Expectation("no-norm", ACCURACY, -1, "it makes trainings faster, and this one is short"),
    Expectation("no-augmentation", ACCURACY, -1, "it is to help where images are few"),
    Expectation("no-momentum", ACCURACY, 0, "with a rate of its own"),
    Expectation("tiled", ACCURACY, -1, "four times the weights for as many images"),
    Expectation("separable", ACCURACY, 0, "the claim of fast computation: nearly as good, for much less"),
    Expectation("low-rank", ACCURACY, 0, "the same claim"),
    Expectation("binary", ACCURACY, 0, "the same claim"),
)


def by_network(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured of each network.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `variant` and `seed`. Columns: those of
        :data:`~stressbook.chapters.units.components.words.MEASURES`, percent; ``full``, the score of a classifier of the
        features; ``dimensions 10%`` and ``values 1 bit``, the share kept at other places; ``parameters``, ``n_features``,
        and whether it ``diverged``. What was not measured is NaN.
    """
    rows = results[results["stress"].ne(RATE)]
    key = ["dataset", "variant", "seed"]
    logits, features = rows[rows["layer"].eq("logits")], rows[rows["layer"].ne("logits")]
    width = features.groupby(key)["n_features"].first().astype(float)
    table = pd.DataFrame(index=rows.groupby(key, sort=False).size().index)
    table["diverged"] = logits[logits["metric"].eq(DIVERGED)].groupby(key).size().reindex(table.index).fillna(0).gt(0)
    right = logits[logits["metric"].eq(ACCURACY)].set_index(key)
    table[ACCURACY], table["parameters"], table["n_features"] = right["score"], right["parameters"], width
    table[SEPARATION] = features[features["metric"].eq(SEPARATION)].set_index(key)["score"]
    scored = features[features["metric"].eq(ACCURACY)]
    table["full"] = scored[scored["stress"].eq("none")].set_index(key)["score"]
    grids = scored["n_features"].map({one: grid_dimensions(int(one)) for one in scored["n_features"].unique()})
    step = [
        grid.index(int(size)) + 1 if pd.notna(size) else 0 for grid, size in zip(grids, scored["dimensions"], strict=True)
    ]
    values = scored["values"].fillna(0).astype(int)
    for column, chosen in {
        DIMENSIONS: np.equal(step, 1),
        "dimensions 10%": np.equal(step, 2),
        VALUES: values.eq(4),
        "values 1 bit": values.eq(2),
    }.items():
        table[column] = 100 * scored[chosen].set_index(key)["score"] / table["full"]
    return table


def dataset_drawn(results: pd.DataFrame) -> str:
    """Return the data set that the page is about: CIFAR-10 where networks of it were measured."""
    return "cifar10" if results["dataset"].eq("cifar10").any() else str(results["dataset"].iloc[0])


def drawn(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`by_network` of the data set that the page is about."""
    return pd.DataFrame(by_network(results).xs(dataset_drawn(results), level="dataset"))


def differences(networks: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Compare every variant with the base network, training by training of equal seed.

    Parameters
    ----------
    networks : pandas.DataFrame
        As :func:`drawn` returns it.
    measure : str
        One of its columns.

    Returns
    -------
    pandas.DataFrame
        A row for each variant in the order of the page: ``mean``, ``low`` and ``high`` of the paired differences, 95%;
        ``chance``, of so large a mean if there were no difference, by Student's t; and ``doubt``, the same by Holm's rule
        over all variants. A variant of which no training with a partner was measured has NaN.
    """
    base = networks.xs(BASE, level="variant")[measure]
    rows = {}
    for variant in order(networks):
        if variant == BASE:
            continue
        moved = (networks.xs(variant, level="variant")[measure] - base).dropna()
        mean, low, high = interval(moved) if len(moved) else (np.nan, np.nan, np.nan)
        rows[variant] = {"mean": mean, "low": low, "high": high, "chance": _chance(moved)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high", "chance"])
    return table.assign(doubt=holm(table["chance"]))


def _chance(moved: pd.Series) -> float:
    if len(moved) < 2:
        return np.nan
    error = float(moved.std() / np.sqrt(len(moved)))
    if error == 0:
        return float(moved.mean() == 0)
    return float(2 * stats.t.sf(abs(moved.mean()) / error, len(moved) - 1))


def holm(chances: pd.Series) -> pd.Series:
    """Return probabilities of a false finding, adjusted for how many were looked at; NaN stays so and is not counted.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.units.components.effects import holm
    >>> holm(pd.Series([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    known = chances.dropna().sort_values()
    adjusted = (known * np.arange(len(known), 0, -1)).cummax().clip(upper=1)
    return adjusted.reindex(chances.index)


def order(networks: pd.DataFrame) -> list[str]:
    """Return the variants of a table in the order of the page."""
    there = set(networks.index.get_level_values("variant"))
    return [variant for variant in COMPONENTS if variant in there]


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Judge every expectation of a variant that was measured.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        By the place of the expectation: `mean`, `low`, `high` and `outcome`.
    """
    networks, rows = drawn(results), {}
    for place, expected in enumerate(EXPECTED):
        found = differences(networks, expected.measure)[["mean", "low", "high"]].dropna(subset="mean")
        if expected.variant in found.index:
            mean, low, high = (float(one) for one in found.loc[expected.variant].to_numpy())
            rows[place] = {"mean": mean, "low": low, "high": high, "outcome": outcome(expected.sign, low, high)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high", "outcome"])


def verdicts(results: pd.DataFrame) -> str:
    """Say what became of each expectation, as a Markdown list."""
    lines = [f"- {_said(place)} ({EXPECTED[place].said}): {_found(row)}." for place, row in _rows(judged(results))]
    return "\n".join(lines) or "- Nothing was compared in this run."


def not_reproduced(results: pd.DataFrame) -> str:
    """List the expectations that were not met, as Markdown."""
    rows = [(place, row) for place, row in _rows(judged(results)) if row["outcome"] != AS_EXPECTED]
    return "\n".join(f"- {_said(place)}: {_found(row)}." for place, row in rows) or "- Nothing: every one was as expected."


def _rows(table: pd.DataFrame) -> list[tuple[int, dict[str, float | str]]]:
    return list(zip(table.index.tolist(), table.to_dict("records"), strict=True))  # type: ignore[arg-type]


def _said(place: int) -> str:
    one = EXPECTED[place]
    name = COMPONENTS[one.variant].name
    return f"{name[0].upper()}{name[1:]}, {MEASURES[one.measure]}: {DIRECTIONS[one.sign]}"


def _found(row: dict[str, float | str]) -> str:
    mean, low, high = (float(row[name]) for name in ("mean", "low", "high"))
    return f"{spread(mean, low, high)} points, {row['outcome']}"


def moved(table: pd.DataFrame, sign: int, *, surely: bool) -> list[str]:
    """Return the variants of :func:`differences` that are higher or lower.

    Parameters
    ----------
    table : pandas.DataFrame
    sign : {-1, 1}
    surely : bool
        Whether beyond the doubt that so many looks leave, or by each one's own interval.
    """
    side = table["mean"] * sign > 0
    sure = table["doubt"].lt(LEVEL) if surely else (table["low"] > 0) | (table["high"] < 0)
    return [str(name) for name in table.index[side & sure]]


def listed(variants: Sequence[str], most: int = 5) -> str:
    """Name variants in a sentence.

    Examples
    --------
    >>> from stressbook.chapters.units.components.effects import listed
    >>> listed(["elu", "maxout", "lp"]), listed([]), listed(["elu", "lp", "adam"], most=2)
    ('ELU, maxout and Lp (p = 2)', 'none', 'ELU, Lp (p = 2) and 1 more')
    """
    names = [COMPONENTS[one].name for one in variants[:most]]
    if len(variants) > most:
        names.append(f"{len(variants) - most} more")
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "none"


def counted(results: pd.DataFrame) -> pd.DataFrame:
    """Count, for each measure, how many components change it up or down: beyond doubt, by their own interval, or not."""
    networks, rows = drawn(results), {}
    for measure, name in MEASURES.items():
        table = differences(networks, measure)
        counts = {word: len(moved(table, sign, surely=True)) for word, sign in (("surely higher", 1), ("surely lower", -1))}
        counts |= {word: len(moved(table, sign, surely=False)) for word, sign in (("higher", 1), ("lower", -1))}
        rows[name] = {**counts, "undecided": len(table) - counts["higher"] - counts["lower"]}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("measure")


def by_chance(results: pd.DataFrame) -> str:
    """Say how many intervals miss zero, and how many would if no component did anything."""
    networks = drawn(results)
    tables = [differences(networks, measure) for measure in MEASURES]
    looks = sum(int(table["low"].notna().sum()) for table in tables)
    if not looks:
        return "One training each has no interval: nothing can be told from this run."
    missing = sum(len(moved(table, sign, surely=False)) for table in tables for sign in (-1, 1))
    sure = sum(len(moved(table, sign, surely=True)) for table in tables for sign in (-1, 1))
    return (
        f"Of {looks} intervals {missing} miss zero, where {LEVEL * looks:.0f} would if no component did anything; {sure} do "
        "so beyond the doubt that so many looks leave."
    )


def free(results: pd.DataFrame, variants: Sequence[str]) -> list[str]:
    """Return those variants whose accuracy is not lower by more than a point, by their whole interval."""
    table = differences(drawn(results), ACCURACY)
    return [one for one in variants if table["low"].gt(-ACCEPTED)[one]]


def diverged(results: pd.DataFrame) -> str:
    """Say which trainings diverged, as a Markdown list; and which rates did when they were tried."""
    networks = drawn(results)
    lines = []
    for variant in order(networks):
        rows = networks.xs(variant, level="variant")["diverged"]
        if rows.any():
            lines.append(f"- {COMPONENTS[variant].name}: **{rows.sum()} of {len(rows)} trainings diverged**.")
    tries = tried(results)
    for name, row in tries[tries.isna().any(axis=1)].iterrows():
        lines.append(f"- {COMPONENTS[str(name)].name}: the training diverged at {row.isna().sum()} of the rates tried.")
    return "\n".join(lines) or "- No training diverged, at any rate."


def tried(results: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy of each variant's short trainings, in percent, by the place of the rate: low, middle and high."""
    rows = results[results["stress"].eq(RATE) & results["dataset"].eq(dataset_drawn(results))]
    places = rows.groupby("variant")["level"].rank().astype(int).map({1: "low", 2: "middle", 3: "high"})
    scores = rows["score"].where(rows["metric"].eq(ACCURACY))
    table = rows.assign(place=places, score=scores).set_index(["variant", "place"])["score"].unstack()  # noqa: PD010
    return table.loc[[one for one in COMPONENTS if one in table.index], ["low", "middle", "high"]]


def rates(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`tried` as the page shows it: by the names of components, to one decimal."""
    table = tried(results).round(1)
    return table.rename(index={one: COMPONENTS[str(one)].name for one in table.index}).rename_axis(
        index="component", columns="learning rate"
    )


def edges(results: pd.DataFrame) -> str:
    """Say how many variants do best at the lowest and at the highest rate that was tried."""
    best = tried(results).fillna(-1.0).idxmax(axis=1)
    ends = {word: int(best.eq(word).sum()) for word in ("low", "high")}
    return (
        f"Of {len(best)} components {ends['low']} did best at the lowest of three rates and {ends['high']} at the highest, "
        "where a rate beyond might have been better."
    )
