"""Choices: the stress that the index chooses, beside those that validation and the test score choose."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stressbook.chapters.beyond.separation.scores import PRIMARY, beside
from stresslib.evaluation.separation import INDICES

WITHIN = 1.0
"""Points that an index, or a validation score, may lose for a stress to be chosen."""

_WAYS = {**{name: name for name in INDICES}, "validation": "validation", "test": "score"}
"""Ways to choose, and the columns that they look at; by the test score nobody can."""


def choices(results: pd.DataFrame) -> pd.DataFrame:
    """Choose the stress of fewest bits that loses no more than a point: of an index, of the validation, of the test score.

    Returns
    -------
    pandas.DataFrame
        Indexed by feature set and way: `spec`, `bits`, and on test rows `score` and `lost`, the points below that without a
        stress. Of equal bits the one that is best by what was looked at.
    """
    rows = {}
    for name, part in beside(results).groupby("name", sort=False):
        full = part[part["spec"] == "none"].iloc[0]
        for way, column in _WAYS.items():
            fits = part[part[column] >= full[column] - WITHIN]
            found = fits.sort_values(["bits", column], ascending=[True, False], kind="stable").iloc[0]
            lost = full["score"] - found["score"]
            rows[name, way] = {"spec": found["spec"], "bits": found["bits"], "score": found["score"], "lost": lost}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["features", "chosen by"])


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`choices`, to two decimals."""
    table = choices(results).rename(columns={"score": "test score", "lost": "points lost"})
    return table.rename(index={"test": "test (nobody can)"}).round(2)


def in_words(results: pd.DataFrame) -> str:
    """Say what the choice by the index costs, against that by validation, as a Markdown list."""
    lines = []
    for name, rows in choices(results).groupby(level="features", sort=False):
        here: dict[Any, Any] = rows.droplevel("features").to_dict("index")
        index, held = here[PRIMARY], here["validation"]
        kept = "within" if index["lost"] <= WITHIN else "more than"
        line = (
            f"- {name}: {PRIMARY} chooses `{index['spec']}`, {index['bits']} bits, which loses {index['lost']:.2f} points "
        )
        line += f"of the test score, **{kept} the point**; validation chooses `{held['spec']}`, {held['bits']} bits, which "
        line += f"loses {held['lost']:.2f}{_compared(index['bits'] / held['bits'])}"
        lines.append(line)
    return "\n".join(lines)


def _compared(ratio: float) -> str:
    if ratio == 1:
        return ". Both cost the same."
    return f". The index pays {ratio:.2f} times the bits." if ratio > 1 else f". The index takes {ratio:.2f} times the bits."
