"""Alternatives: what each choice of ours changes, where the authors' own is not known.

From the table of `measure` to a table and sentences of the page.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stressbook.chapters.weights.evolution.effects import MAGNITUDE, NONE, SAMPLE, by_lineage, lineage_rows, name, part, wide
from stressbook.chapters.weights.evolution.names import ACCURACY, PRUNED_BY_LAYER, SYNAPSES, TUNING, UNITS, UNSCALED
from stressbook.drawing.outcomes import interval, spread


@dataclass(frozen=True)
class Choice:
    """One choice, and its alternative.

    Attributes
    ----------
    said : str
        The alternative, as a clause.
    way, than : str
        The alternative, and what is compared with it.
    at_equal_synapses : bool
        Whether the alternative has other numbers of synapses, so that what is compared with is interpolated at these.
    """

    said: str
    way: str
    than: str
    at_equal_synapses: bool = False


CHOICES = (
    Choice("the formula unscaled, in fewer and larger steps", f"{UNSCALED}/none", NONE, at_equal_synapses=True),
    Choice("whole units drawn first, no stress", f"{UNITS}/none", NONE),
    Choice("whole units drawn first, stress by sample", f"{UNITS}/sample", SAMPLE),
    Choice("offspring that start from fresh weights", f"{NONE}+fresh", NONE),
    Choice("training for long, no stress", f"{NONE}+long", NONE),
    Choice("training for long, stress by sample", f"{SAMPLE}+long", SAMPLE),
    Choice("stress by sample against none, both for long", f"{SAMPLE}+long", f"{NONE}+long"),
    Choice("the weakest synapses of each layer", f"{PRUNED_BY_LAYER}/none", MAGNITUDE),
)


def compared(results: pd.DataFrame) -> pd.DataFrame:
    """Compare each alternative with the choice, lineage by lineage.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each choice and data set: `place` of the choice, `dataset`, and of the differences after retraining, means
        over generations, `mean`, `low`, `high` and `count`. Right after a step likewise, as `born`, where it says anything.
    """
    rows = lineage_rows(results)
    generations = wide(rows[rows["seed"].ne(TUNING)], ["dataset", "way", "seed", "level"])
    found = []
    for place, choice in enumerate(CHOICES):
        for dataset in generations.index.unique("dataset"):
            of_data = part(generations, str(dataset))
            there = of_data.index.unique("way")
            if choice.way not in there or choice.than not in there:
                continue
            mine, theirs = part(of_data, choice.way), part(of_data, choice.than)
            if choice.at_equal_synapses:
                differences, born = at_equal_synapses(mine, theirs), np.nan
            else:
                both = [by_lineage(one) for one in (mine, theirs)]
                change = (both[0] - both[1]).dropna(subset="retrained")
                differences, born = change["retrained"], float(change["right_after"].mean())
            mean, low, high = interval(differences)
            at = {"place": place, "dataset": dataset, "mean": mean, "low": low, "high": high}
            found.append({**at, "count": len(differences), "born": np.nan if "fresh" in choice.way else born})
    return pd.DataFrame(found, columns=["place", "dataset", "mean", "low", "high", "count", "born"])


def at_equal_synapses(mine: pd.DataFrame, theirs: pd.DataFrame) -> pd.Series:
    """Return differences in accuracy, those of `theirs` interpolated between generations, in logarithms of the synapses.

    Parameters
    ----------
    mine, theirs : pandas.DataFrame
        Indexed by `seed` and `level`, with the columns of :func:`~stressbook.chapters.weights.evolution.effects.wide`.

    Returns
    -------
    pandas.Series
        A mean over the generations of `mine` for each seed that both have. Generations with fewer synapses than the last of
        `theirs` are left out.
    """
    found = {}
    for seed in mine.index.unique("seed").intersection(theirs.index.unique("seed")):
        known, wanted = theirs.loc[seed].sort_values(SYNAPSES), mine.loc[seed]
        wanted = wanted[(wanted.index > 0) & (wanted[SYNAPSES] >= known[SYNAPSES].iloc[0])]
        between = np.interp(np.log(wanted[SYNAPSES]), np.log(known[SYNAPSES]), known[ACCURACY])
        found[seed] = float((wanted[ACCURACY] - between).mean())
    return pd.Series(found, dtype=float)


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return the differences as the page shows them: points, with the interval over lineages."""
    rows = compared(results)
    index = pd.MultiIndex.from_tuples(
        [(CHOICES[place].said, name(dataset)) for place, dataset in zip(rows["place"], rows["dataset"], strict=True)],
        names=["instead", "data"],
    )
    said = [
        spread(row["mean"], row["low"], row["high"]).replace("one training each", "one lineage each")
        for row in rows.to_dict("records")
    ]
    born = ["–" if np.isnan(value) else f"{value:+.1f}" for value in rows["born"]]
    return pd.DataFrame({"after retraining": said, "right after": born}, index=index)


def verdicts(results: pd.DataFrame) -> str:
    """Say which choices matter, as a sentence: those whose whole interval lies on one side of zero."""
    rows = compared(results)
    if rows.empty:
        return "No alternative was measured."
    lines = []
    for side, said in (("better", rows["low"] > 0), ("worse", rows["high"] < 0)):
        listed = [f"{CHOICES[row['place']].said} ({name(row['dataset'])})" for row in rows[said].to_dict("records")]
        if listed:
            lines.append(f"**{side.capitalize()} after retraining**: {'; '.join(listed)}.")
    undecided = int((~(rows["low"] > 0) & ~(rows["high"] < 0)).sum())
    lines.append(f"Undecided: {undecided} of {len(rows)} comparisons.")
    return " ".join(lines)
